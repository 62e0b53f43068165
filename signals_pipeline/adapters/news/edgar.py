"""8-K filings from the SEC's EDGAR: the stream of current filings, read back as far as needed, for the watchlist only.

The SEC asks automated readers to name themselves with a contact and to stay under 10 calls a second.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from signals_pipeline.adapters.http_client.client import HttpClient
from signals_pipeline.adapters.http_client.policy import RequestPolicy, TransientError
from signals_pipeline.adapters.news.fetch import Page, Visit, instant, refuse_drift
from signals_pipeline.adapters.news.rss import parse
from signals_pipeline.core.news.feeds import NewsBatch, RawHeadline, SourceError
from signals_pipeline.core.watchlist import Company

SEC = "https://www.sec.gov"
_COUNT = 100
_PAGES = 30
_TITLE = re.compile(r"^8-K(?P<amended>/A)?\s+-\s+(?P<name>.+?)\s+\((?P<cik>\d{1,10})\)")
_ITEM = re.compile(r"Item\s+\d\.\d\d:\s*([^<\n]+?)\s*(?=<|\n|$|Item\s+\d)")
_WORDS = re.compile(r"[a-z0-9]+")
_LEGAL = frozenset(
    ["inc", "incorporated", "corp", "corporation", "co", "company", "ltd", "limited", "plc", "llc", "lp"]
) | {"sa", "ag", "nv", "the", "group", "de"}


def sec_manners(manners: RequestPolicy) -> RequestPolicy:
    """These manners, no faster than the SEC allows."""
    return replace(manners, at_once=min(manners.at_once, 2), spacing=max(manners.spacing, 0.12))


class EdgarFilings:
    """8-K filings of the watchlist's companies, each with its items as the title."""

    name = "rss:edgar"

    def __init__(self, http: HttpClient, companies: Iterable[Company]) -> None:
        """Prepare the look-up.

        Args:
            http: A client whose user agent names a contact.
            companies: Whose filings are wanted; by CIK where the watchlist has it, else by the registered name.
        """
        self._http = http
        self._by_name: dict[str, Company] = {}
        self._by_cik: dict[int, Company] = {}
        for company in companies:
            if company.cik:
                self._by_cik[int(company.cik)] = company
            else:
                self._by_name.update((_key(name), company) for name in (*company.aliases, company.name))

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        """The watchlist's filings that the stream holds, back to start.

        Raises:
            SourceError: no answer, or none that is EDGAR's stream.
        """
        visit = Visit(self.name, start, end)
        calls = self._http.calls
        try:
            self._read_back(visit)
        except TransientError as error:
            raise error.given_up() from error
        return visit.batch(self._http.calls - calls)

    def _read_back(self, visit: Visit) -> None:
        seen: set[str] = set()
        oldest = visit.end
        for page in range(_PAGES):
            filings = self._page(page * _COUNT)
            fresh = [one for one in filings if one.url not in seen]
            seen.update(one.url or "" for one in fresh)
            visit.take(Page(tuple(filter(None, map(self._ours, fresh)))))
            oldest = min((one.published_at for one in filings if one.published_at), default=visit.start)
            if len(filings) < _COUNT or not fresh or oldest < visit.start:
                return
        visit.whole_from = max(visit.start, oldest)
        visit.notes.append(f"more than {_PAGES * _COUNT:,} filings: the oldest ones were not read")

    def _page(self, first: int) -> list[RawHeadline]:
        url = (
            f"{SEC}/cgi-bin/browse-edgar?action=getcurrent&type=8-K&company=&dateb=&owner=include"
            f"&start={first}&count={_COUNT}&output=atom"
        )
        answer = self._http.get(url)
        if answer.status_code == 403:
            raise SourceError(f"{answer.where} answers HTTP 403: the SEC wants a contact; set SIGNALS_CONTACT")
        filings = [_filing(entry) for entry in parse(answer)["entries"]]
        refuse_drift(answer.where, filings)
        unreadable = sum(not _TITLE.match(one.title or "") for one in filings)
        if 2 * unreadable > len(filings):
            raise SourceError(f"{answer.where}: titles are no longer `8-K - NAME (CIK)`; update the adapter")
        return filings

    def _ours(self, filing: RawHeadline) -> RawHeadline | None:
        """The filing with a title for readers, where a company of the watchlist made it."""
        match = _TITLE.match(filing.title or "")
        if match is None:
            return None
        company = self._by_cik.get(int(match["cik"])) or self._by_name.get(_key(match["name"]))
        if company is None:
            return None
        items = "; ".join(dict.fromkeys(_ITEM.findall(filing.summary or ""))) or "current report"
        kind = "amends its 8-K" if match["amended"] else "files 8-K"
        return replace(filing, title=f"{company.name} {kind}: {items}", summary=None, tags=(company.symbol,))


def _filing(entry: Mapping[str, Any]) -> RawHeadline:
    return RawHeadline(
        published_at=instant(entry.get("updated")),
        title=entry.get("title") or None,
        url=entry.get("link") or None,
        source="SEC EDGAR",
        feed=EdgarFilings.name,
        summary=entry.get("summary") or None,
    )


def _key(name: str) -> str:
    """The name without case, punctuation, legal form and state (`EXXON MOBIL CORP`, `DEERE & CO /DE/`)."""
    plain = re.sub(r"/[A-Z]{2,3}/?\s*$", "", name).casefold().replace("&", " ").replace("'", "")
    return " ".join(word for word in _WORDS.findall(plain) if word not in _LEGAL)
