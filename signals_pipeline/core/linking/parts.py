"""The parts of a title that names several companies, each a statement of its own: "Intel slips while AMD gains".

A title is cut at semicolons, dashes, sentence ends, conjunctions, and at commas between companies, never inside a name
or a list of names. The role of a company within its part is decided in `roles`, its words in `clauses`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from signals_pipeline.core.spans import Span

# Where a title is cut whatever companies it names. A full stop ends a sentence, not an abbreviation.
_HARD_CUT = re.compile(
    r"\s*;\s+|\s[-–—|]\s|(?<=[a-z%\d]{2})[.?!]['’\"”]?\s+(?=[A-Z\"“'‘])"
    r"|,?\s(?:while|whereas|but|although|though|even as|as|after|amid|despite)\s",
    re.IGNORECASE,
)
# Abbreviations whose full stop ends no sentence.
_ABBREVIATION = re.compile(
    r"\b(?:Inc|Corp|Co|Ltd|Cos|vs|St|Atty|Gen|Sen|Rep|Gov|Mr|Mrs|Dr|No|Jan|Feb|Mar|Apr|Aug|Sept?|Oct|Nov|Dec)$",
    re.IGNORECASE,
)
# What may stand between two names of one list, which is never cut.
LIST_SEPARATOR = re.compile(
    r"^\)?(?:['’]s)?(?:\s?\([A-Za-z:. ]{1,16}\))?\s*(?:,|&|\+|/|[-–]|,?\s*\b(?:and|or)\b)\s*$", re.IGNORECASE
)
# Where a title is cut only between two companies.
_SOFT_CUT = re.compile(r"[,:]\s+|\sand\s", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MentionSpan:
    """Where a text names a company: index of the first character and index after the last one."""

    symbol: str
    start: int
    end: int


def cut_parts(text: str, spans: Sequence[MentionSpan]) -> list[Span]:
    """Cut a title into parts, never inside a name or a list of names.

    Args:
        text: The title.
        spans: Where it names companies, in order, none overlapping.

    Returns:
        Start and end of each part, in order; what cuts them is in none.
    """
    hard_cuts: list[Span] = []
    for match in _HARD_CUT.finditer(text):
        is_full_stop = match.group().startswith(".")
        if not (is_full_stop and _ABBREVIATION.search(text[: match.start()])):
            hard_cuts.append(match.span())

    # Between two companies that no hard cut parts, the last comma, colon or "and".
    cuts = set(hard_cuts)
    for left, right in pairwise(spans):
        has_hard_cut = any(left.end <= start < right.start for start, _ in hard_cuts)
        soft_cuts = [match.span() for match in _SOFT_CUT.finditer(text, left.end, right.start)]
        # Behind a hard cut only directly before the company: "A falls after a report, B rises".
        if soft_cuts and (not has_hard_cut or soft_cuts[-1][1] == right.start):
            cuts.add(soft_cuts[-1])

    # What lies between the cuts; the cuts themselves belong to no part.
    parts: list[Span] = []
    part_start = 0
    for cut_start, cut_end in sorted(cuts):
        if (
            cut_start < part_start
            or _is_inside_name(cut_start, cut_end, spans)
            or _is_inside_list(cut_start, text, spans)
        ):
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
        if is_between and LIST_SEPARATOR.match(text[left.end : right.start]):
            return True
    return False
