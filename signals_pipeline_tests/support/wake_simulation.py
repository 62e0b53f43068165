"""Wakes of a stack that sleeps between digests, simulated over its own schedules: when a digest is handed over.

Only the times that AWS and the programs take are drawn; what wakes when, and what the daemon does, is the template's
and Dagster's. Seconds; each range is wider than its source.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from dagster._utils.schedules import schedule_execution_time_iterator

from signals_pipeline.core.windows import DIGEST_CRON, NEW_YORK
from signals_pipeline_tests.support.stack_template import Template

Range = tuple[float, float]

# Application Auto Scaling carries out a scheduled action within a minute or so of its time, the service scheduler looks
# at desired counts every few seconds.
SCALING: Range = (1, 120)
# From RunTask to the container: measured for an image of 413 MB, 53 to 62 s (elasticscale.com, reduce AWS Fargate pull
# times); 1 to 3 minutes are named for large images. Ours has 313 MB.
FARGATE: Range = (30, 180)
# `code` answers its health check: the check runs every 15 s, and an import of all definitions takes seconds of half a
# processor; the start period is 120 s.
CODE: Range = (15, 120)
# The daemon's first look after its start: Dagster's own tests of a tick that was missed took 18 s.
DAEMON: Range = (5, 30)
# Aurora resumes in about 15 s, 30 s or more after a day's pause; a retry begins half a second after a failure.
DATABASE: Range = (5, 60)
# The scheduler looks at the start of each minute, the queue every five seconds.
TICK: Range = (0, 20)
QUEUE: Range = (0, 5)
# From the process's start to the mails: the success criterion of the guide is 35 s, the alarm SlowRun is at 60.
RUN: Range = (15, 60)
SPOT_REFUSES = 0.05  # of the launches: the task is then asked for again, on demand
SLOW_DAY = 0.05  # of the days everything takes the longest time of its range


@dataclass(frozen=True)
class Wake:
    """One digest of one day.

    Attributes:
        due: The window's end.
        ready: When the daemon was ready, with its database.
        handed_over: When the last mail was handed over.
    """

    due: datetime
    ready: datetime
    handed_over: datetime

    @property
    def late(self) -> timedelta:
        """After the window's end."""
        return self.handed_over - self.due


def simulate(template: Template, first: date, days: int, chance: random.Random) -> Iterator[Wake]:
    """Both digests of so many weekdays."""
    [target] = template.of_type("AWS::ApplicationAutoScaling::ScalableTarget").values()
    wakes = [each for each in target["ScheduledActions"] if each["ScalableTargetAction"]["MinCapacity"]]
    begin = datetime.combine(first, time(), NEW_YORK)
    # The instants at which Dagster's scheduler ticks, across changes of daylight saving.
    ticks = schedule_execution_time_iterator(begin.timestamp(), DIGEST_CRON, str(NEW_YORK), ascending=True)
    for _ in range(2 * days):
        due = datetime.fromtimestamp(next(ticks).timestamp(), NEW_YORK)
        woken = max(instant for each in wakes if (instant := _instant(each, due.date())) <= due)
        yield _wake(due, woken, chance)


def _wake(due: datetime, woken: datetime, chance: random.Random) -> Wake:
    slow = chance.random() < SLOW_DAY

    def seconds(span: Range) -> timedelta:
        return timedelta(seconds=span[1] if slow else chance.uniform(*span))

    # The containers start one after the other; the first connection is the daemon's, which waits for the database.
    ready = woken + seconds(SCALING) + seconds(FARGATE) + seconds(CODE) + seconds(DAEMON) + seconds(DATABASE)
    # A tick that the daemon missed is launched at its first look.
    launched = max(ready, due) + seconds(TICK) + seconds(QUEUE)
    if slow or chance.random() < SPOT_REFUSES:
        launched += timedelta(seconds=10)
    return Wake(due, ready, launched + seconds(FARGATE) + seconds(RUN))


def _instant(action: dict[str, str], day: date) -> datetime:
    found = re.fullmatch(r"cron\((\d+) (\d+) \? \* MON-FRI \*\)", action["Schedule"])
    assert found is not None
    return datetime.combine(day, time(int(found[2]), int(found[1])), ZoneInfo(action["Timezone"]))
