"""A digest as the API answers it: fields, units and an example, as OpenAPI tells them."""

from datetime import datetime
from typing import Literal

from pydantic import ConfigDict, Field

from signals_pipeline.web import examples
from signals_pipeline.web.schemas import Knob, Link, Part, Read, RecordEntry, Score, SignalType, Text


class ItemMetadata(Read):
    """What lies behind an item."""

    ml_confidence: float = Field(description="Tone confidence in [0, 1]; never a chance of profit")
    model: Text
    tone: Score
    technical: Score | None
    fresh: bool
    single_story: bool
    window: str


class Item(Read):
    """One signal of a digest."""

    id: str = Field(description="Permanent name, see /api/v1/signals")
    section: Literal["new", "changed", "from_missed"]
    symbol: Text
    company: Text
    signal_type: SignalType
    lifecycle: Text
    confidence_score: float = Field(description="Tone confidence in [0, 1]; never a chance of profit")
    combined_score: Score = Field(description="The sum of the contributions")
    news_title: Text
    news_url: Link
    source: Literal["news_driven_ml", "technical"]
    mode: Text
    decided_at: datetime
    expires_at: datetime
    sentences: list[Text]
    contributions: list[Part]
    metadata: ItemMetadata


class Active(Read):
    """An earlier signal in force, or just expired."""

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


class Corrected(Read):
    """An active signal that rests on a headline which was edited or withdrawn since."""

    symbol: Text
    company: Text
    signal_type: SignalType
    combined_score: Score
    without: float = Field(description="The score without what was edited or withdrawn")
    with_new: float | None = Field(description="The score with the new texts; null where everything was withdrawn")
    sentences: list[Text]
    decided_at: datetime
    known_at: datetime


class Near(Read):
    """A company that one gate stopped."""

    symbol: Text
    gate: Text
    combined_score: Score
    tone: Score
    technical: Score | None
    news_title: Text
    reason: Text


class Report(Read):
    """How one feed answered."""

    feed: Text
    status: Literal["ok", "degraded", "failed"]
    fetched: int
    detail: Text


class CoverageEntry(Read):
    """Which minutes of news the digest covers."""

    evidence_start: datetime
    evidence_end: datetime
    gap_minutes: int
    missing_windows: list[Text]
    status: Literal["ok", "degraded", "failed"]
    headlines: int
    relevant: int
    stories: int
    reports: list[Report]


class DigestAnswer(Read):
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
    items: list[Item]
    still_active: list[Active]
    expired: list[Active]
    corrected: list[Corrected]
    near_misses: list[Near]
    funnel: dict[Text, int]
    knobs: dict[Text, Knob]
    record: list[RecordEntry]
    notes: list[Text]
