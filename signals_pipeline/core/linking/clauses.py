"""Which words of a headline carry the tone of which company: "Intel slips while AMD gains" has two tones.

Where a title names several companies, each one that it is about has the words of its part (`parts`). Where others are
named in the same words, the places of the company's own names go with them: the model reads its states there. Titles
that report market data or a form carry no tone. Which companies a headline is about is decided in `roles`; the tone
itself is the model's.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from signals_pipeline.core.linking.parts import LIST_SEPARATOR, MentionSpan, cut_parts
from signals_pipeline.core.linking.roles import Role
from signals_pipeline.core.spans import Span

# Why a headline carries no tone for a company, as counted for the operator: its role there, or what the headline is.
NO_TONE_REASONS: tuple[str, ...] = (
    "broker",
    "form",
    "market_data",
    "mentioned",
    "no_statement",
    "other",
    "tagged",
)

_WORD = re.compile(r"[^\W\d_]{2,}")
# Automatic reports on trading in a share or its options: the technical score already holds price and volume, and to
# buy a put is not good news.
_MARKET_DATA = re.compile(
    r"\b(?:(?:put|call)s? options?|one put, one call|options? (?:trading|volume|activity)|short interest"
    r"|(?:in|out)flow of (?:net )?(?:\$|money)|trends? (?:higher|lower): showing|bulls dig in)",
    re.IGNORECASE,
)
# One of these is in each of them, which is soon found out.
_MARKET_DATA_WORDS = ("option", "one put", "short interest", "flow of", "trend", "bulls dig")
# A form filed with the SEC says nothing of its content.
_FORM = re.compile(r"\b(?:files SEC form|new SEC filing)\b", re.IGNORECASE)
# What a part is stripped of.
_ENDS = " ,;:"


@dataclass(frozen=True, slots=True)
class Clause:
    """The words of a headline that carry the tone of one company, or why there are none.

    Attributes:
        text: The words that the sentiment model reads; empty where the headline carries no tone for the company.
        spans: Where they name the company, in order, if they speak of others, too; empty where all of them are its own.
        reason: One of `NO_TONE_REASONS` where text is empty, else empty.
    """

    text: str
    spans: tuple[Span, ...] = ()
    reason: str = ""


def clauses_by_company(
    text: str,
    spans: Sequence[MentionSpan],
    roles: Mapping[str, Role],
    parts: Sequence[Span] | None = None,
) -> dict[str, Clause]:
    """Return the clause of each company.

    Args:
        text: A title as the sentiment model would read it.
        spans: Where the text names companies, in order, none overlapping.
        roles: By symbol, for the companies wanted.
        parts: The same as `cut_parts` returns them, where they are known.
    """
    # What the whole title is.
    title_reason = ""
    lower_case = text.lower()
    if any(word in lower_case for word in _MARKET_DATA_WORDS) and _MARKET_DATA.search(text):
        title_reason = "market_data"
    elif "sec " in lower_case and _FORM.search(text):
        title_reason = "form"

    is_alone = len({span.symbol for span in spans}) == 1
    clauses: dict[str, Clause] = {}
    for symbol, role in roles.items():
        if not role.relevance:
            clauses[symbol] = Clause("", reason=role.value or "tagged")
        elif title_reason:
            clauses[symbol] = Clause("", reason=title_reason)
        elif is_alone:
            own_spans = () if role is Role.SUBJECT else tuple((span.start, span.end) for span in spans)
            clauses[symbol] = Clause(text, own_spans) if _says_something(text, spans) else _NO_STATEMENT
        else:
            parts = cut_parts(text, spans) if parts is None else parts
            clauses[symbol] = _clause(text, spans, parts, symbol, role)
    return clauses


_NO_STATEMENT = Clause("", reason="no_statement")


def _clause(
    text: str,
    spans: Sequence[MentionSpan],
    parts: Sequence[Span],
    symbol: str,
    role: Role,
) -> Clause:
    """The clause of one company of several: the first part that names it and says something."""
    for start, end in parts:
        part_spans = [span for span in spans if start <= span.start < end]
        own_spans = [span for span in part_spans if span.symbol == symbol]
        if not own_spans or not _says_something(text[start:end], part_spans, start):
            continue

        # Indices refer to the part without the punctuation at its ends.
        part_text = text[start:end]
        offset = start + len(part_text) - len(part_text.lstrip(_ENDS))
        clause_text = part_text.strip(_ENDS)
        if role is Role.SUBJECT and _is_one_list(text, part_spans):
            return Clause(clause_text)
        return Clause(clause_text, tuple((span.start - offset, span.end - offset) for span in own_spans))
    return _NO_STATEMENT


def _says_something(part: str, spans: Sequence[MentionSpan], start: int = 0) -> bool:
    """Whether a part has words beside the names and what joins them.

    Args:
        part: The part's text.
        spans: Where it names companies, at least once, counted from the start of the title.
        start: Where the part starts.
    """
    gaps = [part[left.end - start : right.start - start] for left, right in pairwise(spans)]
    gaps = [gap for gap in gaps if not LIST_SEPARATOR.match(gap)]
    rest = [part[: spans[0].start - start], *gaps, part[spans[-1].end - start :]]
    return _WORD.search(" ".join(rest)) is not None


def _is_one_list(text: str, spans: Sequence[MentionSpan]) -> bool:
    """Whether the companies of a part are named in one list, so that its words are of each of them."""
    return all(LIST_SEPARATOR.match(text[left.end : right.start]) for left, right in pairwise(spans))
