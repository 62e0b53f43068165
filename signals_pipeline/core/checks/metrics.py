"""The metrics of a run for the operator's monitoring: ten numbers, their units and meanings.

`adapters.aws.metrics` sends them; `defs.metrics` collects the facts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

NAMESPACE = "MarketIntel"


@dataclass(frozen=True, slots=True)
class MetricKind:
    """A metric's name, its unit as CloudWatch writes it, and its meaning."""

    name: str
    unit: str
    meaning: str


KINDS = (
    MetricKind("SignalGenerationTime", "Seconds", "From the start of the run's process to its end"),
    MetricKind("SignalsGenerated", "Count", "Signals kept in the windows of the run"),
    MetricKind("MLConfidence", "None", "Mean probability of the top class over the run's headlines"),
    MetricKind("MemoryUsed", "Megabytes", "Peak memory of the run's process, in millions of bytes"),
    MetricKind(
        "ErrorRate",
        "Percent",
        "Share of the run's steps that failed and of its feeds that did not deliver all they have",
    ),
    MetricKind("ConsecutiveEmptyRuns", "Count", "Newest windows in a row without a signal"),
    MetricKind("QuotaLeft", "Count", "Calls left today of the vendor that has fewest left"),
    MetricKind("NewestHeadlineAge", "Seconds", "From the newest headline to the end of the run's newest window"),
    MetricKind("MailsWaiting", "Count", "Mails that wait for an operator's decision"),
    MetricKind("Heartbeat", "Count", "1 where the digest that is due is there"),
)
_UNITS = {kind.name: kind.unit for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Metric:
    """One value of a metric; the name is one of `KINDS`."""

    name: str
    value: float

    @property
    def unit(self) -> str:
        """The kind's unit."""
        return _UNITS[self.name]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known of a run when it ends.

    Attributes:
        seconds: Duration of its process.
        memory_bytes: Peak memory of its process.
        steps: Steps it was to run.
        failed_steps: Those of them that failed or never ran.
        feeds: Feeds asked, over all its windows.
        failed_feeds: Those of them that failed, or delivered only a part of what they have.
        signals: Signals kept in its windows; None where no window was decided.
        confidences: Mean confidence and number of headlines of each window that had any.
        empty_runs: Newest windows in a row without a signal; None where it isn't known.
        quota_left: Calls left of the scarcest vendor; None where no vendor is counted.
        newest_headline_age: Seconds from the newest headline to the newest window's end; None where there is none.
        mails_waiting: Mails that wait for an operator; None where it isn't known.
    """

    seconds: float
    memory_bytes: int
    steps: int
    failed_steps: int
    feeds: int
    failed_feeds: int
    signals: int | None = None
    confidences: Sequence[tuple[float, int]] = ()
    empty_runs: int | None = None
    quota_left: int | None = None
    newest_headline_age: float | None = None
    mails_waiting: int | None = None

    @property
    def error_rate(self) -> float:
        """Failed steps and feeds in percent of all; 100 for a run without a step, which never got that far."""
        if not self.steps:
            return 100.0
        return 100 * (self.failed_steps + self.failed_feeds) / (self.steps + self.feeds)

    @property
    def mean_confidence(self) -> float | None:
        """Mean confidence over all headlines; None without any."""
        headlines = sum(count for _, count in self.confidences)
        if not headlines:
            return None
        return sum(mean * count for mean, count in self.confidences) / headlines


def metrics_of_run(facts: RunFacts) -> tuple[Metric, ...]:
    """The metrics of a run, in the order of `KINDS`; what isn't known is left out rather than sent as 0."""
    # Only a run without a failed step sends a heartbeat: its digest is there.
    succeeded = facts.steps > 0 and not facts.failed_steps
    values: dict[str, float | None] = {
        "SignalGenerationTime": facts.seconds,
        "SignalsGenerated": facts.signals,
        "MLConfidence": facts.mean_confidence,
        "MemoryUsed": facts.memory_bytes / 1e6,
        "ErrorRate": facts.error_rate,
        "ConsecutiveEmptyRuns": facts.empty_runs,
        "QuotaLeft": facts.quota_left,
        "NewestHeadlineAge": facts.newest_headline_age,
        "MailsWaiting": facts.mails_waiting,
        "Heartbeat": 1.0 if succeeded else None,
    }
    metrics: list[Metric] = []
    for kind in KINDS:
        value = values[kind.name]
        if value is not None:
            metrics.append(Metric(kind.name, float(value)))
    return tuple(metrics)


def metrics_of_failed_run() -> tuple[Metric, ...]:
    """The metrics of a run that died before it could send any itself."""
    return (Metric("ErrorRate", 100.0),)


def heartbeat_metric(*, digest_present: bool) -> tuple[Metric, ...]:
    """The metric of the watch between runs: 1 where the digest that is due is there, otherwise 0."""
    return (Metric("Heartbeat", float(digest_present)),)


def waiting_metric(count: int) -> tuple[Metric, ...]:
    """The metric of the watch over the outbox: the number of mails that wait for an operator."""
    return (Metric("MailsWaiting", float(count)),)


def empty_streak(counts: Sequence[int]) -> int:
    """Number of windows in a row, from the newest back, without a signal.

    Args:
        counts: Signals per window, the newest first.
    """
    for place, count in enumerate(counts):
        if count:
            return place
    return len(counts)
