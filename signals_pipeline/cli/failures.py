"""Which failures the pipeline foresaw, and the line each tells."""

import errno
from collections.abc import Iterator

import dagster as dg

from signals_pipeline.adapters.aws.files import DeployFilesError
from signals_pipeline.adapters.aws.stack import DeployError
from signals_pipeline.adapters.calendar import CalendarError
from signals_pipeline.adapters.database import DatabaseError
from signals_pipeline.adapters.mail.smtp import SmtpConfigError
from signals_pipeline.adapters.model import ModelError
from signals_pipeline.adapters.outbox import OutboxError
from signals_pipeline.adapters.tried_settings import TriedError
from signals_pipeline.adapters.watchlist import WatchlistError
from signals_pipeline.cli.backfilling import LaunchError
from signals_pipeline.core.adjustment import AdjustmentError
from signals_pipeline.core.costs import CostError
from signals_pipeline.core.coverage import CoverageError
from signals_pipeline.core.digest import DigestError
from signals_pipeline.core.feeds import SourceError
from signals_pipeline.core.links import LinkKeyError
from signals_pipeline.core.tables import SchemaError
from signals_pipeline.core.technicals import BarsError
from signals_pipeline.core.windows import WindowError
from signals_pipeline.settings import SettingsError

FORESEEN = (
    AdjustmentError,
    BarsError,
    CalendarError,
    CostError,
    CoverageError,
    DatabaseError,
    DeployError,
    DeployFilesError,
    DigestError,
    LaunchError,
    LinkKeyError,
    ModelError,
    OutboxError,
    SchemaError,
    SettingsError,
    SmtpConfigError,
    SourceError,
    TriedError,
    WatchlistError,
    WindowError,
)
# What the operator's machine refuses; any other OSError is a fault of ours and keeps its traceback.
REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST}


def told(error: BaseException) -> str | None:
    """The message of the first foreseen failure among an error and what caused it; None where it was not foreseen."""
    for cause in _causes(error):
        if isinstance(cause, FORESEEN):
            return str(cause)
        if isinstance(cause, dg.Failure) and cause.description:
            return cause.description
        if isinstance(cause, OSError) and cause.errno in REFUSALS:
            return f"{cause.filename}: {cause.strerror}; make room there, or choose another folder"
    return None


def interrupted(error: BaseException) -> bool:
    """Whether the user stopped the command, in our code or inside a Dagster run."""
    return any(isinstance(cause, KeyboardInterrupt | dg.DagsterExecutionInterruptedError) for cause in _causes(error))


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    seen: set[int] = set()
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
