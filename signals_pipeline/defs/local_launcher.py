"""The run launcher of local instances: runs are processes of this machine, and monitoring asks whether they live.

Named in `dagster.yaml`. Dagster's own launcher can't tell whether a process lives, so that its run monitoring never
ends a run that was killed together with the code server: by a power cut, or with the terminal of `dagster dev`.
"""

import dagster as dg
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus

from signals_pipeline.core.leases import Liveness
from signals_pipeline.defs.leases import holder_of, run_liveness


class LocalLauncher(DefaultRunLauncher):
    """Dagster's launcher, which knows by its lease whether a run's process lives."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """Run monitoring asks `check_run_worker_health`."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """FAILED if the run's process is gone; RUNNING where it lives or can't be judged from here."""
        return process_health(run)


def process_health(run: dg.DagsterRun) -> CheckRunHealthResult:
    """The health of a run that is a process, by its lease."""
    holder = holder_of(run)
    if holder is not None and run_liveness(run) is Liveness.DEAD:
        return CheckRunHealthResult(WorkerStatus.FAILED, f"process {holder.pid} on {holder.host} is gone")
    return CheckRunHealthResult(WorkerStatus.RUNNING)
