"""Search queries for a watchlist, packed into as few calls as a vendor's length limit allows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote_plus

from signals_pipeline.core.watchlist import Company

_JOIN = " OR "
_LEGAL = re.compile(
    r"(?:,?\s+(?:inc|incorporated|corp|corporation|co|company|companies|ltd|limited|plc|llc|lp|sa|ag|nv|se|group"
    r"|holdings?|class [a-c]|the|& co|and company)\.?)+$|^the\s+",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Query:
    """One call's search: any of these names, each as a phrase.

    Attributes:
        text: `"Microsoft" OR "Exxon Mobil"`.
        symbols: The companies that it asks for, in the watchlist's order.
    """

    text: str
    symbols: tuple[str, ...]


def queries(companies: Sequence[Company], *, limit: int, calls: int) -> tuple[Query, ...]:
    """Queries that ask for every company at least by its name, in watchlist order.

    Every company is asked for by its name without the legal form. Aliases are added, in watchlist order, as long as no
    more than `calls` queries come of it. A phrase that holds another one of the same company word by word is left out:
    the shorter one finds whatever it finds.

    Args:
        companies: Whom to ask for.
        limit: Characters that a query may have as it is sent, percent-encoded (NewsAPI: 500 for `q`).
        calls: Queries wanted at most for the aliases; a long watchlist takes more for the names alone.

    Raises:
        ValueError: a single name is longer than the limit.
    """
    for extra in range(max((len(_phrases(one)) for one in companies), default=0), 0, -1):
        packed = _pack([(one.symbol, _phrases(one)[:extra]) for one in companies], limit)
        if len(packed) <= calls or extra == 1:
            return packed
    return ()


def _phrases(company: Company) -> tuple[str, ...]:
    """The company's names to search for, the most telling first; never empty."""
    names = [_bare(name) for name in (company.name, *company.aliases)]
    kept: list[str] = []
    for name in names:
        if not any(_holds(name, other) for other in kept):
            kept = [*(other for other in kept if not _holds(other, name)), name]
    return tuple(kept)


def _bare(name: str) -> str:
    """The name as headlines write it: without its legal form and quotes."""
    plain = " ".join(name.replace('"', " ").split())
    return _LEGAL.sub("", plain).strip(" ,&") or plain


def _holds(long: str, short: str) -> bool:
    return f" {short.casefold()} " in f" {long.casefold()} "


def _pack(named: Sequence[tuple[str, Sequence[str]]], limit: int) -> tuple[Query, ...]:
    """Companies put one after another into the first query that has room for all their phrases."""
    texts: list[str] = []
    symbols: list[list[str]] = []
    for symbol, names in named:
        phrases = _JOIN.join(f'"{name}"' for name in names)
        if len(quote_plus(phrases)) > limit:
            raise ValueError(f"{symbol}: its names take more than {limit} characters; shorten them in the watchlist")
        for place, text in enumerate(texts):
            if len(quote_plus(text + _JOIN + phrases)) <= limit:
                texts[place] += _JOIN + phrases
                symbols[place].append(symbol)
                break
        else:
            texts.append(phrases)
            symbols.append([symbol])
    return tuple(Query(text, tuple(held)) for text, held in zip(texts, symbols, strict=True))
