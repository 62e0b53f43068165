"""What an operator sees in the Dagster UI: columns, and for each window its counts, a preview, its funnel and coverage.

Dagster plots numbers over the windows, so a number is always attached to its own window; what belongs to a whole run is
text or JSON. An entry of a run over many windows would stand beside every one of them.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import dagster as dg
import numpy as np
import pandas as pd
import sqlalchemy as sa

from signals_pipeline.adapters.progress import counted
from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.tables import OUTCOMES, SCORES, ByWindow, Columns, Table
from signals_pipeline.core.windows import Window

PREVIEW_ROWS = 12
PREVIEW_WIDTH = 70
PREVIEW_LINES = 120

_SQL_MEANINGS = {column.name: column.meaning for table in (SCORES, OUTCOMES) for column in table.columns} | {
    "id": "Number of the row",
    "window_end": "End of the digest window: the as-of instant",
    "source": "What made it: news_driven_ml or technical",
    "model": "Sentiment model, its arithmetic and revision",
    "mode": "What the run was: live, catch_up, backfill or manual",
    "expires_at": "Until when the signal is active",
    "created_at": "When the row was written",
    "kind": "full, quiet, degraded or failed",
    "subject": "Subject line of the e-mail",
    "content": "The digest as JSON; HTML and text are rendered from it",
    "sha256": "Of content",
    "released": "An operator lets it go whatever its age and the digest's mode",
    "recipient": "Address that it goes to",
    "state": "pending, sending, sent, failed or unknown",
    "attempts": "Tries so far",
    "message_id": "Message-ID of the mail, the same at every try",
    "detail": "Why there is no digest, in a mail that says so",
    "provider_id": "Name that the server gave the mail",
    "last_error": "What was wrong at the last try",
    "next_attempt_at": "From when it may be tried",
    "claimed_at": "When a process took it to hand it over",
    "sent_at": "When the server took it",
    "updated_at": "When its state last changed",
}


def table_schema(table: Table) -> dict[str, Any]:
    """Definition metadata: the stage's columns with dtype, unit and meaning, and what one row is."""
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
    """Definition metadata: the database table's name and its columns with type and meaning.

    Raises:
        KeyError: a column has no meaning in this module or in `core.tables`.
    """
    columns = [
        dg.TableColumn(
            name=column.name,
            type=type(column.type).__name__,
            description=_SQL_MEANINGS[column.name],
            constraints=dg.TableColumnConstraints(nullable=bool(column.nullable)),
        )
        for column in table.columns
    ]
    return {"dagster/column_schema": dg.TableSchema(columns=columns), "dagster/table_name": table.name}


def describe_windows(
    context: dg.AssetExecutionContext,
    frame: pd.DataFrame,
    windows: Sequence[Window],
    describe: Callable[[Columns], Mapping[str, Any]],
) -> None:
    """Attach to each window's own materialisation its row count and what `describe` says of its rows.

    Args:
        context: The run's context.
        frame: Rows of all the run's windows, with `window_start`.
        windows: The run's windows; one without rows counts zero.
        describe: Gives further entries from the columns of one window's rows, which may be none.
    """
    rows_of, entries = ByWindow(frame), dict[str, Mapping[str, Any]]()
    for window in counted(windows):
        rows = rows_of.columns(window.start)
        entries[window.key] = {"dagster/partition_row_count": len(rows["window_start"]), **describe(rows)}
    attach(context, entries)


def attach(context: dg.AssetExecutionContext, entries: Mapping[str, Mapping[str, Any]]) -> None:
    """Attach entries to windows' own materialisations, by key.

    Dagster works out the partitions of the run anew at each call of `add_asset_metadata`: a millisecond, five thousand
    times in a year. Here its step takes what belongs to many windows at once.
    """
    if not isinstance(context, dg.AssetExecutionContext):  # a replay
        for key, own in entries.items():
            context.add_asset_metadata(own, partition_key=key)
        return
    step, asset = context.get_step_execution_context(), context.asset_key
    stray = entries.keys() - {*context.partition_keys}
    if stray:
        raise ValueError(f"windows that the run is not over: {', '.join(sorted(stray))}")
    told_before = step._metadata_accumulator  # noqa: SLF001 - the exact pin of dagster is what answers it
    for key, own in entries.items():
        told_before = told_before.with_additional_asset_metadata(asset_key=asset, partition_key=key, metadata=own)
    step._metadata_accumulator = told_before  # noqa: SLF001


def describe_run(context: dg.AssetExecutionContext, windows: Sequence[Window], entries: Mapping[str, Any]) -> None:
    """Attach what holds for the whole run to its newest window alone: beside every window it would count many times."""
    context.add_asset_metadata(dict(entries), partition_key=windows[-1].key)


def coverage_entries(entry: Coverage) -> dict[str, Any]:
    """A window's ledger entry: the line that readers see (the model is the sentiment stage's), and its numbers."""
    return {
        "coverage": entry.line("").removesuffix("; model "),
        "coverage/status": entry.status,
        "coverage/gap_minutes": entry.gap_minutes,
        "coverage/headlines": entry.headlines,
        "coverage/stories": entry.stories,
        "coverage/symbols": entry.symbols,
    }


def funnel_entries(funnel: Mapping[str, int]) -> dict[str, Any]:
    """A window's funnel as a Markdown table in the order of the gates, and each count as a number to plot."""
    table = markdown_table(["gate", "left"], [(name.replace("_", " "), count) for name, count in funnel.items()])
    return {"funnel": dg.MetadataValue.md(table)} | {f"funnel/{name}": count for name, count in funnel.items()}


def preview(frame: pd.DataFrame, columns: Sequence[str]) -> dg.MarkdownMetadataValue:
    """The last rows of a frame as a Markdown table, long text cut, floats to three decimals."""
    return _table(frame.tail(PREVIEW_ROWS), columns)


def leading_rows(rows: Columns, by: str, names: Sequence[str]) -> dg.MarkdownMetadataValue:
    """The rows with the largest absolute (of instants: the newest) values of a column, largest first, as `preview`."""
    values = rows[by]
    size = values.astype("int64") if values.dtype.kind == "M" else np.abs(values)
    chosen = np.argsort(-size, kind="stable")[:PREVIEW_ROWS]
    shown = (rows[name][chosen].tolist() for name in names)
    return dg.MetadataValue.md(markdown_table(names, zip(*shown, strict=True)))


def _table(rows: pd.DataFrame, columns: Sequence[str]) -> dg.MarkdownMetadataValue:
    values = [rows[name].tolist() for name in columns]
    return dg.MetadataValue.md(markdown_table(columns, zip(*values, strict=True)))


def text_preview(text: str) -> dg.MarkdownMetadataValue:
    """Plain text as it stands, its first lines; a fence within it can't end the block."""
    lines = text.replace("```", "'''").splitlines()
    cut = ["…"] if len(lines) > PREVIEW_LINES else []
    return dg.MetadataValue.md("\n".join(["```text", *lines[:PREVIEW_LINES], *cut, "```"]))


def markdown_table(header: Sequence[str] | pd.Index, rows: Any) -> str:  # noqa: ANN401
    """A Markdown table, or `none` without rows; a cell's bars and line breaks can't break it."""
    lines = ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    head = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join(head + lines) if lines else "none"


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.3f}"
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M}"
    text = " ".join(str(value).split())
    cut = text if len(text) <= PREVIEW_WIDTH else text[: PREVIEW_WIDTH - 1] + "…"
    return cut.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;")
