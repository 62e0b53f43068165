"""The companies that the reader follows and the names by which headlines call them."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

BENCHMARK = "SPY"
"""What the companies' returns are compared with; its prices are kept beside theirs."""


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
        cik: The SEC's number of the filer, digits without leading zeros; empty where it is not given.
    """

    symbol: str
    name: str
    aliases: tuple[str, ...] = ()
    ambiguous_aliases: tuple[str, ...] = ()
    sector: str = ""
    cik: str = ""


@dataclass(frozen=True)
class Watchlist:
    """The followed companies in the order in which the operator wrote them.

    Attributes:
        companies: One entry a symbol.

    Raises:
        ValueError: two companies have the same symbol.
    """

    companies: tuple[Company, ...]

    def __post_init__(self) -> None:
        repeated = [symbol for symbol, times in Counter(self.symbols).items() if times > 1]
        if repeated:
            raise ValueError(f"watchlist: several companies have the symbol {repeated[0]!r}; keep one of them")

    @property
    def symbols(self) -> tuple[str, ...]:
        """The symbols, order kept."""
        return tuple(company.symbol for company in self.companies)

    def company(self, symbol: str) -> Company:
        """The company with this symbol.

        Raises:
            KeyError: the symbol is not on the watchlist.
        """
        if symbol not in self._by_symbol:
            raise KeyError(
                f"{symbol!r} is not on the watchlist of {len(self)} companies; add it there or drop its rows"
            )
        return self._by_symbol[symbol]

    def __len__(self) -> int:
        return len(self.companies)

    def __iter__(self) -> Iterator[Company]:
        return iter(self.companies)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._by_symbol

    @cached_property
    def _by_symbol(self) -> dict[str, Company]:
        return {company.symbol: company for company in self.companies}
