"""Live before backfill: Dagster's own queue starts a live run at once, whatever waits and whatever runs."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import dagster as dg
import pytest
import yaml
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteJobOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.storage.dagster_run import RunOpConcurrency
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.run_coordinator.queued_run_coordinator_daemon import QueuedRunCoordinatorDaemon
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.cli.doctor.runs import _queue as probe_queue
from signals_pipeline.defs.partitions import BACKFILL_TAG, mode_tags
from signals_pipeline.defs.sqlite_storage import instance_in

QUEUED, STARTED = dg.DagsterRunStatus.QUEUED, dg.DagsterRunStatus.STARTED
# The job's first step is in this pool; by default the queue holds a run back while another run has it.
POOLS = RunOpConcurrency(root_key_counts={"news": 1}, has_unconstrained_root_nodes=False, all_pools={"news", "signals"})
ORIGIN = RemoteJobOrigin(
    RemoteRepositoryOrigin(
        ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name="signals_pipeline.definitions")),
        "__repository__",
    ),
    "digest_job",
)
LIVE = {**mode_tags("live"), "dagster/schedule_name": "digest_schedule"}
BACKFILL = mode_tags("backfill")
OF_THE_UI = {BACKFILL_TAG: "abcdefgh"}
BY_HAND: dict[str, str] = {}
PLACES = {"dagster.yaml": 2, "deploy/dagster.yaml": 4, "no dagster.yaml": 2}  # backfills at a time


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def instance(place: str, tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    """The queue as it is configured in each place, over storage in a folder."""
    if place == "no dagster.yaml":
        with instance_in(tmp_path) as opened:
            yield opened
        return
    config = yaml.safe_load((repository() / place).read_text(encoding="utf-8"))
    queue: Any = {name: config[name] for name in ("run_coordinator", "concurrency")}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=queue) as opened:
        yield opened


def add(
    instance: dg.DagsterInstance, tags: dict[str, str], status: dg.DagsterRunStatus = QUEUED, count: int = 1
) -> list[str]:
    """Runs of the job with these tags; their ids."""
    ids = [str(uuid4()) for _ in range(count)]
    for run_id in ids:
        instance.run_storage.add_run(
            dg.DagsterRun(
                "digest_job",
                run_id=run_id,
                tags=tags,
                status=status,
                remote_job_origin=ORIGIN,
                run_op_concurrency=POOLS,
            )
        )
    return ids


def hold_pool(instance: dg.DagsterInstance, run_id: str) -> None:
    storage = instance.event_log_storage
    storage.initialize_concurrency_limit_to_default("news")
    assert storage.claim_concurrency_slot("news", run_id, "headlines").is_claimed


def next_runs(instance: dg.DagsterInstance) -> list[str]:
    """The runs that the queue starts now, the first one first."""
    daemon: Any = QueuedRunCoordinatorDaemon(interval_seconds=1)
    # Its decision alone: there is no workspace to launch anything in.
    runs = daemon._get_runs_to_dequeue(instance, instance.get_concurrency_config(), None)  # noqa: SLF001
    return [run.run_id for run in runs]


def test_four_backfills_that_run_and_four_that_wait_do_not_keep_the_live_run_waiting(
    instance: dg.DagsterInstance, place: str
) -> None:
    running = add(instance, BACKFILL, STARTED, count=PLACES[place])
    hold_pool(instance, running[0])
    add(instance, BACKFILL, count=4)
    add(instance, OF_THE_UI, count=4)
    [live] = add(instance, LIVE)
    assert next_runs(instance)[0] == live


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(kinds=st.lists(st.sampled_from([0, 1, 2]), max_size=12), at=st.integers(0, 12))
def test_whatever_waits_the_live_run_is_the_first_and_backfills_keep_their_limit(
    instance: dg.DagsterInstance, place: str, kinds: list[int], at: int
) -> None:
    for run in instance.get_runs():
        instance.run_storage.delete_run(run.run_id)
    tags = [BACKFILL, OF_THE_UI, BY_HAND]
    limit = PLACES[place]
    add(instance, BACKFILL, STARTED, count=limit)
    for kind in kinds[:at]:
        add(instance, tags[kind])
    [live] = add(instance, LIVE)
    for kind in kinds[at:]:
        add(instance, tags[kind])
    started = next_runs(instance)
    assert started[0] == live
    kinds_started = [run.tags for run_id in started if (run := instance.get_run_by_id(run_id))]
    assert BACKFILL not in kinds_started
    assert sum(BACKFILL_TAG in each for each in kinds_started) <= limit


def test_two_scheduled_runs_in_production_run_one_after_the_other_and_mails_beside_them(tmp_path: Path) -> None:
    """After a sleep over two ticks; a run that only sends mails is live as well, and keeps no digest waiting."""
    config = yaml.safe_load((repository() / "deploy" / "dagster.yaml").read_text(encoding="utf-8"))
    queue: Any = {name: config[name] for name in ("run_coordinator", "concurrency")}
    with dg.DagsterInstance.local_temp(str(tmp_path), overrides=queue) as instance:
        first, second = add(instance, LIVE, count=2)
        [mails] = add(instance, mode_tags("live"))
        assert next_runs(instance) == [first, mails]
        instance.run_storage.delete_run(first)
        assert next_runs(instance) == [second, mails]


def test_backfills_that_wait_for_their_turn_are_no_fault_of_the_daemon(
    instance: dg.DagsterInstance, place: str
) -> None:
    add(instance, BACKFILL, STARTED, count=PLACES[place])
    add(instance, BACKFILL)
    found = probe_queue(instance, datetime.now(UTC) + timedelta(hours=1))
    assert (found.status, "as many of their kind are running as may" in found.text) == ("warn", True)


def test_within_a_pool_the_live_run_is_next(instance: dg.DagsterInstance) -> None:
    """The steps of runs that wait for a pool are served by the runs' priority, then by the time of their request."""
    priorities = [int(mode_tags(mode)["dagster/priority"]) for mode in ("backfill", "manual", "live")]
    assert priorities == sorted(priorities)
    storage = instance.event_log_storage
    [holder, backfill] = add(instance, BACKFILL, STARTED, count=2)
    [live] = add(instance, LIVE, STARTED)
    hold_pool(instance, holder)
    for run_id, priority in ((backfill, priorities[0]), (live, priorities[-1])):
        assert not storage.claim_concurrency_slot("news", run_id, "headlines", priority).is_claimed
    storage.free_concurrency_slot_for_step(holder, "headlines")
    assert not storage.claim_concurrency_slot("news", backfill, "headlines", priorities[0]).is_claimed
    assert storage.claim_concurrency_slot("news", live, "headlines", priorities[-1]).is_claimed
