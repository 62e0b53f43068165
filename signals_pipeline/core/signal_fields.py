"""The fields of a signal, declared once: name, type, bounds, length and meaning.

Candidates, cards, stored signals and the API's responses inherit the fields that they have. Columns of frames
(`core.tables`) and of the database (`adapters.stores.tables`) are built from `declared_fields`, and the API takes its
descriptions and bounds from the same annotations (`web.schemas`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from signals_pipeline.core.event_types import EventType
from signals_pipeline.core.units import Range

SignalType = Literal["BUY", "SELL"]
Lifecycle = Literal["new", "stronger", "flipped"]
Source = Literal["news_driven_ml", "technical"]


# --- Annotations ---


@dataclass(frozen=True, slots=True)
class Description:
    """What a field means, one sentence; and its unit where neither its type nor its bounds say it."""

    text: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class MaxLength:
    """Maximum number of characters that the database stores."""

    characters: int


@dataclass(frozen=True, slots=True)
class HttpLink:
    """The text is an http(s) link, or empty. It comes from outside: check it before it is shown."""


# Fields that some classes have without the rest of a signal.
Symbol = Annotated[str, MaxLength(32), Description("The company's symbol", unit="ticker")]
CombinedScore = Annotated[float, Range(-1, 1), Description("Combined score, the sum of the contributions")]
Tone = Annotated[float, Range(-1, 1), Description("Tone of the news; 0 without confident headlines")]
ToneConfidence = Annotated[float, Range(0, 1), Description("Tone confidence; not a probability of profit")]
Technical = Annotated[float | None, Range(-1, 1), Description("Technical score; none where there are too few bars")]
Fresh = Annotated[bool, Description("At least one story that carries tone began in the signal's window")]
Fragile = Annotated[bool, Description("The signal rests on a single story")]
NewsTitle = Annotated[str, Description("Title of the leading story; empty where there is none")]
Event = Annotated[EventType | None, MaxLength(16), Description("Event type of the leading story; none without one")]
Reaction = Annotated[
    float | None,
    Description("Move since the last close before the leading story; none if no session closed since", unit="ATRs"),
]
Url = Annotated[str, HttpLink(), Description("An http(s) link, or empty")]
DecidedAt = Annotated[datetime, Description("When the signal was decided: its window's end")]
ExpiresAt = Annotated[datetime, Description("Until when the signal is active")]


# --- Fields. Without slots, because models of the API inherit them beside their own base. ---


@dataclass(frozen=True, kw_only=True)
class SignalSummary:
    """What even a single line about a signal says."""

    symbol: Symbol
    signal_type: Annotated[SignalType, MaxLength(4), Description("Direction of the signal")]
    combined_score: CombinedScore


@dataclass(frozen=True, kw_only=True)
class SignalReport(SignalSummary):
    """A signal with the story that leads it."""

    confidence_score: ToneConfidence
    news_title: NewsTitle
    news_url: Url
    source: Annotated[Source, MaxLength(32), Description("What generated the signal: news or technicals")]
    # Signals from before these were recorded have neither.
    event: Event = None
    reaction: Reaction = None


@dataclass(frozen=True, kw_only=True)
class ScoredSignal(SignalReport):
    """A signal with the two parts of its score."""

    tone: Tone
    technical: Technical


@dataclass(frozen=True, kw_only=True)
class SignalFields(ScoredSignal):
    """Everything that candidates, cards and stored signals share."""

    fresh: Fresh
    fragile: Fragile


@dataclass(frozen=True, kw_only=True)
class CandidateFields(SignalFields):
    """What the database stores of a candidate, and of the signal made from it."""

    window_start: Annotated[datetime, Description("Start of the signal's window")]
    window_end: Annotated[datetime, Description("End of the signal's window")]
    story_id: Annotated[str, MaxLength(64), Description("Identity of the leading story; empty where there is none")]
    contributions: Annotated[str, Description("Contributions to the combined score", unit="JSON")]
    known_at: Annotated[
        datetime | None, Description("When the newest headline behind it became known; none without headlines")
    ] = None


@dataclass(frozen=True, kw_only=True)
class DecisionFields:
    """What the decision adds to a candidate."""

    lifecycle: Annotated[Lifecycle, MaxLength(16), Description("Whether it is new, stronger or flipped for its reader")]
    decided_at: DecidedAt
    expires_at: ExpiresAt


# --- Reading the declaration ---


@dataclass(frozen=True, slots=True)
class DeclaredField:
    """One field as declared.

    Attributes:
        name: Its name.
        value_type: `str`, `float`, `bool` or `datetime`.
        nullable: Whether None is allowed.
        values: The allowed values of a Literal or an enum of texts; empty for others.
        bounds: Bounds of a number.
        max_length: Maximum characters of a text; None where there is no limit.
        description: One sentence.
        unit: Its unit where neither type nor bounds say it; may be empty.
    """

    name: str
    value_type: type
    nullable: bool
    values: tuple[str, ...]
    bounds: Range | None
    max_length: int | None
    description: str
    unit: str


@cache
def declared_fields(kind: type) -> Mapping[str, DeclaredField]:
    """The fields of one of the classes above by name, in their order."""
    hints = get_type_hints(kind, include_extras=True)
    return {field.name: _declared(field.name, hints[field.name]) for field in fields(kind)}


def field_values(kind: type, source: object) -> dict[str, Any]:
    """The values of this class's fields by name, from an object that has them under the same names."""
    return {name: getattr(source, name) for name in declared_fields(kind)}


def _declared(name: str, annotated: Any) -> DeclaredField:  # noqa: ANN401 - typing's forms have no common type
    annotation, *metadata = get_args(annotated)

    # `float | None` is a nullable float.
    nullable = get_origin(annotation) in {Union, UnionType}
    if nullable:
        [annotation] = [option for option in get_args(annotation) if option is not NoneType]

    # The values of a Literal and of an enum are texts.
    values: tuple[str, ...] = ()
    if get_origin(annotation) is Literal:
        values = get_args(annotation)
    elif issubclass(annotation, StrEnum):
        values = tuple(member.value for member in annotation)
    value_type: type = str if values else annotation

    length = _first(metadata, MaxLength)
    description = _first(metadata, Description) or Description("")
    return DeclaredField(
        name=name,
        value_type=value_type,
        nullable=nullable,
        values=values,
        bounds=_first(metadata, Range),
        max_length=length.characters if length else None,
        description=description.text,
        unit=description.unit,
    )


_Metadata = TypeVar("_Metadata")


def _first(metadata: list[Any], kind: type[_Metadata]) -> _Metadata | None:
    return next((part for part in metadata if isinstance(part, kind)), None)
