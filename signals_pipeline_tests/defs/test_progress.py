"""Progress names what is done and left, not more often than asked, and never loses a window."""

import itertools

import hypothesis.strategies as st
from hypothesis import given

from signals_pipeline.defs.progress import told
from signals_pipeline_tests.core.test_signals import WINDOWS


@given(st.lists(st.floats(0.1, 4), min_size=len(WINDOWS), max_size=len(WINDOWS)))
def test_every_window_comes_once_and_lines_keep_their_distance(steps: list[float]) -> None:
    now, lines = [100.0], list[tuple[float, str]]()
    seen = []
    for window, step in zip(
        told(WINDOWS, lambda line: lines.append((now[0], line)), every=5, clock=lambda: now[0]), steps, strict=True
    ):
        seen.append(window)
        now[0] += step
    assert seen == list(WINDOWS)
    instants = [100.0, *(instant for instant, _ in lines)]
    assert all(after - before >= 5 for before, after in itertools.pairwise(instants))
    assert len(lines) >= sum(steps) // 9 - 1  # a step is at most 4 s: no 9 s pass without a line


def test_a_line_says_done_left_rate_and_time() -> None:
    now, lines = [0.0], list[str]()
    for _ in told(WINDOWS[:4], lines.append, every=5, clock=lambda: now[0]):
        now[0] += 5
    assert lines == [
        "1 of 4 windows done, 3 left, 0.2 a second, about 15 s",
        "2 of 4 windows done, 2 left, 0.2 a second, about 10 s",
        "3 of 4 windows done, 1 left, 0.2 a second, about 5 s",
    ]
