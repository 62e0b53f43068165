"""The digest as the API's response: fields, units and an example, as the OpenAPI description shows them."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from signals_pipeline.core.prices.earnings import ReportFlag, ReportStatus, ReportTime
from signals_pipeline.core.signal_fields import (
    CombinedScore,
    DecidedAt,
    DecisionFields,
    ExpiresAt,
    Fragile,
    Fresh,
    NewsTitle,
    SignalReport,
    SignalSummary,
    Symbol,
    Technical,
    Tone,
    ToneConfidence,
)
from signals_pipeline.core.units import Range
from signals_pipeline.web import examples
from signals_pipeline.web.schemas import ApiModel, Contribution, RecordEntry, SettingValue


class ItemMetadata(ApiModel, frozen=True):
    """What an item rests on."""

    ml_confidence: ToneConfidence
    model: str
    tone: Tone
    technical: Technical
    fresh: Fresh
    single_story: Fragile
    window: str


class NextReport(ApiModel, frozen=True):
    """A company's next report as known before the digest."""

    status: ReportStatus = Field(
        description="announced; none: its source lists no date; unknown: its source has not answered lately"
    )
    day: date | None = Field(description="Day of the report; null unless announced")
    time: ReportTime = Field(description="Before the open or after the close of that day, New York; or unknown")
    estimated: bool = Field(description="Whether the day is an estimate; of a range it is the first")
    flag: ReportFlag = Field(description="tonight, before_open or today for a report that is close; otherwise empty")


class DigestItem(ApiModel, DecisionFields, SignalReport, frozen=True):
    """One signal of a digest."""

    id: str = Field(description="Permanent name, see /api/v1/signals")
    section: Literal["new", "changed", "from_missed"]
    company: str
    sector: str = Field(description="Sector of the company; empty where the watchlist has none")
    last_price: float | None = Field(description="Last close as traded; null where only the adjusted one is known")
    move: float | None = Field(
        description="Return from the last close before the leading headline to the decision, a fraction; null: unknown"
    )
    earnings: NextReport | None = Field(description="Next report of the company; null without an earnings calendar")
    mode: str
    sentences: list[str]
    contributions: list[Contribution]
    metadata: ItemMetadata


class ActiveSignal(ApiModel, SignalSummary, frozen=True):
    """An earlier signal that is still active, or has just expired."""

    company: str
    now: Annotated[float | None, Range(-1, 1)]
    news_title: NewsTitle
    decided_at: DecidedAt
    expires_at: ExpiresAt
    horizon: int | None
    net_return: float | None = Field(description="Return against the market in the signal's direction, a fraction")
    raw_return: float | None = Field(description="Return of the company's shares over the same sessions, a fraction")


class CorrectedSignal(ApiModel, SignalSummary, frozen=True):
    """An active signal with a headline that was edited or withdrawn since."""

    company: str
    without: float = Field(description="The score without the edited or withdrawn headlines")
    with_new: float | None = Field(description="The score with the new texts; null where everything was withdrawn")
    sentences: list[str]
    decided_at: DecidedAt
    known_at: datetime


class NearMiss(ApiModel, frozen=True):
    """A company that failed a single gate."""

    symbol: Symbol
    gate: str
    combined_score: CombinedScore
    tone: Tone
    technical: Technical
    news_title: NewsTitle
    reason: str


class SourceReport(ApiModel, frozen=True):
    """The result of fetching one feed."""

    feed: str
    status: Literal["ok", "degraded", "failed"]
    fetched: int
    detail: str


class CoverageEntry(ApiModel, frozen=True):
    """The span of news that the digest covers."""

    evidence_start: datetime
    evidence_end: datetime
    gap_minutes: int
    missing_windows: list[str]
    status: Literal["ok", "degraded", "failed"]
    headlines: int
    relevant: int
    stories: int
    delivered: int | None
    drops: dict[str, int]
    newest_at: datetime | None
    reports: list[SourceReport]


class DigestResponse(ApiModel, frozen=True):
    """One digest."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DIGEST]})

    window: str
    label: str
    as_of: datetime
    kind: str
    mode: str
    deployment: str
    subject: str
    market: str
    model: str
    sha256: str
    coverage: CoverageEntry
    coverage_line: str
    items: list[DigestItem]
    still_active: list[ActiveSignal]
    expired: list[ActiveSignal]
    corrected: list[CorrectedSignal]
    near_misses: list[NearMiss]
    funnel: dict[str, int]
    knobs: dict[str, SettingValue]
    record: list[RecordEntry]
    without_prices: list[str]
    earnings_source: str | None = Field(
        description="Name of the earnings calendar; empty: there is none; null in digests from before it was recorded"
    )
    earnings_unknown: list[str] = Field(description="Companies whose next report is unknown")
    notes: list[str]
