"""The companies that headlines name beside those of the watchlist, and the names that headlines use for them.

A headline whose subject is another company is not about the one name on the watchlist that it also holds. Names are
derived from the registered ones: "MICROSOFT CORP" is written Microsoft. The files are read in `adapters.gazetteer`; how
names are found in a text is in `mentions`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property


class NameUse(StrEnum):
    """When a name that is also a word, a person or a place means the company."""

    # Only with words of a company next to it: "Block shares fall".
    CONTEXT = "context"
    # Only with the company's ticker: "Here (HERE)".
    NEVER = "never"


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
class Actor:
    """A name by which headlines call a company, listed or not: `OpenAI`, `BofA`, `iPhone`.

    Attributes:
        name: As headlines write it.
        ticker: The company's ticker; empty where it is not listed in the United States.
        is_broker: It rates and forecasts others.
    """

    name: str
    ticker: str = ""
    is_broker: bool = False


@dataclass(frozen=True, slots=True)
class HeadlineName:
    """One name of a company as headlines write it.

    Attributes:
        words: Its words, lower case.
        in_capitals: Only in capitals, like "KKR".
        use: When it means the company; None where it means nothing else.
    """

    words: tuple[str, ...]
    in_capitals: bool = False
    use: NameUse | None = None


@dataclass(frozen=True)
class Gazetteer:
    """Listed companies and other actors, in any order.

    Attributes:
        companies: As exchanges list them.
        actors: Further names, of the same companies or of others.
        ambiguous_names: Names in lower case that are also something else, and when they mean the company.
    """

    companies: tuple[ListedCompany, ...] = ()
    actors: tuple[Actor, ...] = ()
    ambiguous_names: tuple[tuple[str, NameUse], ...] = ()

    @cached_property
    def tickers(self) -> frozenset[str]:
        """The tickers of all listed companies."""
        return frozenset(company.ticker for company in self.companies)

    @cached_property
    def _uses(self) -> dict[str, NameUse]:
        return dict(self.ambiguous_names)

    def __reduce__(self) -> tuple[type["Gazetteer"], tuple[object, ...]]:
        """Return the fields alone: what is computed on first use may be added while another thread pickles this."""
        return Gazetteer, (self.companies, self.actors, self.ambiguous_names)

    def names(self, company: ListedCompany) -> Iterator[HeadlineName]:
        """Yield the names that headlines use for a company: without its legal form, and without its trade.

        "Helix Energy Solutions Inc." gives "helix energy solutions", "helix energy" and "helix".
        """
        words = registered_words(company.name)
        if not words:
            return
        yield self._headline_name(words)
        for shorter in _shorter_names(words):
            yield self._headline_name(shorter)

    def _headline_name(self, words: tuple[str, ...]) -> HeadlineName:
        use = self._uses.get(" ".join(words))
        if len(words) > 1:
            return HeadlineName(words, use=use)
        # "HP" and "ON": two letters are too few to mean something by themselves.
        letters = sum(map(len, words))
        if letters < _MINIMUM_LETTERS and use is None:
            use = NameUse.CONTEXT
        return HeadlineName(words, in_capitals=letters <= _MAXIMUM_CAPITALS, use=use)


# A name of so few letters is an abbreviation, written in capitals.
_MAXIMUM_CAPITALS = 3
# Fewer letters than this never mean a company without further words.
_MINIMUM_LETTERS = 3

_WORD = re.compile(r"[^\W_]+|&")
# What the SEC adds to a name: the state, a share class, "ADR": "BANK OF AMERICA CORP /DE/".
_SUFFIX = re.compile(r"\s*/[^/]*/?\s*$|\s*\([^)]*\)")
# Words at the end of a registered name that headlines leave out.
LEGAL_FORMS_LIST = """
    inc incorporated corp corporation co company companies plc p l c ltd limited llc lp llp nv n v sa s a ag se
    ab asa oyj spa adr sab de cv kgaa holdings holding hldgs group pbc publ the and & n
"""
LEGAL_FORMS = frozenset(LEGAL_FORMS_LIST.split())
# Words for a trade at the end of a name that headlines leave out, too: "Micron Technology", "Verizon Communications".
_TRADES_LIST = """
    aerospace airlines airways apparel auto automotive aviation bancorp bancorporation bancshares bank
    bankshares beauty beverage bio biologics biopharma biosciences biotech biotherapeutics brands brewing
    building capital chemical chemicals cloud communications computer computing copper data development devices
    diagnostics digital dynamics education electronics energy enterprises entertainment exploration financial
    foods freight games gaming gas genetics genomics global gold health healthcare homes hotels industrial
    industries infrastructure instruments insurance interactive international laboratories labs learning lines
    lithium logistics manufacturing marine markets materials media medical metals midstream minerals mining
    mobile motor motors networks nutrition oil oilfield oncology optical packaging paper partners petroleum
    pharma pharmaceutical pharmaceuticals photonics platforms power products properties quantum realty resorts
    resources restaurants retail robotics royalty sciences scientific security semiconductor semiconductors
    services shipping silver software solar solutions space steel stores studios surgical systems tech
    technologies technology telecom therapeutics tobacco transportation uranium vehicles water wellness
    wholesale wireless worldwide
"""
_TRADES = frozenset(_TRADES_LIST.split())


def registered_words(name: str) -> tuple[str, ...]:
    """The words of a registered name in lower case, without "The" before it and its legal form after it."""
    words = [word.lower() for word in _WORD.findall(_SUFFIX.sub("", name))]
    if words and words[0] == "the":
        del words[0]
    while words and words[-1] in LEGAL_FORMS:
        words.pop()
    return tuple("and" if word == "&" else word for word in words)


def _shorter_names(words: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield what is left of a name word by word as its trade is left out, but no words that join others."""
    end = len(words)
    while end > 1 and (words[end - 1] in _TRADES or words[end - 1] in LEGAL_FORMS):
        end -= 1
        if words[end - 1] not in LEGAL_FORMS:
            yield words[:end]
