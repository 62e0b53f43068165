"""The digest as a value, and its exact JSON: everything that the e-mail, the pages and the API show.

Nothing is computed here: `composition` builds these values and `wording` their text.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, date, datetime
from enum import StrEnum
from functools import cache
from typing import Any, Literal, cast

from pydantic import TypeAdapter, ValidationError

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.prices.earnings import NextReport
from signals_pipeline.core.record.track_record import RecordLine
from signals_pipeline.core.signal_fields import (
    DecidedAt,
    DecisionFields,
    ExpiresAt,
    NewsTitle,
    SignalFields,
    SignalSummary,
)
from signals_pipeline.core.signals.decision import NearMiss
from signals_pipeline.core.text import shorten

VERSION = 1
"""Version of the stored form, raised only by a change that code of the release before can't read.

Hosts of two releases read one another's digests: a field that is added has a default, and one that is not known is left
out. A digest of an older version has to be composed again.
"""

DigestKind = Literal["full", "quiet", "degraded"]

Contribution = Mapping[str, Any]
"""One part of a combined score as `scoring.contributions` stores it; its `kind` is `story` or `technical`."""


class DigestProblem(StrEnum):
    """Why a stored digest can't be read."""

    NEWER = "newer"
    OLDER = "older"
    DAMAGED = "damaged"


class DigestError(SignalsError, ValueError):
    """A stored digest that can't be read; the message is one line.

    Attributes:
        problem: Why.
    """

    def __init__(self, message: str, problem: DigestProblem) -> None:
        super().__init__(message)
        self.problem = problem


@dataclass(frozen=True, kw_only=True, slots=True)
class Card(DecisionFields, SignalFields):
    """One signal as the digest presents it.

    Attributes:
        company: Name of its company.
        contributions: One per story, largest first, then one per technical component.
        sentences: The reasons, in words.
        without: One per story: the score without it and what would remain, such as `+0.24, no signal`.
        record: How similar signals did, one line per horizon.
        closes: Last closes before the digest, at most 60, oldest first, adjusted for splits and dividends: what returns
            are computed on.
        sessions: Their dates, ISO.
        mode: Mode of the run that decided it.
        traded_closes: The same closes as traded, restated for splits alone: what a reader is shown. Empty where they
            are not known, and in digests from before they were recorded.
        move: Return from the last close before the leading headline to the last one before the decision, a fraction;
            None where `reaction` is, and where it can't be told.
        headline_session: ISO date of the last session that closed before the leading headline; empty without one.
        sector: Sector of its company; empty where the watchlist has none.
        earnings: The company's next report as known before the digest; None without an earnings calendar, and in
            digests from before it was recorded.
    """

    company: str
    contributions: tuple[dict[str, Any], ...]
    sentences: tuple[str, ...]
    without: tuple[str, ...]
    record: tuple[RecordLine, ...]
    closes: tuple[float, ...]
    sessions: tuple[str, ...]
    mode: str
    traded_closes: tuple[float, ...] = ()
    move: float | None = None
    headline_session: str = ""
    sector: str = ""
    earnings: NextReport | None = None

    @property
    def shown_closes(self) -> tuple[float, ...]:
        """The closes as traded; where these are not known the adjusted ones, which `prices_are_adjusted` says."""
        return self.traded_closes or self.closes

    @property
    def prices_are_adjusted(self) -> bool:
        """Whether `shown_closes` are adjusted for dividends, and so differ from the prices that were paid."""
        return bool(self.closes) and not self.traded_closes

    @property
    def last_price(self) -> float | None:
        """The last close as traded; None where it is not known."""
        return self.traded_closes[-1] if self.traded_closes else None

    @property
    def stories(self) -> tuple[dict[str, Any], ...]:
        """Contributions of stories, largest first."""
        return tuple(part for part in self.contributions if part["kind"] == "story")

    @property
    def components(self) -> tuple[dict[str, Any], ...]:
        """Contributions of technical components."""
        return tuple(part for part in self.contributions if part["kind"] == "technical")

    @property
    def leave_one_out(self) -> tuple[str, ...]:
        """One sentence per story, such as `Without “title…”: +0.24, no signal.`."""
        sentences: list[str] = []
        for story, remainder in zip(self.stories, self.without, strict=True):
            sentences.append(f"Without “{shorten(story['title'], 60)}”: {remainder}.")
        return tuple(sentences)


@dataclass(frozen=True, kw_only=True, slots=True)
class ActiveLine(SignalSummary):
    """An earlier signal that is still active, or that has just expired; its score is that of its decision.

    Attributes:
        company: Name of its company.
        now: Combined score in this window where the company passed the gates again (a repeat); None otherwise.
        horizon: Longest horizon whose outcome is known, in sessions; None where there is none yet.
        net_return: Its return net of the benchmark over that horizon, positive for a success; None where there is none.
        raw_return: Return of the company's shares over that horizon; None where there is none, and in older digests.
    """

    company: str
    now: float | None
    news_title: NewsTitle
    decided_at: DecidedAt
    expires_at: ExpiresAt
    horizon: int | None
    net_return: float | None
    raw_return: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class CorrectedLine(SignalSummary):
    """An active signal based on a headline that was edited or withdrawn since; its score is that of its decision.

    Attributes:
        company: Name of its company.
        without: Combined score without the edited or withdrawn headlines.
        with_new: Combined score with the new texts; None where everything was withdrawn.
        sentences: What changed and what remains, in words.
        known_at: When the last of the changes was seen, UTC.
    """

    company: str
    without: float
    with_new: float | None
    sentences: tuple[str, ...]
    decided_at: DecidedAt
    known_at: datetime


