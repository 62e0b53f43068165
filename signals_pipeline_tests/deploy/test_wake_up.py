"""Two hundred and fifty weekdays of a stack that sleeps between digests: each digest is there by 08:35 (17:35)."""

import random
from datetime import date, timedelta
from typing import Any

from signals_pipeline.core.windows import NEW_YORK
from signals_pipeline_tests.support import wake_simulation
from signals_pipeline_tests.support.stack_template import PARAMETERS, Template
from signals_pipeline_tests.support.wake_simulation import simulate

FIRST = date(2026, 2, 2)
DAYS = 250  # both changes of daylight saving are among them, 8 March and 1 November
LIMIT = timedelta(minutes=5)


def test_each_digest_of_a_year_is_handed_over_within_five_minutes() -> None:
    wakes = list(simulate(Template(), FIRST, DAYS, random.Random(23)))
    assert len(wakes) == 2 * DAYS
    assert {(wake.due.hour, wake.due.minute) for wake in wakes} == {(8, 30), (17, 30)}
    assert all(wake.due.weekday() < 5 for wake in wakes)
    assert len({wake.due.utcoffset() for wake in wakes}) == 2
    assert wakes[-1].due.date() > date(2026, 11, 2)
    assert max(wake.late for wake in wakes) <= LIMIT
    # Early enough: database and daemon wait for the tick, not it for them.
    assert all(wake.ready <= wake.due for wake in wakes)
    assert all(wake.due.tzinfo is NEW_YORK for wake in wakes)


def test_the_wake_up_has_minutes_to_spare_for_a_database_that_resumes_slowly() -> None:
    """The longest time of everything at once, the database's included, is less than the quarter of an hour."""
    spans = ("SCALING", "FARGATE", "CODE", "DAEMON", "DATABASE")
    longest = timedelta(seconds=sum(getattr(wake_simulation, name)[1] for name in spans))
    early = timedelta(minutes=15)
    assert timedelta(minutes=5) < early - longest


def test_a_wake_up_ten_minutes_later_would_miss_the_hour() -> None:
    """The simulation can fail: with a wake-up at 08:27 the database and the daemon are late for the tick."""
    body = Template().body
    late: Any = _with_schedules(body, {"cron(15 8 ? * MON-FRI *)": "cron(27 8 ? * MON-FRI *)"})
    wakes = list(simulate(Template(given=PARAMETERS, body=late), FIRST, DAYS, random.Random(23)))
    assert max(wake.late for wake in wakes) > LIMIT


def _with_schedules(node: object, changes: dict[str, str]) -> object:
    if isinstance(node, dict):
        return {name: _with_schedules(each, changes) for name, each in node.items()}
    if isinstance(node, list):
        return [_with_schedules(each, changes) for each in node]
    return changes.get(node, node) if isinstance(node, str) else node
