"""Live news: feeds are collected into an archive, and windows read from it, so that a window reads the same again.

The feeds are in the neighbouring modules, the archive in `adapters.stores.headline_archive`; which items belong to
which window is decided in `core.news.archive` and `core.news.collection`.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from signals_pipeline.adapters.news.fetch import unexpected_failure
from signals_pipeline.adapters.prices.calendar import pace_sessions
from signals_pipeline.adapters.stores.circuit_breakers import CircuitBreakers
from signals_pipeline.adapters.stores.headline_archive import Extent, HeadlineArchive
from signals_pipeline.adapters.time_limit import TimeLimitError, call_within
from signals_pipeline.core.news.archive import IdentifiedHeadline, identify
from signals_pipeline.core.news.collection import reports_for
from signals_pipeline.core.news.feeds import FeedVisit, NewsBatch, NewsSource, SourceError
from signals_pipeline.core.news.silence import PACE_DAYS, SourceTimeline, reach_at

# A collection this soon after a window's end belongs to the window; later ones must not leak into the past.
PROMPT_COLLECTION = timedelta(hours=1)

# Seconds for one feed, whatever it waits for. Feeds end their own fetches earlier (`RequestPolicy.fetch_seconds`); this
# is for what they did not foresee, and below the 300 s of the stage, whose end names no feed.
FEED_SECONDS = 180.0


@runtime_checkable
class ReachesBack(Protocol):
    """A feed that can be asked for the past."""

    @property
    def reach(self) -> timedelta:
        """How far back it goes."""
        ...


@dataclass(frozen=True, slots=True)
class _FeedRequest:
    """A feed and the interval that is requested of it."""

    feed: NewsSource
    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class _Outcome:
    """The record of one feed's collection, its headlines, and whether a failure may pass soon."""

    collection: FeedVisit
    headlines: tuple[IdentifiedHeadline, ...] = ()
    is_transient: bool = False


