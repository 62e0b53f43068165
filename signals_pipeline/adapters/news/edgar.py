"""8-K filings from the SEC's EDGAR: the feed of current filings, read back as far as needed, for the watchlist only.

The SEC asks automated readers to name themselves with a contact and to send at most 10 requests per second
(sec.gov/os/accessing-edgar-data).
"""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from signals_pipeline.adapters.http_client.client import HttpClient
from signals_pipeline.adapters.http_client.policy import RequestPolicy, TransientError
from signals_pipeline.adapters.news.document_worker import Entry
from signals_pipeline.adapters.news.documents import DocumentReader
from signals_pipeline.adapters.news.fetch import FeedFetch, FetchedPage, check_format
from signals_pipeline.adapters.news.instants import parse_instant
from signals_pipeline.core.news.feeds import NewsBatch, SourceError
from signals_pipeline.core.news.normalisation import RawHeadline
from signals_pipeline.core.watchlist import Company

SEC_ORIGIN = "https://www.sec.gov"

# Filings per page; the SEC's maximum.
_PAGE_SIZE = 100

# A bound on one fetch, 3,000 filings; where it is reached, the report says so.
_MAX_PAGES = 30

# Below the SEC's limit of 10 requests per second, whatever is configured.
_MAX_CONCURRENCY = 2
_MIN_INTERVAL = 0.12

_TITLE = re.compile(r"^8-K(?P<amended>/A)?\s+-\s+(?P<name>.+?)\s+\((?P<cik>\d{1,10})\)")
_ITEM = re.compile(r"Item\s+\d\.\d\d:\s*([^<\n]+?)\s*(?=<|\n|$|Item\s+\d)")
# The state in which a filer is incorporated, as in `DEERE & CO /DE/`.
_STATE_SUFFIX = re.compile(r"/[A-Z]{2,3}/?\s*$")
_WORDS = re.compile(r"[a-z0-9]+")
# Words that say nothing about which company it is.
_GENERIC_WORDS = frozenset(
    "inc incorporated corp corporation co company ltd limited plc llc lp sa ag nv the group de".split()  # noqa: SIM905
)


def sec_policy(policy: RequestPolicy) -> RequestPolicy:
    """The policy, slowed down to what the SEC allows."""
    return replace(
        policy,
        concurrency=min(policy.concurrency, _MAX_CONCURRENCY),
        min_interval=max(policy.min_interval, _MIN_INTERVAL),
    )


