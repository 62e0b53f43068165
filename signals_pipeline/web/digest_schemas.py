"""The digest as the API's response: fields, units and an example, as the OpenAPI description shows them."""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from signals_pipeline.web import examples
from signals_pipeline.web.schemas import (
    ApiModel,
    Contribution,
    Link,
    RecordEntry,
    Score,
    SettingValue,
    SignalType,
    Text,
)


class ItemMetadata(ApiModel):
    """What an item rests on."""

    ml_confidence: float = Field(description="Tone confidence in [0, 1]; not a probability of profit")
    model: Text
    tone: Score
    technical: Score | None
    fresh: bool
    single_story: bool
    window: str


class DigestItem(ApiModel):
    """One signal of a digest."""

    id: str = Field(description="Permanent name, see /api/v1/signals")
    section: Literal["new", "changed", "from_missed"]
    symbol: Text
    company: Text
    signal_type: SignalType
    lifecycle: Text
    confidence_score: float = Field(description="Tone confidence in [0, 1]; not a probability of profit")
    combined_score: Score = Field(description="The sum of the contributions")
    news_title: Text
    news_url: Link
    source: Literal["news_driven_ml", "technical"]
    mode: Text
    decided_at: datetime
    expires_at: datetime
    sentences: list[Text]
    contributions: list[Contribution]
    metadata: ItemMetadata


class ActiveSignal(ApiModel):
    """An earlier signal that is still active, or has just expired."""

    symbol: Text
    company: Text
    signal_type: SignalType
    combined_score: Score
    now: Score | None
    news_title: Text
    decided_at: datetime
    expires_at: datetime
    horizon: int | None
    net_return: float | None


class CorrectedSignal(ApiModel):
    """An active signal with a headline that was edited or withdrawn since."""

    symbol: Text
    company: Text
    signal_type: SignalType
    combined_score: Score
    without: float = Field(description="The score without the edited or withdrawn headlines")
    with_new: float | None = Field(description="The score with the new texts; null where everything was withdrawn")
    sentences: list[Text]
    decided_at: datetime
    known_at: datetime


class NearMiss(ApiModel):
    """A company that failed a single gate."""

    symbol: Text
    gate: Text
    combined_score: Score
    tone: Score
    technical: Score | None
    news_title: Text
    reason: Text


class SourceReport(ApiModel):
    """The result of fetching one feed."""

    feed: Text
    status: Literal["ok", "degraded", "failed"]
    fetched: int
    detail: Text


class CoverageEntry(ApiModel):
    """The span of news that the digest covers."""

    evidence_start: datetime
    evidence_end: datetime
    gap_minutes: int
    missing_windows: list[Text]
    status: Literal["ok", "degraded", "failed"]
    headlines: int
    relevant: int
    stories: int
    reports: list[SourceReport]


class DigestResponse(ApiModel):
    """One digest."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DIGEST]})

    window: str
    label: Text
    as_of: datetime
    kind: Text
    mode: Text
    deployment: Text
    subject: Text
    market: Text
    model: Text
    sha256: str
    coverage: CoverageEntry
    coverage_line: Text
    items: list[DigestItem]
    still_active: list[ActiveSignal]
    expired: list[ActiveSignal]
    corrected: list[CorrectedSignal]
    near_misses: list[NearMiss]
    funnel: dict[Text, int]
    knobs: dict[Text, SettingValue]
    record: list[RecordEntry]
    notes: list[Text]