class LiveNews:
    """A news source over several live feeds and their archive.

    Attributes:
        name: `live`.
        warnings: What the operator should know before the first window; one line each.
    """

    name = "live"

    def __init__(
        self,
        feeds: Sequence[NewsSource],
        archive: HeadlineArchive,
        circuits: CircuitBreakers,
        *,
        now: Callable[[], datetime],
        warnings: Sequence[str] = (),
        feed_seconds: float = FEED_SECONDS,
    ) -> None:
        """Combine the parts.

        Args:
            feeds: In the order of precedence: of an item that several feeds deliver, the first one's words are kept.
            archive: Where headlines and collections are stored.
            circuits: The circuit breakers of feeds that keep failing.
            now: The clock, timezone-aware.
            warnings: What the operator should know.
            feed_seconds: Limit for one feed; what the others delivered is kept.
        """
        self.warnings = tuple(warnings)
        self._feeds = tuple(feeds)
        self._archive = archive
        self._circuits = circuits
        self._now = now
        self._feed_seconds = feed_seconds

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        """Headlines that became known in [start, end), collected first where that has not been done.

        A collection is due where the interval ends after the last one; each feed is then asked for everything since it
        last delivered in full. For a time before the archive began, the feeds that reach back are asked.

        Raises:
            SourceError: Every feed failed, or nothing was ever collected for this interval.
            ValueError: Start or end has no timezone.
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError(f"{self.name}: start and end need a timezone; got {start} and {end}")

        # Collect what is missing.
        extent = self._archive.extent()
        if extent.begin is not None and start < extent.begin:
            self._collect_past(start, extent.begin)
        if extent.frontier is None or end > extent.frontier:
            self._collect(start, end, extent)

        # Read the interval from the archive.
        collections = self._archive.visits(start, end)
        covered_from = max(start, _earliest_request(collections, default=start))
        reports = reports_for(collections, covered_from, end)
        if not reports:
            raise SourceError(
                f"news: nothing was collected between {start:%Y-%m-%d %H:%M} and {end:%Y-%m-%d %H:%M} UTC"
            )
        return NewsBatch(self._archive.headlines(start, end), reports, collections)

    def _collect(self, start: datetime, end: datetime, extent: Extent) -> None:
        """Collect all feeds up to now.

        Raises:
            SourceError: Every feed failed.
        """
        now = self._now()
        requests: list[_FeedRequest] = []
        for feed in self._feeds:
            # Since it last delivered in full; a new feed since the last collection; the very first one since start.
            since = extent.whole_to.get(feed.name) or extent.frontier or start
            requests.append(_FeedRequest(feed, min(since, now), now))
        outcomes = self._shortened_by_silence(self._fetch_all(requests, now), now)

        # Stored before the failure is raised: an attempt that failed is part of the record.
        is_prompt = now - end <= PROMPT_COLLECTION
        self._archive.add_round(_collections(outcomes), _headlines(outcomes), now=now, prompt=is_prompt)
        _raise_if_all_failed(outcomes)

    def _collect_past(self, start: datetime, archive_begin: datetime) -> None:
        """Ask the feeds that reach back to start for what lies before the archive."""
        now = self._now()
        requests = [
            _FeedRequest(feed, min(start, archive_begin), archive_begin)
            for feed in self._feeds
            if isinstance(feed, ReachesBack) and now - feed.reach <= start
        ]
        if requests:
            outcomes = self._fetch_all(requests, now)
            self._archive.add_past(_collections(outcomes), _headlines(outcomes))

    def _fetch_all(self, requests: Sequence[_FeedRequest], now: datetime) -> list[_Outcome]:
        """Fetch all feeds at the same time; outcomes in the order of the requests."""

        def fetch(request: _FeedRequest) -> _Outcome:
            return self._fetch_one(request, now)

        with ThreadPoolExecutor(len(requests), thread_name_prefix="feed") as pool:
            return list(pool.map(fetch, requests))

    def _shortened_by_silence(self, outcomes: Sequence[_Outcome], now: datetime) -> list[_Outcome]:
        """The outcomes; a feed that has not moved for suspiciously long delivers everything only to its newest item."""
        sessions = pace_sessions(now)
        published = self._archive.publications(now - timedelta(days=PACE_DAYS))
        judged: list[_Outcome] = []
        for outcome in outcomes:
            visit = outcome.collection
            if visit.whole_from is None or visit.whole_to is None:
                judged.append(outcome)
                continue
            delivered = [headline.published_at for _, headline in outcome.headlines if headline.published_at]
            timeline = SourceTimeline.from_publications(visit.feed, [*published.get(visit.feed, ()), *delivered])
            reach = reach_at(timeline, visit.asked_to, sessions)
            if reach.covered_to is None or reach.covered_to >= visit.whole_to:
                judged.append(outcome)
                continue
            silent_visit = replace(
                visit,
                status="degraded",
                whole_to=max(visit.whole_from, reach.covered_to),
                detail="; ".join(part for part in (reach.detail, visit.detail) if part),
            )
            judged.append(replace(outcome, collection=silent_visit))
        return judged

    def _fetch_one(self, request: _FeedRequest, now: datetime) -> _Outcome:
        feed = request.feed
        open_circuit = self._circuits.admit(feed.name, now)
        if open_circuit is not None:
            reason = (
                f"skipped until {open_circuit.open_until:%H:%M} UTC after {open_circuit.failures} consecutive failures:"
                f" {open_circuit.detail}"
            )
            return _Outcome(_failed_collection(request, now, reason))
        try:
            collection, headlines = self._fetch_within_limit(request)
        except SourceError as error:
            reason = " ".join(str(error).split())
            self._circuits.record(feed.name, now, reason)
            return _Outcome(_failed_collection(request, now, reason), is_transient=error.transient)
        self._circuits.record(feed.name, now)
        return _Outcome(replace(collection, collected_at=now), headlines)

    def _fetch_within_limit(self, request: _FeedRequest) -> tuple[FeedVisit, tuple[IdentifiedHeadline, ...]]:
        """The record of a feed's visit and its headlines.

        Raises:
            SourceError: Whatever the feed raised, or its time is up.
        """
        feed = request.feed

        def fetch() -> tuple[FeedVisit, tuple[IdentifiedHeadline, ...]]:
            batch = feed.fetch(request.start, request.end)
            (collection,) = batch.collections
            # Headlines are identified in this thread, while others wait for their feeds.
            return collection, identify(batch.headlines)

        try:
            return call_within(self._feed_seconds, fetch, name=feed.name)
        except SourceError:
            raise
        except TimeLimitError as error:
            raise SourceError(f"{feed.name}: no result after {self._feed_seconds:g} s", transient=True) from error
        except Exception as error:
            raise unexpected_failure(feed.name, error) from error


def _earliest_request(collections: Sequence[FeedVisit], *, default: datetime) -> datetime:
    """Since when the collections that did not fail asked for news."""
    starts = [collection.asked_from for collection in collections if collection.status != "failed"]
    return min(starts, default=default)


def _collections(outcomes: Sequence[_Outcome]) -> list[FeedVisit]:
    return [outcome.collection for outcome in outcomes]


def _headlines(outcomes: Sequence[_Outcome]) -> list[IdentifiedHeadline]:
    """All headlines, in the order of the feeds."""
    return [headline for outcome in outcomes for headline in outcome.headlines]


def _failed_collection(request: _FeedRequest, now: datetime, detail: str) -> FeedVisit:
    return FeedVisit(
        feed=request.feed.name,
        collected_at=now,
        asked_from=request.start,
        asked_to=request.end,
        status="failed",
        fetched=0,
        whole_from=None,
        whole_to=None,
        detail=detail,
    )


def _raise_if_all_failed(outcomes: Sequence[_Outcome]) -> None:
    collections = _collections(outcomes)
    if any(collection.status != "failed" for collection in collections):
        return
    reasons = "; ".join(f"{collection.feed}: {collection.detail}" for collection in collections)
    is_transient = any(outcome.is_transient for outcome in outcomes)
    raise SourceError(f"news: every feed failed ({reasons}); the next window covers the gap", transient=is_transient)
