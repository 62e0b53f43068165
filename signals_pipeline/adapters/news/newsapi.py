"""NewsAPI: a watchlist packed into few searches, paged within the plan and the daily budget of calls.

Requests are made by the vendor's client, newsapi-python, through a `requests` session that follows our policy. Which
names a search combines is decided in `core.news.queries`, the budget in `core.news.quotas`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from functools import cached_property
from typing import TYPE_CHECKING

from signals_pipeline.adapters.http_client.client import HttpClient
from signals_pipeline.adapters.http_client.json_values import is_array, is_object, text_or_none
from signals_pipeline.adapters.http_client.policy import TransientError, root_cause
from signals_pipeline.adapters.news.fetch import FeedFetch, FetchedPage, check_format
from signals_pipeline.adapters.news.instants import parse_instant
from signals_pipeline.core.news.feeds import NewsBatch, SourceError
from signals_pipeline.core.news.normalisation import RawHeadline
from signals_pipeline.core.news.queries import Query, queries
from signals_pipeline.core.news.quotas import Limit
from signals_pipeline.core.redaction import redact_text
from signals_pipeline.core.watchlist import Company

if TYPE_CHECKING:
    from newsapi import NewsApiClient

NEWSAPI_ORIGIN = "https://newsapi.org"

# Maximum length of a search (newsapi.org/docs/endpoints/everything).
_MAX_QUERY_CHARACTERS = 500

# Searches per window, as long as every company is searched for by name: two windows a day then take 8 of the free
# plan's 100 calls.
_MAX_SEARCHES = 4

# Results per page; NewsAPI's maximum.
_PAGE_SIZE = 100

# Articles are indexed some minutes after their publication: searches begin earlier by this much.
_INDEXING_DELAY = timedelta(hours=1)

# What NewsAPI puts in the place of an article that its publisher has withdrawn.
_REMOVED_URL = "https://removed.com"

# The error code for a page beyond what the plan shows.
_NO_MORE_PAGES = "maximumResultsReached"

# Maximum length of NewsAPI's error text in our messages.
_MAX_ERROR_CHARACTERS = 200

# Symbols that name a search in a report.
_MAX_SYMBOLS_SHOWN = 3


class QuotaError(SourceError):
    """The budget of calls is used up."""


class _RefusedError(SourceError):
    """NewsAPI refuses what it was asked, and will refuse the other searches, too."""


class Degrades(StrEnum):
    """What is given up first when calls run short: further `pages` of every search, or the last `companies`."""

    PAGES = "pages"
    COMPANIES = "companies"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a NewsAPI plan allows (newsapi.org/pricing).

    Attributes:
        name: As NewsAPI calls it.
        limits: Calls per period.
        delay: How long after its publication an article becomes available.
        pages: Pages of 100 results per search.
        reach: How far back a search goes.
    """

    name: str
    limits: tuple[Limit, ...]
    delay: timedelta
    pages: int
    reach: timedelta

    @property
    def delay_hours(self) -> float:
        """The delay in hours."""
        return self.delay / timedelta(hours=1)

    @property
    def warning(self) -> str:
        """What the operator must know at start-up; empty where the plan serves live windows."""
        if not self.delay:
            return ""
        return (
            f"NewsAPI's {self.name} plan delays articles by {self.delay_hours:.0f} h and can't serve live windows: its"
            " articles come late; set NEWSAPI_PLAN=business with a paid key, or leave newsapi out of SIGNALS_FEEDS"
        )


# newsapi.org/pricing and the terms of the free plan. The business plan allows 250,000 calls a month: 8,000 a day.
PLANS = {
    "free": Plan(
        name="free",
        limits=(Limit(calls=100), Limit(calls=50, hours=12)),
        delay=timedelta(hours=24),
        pages=1,
        reach=timedelta(days=30),
    ),
    "business": Plan(
        name="business",
        limits=(Limit(calls=8_000),),
        delay=timedelta(0),
        pages=5,
        reach=timedelta(days=5 * 365),
    ),
}


