"""NewsAPI: a watchlist packed into few searches, paged within the plan and the day's budget of calls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from signals_pipeline.adapters.http_client.client import HttpClient, Response
from signals_pipeline.adapters.http_client.policy import TransientError
from signals_pipeline.adapters.news.fetch import Page, Visit, instant, refuse_drift
from signals_pipeline.core.news.feeds import NewsBatch, RawHeadline, SourceError
from signals_pipeline.core.news.queries import Query, queries
from signals_pipeline.core.news.quotas import Limit
from signals_pipeline.core.watchlist import Company


class QuotaError(SourceError):
    """The budget of calls is used up."""


class Degrades(StrEnum):
    """What goes first when calls run short: further `pages` of every search, or the last `companies`."""

    PAGES = "pages"
    COMPANIES = "companies"


@dataclass(frozen=True, slots=True)
class Plan:
    """What a NewsAPI plan allows (newsapi.org/pricing).

    Attributes:
        name: As NewsAPI calls it.
        limits: Calls a period.
        delay: How long after its publication an article can be had.
        pages: Pages of 100 results a search.
        reach: How far back a search goes.
    """

    name: str
    limits: tuple[Limit, ...]
    delay: timedelta
    pages: int
    reach: timedelta

    @property
    def warning(self) -> str:
        """What the operator must know at start-up; empty where the plan serves live windows."""
        if not self.delay:
            return ""
        hours = self.delay / timedelta(hours=1)
        return (
            f"NewsAPI's {self.name} plan delays articles by {hours:.0f} h and can't serve live windows: its articles"
            " come late; set NEWSAPI_PLAN=business with a paid key, or leave newsapi out of SIGNALS_FEEDS"
        )


PLANS = {
    "free": Plan("free", (Limit(100), Limit(50, 12)), timedelta(hours=24), 1, timedelta(days=30)),
    "business": Plan("business", (Limit(8_000),), timedelta(0), 5, timedelta(days=5 * 365)),
}


NEWSAPI = "https://newsapi.org"
_QUERY_LIMIT = 500
_CALLS = 4  # searches a window at most, as long as every company is asked for by name
_PAGE = 100
_LATE = timedelta(hours=1)  # articles are indexed some minutes after their publication
_REMOVED = "https://removed.com"


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
            http: A client that counts calls against the budget before it makes them and raises `QuotaError`.
            key: API key; it goes into a header and nowhere else.
            companies: Whom to search for.
            plan: What the key allows.
            degrades: What goes first when calls run short.
            forecast: Says how many calls are left, for the report.

        Raises:
            ValueError: a company's names don't fit into a query.
        """
        self.plan = plan
        self._http = http
        self._key = key
        self._degrades = degrades
        self._forecast = forecast
        self._queries = queries(companies, limit=_QUERY_LIMIT, calls=_CALLS)

    @property
    def reach(self) -> timedelta:
        """How far back the plan lets it search."""
        return self.plan.reach

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        """Articles published since start, and some from before that may have been indexed only now.

        Raises:
            SourceError: no search was answered: a refused key, a plan that doesn't allow it, no calls left, an outage.
        """
        visit = Visit(self.name, start, end)
        calls = self._http.calls
        visit.whole_to = max(start, end - self.plan.delay)
        if self.plan.delay:
            visit.notes.append(
                f"the {self.plan.name} plan delays articles by {self.plan.delay / timedelta(hours=1):.0f} h"
            )
        reach = visit.end - self.plan.reach
        visit.whole_from = max(visit.start, min(reach, visit.whole_to))
        searches = [_Search(query, max(visit.start - _LATE, reach), visit.end) for query in self._queries]
        self._run(searches)
        self._tell(visit, searches)
        removed = sum(search.removed for search in searches)
        visit.notes.extend(filter(None, [f"{removed} removed by publishers" if removed else "", self._forecast()]))
        return visit.batch(self._http.calls - calls)

    def _run(self, searches: Sequence["_Search"]) -> None:
        pages = range(1, self.plan.pages + 1)
        breadth_first = [(search, page) for page in pages for search in searches]
        depth_first = [(search, page) for search in searches for page in pages]
        for search, page in breadth_first if self._degrades is Degrades.PAGES else depth_first:
            if search.done:
                continue
            try:
                self._next_page(search, page)
            except QuotaError as error:
                search.stop(error)
            except TransientError as error:
                search.stop(error.given_up())

    def _next_page(self, search: "_Search", page: int) -> None:
        content = self._ask(search, page)
        if content is None:
            search.done = True
            return
        articles, total = _articles(content, page)
        kept = [_headline(one) for one in articles if _text(one.get("url")) != _REMOVED]
        refuse_drift("newsapi.org", kept)
        search.removed += len(articles) - len(kept)
        fresh = [one for one in kept if one not in search.found]
        search.found.update(dict.fromkeys(fresh))
        # A page that brings nothing new means that the vendor repeats itself: there is no more to be had.
        search.whole = page * _PAGE >= total or len(articles) < _PAGE
        search.done = search.whole or not fresh

    def _ask(self, search: "_Search", page: int) -> Any:  # noqa: ANN401
        """One page's content; None where the plan has no such page."""
        from newsapi import NewsApiClient
        from newsapi.newsapi_exception import NewsAPIException

        client = NewsApiClient(api_key=self._key, session=_Session(self._http))
        try:
            return client.get_everything(
                q=search.query.text,
                from_param=_naive(search.start),
                to=_naive(search.end + timedelta(seconds=1)),
                language="en",
                sort_by="publishedAt",
                page_size=_PAGE,
                page=page,
            )
        except NewsAPIException as error:
            content = error.get_exception()
            code = str(content.get("code", "no code")) if isinstance(content, dict) else "no code"
            if code == "maximumResultsReached" and page > 1:
                return None
            message = str(content.get("message", "")) if isinstance(content, dict) else ""
            said = " ".join(message.replace(self._key, "***").split())[:200]
            raise SourceError(f"newsapi.org refuses ({code}: {said}); check NEWSAPI_KEY and NEWSAPI_PLAN") from None

    def _tell(self, visit: Visit, searches: Sequence["_Search"]) -> None:
        failed = [search for search in searches if search.failure and not search.found]
        if failed and len(failed) == len(searches):
            raise failed[0].failure or SourceError("newsapi.org: no answer")
        for search in searches:
            symbols = ", ".join(search.query.symbols[:3]) + (", ..." if len(search.query.symbols) > 3 else "")
            visit.take(Page(tuple(search.found), cut=not search.whole), symbols)
            if search in failed:
                visit.failures.append(f"{symbols}: {search.failure}")


