"""`signals audit`: does a window look at anything that was not known at its end?"""

from collections.abc import Iterator

import dagster as dg

from signals_pipeline.core.checks.look_ahead import Trace
from signals_pipeline.core.tables import STAGES
from signals_pipeline.core.windows import Window, window_for_key
from signals_pipeline.definitions import build_resources
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline.defs.look_ahead_audit import Leak, audit, stored_trace
from signals_pipeline.defs.resources import open_store, scorer_for
from signals_pipeline.defs.stage_replay import Parts
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import Knobs


def findings(settings: Settings, keys: tuple[str, ...]) -> Iterator[tuple[Window, tuple[Leak, ...]]]:
    """Audit windows one after the other, each with the knobs that it was run with.

    Raises:
        WindowError: a key is no window.
        DatabaseError: the database is not at this code's revision.
    """
    windows = [window_for_key(key) for key in keys]
    resources = build_resources(settings)
    wanted = {name: resources[name] for name in ("news", "prices", "market", "store")}
    with dg.build_resources(wanted) as built:
        store = open_store(settings.database_url)
        for window in windows:
            run = store.history.run(window)
            knobs = settings.knobs if run is None else Knobs.checked(**run.knobs)
            scorer = scorer_for(knobs, settings.models_dir, store.scores)
            parts = Parts(knobs, built.news, built.prices, built.market, store, scorer)
            yield window, audit(window, parts, None if run is None else _kept(settings, window, parts))


def line(finding: Leak) -> str:
    """One comparison in words."""
    if finding.difference is None:
        return f"  same       {finding.name}"
    return f"  DIFFERENT  {finding.name}: {finding.difference.text}"


def _kept(settings: Settings, window: Window, parts: Parts) -> Trace:
    frames = WindowFrames(base=settings.frames_url)
    return stored_trace(window, parts.store, {name: frames.read(table, window.key) for name, table in STAGES.items()})
