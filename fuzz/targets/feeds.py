"""RSS and Atom documents, delivered by a server on loopback."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from fuzz.inputs import Case
from fuzz.invariants import outcome_of, require, require_line
from fuzz.worker import Check
from signals_pipeline.adapters.http_client.client import HttpClient
from signals_pipeline.adapters.http_client.policy import RequestPolicy
from signals_pipeline.adapters.news.rss import RssFeed
from signals_pipeline.core.news.normalisation import normalise
from signals_pipeline_tests.support.feed_documents import NOW, Item, atom, edgar, rss
from signals_pipeline_tests.support.vendor_server import XML, Reply, vendor

TOKENS = (
    b"<item>", b"</item>", b"<entry>", b"</entry>", b"<title>", b"</title>", b"<link>", b"<pubDate>", b"</pubDate>",
    b"<channel>", b"<rss", b"<feed", b"&#99999999999;", b"&#x0;", b"&nbsp;", b"&", b"<![CDATA[", b"]]>",
    b"<!DOCTYPE a [", b'<!ENTITY a "aaaaaaaaaa">', b"&a;&a;&a;", b"<psc:chapter title='x'/>",
    b"xml:base='https://[x/'", b"<?xml?>", b"encoding='UTF-32'", b"encoding='utf-7'", b" a='b'",
    b"Mon, 02 Mar 2026 10:00:00 PM EST", b"+05:30", b"<a>",
)  # fmt: skip
_POLICY = RequestPolicy(concurrency=1, min_interval=0.0, timeout=10.0, deadline=15.0, attempts=1)
_ITEMS = [Item(f"Headline {number} of Acme & Sons", 10.0 * number) for number in range(1, 6)]


def examples() -> Sequence[Case]:
    """A document of each kind."""
    filings = edgar([("Acme Inc", 320193, 10.0), ("Beta Corp", 789019, 20.0)])
    return (Case("feed.rss", rss(_ITEMS)), Case("feed.atom", atom(_ITEMS)), Case("feed.xml", filings))


@contextmanager
def opened() -> Iterator[Check]:
    """Fetch the document as a feed of the operator's."""
    with vendor() as server:
        http = HttpClient(_POLICY, user_agent="fuzz fuzz@example.org")

        def check(file: Path) -> str:
            server.routes["/feed"] = [Reply(file.read_bytes(), XML)]
            server.requests.clear()
            return outcome_of(lambda: _fetch(RssFeed(http, f"{server.origin}/feed")))

        yield check


def _fetch(feed: RssFeed) -> str:
    batch = feed.fetch(NOW - timedelta(hours=9), NOW)
    (report,) = batch.reports
    require(report.detail == "" or "\n" not in report.detail, f"a detail of several lines: {report.detail[:100]!r}")
    if report.detail:
        require_line(report.detail)
    normalised = normalise(batch.headlines)
    return f"{report.status}, {'some' if len(normalised.items) else 'no'} headlines"
