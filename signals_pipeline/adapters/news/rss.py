"""RSS and Atom: any address the operator adds, and Yahoo Finance's feed of each symbol.

feedparser reads what it can of any document. Here a document that is not a feed, broken or changed is a failure.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, cast
from urllib.parse import quote, urlsplit

from signals_pipeline.adapters.http_client.client import HttpClient, Response
from signals_pipeline.adapters.http_client.policy import TransientError, host_and_path
from signals_pipeline.adapters.news.fetch import FeedFetch, FetchedPage, check_format, fetch_symbols, parse_instant
from signals_pipeline.core.linking.linker import QUERY_MARK
from signals_pipeline.core.news.feeds import NewsBatch, SourceError
from signals_pipeline.core.news.normalisation import RawHeadline

YAHOO_FEEDS_ORIGIN = "https://feeds.finance.yahoo.com"

# Yahoo's feeds show the newest 20 items of a symbol.
_YAHOO_MAX_ITEMS = 20

# A feed with fewer items than this is taken to show all that it has.
_MAX_ITEMS_OF_SHORT_FEED = 10

# Content types besides XML with which servers deliver feeds.
_NEUTRAL_CONTENT_TYPES = frozenset({"", "text/plain", "application/octet-stream", "binary/octet-stream"})

# Length of `headline_item.feed` and other columns that hold the name of a feed.
_MAX_NAME_CHARACTERS = 64

_TITLE_TAG = re.compile(rb"<title[\s>]")
# Elements other than items that have a title of their own.
_TITLED_PARENT_TAG = re.compile(rb"<(?:channel|feed|image|textInput|textinput)[\s>]")


class RssFeed:
    """One RSS or Atom document.

    Attributes:
        url: Its address.
        name: `rss:` with host and path.
    """

    def __init__(self, http: HttpClient, url: str) -> None:
        self.url = url
        self.name = f"rss:{host_and_path(url)}".rstrip("/")[:_MAX_NAME_CHARACTERS]
        self._http = http

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        """Everything in the document: what was published before start may have reached it only now.

        Raises:
            SourceError: There was no response, or it is not a feed.
        """
        fetch = FeedFetch(self.name, start, end)
        sent_before = self._http.requests_sent
        try:
            response = self._http.get(self.url)
        except TransientError as error:
            raise error.to_source_error() from error
        fetch.add(read_feed(response, self.name, max_items=_MAX_ITEMS_OF_SHORT_FEED))
        return fetch.to_batch(self._http.requests_sent - sent_before)


class YahooRss:
    """Yahoo Finance's feed of each symbol; it shows the newest items only."""

    name = "rss:yahoo"

    def __init__(self, http: HttpClient, symbols: Sequence[str]) -> None:
        self._http = http
        self._symbols = tuple(symbols)

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        """Everything in the feeds; see `RssFeed.fetch`.

        Raises:
            SourceError: No symbol's feed could be fetched.
        """
        fetch = FeedFetch(self.name, start, end)
        sent_before = self._http.requests_sent
        fetch_symbols(fetch, self._symbols, self._fetch_page, self._http.policy.concurrency)
        return fetch.to_batch(self._http.requests_sent - sent_before)

    def _fetch_page(self, symbol: str) -> FetchedPage:
        yahoo_name = symbol.replace(".", "-")  # Yahoo writes BRK.B as BRK-B
        query = quote(yahoo_name, safe="-^=")
        response = self._http.get(f"{YAHOO_FEEDS_ORIGIN}/rss/2.0/headline?s={query}&region=US&lang=en-US")
        return read_feed(
            response, self.name, max_items=_YAHOO_MAX_ITEMS, tags=(QUERY_MARK + symbol,), source="Yahoo Finance"
        )


def read_feed(
    response: Response, feed: str, *, max_items: int, tags: tuple[str, ...] = (), source: str | None = None
) -> FetchedPage:
    """The items of an RSS or Atom response.

    Args:
        response: The response.
        feed: Name of the adapter.
        max_items: From this many items on, older ones may have been cut off.
        tags: Symbols to add to each item.
        source: Publisher of items that name none; None: the feed's own title.

    Raises:
        SourceError: The status is not 200, or the response is not a feed, is broken, or has another format.
    """
    document = parse(response)
    publisher = source or document["feed"].get("title") or urlsplit(f"//{response.location}").hostname
    headlines = tuple(_headline(entry, feed, publisher, tags) for entry in document["entries"])
    check_format(response.location, headlines)
    return FetchedPage(headlines, is_truncated=len(headlines) >= max_items)


def parse(response: Response) -> Mapping[str, Any]:
    """The parsed document: `feed` and `entries` as feedparser returns them.

    Raises:
        SourceError: The status is not 200, or the response is not a feed, is broken, or has items of another name.
    """
    import feedparser

    location, content_type = response.location, response.content_type
    if response.status_code != 200:
        raise SourceError(
            f"{location} returned HTTP {response.status_code}; check the address and whether it needs a log-in"
        )
    if "xml" not in content_type and content_type not in _NEUTRAL_CONTENT_TYPES:
        raise SourceError(f"{location} returned {content_type} instead of a feed; check the address")

    document = feedparser.parse(
        response.body,
        response_headers={"content-type": content_type or "application/xml"},
        # This is about links in markup, which the normaliser removes; links of items are resolved nevertheless.
        resolve_relative_uris=False,
        sanitize_html=False,
    )
    if not document.get("version"):
        raise SourceError(f"{location}: not an RSS or Atom feed ({len(response.body):,} bytes); check the address")

    # feedparser sets "bozo" for anything unusual; an encoding or type other than declared does no harm.
    problem = document.get("bozo_exception") if document.get("bozo") else None
    harmless = (feedparser.CharacterEncodingOverride, feedparser.NonXMLContentType)
    if problem is not None and not isinstance(problem, harmless):
        description = " ".join(str(problem).split())
        raise SourceError(f"{location}: malformed XML ({description}); the document was not used")

    if not document["entries"]:
        _check_for_renamed_items(response)
    return document


def _check_for_renamed_items(response: Response) -> None:
    """Refuse a document without items that contains titles of something: its items have another name now.

    Raises:
        SourceError: There are more titles than elements that have one besides items.
    """
    titles = len(_TITLE_TAG.findall(response.body))
    titled_parents = len(_TITLED_PARENT_TAG.findall(response.body))
    unexplained = titles - titled_parents
    if unexplained > 0:
        belong = "title that belongs" if unexplained == 1 else "titles that belong"
        raise SourceError(
            f"{response.location}: {unexplained} {belong} to no item; its format has changed: update signals_pipeline"
        )


def _headline(entry: Mapping[str, Any], feed: str, publisher: str | None, tags: tuple[str, ...]) -> RawHeadline:
    entry_source = cast("Mapping[str, Any]", entry.get("source") or {})
    return RawHeadline(
        published_at=parse_instant(entry.get("published") or entry.get("updated")),
        title=entry.get("title") or None,
        url=entry.get("link") or None,
        source=entry_source.get("title") or publisher,
        feed=feed,
        summary=entry.get("summary") or None,
        tags=tags,
    )
