"""When two headlines belong to one story."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from signals_pipeline.core.news.event_similarity import event_words, own_words, same_event_probability
from signals_pipeline.core.news.stories import SAME_EVENT, STORY_HOURS, event_pairs
from signals_pipeline.core.watchlist import Company
from signals_pipeline_tests.support.labelled_data import b_cubed, labelled_pairs, rows

HOUR = 3_600_000_000  # microseconds
FORD = Company("F", "Ford Motor Company", ("Ford Motor",), ("Ford",))
VOCABULARY = [
    "apple",
    "shares",
    "fall",
    "3%",
    "4%",
    "after",
    "earnings",
    "miss",
    "recall",
    "Explorer",
    "ford",
    "raises",
    "the",
    "of",
]
TEXTS = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=7).map(" ".join)


def probability(first: str, second: str, hours: float = 2.0) -> float:
    own = own_words(FORD)
    return same_event_probability(event_words(first, own), event_words(second, own), hours)


def test_held_out_pairs_are_distinguished() -> None:
    pairs = labelled_pairs("held_out")

    found = [pair.probability >= SAME_EVENT for pair in pairs]

    hits = sum(both == (True, True) for both in zip(found, (pair.same for pair in pairs), strict=True))
    assert len(rows("story_pairs.csv")) >= 400
    assert hits / sum(found) >= 0.92
    assert hits / sum(pair.same for pair in pairs) >= 0.75


def test_labelled_windows_become_their_stories() -> None:
    labelled = rows("story_clusters.csv")

    precision, recall, _ = b_cubed(labelled)

    assert len(labelled) >= 250
    assert precision >= 0.95
    assert recall >= 0.82


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Ford to buy Rivian for $16.7 billion", "Ford acquires electric truck maker Rivian in $16.7B deal"),
        ("Ford first-quarter profit beats estimates", "Ford Motor (F) Q1 Earnings Top Estimates"),
        ("Ford recalls 1,000 Explorers over brakes", "Explorer recall: Ford finds brake fault"),
        ("Ford names Kumar Galhotra chief executive", "Who is Kumar Galhotra, Ford's next CEO?"),
        ("Ford shares slump 5% after Rivian deal", "Ford to buy Rivian for $16.7 billion"),
    ],
)
def test_reports_of_one_event_are_one_story(first: str, second: str) -> None:
    assert probability(first, second) >= SAME_EVENT


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Citi raises Ford price target to $14", "Barclays lifts Ford price target to $13"),
        ("What to expect from Ford's Q1 earnings", "Ford Q1 earnings beat estimates"),
        ("Is Ford stock a buy now?", "Should you sell Ford stock?"),
        ("Ford recalls 1,000 Explorers over brakes", "Ford opens battery plant in Kentucky"),
        ("Ford shares rise as Rivian soars", "Ford shares fall on recall of Explorers"),
        ("Jim Cramer says Ford has lost its way", "Jim Cramer on Ford: Farley is a bull"),
    ],
)
def test_different_events_are_different_stories(first: str, second: str) -> None:
    assert probability(first, second) < SAME_EVENT


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Ford's Explorer prices rise", "ford explorer price rises"),
        ("Ford recalled 1,000 Explorers", "Ford recalls 1000 Explorer"),
        ("Ford to buy Rivian for $16.7 billion", "Ford buys Rivian: $16.71B"),
        ("Ford posts first-quarter loss", "FORD POSTS Q1 LOSS"),
    ],
)
def test_endings_stop_words_and_the_way_a_number_is_written_do_not_matter(first: str, second: str) -> None:
    own = own_words(FORD)
    assert event_words(first, own).tokens == event_words(second, own).tokens
    assert probability(first, second) == 1.0


@pytest.mark.parametrize("text", ["The of and", "🚀🚀", "..."])
def test_a_text_without_words_is_a_story_of_its_own(text: str) -> None:
    assert probability(text, text) == 1.0
    assert probability(text, "Ford recalls Explorers") < SAME_EVENT


def test_a_companys_own_names_are_no_evidence_and_its_products_are() -> None:
    citigroup = Company("C", "Citigroup Inc.", ("Citi", "Banamex"))

    assert own_words(citigroup) == {"citigroup", "citi", "c"}


@given(TEXTS, TEXTS, st.floats(0, 72))
def test_probability_is_symmetric_and_bounded(first: str, second: str, hours: float) -> None:
    there = probability(first, second, hours)
    back = probability(second, first, hours)

    assert 0 <= there <= 1
    assert there == pytest.approx(back, abs=1e-12)


@given(TEXTS, TEXTS, st.floats(0, 72), st.floats(0, 72))
def test_further_apart_is_never_likelier(first: str, second: str, hours: float, other_hours: float) -> None:
    nearer, further = sorted((hours, other_hours))
    assert probability(first, second, further) <= probability(first, second, nearer) + 1e-12


@given(st.lists(st.tuples(st.sampled_from("AB"), TEXTS, st.integers(0, 200)), max_size=8))
@settings(max_examples=100, deadline=None)
def test_pairs_are_of_one_company_within_reach(reports: list[tuple[str, str, int]]) -> None:
    reports = sorted(reports, key=lambda row: row[2])
    symbols = [symbol for symbol, _, _ in reports]
    texts = [text for _, text, _ in reports]
    hours = [hour for _, _, hour in reports]
    known = np.array([hour * HOUR for hour in hours], dtype=np.int64)

    pairs = event_pairs(symbols, texts, known, {})

    for earlier, later, likelihood in zip(pairs.earlier, pairs.later, pairs.probability, strict=True):
        assert earlier < later
        assert symbols[earlier] == symbols[later]
        assert 0 <= hours[later] - hours[earlier] <= STORY_HOURS
        assert 0 < likelihood <= 1
    assert pairs.later.tolist() == sorted(pairs.later.tolist())


@given(st.lists(st.tuples(st.sampled_from("AB"), TEXTS), max_size=8))
@settings(max_examples=60, deadline=None)
def test_equal_texts_are_always_found(reports: list[tuple[str, str]]) -> None:
    symbols, texts = [row[0] for row in reports], [row[1] for row in reports]

    pairs = event_pairs(symbols, texts, np.arange(len(reports), dtype=np.int64), {})

    found = set(zip(pairs.earlier.tolist(), pairs.later.tolist(), strict=True))
    for later, report in enumerate(reports):
        for earlier in range(later):
            if reports[earlier] == report:
                assert (earlier, later) in found


def test_a_template_is_compared_with_its_newest_rows_only() -> None:
    count = 200
    texts = [f"Company files form with the commission number {number}" for number in range(count)]

    pairs = event_pairs(["A"] * count, texts, np.arange(count, dtype=np.int64), {})

    assert set(pairs.later.tolist()) == set(range(1, count))
    assert (pairs.later - pairs.earlier).max() == 8


@given(st.lists(st.tuples(st.sampled_from("AB"), TEXTS), max_size=40), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_later_rows_change_no_earlier_pair(reports: list[tuple[str, str]], cut: int) -> None:
    symbols, texts = [row[0] for row in reports], [row[1] for row in reports]
    known = np.arange(len(reports), dtype=np.int64)

    pairs = event_pairs(symbols, texts, known, {})
    first_pairs = event_pairs(symbols[:cut], texts[:cut], known[:cut], {})

    is_early = pairs.later < cut
    assert first_pairs.earlier.tolist() == pairs.earlier[is_early].tolist()
    assert first_pairs.later.tolist() == pairs.later[is_early].tolist()
    assert first_pairs.probability.tolist() == pairs.probability[is_early].tolist()