@dataclass(frozen=True, slots=True)
class Digest:
    """The digest of one window.

    Attributes:
        version: Version of the stored form.
        window_key: Key of the window.
        label: The window in words, with dates.
        as_of: The window's end, UTC: nothing later is in it.
        kind: `full`; `quiet` without anything new; `degraded` where sources failed or minutes are not covered.
        mode: `live`, `catch_up`, `backfill` or `manual`.
        deployment: `demo`, `local` or `production`.
        subject: The subject line, with the tag of mode and deployment.
        preheader: The line that an inbox shows after the subject.
        coverage: The coverage ledger.
        model: Sentiment model, quantisation and revision.
        market: Whether the market is open, and which session comes next.
        new: Cards of new signals, largest |combined| first.
        changed: Cards of flipped and stronger signals.
        from_missed: Cards of signals decided in windows that were caught up since the last digest.
        corrected: Active signals based on a headline that was edited or withdrawn since the last digest.
        still_active: Earlier signals in force.
        expired: Signals that ended in this window.
        near_misses: Companies stopped at exactly one of the late gates.
        funnel: Headlines and companies left after each gate.
        knobs: The settings in force.
        record: How all signals did, live and backfilled separately.
        notes: Remarks for the reader, one sentence each.
        without_prices: Companies of the watchlist that have no recent price, and so no technical score.
        earnings_source: Name of the earnings calendar; empty where there is none, None in digests from before it was
            recorded.
        earnings_unknown: Companies of the watchlist whose next report is unknown although there is a calendar.
    """

    version: int
    window_key: str
    label: str
    as_of: datetime
    kind: DigestKind
    mode: str
    deployment: str
    subject: str
    preheader: str
    coverage: Coverage
    model: str
    market: str
    new: tuple[Card, ...]
    changed: tuple[Card, ...]
    from_missed: tuple[Card, ...]
    still_active: tuple[ActiveLine, ...]
    expired: tuple[ActiveLine, ...]
    near_misses: tuple[NearMiss, ...]
    funnel: dict[str, int]
    knobs: dict[str, Any]
    record: tuple[RecordLine, ...]
    notes: tuple[str, ...]
    corrected: tuple[CorrectedLine, ...] = ()
    without_prices: tuple[str, ...] = ()
    earnings_source: str | None = None
    earnings_unknown: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Serialise the digest with sorted keys.

        Floats and instants survive a round trip exactly.

        Raises:
            ValueError: a number is NaN or infinite.
        """
        value = cast("dict[str, object]", _json_value(self))
        # Left out where there is nothing to say, so that digests without this trouble are the bytes that they were.
        if not self.without_prices:
            del value["without_prices"]
        return json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False, separators=(",", ":"))

    @classmethod
    def from_json(cls, text: str) -> "Digest":
        """Read the digest that `to_json` wrote, of this release or of another one with the same version.

        Raises:
            DigestError: the text is not a digest, or is one of another version.
        """
        try:
            stored = json.loads(text)
        except ValueError as error:
            raise DigestError(
                f"stored digest is not JSON ({error}); compose the window again", DigestProblem.DAMAGED
            ) from error

        # The version is checked first: another version's fields may be missing or mean something else.
        version = _version(stored)
        if version != VERSION:
            problem = _version_problem(version)
            advice = "update this host" if problem is DigestProblem.NEWER else "compose the window again"
            raise DigestError(f"stored digest has version {version!r}, this code reads {VERSION}; {advice}", problem)

        try:
            return _reader().validate_python(stored)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            field = ".".join(str(name) for name in first["loc"])
            raise DigestError(
                f"stored digest is malformed at {field} ({first['msg']}); compose the window again",
                DigestProblem.DAMAGED,
            ) from error


@cache
def _reader() -> TypeAdapter[Digest]:
    # Built on first use: most processes that import this module never read a stored digest.
    return TypeAdapter(Digest)


def _version(stored: object) -> object:
    if not isinstance(stored, dict):
        return None
    return cast("dict[str, object]", stored).get("version")


def _version_problem(version: object) -> DigestProblem:
    """Why a version other than VERSION can't be read."""
    if not isinstance(version, int):
        return DigestProblem.DAMAGED
    return DigestProblem.NEWER if version > VERSION else DigestProblem.OLDER


# Values that JSON holds as they are. Dictionaries are among them: theirs came from JSON, or hold plain values only.
_PLAIN_TYPES = (str, float, int, bool, type(None), dict)


def _json_value(value: object) -> object:
    """Convert nested dataclasses, tuples and instants to JSON types."""
    if type(value) in _PLAIN_TYPES:  # first, because nearly every value is one
        return value
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, tuple):
        return [_json_value(item) for item in cast("tuple[object, ...]", value)]
    if is_dataclass(value) and not isinstance(value, type):
        return {name: _json_value(getattr(value, name)) for name in _field_names(type(value))}
    return value


@cache
def _field_names(kind: type[Any]) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))