@dataclass(eq=False)
class _Search:
    """One query while its pages come in."""

    query: Query
    start: datetime
    end: datetime

    def __post_init__(self) -> None:
        self.found: dict[RawHeadline, None] = {}
        self.removed = 0
        self.whole = False
        self.done = False
        self.failure: SourceError | None = None

    def stop(self, failure: SourceError) -> None:
        self.failure, self.done = failure, True


class _Session:
    """What the NewsAPI client takes for a `requests` session: our own, with its manners."""

    def __init__(self, http: HttpClient) -> None:
        self._http = http

    def get(self, url: str, auth: Any, timeout: float, params: dict[str, Any]) -> Response:  # noqa: ANN401, ARG002
        """The answer; its JSON is read here, so that anything else is refused in one line."""
        answer = self._http.get(url, params=params, auth=auth)
        answer.json()
        return answer


def _articles(content: Any, page: int) -> tuple[list[dict[str, Any]], int]:  # noqa: ANN401
    """The articles of a page and how many the search has in all.

    Raises:
        SourceError: the answer is not built as NewsAPI documents it.
    """
    articles = content.get("articles") if isinstance(content, dict) else None
    total = content.get("totalResults") if isinstance(content, dict) else None
    if (
        not isinstance(articles, list)
        or not isinstance(total, int)
        or not all(isinstance(one, dict) for one in articles)
    ):
        raise SourceError("newsapi.org: no `articles` and `totalResults` in the answer; its format has changed")
    if total and not articles and page == 1:
        raise SourceError(f"newsapi.org: {total} results and no article; its format has changed")
    return articles, total


def _headline(article: dict[str, Any]) -> RawHeadline:
    source = article.get("source")
    return RawHeadline(
        published_at=instant(article.get("publishedAt")),
        title=_text(article.get("title")),
        url=_text(article.get("url")),
        source=_text(source.get("name")) if isinstance(source, dict) else None,
        feed=NewsApi.name,
        summary=_text(article.get("description")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None


def _naive(at: datetime) -> str:
    """UTC without zone, as the client wants it."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")
