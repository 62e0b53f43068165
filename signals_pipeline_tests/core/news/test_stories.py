"""When two headlines tell one story."""

from itertools import combinations

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from signals_pipeline.core.news.stories import MIN_SIMILARITY, STORY_HOURS, duplicate_pairs, fingerprint, jaccard_index
from signals_pipeline_tests.support.gold import b_cubed, rows

HOUR = 3_600_000_000
WORDS = st.sampled_from(
    (
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
    )
)
TEXTS = st.lists(WORDS, min_size=1, max_size=7).map(" ".join)


def test_labelled_pairs_are_told_apart() -> None:
    pairs = rows("story_pairs.csv")
    alike = [jaccard_index(fingerprint(row["first"]), fingerprint(row["second"])) >= MIN_SIMILARITY for row in pairs]
    same = [row["same_story"] == "1" for row in pairs]
    hits = sum(one and other for one, other in zip(alike, same, strict=True))
    assert len(pairs) >= 120
    assert hits / sum(alike) >= 0.85
    assert hits / sum(same) >= 0.60


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Apple's iPhone sales rise", "apple iphone sale rises"),
        ("Ford recalled 1,000 cars", "Ford recalls 1000 car"),
        ("The companies", "a company"),
        ("Ford is recalling a car", "Ford recalls cars"),
    ],
)
def test_endings_and_stop_words_do_not_matter(one: str, other: str) -> None:
    assert jaccard_index(fingerprint(one), fingerprint(other)) == 1.0


def test_numbers_and_short_words_stay_whole() -> None:
    assert fingerprint("Up 3.5% to $1.2bn, boss") == {"3.5%", "1.2bn", "boss"}
    assert fingerprint("Bus ties") == {"bus", "tie"}


@pytest.mark.parametrize("text", ["The of and", "🚀🚀", "..."])
def test_a_text_without_words_tells_its_own_story(text: str) -> None:
    assert jaccard_index(fingerprint(text), fingerprint(text)) == 1.0
    assert jaccard_index(fingerprint(text), fingerprint("Apple falls")) == 0.0


@given(TEXTS, TEXTS)
def test_similarity_is_symmetric_and_bounded(one: str, other: str) -> None:
    first, second = fingerprint(one), fingerprint(other)
    assert 0 <= jaccard_index(first, second) == jaccard_index(second, first) <= 1


@given(st.lists(st.tuples(st.sampled_from("AB"), TEXTS, st.integers(0, 200)), max_size=8))
@settings(max_examples=100, deadline=None)
def test_a_few_rows_are_all_compared(told: list[tuple[str, str, int]]) -> None:
    told = sorted(told, key=lambda row: row[2])
    symbols, texts = [row[0] for row in told], [row[1] for row in told]
    expected = [
        (i, j)
        for i, j in combinations(range(len(told)), 2)
        if symbols[i] == symbols[j]
        and told[j][2] - told[i][2] <= STORY_HOURS
        and jaccard_index(fingerprint(texts[i]), fingerprint(texts[j])) >= MIN_SIMILARITY
    ]
    earlier, later = duplicate_pairs(symbols, texts, np.array([row[2] * HOUR for row in told], dtype=np.int64))
    assert sorted(zip(earlier.tolist(), later.tolist(), strict=True)) == sorted(expected)
    assert later.tolist() == sorted(later.tolist())


def test_a_template_is_compared_with_its_newest_tellings_only() -> None:
    count = 200
    texts = [f"Company files form with the commission number {number}" for number in range(count)]
    earlier, later = duplicate_pairs(["A"] * count, texts, np.arange(count, dtype=np.int64))
    assert set(later.tolist()) == set(range(1, count))
    assert (later - earlier).max() == 8


@given(st.lists(st.tuples(st.sampled_from("AB"), TEXTS), max_size=40), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_later_rows_change_no_earlier_pair(told: list[tuple[str, str]], cut: int) -> None:
    symbols, texts = [row[0] for row in told], [row[1] for row in told]
    known = np.arange(len(told), dtype=np.int64)
    earlier, later = duplicate_pairs(symbols, texts, known)
    first_earlier, first_later = duplicate_pairs(symbols[:cut], texts[:cut], known[:cut])
    assert first_earlier.tolist() == earlier[later < cut].tolist()
    assert first_later.tolist() == later[later < cut].tolist()


def test_labelled_windows_become_their_stories() -> None:
    told = rows("story_clusters.csv")

    def alike(one: str, other: str) -> bool:
        return jaccard_index(fingerprint(one), fingerprint(other)) >= MIN_SIMILARITY

    precision, recall, f1 = b_cubed(told, alike)
    _, _, by_title = b_cubed(told, lambda one, other: one.casefold() == other.casefold())
    assert len(told) >= 250
    assert precision >= 0.98
    assert recall >= 0.86
    assert f1 > by_title
