"""Leases of runs: dead runs are ended and their slots freed, by whoever comes first; live and foreign runs are not."""

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
import yaml
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.monitoring.concurrency import execute_concurrency_slots_iteration
from dagster._daemon.monitoring.run_monitoring import execute_run_monitoring_iteration

from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.defs import leases
from signals_pipeline.defs.leases import dead_runs, lease_tags, leasing_executor, reclaim, slots_without_run
from signals_pipeline.defs.partitions import MODE_TAG, RANGE_END_TAG, RANGE_START_TAG
from signals_pipeline.defs.sensors import RETRIED_TAG, failed_live_window
from signals_pipeline.defs.sqlite_storage import SAFEGUARDS, instance_in

POOL = "news"
FIRST, LAST = "2015-02-02-17:30", "2015-02-03-08:30"
# No process has this number: Linux counts to 4,194,304 at most.
NOBODY = "4194305"
STARTED = dg.DagsterRunStatus.STARTED


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with instance_in(tmp_path / "dagster") as opened:
        yield opened


@dataclass(frozen=True)
class Context:
    """What Dagster's monitoring asks of its workspace where it ends runs without launching any."""

    instance: dg.DagsterInstance

    def create_request_context(self) -> Any:
        """Not used before a run is resumed."""
        return SimpleNamespace()


def begun(
    instance: dg.DagsterInstance,
    changes: Mapping[str, str] | None = None,
    status: dg.DagsterRunStatus = STARTED,
) -> dg.DagsterRun:
    """A run of this process that holds the pool, or as these changes of its tags say."""
    run_id = str(uuid4())
    windows = {RANGE_START_TAG: FIRST, RANGE_END_TAG: LAST, MODE_TAG: "live"}
    lease = lease_tags(run_id) | {**(changes or {})}
    run = create_run_for_test(instance, "digest_job", run_id, status=status, tags=windows | lease)
    storage = instance.event_log_storage
    if POOL not in storage.get_concurrency_keys():
        storage.set_concurrency_slots(POOL, 10)
    assert storage.claim_concurrency_slot(POOL, run_id, "headlines").is_claimed
    return run


def status(instance: dg.DagsterInstance, run: dg.DagsterRun) -> dg.DagsterRunStatus:
    found = instance.get_run_by_id(run.run_id)
    assert found is not None
    return found.status


def holders(instance: dg.DagsterInstance) -> set[str]:
    return {slot.run_id for slot in instance.event_log_storage.get_concurrency_info(POOL).claimed_slots}


def test_dead_runs_are_ended_and_all_others_left_alone(instance: dg.DagsterInstance) -> None:
    dead = {leases.PID_TAG: NOBODY}
    killed = begun(instance, dead)
    reused = begun(instance, {leases.STARTED_TAG: "1"})
    canceling = begun(instance, dead, dg.DagsterRunStatus.CANCELING)
    alive = begun(instance)
    foreign = begun(instance, dead | {leases.HOST_TAG: "other"})
    repeating = begun(instance, dead | {leases.RUN_TAG: killed.run_id})  # Dagster copies the tags of the run before
    unrecorded = begun(instance, {leases.RUN_TAG: ""})

    lines = list(reclaim(instance))

    ended = [killed, reused, canceling]
    assert [line.partition(" died")[0] for line in lines] == [
        f"run {run.run_id[:8]} of windows {FIRST} to {LAST}" for run in ended
    ]
    assert lines[0].endswith(f"died (its process {NOBODY} is gone): marked as failed, its slots are free")
    assert [status(instance, run).value for run in ended] == ["FAILURE", "FAILURE", "CANCELED"]
    left = [alive, foreign, repeating, unrecorded]
    assert [status(instance, run) for run in left] == [STARTED] * 4
    assert holders(instance) == {run.run_id for run in left}
    assert list(reclaim(instance)) == []


