"""Each alarm of the stack fires when it must, and only then: histories of metrics through the template's own values."""

from datetime import UTC, datetime, time, timedelta

import pytest

from signals_pipeline.core.checks.metrics import KINDS, NAMESPACE
from signals_pipeline.core.windows import NEW_YORK
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.alarm_evaluator import fired
from signals_pipeline_tests.support.stack_template import PARAMETERS, Template

ALARMS = Template().of_type("AWS::CloudWatch::Alarm")
START = datetime(2026, 10, 26, tzinfo=UTC)  # a Monday; on the Sunday after, the clocks go back
END = START + timedelta(days=14)
FRIDAY = START + timedelta(days=4)
GOOD = {
    "SignalGenerationTime": 33.0,
    "SignalsGenerated": 2.0,
    "MLConfidence": 0.86,
    "MemoryUsed": 430.0,
    "ErrorRate": 0.0,
    "ConsecutiveEmptyRuns": 0.0,
    "QuotaLeft": 60.0,
    "NewestHeadlineAge": 600.0,
    "MailsWaiting": 0.0,
}
Points = dict[str, list[tuple[datetime, float]]]


def at_new_york(day: datetime, hour: int, minute: int) -> datetime:
    return datetime.combine(day.date(), time(hour, minute), NEW_YORK).astimezone(UTC)


def days() -> list[datetime]:
    return [START + timedelta(days=n, hours=12) for n in range(14)]


def runs() -> list[datetime]:
    weekdays = [day for day in days() if day.weekday() < 5]
    return [at_new_york(day, *when) for day in weekdays for when in ((8, 32), (17, 32))]


def watches() -> list[datetime]:
    return [at_new_york(day, *when) for day in days() for when in ((9, 1), (18, 1))]


def fortnight() -> Points:
    """Two quiet weeks: two runs a weekday, two looks a day."""
    told: Points = {name: [(at, value) for at in runs()] for name, value in GOOD.items()}
    told["Heartbeat"] = sorted((at, 1.0) for at in [START - timedelta(hours=1), *runs(), *watches()])
    return told


def test_a_quiet_fortnight_with_its_weekends_and_the_change_of_clocks_fires_nothing() -> None:
    history = fortnight()
    assert {name: fired(alarm, history, START, END) for name, alarm in ALARMS.items()} == {name: [] for name in ALARMS}


@pytest.mark.parametrize(
    ("alarm", "metric", "at_limit", "beyond"),
    [
        ("SlowRun", "SignalGenerationTime", 60.0, 60.5),
        ("LowConfidence", "MLConfidence", 0.5, 0.499),
        ("HighMemory", "MemoryUsed", 1800.0, 1801.0),
        ("Errors", "ErrorRate", 5.0, 5.1),
        ("NoSignals", "ConsecutiveEmptyRuns", 3.0, 4.0),
        ("QuotaLow", "QuotaLeft", 10.0, 9.0),
        ("MailsWaiting", "MailsWaiting", 0.0, 1.0),
    ],
)
def test_an_alarm_fires_beyond_its_threshold_alone_and_ends_with_the_next_good_run(
    alarm: str, metric: str, at_limit: float, beyond: float
) -> None:
    third = runs()[3]
    for value, expected in ((at_limit, 0), (beyond, 1)):
        history = fortnight()
        history[metric] = [(at, value if at == third else GOOD[metric]) for at in runs()]
        times = {name: fired(each, history, START, FRIDAY) for name, each in ALARMS.items()}
        assert len(times.pop(alarm)) == expected
        assert not any(times.values())
    [when] = fired(ALARMS[alarm], history, START, FRIDAY)
    assert third < when <= third + timedelta(minutes=10)
    bad_forever = history | {metric: [(at, beyond if at >= third else GOOD[metric]) for at in runs()]}
    assert fired(ALARMS[alarm], bad_forever, START, FRIDAY) == [when]  # said once, not at every run


@pytest.mark.parametrize(
    ("alarm", "metric", "at_limit", "beyond"),
    [
        ("DatabaseStorageLow", "FreeStorageSpace", 2.0 * 2**30, 2.0 * 2**30 - 1),
        ("DatabaseCreditsLow", "CPUCreditBalance", 20.0, 19.9),
    ],
)
def test_a_database_that_runs_full_or_short_of_credits_is_told_once_within_twenty_minutes(
    alarm: str, metric: str, at_limit: float, beyond: float
) -> None:
    """RDS tells both every minute; a single low value is none."""
    minutes = [START + timedelta(minutes=n) for n in range(180)]
    for value, expected in ((at_limit, 0), (beyond, 1)):
        history = {metric: [(at, at_limit + 1 if at < minutes[60] else value) for at in minutes]}
        times = fired(ALARMS[alarm], history, START, minutes[-1])
        assert len(times) == expected
        assert all(minutes[60] < at <= minutes[80] for at in times)
    dip = {metric: [(at, beyond if at == minutes[60] else at_limit) for at in minutes]}
    assert fired(ALARMS[alarm], dip, START, minutes[-1]) == []


