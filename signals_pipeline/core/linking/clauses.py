"""Which words of a headline carry the tone of which company: "Intel slips while AMD gains" has two tones.

Where a title names several companies, it is cut into parts at semicolons, dashes, conjunctions and commas between
statements. The subjects of a part, or else the company or list of companies that comes first in it, have the part's
tone. A company that comes later in it, or that is compared, has none. Titles that report market data or a form have
none. Which companies a headline names is decided in `linker`; the tone itself is the model's.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from signals_pipeline.core.linking.roles import Role

# Start and end of a name, a part or a cut, as indices into the text.
Span = tuple[int, int]

# Why a headline carries no tone for a company, as counted for the operator.
NO_TONE_REASONS: tuple[str, ...] = (
    "broker",
    "comparison",
    "elsewhere",
    "form",
    "market",
    "market_data",
    "mentioned",
    "no_statement",
    "other",
    "shared",
    "tagged",
)

# Where a title is cut whatever companies it names.
_HARD_CUT = re.compile(
    r"\s*;\s+|\s[-–—]\s|,?\s(?:while|whereas|but|although|though|even as|as|after|amid|despite)\s", re.IGNORECASE
)
# What may stand between two names of one list, which is never cut.
_LIST_SEPARATOR = re.compile(r"^(?:['’]s)?\s*(?:,|&|\+|/|[-–]|,?\s*\b(?:and|or)\b)\s*$", re.IGNORECASE)
# Where a title is cut only between two companies.
_SOFT_CUT = re.compile(r",\s+|\sand\s", re.IGNORECASE)
# Between two companies: one tone of the whole clause can't say which of them is the better one.
_COMPARISON = re.compile(
    r"\b(?:unlike|beats?|outdo\w*|outperform\w*|outshin\w+|outpac\w+|overtak\w+|than|rather|over|versus|vs|instead"
    r"|replac\w+|rival\w*|trails?|lags?|challeng\w+|against|underperform\w*|compet\w+|tops?)\b(?!\s+(?:\$|Rs|\d))",
    re.IGNORECASE,
)
# Anywhere in a clause that names two companies apart: "Investors prefer Intel to AMD".
_CHOICE = re.compile(r"\b(?:prefer\w*|unlike|swap\w*|switch\w*|shift\w*|rather|instead)\b", re.IGNORECASE)
# Directly before a name: it is the company that was beaten.
_BEATEN = re.compile(
    r"\b(?:unlike|beats?|outdo\w*|outperform\w*|outshin\w+|outpac\w+|overtak\w+|than|replac\w+|over|against)\s(?:\w+\s)?$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W\d_]{2,}")
# Automatic reports on trading in a share or its options: the technical score already holds price and volume, and to
# buy a put is not good news.
_MARKET_DATA = re.compile(
    r"\b(?:(?:put|call)s? options?|one put, one call|options? (?:trading|volume|activity)|short interest"
    r"|(?:in|out)flow of (?:net )?(?:\$|money)|trends? (?:higher|lower): showing|bulls dig in)",
    re.IGNORECASE,
)
# The move of an index, whatever company it waits for or is led by.
_INDEX_MOVE = re.compile(
    r"\W*(?:Dow(?: Jones(?: Industrial Average)?)?|S&P 500|Nasdaq|Sensex|Nifty|FTSE|Nikkei|Wall Street"
    r"|(?:US |Asian? |European )?(?:stocks|markets|shares))\s(?:\w+\s){0,2}?"
    r"(?:climb|close|dip|drop|end|fall|gain|jump|leap|open|rally|rallie|rise|sink|slide|slip|surge|tumble|turn)s?\b",
    re.IGNORECASE,
)
# A form filed with the SEC says nothing of its content.
_FORM = re.compile(r"\b(?:files SEC form|new SEC filing)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MentionSpan:
    """Where a text names a company: index of the first character and index after the last one."""

    symbol: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Clause:
    """The words of a headline that carry the tone of one company, or why there are none.

    Attributes:
        text: The words that the sentiment model reads; empty where the headline carries no tone for the company.
        reason: One of `NO_TONE_REASONS` where text is empty, else empty.
    """

    text: str
    reason: str = ""


def clauses_by_company(
    text: str,
    spans: Sequence[MentionSpan],
    roles: Mapping[str, Role],
) -> dict[str, Clause]:
    """Return the clause of each company.

    Args:
        text: A title as the sentiment model would read it.
        spans: Where the text names companies, in order, none overlapping.
        roles: By symbol, for the companies wanted.
    """
    # Titles without a statement about a company.
    if _MARKET_DATA.search(text):
        return dict.fromkeys(roles, Clause("", "market_data"))
    if _FORM.search(text):
        return dict.fromkeys(roles, Clause("", "form"))

    # The whole title is of one company, or of the market.
    named = {span.symbol for span in spans}
    if not named or len(named | set(roles)) == 1:
        is_index_move = _INDEX_MOVE.match(text) and not _HARD_CUT.search(text)
        return dict.fromkeys(roles, Clause("", "market") if is_index_move else Clause(text))

    # The first part that carries a tone of the company counts; else the reason of the last part that names it.
    subjects = {symbol for symbol, role in roles.items() if role is Role.SUBJECT}
    clauses: dict[str, Clause] = {}
    for start, end in _parts(text, spans):
        part_spans = _spans_within(spans, start, end)
        part_clauses = _part_clauses(text[start:end], part_spans, subjects)
        for symbol, clause in part_clauses.items():
            if symbol not in clauses or not clauses[symbol].text:
                clauses[symbol] = clause
    return {symbol: clauses.get(symbol, Clause("", "elsewhere")) for symbol in roles}


def _spans_within(spans: Sequence[MentionSpan], start: int, end: int) -> list[MentionSpan]:
    """The mentions that begin in a part, counted from its start."""
    within = [span for span in spans if start <= span.start < end]
    return [MentionSpan(span.symbol, span.start - start, span.end - start) for span in within]


def _parts(text: str, spans: Sequence[MentionSpan]) -> list[Span]:
    """Cut a title into parts, never inside a name or a list of names."""
    hard_cuts = [match.span() for match in _HARD_CUT.finditer(text)]

    # Between two companies that no hard cut parts, the last comma or "and".
    cuts = set(hard_cuts)
    for left, right in pairwise(spans):
        if any(left.end <= start < right.start for start, _ in hard_cuts):
            continue
        soft_cuts = [match.span() for match in _SOFT_CUT.finditer(text, left.end, right.start)]
        if soft_cuts:
            cuts.add(soft_cuts[-1])

    # What lies between the cuts; the cuts themselves belong to no part.
    parts: list[Span] = []
    part_start = 0
    for cut_start, cut_end in sorted(cuts):
        if _is_inside_name(cut_start, cut_end, spans) or _is_inside_list(cut_start, text, spans):
            continue
        parts.append((part_start, cut_start))
        part_start = cut_end
    parts.append((part_start, len(text)))
    return parts


def _is_inside_name(cut_start: int, cut_end: int, spans: Sequence[MentionSpan]) -> bool:
    return any(span.start < cut_end and cut_start < span.end for span in spans)


def _is_inside_list(cut_start: int, text: str, spans: Sequence[MentionSpan]) -> bool:
    for left, right in pairwise(spans):
        is_between = left.end <= cut_start < right.start
        if is_between and _LIST_SEPARATOR.match(text[left.end : right.start]):
            return True
    return False


def _part_clauses(
    part: str,
    spans: Sequence[MentionSpan],
    subjects: set[str],
) -> dict[str, Clause]:
    """Return the clauses of the companies that one part of a title names.

    Args:
        part: The part's text.
        spans: Where it names companies, in order.
        subjects: The companies that the whole title is about.
    """
    if not spans:
        return {}

    # The text around and between the companies. Gaps within a list of companies say nothing.
    before = part[: spans[0].start]
    after = part[spans[-1].end :]
    gaps = [part[left.end : right.start] for left, right in pairwise(spans)]
    is_list_gap = [_LIST_SEPARATOR.match(gap) is not None for gap in gaps]
    statement_gaps = [gap for gap, is_listed in zip(gaps, is_list_gap, strict=True) if not is_listed]

    # Reasons why no company of the part has a tone, in this order.
    reason = ""
    index_move = _INDEX_MOVE.match(part)
    if index_move and index_move.end() <= spans[0].start:
        reason = "market"
    elif not _WORD.search(" ".join([before, *statement_gaps, after])):
        reason = "no_statement"
    elif _is_comparison(part, before, statement_gaps):
        reason = "comparison"
    if reason:
        return {span.symbol: Clause("", reason) for span in spans}

    # The subjects of the title have the tone of the part; where it names none, its first list of companies.
    tone_symbols = subjects & {span.symbol for span in spans}
    if not tone_symbols:
        first_list_size = 1
        while first_list_size < len(spans) and is_list_gap[first_list_size - 1]:
            first_list_size += 1
        tone_symbols = {span.symbol for span in spans[:first_list_size]}

    clauses: dict[str, Clause] = {}
    for span in spans:
        if span.symbol in tone_symbols:
            clauses[span.symbol] = Clause(part.strip(" ,;:"))
        else:
            clauses[span.symbol] = Clause("", "shared")
    return clauses


def _is_comparison(part: str, before: str, statement_gaps: Sequence[str]) -> bool:
    """Whether a part compares its companies, or its first one with one of the part before."""
    if any(_COMPARISON.search(gap) for gap in statement_gaps):
        return True
    if statement_gaps and _CHOICE.search(part):
        return True
    return _BEATEN.search(before) is not None
