"""What news and price sources deliver, before any of it is cleaned, and the interfaces that they implement.

The implementations are in `adapters.news` and `adapters.prices`; headlines are defined and cleaned by
`core.news.normalisation`, prices adjusted by `core.prices.adjustment`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal, Protocol

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.news.normalisation import RawHeadline
from signals_pipeline.core.news.silence import SourceTimeline

if TYPE_CHECKING:
    import pandas as pd

SourceStatus = Literal["ok", "degraded", "failed"]
"""`ok`: everything was delivered; `degraded`: only a part (a page limit, a quota); `failed`: nothing."""


class SourceError(SignalsError, RuntimeError):
    """A source can't deliver what it was asked for; the message is one line: what, where, what to do.

    Attributes:
        transient: The failure may be over within a minute (a timeout, a broken connection, 429, 5xx), so that the stage
            may retry; a refusal (401, 426) or a changed format is not transient.
    """

    def __init__(self, message: str, *, transient: bool = False) -> None:
        super().__init__(message)
        self.transient = transient


@dataclass(frozen=True, slots=True)
class SourceReport:
    """How one feed did, for the coverage ledger.

    Attributes:
        feed: Name of the adapter.
        status: How much of what it has was delivered.
        fetched: Headlines delivered.
        detail: One line for the operator; empty where there is nothing to say.
        calls: Calls to the vendor that count against its quota.
        covered_to: Until when it is known to have moved (see `silence`), aware UTC; None: to the window's end.
        lost: Items of a live feed that are neither in the archive nor left out for a reason.
    """

    feed: str
    status: SourceStatus
    fetched: int
    detail: str = ""
    calls: int = 0
    covered_to: datetime | None = None
    lost: int = 0


@dataclass(frozen=True, slots=True)
class FeedVisit:
    """One visit to a live feed: what it was asked for, and which part of that it surely delivered in full.

    Attributes:
        feed: Name of the adapter.
        collected_at: When the round of visits began, timezone-aware UTC; the same for all feeds of the round.
        asked_from: Start of the interval that it was asked for, half-open.
        asked_to: End of that interval; in a live round `collected_at`.
        status: As in `SourceReport`.
        fetched: Headlines delivered.
        whole_from: Start of the interval of publication that was delivered in full; None where parts may be missing
            anywhere.
        whole_to: End of that interval; None together with `whole_from`.
        calls: Calls to the vendor that count against its quota.
        detail: One line for the operator; empty where there is nothing to say.
        lost: Items that it delivered and that are neither in the archive nor left out for a reason.
    """

    feed: str
    collected_at: datetime
    asked_from: datetime
    asked_to: datetime
    status: SourceStatus
    fetched: int
    whole_from: datetime | None
    whole_to: datetime | None
    calls: int = 0
    detail: str = ""
    lost: int = 0


@dataclass(frozen=True, slots=True)
class NewsBatch:
    """The headlines of an interval and how each feed did.

    Attributes:
        headlines: In no particular order; the same item may come from several feeds.
        reports: One per feed.
        collections: The visits behind a live batch, from which the ledger counts each window's missing minutes; empty
            for a recording.
        timelines: When each recording delivered, from `silence.PACE_DAYS` before the interval to its end, from which
            the ledger sees how far it reaches; empty for a live batch, whose visits were judged when they were made.
    """

    headlines: tuple[RawHeadline, ...]
    reports: tuple[SourceReport, ...]
    collections: tuple[FeedVisit, ...] = ()
    timelines: tuple[SourceTimeline, ...] = ()


class NewsSource(Protocol):
    """A source of headlines."""

    @property
    def name(self) -> str:
        """Name of the feed, as reports show it."""
        ...

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        """Headlines that became known in [start, end), both timezone-aware, and those without a readable time.

        Raises:
            SourceError: nothing can be delivered.
        """
        ...


class PriceSource(Protocol):
    """A source of daily bars."""

    @property
    def name(self) -> str:
        """Name of the source, as reports show it."""
        ...

    def bars(self, symbols: Sequence[str], start: date, end: date) -> "pd.DataFrame":
        """Daily bars of sessions from start to end, both included; as traded where `actions` has what adjusts them.

        As first seen where the source keeps later values in `corrections`.

        Returns:
            One row per symbol and session, sorted by both: symbol (str), session (datetime64[us], naive midnight of the
            session's date), open, high, low, close (float64, the symbol's currency), volume (float64, shares). A
            symbol that the source does not know has no rows.

        Raises:
            SourceError: nothing can be delivered.
        """
        ...

    def corrections(self, symbols: Sequence[str], start: date, end: date) -> "pd.DataFrame":
        """Later values of bars that `bars` has delivered: what counts from when each was first seen.

        Returns:
            The columns of `bars` and first_seen_at (UTC): `corrections.CORRECTION_COLUMNS`. Empty where the source has
            none, or replaces its bars.
        """
        ...

    def actions(self, symbols: Sequence[str], start: date, end: date) -> "pd.DataFrame":
        """Splits and dividends with an ex-date from start to end, both included, of bars that `bars` has delivered.

        Returns:
            Columns `adjustment.ACTION_COLUMNS`: symbol, session (the ex-date), kind (`split` or `dividend`), value (new
            shares per old share, or currency per share as paid). Empty where the source's bars need no adjustment.
        """
        ...

    def other_vendors(self, symbols: Sequence[str], start: date, end: date) -> "pd.DataFrame":
        """Bars that `bars` delivers from another vendor than the source's own, because that one had failed.

        Returns:
            Columns symbol, session, source (the vendor's name); empty where all bars are of one vendor.
        """
        ...

    def traded_closes(self, symbols: Sequence[str], start: date, end: date) -> "pd.DataFrame":
        """Closes as traded of a source whose `bars` are adjusted for dividends already.

        Returns:
            Columns `adjustment.CLOSE_COLUMNS`: symbol, session, close (the symbol's currency), sorted by the first two.
            Empty where `bars` themselves are as traded.
        """
        ...

    def notes(self) -> tuple[str, ...]:
        """What the operator should know about the delivery, one line each: rows dropped, symbols unknown."""
        ...
