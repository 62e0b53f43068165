"""Which words of a headline speak of which company: the tone of "Intel slips while AMD gains" is not one tone.

Where a title names several companies, it is cut at semicolons, dashes, conjunctions and commas that part statements.
The subject of a clause, or else the company or list of companies that comes first in it, has the clause's tone. One
that comes later in it, or is an end of a comparison, has none. Titles that report market data or a form have none.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from signals_pipeline.core.linking.linker import SUBJECT, Linker, Place
from signals_pipeline.core.linking.mentions import CASHTAG_MARK
from signals_pipeline.core.text import content_address
from signals_pipeline.core.watchlist import Watchlist

# Why a company of a headline has no tone, as counted for the operator.
REASONS: tuple[str, ...] = ("comparison", "elsewhere", "form", "market", "market_data", "no_statement", "shared")

_PARTS = re.compile(
    r"\s*;\s+|\s[-–—]\s|,?\s(?:while|whereas|but|although|though|even as|as|after|amid|despite)\s", re.IGNORECASE
)
_LISTED = re.compile(r"^(?:['’]s)?\s*(?:,|&|\+|/|[-–]|,?\s*\b(?:and|or)\b)\s*$", re.IGNORECASE)
_SOFT_PART = re.compile(r",\s+|\sand\s", re.IGNORECASE)
# Between two companies: which end is the better one is beyond a tone of the whole clause.
_COMPARES = re.compile(
    r"\b(?:unlike|beats?|outdo\w*|outperform\w*|outshin\w+|outpac\w+|overtak\w+|than|rather|over|versus|vs|instead"
    r"|replac\w+|rival\w*|trails?|lags?|challeng\w+|against|underperform\w*|compet\w+|tops?)\b(?!\s+(?:\$|Rs|\d))",
    re.IGNORECASE,
)
_CHOOSES = re.compile(r"\b(?:prefer\w*|unlike|swap\w*|switch\w*|shift\w*|rather|instead)\b", re.IGNORECASE)
# Directly before a name: it is the end that was beaten.
_BEATEN = re.compile(
    r"\b(?:unlike|beats?|outdo\w*|outperform\w*|outshin\w+|outpac\w+|overtak\w+|than|replac\w+|over|against)\s(?:\w+\s)?$",
    re.IGNORECASE,
)
_WORDS = re.compile(r"[^\W\d_]{2,}")
# Trading in a share or its options, told by machines: the technical score already holds price and volume, and to buy
# a put is not good news.
_MARKET_DATA = re.compile(
    r"\b(?:(?:put|call)s? options?|one put, one call|options? (?:trading|volume|activity)|short interest"
    r"|(?:in|out)flow of (?:net )?(?:\$|money)|trends? (?:higher|lower): showing|bulls dig in)",
    re.IGNORECASE,
)
# The move of an index, whatever company it waits for or is led by.
_MARKET = re.compile(
    r"\W*(?:Dow(?: Jones(?: Industrial Average)?)?|S&P 500|Nasdaq|Sensex|Nifty|FTSE|Nikkei|Wall Street"
    r"|(?:US |Asian? |European )?(?:stocks|markets|shares))\s(?:\w+\s){0,2}?"
    r"(?:climb|close|dip|drop|end|fall|gain|jump|leap|open|rally|rallie|rise|sink|slide|slip|surge|tumble|turn)s?\b",
    re.IGNORECASE,
)
_FORM = re.compile(r"\b(?:files SEC form|new SEC filing)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clause:
    """What is said of one company: the words, or why there are none.

    Attributes:
        text: The words that the sentiment model reads; empty where the headline carries no tone for the company.
        reason: One of `REASONS` where text is empty, else empty.
    """

    text: str
    reason: str = ""


def clauses_by_company(text: str, places: Sequence[Place], relevance: Mapping[str, float]) -> dict[str, Clause]:
    """The clause of each company.

    Args:
        text: A title as the sentiment model would read it.
        places: Where the text names companies, in order, none overlapping.
        relevance: By company asked for. A subject speaks for its clause; one that has no place is named in the lead.
    """
    if _MARKET_DATA.search(text) or _FORM.search(text):
        reason = "market_data" if _MARKET_DATA.search(text) else "form"
        return dict.fromkeys(relevance, Clause("", reason))
    named = {place.symbol for place in places}
    if len(named | set(relevance)) < 2 or not named:
        of_market = _MARKET.match(text) and not _PARTS.search(text)
        return dict.fromkeys(relevance, Clause("", "market") if of_market else Clause(text))
    subjects = {symbol for symbol, grade in relevance.items() if grade == SUBJECT}
    told: dict[str, Clause] = {}
    for start, end in _parts(text, places):
        for symbol, clause in _of_part(text[start:end], _within(places, start, end), subjects).items():
            if symbol not in told or told[symbol].reason:
                told[symbol] = clause
    return {symbol: told.get(symbol, Clause("", "elsewhere")) for symbol in relevance}


def _within(places: Sequence[Place], start: int, end: int) -> list[Place]:
    return [Place(one.symbol, one.start - start, one.end - start) for one in places if start <= one.start < end]


def _parts(text: str, places: Sequence[Place]) -> list[tuple[int, int]]:
    """The parts of a title: never cut inside a name or a list of names."""
    hard = [match.span() for match in _PARTS.finditer(text)]
    soft = [found[-1] for one, other in pairwise(places) if (found := _soft_cuts(text, one, other, hard))]
    kept = [cut for cut in sorted({*hard, *soft}) if not _inside(cut, text, places)]
    starts, ends = [0, *(end for _, end in kept)], [*(start for start, _ in kept), len(text)]
    return list(zip(starts, ends, strict=True))


def _soft_cuts(text: str, one: Place, other: Place, hard: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Commas and "and" between two companies that are not in one list, where no conjunction parts them already."""
    if any(one.end <= start < other.start for start, _ in hard):
        return []
    return [match.span() for match in _SOFT_PART.finditer(text, one.end, other.start)]


