"""What is left of a backfill is cut into neighbours; a webserver that is not there is one line."""

import itertools

import hypothesis.strategies as st
import pytest
from hypothesis import given

from signals_pipeline.cli.backfilling import Launcher, LaunchError, joined, parts, show_left
from signals_pipeline_tests.core.test_signals import WINDOWS

DONE = st.sets(st.sampled_from(WINDOWS))


@given(DONE, st.integers(1, 9), st.integers(1, 9))
def test_every_window_that_is_left_is_in_one_range_of_neighbours(done: set, count: int, longest: int) -> None:
    found = parts(WINDOWS, done, count=count, longest=longest)
    assert [window for part in found for window in part] == [window for window in WINDOWS if window not in done]
    assert all(0 < len(part) <= longest for part in found)
    assert all(before.end == after.start for part in found for before, after in itertools.pairwise(part))
    assert all(len(part) <= -(-(len(WINDOWS) - len(done)) // count) for part in found)


@given(DONE, st.integers(1, 9))
def test_joined_ranges_hold_the_same_and_none_touches_the_next(done: set, longest: int) -> None:
    found = parts(WINDOWS, done, longest=longest)
    whole = joined(found)
    assert [window for part in whole for window in part] == [window for part in found for window in part]
    assert all(before[-1].end < after[0].start for before, after in itertools.pairwise(whole))


def test_without_anything_done_one_range_holds_all() -> None:
    assert parts(WINDOWS, ()) == [WINDOWS]
    assert parts(WINDOWS, WINDOWS) == []


def test_no_webserver_is_one_line() -> None:
    with pytest.raises(LaunchError, match=r"no Dagster webserver answers at http://127.0.0.1:9 .*leave out --parallel"):
        Launcher("http://127.0.0.1:9", print).run([WINDOWS[:2]], parallel=1)


def test_what_is_left_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    show_left(WINDOWS, parts(WINDOWS, WINDOWS[:3]))
    assert (
        capsys.readouterr().out
        == f"{len(WINDOWS) - 3} windows to run; 3 have their digest already (--force runs them again)\n"
    )
    show_left(WINDOWS, [WINDOWS])
    assert capsys.readouterr().out == f"{len(WINDOWS)} windows to run\n"
