"""RSS and Atom: any address the operator adds, and Yahoo Finance's feed of each symbol.

Documents are read by `documents`, which refuses what is not a feed or broken for its most part.
"""

from collections.abc import Container, Sequence
from datetime import datetime
from itertools import chain, count
from urllib.parse import quote, urlsplit

from signals_pipeline.adapters.http_client.client import HttpClient, Response
from signals_pipeline.adapters.http_client.policy import TransientError
from signals_pipeline.adapters.news.document_worker import Entry
from signals_pipeline.adapters.news.documents import DocumentReader
from signals_pipeline.adapters.news.fetch import FeedFetch, FetchedPage, check_format, fetch_symbols
from signals_pipeline.adapters.news.instants import parse_instant
from signals_pipeline.core.linking.linker import QUERY_MARK
from signals_pipeline.core.news.feeds import NewsBatch
from signals_pipeline.core.news.normalisation import RawHeadline
from signals_pipeline.core.redaction import host_and_path

YAHOO_FEEDS_ORIGIN = "https://feeds.finance.yahoo.com"

# Yahoo's feeds show the newest 20 items of a symbol.
_YAHOO_MAX_ITEMS = 20

# A feed with fewer items than this is taken to show all that it has.
_MAX_ITEMS_OF_SHORT_FEED = 10

# Length of `headline_item.feed` and other columns that hold the name of a feed.
_MAX_NAME_CHARACTERS = 64


class RssFeed:
    """One RSS or Atom document.

    Attributes:
        url: Its address.
        name: `rss:` with host and path; with a number behind it where another feed has that name already.
    """

    def __init__(self, http: HttpClient, url: str, other_names: Container[str] = ()) -> None:
        """Prepare the feed; nothing is requested yet.

        Args:
            http: The client.
            url: Its address.
            other_names: Names of the other feeds: two addresses may differ in their query alone.
        """
        self.url = url
        self.name = unused_name(f"rss:{host_and_path(url)}".rstrip("/"), other_names)
        self._http = http

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        """Everything in the document: what was published before start may have reached it only now.

        Raises:
            SourceError: There was no response, or it is not a feed.
        """
        fetch = FeedFetch(self.name, start, end)
        sent_before = self._http.requests_sent
        with self._http.one_fetch() as policy, DocumentReader(policy) as reader:
            try:
                response = self._http.get(self.url)
            except TransientError as error:
                raise error.to_source_error() from error
            fetch.add(read_feed(response, reader, self.name, max_items=_MAX_ITEMS_OF_SHORT_FEED))
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
        with self._http.one_fetch() as policy, DocumentReader(policy) as reader:
            fetch_symbols(fetch, self._symbols, lambda symbol: self._fetch_page(symbol, reader), policy)
        return fetch.to_batch(self._http.requests_sent - sent_before)

    def _fetch_page(self, symbol: str, reader: DocumentReader) -> FetchedPage:
        yahoo_name = symbol.replace(".", "-")  # Yahoo writes BRK.B as BRK-B
        query = quote(yahoo_name, safe="-^=")
        response = self._http.get(f"{YAHOO_FEEDS_ORIGIN}/rss/2.0/headline?s={query}&region=US&lang=en-US")
        return read_feed(
            response, reader, self.name, max_items=_YAHOO_MAX_ITEMS, tags=(QUERY_MARK + symbol,), source="Yahoo Finance"
        )


def read_feed(
    response: Response,
    reader: DocumentReader,
    feed: str,
    *,
    max_items: int,
    tags: tuple[str, ...] = (),
    source: str | None = None,
) -> FetchedPage:
    """The items of an RSS or Atom response.

    Args:
        response: The response.
        reader: Reads it.
        feed: Name of the adapter.
        max_items: From this many items on, older ones may have been cut off.
        tags: Symbols to add to each item.
        source: Publisher of items that name none; None: the feed's own title.

    Raises:
        SourceError: The status is not 200, or the response is not a feed, is broken for its most part, or has another
            format.
    """
    document = reader.read(response)
    publisher = source or document.title or urlsplit(f"//{response.location}").hostname
    headlines = tuple(_headline(entry, feed, publisher, tags) for entry in document.entries)
    losses = check_format(
        response.location, headlines, [entry.published or entry.updated for entry in document.entries]
    )
    return FetchedPage(headlines, is_truncated=len(headlines) >= max_items, losses=(*document.losses, *losses))


def _headline(entry: Entry, feed: str, publisher: str | None, tags: tuple[str, ...]) -> RawHeadline:
    return RawHeadline(
        published_at=parse_instant(entry.published or entry.updated),
        title=entry.title or None,
        url=entry.link or None,
        source=entry.source or publisher,
        feed=feed,
        summary=entry.summary or None,
        tags=tags,
    )


def unused_name(name: str, other_names: Container[str]) -> str:
    """The name, shortened to what the archive stores, with a number where it is used already."""
    suffixes = chain([""], (f"#{number}" for number in count(2)))
    candidates = (name[: _MAX_NAME_CHARACTERS - len(suffix)] + suffix for suffix in suffixes)
    return next(candidate for candidate in candidates if candidate not in other_names)
