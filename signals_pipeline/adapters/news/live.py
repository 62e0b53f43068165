"""Live news: feeds are collected into the archive, and windows are read from it, so that each reads the same again."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Protocol, runtime_checkable

from signals_pipeline.adapters.stores.circuit_breakers import Circuits
from signals_pipeline.adapters.stores.headline_archive import Extent, HeadlineArchive
from signals_pipeline.core.news.archive import Identified, identified
from signals_pipeline.core.news.collection import reports_for
from signals_pipeline.core.news.feeds import Collection, NewsBatch, NewsSource, SourceError

PROMPT = timedelta(hours=1)  # a round this soon after a window's end belongs to it


@runtime_checkable
class ReachesBack(Protocol):
    """A feed that can be asked for the past."""

    @property
    def reach(self) -> timedelta:
        """How far back it can be asked."""
        ...


@dataclass(frozen=True, slots=True)
class _Outcome:
    """A visit, what it brought, and whether its failure may pass soon."""

    visit: Collection
    headlines: tuple[Identified, ...] = ()
    transient: bool = False


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
        circuits: Circuits,
        *,
        now: Callable[[], datetime],
        warnings: Sequence[str] = (),
    ) -> None:
        """Put the parts together.

        Args:
            feeds: In the order of precedence: of an item that several deliver, the first one's words are kept.
            archive: Where headlines and visits are kept.
            circuits: Which feeds are left alone.
            now: The clock, timezone-aware.
            warnings: What the operator should know.
        """
        self.warnings = tuple(warnings)
        self._feeds = tuple(feeds)
        self._archive = archive
        self._circuits = circuits
        self._now = now

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        """Headlines that became known in [start, end), collected first where that has not been done.

        A round is due where the interval's end lies behind the last one; it asks each feed for everything since it
        last delivered in full. For a time before the archive began, the feeds that reach back are asked.

        Raises:
            SourceError: every feed failed, or nothing was ever collected for this interval.
            ValueError: start or end has no timezone.
        """
        if start.tzinfo is None or end.tzinfo is None:
            raise ValueError(f"{self.name}: start and end need a timezone; got {start} and {end}")
        extent = self._archive.extent()
        if extent.begin is not None and start < extent.begin:
            self._collect_past(start, extent.begin)
        if extent.frontier is None or end > extent.frontier:
            self._collect(start, end, extent)
        visits = self._archive.visits(start, end)
        reports = reports_for(visits, max(start, self._begin(visits, start)), end)
        if not reports:
            raise SourceError(
                f"news: nothing was collected between {start:%Y-%m-%d %H:%M} and {end:%Y-%m-%d %H:%M} UTC"
            )
        return NewsBatch(self._archive.headlines(start, end), reports, visits)

    @staticmethod
    def _begin(visits: Sequence[Collection], start: datetime) -> datetime:
        return min((visit.asked_from for visit in visits if visit.status != "failed"), default=start)

    def _collect(self, start: datetime, end: datetime, extent: Extent) -> None:
        now = self._now()
        outcomes = self._visit(
            [(feed, extent.whole_to.get(feed.name) or extent.frontier or start) for feed in self._feeds], now, now
        )
        visits = [each.visit for each in outcomes]
        delivered = [one for each in outcomes for one in each.headlines]
        self._archive.keep(visits, delivered, now=now, prompt=now - end <= PROMPT)
        _refuse_if_all_failed(outcomes)

    def _collect_past(self, start: datetime, begin: datetime) -> None:
        """Ask the feeds that reach back to start for what lies before the archive."""
        now = self._now()
        reaching = [
            (feed, start) for feed in self._feeds if isinstance(feed, ReachesBack) and now - feed.reach <= start
        ]
        if reaching:
            outcomes = self._visit(reaching, begin, now)
            visits = [each.visit for each in outcomes]
            self._archive.keep_past(visits, [one for each in outcomes for one in each.headlines])

    def _visit(self, asked: Sequence[tuple[NewsSource, datetime]], until: datetime, now: datetime) -> list[_Outcome]:
        """All feeds at the same time; outcomes in their order."""
        with ThreadPoolExecutor(len(asked), thread_name_prefix="feed") as pool:
            return list(pool.map(lambda each: self._one(each[0], min(each[1], until), until, now), asked))

    def _one(self, feed: NewsSource, since: datetime, until: datetime, now: datetime) -> _Outcome:
        open_circuit = self._circuits.admit(feed.name, now)
        if open_circuit is not None:
            why = f"left alone until {open_circuit.open_until:%H:%M} UTC after {open_circuit.failures} failures: "
            return _Outcome(_failed(feed.name, now, since, until, why + open_circuit.detail))
        try:
            batch = feed.fetch(since, until)
        except SourceError as error:
            why = " ".join(str(error).split())
            self._circuits.record(feed.name, now, why)
            return _Outcome(_failed(feed.name, now, since, until, why), transient=error.transient)
        self._circuits.record(feed.name, now)
        (visit,) = batch.collections
        # Identified here, while others wait for their feeds.
        return _Outcome(replace(visit, collected_at=now), identified(batch.headlines))


def _failed(feed: str, now: datetime, since: datetime, until: datetime, detail: str) -> Collection:
    return Collection(feed, now, since, until, "failed", 0, None, None, detail=detail)


def _refuse_if_all_failed(outcomes: Sequence[_Outcome]) -> None:
    visits = [each.visit for each in outcomes]
    if all(visit.status == "failed" for visit in visits):
        told = "; ".join(f"{visit.feed}: {visit.detail}" for visit in visits)
        transient = any(each.transient for each in outcomes)
        raise SourceError(f"news: no feed answered ({told}); the next window covers the gap", transient=transient)