def test_the_heartbeat_alarm_waits_for_a_confirmed_subscription() -> None:
    """A new alarm without data fires at once, and tells it once: before anybody listens it would never be heard."""
    assert fired(ALARMS["HeartbeatMissing"], {}, START, START + timedelta(hours=1)) == [START]
    assert Template().body["Resources"]["HeartbeatMissing"]["Condition"] == "HasHeartbeatAlarm"
    unheard = Template(given=PARAMETERS | {"HeartbeatAlarm": "no"})
    assert not unheard.condition("HasHeartbeatAlarm")


def test_empty_runs_fire_after_four_and_not_because_of_a_weekend() -> None:
    friday_evening = 9  # the tenth run; two more follow on Monday
    history = fortnight()
    empty = dict.fromkeys(range(friday_evening - 1, friday_evening + 2), True)
    streak, counted = 0, []
    for place, at in enumerate(runs()):
        streak = streak + 1 if place in empty else 0
        counted.append((at, float(streak)))
    history["ConsecutiveEmptyRuns"] = counted
    assert fired(ALARMS["NoSignals"], history, START, END) == []
    history["ConsecutiveEmptyRuns"] = [(at, float(place)) for place, at in enumerate(runs())]
    [when] = fired(ALARMS["NoSignals"], history, START, END)
    assert runs()[4] < when <= runs()[4] + timedelta(minutes=10)


def test_alarm_and_mail_mean_the_same_by_several_runs_in_a_row() -> None:
    """The alarm NoSignals and the sensor `silence`, which looks at the same count of the same windows."""
    alarm = ALARMS["NoSignals"]
    assert alarm["ComparisonOperator"] == "GreaterThanOrEqualToThreshold"
    assert alarm["Threshold"] == Settings.model_fields["quiet_runs_alert"].default == 4


@pytest.mark.parametrize("place", range(14))
def test_a_heart_that_stops_is_missed_within_eighteen_hours_on_any_day(place: int) -> None:
    """Runs and looks stop after a day's last beat; beats of zero (the digest is not there) count as none."""
    history = fortnight()
    stop = at_new_york(days()[place], 18, 30)
    for later in ([], [(at, 0.0) for at in watches() if at > stop]):
        beats = [(at, value) for at, value in history["Heartbeat"] if at <= stop]
        stopped = history | {"Heartbeat": sorted([*beats, *later])}
        times = fired(ALARMS["HeartbeatMissing"], stopped, START, END + timedelta(days=2))
        last = max(at for at, _ in beats)
        assert len(times) == 1
        assert timedelta(hours=17) < times[0] - last <= timedelta(hours=18, minutes=10)


def test_a_missed_morning_is_told_by_midday_and_the_evening_ends_it() -> None:
    history = fortnight()
    missed = at_new_york(days()[1], 8, 32), at_new_york(days()[1], 9, 1)
    history["Heartbeat"] = [(at, 0.0 if at in missed else value) for at, value in history["Heartbeat"]]
    [when] = fired(ALARMS["HeartbeatMissing"], history, START, END)
    assert at_new_york(days()[1], 12, 0) <= when <= at_new_york(days()[1], 12, 15)


def test_alarms_watch_metrics_that_runs_tell_within_what_cloudwatch_accepts() -> None:
    names = {kind.name for kind in KINDS}
    watched = {alarm["MetricName"] for alarm in ALARMS.values() if alarm["Namespace"] == NAMESPACE}
    assert watched == names - {"SignalsGenerated", "NewestHeadlineAge"}
    for name, alarm in ALARMS.items():
        is_ours = alarm["Namespace"] == NAMESPACE
        seconds = alarm["Period"] * alarm["EvaluationPeriods"]
        assert alarm["Period"] % 60 == 0, name
        assert seconds <= (7 * 86_400 if alarm["Period"] >= 3_600 else 86_400), name
        assert alarm["DatapointsToAlarm"] <= alarm["EvaluationPeriods"], name
        database = {"Name": "DBInstanceIdentifier", "Value": "signals-Database"}
        assert alarm["Dimensions"] == [{"Name": "Stack", "Value": "signals"} if is_ours else database], name
        assert alarm["AlarmActions"], name
