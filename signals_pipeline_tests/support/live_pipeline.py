"""Live news over feeds of tests, with a clock that a test sets."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.engine import Engine

from signals_pipeline.adapters.news.live import FEED_SECONDS, LiveNews
from signals_pipeline.adapters.stores.circuit_breakers import CircuitBreakers
from signals_pipeline.adapters.stores.headline_archive import HeadlineArchive
from signals_pipeline.core.news.feeds import NewsBatch, NewsSource
from signals_pipeline.core.windows import Window, window_for_key

MORNING, DAY = window_for_key("2026-03-03-17:30"), window_for_key("2026-03-04-08:30")
NIGHT = window_for_key("2026-03-04-17:30")
SECONDS = timedelta(seconds=5)
HOUR = timedelta(hours=1)


class LivePipeline:
    """Live news whose clock a test sets."""

    def __init__(self, engine: Engine, *feeds: NewsSource, feed_seconds: float = FEED_SECONDS) -> None:
        self.now = datetime(2000, 1, 1, tzinfo=UTC)
        self.news = LiveNews(
            feeds,
            HeadlineArchive(engine),
            CircuitBreakers(engine, threshold=3),
            now=lambda: self.now,
            warnings=["mind"],
            feed_seconds=feed_seconds,
        )

    def run(self, window: Window, *, late: timedelta = SECONDS, back: timedelta = 72 * HOUR) -> NewsBatch:
        """Fetch a window so late after its end, with evidence so far back."""
        self.now = window.end + late
        return self.news.fetch(window.end - back, window.end)


def titles(batch: NewsBatch, window: Window) -> list[str | None]:
    """What falls into the window."""
    return [one.title for one in batch.headlines if one.known_at and window.start <= one.known_at < window.end]


def statuses(batch: NewsBatch) -> dict[str, str]:
    return {report.feed: report.status for report in batch.reports}
