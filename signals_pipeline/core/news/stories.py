"""Stories: near-duplicate headlines of one company, which of them came first, and the position of each.

Everything here looks backwards only: a headline's story and its position depend on earlier headlines alone, so that
news that comes in later changes no number of an earlier digest. The rows of the evidence are put together in
`core.news.evidence`; how well stories are found is measured by `benchmarks.stories` (docs/linking.md).
"""

import re
from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd

from signals_pipeline.core.arrays import BoolArray, IntArray

# Headlines further apart than this are not compared, and a window looks back this far for the stories it continues.
STORY_HOURS = 72

# Each repetition of a story counts three quarters of the one before it: novelty = 0.75 ** member.
NOVELTY = 0.75

# Jaccard index of two sets of words from which on they belong to one story. On the 159 labelled pairs of the tests 0.4
# has precision 0.87 and recall 0.62; 0.35 has 0.82 and 0.74, 0.5 has 0.94 and 0.50. RapidFuzz's token_set_ratio, alone,
# in the mean with Jaccard or without the companies' names, lies on the same curve (docs/linking.md).
MIN_SIMILARITY = 0.4

# Earlier rows looked up per word: enough to find a story, and the time stays linear in the rows.
_NEWEST = 8

_REACH = STORY_HOURS * 3_600_000_000  # microseconds


_POSSESSIVE = re.compile(r"['’]s\b")
_WORD = re.compile(r"\d+(?:[.,]\d+)*[^\W_]*%?|[^\W_]+")
_STOP_WORD = re.compile(
    r"a|an|the|of|to|in|on|at|for|by|with|from|and|or|as|is|are|was|were|be|has|have|had|will|would|can|could|its?|this"
    r"|that|after|before|over|up|out|new|says?|said|reports?"
)
# Ending, minimum length of the word, what takes the ending's place. Short words keep theirs: `ties` is `tie`.
_ENDINGS = (("ies", 5, "y"), ("ing", 6, ""), ("ed", 5, ""), ("s", 4, ""))


def fingerprint(text: str) -> frozenset[str]:
    """The words that identify a headline's story: without stop words and endings, numbers kept whole.

    A text without any such word is identified by itself.
    """
    words = _WORD.findall(_POSSESSIVE.sub("", text.casefold()))
    compared = {_compared_form(word) for word in words} - {""}
    return frozenset(compared or {text.casefold()})


def jaccard_index(first: frozenset[str] | frozenset[int], second: frozenset[str] | frozenset[int]) -> float:
    """Share of the two sets' union that is in both, in [0, 1]. Source: Jaccard, New Phytologist 11 (1912), 37-50."""
    shared = len(first & second)
    return shared / (len(first) + len(second) - shared)


def duplicate_pairs(
    symbols: Sequence[str],
    texts: Sequence[str],
    known_at: IntArray,
) -> tuple[IntArray, IntArray]:
    """Find pairs of rows that belong to one story of one company within 72 h.

    A row is compared with the newest rows of its company that share a word with it, `_NEWEST` per word: the time is
    linear in rows, and which rows are compared depends on earlier rows alone. A story is a chain of such pairs, so that
    one with many members is still found through its newest ones.

    Args:
        symbols: Company of each row.
        texts: Text of each row.
        known_at: Instant of each row, microseconds, ascending, shape (rows,).

    Returns:
        Earlier rows and later rows, both of shape (pairs,), sorted by the later row.
    """
    # Number the words: sets of numbers intersect faster than sets of strings. Equal texts share one set.
    number_of_word: dict[str, int] = {}
    numbers_of_text: dict[str, frozenset[int]] = {}
    for text in texts:
        if text not in numbers_of_text:
            numbers: set[int] = set()
            for word in fingerprint(text):
                next_number = len(number_of_word)
                numbers.add(number_of_word.setdefault(word, next_number))
            numbers_of_text[text] = frozenset(numbers)
    fingerprints = [numbers_of_text[text] for text in texts]

    # Per company, an inverted index from each word to the newest rows that have it.
    index: dict[str, dict[int, deque[int]]] = defaultdict(_new_company_index)
    oldest_in_reach = (known_at - _REACH).tolist()
    earlier: list[int] = []
    later: list[int] = []
    for row, (symbol, words) in enumerate(zip(symbols, fingerprints, strict=True)):
        rows_by_word = index[symbol]
        newest_rows = [rows_by_word[word] for word in words]
        candidates: set[int] = set()
        candidates.update(*newest_rows)
        for candidate in sorted(candidates):
            is_similar = jaccard_index(words, fingerprints[candidate]) >= MIN_SIMILARITY
            if is_similar and known_at[candidate] >= oldest_in_reach[row]:
                earlier.append(candidate)
                later.append(row)
        # Only now enter the row itself, so that it is not compared with itself.
        for rows in newest_rows:
            rows.append(row)
    return np.array(earlier, dtype=np.int64), np.array(later, dtype=np.int64)


