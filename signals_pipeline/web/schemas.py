"""The API's responses except the digest: fields, units and examples, as the OpenAPI description shows them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from signals_pipeline.adapters.rendering.safe_text import link
from signals_pipeline.web import examples, safe

# Text from outside, made plain.
Text = Annotated[str, AfterValidator(safe.plain)]
# A link from outside; empty where it is not http(s).
Link = Annotated[str, AfterValidator(link)]
SettingValue = bool | int | float | Text | None
# A score in [-1, 1]; sums of contributions exceed it by rounding.
Score = Annotated[float, Field(ge=-1.000001, le=1.000001)]
SignalType = Literal["BUY", "SELL"]


class ApiModel(BaseModel):
    """Base of all responses and their parts; validated from objects with the same attributes."""

    model_config = ConfigDict(from_attributes=True, frozen=True)


class Problem(ApiModel):
    """Why a request failed."""

    detail: str = Field(
        description="What is wrong and what to do", examples=["No digest yet: the first run creates one."]
    )


class StoryContribution(ApiModel):
    """The contribution of one story to a score."""

    kind: Literal["story"]
    story_id: Text
    title: Text
    url: Link = Field(description="An http(s) link, or empty")
    source: Text = Field(description="Publisher")
    known_at: datetime
    headlines: int
    told: bool = Field(description="The story began before the window: an earlier digest could report it")
    tone: float
    weight: float
    contribution: float
    without: float = Field(description="The combined score without this story")


class TechnicalContribution(ApiModel):
    """The contribution of one technical component to a score."""

    kind: Literal["technical"]
    name: Text
    value: float | None
    component: float | None
    weight: float
    contribution: float


Contribution = Annotated[StoryContribution | TechnicalContribution, Field(discriminator="kind")]


class RecordEntry(ApiModel):
    """The track record of a group of signals over one horizon."""

    label: Text
    horizon: int = Field(description="Sessions held")
    n: int
    n_dates: int
    hits: int
    hit_rate: float | None
    low: float = Field(description="Lower end of the 95% interval, clustered by entry session")
    high: float
    base_rate: float | None = Field(
        description="Share of the watchlist that would have been a hit over the same sessions"
    )
    mean_net_return: float | None
    clustered_se: float | None
    enough: bool = Field(description="n >= 30: with fewer outcomes a rate is not meaningful")


class DigestEntryResponse(ApiModel):
    """A digest in the archive, without its content."""

    window: str
    window_start: datetime
    window_end: datetime
    kind: Text
    mode: Text
    subject: Text
    sha256: str
    created_at: datetime


class DigestList(ApiModel):
    """A page of the archive, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DIGESTS]})

    items: list[DigestEntryResponse]
    next: str | None = Field(description="Pass it as `before` for the next page; null on the last page")


class OutcomeResponse(ApiModel):
    """The outcome of a signal over one horizon."""

    horizon: int
    entry_session: datetime
    exit_session: datetime
    entry: float
    exit: float
    raw_return: float
    benchmark_return: float
    net_return: float = Field(description="Return in the signal's direction less the benchmark's; above 0 is a hit")
    hit: bool
    base_rate: float
    benchmark: Text
    known_at: datetime


class SignalResponse(ApiModel):
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
    contributions: list[Contribution]
    outcomes: list[OutcomeResponse]


class SignalList(ApiModel):
    """A page of signals, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SIGNALS]})

    items: list[SignalResponse]
    next: str | None = Field(description="Pass it as `after` for the next page; null on the last page")


class Correlation(ApiModel):
    """Mean daily Spearman correlation of score and net return."""

    horizon: int
    n: int
    n_dates: int
    mean: float | None
    t: float | None


class Calibration(ApiModel):
    """Hit rate of the signals whose score or confidence lies in [least, most)."""

    least: float
    most: float
    n: int
    hits: int
    hit_rate: float
    low: float = Field(description="Lower end of the 95% interval, clustered by entry session")
    high: float
    base_rate: float
    enough: bool


class RecordResponse(ApiModel):
    """The track record of all signals, live and backfilled separately."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RECORD]})

    newest: datetime | None = Field(description="When the newest outcome became known")
    lines: list[RecordEntry]
    correlations: list[Correlation] = Field(description="Of score and net return")
    by_score: list[Calibration] = Field(
        description="By combined score; live and backfilled signals together, after 5 sessions"
    )
    by_confidence: list[Calibration] = Field(description="The same by tone confidence")


class Health(ApiModel):
    """Whether the application and its database respond."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok", "newest": "2015-02-06-08:30"}]})

    status: Literal["ok"]
    newest: str | None = Field(description="Key of the newest digest's window")