@dataclass(eq=False)
class _Search:
    """One query while its pages are read.

    Attributes:
        query: The query and the symbols it is about.
        start: Articles published since then are wanted.
        end: ... and until then.
        headlines: Articles so far; a dictionary as an ordered set.
        losses: What of its pages could not be read, one line each.
        removed: Articles that their publishers have withdrawn.
        is_whole: All results have been read.
        is_done: No further page is to be read.
        failure: Why it ended early.
    """

    query: Query
    start: datetime
    end: datetime
    headlines: dict[RawHeadline, None] = field(default_factory=dict[RawHeadline, None])
    losses: list[str] = field(default_factory=list[str])
    removed: int = 0
    is_whole: bool = False
    is_done: bool = False
    failure: SourceError | None = None

    @property
    def has_failed(self) -> bool:
        """Whether it ended with a failure and nothing was read."""
        return self.failure is not None and not self.headlines

    @property
    def label(self) -> str:
        """Its first symbols, for the report."""
        shown = ", ".join(self.query.symbols[:_MAX_SYMBOLS_SHOWN])
        has_more = len(self.query.symbols) > _MAX_SYMBOLS_SHOWN
        return f"{shown}, ..." if has_more else shown

    def fail(self, failure: SourceError) -> None:
        """End the search; what was read stays."""
        self.failure = failure
        self.is_done = True


class NewsApi:
    """A watchlist's articles from NewsAPI's `everything` search."""

    name = "newsapi"

    def __init__(
        self,
        http: HttpClient,
        key: str,
        companies: Sequence[Company],
        *,
        plan: Plan = PLANS["free"],
        degrades: Degrades = Degrades.PAGES,
        forecast: Callable[[], str] = str,
    ) -> None:
        """Prepare the searches.

        Args:
            http: A client of this source alone, which counts calls against the budget before it sends them and raises
                `QuotaError`.
            key: API key; it is sent in a header and used nowhere else.
            companies: Companies to search for.
            plan: What the key allows.
            degrades: What is given up first when calls run short.
            forecast: Returns a line on how many calls are left, for the report.

        Raises:
            ValueError: A company's names don't fit into a query.
        """
        self.plan = plan
        self._http = http
        self._key = key
        self._degrades = degrades
        self._forecast = forecast
        self._queries = queries(companies, limit=_MAX_QUERY_CHARACTERS, calls=_MAX_SEARCHES)

    @property
    def reach(self) -> timedelta:
        """How far back the plan lets it search."""
        return self.plan.reach

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        """Articles published since start, and some from before that may have been indexed only now.

        Raises:
            SourceError: Every search failed: a refused key, a plan that doesn't allow it, no calls left, an outage.
        """
        fetch = FeedFetch(self.name, start, end)
        sent_before = self._http.requests_sent

        # What the plan can deliver of the interval.
        earliest = fetch.end - self.plan.reach
        fetch.whole_to = max(start, end - self.plan.delay)
        fetch.whole_from = max(fetch.start, min(earliest, fetch.whole_to))
        if self.plan.delay:
            fetch.notes.append(f"the {self.plan.name} plan delays articles by {self.plan.delay_hours:.0f} h")

        search_start = max(fetch.start - _INDEXING_DELAY, earliest)
        searches = [_Search(query, search_start, fetch.end) for query in self._queries]
        with self._http.one_fetch():
            self._run(searches)

        self._add_results(fetch, searches)
        removed = sum(search.removed for search in searches)
        if removed:
            fetch.notes.append(f"{removed} removed by publishers")
        fetch.notes.append(self._forecast())
        return fetch.to_batch(self._http.requests_sent - sent_before)

    def _run(self, searches: Sequence[_Search]) -> None:
        """Read the pages of all searches, in the order that decides what is missing when calls run short.

        Raises:
            SourceError: NewsAPI refuses, and nothing was read before.
        """
        pages = range(1, self.plan.pages + 1)
        if self._degrades is Degrades.PAGES:
            # Breadth first: the newest results of every company.
            order = [(search, page) for page in pages for search in searches]
        else:
            # Depth first: all results of the watchlist's first companies.
            order = [(search, page) for search in searches for page in pages]

        for search, page in order:
            if search.is_done:
                continue
            try:
                self._read_page(search, page)
            except _RefusedError as error:
                if not any(earlier.headlines for earlier in searches):
                    raise
                search.fail(error)
            except SourceError as error:
                search.fail(error)
            except TransientError as error:
                search.fail(error.to_source_error())

    def _read_page(self, search: _Search, page: int) -> None:
        content = self._request(search, page)
        if content is None:
            search.is_done = True
            return
        articles, total_results = _articles(content, page)

        headlines: list[RawHeadline] = []
        times: list[object] = []
        for article in articles:
            if article.get("url") == _REMOVED_URL:
                search.removed += 1
            else:
                headlines.append(_headline(article))
                times.append(article.get("publishedAt"))
        search.losses.extend(check_format("newsapi.org", headlines, times))

        new_headlines = [headline for headline in headlines if headline not in search.headlines]
        for headline in new_headlines:
            search.headlines[headline] = None

        # A page without anything new means that the vendor repeats itself: there is nothing more to read.
        search.is_whole = page * _PAGE_SIZE >= total_results or len(articles) < _PAGE_SIZE
        search.is_done = search.is_whole or not new_headlines

    def _request(self, search: _Search, page: int) -> object | None:
        """The content of one page; None where the plan has no such page.

        Raises:
            TransientError: No response after all attempts.
            SourceError: NewsAPI refuses, the budget is used up, or the response is not JSON.
        """
        from newsapi.newsapi_exception import NewsAPIException

        try:
            return self._client.get_everything(
                q=search.query.text,
                from_param=_naive_utc(search.start),
                to=_naive_utc(search.end + timedelta(seconds=1)),
                language="en",
                sort_by="publishedAt",
                page_size=_PAGE_SIZE,
                page=page,
            )
        except NewsAPIException as error:
            content = error.get_exception()
            details: Mapping[str, object] = content if is_object(content) else {}
            code = details.get("code", "no code")
            if code == _NO_MORE_PAGES and page > 1:
                return None
            # NewsAPI may quote the key, plain or as the URL has it. Hidden first: the cut could leave a part of it.
            message = redact_text(f"{code}: {details.get('message', '')}", [self._key])
            line = " ".join(message.split())[:_MAX_ERROR_CHARACTERS]
            # Without the cause, which holds the unmasked message.
            raise _RefusedError(
                f"newsapi.org refused the request ({line}); check NEWSAPI_KEY and NEWSAPI_PLAN"
            ) from None
        except (TransientError, SourceError):
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it is raised as ours
            # Not only `RequestException`, and without the cause, as in `HttpClient.get`.
            raise SourceError(
                f"newsapi.org: the request, or a redirect that answers it, can't be sent ({root_cause(error)})"
            ) from None

    @cached_property
    def _client(self) -> "NewsApiClient":
        import requests
        from newsapi import NewsApiClient

        def check_is_json(response: requests.Response, *_: object, **__: object) -> None:
            # The client calls `response.json()`, whose error names neither the status nor the content type.
            if not response.is_redirect:
                HttpClient.to_response(response).json()

        self._http.session.hooks["response"].append(check_is_json)
        return NewsApiClient(api_key=self._key, session=self._http.session)

    def _add_results(self, fetch: FeedFetch, searches: Sequence[_Search]) -> None:
        """Add the results and failures of all searches.

        Raises:
            SourceError: Every search failed; the error is that of the first one.
        """
        failed = [search for search in searches if search.has_failed]
        if failed and len(failed) == len(searches):
            raise failed[0].failure or SourceError("newsapi.org: no response")
        for search in searches:
            page = FetchedPage(tuple(search.headlines), is_truncated=not search.is_whole, losses=tuple(search.losses))
            fetch.add(page, search.label)
            if search.has_failed:
                fetch.failures.append(f"{search.label}: {search.failure}")