@dataclass(frozen=True, eq=False, slots=True)
class WindowStories:
    """The evidence of one window and its stories. All arrays have one entry per row of evidence, shape (rows,).

    Attributes:
        row: Position in the timeline.
        headline: Position of the copy by which the headline was first known within the look-back.
        story: Position of the first copy of the headline that began the story.
        member: Position within the story, 0 for the first.
        already_reported: The story began before the window, so that an earlier digest could report it.
    """

    row: IntArray
    headline: IntArray
    story: IntArray
    member: IntArray
    already_reported: BoolArray


class Timeline:
    """Every linked copy in the order in which it became known; the stories of any window are found from it alone.

    What holds for all windows is computed once, over all rows: which row precedes each as a copy of the same headline,
    and which pairs are duplicates. A window then looks at its rows [low, high) only, as if there were no others.

    Args:
        linked: Columns headline_id, text, text_hash, url, symbol, relevance, known_at; sorted by known_at and then by
            content, so that the order does not depend on how the rows arrived.
    """

    def __init__(self, linked: pd.DataFrame) -> None:
        self._known_at = linked["known_at"].to_numpy(dtype="datetime64[us]").astype(np.int64)
        self._symbol = pd.factorize(linked["symbol"])[0].astype(np.int64)
        self._has_symbol = (linked["symbol"] != "").to_numpy(dtype=bool)
        self._relevant = self._has_symbol & (linked["relevance"] > 0).to_numpy(dtype=bool)

        # Copies of one headline: the same text on the same day, or the same text behind one link on any day.
        self._headline_rank = pd.factorize(linked["headline_id"], sort=True)[0].astype(np.int64)
        every_row = np.ones(len(linked), dtype=bool)
        self._previous_same_day = _previous_in_group(self._headline_rank, every_row)
        same_url = linked.groupby(["text_hash", "url"], sort=False).ngroup().to_numpy().astype(np.int64)
        has_url = (linked["url"] != "").to_numpy(dtype=bool)
        self._previous_same_url = _previous_in_group(same_url, has_url)

        # Duplicates among the rows that are about a company.
        rows = np.flatnonzero(self._relevant)
        symbols = linked["symbol"].iloc[rows].tolist()
        texts = linked["text"].iloc[rows].tolist()
        earlier, later = duplicate_pairs(symbols, texts, self._known_at[rows])
        self._earlier_duplicate, self._later_duplicate = rows[earlier], rows[later]

    def window_stories(
        self,
        *,
        visible_from: int,
        evidence_from: int,
        start: int,
        end: int,
    ) -> WindowStories:
        """The evidence of a window, copies of one headline merged and stories resolved.

        Args:
            visible_from: Copies known before this are ignored. All four are microseconds since 1970 UTC.
            evidence_from: Rows known from then on are returned.
            start: Start of the window: a story that began before it was already reported.
            end: `as_of`: copies known at or after it do not exist yet.
        """
        low = int(np.searchsorted(self._known_at, visible_from))
        high = int(np.searchsorted(self._known_at, end))
        headline = self._first_copies(low, high)
        is_chosen, chosen_row = self._choose_rows(low, high, headline)
        story = self._story_starts(low, high, is_chosen, chosen_row)

        # Order the chosen rows by story, then by when they became known; headline_id decides between equal instants.
        rows = np.flatnonzero(is_chosen)
        headline_rank = self._headline_rank[headline[rows] + low]
        by_story = np.lexsort((headline_rank, self._known_at[rows + low], story[rows]))
        order = rows[by_story]
        known_at = self._known_at[order + low]
        first_member = _run_starts(story[order])
        member = np.arange(len(order)) - first_member
        story_headline = headline[order[first_member]]
        already_reported = known_at[first_member] < start

        # The whole look-back was needed to number the members; evidence are the newer rows only.
        is_evidence = known_at >= evidence_from
        return WindowStories(
            row=order[is_evidence] + low,
            headline=headline[order][is_evidence] + low,
            story=story_headline[is_evidence] + low,
            member=member[is_evidence],
            already_reported=already_reported[is_evidence],
        )

    def _first_copies(self, low: int, high: int) -> IntArray:
        """For each row of [low, high) the earliest copy of its headline there, counted from low."""
        rows = np.arange(high - low)
        links = [
            (self._previous_same_day[low:high] - low, rows),
            (self._previous_same_url[low:high] - low, rows),
        ]
        return _earliest_connected(high - low, links)

    def _choose_rows(
        self,
        low: int,
        high: int,
        headline: IntArray,
    ) -> tuple[BoolArray, IntArray]:
        """Choose one row per headline and company: the first relevant one, or else the first.

        Returns:
            Whether each row is chosen, and for each row the one chosen in its place, counted from low.
        """
        size = high - low
        symbol, has_symbol = self._symbol[low:high], self._has_symbol[low:high]

        # One number per pair of headline and company; within a pair, relevant rows first, then the earlier ones.
        symbol_count = int(self._symbol.max(initial=0)) + 1
        pair = headline * symbol_count + symbol
        order = np.lexsort((np.arange(size), ~self._relevant[low:high], pair))
        chosen_row = np.empty(size, dtype=np.int64)
        chosen_row[order] = order[_run_starts(pair[order])]
        is_chosen = chosen_row == np.arange(size)

        # A row without a company is left out where another copy of its headline has one.
        headline_has_symbol = np.zeros(size, dtype=bool)
        headline_has_symbol[headline[has_symbol]] = True
        is_needed = has_symbol | ~headline_has_symbol[headline]
        return is_chosen & is_needed, chosen_row

    def _story_starts(
        self,
        low: int,
        high: int,
        is_chosen: BoolArray,
        chosen_row: IntArray,
    ) -> IntArray:
        """For each row the earliest row that duplicates connect it with, counted from low."""
        # A chosen row continues the story of each of its earlier duplicates, whether that one is chosen or not.
        first, last = np.searchsorted(self._later_duplicate, [low, high])
        earlier = self._earlier_duplicate[first:last] - low
        later = self._later_duplicate[first:last] - low
        continues = is_chosen[later]

        # A relevant copy that was not chosen belongs to the story of the row chosen in its place.
        copies = np.flatnonzero(self._relevant[low:high] & ~is_chosen)
        links = [(earlier[continues], later[continues]), (chosen_row[copies], copies)]
        return _earliest_connected(high - low, links)


