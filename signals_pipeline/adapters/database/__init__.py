"""The pipeline's own database: tables, instants, engines and transactions; the adapters' one common ground."""

from signals_pipeline.adapters.database.engine import (
    DatabaseError,
    engine_for,
    migrating,
    name_of,
    reading,
    writing,
)
from signals_pipeline.adapters.database.instants import NaiveDatetimeError, UtcDateTime
from signals_pipeline.adapters.database.tables import (
    Mode,
    coverage,
    digest,
    headline_score,
    metadata,
    signal_candidate,
    signal_history,
    signal_outcome,
    source_call,
    window_run,
)

__all__ = [
    "DatabaseError",
    "Mode",
    "NaiveDatetimeError",
    "UtcDateTime",
    "coverage",
    "digest",
    "engine_for",
    "headline_score",
    "metadata",
    "migrating",
    "name_of",
    "reading",
    "signal_candidate",
    "signal_history",
    "signal_outcome",
    "source_call",
    "window_run",
    "writing",
]
