"""How far a source is known to have moved: its silence, against its own usual pace.

A source that stops (a file that ended, a feed that answers the same document for ever, a collector that polls once a
day) looks like an hour without news. What tells them apart is the source's own past: when it delivered, how long it is
usually silent, and how long after publication its items arrive. Only deliveries before `as_of` count, so that a window
that is run again is judged as it was. The coverage ledger (`core.news.coverage`) and the collection of live feeds
(`adapters.news.live`) use the same judgement.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Self

import numpy as np
from numpy.typing import NDArray

from signals_pipeline.core.arrays import FloatArray
from signals_pipeline.core.news.normalisation import RawHeadline
from signals_pipeline.core.text import short_duration
from signals_pipeline.core.windows import CLOSED_HOUR, NEW_YORK, Sessions, instant64

# The past that tells a source's usual pace: a quarter, so that it holds a slow feed's items and one earnings season.
PACE_DAYS = 90

# A silence is suspicious from this multiple of the longest usual one on.
_SUSPICIOUS_IN_SESSION = 2.0
_SUSPICIOUS_ALTOGETHER = 1.5

# Silence that is never suspicious, hours: in a session, and altogether.
_SHORT_IN_SESSION = 1.0
_SHORT_ALTOGETHER = 4.0

# Silence that is not suspicious where too little of a source is known, hours: a whole session, a weekend.
_UNKNOWN_IN_SESSION = 6.5
_UNKNOWN_ALTOGETHER = 72.0

# A source is known from this number of gaps between deliveries on, over at least a week with its weekend, hours.
_ENOUGH_GAPS = 20
_ENOUGH_TIME = 8 * 24.0

# The longest usual gap in a session exceeds this share of all gaps that reach into one.
_USUAL_SHARE = 0.95

# A collector whose items arrive later than this after publication, in the median, polls too rarely for its silence to
# mean anything. Hours.
PROMPT = 0.5


@dataclass(frozen=True, eq=False, slots=True)
class SourceTimeline:
    """When a source delivered.

    Attributes:
        feed: Name of the adapter.
        delivered_at: Distinct instants at which items became known, ascending, datetime64[us], UTC without zone,
            shape (n,).
        lags: Hours from publication to first_seen_at of each item that has both, by delivered_at, shape (m,); empty for
            a source that records no first_seen_at.
        lag_instants: The instant in `delivered_at` of each lag, ascending, shape (m,).
        incomplete_at: When each row of which only a part could be read became known, or where it stands if its own time
            can't be read, ascending, datetime64[us], shape (k,); a row that delivers an item again counts as well.
    """

    feed: str
    delivered_at: NDArray[np.datetime64]
    lags: FloatArray
    lag_instants: NDArray[np.datetime64]
    incomplete_at: NDArray[np.datetime64] = field(default_factory=lambda: np.array([], dtype="datetime64[us]"))

    @classmethod
    def from_headlines(cls, feed: str, headlines: Iterable[RawHeadline]) -> Self:
        """The timeline of these items, in any order; an item without a readable time is left out."""
        instants: list[np.datetime64] = []
        lags: list[tuple[np.datetime64, float]] = []
        for headline in headlines:
            known_at = headline.known_at
            if known_at is None:
                continue
            instant = instant64(known_at)
            instants.append(instant)
            if headline.first_seen_at is not None and headline.published_at is not None:
                lags.append((instant, (headline.first_seen_at - headline.published_at) / timedelta(hours=1)))
        lags.sort(key=lambda pair: pair[0])
        return cls(
            feed,
            np.unique(np.array(instants, dtype="datetime64[us]")),
            np.array([lag for _, lag in lags], dtype=np.float64),
            np.array([instant for instant, _ in lags], dtype="datetime64[us]"),
        )

    @classmethod
    def from_publications(cls, feed: str, published_at: Iterable[datetime]) -> Self:
        """The timeline of a live feed, by the publication times of its items: it is visited, and so has no lag."""
        instants = [instant64(instant) for instant in published_at]
        nothing = np.array([], dtype="datetime64[us]")
        return cls(feed, np.unique(np.array(instants, dtype="datetime64[us]")), np.zeros(0), nothing)

    def before(self, as_of: datetime) -> Self:
        """The part of the timeline in the `PACE_DAYS` before an instant."""
        end = instant64(as_of)
        begin = end - np.timedelta64(PACE_DAYS, "D")
        low, high = np.searchsorted(self.delivered_at, [begin, end])
        first_lag, last_lag = np.searchsorted(self.lag_instants, [begin, end])
        return type(self)(
            self.feed,
            self.delivered_at[low:high],
            self.lags[first_lag:last_lag],
            self.lag_instants[first_lag:last_lag],
        )


@dataclass(frozen=True, slots=True)
class Reach:
    """How far a source is known to have moved at an instant.

    Attributes:
        newest_at: When its newest item became known, aware UTC; None where it had none in `PACE_DAYS`.
        covered_to: Until when it covers, aware UTC; None: to the instant that was asked about.
        detail: Why it does not cover to that instant, for the operator; empty where it does.
    """

    newest_at: datetime | None
    covered_to: datetime | None
    detail: str = ""


def reach_at(timeline: SourceTimeline, as_of: datetime, sessions: Sessions) -> Reach:
    """Return how far a source is known to have moved at an instant, from what it delivered before.

    - A collector that delivers late (median lag above `PROMPT`) covers to its newest delivery, however usual its
      silence is: what was published since then can't have arrived.
    - Any other source covers to the instant, unless it is silent for much longer than it usually is, in a session or
      altogether: then it covers to its newest item. Hours in a session count by themselves: a source that is silent
      every weekend is not usually silent on a Monday.

    Args:
        timeline: When it delivered.
        as_of: The instant (aware).
        sessions: The exchange's sessions around the timeline and the instant.

    Returns:
        The reach. A source without any delivery in `PACE_DAYS` covers nothing: its `covered_to` is `PACE_DAYS` ago.
    """
    known = timeline.before(as_of)
    if not len(known.delivered_at):
        return Reach(None, as_of - timedelta(days=PACE_DAYS), f"no item in the last {PACE_DAYS} days")
    newest = known.delivered_at[-1]
    newest_at: datetime = newest.item().replace(tzinfo=UTC)
    age = as_of - newest_at

    # A late collector: nothing after its last delivery is known.
    if len(known.lags):
        median_lag = float(np.median(known.lags))
        if median_lag > PROMPT:
            lag = short_duration(timedelta(hours=median_lag))
            detail = f"last delivery {_local(newest_at)}; items arrive {lag} after publication"
            return Reach(newest_at, newest_at, detail)

    # A prompt one: suspicious is only what it does not usually do.
    if not _is_suspicious(known.delivered_at, instant64(as_of), sessions):
        return Reach(newest_at, None)
    detail = f"no item since {_local(newest_at)} ({short_duration(age)}), longer than it is usually silent"
    return Reach(newest_at, newest_at, detail)


def _is_suspicious(delivered_at: NDArray[np.datetime64], as_of: np.datetime64, sessions: Sessions) -> bool:
    """Whether a source with these deliveries has been silent for suspiciously long."""
    instants = np.append(delivered_at, as_of)
    elapsed = (instants[1:] - instants[:-1]) / np.timedelta64(1, "h")
    market_hours = sessions.market_hours(instants[:-1], instants[1:])
    # Market hours = hours in session + CLOSED_HOUR * hours outside.
    in_session = (market_hours - CLOSED_HOUR * elapsed) / (1 - CLOSED_HOUR)

    # The last gap is the silence that is judged.
    limit_in_session, limit_altogether = _usual_limits(in_session[:-1], elapsed[:-1])
    return bool(in_session[-1] > limit_in_session or elapsed[-1] > limit_altogether)


def _usual_limits(in_session: FloatArray, elapsed: FloatArray) -> tuple[float, float]:
    """From which silence on a source is suspicious, by the gaps between its deliveries.

    Args:
        in_session: Hours of each gap in which the market was open, shape (n,).
        elapsed: Hours of each gap, shape (n,).

    Returns:
        Hours in a session, and hours altogether.
    """
    if len(elapsed) < _ENOUGH_GAPS or elapsed.sum() < _ENOUGH_TIME:
        return (
            max(_UNKNOWN_IN_SESSION, _SUSPICIOUS_IN_SESSION * float(in_session.max(initial=0.0))),
            max(_UNKNOWN_ALTOGETHER, _SUSPICIOUS_ALTOGETHER * float(elapsed.max(initial=0.0))),
        )
    reaching_into_session = in_session[in_session > 0]
    usual = float(np.quantile(reaching_into_session, _USUAL_SHARE)) if len(reaching_into_session) else 0.0
    # The second longest: one outage of the past does not make outages usual.
    second_longest = float(np.sort(elapsed)[-2])
    return (
        max(_SHORT_IN_SESSION, _SUSPICIOUS_IN_SESSION * usual),
        max(_SHORT_ALTOGETHER, _SUSPICIOUS_ALTOGETHER * second_longest),
    )


def _local(instant: datetime) -> str:
    """An instant as readers read it, e.g. `Mon 13 Apr 2026 16:02 ET`."""
    local = instant.astimezone(NEW_YORK)
    return f"{local:%a} {local.day} {local:%b %Y %H:%M} ET"
