"""Names of companies, and the search by symbol or name: those of the watchlist, and those that have signals."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from signals_pipeline.adapters.stores.signals import CompanySignals
from signals_pipeline.core.linking.gazetteer import Gazetteer
from signals_pipeline.core.watchlist import Watchlist

# Characters of a search that are used; no name of a company is longer.
MAXIMUM_QUERY = 100


@dataclass(frozen=True, slots=True)
class CompanyEntry:
    """A company that has a page.

    Attributes:
        symbol: Its symbol.
        name: Its name; its symbol where no list has a name.
        sector: Its sector; empty where the watchlist has none.
        signals: How many signals it has.
        newest: When the newest one was decided, UTC; None without signals.
    """

    symbol: str
    name: str
    sector: str = ""
    signals: int = 0
    newest: datetime | None = None

    def matches(self, words: Iterable[str]) -> bool:
        """Whether the symbol, or a word of the name, begins with each of these words (case-folded)."""
        starts = (self.symbol.casefold(), *self.name.casefold().split())
        return all(any(start.startswith(word) for start in starts) for word in words)


class CompanyDirectory:
    """Knows the names of companies.

    Args:
        watchlist: Its names come first.
        gazetteer: Names of listed companies that are not on the watchlist, such as those that have left it.
    """

    def __init__(self, watchlist: Watchlist, gazetteer: Gazetteer) -> None:
        self._entries = {
            company.symbol: CompanyEntry(company.symbol, company.name, company.sector) for company in watchlist
        }
        self._listed_names: dict[str, str] = {}
        for company in gazetteer.companies:
            # A registered name is in capitals.
            self._listed_names.setdefault(company.ticker, company.name.title())

    def entry(self, symbol: str) -> CompanyEntry:
        """The company with this symbol, without its signals."""
        return self._entries.get(symbol) or CompanyEntry(symbol, self._listed_names.get(symbol, symbol))

    def is_followed(self, symbol: str) -> bool:
        """Whether the company is on the watchlist."""
        return symbol in self._entries

    def entries(self, with_signals: Iterable[CompanySignals]) -> list[CompanyEntry]:
        """Every company that has a page, by name.

        Args:
            with_signals: The companies that have signals.
        """
        entries = dict(self._entries)
        for company in with_signals:
            known = self.entry(company.symbol)
            entries[company.symbol] = CompanyEntry(
                known.symbol, known.name, known.sector, company.count, company.newest
            )
        return sorted(entries.values(), key=lambda entry: (entry.name.casefold(), entry.symbol))


def search(entries: Iterable[CompanyEntry], query: str) -> list[CompanyEntry]:
    """The companies that match every word of a search; a symbol that is the whole search comes first.

    Args:
        entries: The companies, in the order of the result.
        query: What the reader typed, in any case.
    """
    text = " ".join(query[:MAXIMUM_QUERY].casefold().split())
    words = text.split()
    found = [entry for entry in entries if entry.matches(words)]
    return sorted(found, key=lambda entry: entry.symbol.casefold() != text)
