"""Answers as vendors build them: RSS, Atom, EDGAR's stream, NewsAPI's pages, Yahoo Finance's news."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from xml.sax.saxutils import escape

NOW = datetime(2026, 3, 4, 22, 30, 5, tzinfo=UTC)  # five seconds after the window that ends 17:30 in New York


@dataclass(frozen=True)
class Item:
    """An article as a vendor has it."""

    title: str
    minutes_ago: float = 60
    url: str = ""
    source: str = "Example Wire"
    summary: str = "A lead."

    @property
    def published(self) -> datetime:
        return NOW - timedelta(minutes=self.minutes_ago)

    @property
    def link(self) -> str:
        return self.url or f"https://news.example/{abs(hash_of(self.title))}"


def hash_of(text: str) -> int:
    """A number that is the same in every process."""
    return int.from_bytes(text.encode()[:6], "big") + sum(text.encode())


def rss(items: Sequence[Item], title: str = "Example feed") -> bytes:
    """An RSS 2.0 document."""
    entries = "".join(
        f"<item><title>{escape(one.title)}</title><link>{escape(one.link)}</link>"
        f"<pubDate>{format_datetime(one.published)}</pubDate><description>{escape(one.summary)}</description></item>"
        for one in items
    )
    return (
        f'<?xml version="1.0" encoding="UTF-8"?><rss version="2.0"><channel><title>{title}</title>'
        f"<link>https://news.example</link><description>d</description>{entries}</channel></rss>"
    ).encode()


def atom(items: Sequence[Item]) -> bytes:
    """An Atom document."""
    entries = "".join(
        f"<entry><title>{escape(one.title)}</title><link href='{escape(one.link)}'/>"
        f"<published>{one.published.isoformat()}</published><updated>{one.published.isoformat()}</updated>"
        f"<id>{escape(one.link)}</id><summary>{escape(one.summary)}</summary></entry>"
        for one in items
    )
    return f'<feed xmlns="http://www.w3.org/2005/Atom"><title>Example Atom</title>{entries}</feed>'.encode()


def edgar(filings: Sequence[tuple[str, int, float]], items: str = "Item 2.02: Results of Operations") -> bytes:
    """EDGAR's stream of current filings: (registered name, CIK, minutes ago)."""
    entries = "".join(
        f"<entry><title>8-K - {escape(name)} ({cik:010d}) (Filer)</title>"
        f'<link rel="alternate" type="text/html" href="https://www.sec.gov/Archives/edgar/data/{cik}/{at}-index.htm"/>'
        f"<summary type='html'>&lt;b&gt;Filed:&lt;/b&gt; 2026-03-04 &lt;br&gt;{items}</summary>"
        f"<updated>{(NOW - timedelta(minutes=ago)).isoformat()}</updated>"
        f"<category scheme='https://www.sec.gov/' label='form type' term='8-K'/><id>urn:{cik}:{at}</id></entry>"
        for at, (name, cik, ago) in enumerate(filings)
    )
    return (
        '<?xml version="1.0" encoding="ISO-8859-1" ?><feed xmlns="http://www.w3.org/2005/Atom">'
        f"<title>Latest Filings</title>{entries}</feed>"
    ).encode("latin-1")


def newsapi(items: Sequence[Item], total: int | None = None) -> bytes:
    """A page of NewsAPI's `everything`."""
    articles = [
        {
            "source": {"id": None, "name": one.source},
            "author": None,
            "title": one.title,
            "description": one.summary,
            "url": one.link,
            "urlToImage": None,
            "publishedAt": one.published.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "content": None,
        }
        for one in items
    ]
    return json.dumps(
        {"status": "ok", "totalResults": len(items) if total is None else total, "articles": articles}
    ).encode()


def newsapi_error(code: str, message: str = "No.") -> bytes:
    """A refusal of NewsAPI."""
    return json.dumps({"status": "error", "code": code, "message": message}).encode()


def yahoo(items: Sequence[Item]) -> bytes:
    """Yahoo Finance's news of a symbol, an advertisement among them."""
    stream: list[dict[str, Any]] = [
        {
            "id": one.link,
            "content": {
                "title": one.title,
                "summary": one.summary,
                "pubDate": one.published.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "provider": {"displayName": one.source},
                "canonicalUrl": {"url": one.link},
                "clickThroughUrl": None,
            },
        }
        for one in items
    ]
    return json.dumps(
        {"data": {"tickerStream": {"stream": [*stream, {"ad": [{"x": 1}]}][: len(stream) + bool(stream)]}}}
    ).encode()
