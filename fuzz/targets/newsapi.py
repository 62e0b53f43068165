"""NewsAPI's answers, delivered by a server on loopback."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from fuzz.inputs import Case
from fuzz.invariants import outcome_of, require_line
from fuzz.worker import Check
from signals_pipeline.adapters.http_client.client import HttpClient
from signals_pipeline.adapters.http_client.policy import RequestPolicy
from signals_pipeline.adapters.news.newsapi import NEWSAPI_ORIGIN, PLANS, Degrades, NewsApi
from signals_pipeline.core.news.normalisation import normalise
from signals_pipeline.core.watchlist import Company
from signals_pipeline_tests.support.feed_documents import NOW, Item, newsapi, newsapi_error
from signals_pipeline_tests.support.vendor_server import Reply, vendor

TOKENS = (
    b'"articles"', b'"totalResults"', b'"status"', b'"ok"', b'"title"', b'"publishedAt"', b'"source"', b'"name"',
    b"{}", b"[]", b"[", b"{", b":", b",", b"1e400", b"NaN", b"-1", b"100000", b'"\\ud800"', b'"\\u0000"',
    b"[[[[[[[[", b"2" * 5000,
)  # fmt: skip
_POLICY = RequestPolicy(concurrency=1, min_interval=0.0, timeout=10.0, deadline=15.0, attempts=1)


def examples() -> Sequence[Case]:
    """A page of results, an empty one, and an error."""
    items = [Item(f"Acme opens store {number}", 30.0 * number) for number in range(1, 5)]
    return (
        Case("page.json", newsapi(items)),
        Case("empty.json", newsapi([])),
        Case("error.json", newsapi_error("rateLimited", "You have made too many requests")),
    )


@contextmanager
def opened() -> Iterator[Check]:
    """Search with this as the answer to every request."""
    with vendor() as server:
        http = HttpClient(_POLICY, user_agent="fuzz", origins={NEWSAPI_ORIGIN: server.origin})

        def search() -> str:
            plan, degrades = PLANS["business"], Degrades.PAGES
            api = NewsApi(http, "k" * 32, [Company("ACME", "Acme")], plan=plan, degrades=degrades, forecast=lambda: "")
            batch = api.fetch(NOW - timedelta(hours=9), NOW)
            (report,) = batch.reports
            if report.detail:
                require_line(report.detail)
            normalised = normalise(batch.headlines)
            return f"{report.status}, {'some' if len(normalised.items) else 'no'} headlines"

        def check(file: Path) -> str:
            server.routes["/v2/everything"] = [Reply(file.read_bytes())]
            server.requests.clear()
            return outcome_of(search)

        yield check
