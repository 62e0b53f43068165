"""How far a source is known to have moved: its silence, against its own usual pace.

A source that stops (a file that ended, a feed that answers the same document for ever, a collector that polls once a
day) looks like an hour without news. What tells them apart is the source's own past: when it delivered, how long it is
usually silent, and how long after publication its items arrive. Only deliveries before `as_of` count, so that a window
that is run again is judged as it was. The coverage ledger (`core.news.coverage`) and the collection of live feeds
(`adapters.news.live`) use the same judgement.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self

import numpy as np
from numpy.typing import NDArray

from signals_pipeline.core.arrays import FloatArray
from signals_pipeline.core.news.normalisation import RawHeadline
from signals_pipeline.core.windows import NEW_YORK, Sessions, instant64

# The past that tells a source's usual pace: a quarter, so that it holds a slow feed's items and one earnings season.
PACE_DAYS = 90

# Silence in market hours (see `Sessions.market_hours`) that is never suspicious: an hour of a session, or a night.
SHORT_SILENCE = 1.5

# Silence in market hours that is suspicious where too little of a source is known: a whole session.
UNKNOWN_PACE = 6.5

# Gaps between deliveries from which on their distribution is known.
_ENOUGH_GAPS = 20

# The longest usual gap exceeds this share of all gaps; silence is suspicious from twice its length on.
_USUAL_SHARE = 0.95
_SUSPICIOUS = 2.0

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
    """

    feed: str
    delivered_at: NDArray[np.datetime64]
    lags: FloatArray
    lag_instants: NDArray[np.datetime64]

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
    - Any other source covers to the instant, unless it is silent for twice as long as it usually is, in market hours:
      then it covers to its newest item.

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
            detail = f"last delivery {_local(newest_at)}; items arrive {_hours(median_lag)} after publication"
            return Reach(newest_at, newest_at, detail)

    # A prompt one: suspicious is only what it does not usually do.
    silence = float(sessions.market_hours(np.array([newest]), np.array([instant64(as_of)]))[0])
    limit = _longest_usual_silence(known.delivered_at, sessions)
    if silence <= limit:
        return Reach(newest_at, None)
    detail = f"no item since {_local(newest_at)} ({_hours(age / timedelta(hours=1))}), longer than it is usually silent"
    return Reach(newest_at, newest_at, detail)


def _longest_usual_silence(delivered_at: NDArray[np.datetime64], sessions: Sessions) -> float:
    """Market hours of silence from which on a source with these deliveries is suspicious."""
    gaps = sessions.market_hours(delivered_at[:-1], delivered_at[1:])
    if len(gaps) >= _ENOUGH_GAPS:
        usual = float(np.quantile(gaps, _USUAL_SHARE))
        return max(SHORT_SILENCE, _SUSPICIOUS * usual)
    longest = float(gaps.max(initial=0.0))
    return max(UNKNOWN_PACE, _SUSPICIOUS * longest)


def _local(instant: datetime) -> str:
    """An instant as readers read it, e.g. `Mon 13 Apr 2026 16:02 ET`."""
    local = instant.astimezone(NEW_YORK)
    return f"{local:%a} {local.day} {local:%b %Y %H:%M} ET"


def _hours(hours: float) -> str:
    """A length of time in the unit that suits it, e.g. `40 min`, `9 h`, `20 days`."""
    if hours < 1:
        return f"{hours * 60:.0f} min"
    if hours < 48:
        return f"{hours:.0f} h"
    return f"{hours / 24:.0f} days"