def test_a_run_that_finishes_while_it_is_looked_at_is_not_failed(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = begun(instance, {leases.PID_TAG: NOBODY})
    judge = leases.liveness_of

    def finish_then_judge(holder: Any) -> Any:
        instance.report_dagster_event(
            dg.DagsterEvent(dg.DagsterEventType.RUN_SUCCESS.value, "digest_job"), run_id=run.run_id
        )
        return judge(holder)

    monkeypatch.setattr(leases, "liveness_of", finish_then_judge)
    assert dead_runs(instance) == []
    assert status(instance, run) is dg.DagsterRunStatus.SUCCESS


def test_slots_of_runs_that_ended_or_were_deleted_are_freed(instance: dg.DagsterInstance) -> None:
    ended = begun(instance, {leases.PID_TAG: NOBODY})
    leaving = begun(instance)
    for run in (ended, leaving):
        instance.report_run_failed(run)
    deleted = begun(instance)
    instance.run_storage.delete_run(deleted.run_id)
    assert slots_without_run(instance) == sorted([ended.run_id, deleted.run_id])
    assert len(list(reclaim(instance))) == 2
    assert holders(instance) == {leaving.run_id}  # its process lives and may be in its last step


def test_the_daemon_ends_dead_runs_frees_their_slots_and_says_whether_it_repeats_them(
    instance: dg.DagsterInstance,
) -> None:
    dead = {leases.PID_TAG: NOBODY}
    launched, by_hand = begun(instance, dead), begun(instance, dead | {"dagster/max_retries": "0"})
    alive = begun(instance)
    context: Any = Context(instance)
    limit = instance.get_concurrency_config().run_queue_config
    assert limit is not None
    assert limit.max_concurrent_runs == 3

    list(execute_run_monitoring_iteration(context, logging.getLogger("daemon")))

    assert [status(instance, run).value for run in (launched, by_hand, alive)] == ["FAILURE", "FAILURE", "STARTED"]
    tags = [found.tags for run in (launched, by_hand) if (found := instance.get_run_by_id(run.run_id))]
    assert [each.get(RETRIED_TAG) for each in tags] == ["true", "false"]
    # Readers hear of a failure only where no repetition follows.
    windows = [failed_live_window(each) for each in tags]
    assert [window and window.key for window in windows] == [None, LAST]
    list(execute_concurrency_slots_iteration(context, logging.getLogger("daemon")))
    assert holders(instance) >= {alive.run_id}


@dg.op
def remember_tags(context: dg.OpExecutionContext) -> dict[str, str]:
    """The tags of the run, as its first step finds them."""
    run = context.instance.get_run_by_id(context.run_id)
    assert run is not None
    return dict(run.tags)


@dg.job(executor_def=leasing_executor)
def remembering() -> None:
    """A job whose step reads its run's tags."""
    remember_tags()


def test_a_run_records_its_process_before_its_first_step(instance: dg.DagsterInstance) -> None:
    with dg.execute_job(dg.reconstructable(remembering), instance) as result:
        tags = result.output_for_node("remember_tags")
    assert lease_tags(result.run_id).items() <= tags.items()


def test_what_is_dangerous_is_configured_alike_everywhere() -> None:
    names = ("run_monitoring", "run_retries")
    local, deployed = (
        yaml.safe_load((repository() / path).read_text(encoding="utf-8"))
        for path in ("dagster.yaml", "deploy/dagster.yaml")
    )
    for name in names:
        assert local[name] == deployed[name] == SAFEGUARDS[name], name
    assert local["concurrency"] == SAFEGUARDS["concurrency"]
    assert local["run_launcher"] == SAFEGUARDS["run_launcher"]
    assert local["run_coordinator"] == deployed["run_coordinator"] == SAFEGUARDS["run_coordinator"]
    # In a stack each run has a machine of its own; what the queue does in each place: `test_queue`.
    assert deployed["concurrency"]["pools"] == SAFEGUARDS["concurrency"]["pools"]
