"""One window in this process; the sample's range as one run against one run a window; the same rows either way."""

import statistics
import tempfile
import time
from pathlib import Path

import dagster as dg

from benchmarks.results import file_section, table
from signals_pipeline import sample
from signals_pipeline.adapters.stores.migrations import upgrade
from signals_pipeline.cli.runs import windows_in_range
from signals_pipeline.core.windows import Window
from signals_pipeline.definitions import build_definitions
from signals_pipeline.defs.partitions import MODE_TAG, RANGE_END_TAG, RANGE_START_TAG
from signals_pipeline.settings import Settings

LOGS = {"loggers": {"console": {"config": {"log_level": "ERROR"}}}}


def settings_in(folder: Path) -> Settings:
    """Settings of a demo deployment that keeps everything in this folder, database upgraded."""
    settings = Settings.checked(signals_data_dir=folder)
    upgrade(settings.database_url)
    return settings


def run(settings: Settings, instance: dg.DagsterInstance, windows: tuple[Window, ...]) -> float:
    """Seconds of one Dagster run of the job over these windows."""
    job = build_definitions(settings).resolve_job_def("digest_job")
    tags = {MODE_TAG: "backfill", RANGE_START_TAG: windows[0].key, RANGE_END_TAG: windows[-1].key}
    started = time.perf_counter()
    job.execute_in_process(instance=instance, tags=tags, run_config=LOGS)
    return time.perf_counter() - started


def measure(windows: tuple[Window, ...], *, one_by_one: bool) -> tuple[float, list[float]]:
    """Total and single run seconds from an empty data folder and an empty Dagster instance on disk."""
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_in(Path(folder) / "data")
        with dg.DagsterInstance.local_temp(str(Path(folder))) as instance:
            batches = [(window,) for window in windows] if one_by_one else [windows]
            times = [run(settings, instance, batch) for batch in batches]
    return sum(times), times


def main() -> None:
    """File both ways over the whole sample."""
    windows = windows_in_range(Settings.checked(), sample.FIRST_WINDOW, sample.LAST_WINDOW)
    measure(windows[:1], one_by_one=True)  # warms file caches and imports
    single, singles = measure(windows, one_by_one=True)
    ranged, _ = measure(windows, one_by_one=False)
    count = len(windows)
    rows = [
        ("one window, one run (median)", 1, f"{statistics.median(singles):.2f}", ""),
        ("one run a window", count, f"{single:.1f}", "1"),
        ("the range as one run", count, f"{ranged:.2f}", f"1/{single / ranged:.1f}"),
    ]
    file_section(
        "Sample range: one run against one run a window",
        "python -m benchmarks.runs",
        table(("way", "windows", "seconds", "ratio"), rows),
    )


if __name__ == "__main__":
    main()
