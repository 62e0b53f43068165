"""A small evaluator of CloudWatch alarms, for metric histories: periods that slide, M of N datapoints, missing data.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarm-evaluation.html
"""

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any

History = Mapping[str, Sequence[tuple[datetime, float]]]
STATISTICS = {
    "Maximum": max,
    "Minimum": min,
    "Sum": sum,
    "Average": lambda values: sum(values) / len(values),
}
COMPARISONS = {
    "GreaterThanThreshold": lambda value, threshold: value > threshold,
    "GreaterThanOrEqualToThreshold": lambda value, threshold: value >= threshold,
    "LessThanThreshold": lambda value, threshold: value < threshold,
}


def states(
    alarm: Mapping[str, Any], history: History, start: datetime, end: datetime, step: timedelta = timedelta(minutes=5)
) -> Iterator[tuple[datetime, str]]:
    """The alarm's state at every evaluation from start to end; it begins as OK."""
    state = "OK"
    at = start
    while at <= end:
        state = _evaluated(alarm, history.get(alarm["MetricName"], ()), at, state)
        yield at, state
        at += step


def fired(alarm: Mapping[str, Any], history: History, start: datetime, end: datetime) -> list[datetime]:
    """The instants at which the alarm went from OK to ALARM."""
    before, found = "OK", []
    for at, state in states(alarm, history, start, end):
        if state == "ALARM" != before:
            found.append(at)
        before = state
    return found


def _evaluated(alarm: Mapping[str, Any], points: Sequence[tuple[datetime, float]], at: datetime, state: str) -> str:
    period = timedelta(seconds=alarm["Period"])
    statistic, compare = STATISTICS[alarm["Statistic"]], COMPARISONS[alarm["ComparisonOperator"]]
    breaching, seen = 0, 0
    for back in range(alarm["EvaluationPeriods"]):
        until = at - back * period
        first, last = (bisect_left(points, edge, key=itemgetter(0)) for edge in (until - period, until))
        values = [value for _, value in points[first:last]]
        if values:
            seen += 1
            breaching += compare(statistic(values), alarm["Threshold"])
        else:
            breaching += alarm["TreatMissingData"] == "breaching"
    if not seen and alarm["TreatMissingData"] == "ignore":
        return state
    return "ALARM" if breaching >= alarm["DatapointsToAlarm"] else "OK"
