"""Runs that Dagster's daemon was to repeat and has passed over are put before it again."""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg
import pytest
from dagster._core.storage.tags import AUTO_RETRY_RUN_ID_TAG, WILL_RETRY_TAG
from dagster._core.test_utils import create_run_for_test, instance_for_test
from dagster._daemon.auto_run_reexecution import event_log_consumer
from dagster_shared.record import copy

from signals_pipeline.defs.failed_runs import repeat_lost_retries

CURSOR = "EVENT_LOG_CONSUMER_CURSOR-PIPELINE_FAILURE"


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with instance_for_test(overrides={"run_retries": {"enabled": True, "max_retries": 2}}) as instance:
        yield instance


def failed_run(instance: dg.DagsterInstance) -> str:
    """A run whose process died; Dagster says that it will be repeated."""
    run = create_run_for_test(instance, "digest_job", status=dg.DagsterRunStatus.STARTED)
    instance.report_run_failed(run)
    failed = instance.get_run_by_id(run.run_id)
    assert failed is not None
    assert failed.tags[WILL_RETRY_TAG] == "true"
    return run.run_id


def failed_records(instance: dg.DagsterInstance, ago: timedelta) -> list[dg.RunRecord]:
    """The failed runs, as if they had failed so long ago."""
    records = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE]))
    return [copy(record, update_timestamp=record.update_timestamp - ago) for record in records]


def pass_over(instance: dg.DagsterInstance) -> None:
    """The daemon's cursor behind everything that has happened."""
    last = instance.event_log_storage.get_maximum_record_id()
    instance.daemon_cursor_storage.set_cursor_values({CURSOR: str(last)})


def seen_by_the_daemon(instance: dg.DagsterInstance) -> set[str]:
    """Runs whose failure the daemon finds at its next look."""
    cursor = int(instance.daemon_cursor_storage.get_cursor_values({CURSOR})[CURSOR])
    entries = instance.event_log_storage.get_logs_for_all_runs_by_log_id(
        after_cursor=cursor, dagster_event_type={dg.DagsterEventType.RUN_FAILURE}
    )
    return {entry.run_id for entry in entries.values()}


def test_a_run_that_was_to_be_repeated_and_was_not_is_seen_again(instance: dg.DagsterInstance) -> None:
    earlier, lost = failed_run(instance), failed_run(instance)
    instance.add_run_tags(earlier, {AUTO_RETRY_RUN_ID_TAG: "its retry"})
    pass_over(instance)
    assert seen_by_the_daemon(instance) == set()

    for too_soon_or_too_late in (timedelta(), timedelta(hours=2)):
        assert repeat_lost_retries(instance, failed_records(instance, too_soon_or_too_late)) == []
    assert repeat_lost_retries(instance, failed_records(instance, timedelta(minutes=2))) == [lost]
    assert seen_by_the_daemon(instance) == {lost}
    # It has not looked yet: nothing is done twice.
    assert repeat_lost_retries(instance, failed_records(instance, timedelta(minutes=2))) == []


def test_the_cursor_is_the_daemon_s() -> None:
    assert event_log_consumer._create_cursor_key(dg.DagsterEventType.RUN_FAILURE) == CURSOR  # noqa: SLF001
