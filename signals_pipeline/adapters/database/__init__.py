"""The pipeline's own database: tables, instants, engines and transactions; the adapters' one common ground."""

from signals_pipeline.adapters.database.columns import Mode, metadata
from signals_pipeline.adapters.database.delivery_tables import delivery, feedback, suppression
from signals_pipeline.adapters.database.engine import (
    DatabaseError,
    engine_for,
    migrating,
    name_of,
    reading,
    writing,
)
from signals_pipeline.adapters.database.instants import NaiveDatetimeError, UtcDateTime
from signals_pipeline.adapters.database.source_tables import (
    bar_reach,
    collection,
    corporate_action,
    daily_bar,
    headline_item,
    source_call,
    source_state,
)
from signals_pipeline.adapters.database.tables import (
    coverage,
    digest,
    headline_score,
    signal_candidate,
    signal_history,
    signal_outcome,
    window_run,
)

__all__ = [
    "DatabaseError",
    "Mode",
    "NaiveDatetimeError",
    "UtcDateTime",
    "bar_reach",
    "collection",
    "corporate_action",
    "coverage",
    "daily_bar",
    "delivery",
    "digest",
    "engine_for",
    "feedback",
    "headline_item",
    "headline_score",
    "metadata",
    "migrating",
    "name_of",
    "reading",
    "signal_candidate",
    "signal_history",
    "signal_outcome",
    "source_call",
    "source_state",
    "suppression",
    "window_run",
    "writing",
]
