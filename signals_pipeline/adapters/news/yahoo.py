"""Yahoo Finance's news of each symbol through yfinance.

yfinance takes failed and changed responses for "no news". So every response is checked before yfinance sees it, and
what does not have the expected format is a failure. Requests are made through `adapters.yahoo_session`.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from signals_pipeline.adapters.http_client.json_values import is_array, is_object, text_or_none
from signals_pipeline.adapters.http_client.policy import (
    HostRateLimiter,
    RequestPolicy,
    TransientError,
    with_origin_overrides,
)
from signals_pipeline.adapters.news.fetch import FeedFetch, FetchedPage, check_format, fetch_symbols
from signals_pipeline.adapters.news.instants import parse_instant
from signals_pipeline.adapters.yfinance_module import yfinance_in
from signals_pipeline.core.linking.linker import QUERY_MARK
from signals_pipeline.core.news.feeds import NewsBatch, SourceError
from signals_pipeline.core.news.normalisation import RawHeadline

if TYPE_CHECKING:
    from curl_cffi.requests import Response

    from signals_pipeline.adapters.yahoo_session import YahooSession

# Items requested per symbol; a response with as many may have cut off older ones.
_MAX_ITEMS = 50

_NEWS_PATH = "/xhr/ncp"

# What Yahoo's own page for an outage says, with HTTP 200.
_OUTAGE_TEXT = "Will be right back"


class YahooNews:
    """Yahoo Finance's newest items of each symbol."""

    name = "yahoo"

    def __init__(
        self,
        symbols: Sequence[str],
        policy: RequestPolicy,
        *,
        cache_dir: str,
        origins: Mapping[str, str] | None = None,
    ) -> None:
        """Prepare the feed; nothing is requested yet.

        Args:
            symbols: Whose news.
            policy: Limits, timeouts and retries; `deadline` is the timeout of news, `timeout` that of a cookie.
            cache_dir: Folder where yfinance caches what it knows of symbols.
            origins: Origins of Yahoo to replace by others; see `with_origin_overrides`.
        """
        self._symbols = tuple(symbols)
        self._policy = policy
        self._cache_dir = cache_dir
        self._origins = dict(origins or {})

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        """Each symbol's newest items.

        Raises:
            SourceError: Every symbol failed.
        """
        yfinance = yfinance_in(Path(self._cache_dir))
        fetch = FeedFetch(self.name, start, end)
        policy = self._policy.for_one_fetch()
        with news_session(policy, self._origins) as session:

            def fetch_page(symbol: str) -> FetchedPage:
                yahoo_name = symbol.replace(".", "-")  # Yahoo writes BRK.B as BRK-B
                ticker = yfinance.Ticker(yahoo_name, session=session)
                items = _items(ticker, symbol)
                headlines = tuple(_headline(item["content"], symbol) for item in items)
                times = [item["content"].get("pubDate") for item in items]
                losses = check_format(f"Yahoo's news of {symbol}", headlines, times)
                return FetchedPage(headlines, is_truncated=len(items) >= _MAX_ITEMS, losses=losses)

            fetch_symbols(fetch, self._symbols, fetch_page, policy)
            return fetch.to_batch(session.data_requests + session.cookie_requests)


def _items(ticker: Any, symbol: str) -> list[dict[str, Any]]:  # noqa: ANN401  # yfinance's classes are untyped
    """The items that yfinance reads from the response; each has a `content`, as the session has checked.

    Raises:
        TransientError: No response after all attempts.
        SourceError: The session refused the response, or yfinance could not read it.
    """
    try:
        return ticker.get_news(count=_MAX_ITEMS)
    except (TransientError, SourceError):
        raise
    except Exception as error:
        description = " ".join(f"{type(error).__name__}: {error}".split())
        raise SourceError(f"yfinance can't read Yahoo's news of {symbol} ({description}); update yfinance") from error


def news_session(policy: RequestPolicy, origins: Mapping[str, str]) -> "YahooSession":
    """A session for yfinance that checks news."""
    # curl_cffi is imported here, since deployments without this feed do without it.
    from signals_pipeline.adapters.yahoo_session import YahooSession

    class NewsSession(YahooSession):
        def is_data_request(self, path: str) -> bool:
            return path == _NEWS_PATH

        def check_response(self, path: str, response: "Response", location: str) -> None:  # noqa: ARG002
            _check_news(response, location)

    return NewsSession(policy, HostRateLimiter(policy), rewrite_url=lambda url: with_origin_overrides(url, origins))


def _check_news(response: "Response", location: str) -> None:
    """Refuse what yfinance would take for "no news".

    Raises:
        TransientError: Yahoo's own page for an outage.
        SourceError: A refusal, no JSON, or JSON in another format.
    """
    if _OUTAGE_TEXT in response.text:
        raise TransientError(f"{location}: Yahoo reports an outage ({_OUTAGE_TEXT!r})")
    if response.status_code >= 300:
        raise SourceError(f"{location} returned HTTP {response.status_code}")
    try:
        content: object = json.loads(response.content)
    except ValueError as error:
        raise SourceError(f"{location} returned no JSON ({len(response.content):,} bytes)") from error

    stream = content
    for name in ("data", "tickerStream", "stream"):
        stream = stream.get(name) if is_object(stream) else None
    if not is_array(stream):
        raise SourceError(f"{location}: the response has no data.tickerStream.stream; its format has changed")

    # Advertisements have no content; if they are most of the stream, news are marked in another way now.
    items = [item for item in stream if is_object(item) and not item.get("ad")]
    has_contents = all(isinstance(item.get("content"), dict) for item in items)
    if not has_contents or len(items) < len(stream) // 2:
        raise SourceError(f"{location}: items without content; its format has changed")


def _headline(content: Mapping[str, Any], symbol: str) -> RawHeadline:
    url = _nested_text(content, "canonicalUrl", "url") or _nested_text(content, "clickThroughUrl", "url")
    return RawHeadline(
        published_at=parse_instant(content.get("pubDate")),
        title=text_or_none(content.get("title")),
        url=url,
        source=_nested_text(content, "provider", "displayName"),
        feed=YahooNews.name,
        summary=text_or_none(content.get("summary")),
        tags=(QUERY_MARK + symbol,),
    )


def _nested_text(content: Mapping[str, object], name: str, key: str) -> str | None:
    """The text at `content[name][key]`; None where there is none."""
    value = content.get(name)
    return text_or_none(value.get(key)) if is_object(value) else None
