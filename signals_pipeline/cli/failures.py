"""Which failures the pipeline foresaw, and the line each tells."""

from collections.abc import Iterator

import dagster as dg

from signals_pipeline.adapters.calendar import CalendarError
from signals_pipeline.adapters.database import DatabaseError
from signals_pipeline.adapters.model import ModelError
from signals_pipeline.adapters.watchlist import WatchlistError
from signals_pipeline.core.coverage import CoverageError
from signals_pipeline.core.digest import DigestError
from signals_pipeline.core.feeds import SourceError
from signals_pipeline.core.tables import SchemaError
from signals_pipeline.core.technicals import BarsError
from signals_pipeline.core.windows import WindowError
from signals_pipeline.settings import SettingsError

FORESEEN = (
    BarsError,
    CalendarError,
    CoverageError,
    DatabaseError,
    DigestError,
    ModelError,
    SchemaError,
    SettingsError,
    SourceError,
    WatchlistError,
    WindowError,
)


def told(error: BaseException) -> str | None:
    """The message of the first foreseen failure among an error and what caused it; None where it was not foreseen."""
    for cause in _causes(error):
        if isinstance(cause, FORESEEN):
            return str(cause)
        if isinstance(cause, dg.Failure) and cause.description:
            return cause.description
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    seen: set[int] = set()
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
