"""The API's answers but for the digest: fields, units and examples, as OpenAPI tells them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from signals_pipeline.web import examples, safe

Text = Annotated[str, AfterValidator(safe.plain)]
Knob = bool | int | float | Text | None
Link = Annotated[str, AfterValidator(safe.link)]
Score = Annotated[float, Field(ge=-1.000001, le=1.000001)]
SignalType = Literal["BUY", "SELL"]


class Read(BaseModel):
    """An answer or a part of one, made from values of the same fields."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Problem(Read):
    """Why there is no other answer."""

    detail: str = Field(description="One sentence, and what to do", examples=["There is no digest yet."])


class StoryPart(Read):
    """What one story adds to a score."""

    kind: Literal["story"]
    story_id: Text
    title: Text
    url: Link = Field(description="http(s) or empty")
    source: Text = Field(description="Publisher")
    known_at: datetime
    headlines: int
    told: bool = Field(description="The story began before the window: an earlier digest could tell it")
    tone: float
    weight: float
    contribution: float
    without: float = Field(description="The combined score without this story")


class TechnicalPart(Read):
    """What one technical component adds to a score."""

    kind: Literal["technical"]
    name: Text
    value: float | None
    component: float | None
    weight: float
    contribution: float


Part = Annotated[StoryPart | TechnicalPart, Field(discriminator="kind")]


class RecordEntry(Read):
    """How a group of signals did over one horizon."""

    label: Text
    horizon: int = Field(description="Sessions held")
    n: int
    n_dates: int
    hits: int
    hit_rate: float | None
    low: float = Field(description="Lower end of the 95% interval, clustered by entry session")
    high: float
    base_rate: float | None = Field(description="Share of the watchlist that did the same")
    mean_net_return: float | None
    clustered_se: float | None
    enough: bool = Field(description="n >= 30: below that, a rate says nothing")


class DigestEntryAnswer(Read):
    """A digest in the archive."""

    window: str
    window_start: datetime
    window_end: datetime
    kind: Text
    mode: Text
    subject: Text
    sha256: str
    created_at: datetime


class DigestList(Read):
    """A page of the archive, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DIGESTS]})

    items: list[DigestEntryAnswer]
    next: str | None = Field(description="Give it as `before` for the next page; null on the last one")


class OutcomeAnswer(Read):
    """What became of a signal over one horizon."""

    horizon: int
    entry_session: datetime
    exit_session: datetime
    entry: float
    exit: float
    raw_return: float
    benchmark_return: float
    net_return: float = Field(description="Net of the benchmark in the signal's direction: above 0 is a hit")
    hit: bool
    base_rate: float
    benchmark: Text
    known_at: datetime


class SignalAnswer(Read):
    """A signal of the history with its outcomes so far."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SIGNAL]})

    id: str
    window: str
    symbol: Text
    signal_type: SignalType
    lifecycle: Text
    confidence_score: float
    combined_score: Score
    tone: Score
    technical: Score | None
    news_title: Text
    news_url: Link
    source: Literal["news_driven_ml", "technical"]
    model: Text
    mode: Text
    decided_at: datetime
    expires_at: datetime
    contributions: list[Part]
    outcomes: list[OutcomeAnswer]


class SignalList(Read):
    """A page of signals, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SIGNALS]})

    items: list[SignalAnswer]
    next: str | None = Field(description="Give it as `after` for the next page; null on the last one")


class Correlation(Read):
    """Mean daily Spearman correlation of score and net return."""

    horizon: int
    n: int
    n_dates: int
    mean: float | None
    t: float | None


class Calibration(Read):
    """Hit rate of signals whose number lies in [least, most)."""

    least: float
    most: float
    n: int
    hits: int
    hit_rate: float
    low: float = Field(description="Lower end of the 95% interval, clustered by entry session")
    high: float
    base_rate: float
    enough: bool


class RecordAnswer(Read):
    """How all signals did, live and backfilled apart."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RECORD]})

    newest: datetime | None = Field(description="When the newest outcome became known")
    lines: list[RecordEntry]
    correlations: list[Correlation] = Field(description="Of score and net return, day by day")
    by_score: list[Calibration] = Field(description="Live and backfilled together, over 5 sessions")
    by_confidence: list[Calibration]


class Health(Read):
    """Whether pages and database answer."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok", "newest": "2015-02-06-08:30"}]})

    status: Literal["ok"]
    newest: str | None = Field(description="Key of the newest digest's window")
