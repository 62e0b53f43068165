"""A backfill is split into ranges of consecutive windows; a missing webserver is one line."""

import itertools
import json
from collections.abc import Iterator
from contextlib import contextmanager

import hypothesis.strategies as st
import pytest
from hypothesis import given

from signals_pipeline.cli.backfill import Launcher, LaunchError, joined, parts, show_left
from signals_pipeline_tests.support.loopback import Quiet, serving
from signals_pipeline_tests.support.signal_builders import WINDOWS

DONE = st.sets(st.sampled_from(WINDOWS))


@given(DONE, st.integers(1, 9), st.integers(1, 9))
def test_every_window_that_is_left_is_in_one_range_of_consecutive_windows(done: set, count: int, longest: int) -> None:
    found = parts(WINDOWS, done, count=count, longest=longest)
    assert [window for part in found for window in part] == [window for window in WINDOWS if window not in done]
    assert all(0 < len(part) <= longest for part in found)
    assert all(before.end == after.start for part in found for before, after in itertools.pairwise(part))
    assert all(len(part) <= -(-(len(WINDOWS) - len(done)) // count) for part in found)


@given(DONE, st.integers(1, 9))
def test_joined_ranges_have_the_same_windows_and_none_touches_the_next(done: set, longest: int) -> None:
    found = parts(WINDOWS, done, longest=longest)
    whole = joined(found)
    assert [window for part in whole for window in part] == [window for part in found for window in part]
    assert all(before[-1].end < after[0].start for before, after in itertools.pairwise(whole))


def test_if_nothing_is_done_one_range_has_all_windows() -> None:
    assert parts(WINDOWS, ()) == [WINDOWS]
    assert parts(WINDOWS, WINDOWS) == []


def test_a_missing_webserver_is_one_line() -> None:
    with pytest.raises(
        LaunchError, match=r"no Dagster webserver answers at http://127.0.0.1:9 .*run without --parallel"
    ):
        Launcher("http://127.0.0.1:9", print).run([WINDOWS[:2]], parallel=1)


@contextmanager
def server(*answers: tuple[int, str]) -> Iterator[str]:
    """The address of a web server that gives these answers, status and body, one after the other."""
    left = iter(answers)

    class Handler(Quiet):
        def do_POST(self) -> None:  # noqa: N802 - as the library names it
            self.rfile.read(int(self.headers["Content-Length"]))
            status, body = next(left)
            self.answer(status, body.encode())

    with serving(Handler) as origin:
        yield origin


LAUNCHED = (200, json.dumps({"data": {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": "0" * 36}}}}))
REFUSED = {"launchRun": {"__typename": "PythonError", "message": "no room\nat all"}}


@pytest.mark.parametrize(
    ("answers", "line"),
    [
        (
            [(500, "Internal Server Error\n  at line 3")],
            (
                "the web server at URL responds 500 Internal Server Error (Internal Server Error): see its log,"
                " then run the backfill again"
            ),
        ),
        (
            [(502, "")],
            "the web server at URL responds 502 Bad Gateway: see its log, then run the backfill again",
        ),
        (
            [(404, "Not Found")],
            (
                "the web server at URL responds 404 Not Found (Not Found) and is not Dagster:"
                " pass the address of Dagster's webserver with --at"
            ),
        ),
        (
            [(200, "<html>\n<p>Welcome")],
            (
                "the web server at URL responds 200 OK (<html>) and is not Dagster:"
                " pass the address of Dagster's webserver with --at"
            ),
        ),
        (
            [(200, "[]")],
            (
                "the web server at URL responds 200 OK ([]) and is not Dagster:"
                " pass the address of Dagster's webserver with --at"
            ),
        ),
        ([(400, json.dumps({"data": None, "errors": [{"message": "no such\nfield"}]}))], "Dagster at URL: no such"),
        (
            [(500, json.dumps({"data": REFUSED}))],
            f"Dagster rejects windows {WINDOWS[0].key} to {WINDOWS[1].key}: no room",
        ),
        (
            [LAUNCHED, (200, json.dumps({"data": {"runOrError": {"__typename": "RunNotFoundError"}}}))],
            (
                f"Dagster at URL no longer knows the run of windows {WINDOWS[0].key} to {WINDOWS[1].key}"
                " (RunNotFoundError): run the backfill again"
            ),
        ),
    ],
)
def test_an_unexpected_response_of_the_web_server_is_one_line(answers: list[tuple[int, str]], line: str) -> None:
    with server(*answers) as url, pytest.raises(LaunchError) as raised:
        Launcher(url, print, lambda _: None).run([WINDOWS[:2]], parallel=1)
    assert str(raised.value) == line.replace("URL", url)


def test_the_number_of_windows_left_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    show_left(WINDOWS, parts(WINDOWS, WINDOWS[:3]))
    assert (
        capsys.readouterr().out
        == f"windows to run: {len(WINDOWS) - 3}; 3 already have a digest (--force runs them again)\n"
    )
    show_left(WINDOWS, [WINDOWS])
    assert capsys.readouterr().out == f"windows to run: {len(WINDOWS)}\n"