def _inside(cut: tuple[int, int], text: str, places: Sequence[Place]) -> bool:
    if any(place.start < cut[1] and cut[0] < place.end for place in places):
        return True
    return any(
        one.end <= cut[0] < other.start and _LISTED.match(text[one.end : other.start])
        for one, other in pairwise(places)
    )


def _of_part(part: str, places: Sequence[Place], subjects: set[str]) -> dict[str, Clause]:
    """The clauses of the companies of one part: its subjects, or else its first list of companies, speak through it."""
    if not places:
        return {}
    between = [part[one.end : other.start] for one, other in pairwise(places)]
    listed = [_LISTED.match(gap) is not None for gap in between]
    apart = [gap for gap, one_list in zip(between, listed, strict=True) if not one_list]
    leads = {place.symbol for place in places[: [*listed, False].index(False) + 1]}
    speakers = subjects & {place.symbol for place in places} or leads
    market = _MARKET.match(part)
    if market and places[0].start >= market.end():
        return {place.symbol: Clause("", "market") for place in places}
    if not _WORDS.search(" ".join([part[: places[0].start], *apart, part[places[-1].end :]])):
        return {place.symbol: Clause("", "no_statement") for place in places}
    if _compared(part, part[: places[0].start], apart):
        return {place.symbol: Clause("", "comparison") for place in places}
    said = Clause(part.strip(" ,;:"))
    return {place.symbol: said if place.symbol in speakers else Clause("", "shared") for place in places}


def _compared(part: str, before: str, apart: Sequence[str]) -> bool:
    """Whether a part sets companies against each other, or its first one against one of the part before."""
    against = any(_COMPARES.search(gap) for gap in apart) or (apart and _CHOOSES.search(part))
    return bool(against or _BEATEN.search(before))


def assign_clauses(headlines: pd.DataFrame, watchlist: Watchlist) -> tuple[pd.DataFrame, dict[str, int]]:
    """Headlines with the words that speak of each row's company, and how many rows have none.

    Args:
        headlines: HEADLINES frame.
        watchlist: The companies that it was linked to.

    Returns:
        The frame, in the rows of relevance > 0 with `text` the company's clause (empty: no tone) and `text_hash` its
        content address where it has one; and the count of rows without tone by reason, every reason of `REASONS`.
    """
    linker = Linker(watchlist)
    counts = dict.fromkeys(REASONS, 0)
    titles, texts, hashes = (headlines[name].tolist() for name in ("title", "text", "text_hash"))
    for about in _about(headlines):
        first, relevance = about[0][0], {symbol: grade for _, symbol, grade in about}
        marked, places = texts[first], list[Place]()
        if len(relevance) > 1:  # all of a title about one company is that company's
            marked, places = linker.places(titles[first], texts[first], relevance)
        told = clauses_by_company(marked, places, relevance)
        for row, symbol, _ in about:
            if told[symbol].reason:
                counts[told[symbol].reason] += 1
                texts[row] = ""
            elif told[symbol].text != marked:
                texts[row] = told[symbol].text.replace(CASHTAG_MARK, "")
                hashes[row] = content_address(texts[row])
    text, address = (pd.Series(values, index=headlines.index, dtype="str") for values in (texts, hashes))
    return headlines.assign(text=text, text_hash=address), counts


def _about(headlines: pd.DataFrame) -> Iterable[list[tuple[int, str, float]]]:
    """Row, company and relevance of the rows about a company, those of one headline of one window together."""
    found: dict[tuple[object, ...], list[tuple[int, str, float]]] = defaultdict(list)
    columns = (headlines[name].tolist() for name in ("window_start", "headline_id", "text", "symbol", "relevance"))
    for row, (*headline, symbol, relevance) in enumerate(zip(*columns, strict=True)):
        if symbol and relevance > 0:
            found[tuple(headline)].append((row, symbol, relevance))
    return found.values()
