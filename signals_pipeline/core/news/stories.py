"""Stories: headlines of one company that report the same event, which of them came first, and the position of each.

Everything here looks backwards only: a headline's story and its position depend on earlier headlines alone, so that
news that comes in later changes no number of an earlier digest. The rows of the evidence are put together in
`core.news.evidence`, pairs of headlines are judged in `core.news.event_similarity`; how well stories are found is
measured by `benchmarks.stories` (docs/linking.md).
"""

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from signals_pipeline.core.arrays import BoolArray, FloatArray, IntArray
from signals_pipeline.core.news.event_similarity import (
    EventWords,
    event_words,
    own_words,
    same_event_probability,
    token_weight,
)
from signals_pipeline.core.watchlist import Watchlist

# Headlines further apart than this are not compared, and a window looks back this far for the stories it continues.
STORY_HOURS = 72

# Each repetition of a story counts half as much as the one before it: novelty = 0.5 ** member.
NOVELTY = 0.5

# Probability from which on two headlines report one event. On the held-out labelled pairs it has precision 0.93 and
# recall 0.78; 0.5 has 0.88 and 0.86, 0.8 has 0.97 and 0.63 (docs/linking.md).
SAME_EVENT = 0.65

# So that a story does not run on from headline to headline, a new member of a story of several agrees with one of them
# this surely, or with a second one at least this much. Pairs below the latter decide nothing and are left out.
_CERTAIN = 0.85
_SECOND = 0.4

# Earlier rows looked up per word: enough to find a story, and the time stays linear in the rows.
_NEWEST = 8

# Pairs that share less than this part of the lighter headline's weight, by the words looked up, are not judged.
_MINIMUM_SHARED = 0.25

_MICROSECONDS_PER_HOUR = 3_600_000_000
_REACH = STORY_HOURS * _MICROSECONDS_PER_HOUR

_NO_WORDS: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False, slots=True)
class EventPairs:
    """Pairs of rows that may report one event, sorted by the later row and then by the earlier one.

    Attributes:
        earlier: Earlier rows, shape (pairs,).
        later: Later rows, shape (pairs,).
        probability: How likely the two report one event, in [0, 1], shape (pairs,).
    """

    earlier: IntArray
    later: IntArray
    probability: FloatArray


def own_words_by_symbol(watchlist: Watchlist) -> dict[str, frozenset[str]]:
    """The words that name each company and so say nothing about its events."""
    return {company.symbol: own_words(company) for company in watchlist}


def event_pairs(
    symbols: Sequence[str],
    texts: Sequence[str],
    known_at: IntArray,
    own: Mapping[str, frozenset[str]],
) -> EventPairs:
    """Find pairs of rows of one company within 72 h that may report one event.

    A row is compared with the newest rows of its company that share a word with it, `_NEWEST` per word: the time is
    linear in rows, and which rows are compared depends on earlier rows alone.

    Args:
        symbols: Company of each row.
        texts: Text of each row.
        known_at: Instant of each row, microseconds, ascending, shape (rows,).
        own: `own_words_by_symbol`.
    """
    # Equal texts of one company are read once.
    read: dict[tuple[str, str], EventWords] = {}
    words: list[EventWords] = []
    for symbol, text in zip(symbols, texts, strict=True):
        key = symbol, text
        if key not in read:
            read[key] = event_words(text, own.get(symbol, _NO_WORDS))
        words.append(read[key])

    # Per company, an inverted index from each word to the newest rows that have it.
    index: dict[str, dict[str, deque[int]]] = defaultdict(_new_company_index)
    instants: list[int] = known_at.tolist()
    earlier: list[int] = []
    later: list[int] = []
    probabilities: list[float] = []
    for row, (symbol, headline) in enumerate(zip(symbols, words, strict=True)):
        rows_by_word = index[symbol]
        for candidate in _candidates(headline, rows_by_word, words):
            distance = instants[row] - instants[candidate]
            if distance > _REACH:
                continue
            probability = same_event_probability(words[candidate], headline, distance / _MICROSECONDS_PER_HOUR)
            if probability >= _SECOND:
                earlier.append(candidate)
                later.append(row)
                probabilities.append(probability)
        # Only now enter the row itself, so that it is not compared with itself.
        for word in headline.lookup:
            rows_by_word[word].append(row)
    return EventPairs(
        earlier=np.array(earlier, dtype=np.int64),
        later=np.array(later, dtype=np.int64),
        probability=np.array(probabilities, dtype=np.float64),
    )


