"""Which failures the pipeline foresaw, and the line each tells.

They are listed by name: who raises one has imported it, and telling a failure must not import the rest of the pipeline.
"""

import errno
import sys
from collections.abc import Iterator

FORESEEN = (
    "signals_pipeline.adapters.aws.files.DeployFilesError",
    "signals_pipeline.adapters.aws.stack.DeployError",
    "signals_pipeline.adapters.prices.calendar.CalendarError",
    "signals_pipeline.adapters.stores.engine.DatabaseError",
    "signals_pipeline.adapters.mail.smtp.SmtpConfigError",
    "signals_pipeline.adapters.model.folder.ModelError",
    "signals_pipeline.adapters.stores.outbox.OutboxError",
    "signals_pipeline.adapters.stores.tried_settings.TriedError",
    "signals_pipeline.adapters.watchlist.WatchlistError",
    "signals_pipeline.cli.backfill.LaunchError",
    "signals_pipeline.core.prices.adjustment.AdjustmentError",
    "signals_pipeline.core.costs.CostError",
    "signals_pipeline.core.news.coverage.CoverageError",
    "signals_pipeline.core.digest.model.DigestError",
    "signals_pipeline.core.news.feeds.SourceError",
    "signals_pipeline.core.digest.links.LinkKeyError",
    "signals_pipeline.core.tables.SchemaError",
    "signals_pipeline.core.prices.technicals.BarsError",
    "signals_pipeline.core.windows.WindowError",
    "signals_pipeline.settings.strategy.SettingsError",
)
"""Exception classes; their subclasses are foreseen, too."""
# What the operator's machine refuses; any other OSError is a fault of ours and keeps its traceback.
REFUSALS = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR, errno.EEXIST}


def user_message(error: BaseException) -> str | None:
    """The message of the first foreseen failure among an error and what caused it; None where it was not foreseen."""
    for cause in _causes(error):
        if any(f"{kind.__module__}.{kind.__qualname__}" in FORESEEN for kind in type(cause).__mro__):
            return str(cause)
        if _is_dagster(cause, "Failure") and (description := getattr(cause, "description", None)):
            return str(description)
        if isinstance(cause, OSError) and cause.errno in REFUSALS:
            return f"{cause.filename}: {cause.strerror}; make room there, or choose another folder"
    return None


def interrupted(error: BaseException) -> bool:
    """Whether the user stopped the command, in our code or inside a Dagster run."""
    return any(
        isinstance(cause, KeyboardInterrupt) or _is_dagster(cause, "DagsterExecutionInterruptedError")
        for cause in _causes(error)
    )


def _is_dagster(error: BaseException, name: str) -> bool:
    """Whether it is of Dagster's class of this name, which nobody raises who has not imported Dagster."""
    kind = getattr(sys.modules.get("dagster"), name, None)
    return isinstance(kind, type) and isinstance(error, kind)


def _causes(error: BaseException) -> Iterator[BaseException]:
    current: BaseException | None = error
    seen: set[int] = set()
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or current.__context__