class EdgarFilings:
    """8-K filings of the watchlist's companies, each titled with its items."""

    name = "rss:edgar"

    def __init__(self, http: HttpClient, companies: Iterable[Company]) -> None:
        """Prepare the look-up of companies.

        Args:
            http: A client whose user agent names a contact.
            companies: Whose filings are wanted: identified by CIK where the watchlist has it, else by registered name.
        """
        self._http = http
        self._company_by_cik: dict[int, Company] = {}
        self._company_by_name: dict[str, Company] = {}
        for company in companies:
            if company.cik:
                self._company_by_cik[int(company.cik)] = company
                continue
            for name in (*company.aliases, company.name):
                self._company_by_name[_comparable_name(name)] = company

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        """The watchlist's filings in the feed, back to start.

        Raises:
            SourceError: There was no response to the first request, or it is not EDGAR's feed.
        """
        fetch = FeedFetch(self.name, start, end)
        sent_before = self._http.requests_sent
        with self._http.one_fetch() as policy, DocumentReader(policy) as reader:
            self._read_back(fetch, reader)
        return fetch.to_batch(self._http.requests_sent - sent_before)

    def _read_back(self, fetch: FeedFetch, reader: DocumentReader) -> None:
        """Read pages, newest first, until one reaches back to start or fails; what was read before stays.

        Raises:
            SourceError: The first page failed.
        """
        seen_urls: set[str] = set()
        oldest = fetch.end
        for page in range(_MAX_PAGES):
            try:
                filings, losses = self._read_page(reader, first=page * _PAGE_SIZE)
            except (TransientError, SourceError) as error:
                failure = error.to_source_error() if isinstance(error, TransientError) else error
                if page == 0:
                    raise failure from error
                fetch.failures.append(f"page {page + 1}: {failure}")
                return

            # While pages are read, new filings push older ones onto the next page.
            new_filings = [filing for filing in filings if filing.url not in seen_urls]
            seen_urls.update(filing.url or "" for filing in new_filings)

            headlines = [self._headline_of_watchlist(filing) for filing in new_filings]
            of_watchlist = tuple(headline for headline in headlines if headline is not None)
            fetch.add(FetchedPage(of_watchlist, losses=losses))

            times = [filing.published_at for filing in filings if filing.published_at]
            oldest = min(times, default=fetch.start)
            # Filings that can't be read make a page short without being its end.
            is_last_page = (len(filings) < _PAGE_SIZE and not losses) or not new_filings
            if is_last_page or oldest < fetch.start:
                return

        # The page limit was reached first.
        fetch.whole_from = max(fetch.start, oldest)
        fetch.notes.append(f"more than {_MAX_PAGES * _PAGE_SIZE:,} filings: the oldest ones were not read")

    def _read_page(self, reader: DocumentReader, *, first: int) -> tuple[list[RawHeadline], tuple[str, ...]]:
        """The filings of one page, of all companies, and what could not be read of it.

        Args:
            reader: Reads the document.
            first: Position of the page's first filing, from the newest back.

        Raises:
            TransientError: No response after all attempts.
            SourceError: It is not EDGAR's feed.
        """
        response = self._http.get(
            f"{SEC_ORIGIN}/cgi-bin/browse-edgar?action=getcurrent&type=8-K&company=&dateb=&owner=include"
            f"&start={first}&count={_PAGE_SIZE}&output=atom"
        )
        if response.status_code == 403:
            raise SourceError(f"{response.location} returned HTTP 403: the SEC requires a contact; set SIGNALS_CONTACT")
        document = reader.read(response)
        filings = [_filing(entry) for entry in document.entries]
        losses = check_format(response.location, filings, [entry.updated for entry in document.entries])

        unreadable_titles = sum(not _TITLE.match(filing.title or "") for filing in filings)
        if 2 * unreadable_titles > len(filings):
            raise SourceError(
                f"{response.location}: titles are no longer `8-K - NAME (CIK)`; its format has changed: update"
                " signals_pipeline"
            )
        return filings, (*document.losses, *losses)

    def _headline_of_watchlist(self, filing: RawHeadline) -> RawHeadline | None:
        """The filing with a title for readers; None where no company of the watchlist filed it."""
        match = _TITLE.match(filing.title or "")
        if match is None:
            return None
        company = self._company_by_cik.get(int(match["cik"]))
        if company is None:
            company = self._company_by_name.get(_comparable_name(match["name"]))
        if company is None:
            return None

        # A filing may list an item several times.
        items = dict.fromkeys(_ITEM.findall(filing.summary or ""))
        subject = "; ".join(items) or "current report"
        action = "amends its 8-K" if match["amended"] else "files 8-K"
        return replace(filing, title=f"{company.name} {action}: {subject}", summary=None, tags=(company.symbol,))


def _filing(entry: Entry) -> RawHeadline:
    return RawHeadline(
        published_at=parse_instant(entry.updated),
        title=entry.title or None,
        url=entry.link or None,
        source="SEC EDGAR",
        feed=EdgarFilings.name,
        summary=entry.summary or None,
    )


def _comparable_name(name: str) -> str:
    """The name without case, punctuation, legal form and state: `EXXON MOBIL CORP` becomes `exxon mobil`."""
    without_state = _STATE_SUFFIX.sub("", name)
    plain = without_state.casefold().replace("&", " ").replace("'", "")
    return " ".join(word for word in _WORDS.findall(plain) if word not in _GENERIC_WORDS)
