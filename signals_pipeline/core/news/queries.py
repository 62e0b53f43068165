"""Search queries for a watchlist, packed into as few calls as a vendor's length limit allows.

The calls themselves are made by `adapters.news.newsapi`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote_plus

from signals_pipeline.core.watchlist import Company

_JOIN = " OR "

# Legal forms at the end of a company's name, and the article before it; headlines leave both out.
_LEGAL_FORM = re.compile(
    r"(?:,?\s+(?:inc|incorporated|corp|corporation|co|company|companies|ltd|limited|plc|llc|lp|sa|ag|nv|se|group"
    r"|holdings?|class [a-c]|the|& co|and company)\.?)+$|^the\s+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Query:
    """One call's search for any of several names, each as a phrase.

    Attributes:
        text: `"Microsoft" OR "Exxon Mobil"`.
        symbols: The companies that it searches for, in the watchlist's order.
    """

    text: str
    symbols: tuple[str, ...]


def queries(
    companies: Sequence[Company],
    *,
    limit: int,
    calls: int,
) -> tuple[Query, ...]:
    """Queries that search for every company at least by its name, in watchlist order.

    Every company is searched for by its name without the legal form. Aliases are added, in watchlist order, as long as
    that takes no more than `calls` queries. A phrase that contains another one of the same company word by word is left
    out: the shorter one finds everything that the longer one finds.

    Args:
        companies: The companies to search for.
        limit: Maximum length of a query as it is sent, percent-encoded, in characters (NewsAPI: 500 for `q`).
        calls: Maximum number of queries if aliases are added; a long watchlist takes more for the names alone.

    Raises:
        ValueError: a company's names do not fit into one query.
    """
    phrases_by_symbol = [(company.symbol, _phrases(company)) for company in companies]
    maximum = max((len(phrases) for _, phrases in phrases_by_symbol), default=0)

    # Give up the last alias of every company until the queries are few enough; each keeps its first phrase.
    for phrases_per_company in range(maximum, 0, -1):
        shortened = [(symbol, phrases[:phrases_per_company]) for symbol, phrases in phrases_by_symbol]
        packed = _pack(shortened, limit)
        if len(packed) <= calls or phrases_per_company == 1:
            return packed
    return ()


def _phrases(company: Company) -> tuple[str, ...]:
    """The company's names to search for, the name before the aliases; never empty."""
    phrases: list[str] = []
    for full_name in (company.name, *company.aliases):
        name = _without_legal_form(full_name)
        if any(_contains(name, phrase) for phrase in phrases):
            continue
        phrases = [phrase for phrase in phrases if not _contains(phrase, name)]
        phrases.append(name)
    return tuple(phrases)


def _without_legal_form(name: str) -> str:
    """The name as headlines write it: without its legal form and quotes."""
    plain = " ".join(name.replace('"', " ").split())
    # A name that is nothing but a legal form stays as it is.
    return _LEGAL_FORM.sub("", plain).strip(" ,&") or plain


def _contains(phrase: str, part: str) -> bool:
    """Whether a phrase contains another one as whole words."""
    return f" {part.casefold()} " in f" {phrase.casefold()} "


def _pack(phrases_by_symbol: Sequence[tuple[str, Sequence[str]]], limit: int) -> tuple[Query, ...]:
    """Put one company after another into the first query that has room for all its phrases (first fit)."""
    texts: list[str] = []
    symbols: list[list[str]] = []
    for symbol, phrases in phrases_by_symbol:
        company_text = _JOIN.join(f'"{phrase}"' for phrase in phrases)
        if len(quote_plus(company_text)) > limit:
            raise ValueError(f"{symbol}: its names take more than {limit} characters; shorten them in the watchlist")

        for position, text in enumerate(texts):
            extended = text + _JOIN + company_text
            if len(quote_plus(extended)) <= limit:
                texts[position] = extended
                symbols[position].append(symbol)
                break
        else:
            # No query has room.
            texts.append(company_text)
            symbols.append([symbol])
    return tuple(Query(text, tuple(symbols_of_query)) for text, symbols_of_query in zip(texts, symbols, strict=True))
