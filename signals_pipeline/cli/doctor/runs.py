"""Check of the runs in the Dagster instance: dead ones, slots that nobody uses, and a queue that does not move."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from signals_pipeline.adapters.probes.findings import ProbeResult, fail, ok, warn
from signals_pipeline.cli.doctor.vendors import Clock
from signals_pipeline.core.text import short_duration
from signals_pipeline.settings import Settings

if TYPE_CHECKING:
    import dagster as dg

# The daemon looks at its queue every few seconds, and a run over one window takes a minute.
QUEUED_TOO_LONG = timedelta(minutes=10)
# As `max_runtime_seconds` in dagster.yaml: then run monitoring ends a run whose process nobody can see.
UNSEEN_TOO_LONG = timedelta(hours=1)
_RECLAIM = "signals run ends such runs before it begins, and the daemon does within a minute (make dev)"


def runs(settings: Settings, now: Clock) -> ProbeResult:
    """Whether a run is dead, slots are held in vain, or runs wait in the queue and for what."""
    from signals_pipeline.cli.instances import local_instance
    from signals_pipeline.cli.scheduling import instance_exists
    from signals_pipeline.defs.leases import dead_runs, slots_without_run

    if not instance_exists(settings):
        return ok("there is no Dagster instance yet")
    with local_instance(settings) as instance:
        problems = [dead.described for dead in dead_runs(instance)]
        problems += [f"run {run_id} has ended and still holds slots" for run_id in slots_without_run(instance)]
        if problems:
            return fail("; ".join(problems), _RECLAIM)
        if unseen := _unseen(instance, now()):
            run = unseen[0]
            return warn(
                f"run {run.run_id} records no process of this machine and has not ended in"
                f" {short_duration(UNSEEN_TOO_LONG)}",
                f"if it no longer runs: dagster run delete {run.run_id}",
            )
        return _queue(instance, now())


def _unseen(instance: "dg.DagsterInstance", now: datetime) -> Sequence["dg.DagsterRun"]:
    """Unfinished runs that began long ago and whose process can't be judged from here, oldest first."""
    import dagster as dg

    from signals_pipeline.core.leases import Liveness
    from signals_pipeline.defs.leases import UNFINISHED, run_liveness

    found = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=UNFINISHED), ascending=True):
        is_old = now - record.create_timestamp > UNSEEN_TOO_LONG
        if is_old and run_liveness(record.dagster_run) is Liveness.UNKNOWN:
            found.append(record.dagster_run)
    return found


def _queue(instance: "dg.DagsterInstance", now: datetime) -> ProbeResult:
    """Whether runs have waited in the queue for long, and for what."""
    import dagster as dg
    from dagster._utils.tags import TagConcurrencyLimitsCounter

    from signals_pipeline.defs.leases import UNFINISHED, full_pools

    queued = instance.get_run_records(dg.RunsFilter(statuses=[dg.DagsterRunStatus.QUEUED]), ascending=True)
    unfinished = instance.get_runs_count(dg.RunsFilter(statuses=UNFINISHED))
    late = [record for record in queued if now - record.create_timestamp > QUEUED_TOO_LONG]
    if not late:
        return ok(f"{unfinished} running, {len(queued)} in the queue")
    waited = f"{len(late)} in the queue for more than {short_duration(QUEUED_TOO_LONG)}"

    limit = instance.get_concurrency_config().run_queue_config
    most = limit.max_concurrent_runs if limit else -1
    if 0 <= most <= unfinished:
        return warn(
            f"{waited}: {unfinished} are running, the limit is {most}",
            "wait for them, or cancel one in the UI; the limit is max_concurrent_runs in dagster.yaml",
        )
    running = instance.get_runs(dg.RunsFilter(statuses=UNFINISHED))
    kinds = TagConcurrencyLimitsCounter((limit and limit.tag_concurrency_limits) or [], running)
    if all(kinds.is_blocked(record.dagster_run) for record in late):
        return warn(
            f"{waited}: as many of their kind are running as may",
            "wait for them, or cancel one in the UI; the limits are tag_concurrency_limits in dagster.yaml",
        )
    full = [pool.concurrency_key for pool in full_pools(instance)]
    if full:
        return warn(f"{waited}: pool {', '.join(full)} is full", "wait for the runs that hold it, or cancel one")
    return fail(f"{waited}, and nothing that runs is in its way", "start the daemon: make dev, or the control service")
