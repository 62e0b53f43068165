"""`signals doctor` looks at runs, slots and the queue: what is dead, what waits, and for what."""

import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.code_pointer import ModuleCodePointer
from dagster._core.origin import JobPythonOrigin, RepositoryPythonOrigin
from dagster._core.remote_origin import ManagedGrpcPythonEnvCodeLocationOrigin, RemoteJobOrigin, RemoteRepositoryOrigin
from dagster._core.test_utils import create_run_for_test
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin

from signals_pipeline.adapters.probes.findings import ProbeResult
from signals_pipeline.cli.doctor.runs import QUEUED_TOO_LONG, UNSEEN_TOO_LONG, runs
from signals_pipeline.cli.instances import local_instance
from signals_pipeline.settings import Settings

STARTED = dg.DagsterRunStatus.STARTED
CODE = JobPythonOrigin(
    "digest_job", RepositoryPythonOrigin(sys.executable, ModuleCodePointer("signals_pipeline.definitions", "defs"))
)
LATER = max(QUEUED_TOO_LONG, UNSEEN_TOO_LONG) + timedelta(minutes=1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings.checked(signals_data_dir=tmp_path / "data", dagster_home=tmp_path, _env_file=None)


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with local_instance(settings) as opened:
        yield opened


def looked(settings: Settings, later: timedelta = timedelta()) -> ProbeResult:
    return runs(settings, lambda: datetime.now(UTC) + later)


def test_without_an_instance_there_is_nothing_to_look_at_and_none_is_made(settings: Settings, tmp_path: Path) -> None:
    assert (looked(settings).status, list(tmp_path.iterdir())) == ("ok", [])


def test_a_run_without_a_process_is_named_when_it_should_have_ended(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    run = create_run_for_test(instance, "digest_job", status=STARTED)
    assert looked(settings).status == "ok"
    late = looked(settings, LATER)
    assert (late.status, late.remedy) == ("warn", f"if it no longer runs: dagster run delete {run.run_id}")
    assert run.run_id in late.text


def test_a_queue_that_does_not_move_is_explained(settings: Settings, instance: dg.DagsterInstance) -> None:
    target = LoadableTargetOrigin(module_name="signals_pipeline.definitions")
    location = ManagedGrpcPythonEnvCodeLocationOrigin(target)
    origin = RemoteJobOrigin(RemoteRepositoryOrigin(location, "__repository__"), "digest_job")
    create_run_for_test(
        instance, "digest_job", status=dg.DagsterRunStatus.QUEUED, remote_job_origin=origin, job_code_origin=CODE
    )
    assert looked(settings).text == "0 running, 1 in the queue"
    late = QUEUED_TOO_LONG + timedelta(minutes=1)
    idle = looked(settings, late)
    assert (idle.status, idle.text) == (
        "fail",
        "1 in the queue for more than 10 min, and nothing that runs is in its way",
    )
    assert "start the daemon" in idle.remedy

    holder = create_run_for_test(instance, "digest_job", status=STARTED)
    instance.event_log_storage.set_concurrency_slots("news", 1)
    instance.event_log_storage.claim_concurrency_slot("news", holder.run_id, "headlines")
    blocked = looked(settings, late)
    assert (blocked.status, blocked.text) == ("warn", "1 in the queue for more than 10 min: pool news is full")

    for _ in range(2):
        create_run_for_test(instance, "digest_job", status=STARTED)
    limited = looked(settings, late)
    assert limited.text == "1 in the queue for more than 10 min: 3 are running, the limit is 3"


def test_slots_of_a_deleted_run_are_a_failure(settings: Settings, instance: dg.DagsterInstance) -> None:
    holder = create_run_for_test(instance, "digest_job", status=STARTED)
    instance.event_log_storage.set_concurrency_slots("news", 1)
    instance.event_log_storage.claim_concurrency_slot("news", holder.run_id, "headlines")
    instance.run_storage.delete_run(holder.run_id)
    found = looked(settings)
    assert (found.status, found.text) == ("fail", f"run {holder.run_id} has ended and still holds slots")
    assert "signals run" in found.remedy
