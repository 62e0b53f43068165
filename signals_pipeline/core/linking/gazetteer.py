"""The listed companies that headlines name beside those of the watchlist.

A headline whose subject is another company is not about the one name on the watchlist that it also holds. The file of
companies is read in `adapters.gazetteer`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ListedCompany:
    """A company as an exchange lists it.

    Attributes:
        ticker: Ticker, in capitals.
        name: Registered name (`MICROSOFT CORP`).
        exchange: `NYSE`, `Nasdaq`, `OTC`, `CBOE`; empty where it is not known.
    """

    ticker: str
    name: str
    exchange: str = ""


@dataclass(frozen=True, slots=True)
class Gazetteer:
    """Listed companies, in any order."""

    companies: tuple[ListedCompany, ...] = ()
