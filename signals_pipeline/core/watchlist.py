"""The companies that the reader follows, and the names that headlines use for them.

The file is read in `adapters.watchlist`; how names are found in headlines is in `linking`.
"""

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from signals_pipeline.core.signal_fields import SignalSummary, declared_fields

# Signals are compared with its return; its prices are stored with the companies'.
BENCHMARK = "SPY"

MAX_SYMBOL_CHARACTERS = declared_fields(SignalSummary)["symbol"].max_length or 0
"""What every table with a symbol holds."""

MAX_NAME_CHARACTERS = 200
"""Of a name, an alias or a sector. The longest name of a listed company has about half as many."""

_SYMBOL = re.compile(r"[A-Z0-9]+(?:[.-][A-Z0-9]+)*")
# Categories of characters that no name has: controls, lone surrogates.
_NOT_TEXT = frozenset({"Cc", "Cs"})


def symbol_problem(symbol: str) -> str | None:
    """What is wrong with a symbol and what to write instead; None where it is one."""
    if len(symbol) > MAX_SYMBOL_CHARACTERS:
        begin = symbol[:MAX_SYMBOL_CHARACTERS]
        return f"symbol {begin!r}... has {len(symbol):,} characters; use at most {MAX_SYMBOL_CHARACTERS}"
    if not _SYMBOL.fullmatch(symbol):
        return f"symbol {symbol!r}; use capitals and digits, parts joined by a dot or hyphen, as in BRK.B or RDS-B"
    return None


def name_problem(name: str) -> str | None:
    """What is wrong with a name, an alias or a sector and what to write instead; None where nothing is."""
    if len(name) > MAX_NAME_CHARACTERS:
        return f"{name[:20]!r}... has {len(name):,} characters; use at most {MAX_NAME_CHARACTERS}"
    for character in name:
        if unicodedata.category(character) in _NOT_TEXT:
            return f"{name!r} has the character U+{ord(character):04X}, which is no text; remove it"
    return None


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

    Raises:
        ValueError: The symbol or a name is longer than the database holds, or has characters that none has.
    """

    symbol: str
    name: str
    aliases: tuple[str, ...] = ()
    ambiguous_aliases: tuple[str, ...] = ()
    sector: str = ""
    cik: str = ""

    def __post_init__(self) -> None:
        names = (self.name, *self.aliases, *self.ambiguous_aliases, self.sector)
        for problem in (symbol_problem(self.symbol), *map(name_problem, names)):
            if problem:
                raise ValueError(f"watchlist: {problem}")


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
