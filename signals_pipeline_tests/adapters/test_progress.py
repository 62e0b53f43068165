"""Every stage of a run reports its progress: items done and left, the rate, and the time left."""

import threading
from collections.abc import Callable
from contextlib import AbstractContextManager
from itertools import groupby
from pathlib import Path
from queue import Queue

import pytest

from signals_pipeline.adapters import progress
from signals_pipeline.adapters.progress import Progress, counted, report_progress
from signals_pipeline.core.windows import Window
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS, TestPipeline

WINDOWS = SAMPLE_WINDOWS[:4]
COUNTED = {
    "headlines": {"headlines", "windows"},
    "technicals": {"windows"},
    "sentiment": {"windows"},
    "scores": {"windows"},
    "signals": {"windows"},
    "outcomes": {"signals"},
    "digest": {"windows"},
    "window_checks": {"frames", "assets"},
}
"""What each stage counts."""


def test_a_line_holds_items_done_and_left_the_rate_and_the_time_left() -> None:
    now, lines = [0.0], list[str]()
    stage_progress = Progress("4 windows at once", clock=lambda: now[0])
    with stage_progress.counting(4, "windows") as done:
        for _ in WINDOWS:
            lines.append(stage_progress.line)
            now[0] += 5
            done(1)
    now[0] += 5
    assert lines == [
        "0 of 4 windows done, 4 left, 0 s so far",
        "1 of 4 windows done, 3 left, 0.2 per second, about 15 s",
        "2 of 4 windows done, 2 left, 0.2 per second, about 10 s",
        "3 of 4 windows done, 1 left, 0.2 per second, about 5 s",
    ]
    assert stage_progress.line == "4 windows at once, 25 s so far"


def test_a_stage_that_counts_nothing_reports_its_windows_and_its_time() -> None:
    lines = Queue[str]()
    with report_progress(520, lines.put, interval=0.001):
        assert lines.get(timeout=60) == "520 windows at once, 0 s so far"
    with report_progress(1, lines.put, interval=0.001):
        while not lines.get(timeout=60).startswith("1 window, "):
            pass  # the last of those before
    assert "progress" not in {thread.name for thread in threading.enumerate()}


def test_counted_items_are_all_yielded_and_reported() -> None:
    lines, seen = Queue[str](), list[Window]()
    with report_progress(4, lines.put, interval=0.001):
        for at, window in enumerate(counted(WINDOWS)):
            seen.append(window)
            while not lines.get(timeout=60).startswith(f"{at} of 4 windows done, {4 - at} left, "):
                pass  # a line of the window before
    assert tuple(seen) == WINDOWS
    assert tuple(counted(WINDOWS)) == WINDOWS  # outside of a stage nobody listens


def test_an_exception_in_the_stage_ends_its_reports() -> None:
    with pytest.raises(KeyboardInterrupt), report_progress(1, lambda _line: None, interval=60):
        raise KeyboardInterrupt
    assert "progress" not in {thread.name for thread in threading.enumerate()}


def test_every_stage_of_a_range_reports_its_progress_in_its_own_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, original = list[tuple[Progress, int, str]](), Progress.counting

    def counting(stage_progress: Progress, count: int, what: str) -> AbstractContextManager[Callable[[int], None]]:
        seen.append((stage_progress, count, what))
        return original(stage_progress, count, what)

    monkeypatch.setattr(Progress, "counting", counting)
    monkeypatch.setattr(progress, "REPORT_SECONDS", 0.01)
    with TestPipeline.open(tmp_path) as pipeline:
        run = pipeline.run(WINDOWS).run_id
        entries = [each for each in pipeline.instance.all_logs(run) if not each.is_dagster_event]
    heard = {each.step_key for each in entries if " left, " in each.user_message or " at once, " in each.user_message}
    assert {*COUNTED} <= heard
    stages = [[*counted] for _, counted in groupby(seen, key=lambda each: id(each[0]))]
    for stage, lines in zip(COUNTED, stages, strict=True):
        assert {what for _, _, what in lines} == COUNTED[stage], stage
        assert {count for _, count, what in lines if what == "windows"} <= {len(WINDOWS)}, stage
