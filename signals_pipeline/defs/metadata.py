"""What an operator sees of a frame in the Dagster UI: schema, row counts a window, a preview."""

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg
import pandas as pd

from signals_pipeline.core.tables import Table
from signals_pipeline.core.windows import Window

PREVIEW_ROWS = 12
PREVIEW_WIDTH = 70


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


def preview(frame: pd.DataFrame, columns: Sequence[str]) -> dg.MarkdownMetadataValue:
    """The last rows of a frame as a Markdown table, long text cut, floats to three decimals."""
    cut = frame.loc[:, list(columns)].tail(PREVIEW_ROWS)
    return dg.MetadataValue.md(markdown_table(cut.columns, cut.itertuples(index=False)))


def markdown_table(header: Sequence[str] | pd.Index, rows: Any) -> str:  # noqa: ANN401
    """A Markdown table; a cell's bars and line breaks can't break it."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: object) -> str:
    if isinstance(value, float):
        return "" if pd.isna(value) else f"{value:.3f}"
    if isinstance(value, pd.Timestamp):
        return f"{value:%Y-%m-%d %H:%M}"
    text = " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;")
    return text if len(text) <= PREVIEW_WIDTH else text[: PREVIEW_WIDTH - 1] + "…"


def count_rows(context: dg.AssetExecutionContext, frame: pd.DataFrame, windows: Sequence[Window]) -> None:
    """Attach each window's row count to its own materialisation; Dagster plots them over the windows."""
    counts: Mapping[Any, int] = frame.groupby("window_start").size().to_dict() if len(frame) else {}
    for window in windows:
        rows = int(counts.get(pd.Timestamp(window.start), 0))
        context.add_asset_metadata({"dagster/partition_row_count": rows}, partition_key=window.key)
