"""Metadata that the Dagster UI shows: columns, and for each window its counts, a preview, its funnel and coverage.

Dagster plots numbers over the windows, so a number is always attached to its own window; what describes a whole run is
text or JSON. An entry of a run over many windows would be shown at each of them. Pictures are in `figures`.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import sqlalchemy as sa

from signals_pipeline.adapters.progress import counted
from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.tables import OUTCOMES, SCORES, ColumnArrays, RowsByWindow, Table
from signals_pipeline.core.windows import Window

PREVIEW_ROWS = 12  # rows of a table: as many as fit on a screen beside the other entries
PREVIEW_WIDTH = 70  # characters of a cell
PREVIEW_LINES = 120  # lines of a mail

_FRAME_COLUMNS = {column.name: column.meaning for table in (SCORES, OUTCOMES) for column in table.columns}
_SQL_COLUMNS = {
    "id": "Row number",
    "window_end": "End of the digest window: the as-of instant",
    "source": "Generator of the signal: news_driven_ml or technical",
    "model": "Sentiment model with its arithmetic and revision",
    "mode": "Mode of the window's run: live, catch_up, backfill or manual",
    "expires_at": "End of the signal's activity",
    "created_at": "Time at which the row was written",
    "kind": "full, quiet, degraded or failed",
    "subject": "Subject line of the e-mail",
    "content": "The digest as JSON; HTML and text are rendered from it",
    "sha256": "SHA-256 of the content",
    "released": "Whether an operator has released it, whatever its age and the digest's mode",
    "recipient": "Address of the recipient",
    "state": "pending, sending, sent, failed or unknown",
    "attempts": "Number of attempts so far",
    "message_id": "Message-ID of the mail, the same at every attempt",
    "detail": "Reason of the failure, in a mail that reports one",
    "provider_id": "Id that the server assigned to the mail",
    "last_error": "Error of the last attempt",
    "next_attempt_at": "Earliest time of the next attempt",
    "reason": "Why the mail is in its state",
    "cleared_at": "When the checks of the window let it go",
    "notified_at": "When an operator was last told that it waits",
    "edition": "What of the digest the mail shows, as JSON; empty for all of it",
    "claimed_at": "Time at which a process claimed it for sending",
    "sent_at": "Time at which the server accepted it",
    "updated_at": "Time of the last change of its state",
    "day": "Day of the report; empty where the source no longer listed a date",
    "report_time": "before_open, after_close or unknown",
    "estimated": "Whether the source calls the day an estimate",
    "first_seen_at": "When it was first seen: it counts for the windows that end after it",
}


def table_schema(table: Table) -> dict[str, Any]:
    """Definition metadata of a frame: its columns with dtype, unit and meaning, what a row is, and the key."""
    columns = [
        dg.TableColumn(
            name=column.name,
            type=column.dtype,
            description=f"{column.meaning} [{column.unit}]",
            constraints=dg.TableColumnConstraints(nullable=column.nullable),
        )
        for column in table.columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=columns), "row": table.row, "key": ", ".join(table.key)}


def sql_schema(table: sa.Table) -> dict[str, Any]:
    """Definition metadata of a database table: its name and its columns with type and meaning.

    Raises:
        KeyError: a column is described neither in this module nor in `core.tables`.
    """
    descriptions = _FRAME_COLUMNS | _SQL_COLUMNS
    columns = [
        dg.TableColumn(
            name=column.name,
            type=type(column.type).__name__,
            description=descriptions[column.name],
            constraints=dg.TableColumnConstraints(nullable=bool(column.nullable)),
        )
        for column in table.columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=columns), "dagster/table_name": table.name}


def describe_windows(
    context: dg.AssetExecutionContext,
    frame: pd.DataFrame,
    windows: Sequence[Window],
    describe: Callable[[ColumnArrays], Mapping[str, Any]],
) -> None:
    """Attach to each window's own materialisation its row count and the entries that `describe` makes of its rows.

    Args:
        context: The run's context.
        frame: Rows of all the run's windows, with `window_start`.
        windows: The run's windows; one without rows counts zero.
        describe: Makes entries from the columns of one window, which may have no rows.
    """
    by_window = RowsByWindow(frame)
    entries: dict[str, Mapping[str, Any]] = {}
    for window in counted(windows):
        rows = by_window.columns(window.start)
        entries[window.key] = {"dagster/partition_row_count": len(rows["window_start"]), **describe(rows)}
    attach(context, entries)


def attach(context: dg.AssetExecutionContext, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Attach entries to windows' own materialisations, by key.

    Dagster's `add_asset_metadata` works out the partitions of the run at each call: a millisecond, five thousand times
    in a year. This adds the entries of all windows to the step at once.

    Raises:
        ValueError: a key is none of the run's windows.
    """
    if not isinstance(context, dg.AssetExecutionContext):
        # A replay outside a run: see `stage_replay`.
        for key, window_entries in entries.items():
            context.add_asset_metadata(window_entries, partition_key=key)
        return

    stray = entries.keys() - {*context.partition_keys}
    if stray:
        raise ValueError(f"windows that are not in the run: {', '.join(sorted(stray))}")
    step = context.get_step_execution_context()
    metadata = step._metadata_accumulator  # noqa: SLF001 - dagster's version is pinned exactly
    for key, window_entries in entries.items():
        metadata = metadata.with_additional_asset_metadata(
            asset_key=context.asset_key, partition_key=key, metadata=window_entries
        )
    step._metadata_accumulator = metadata  # noqa: SLF001


