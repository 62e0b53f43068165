"""When two headlines belong to one story."""

from itertools import combinations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from signals_pipeline.core.news.stories import MIN_SIMILARITY, STORY_HOURS, duplicate_pairs, fingerprint, jaccard_index
from signals_pipeline_tests.support.labelled_data import b_cubed, rows

HOUR = 3_600_000_000  # microseconds
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
    "cars",
    "ford",
    "raises",
    "the",
    "of",
]
TEXTS = st.lists(st.sampled_from(VOCABULARY), min_size=1, max_size=7).map(" ".join)


def are_similar(first: str, second: str) -> bool:
    return jaccard_index(fingerprint(first), fingerprint(second)) >= MIN_SIMILARITY


def test_labelled_pairs_are_distinguished() -> None:
    pairs = rows("story_pairs.csv")
    expected = [row["same_story"] == "1" for row in pairs]

    similar = [are_similar(row["first"], row["second"]) for row in pairs]

    hits = sum(both == (True, True) for both in zip(similar, expected, strict=True))
    assert len(pairs) >= 120
    assert hits / sum(similar) >= 0.85
    assert hits / sum(expected) >= 0.60


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("Apple's iPhone sales rise", "apple iphone sale rises"),
        ("Ford recalled 1,000 cars", "Ford recalls 1000 car"),
        ("The companies", "a company"),
        ("Ford is recalling a car", "Ford recalls cars"),
    ],
)
def test_endings_and_stop_words_do_not_matter(first: str, second: str) -> None:
    assert jaccard_index(fingerprint(first), fingerprint(second)) == 1.0


def test_numbers_and_short_words_stay_whole() -> None:
    assert fingerprint("Up 3.5% to $1.2bn, boss") == {"3.5%", "1.2bn", "boss"}
    assert fingerprint("Bus ties") == {"bus", "tie"}


@pytest.mark.parametrize("text", ["The of and", "🚀🚀", "..."])
def test_a_text_without_words_is_a_story_of_its_own(text: str) -> None:
    assert jaccard_index(fingerprint(text), fingerprint(text)) == 1.0
    assert jaccard_index(fingerprint(text), fingerprint("Apple falls")) == 0.0


@given(TEXTS, TEXTS)
def test_similarity_is_symmetric_and_bounded(first: str, second: str) -> None:
    there = jaccard_index(fingerprint(first), fingerprint(second))
    back = jaccard_index(fingerprint(second), fingerprint(first))

    assert 0 <= there == back <= 1


@given(st.lists(st.tuples(st.sampled_from("AB"), TEXTS, st.integers(0, 200)), max_size=8))
@settings(max_examples=100, deadline=None)
def test_a_few_rows_are_all_compared(reports: list[tuple[str, str, int]]) -> None:
    reports = sorted(reports, key=lambda row: row[2])
    symbols = [symbol for symbol, _, _ in reports]
    texts = [text for _, text, _ in reports]
    hours = [hour for _, _, hour in reports]
    known = np.array([hour * HOUR for hour in hours], dtype=np.int64)

    earlier, later = duplicate_pairs(symbols, texts, known)

    expected = []
    for first, second in combinations(range(len(reports)), 2):
        same_company = symbols[first] == symbols[second]
        in_reach = hours[second] - hours[first] <= STORY_HOURS
        if same_company and in_reach and are_similar(texts[first], texts[second]):
            expected.append((first, second))
    assert sorted(zip(earlier.tolist(), later.tolist(), strict=True)) == sorted(expected)
    assert later.tolist() == sorted(later.tolist())


def test_a_template_is_compared_with_its_newest_rows_only() -> None:
    count = 200
    texts = [f"Company files form with the commission number {number}" for number in range(count)]

    earlier, later = duplicate_pairs(["A"] * count, texts, np.arange(count, dtype=np.int64))

    assert set(later.tolist()) == set(range(1, count))
    assert (later - earlier).max() == 8


@given(st.lists(st.tuples(st.sampled_from("AB"), TEXTS), max_size=40), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_later_rows_change_no_earlier_pair(reports: list[tuple[str, str]], cut: int) -> None:
    symbols, texts = [row[0] for row in reports], [row[1] for row in reports]
    known = np.arange(len(reports), dtype=np.int64)

    earlier, later = duplicate_pairs(symbols, texts, known)
    first_earlier, first_later = duplicate_pairs(symbols[:cut], texts[:cut], known[:cut])

    assert first_earlier.tolist() == earlier[later < cut].tolist()
    assert first_later.tolist() == later[later < cut].tolist()


def test_labelled_windows_become_their_stories() -> None:
    labelled = rows("story_clusters.csv")

    precision, recall, f1 = b_cubed(labelled, are_similar)
    _, _, f1_by_title = b_cubed(labelled, lambda first, second: first.casefold() == second.casefold())

    assert len(labelled) >= 250
    assert precision >= 0.98
    assert recall >= 0.86
    assert f1 > f1_by_title
