"""When the control service is awake: as the template's scheduled actions have it, minute by minute."""

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import example, given
from hypothesis import strategies as st

from signals_pipeline.core.control_hours import desired_count
from signals_pipeline_tests.support.stack_template import Template

[TARGET] = Template().of_type("AWS::ApplicationAutoScaling::ScalableTarget").values()

FIRST = datetime(2026, 1, 1, tzinfo=UTC)


def last_action(at: datetime) -> int:
    """The capacity that the newest scheduled action before an instant has set, looking back over a weekend."""
    fired: list[tuple[datetime, int]] = []
    for action in TARGET["ScheduledActions"]:
        found = re.fullmatch(r"cron\((\d+) (\d+) \? \* MON-FRI \*\)", action["Schedule"])
        assert found is not None
        local = at.astimezone(ZoneInfo(action["Timezone"]))
        for days in range(5):
            when = (local - timedelta(days=days)).replace(
                hour=int(found[2]), minute=int(found[1]), second=0, microsecond=0
            )
            if when.weekday() < 5 and when <= at:
                fired.append((when.astimezone(UTC), action["ScalableTargetAction"]["MaxCapacity"]))
    return max(fired)[1]


@given(
    st.integers(0, 3 * 365 * 24 * 60 * 60).map(lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(0, seconds))
)
@example(datetime(2026, 3, 9, 12, 15, tzinfo=UTC))  # the Mondays after both clock changes, at the minute
@example(datetime(2026, 3, 9, 12, 14, 59, tzinfo=UTC))
@example(datetime(2026, 11, 2, 13, 15, tzinfo=UTC))
@example(datetime(2026, 11, 2, 14, 0, tzinfo=UTC))
@example(datetime(2026, 3, 6, 23, 0, tzinfo=UTC))  # Friday's last action holds over the weekend
def test_the_wanted_count_is_what_the_last_scheduled_action_set(at: datetime) -> None:
    assert desired_count(at, always=False) == last_action(at)
    assert desired_count(at, always=True) == 1


def test_every_quarter_of_an_hour_of_the_two_weeks_of_a_clock_change() -> None:
    for start in (datetime(2026, 3, 4, tzinfo=UTC), datetime(2026, 10, 28, tzinfo=UTC)):
        instants = [start + timedelta(minutes=15 * step) for step in range(4 * 24 * 8)]
        assert [desired_count(at, always=False) for at in instants] == [last_action(at) for at in instants]