def _articles(content: object, page: int) -> tuple[list[Mapping[str, object]], int]:
    """The articles of a page, and the number of results of the whole search.

    Raises:
        SourceError: The response is not what NewsAPI documents.
    """
    articles = content.get("articles") if is_object(content) else None
    total_results = content.get("totalResults") if is_object(content) else None
    if not is_array(articles) or not isinstance(total_results, int):
        raise SourceError("newsapi.org: the response has no `articles` and `totalResults`; its format has changed")
    objects = [article for article in articles if is_object(article)]
    if len(objects) < len(articles):
        raise SourceError("newsapi.org: the response has no `articles` and `totalResults`; its format has changed")
    if total_results and not objects and page == 1:
        raise SourceError(f"newsapi.org: {total_results} results but no article; its format has changed")
    return objects, total_results


def _headline(article: Mapping[str, object]) -> RawHeadline:
    source = article.get("source")
    return RawHeadline(
        published_at=parse_instant(article.get("publishedAt")),
        title=text_or_none(article.get("title")),
        url=text_or_none(article.get("url")),
        source=text_or_none(source.get("name")) if is_object(source) else None,
        feed=NewsApi.name,
        summary=text_or_none(article.get("description")),
    )


def _naive_utc(instant: datetime) -> str:
    """UTC without a zone: newsapi-python 0.2.7 sends aware times without converting them."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
