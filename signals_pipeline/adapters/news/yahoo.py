"""Yahoo Finance's news of each symbol through yfinance, whose client passes changed and broken answers off as no news.

So the session that yfinance is given judges every answer itself: what is not built as expected is refused.
"""

import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from signals_pipeline.adapters.http_client.client import moved, place
from signals_pipeline.adapters.http_client.policy import (
    HostRateLimiter,
    RequestPolicy,
    TransientError,
    raise_if_transient,
)
from signals_pipeline.adapters.news.fetch import Page, Visit, instant, refuse_drift, visit_symbols
from signals_pipeline.adapters.yfinance_module import yfinance_in
from signals_pipeline.core.news.feeds import NewsBatch, RawHeadline, SourceError

if TYPE_CHECKING:
    from curl_cffi.requests import Response, Session

_COUNT = 50
_NEWS_PATH = "/xhr/ncp"


class YahooNews:
    """Yahoo Finance's newest items of each symbol."""

    name = "yahoo"

    def __init__(
        self,
        symbols: Sequence[str],
        manners: RequestPolicy,
        *,
        cache_dir: str,
        origins: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare the feed; nothing is asked yet.

        Args:
            symbols: Whose news.
            manners: Politeness and patience.
            cache_dir: Folder where yfinance keeps what it knows of symbols.
            origins: Other places for Yahoo's origins; see `HttpClient`.
        """
        self._symbols = tuple(symbols)
        self._manners = manners
        self._cache_dir = cache_dir
        self._origins = dict(origins or {})

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        """Each symbol's newest items.

        Raises:
            SourceError: no symbol got an answer.
        """
        yf = yfinance_in(Path(self._cache_dir))
        visit = Visit(self.name, start, end)
        calls = _Calls(self._manners, self._origins)
        with open_session(calls) as session:

            def page(symbol: str) -> Page:
                ticker = yf.Ticker(symbol.replace(".", "-"), session=session)  # Yahoo writes BRK.B as BRK-B
                items = _items(ticker, symbol)
                headlines = tuple(_headline(one["content"], symbol) for one in items)
                refuse_drift(f"Yahoo's news of {symbol}", headlines)
                return Page(headlines, cut=len(items) >= _COUNT)

            visit_symbols(visit, self._symbols, page, self._manners.at_once)
        return visit.batch(calls.made)


def _items(ticker: Any, symbol: str) -> list[dict[str, Any]]:  # noqa: ANN401
    """The items that yfinance finds in an answer.

    Raises:
        PassingError, SourceError: what the session has to say of the answer.
        SourceError: yfinance stumbled over it.
    """
    try:
        return ticker.get_news(count=_COUNT)
    except (TransientError, SourceError):
        raise
    except Exception as error:
        said = " ".join(f"{type(error).__name__}: {error}".split())
        raise SourceError(f"yfinance can't read Yahoo's news of {symbol} ({said}); update it") from error


class _Calls:
    """Calls on behalf of yfinance: polite, patient, counted, judged."""

    def __init__(self, manners: RequestPolicy, origins: Mapping[str, str]) -> None:
        self.manners = manners
        self.made = 0
        self._origins = origins
        self._doors = HostRateLimiter(manners)
        self._lock = threading.Lock()
        self._helpers: dict[str, Response | TransientError] = {}

    def ask(self, send: Any, method: str, url: str, options: dict[str, Any]) -> "Response":  # noqa: ANN401
        """One answer by `send(method, url, **options)`.

        Raises:
            PassingError: no answer after all attempts.
            SourceError: an answer that is not built as Yahoo's news were.
        """
        target = moved(url, self._origins)
        if urlsplit(url).path == _NEWS_PATH:
            return self.manners.call_with_retry(
                lambda: self._once(send, method, target, options, self.manners.deadline)
            )
        return self._helper(send, method, target, options)

    def _helper(self, send: Any, method: str, url: str, options: dict[str, Any]) -> "Response":  # noqa: ANN401
        """A cookie or crumb, which news can do without: asked for once a visit, however it ends; others wait."""
        if url not in self._helpers:
            try:
                self._helpers[url] = self._once(send, method, url, options, self.manners.timeout)
            except TransientError as error:
                self._helpers[url] = error
        found = self._helpers[url]
        if isinstance(found, TransientError):
            raise TransientError(str(found), found.retry_after)
        return found

    def _once(self, send: Any, method: str, url: str, options: dict[str, Any], seconds: float) -> "Response":  # noqa: ANN401
        from curl_cffi.requests.exceptions import RequestException

        where = place(url)
        with self._doors.through(urlsplit(url).netloc):
            with self._lock:
                self.made += 1
            began = monotonic()
            try:
                response = send(method, url, **{**options, "timeout": seconds})
            except RequestException as error:
                took = monotonic() - began
                raise TransientError(f"{where}: {type(error).__name__} after {took:.0f} s") from error
        raise_if_transient(where, response.status_code, response.headers)
        if urlsplit(url).path == _NEWS_PATH:
            _judge(response, where)
        return response


def open_session(calls: _Calls) -> "Session":
    """A session that looks like a browser's, as Yahoo wants it, and calls through `calls`."""
    from curl_cffi.requests import Session

    class PoliteSession(Session):
        def request(self, method: Any, url: str, *_: Any, **options: Any) -> Any:  # noqa: ANN401
            return calls.ask(super().request, method, url, options)

    return PoliteSession(impersonate="chrome")


def _judge(response: "Response", where: str) -> None:
    """Refuse what yfinance would take for no news.

    Raises:
        PassingError: Yahoo's own page for an outage.
        SourceError: a refusal, no JSON, or JSON that is not built as expected.
    """
    if "Will be right back" in response.text:
        raise TransientError(f"{where}: Yahoo says that it will be right back")
    if response.status_code >= 400:
        raise SourceError(f"{where} answers HTTP {response.status_code}")
    try:
        content = response.json()
    except ValueError as error:
        raise SourceError(f"{where} answers with no JSON ({len(response.content):,} bytes)") from error
    stream: Any = content
    for name in ("data", "tickerStream", "stream"):
        stream = stream.get(name) if isinstance(stream, dict) else None
    if not isinstance(stream, list):
        raise SourceError(f"{where}: no data.tickerStream.stream in the answer; its format has changed")
    items = [one for one in stream if isinstance(one, dict) and not one.get("ad")]
    if any(not isinstance(one.get("content"), dict) for one in items) or len(items) < len(stream) // 2:
        raise SourceError(f"{where}: items without content; its format has changed")


def _headline(content: Mapping[str, Any], symbol: str) -> RawHeadline:
    def inner(name: str, key: str) -> str | None:
        value = content.get(name)
        return _text(value.get(key)) if isinstance(value, dict) else None

    return RawHeadline(
        published_at=instant(content.get("pubDate")),
        title=_text(content.get("title")),
        url=inner("canonicalUrl", "url") or inner("clickThroughUrl", "url"),
        source=inner("provider", "displayName"),
        feed=YahooNews.name,
        summary=_text(content.get("summary")),
        tags=(symbol,),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value.strip() else None
