"""Every stage of a run is heard of every few seconds: what is done and left, the rate, and the rest's time."""

import threading
from collections import defaultdict
from pathlib import Path
from queue import Queue

import pytest

from signals_pipeline.core.windows import Window
from signals_pipeline.defs import progress
from signals_pipeline.defs.progress import Pace, paced, told
from signals_pipeline_tests.desk import SAMPLE_WINDOWS, TestDesk

WINDOWS = SAMPLE_WINDOWS[:4]


def test_a_line_says_done_left_rate_and_time() -> None:
    now, lines = [0.0], list[str]()
    pace = Pace("4 windows at once", clock=lambda: now[0])
    for _ in pace.each(WINDOWS, "windows"):
        lines.append(pace.line)
        now[0] += 5
    now[0] += 5
    assert lines == [
        "0 of 4 windows done, 4 left, 0 s so far",
        "1 of 4 windows done, 3 left, 0.2 a second, about 15 s",
        "2 of 4 windows done, 2 left, 0.2 a second, about 10 s",
        "3 of 4 windows done, 1 left, 0.2 a second, about 5 s",
    ]
    assert pace.line == "4 windows at once, 25 s so far"


def test_what_does_its_windows_at_once_is_heard_of_while_it_works() -> None:
    lines = Queue[str]()
    with paced(520, lines.put, every=0.001):
        assert lines.get(timeout=60) == "520 windows at once, 0 s so far"
    with paced(1, lines.put, every=0.001):
        while not lines.get(timeout=60).startswith("1 window, "):
            pass  # the last of those before
    assert "progress" not in {thread.name for thread in threading.enumerate()}


def test_windows_are_counted_where_a_stage_tells_them_and_none_is_lost() -> None:
    lines, seen = Queue[str](), list[Window]()
    with paced(4, lines.put, every=0.001):
        for at, window in enumerate(told(WINDOWS)):
            seen.append(window)
            while not lines.get(timeout=60).startswith(f"{at} of 4 windows done, {4 - at} left, "):
                pass  # a line of the window before
    assert tuple(seen) == WINDOWS
    assert tuple(told(WINDOWS)) == WINDOWS  # outside of a stage nobody listens


def test_what_stops_a_stage_stops_its_lines() -> None:
    with pytest.raises(KeyboardInterrupt), paced(1, lambda _line: None, every=60):
        raise KeyboardInterrupt
    assert "progress" not in {thread.name for thread in threading.enumerate()}


def test_every_stage_of_a_range_is_heard_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY_SECONDS", 0.01)
    with TestDesk.open(tmp_path) as desk:
        run = desk.run(WINDOWS).run_id
        lines = defaultdict[str, list[str]](list)
        for entry in desk.instance.all_logs(run):
            if not entry.is_dagster_event and " window" in entry.user_message:
                lines[entry.step_key or ""].append(entry.user_message)
    stages = {"headlines", "sentiment", "technicals", "scores", "signals", "outcomes", "digest", "window_checks"}
    assert stages <= {*lines}
    assert all(line.startswith("4 windows at once, ") for line in lines["outcomes"])
    assert any(" of 4 windows done, " in line for line in lines["digest"])
