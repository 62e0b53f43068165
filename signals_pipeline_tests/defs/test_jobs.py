"""The schedule: what a tick runs, from nothing ever done to two weeks of outage, and that running it heals."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import dagster as dg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline import sample
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.windows import Window, newest_complete, window_containing, window_for_key, windows_between
from signals_pipeline.definitions import build_definitions
from signals_pipeline.defs.jobs import scheduled_windows
from signals_pipeline.defs.partitions import MODE_TAG, RANGE_END_TAG, RANGE_START_TAG
from signals_pipeline.defs.resources import Store, open_store
from signals_pipeline_tests.support.pipeline import TestPipeline, in_time

DAYS = windows_between(window_for_key("2015-02-02-17:30").start, window_for_key("2015-02-05-08:30").start)
TWO_WEEKS = 20  # windows, whatever the clocks do
WINDOWS = st.datetimes(datetime(2014, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC)).map(window_containing)  # noqa: DTZ001


def before(window: Window, count: int) -> Window:
    """The window so many places earlier."""
    for _ in range(count):
        window = newest_complete(window.start)
    return window


@given(newest=WINDOWS)
def test_before_the_first_digest_ever_only_the_newest_window_is_run(newest: Window) -> None:
    assert scheduled_windows(newest, None) == (newest,)


@given(newest=WINDOWS)
def test_where_nothing_was_missed_only_the_newest_window_is_run(newest: Window) -> None:
    assert scheduled_windows(newest, before(newest, 1).end) == (newest,)


@given(newest=WINDOWS, missed=st.integers(1, 18))
def test_missed_windows_are_run_in_order_and_the_newest_last(newest: Window, missed: int) -> None:
    windows = scheduled_windows(newest, before(newest, missed + 1).end)
    assert windows == (*(before(newest, count) for count in range(missed, 0, -1)), newest)


@given(newest=WINDOWS, missed=st.integers(0, 80))
def test_healing_reaches_back_two_weeks_and_leaves_no_hole(newest: Window, missed: int) -> None:
    windows = scheduled_windows(newest, before(newest, missed + 1).end)
    assert windows[-1] == newest
    assert all(one.end == other.start for one, other in pairwise(windows))
    assert len(windows) == min(missed, TWO_WEEKS) + 1


@pytest.mark.parametrize("newest", ["2024-03-11-08:30", "2024-11-04-08:30"])
def test_a_clock_change_in_the_gap_neither_loses_nor_repeats_a_window(newest: str) -> None:
    window = window_for_key(newest)
    keys = [each.key for each in scheduled_windows(window, before(window, 40).end)]
    assert len(keys) == len(set(keys)) == TWO_WEEKS + 1
    friday = (window.start - timedelta(days=3)).strftime("%Y-%m-%d")
    assert keys[-3:] == [f"{friday}-08:30", f"{friday}-17:30", newest]


@contextmanager
def local(folder: Path) -> Iterator[tuple[TestPipeline, Store]]:
    """A deployment that has the schedule, over the recorded weeks."""
    recorded = {"signals_news_path": sample.HEADLINES, "signals_prices_path": sample.PRICES}
    with TestPipeline.open(folder, signals_deployment="local", **recorded) as pipeline:
        store = open_store(pipeline.settings.database_url)
        yield pipeline, store
        store.engine.dispose()


def tick(pipeline: TestPipeline, store: Store, at: datetime) -> dg.RunRequest:
    """What the schedule asks for at an instant, as the daemon evaluates it."""
    repository = build_definitions(pipeline.settings).get_repository_def()
    with dg.build_schedule_context(
        instance=pipeline.instance, scheduled_execution_time=at, resources={"store": store}, repository_def=repository
    ) as context:
        requests = list(repository.get_schedule_def("digest_schedule").evaluate_tick(context).run_requests or ())
    assert len(requests) == 1
    return requests[0]


def run(pipeline: TestPipeline, request: dg.RunRequest) -> dg.ExecuteInProcessResult:
    newest = window_for_key(request.tags.get(RANGE_END_TAG) or str(request.partition_key))
    overrides = in_time(pipeline.settings, newest)
    job = build_definitions(pipeline.settings, resource_overrides=overrides).resolve_job_def("digest_job")
    logs = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    return job.execute_in_process(instance=pipeline.instance, tags=dict(request.tags), run_config=logs)


def test_ticks_run_the_newest_window_and_heal_a_gap_before_it(tmp_path: Path) -> None:
    with local(tmp_path) as (pipeline, store):
        first = tick(pipeline, store, DAYS[0].end)
        assert (first.run_key, first.partition_key, first.tags[MODE_TAG]) == (DAYS[0].key, DAYS[0].key, "live")
        assert run(pipeline, first).success

        healing = tick(pipeline, store, DAYS[3].end)
        assert (healing.run_key, healing.partition_key) == (DAYS[3].key, None)
        ends = {RANGE_START_TAG: DAYS[1].key, RANGE_END_TAG: DAYS[3].key, MODE_TAG: "live"}
        assert ends.items() <= healing.tags.items()
        assert run(pipeline, healing).success

        modes = [store.history.modes(DAYS[3].end)[window.start] for window in DAYS[:4]]
        assert modes == ["live", "catch_up", "catch_up", "live"]
        assert [entry.mode for entry in reversed(store.digests.list())] == modes
        stored = store.digests.newest()
        assert stored is not None
        digest = Digest.from_json(stored.content)
        assert (digest.coverage.missing_windows, digest.coverage.gap_minutes) == ((), 0)
        missed = store.history.between(DAYS[1].end, DAYS[3].end)
        assert missed
        assert {card.symbol for card in digest.from_missed} == {each.symbol for each in missed}

        following = tick(pipeline, store, DAYS[4].end)
        assert (following.run_key, following.partition_key) == (DAYS[4].key, DAYS[4].key)


def test_a_window_whose_run_failed_before_its_digest_is_healed(tmp_path: Path) -> None:
    with local(tmp_path) as (pipeline, store):
        pipeline.run(DAYS[:1], mode="live")
        for asset in ("headlines", "sentiment", "technicals", "scores", "signals"):
            pipeline.run(DAYS[1:2], mode="live", only=asset)
        assert store.history.run(DAYS[1]) is not None
        request = tick(pipeline, store, DAYS[2].end)
        assert (request.tags[RANGE_START_TAG], request.tags[RANGE_END_TAG]) == (DAYS[1].key, DAYS[2].key)


def test_a_tick_long_after_the_last_digest_reaches_back_two_weeks(tmp_path: Path) -> None:
    with local(tmp_path) as (pipeline, store):
        store.digests.put(DAYS[0], "{}", kind="quiet", mode="live", subject="")
        newest = window_for_key("2015-03-09-08:30")  # the clocks changed the day before
        request = tick(pipeline, store, newest.end)
        assert request.tags[RANGE_START_TAG] == "2015-02-23-08:30"
        assert request.tags[RANGE_END_TAG] == request.run_key == newest.key
