"""Stages end when their time is up, whatever they wait for, and are retried only after transient failures."""

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest

from signals_pipeline.adapters import worker_pool
from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.defs.assets import digest as digest_stage
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, MODE_TAG, RANGE_END_TAG, RANGE_START_TAG
from signals_pipeline.defs.stage_limits import RETRY_SECONDS_TAG, SECONDS_TAG, limit_tags, with_limits
from signals_pipeline_tests.support.feed_documents import Item, rss
from signals_pipeline_tests.support.live_news_runs import materialize, settings
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS, TestPipeline
from signals_pipeline_tests.support.vendor_server import XML, Reply, Vendor, stalled, vendor

WINDOWS = SAMPLE_WINDOWS[:3]
RANGE = {RANGE_START_TAG: WINDOWS[0].key, RANGE_END_TAG: WINDOWS[-1].key}
SOON = {RETRY_SECONDS_TAG: "0.001"}
FEED = "/feed.xml"


@pytest.fixture
def house() -> Iterator[Vendor]:
    with vendor() as opened:
        yield opened


def run(work: Callable[[], Any], tags: dict[str, str], **op_tags: str) -> dg.ExecuteInProcessResult:
    """A run of one stage over a range (or what else the tags say) that does this work."""

    @dg.asset(
        partitions_def=DIGEST_WINDOWS,
        backfill_policy=dg.BackfillPolicy.single_run(),
        op_tags=limit_tags(0.2, per_window=0.1) | op_tags,
    )
    @with_limits
    def stage(context: dg.AssetExecutionContext) -> None:
        assert context.partition_keys
        work()

    job = dg.Definitions(assets=[stage], jobs=[dg.define_asset_job("one")]).resolve_job_def("one")
    return job.execute_in_process(
        tags=tags,
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )


def failure(result: dg.ExecuteInProcessResult) -> str:
    """What the failed stage said, its causes too."""
    [event] = [each for each in result.all_events if each.is_step_failure]
    error, said = event.step_failure_data.error, []
    while error is not None:
        said.append(error.message.strip())
        error = error.cause
    return " / ".join(said)


def tries(result: dg.ExecuteInProcessResult) -> int:
    """How often the stage was begun."""
    return sum(each.is_step_start or each.is_step_restarted for each in result.all_events)


def test_a_server_that_never_answers_costs_a_run_no_more_than_its_stage_may_take(house: Vendor, tmp_path: Path) -> None:
    with stalled() as address:
        chosen = settings(tmp_path, signals_feeds=f"{address}{FEED}", news_timeout_seconds=300)
        result, _ = materialize(chosen, house, tags={SECONDS_TAG: "0.5"})
    assert not result.success
    said = failure(result)
    assert said.startswith(
        "dagster._core.definitions.events.Failure: not done after 0.5 s, the limit for 1 window; it was"
    )
    assert "in adapters/news/live.py line " in said
    assert "\n" not in said
    assert tries(result) == 1


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        (RANGE, "not done after 0.4 s, the limit for 3 windows; it was in "),
        ({"dagster/partition": WINDOWS[0].key}, "not done after 0.2 s, the limit for 1 window; it was in "),
        (RANGE | {SECONDS_TAG: "0.1"}, "not done after 0.1 s, the limit for 3 windows; it was in "),
    ],
)
def test_the_limit_grows_with_the_windows_of_a_run_and_a_run_may_have_its_own(tags: dict[str, str], said: str) -> None:
    result = run(threading.Event().wait, tags)
    assert said in failure(result)
    assert tries(result) == 1


def test_no_library_that_takes_every_exception_holds_the_alarm_up() -> None:
    def stubborn() -> None:
        while True:
            with suppress(Exception):
                threading.Event().wait()

    assert "not done after 0.4 s" in failure(run(stubborn, RANGE))


def test_a_digest_whose_time_is_up_leaves_no_process_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker_pool, "available_cpus", lambda: 2)
    monkeypatch.setattr(worker_pool, "MINIMUM_WINDOWS", len(WINDOWS))
    with TestPipeline.open(tmp_path) as pipeline:
        assert pipeline.run(WINDOWS).success
        monkeypatch.setattr(digest_stage, "write_digest", writes_for_ever)
        before = spawned()
        refused = pipeline.refusal(WINDOWS, only="digest", tags={SECONDS_TAG: "5"})
    assert "not done after 5 s, the limit for 3 windows; it was in " in refused
    assert spawned() == before


def writes_for_ever(_content: str, folder: Path) -> None:  # noqa: ARG001
    """A disk that does not answer."""
    threading.Event().wait()


def spawned() -> set[int]:
    """Processes that work beside this one."""
    children = psutil.Process().children()
    return {child.pid for child in children if any("spawn_main" in word for word in child.cmdline())}


def test_a_stage_in_time_leaves_no_alarm_behind() -> None:
    assert run(lambda: None, RANGE).success
    assert run(lambda: threading.Event().wait(0.3), RANGE | {SECONDS_TAG: "60"}).success


@pytest.mark.parametrize("said", ["soon", "0", "-5", ""])
def test_a_limit_that_is_none_is_refused(said: str) -> None:
    assert f"tag {SECONDS_TAG}={said!r}: not a number of seconds above 0" in failure(
        run(lambda: None, RANGE | {SECONDS_TAG: said})
    )


@pytest.mark.parametrize(
    ("error", "tags", "expected"),
    [
        (SourceError("HTTP 503", transient=True), RANGE, 3),
        (DatabaseError("connection refused", transient=True), RANGE | {MODE_TAG: "live"}, 3),
        (SourceError("HTTP 401"), RANGE, 1),
        (DatabaseError("no such table"), RANGE, 1),
        (ValueError("a fault of ours"), RANGE, 1),
        (SourceError("HTTP 503", transient=True), RANGE | {MODE_TAG: "manual"}, 1),
        (SourceError("HTTP 503", transient=True), {"dagster/partition": WINDOWS[0].key}, 1),
    ],
)
def test_only_transient_failures_are_retried_and_never_in_a_run_launched_by_hand(
    error: Exception, tags: dict[str, str], expected: int
) -> None:
    def refuse() -> None:
        raise error

    result = run(refuse, tags | SOON)
    assert tries(result) == expected
    assert str(error) in failure(result)


def test_a_stage_without_retries_is_never_run_again() -> None:
    def refuse() -> None:
        raise SourceError("HTTP 503", transient=True)

    assert tries(run(refuse, RANGE | SOON, **limit_tags(1, retries=0))) == 1


def test_feeds_that_were_down_for_a_moment_make_no_failed_run(house: Vendor, tmp_path: Path) -> None:
    house.routes[FEED] = [*[Reply(b"", XML, 503)] * 3, Reply(rss([Item("Microsoft opens an office", 0)]), XML)]
    result, _ = materialize(settings(tmp_path, signals_feeds=f"{house.origin}{FEED}"), house, tags=SOON)
    assert result.success
    assert tries(result) == 2
    assert len(house.asked(FEED)) == 4


@pytest.mark.parametrize("reply", [Reply(b"", XML, 401), Reply(b"", XML, 503, headers=(("Retry-After", "3600"),))])
def test_a_refusal_and_a_vendor_that_wants_rest_are_not_asked_again(
    house: Vendor, tmp_path: Path, reply: Reply
) -> None:
    house.routes[FEED] = [reply]
    result, _ = materialize(settings(tmp_path, signals_feeds=f"{house.origin}{FEED}"), house, tags=SOON)
    assert not result.success
    assert tries(result) == 1
