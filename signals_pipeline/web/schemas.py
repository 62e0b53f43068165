"""The API's responses except the digest: fields, units and examples, as the OpenAPI description shows them."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

from signals_pipeline.adapters.rendering.safe_text import link
from signals_pipeline.core.event_types import EventType
from signals_pipeline.core.signal_fields import DecisionFields, Description, HttpLink, ScoredSignal, SignalSummary, Url
from signals_pipeline.core.units import Range
from signals_pipeline.web import examples, safe

SettingValue = bool | int | float | str | None

# How far a score may lie outside its bounds: wider than what the database lets in, so that nothing stored is refused.
_BOUND_TOLERANCE = 1e-6


class ApiModel(BaseModel, frozen=True, from_attributes=True):
    """Base of all responses and their parts; validated from objects with the same attributes.

    Every text is made plain, as it may come from outside. Fields of a signal bring their description, bounds and links
    from `core.signal_fields`. Subclasses are frozen anyway; they repeat it for type checkers.
    """

    @classmethod
    def __pydantic_init_subclass__(cls, **options: Any) -> None:  # noqa: ANN401 - pydantic's signature
        """Translate the annotations of a signal's fields into pydantic's."""
        super().__pydantic_init_subclass__(**options)
        for field in cls.model_fields.values():
            # A copy, because the translations are added to the same list.
            for part in tuple(field.metadata):
                if isinstance(part, Description) and field.description is None:
                    field.description = part.text
                elif isinstance(part, Range):
                    low = float(part.low) - _BOUND_TOLERANCE
                    high = None if part.high is None else part.high + _BOUND_TOLERANCE
                    field.metadata.extend(Field(ge=low, le=high).metadata)
                elif isinstance(part, HttpLink):
                    field.metadata.append(AfterValidator(link))
        # pydantic has built the model's validator before it calls this.
        cls.model_rebuild(force=True)

    @field_validator("*")
    @classmethod
    def _plain_text(cls, value: Any) -> Any:  # noqa: ANN401 - any field's value
        return _plain(value)


def _plain(value: Any) -> Any:  # noqa: ANN401 - any field's value
    """The value with every text in it made plain; models in it have done so themselves."""
    # The members of an enum are our own words.
    if isinstance(value, str) and not isinstance(value, StrEnum):
        return safe.plain(value)
    if isinstance(value, list):
        return [_plain(item) for item in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {_plain(name): _plain(item) for name, item in cast("dict[Any, Any]", value).items()}
    return value


class Problem(ApiModel, frozen=True):
    """Why a request failed."""

    detail: str = Field(
        description="What is wrong and what to do", examples=["No digest yet: the first run creates one."]
    )


class StoryContribution(ApiModel, frozen=True):
    """The contribution of one story to a score."""

    kind: Literal["story"]
    story_id: str
    title: str
    url: Url
    source: str = Field(description="Publisher")
    published_at: datetime | None = Field(
        default=None, description="When the publisher says it appeared; null in older signals"
    )
    known_at: datetime = Field(description="When it became known to the pipeline")
    event: EventType | None = Field(default=None, description="Event type; null in older signals")
    role: str | None = Field(
        default=None, description="What the leading headline makes of the company; null in older signals"
    )
    headlines: int
    told: bool = Field(description="The story began before the window: an earlier digest could report it")
    tone: float
    weight: float
    contribution: float
    without: float = Field(description="The combined score without this story")


class TechnicalContribution(ApiModel, frozen=True):
    """The contribution of one technical component to a score."""

    kind: Literal["technical"]
    name: str
    value: float | None
    component: float | None
    weight: float
    contribution: float


Contribution = Annotated[StoryContribution | TechnicalContribution, Field(discriminator="kind")]


class RecordEntry(ApiModel, frozen=True):
    """The track record of a group of signals over one horizon."""

    label: str
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


class DigestEntryResponse(ApiModel, frozen=True):
    """A digest in the archive, without its content."""

    window: str
    window_start: datetime
    window_end: datetime
    kind: str
    mode: str
    subject: str
    sha256: str
    created_at: datetime


class DigestList(ApiModel, frozen=True):
    """A page of the archive, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.DIGESTS]})

    items: list[DigestEntryResponse]
    next: str | None = Field(description="Pass it as `before` for the next page; null on the last page")


class RevisedSignal(ApiModel, DecisionFields, SignalSummary, frozen=True):
    """A signal of a revision."""


class RevisionResponse(ApiModel, frozen=True):
    """A later decision of a window whose digest had been sent; readers were not told it."""

    window: str
    number: int = Field(description="2 for the first revision; what was sent counts as 1")
    made_at: datetime
    mode: str
    model: str
    knobs: dict[str, SettingValue]
    signals: list[RevisedSignal]


class RevisionList(ApiModel, frozen=True):
    """The revisions of a window, oldest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.REVISIONS]})

    items: list[RevisionResponse]


class OutcomeResponse(ApiModel, frozen=True):
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
    benchmark: str
    known_at: datetime


class SignalResponse(ApiModel, DecisionFields, ScoredSignal, frozen=True):
    """A signal of the history with its outcomes so far."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SIGNAL]})

    id: str
    window: str
    model: str
    mode: str
    contributions: list[Contribution]
    outcomes: list[OutcomeResponse]


class SignalList(ApiModel, frozen=True):
    """A page of signals, newest first."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.SIGNALS]})

    items: list[SignalResponse]
    next: str | None = Field(description="Pass it as `after` for the next page; null on the last page")


class Correlation(ApiModel, frozen=True):
    """Mean daily Spearman correlation of score and net return."""

    horizon: int
    n: int
    n_dates: int
    mean: float | None
    t: float | None


class Calibration(ApiModel, frozen=True):
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


class OriginRecord(ApiModel, frozen=True):
    """The track record of the signals of one generator and model, live or backfilled."""

    provenance: Literal["live", "backfilled"]
    generator: str = Field(description="What generated the signals: their `source`")
    model: str = Field(description="Sentiment model with its revision")
    lines: list[RecordEntry]
    correlations: list[Correlation] = Field(description="Of score and net return")
    by_score: list[Calibration] = Field(description="By combined score, after 5 sessions")
    by_confidence: list[Calibration] = Field(description="The same by tone confidence")


class RecordResponse(ApiModel, frozen=True):
    """The track record of all signals: live and backfilled, generators and models are never added up."""

    model_config = ConfigDict(json_schema_extra={"examples": [examples.RECORD]})

    newest: datetime | None = Field(description="When the newest outcome became known")
    current: list[OriginRecord] = Field(description="Of the newest window's generator and model")
    others: list[OriginRecord] = Field(description="Of every other generator and model")


class Health(ApiModel, frozen=True):
    """The application responds."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok"}]})

    status: Literal["ok"]


class Readiness(ApiModel, frozen=True):
    """The application and its database respond."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"status": "ok", "newest": "2015-02-06-08:30"}]})

    status: Literal["ok"]
    newest: str | None = Field(description="Key of the newest digest's window")
