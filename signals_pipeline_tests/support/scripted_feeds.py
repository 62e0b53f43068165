"""A feed whose every item and outage is written down beforehand, for tests of the archive over days."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from signals_pipeline.adapters.news.fetch import FeedFetch, FetchedPage
from signals_pipeline.core.news.feeds import NewsBatch, SourceError
from signals_pipeline.core.news.normalisation import RawHeadline


@dataclass(frozen=True)
class Aired:
    """An item and when the feed began to show it."""

    headline: RawHeadline
    at: datetime


@dataclass
class Tape:
    """A feed that shows what has aired within its memory, and fails while it is down.

    Attributes:
        name: Name of the feed.
        aired: Its items.
        memory: How long it shows an item.
        newest: How many items it shows at most.
        down: Why it fails; empty while it answers.
        asked: The visits: (start, end).
    """

    name: str
    aired: Sequence[Aired] = ()
    memory: timedelta = timedelta(days=30)
    newest: int = 10_000
    down: str = ""
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        self.asked.append((start, end))
        if self.down:
            raise SourceError(self.down)
        shown = [one for one in self.aired if end - self.memory <= one.at <= end]
        page = tuple(one.headline for one in sorted(shown, key=lambda one: one.at, reverse=True)[: self.newest])
        fetch = FeedFetch(self.name, start, end)
        fetch.add(FetchedPage(page, is_truncated=len(shown) > self.newest))
        return fetch.to_batch(1)


def item(published: datetime | None, title: str, feed: str = "one", url: str = "", **more: object) -> RawHeadline:
    """A headline of a feed."""
    link = url or f"https://news.example/{title.replace(' ', '-')}"
    return RawHeadline(published, title, link, "Wire", feed, **more)  # pyright: ignore[reportArgumentType]


def on_time(published: datetime, title: str, feed: str = "one", **more: object) -> Aired:
    """An item that its feed shows at once."""
    return Aired(item(published, title, feed, **more), published)  # pyright: ignore[reportArgumentType]
