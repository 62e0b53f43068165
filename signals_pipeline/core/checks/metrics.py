"""What a run tells the operator's monitoring: eight numbers, their units and meanings."""

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
    MetricKind("ErrorRate", "Percent", "Share of the run's steps and feeds that failed"),
    MetricKind("ConsecutiveEmptyRuns", "Count", "Newest windows in a row without a signal"),
    MetricKind("QuotaLeft", "Count", "Calls left today of the vendor that has fewest left"),
    MetricKind("Heartbeat", "Count", "1 where the digest that is due is there"),
)
UNIT_OF = {kind.name: kind.unit for kind in KINDS}


@dataclass(frozen=True, slots=True)
class Metric:
    """One value of a metric; the name is one of `KINDS`."""

    name: str
    value: float

    @property
    def unit(self) -> str:
        """The kind's unit."""
        return UNIT_OF[self.name]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """What is known of a run when it ends.

    Attributes:
        seconds: How long its process took.
        memory_bytes: Peak memory of its process.
        steps: Steps it was to run.
        failed_steps: Of these, how many failed or never ran.
        feeds: Answers of feeds, over all its windows.
        failed_feeds: Of these, how many failed.
        signals: Signals kept in its windows; None where no window was decided.
        confidences: Mean confidence and number of headlines of each window that had any.
        empty_runs: Newest windows in a row without a signal; None where it isn't known.
        quota_left: Calls left of the scarcest vendor; None where no vendor is counted.
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

    @property
    def error_rate(self) -> float:
        """Failed steps and feeds in percent of all; a run without a step failed whole."""
        parts = self.steps + self.feeds
        return 100 * (self.failed_steps + self.failed_feeds) / parts if self.steps else 100.0


def measured(facts: RunFacts) -> tuple[Metric, ...]:
    """The metrics of a run, in the order of `KINDS`; what isn't known is left out rather than told as zero.

    Only a run without a failed step beats: its digest is there.
    """
    headlines = sum(count for _, count in facts.confidences)
    confidence = sum(mean * count for mean, count in facts.confidences) / headlines if headlines else None
    values = {
        "SignalGenerationTime": facts.seconds,
        "SignalsGenerated": facts.signals,
        "MLConfidence": confidence,
        "MemoryUsed": facts.memory_bytes / 1e6,
        "ErrorRate": facts.error_rate,
        "ConsecutiveEmptyRuns": facts.empty_runs,
        "QuotaLeft": facts.quota_left,
        "Heartbeat": 1.0 if facts.steps and not facts.failed_steps else None,
    }
    return tuple(Metric(kind.name, float(value)) for kind in KINDS if (value := values[kind.name]) is not None)


def failed_run() -> tuple[Metric, ...]:
    """What is told of a run that died before it could tell anything itself."""
    return (Metric("ErrorRate", 100.0),)


def heartbeat(*, told: bool) -> tuple[Metric, ...]:
    """What the watch between runs tells: a beat where the digest that is due is there, else a zero."""
    return (Metric("Heartbeat", float(told)),)


def empty_streak(counts: Sequence[int]) -> int:
    """How many windows in a row, from the newest back, kept no signal.

    Args:
        counts: Signals a window, the newest first.
    """
    return next((place for place, count in enumerate(counts) if count), len(counts))
