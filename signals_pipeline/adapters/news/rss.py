"""RSS and Atom: any address the operator adds, and Yahoo Finance's feed of each symbol."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlsplit

from signals_pipeline.adapters.http_client.client import HttpClient, Response, place
from signals_pipeline.adapters.http_client.policy import TransientError
from signals_pipeline.adapters.news.fetch import Page, Visit, instant, refuse_drift, visit_symbols
from signals_pipeline.core.news.feeds import NewsBatch, RawHeadline, SourceError

YAHOO = "https://feeds.finance.yahoo.com"
_YAHOO_NEWEST = 20
_NEWEST = 10  # a feed with fewer items than this shows all it has
_PLAIN_TYPES = frozenset({"", "text/plain", "application/octet-stream", "binary/octet-stream"})
_NAME_LIMIT = 64
_TITLE = re.compile(rb"<title[\s>]")
_TITLED = re.compile(rb"<(?:channel|feed|image|textInput|textinput)[\s>]")  # what has a title beside items


class RssFeed:
    """One RSS or Atom document.

    Attributes:
        url: Its address.
        name: `rss:` with host and path.
    """

    def __init__(self, http: HttpClient, url: str) -> None:
        self.url = url
        self.name = f"rss:{place(url)}".rstrip("/")[:_NAME_LIMIT]
        self._http = http

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        """Everything that the document holds: what was published before start may have reached it only now.

        Raises:
            SourceError: no answer, or none that is a feed.
        """
        visit = Visit(self.name, start, end)
        calls = self._http.calls
        try:
            visit.take(read_feed(self._http.get(self.url), self.name, newest=_NEWEST))
        except TransientError as error:
            raise error.given_up() from error
        return visit.batch(self._http.calls - calls)


class YahooRss:
    """Yahoo Finance's feed of each symbol; it shows the newest items only."""

    name = "rss:yahoo"

    def __init__(self, http: HttpClient, symbols: Sequence[str]) -> None:
        self._http = http
        self._symbols = tuple(symbols)

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        """Everything that the feeds hold; see `RssFeed.fetch`.

        Raises:
            SourceError: no symbol's feed answered.
        """
        visit = Visit(self.name, start, end)
        calls = self._http.calls
        visit_symbols(visit, self._symbols, self._page, self._http.manners.at_once)
        return visit.batch(self._http.calls - calls)

    def _page(self, symbol: str) -> Page:
        query = quote(symbol.replace(".", "-"), safe="-^=")  # Yahoo writes BRK.B as BRK-B
        answer = self._http.get(f"{YAHOO}/rss/2.0/headline?s={query}&region=US&lang=en-US")
        return read_feed(answer, self.name, newest=_YAHOO_NEWEST, tags=(symbol,), source="Yahoo Finance")


def read_feed(
    answer: Response, feed: str, *, newest: int, tags: tuple[str, ...] = (), source: str | None = None
) -> Page:
    """The items of an RSS or Atom answer.

    Args:
        answer: The answer.
        feed: Name of the adapter.
        newest: From this many items on, older ones may have been cut off.
        tags: Symbols to hang on each item.
        source: Publisher of items that name none; None: the feed's own title.

    Raises:
        SourceError: a status other than 200, no feed, a broken one, or one whose items lack what items have.
    """
    parsed = parse(answer)
    publisher = source or parsed["feed"].get("title") or urlsplit(f"//{answer.where}").hostname
    headlines = tuple(_headline(entry, feed, publisher, tags) for entry in parsed["entries"])
    refuse_drift(answer.where, headlines)
    return Page(headlines, cut=len(headlines) >= newest)


def parse(answer: Response) -> Mapping[str, Any]:
    """The parsed document: `feed` and `entries` as feedparser gives them.

    Raises:
        SourceError: a status other than 200, no feed, a broken one, or one whose items have another name.
    """
    import feedparser

    where, kind = answer.where, answer.content_type
    if answer.status_code != 200:
        raise SourceError(f"{where} answers HTTP {answer.status_code}; check the address and who may read it")
    if "xml" not in kind and kind not in _PLAIN_TYPES:
        raise SourceError(f"{where} answers with {kind} where a feed is expected; check the address")
    parsed = feedparser.parse(
        answer.body,
        response_headers={"content-type": kind or "application/xml"},
        resolve_relative_uris=False,  # in markup, which `core.titles.clean` takes out; links of items are resolved
        sanitize_html=False,
    )
    if not parsed.get("version"):
        raise SourceError(f"{where}: no RSS or Atom ({len(answer.body):,} bytes); check the address")
    broken = parsed.get("bozo_exception") if parsed.get("bozo") else None
    if broken is not None and not isinstance(
        broken, (feedparser.CharacterEncodingOverride, feedparser.NonXMLContentType)
    ):
        raise SourceError(f"{where}: broken XML ({' '.join(str(broken).split())}); nothing of it is taken")
    if not parsed["entries"]:
        _refuse_renamed(answer)
    return parsed


def _refuse_renamed(answer: Response) -> None:
    """Refuse a document without items that has titles of something: items under another name are not "no news"."""
    over = len(_TITLE.findall(answer.body)) - len(_TITLED.findall(answer.body))
    if over > 0:
        belong = "title that belongs" if over == 1 else "titles that belong"
        raise SourceError(f"{answer.where}: {over} {belong} to no item; its format has changed: update the adapter")


def _headline(entry: Mapping[str, Any], feed: str, publisher: str | None, tags: tuple[str, ...]) -> RawHeadline:
    named = (entry.get("source") or {}).get("title")
    return RawHeadline(
        published_at=instant(entry.get("published") or entry.get("updated")),
        title=entry.get("title") or None,
        url=entry.get("link") or None,
        source=named or publisher,
        feed=feed,
        summary=entry.get("summary") or None,
        tags=tags,
    )
