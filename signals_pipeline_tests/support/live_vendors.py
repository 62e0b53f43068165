"""All vendors of a live desk on one loopback server, with news that go on from window to window."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from signals_pipeline.adapters.http_client.policy import RequestPolicy
from signals_pipeline.adapters.news.feeds import FeedOptions, build_feeds
from signals_pipeline.adapters.news.live import LiveNews
from signals_pipeline.adapters.stores.circuit_breakers import CircuitBreakers
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.headline_archive import HeadlineArchive
from signals_pipeline.adapters.stores.source_calls import SourceCallLedger
from signals_pipeline.core.watchlist import Company, Watchlist
from signals_pipeline_tests.support.databases import new_database
from signals_pipeline_tests.support.feed_documents import NOW, Item, edgar, newsapi, rss, yahoo
from signals_pipeline_tests.support.vendor_server import XML, Reply, Request, Vendor, vendor

HOSTS = (
    *("https://newsapi.org", "https://feeds.finance.yahoo.com", "https://www.sec.gov", "https://finance.yahoo.com"),
    *(
        "https://fc.yahoo.com",
        "https://query1.finance.yahoo.com",
        "https://guce.yahoo.com",
        "https://consent.yahoo.com",
    ),
)
PATHS = {
    "newsapi": "/v2/everything",
    "yahoo": "/xhr/ncp",
    "rss:yahoo": "/rss/2.0/headline",
    "rss:edgar": "/cgi-bin/browse-edgar",
}
OWN = "/feed.xml"
KINDS = ("Motors", "Foods", "Energy", "Bank", "Health", "Software", "Mining", "Airlines", "Retail", "Chemicals")


@dataclass
class Newsroom:
    """What the vendors show as the clock goes on, and the server that shows it."""

    house: Vendor
    companies: tuple[Company, ...]
    delay: float
    now: datetime = NOW

    def items(self, feed: str, count: int, every: float) -> list[Item]:
        """A feed's newest items at the moment: one each `every` minutes of the clock, back from now."""
        ago = (NOW - self.now) / timedelta(minutes=1)
        latest = int(-ago // every)
        return [
            Item(f"{feed} tells of matter {n}", -n * every, f"https://news.example/{feed}/{n}")
            for n in range(latest, latest - count, -1)
        ]

    def answer(self, request: Request) -> Reply:
        """What the vendors show at this moment."""
        body, kind = self._body(request)
        return Reply(body, kind, delay=self.delay)

    def _body(self, request: Request) -> tuple[bytes, str]:
        if request.path == PATHS["newsapi"]:
            return newsapi(self.items(request.query["q"][1:9].replace(" ", "-"), 40, 18)), "application/json"
        if request.path == PATHS["yahoo"]:
            (symbol,) = json.loads(request.content)["serviceConfig"]["s"]
            return yahoo(self.items(f"Y-{symbol}", 30, 60)), "application/json"
        if request.path == PATHS["rss:yahoo"]:
            return rss(self.items(f"R-{request.query['s']}", 19, 60)), XML
        if request.path == PATHS["rss:edgar"]:
            page, ago = int(request.query["start"]) // 100, (NOW - self.now) / timedelta(minutes=1)
            rows = [(f"Other {n} LLC", 10_000 + n, ago + 500 * page + 5 * n) for n in range(99)]
            return edgar([*rows, (self.companies[page].name, int(10_000 - ago), ago + 500 * page + 499)]), XML
        return (rss(self.items("own", 9, 60)), XML) if request.path == OWN else (b"", "text/plain")


@dataclass
class LivePipeline:
    """A live desk: its news, the vendors behind it, and the clock of both."""

    news: LiveNews
    room: Newsroom

    @property
    def house(self) -> Vendor:
        """The vendors' server."""
        return self.room.house

    @property
    def now(self) -> datetime:
        """The time."""
        return self.room.now

    @now.setter
    def now(self, at: datetime) -> None:
        self.room.now = at


def companies_of(symbols: int) -> tuple[Company, ...]:
    """So many companies with symbols S0, S1, ..."""
    names = [f"{word} {kind} Inc." for word in ("Acme", "Blue", "Crane", "Delta", "Elm") for kind in KINDS][:symbols]
    return tuple(Company(f"S{at}", name) for at, name in enumerate(names))


@contextmanager
def newsroom(*, symbols: int, delay: float = 0.0) -> Iterator[Newsroom]:
    """All news vendors of a watchlist on one server."""
    with vendor() as house:
        room = Newsroom(house, companies_of(symbols), delay)
        for path in (*PATHS.values(), OWN, "/", "/v1/test/getcrumb"):
            house.routes[path] = room.answer
        yield room


@contextmanager
def live_news(
    folder: Path,
    origin: str,
    now: Callable[[], datetime],
    *,
    symbols: int,
    manners: RequestPolicy | None = None,
    plan: str = "business",
    store: str = "sqlite",
) -> Iterator[LiveNews]:
    """NewsAPI, Yahoo's news and feeds, EDGAR and a feed of one's own at this origin, and an empty archive."""
    engine = engine_for(new_database(store, folder))
    options = FeedOptions(
        names=("newsapi", "yahoo", "rss:yahoo", "rss:edgar", f"{origin}{OWN}"),
        cache_dir=str(folder),
        newsapi_key="key",
        newsapi_plan=plan,
        contact="a@b.example",
        policy=manners or RequestPolicy(),
        origins=dict.fromkeys(HOSTS, origin),
    )
    feeds = build_feeds(options, Watchlist(companies_of(symbols)), SourceCallLedger(engine), now)
    yield LiveNews(feeds, HeadlineArchive(engine), CircuitBreakers(engine), now=lambda: now().astimezone(UTC))
    engine.dispose()


@contextmanager
def live_pipeline(
    folder: Path, *, symbols: int, manners: RequestPolicy | None = None, store: str = "sqlite"
) -> Iterator[LivePipeline]:
    """A desk and its vendors in one process."""
    with (
        newsroom(symbols=symbols) as room,
        live_news(folder, room.house.origin, lambda: room.now, symbols=symbols, manners=manners, store=store) as news,
    ):
        yield LivePipeline(news, room)