def _new_company_index() -> dict[int, deque[int]]:
    """From each word to the newest rows that have it."""
    return defaultdict(_new_posting_list)


def _new_posting_list() -> deque[int]:
    return deque(maxlen=_NEWEST)


@lru_cache(maxsize=100_000)  # most words come again and again
def _compared_form(word: str) -> str:
    """The word as stories compare it; empty for a stop word."""
    if _STOP_WORD.fullmatch(word):
        return ""
    return _without_ending(word.replace(",", ""))


def _without_ending(word: str) -> str:
    """The word without its plural or verb ending: `rises` and `rising` are compared as one."""
    for ending, minimum_length, replacement in _ENDINGS:
        if word.endswith(ending) and len(word) >= minimum_length and not word.endswith("ss"):
            return word.removesuffix(ending) + replacement
    return word


def _run_starts(group: IntArray) -> IntArray:
    """For each entry the position of the first entry of its run of equal values.

    E.g. [7, 7, 3, 3, 3, 7] gives [0, 0, 2, 2, 2, 5].
    """
    positions = np.arange(len(group))
    continues = np.zeros(len(group), dtype=bool)
    continues[1:] = group[1:] == group[:-1]
    # A running maximum carries the position of each run's first entry through the run.
    return np.maximum.accumulate(np.where(continues, 0, positions))


def _previous_in_group(group: IntArray, counts: BoolArray) -> IntArray:
    """For each row the row before it in the same group, -1 where there is none or the row does not count."""
    rows = np.flatnonzero(counts)
    # A stable sort keeps the rows of a group in their order, so that neighbours in it are predecessor and successor.
    order = rows[np.argsort(group[rows], kind="stable")]
    earlier, later = order[:-1], order[1:]
    is_same_group = group[earlier] == group[later]
    previous = np.full(len(group), -1, dtype=np.int64)
    previous[later[is_same_group]] = earlier[is_same_group]
    return previous


def _earliest_connected(size: int, links: Sequence[tuple[IntArray, IntArray]]) -> IntArray:
    """For each row the smallest row that it leads back to over any number of links.

    Rows are followed backwards only: a later row never changes what an earlier one leads to. Each pass takes the
    smallest row over one link and then jumps on to where that one leads (pointer jumping), so that a chain of n rows
    needs about log2(n) passes.

    Args:
        size: Number of rows.
        links: Arrays of earlier rows and of the later rows linked to them; negative earlier rows lie before the first
            row and don't count.
    """
    inside: list[tuple[IntArray, IntArray]] = []
    for earlier, later in links:
        exists = earlier >= 0
        inside.append((earlier[exists], later[exists]))

    first = np.arange(size)
    while True:
        nearer = first.copy()
        for earlier, later in inside:
            np.minimum.at(nearer, later, first[earlier])
        nearer = nearer[nearer]
        if np.array_equal(nearer, first):
            return first
        first = nearer