def _candidates(
    headline: EventWords,
    rows_by_word: Mapping[str, deque[int]],
    words: Sequence[EventWords],
) -> list[int]:
    """The earlier rows worth judging, ascending: those that share enough weight, and all that report results too."""
    shared_weight: dict[int, float] = defaultdict(float)
    for word in headline.lookup:
        weight = token_weight(word)
        for candidate in rows_by_word[word]:
            shared_weight[candidate] += weight
    chosen: list[int] = []
    for candidate, weight in shared_weight.items():
        other = words[candidate]
        is_alike = weight >= _MINIMUM_SHARED * min(headline.weight, other.weight)
        if is_alike or (headline.is_results and other.is_results):
            chosen.append(candidate)
    return sorted(chosen)


def _support(probabilities: Iterable[float], size: int) -> float:
    """How surely a headline belongs to a story: its best pair with a member, 0 where no second member bears it out.

    Args:
        probabilities: Those of its pairs with the story's members; at least one.
        size: Members of the story.
    """
    best, *others = sorted(probabilities, reverse=True)
    second = others[0] if others else 0.0
    is_borne_out = size == 1 or best >= _CERTAIN or second >= _SECOND
    return best if is_borne_out else 0.0


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
    and how likely pairs report one event. A window then looks at its rows [low, high) only, as if there were no others.

    Args:
        linked: Columns headline_id, text, text_hash, url, symbol, relevance, known_at; sorted by known_at and then by
            content, so that the order does not depend on how the rows arrived.
        watchlist: The companies; their names say nothing about their events.
    """

    def __init__(self, linked: pd.DataFrame, watchlist: Watchlist) -> None:
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

        # Pairs among the rows that are about a company.
        rows = np.flatnonzero(self._relevant)
        symbols = linked["symbol"].iloc[rows].tolist()
        texts = linked["text"].iloc[rows].tolist()
        pairs = event_pairs(symbols, texts, self._known_at[rows], own_words_by_symbol(watchlist))
        self._earlier, self._later, self._probability = rows[pairs.earlier], rows[pairs.later], pairs.probability

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
        """For each chosen row the first row of its story, itself where it begins one, counted from low.

        A row joins the story that it agrees with best, if it agrees well enough; the older one of equals.
        """
        # The pairs of this window; a copy that was not chosen stands for the row chosen in its place.
        first, last = np.searchsorted(self._later, [low, high])
        earlier = self._earlier[first:last] - low
        later = self._later[first:last] - low
        counts = (earlier >= 0) & is_chosen[later]
        pairs = zip(
            chosen_row[earlier[counts]].tolist(),
            later[counts].tolist(),
            self._probability[first:last][counts].tolist(),
            strict=True,
        )
        best_by_row: dict[int, dict[int, float]] = defaultdict(dict)
        for member, row, probability in pairs:
            best_by_row[row][member] = max(probability, best_by_row[row].get(member, 0.0))

        # Row by row, oldest first.
        story: list[int] = list(range(high - low))
        sizes: dict[int, int] = {}
        for row, probability_by_member in best_by_row.items():
            by_story: dict[int, list[float]] = defaultdict(list)
            for member, probability in probability_by_member.items():
                by_story[story[member]].append(probability)
            support = {start: _support(values, sizes.get(start, 1)) for start, values in by_story.items()}
            start = min(support, key=lambda candidate: (-support[candidate], candidate))
            if support[start] >= SAME_EVENT:
                story[row] = start
                sizes[start] = sizes.get(start, 1) + 1
        return np.array(story, dtype=np.int64)


def _new_company_index() -> dict[str, deque[int]]:
    """From each word to the newest rows that have it."""
    return defaultdict(_new_posting_list)


def _new_posting_list() -> deque[int]:
    return deque(maxlen=_NEWEST)


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
