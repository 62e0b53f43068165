"""What every test shares: a bare environment, and a demo pipeline of its own where one is asked for."""

import gc
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings as hypothesis_settings

from signals_pipeline_tests.support.databases import database_url, empty_url, engine, store

# A pure test of core takes a second or two: Dagster, SQLAlchemy and the settings are imported by the fixtures below
# that need them, not here.
if TYPE_CHECKING:
    from signals_pipeline_tests.support.pipeline import TestPipeline

__all__ = ["database_url", "empty_url", "engine", "store"]

# A deadline would make a slow machine fail a test; timing belongs in benchmarks.
hypothesis_settings.register_profile("steady", deadline=None, print_blob=True)
hypothesis_settings.load_profile("steady")

# A shell starts its background jobs with interrupts ignored; processes inherit that, and Dagster's treat SIGTERM as an
# interrupt: whoever ends one would wait for ever.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
# `nohup` ignores the end of the terminal; tests send it to their processes, which would inherit that.
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


PACKAGE = Path(__file__).parent
# Files of few and long tests come first, so that no process is left with one of them at the end.
LONG = ("operation", "test_point_in_time.py", "test_pipeline.py", "browser", "faults", "deploy", "defs", "cli")
# Whole runs, whose code the tests of their parts run as well: tracing makes them take 1.4 times as long.
UNTRACED = ("operation", "faults", "browser", "test_pipeline.py", "test_point_in_time.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put long files first, and leave whole runs untraced; what runs on both databases is traced on SQLite."""
    part_of = {item.path: item.path.relative_to(PACKAGE).parts[0] for item in items}
    items.sort(key=lambda item: LONG.index(part_of[item.path]) if part_of[item.path] in LONG else len(LONG))
    for item in items:
        if part_of[item.path] in UNTRACED or "postgresql" in item.name:
            item.add_marker(pytest.mark.no_cover)


def pytest_collection_finish() -> None:
    """Spare the collector the modules and tests that stay until the end, and let it look less often.

    They are hundreds of thousands of objects, and Python looks for garbage after every 700 new ones: 6% of the CPU
    seconds of the tests of `core/digest` and `core/signals`.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@pytest.fixture(autouse=True)
def _bare_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """No variable and no .env of the machine reaches a test; core reads neither."""
    if request.path.is_relative_to(PACKAGE / "core"):
        return

    from signals_pipeline.settings import Settings

    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setitem(Settings.model_config, "env_file", None)


@pytest.fixture
def pipeline(database_url: str, tmp_path: Path) -> "Iterator[TestPipeline]":
    """A demo pipeline with an empty database, on either store, and an empty Dagster instance."""
    from signals_pipeline_tests.support.pipeline import TestPipeline

    with TestPipeline.open(tmp_path, signals_database_url=database_url) as opened:
        yield opened
