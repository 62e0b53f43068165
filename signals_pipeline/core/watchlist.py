"""The companies that the reader follows, and the names that headlines use for them.

The file is read in `adapters.watchlist`; how names are found in headlines is in `linking`.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

# Signals are compared with its return; its prices are stored with the companies'.
BENCHMARK = "SPY"


@dataclass(frozen=True, slots=True)
class Company:
    """One company of the watchlist.

    Attributes:
        symbol: Ticker as the price source writes it, in capitals (`AAPL`, `BRK.B`, `RDS-B`).
        name: The company's name; a headline that uses it names the company.
        aliases: Further names that mean this company wherever they stand in a headline (`JPMorgan`, `Exxon`).
        ambiguous_aliases: Names that are also ordinary words or other things (`Apple`, `Visa`); a headline needs a
            second support before such a name counts.
        sector: Sector as readers know it; empty where it is not given.
        cik: The SEC's Central Index Key, digits without leading zeros; empty where it is not given.
    """

    symbol: str
    name: str
    aliases: tuple[str, ...] = ()
    ambiguous_aliases: tuple[str, ...] = ()
    sector: str = ""
    cik: str = ""


@dataclass(frozen=True)
class Watchlist:
    """The followed companies, in the operator's order.

    Attributes:
        companies: One entry per symbol.

    Raises:
        ValueError: Two companies have the same symbol.
    """

    companies: tuple[Company, ...]

    def __post_init__(self) -> None:
        counts = Counter(self.symbols)
        repeated = [symbol for symbol, count in counts.items() if count > 1]
        if repeated:
            raise ValueError(f"watchlist: several companies have the symbol {repeated[0]!r}; keep one of them")

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols, in the same order."""
        return tuple(company.symbol for company in self.companies)

    def company(self, symbol: str) -> Company:
        """Return the company with this symbol.

        Raises:
            KeyError: The symbol is not on the watchlist.
        """
        company = self._by_symbol.get(symbol)
        if company is None:
            raise KeyError(
                f"{symbol!r} is not on the watchlist of {len(self)} companies; add it there or drop its rows"
            )
        return company

    def __len__(self) -> int:
        return len(self.companies)

    def __iter__(self) -> Iterator[Company]:
        return iter(self.companies)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._by_symbol

    @cached_property
    def _by_symbol(self) -> dict[str, Company]:
        return {company.symbol: company for company in self.companies}