def describe_run(context: dg.AssetExecutionContext, windows: Sequence[Window], entries: Mapping[str, Any]) -> None:
    """Attach entries about the whole run to its newest window alone; at every window they would count many times."""
    context.add_asset_metadata(dict(entries), partition_key=windows[-1].key)


def coverage_entries(entry: Coverage) -> dict[str, Any]:
    """A window's ledger entry: the line that readers see, without the model, and its numbers."""
    entries: dict[str, Any] = {
        "coverage": entry.line("").removesuffix("; model "),
        "coverage/status": entry.status,
        "coverage/gap_minutes": entry.gap_minutes,
        "coverage/headlines": entry.headlines,
        "coverage/stories": entry.stories,
        "coverage/symbols": entry.symbols,
        "coverage/accounts": entry.accounts(),
    }
    if entry.newest_age is not None:
        entries["coverage/newest_age_minutes"] = round(entry.newest_age / timedelta(minutes=1), 1)
    return entries


def funnel_entries(funnel: Mapping[str, int]) -> dict[str, Any]:
    """A window's funnel as a Markdown table in the order of the gates, and each count as a number to plot."""
    rows = [(gate.replace("_", " "), count) for gate, count in funnel.items()]
    table = markdown_table(["gate", "left"], rows)
    entries: dict[str, Any] = {"funnel": dg.MetadataValue.md(table)}
    for gate, count in funnel.items():
        entries[f"funnel/{gate}"] = count
    return entries


def preview(frame: pd.DataFrame, columns: Sequence[str]) -> dg.MarkdownMetadataValue:
    """The last rows of a frame as a Markdown table, long text cut, floats with three decimals."""
    rows = frame.tail(PREVIEW_ROWS)
    values = [rows[name].tolist() for name in columns]
    return dg.MetadataValue.md(markdown_table(columns, zip(*values, strict=True)))


def leading_rows(rows: ColumnArrays, by: str, names: Sequence[str]) -> dg.MarkdownMetadataValue:
    """The rows with the largest absolute values of a column, or its newest instants, as a table like `preview`."""
    values = rows[by]
    is_instant = values.dtype.kind == "M"
    size = values.astype("int64") if is_instant else np.abs(values)
    order = np.argsort(-size, kind="stable")[:PREVIEW_ROWS]
    columns = [rows[name][order].tolist() for name in names]
    return dg.MetadataValue.md(markdown_table(names, zip(*columns, strict=True)))


def text_preview(text: str) -> dg.MarkdownMetadataValue:
    """The first lines of plain text as a code block; a fence within it can't end the block."""
    lines = text.replace("```", "'''").splitlines()
    shown = lines[:PREVIEW_LINES]
    if len(lines) > PREVIEW_LINES:
        shown.append("…")
    return dg.MetadataValue.md("\n".join(["```text", *shown, "```"]))


def markdown_table(header: Sequence[str] | pd.Index, rows: Any) -> str:  # noqa: ANN401
    """A Markdown table, or `none` without rows; bars and line breaks within a cell can't break it."""
    lines = [_line(_cell(value) for value in row) for row in rows]
    if not lines:
        return "none"
    return "\n".join([_line(header), "|" + " --- |" * len(header), *lines])


def _line(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.3f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    text = " ".join(str(value).split())
    if len(text) > PREVIEW_WIDTH:
        text = text[: PREVIEW_WIDTH - 1] + "…"
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
