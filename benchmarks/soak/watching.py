"""Watching a deployment in a soak: when a window is over, which mails wait, what its processes hold."""

import re
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import psutil
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from benchmarks.soak.folder import belongs
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.alerts import INTERVAL_SECONDS, WAITING_INTERVAL_SECONDS
from signals_pipeline_tests.support.deployment import Deployment

STUCK = 150.0  # seconds without an end, after which the clock is put forward until run monitoring ends the run
UNTICKED = 120.0  # seconds without a run of the window, after which the clock is put forward, too
STEP, STEP_SECONDS = timedelta(minutes=5), 8.0  # by so much, each so many seconds
TOO_LONG = timedelta(minutes=61)  # of the deployment's clock: what run monitoring ends
LOST = 900.0  # seconds after which the soak itself is taken for broken
WATCHED = ("daemon", "code")
_UNFINISHED = "SELECT count(*) FROM dagster.runs WHERE status NOT IN ('SUCCESS', 'FAILURE', 'CANCELED')"
_OF_WINDOW = "SELECT run_id FROM dagster.run_tags WHERE key = 'dagster/run_key' AND value = :key"
_TICKED = f"SELECT count(*) FROM ({_OF_WINDOW}) runs"  # noqa: S608 - constants
_TO_REPEAT = (
    "SELECT count(*) FROM dagster.run_tags a WHERE key = 'dagster/will_retry' AND value = 'true' AND NOT EXISTS"
    " (SELECT 1 FROM dagster.run_tags b WHERE b.run_id = a.run_id AND b.key = 'dagster/auto_retry_run_id')"
)
_PROCESS = (
    "SELECT max(event) FROM dagster.event_logs"  # noqa: S608 - constants
    f" WHERE run_id IN ({_OF_WINDOW}) AND event LIKE '%Started process for run (pid: %'"
)
# Sensors that have ended a look begun after another tick. Times tell nothing: a clock ahead has stored later ones.
_LOOKED = (
    "SELECT count(DISTINCT selector_id) FROM dagster.job_ticks"
    " WHERE type = 'SENSOR' AND status <> 'STARTED' AND id > :tick"
)
_NEWEST_TICK = "SELECT coalesce(max(id), 0) FROM dagster.job_ticks"
# Sensors that look less often than each minute, and how often: mails_waiting, silence.
_SELDOM = (timedelta(seconds=WAITING_INTERVAL_SECONDS), timedelta(seconds=INTERVAL_SECONDS))
LOOKS = 60.0  # seconds given to them, also for the start of a daemon whose clock was put back


class Watch:
    """Looks at the database and the processes; `let_pass` counts runs that hung."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment, self.let_pass = deployment, 0
        self._engine = sa.create_engine(deployment.database_url, poolclass=sa.NullPool)

    def give_up(self) -> None:
        """Have run monitoring end what a stopped soak had begun: nobody works at it any more."""
        if self._row(_UNFINISHED)[0]:
            self.deployment.clock.forward(TOO_LONG)

    def worker(self, window: Window) -> psutil.Process | None:
        """The process of the window's run as soon as it is there; None where it is over already."""
        found: list[str] = []

        def there() -> bool:
            found[:] = re.findall(r"\(pid: (\d+)\)", self._row(_PROCESS, key=window.key)[0] or "")
            return bool(found)

        self._until(there)
        with suppress(psutil.NoSuchProcess):
            process = psutil.Process(int(found[0]))
            # Of a run that a stopped soak had begun, the number may be another process's by now.
            return process if belongs(process, self.deployment.folder) else None
        return None

    def settled(self, window: Window, again: Callable[[], None], stepped: Callable[[timedelta], None]) -> bool:
        """Wait until the window's run, and whatever Dagster repeats of it, is over; see `idle`.

        Where none begins, the clock is put forward in steps, up to an hour.

        Returns:
            Whether a run of the window was begun.
        """
        since = time.monotonic()
        late = timedelta()
        while not self._row(_TICKED, key=window.key)[0]:
            again()
            if time.monotonic() - since > UNTICKED:
                if late >= TOO_LONG:
                    self.idle(again, stepped)
                    return False
                self.deployment.clock.forward(STEP)
                late, since = late + STEP, since + STEP_SECONDS
                stepped(STEP)
            time.sleep(0.25)
        self.idle(again, stepped)
        return True

    def idle(self, again: Callable[[], None], stepped: Callable[[timedelta], None]) -> None:
        """Wait until no run goes on and none is to be repeated.

        A run that hangs ends by run monitoring: the clock is put forward in steps, up to an hour.

        Args:
            again: Starts processes that have ended; called from time to time.
            stepped: Called after a step of the clock.
        """
        since = time.monotonic()
        steps = 0

        def over() -> bool:
            nonlocal since, steps
            if not self._row(_UNFINISHED)[0] and not self._row(_TO_REPEAT)[0]:
                return True
            if time.monotonic() - since > STUCK:
                self.deployment.clock.forward(STEP)
                steps, since = steps + 1, since + STEP_SECONDS
                stepped(STEP)
            return False

        self._until(over, again)
        self.let_pass += bool(steps)

    def newest_tick(self) -> int:
        """Number of the tick that was begun last."""
        return int(self._row(_NEWEST_TICK)[0])

    def looked(self, tick: int, span: timedelta) -> None:
        """Wait until the sensors that are due after so much time have looked after that tick, or long enough."""
        sensors = self._row(_LOOKED, tick=0)[0] - sum(span < interval for interval in _SELDOM)
        deadline = time.monotonic() + LOOKS
        while self._row(_LOOKED, tick=tick)[0] < sensors and time.monotonic() < deadline:
            time.sleep(0.25)

    def sample(self) -> dict[str, Any]:
        """Memory (MiB) and open files of the daemon and the code server, by the process's start."""
        found: dict[str, Any] = {"hung": self.let_pass}
        self.let_pass = 0
        for name in WATCHED:
            process = self.deployment.processes[name]
            found[name] = {
                "pid": process.pid, "mib": round(process.memory_info().rss / 2**20, 1), "files": process.num_fds(),
            }  # fmt: skip
        return found

    def _row(self, query: str, **values: Any) -> Any:  # noqa: ANN401 - a row
        """The row of a query, asked again while the database server is away."""
        deadline = time.monotonic() + LOST
        while True:
            try:
                with self._engine.connect() as connection:
                    return connection.execute(sa.text(query), values).one()
            except OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.25)

    def _until(self, asked: Callable[[], bool], again: Callable[[], None] = lambda: None) -> None:
        deadline = time.monotonic() + LOST
        while not asked():
            again()
            assert time.monotonic() < deadline, self.deployment.log("daemon")[-3000:]
            time.sleep(0.25)
