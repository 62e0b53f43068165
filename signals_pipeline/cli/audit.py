"""`signals audit`: whether a window's results depend on anything that was not known at its end.

The audit itself is `defs.look_ahead_audit`; here are the windows, their knobs and the lines that are printed.
"""

from collections.abc import Iterator

import dagster as dg

from signals_pipeline.core.checks.look_ahead import Trace
from signals_pipeline.core.tables import STAGES
from signals_pipeline.core.windows import Window, window_for_key
from signals_pipeline.definitions import build_resources
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline.defs.look_ahead_audit import Leak, audit, stored_trace
from signals_pipeline.defs.resources import open_store, scorer_for
from signals_pipeline.defs.stage_replay import PipelineResources
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import Knobs


def audit_windows(settings: Settings, keys: tuple[str, ...]) -> Iterator[tuple[Window, tuple[Leak, ...]]]:
    """Audit windows one after the other, each with the knobs of its run.

    Args:
        settings: The deployment.
        keys: Keys of the windows.

    Yields:
        A window and its comparisons.

    Raises:
        WindowError: a key is not a window's.
        DatabaseError: the database is not at this code's revision.
    """
    windows = [window_for_key(key) for key in keys]
    resources = build_resources(settings)
    # Only what the stages read; mailing and rendering are not part of the audit.
    needed = {name: resources[name] for name in ("news", "prices", "earnings", "market", "store")}
    with dg.build_resources(needed) as built:
        store = open_store(settings.database_url)
        for window in windows:
            # A window that was never run has no stored knobs and no stored frames to compare with.
            run = store.history.run(window)
            knobs = settings.knobs if run is None else Knobs.checked(**run.knobs)
            scorer = scorer_for(knobs, settings.models_dir, store.scores)
            parts = PipelineResources(
                knobs, built.news, built.prices, built.market, store, scorer, earnings=built.earnings
            )
            stored = None if run is None else _stored_trace(settings, window, parts)
            yield window, audit(window, parts, stored)


def line(comparison: Leak) -> str:
    """One comparison as a line."""
    if comparison.difference is None:
        return f"  same       {comparison.name}"
    return f"  DIFFERENT  {comparison.name}: {comparison.difference.text}"


def _stored_trace(settings: Settings, window: Window, parts: PipelineResources) -> Trace:
    """What the stages of a window's run have stored."""
    frames = WindowFrames(base=settings.frames_url)
    stages = {name: frames.read(table, window.key) for name, table in STAGES.items()}
    return stored_trace(window, parts.store, stages)
