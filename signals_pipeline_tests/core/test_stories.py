"""When two headlines tell one story."""

import csv
from itertools import combinations
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from signals_pipeline.core.stories import SIMILAR, STORY_HOURS, fingerprint, similarity, tellings

PAIRS = Path(__file__).parent.parent / "data" / "story_pairs.csv"
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
    with PAIRS.open(newline="") as file:
        pairs = list(csv.DictReader(file))
    alike = [similarity(fingerprint(row["first"]), fingerprint(row["second"])) >= SIMILAR for row in pairs]
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
    assert similarity(fingerprint(one), fingerprint(other)) == 1.0


def test_numbers_and_short_words_stay_whole() -> None:
    assert fingerprint("Up 3.5% to $1.2bn, boss") == {"3.5%", "1.2bn", "boss"}
    assert fingerprint("Bus ties") == {"bus", "tie"}


@pytest.mark.parametrize("text", ["The of and", "🚀🚀", "..."])
def test_a_text_without_words_tells_its_own_story(text: str) -> None:
    assert similarity(fingerprint(text), fingerprint(text)) == 1.0
    assert similarity(fingerprint(text), fingerprint("Apple falls")) == 0.0


@given(TEXTS, TEXTS)
def test_similarity_is_symmetric_and_bounded(one: str, other: str) -> None:
    first, second = fingerprint(one), fingerprint(other)
    assert 0 <= similarity(first, second) == similarity(second, first) <= 1


@given(st.lists(st.tuples(st.sampled_from("AB"), TEXTS, st.integers(0, 200)), max_size=16))
@settings(max_examples=100, deadline=None)
def test_the_index_finds_exactly_the_pairs_of_a_full_comparison(rows: list[tuple[str, str, int]]) -> None:
    rows = sorted(rows, key=lambda row: row[2])
    symbols, texts = [row[0] for row in rows], [row[1] for row in rows]
    expected = [
        (i, j)
        for i, j in combinations(range(len(rows)), 2)
        if symbols[i] == symbols[j]
        and rows[j][2] - rows[i][2] <= STORY_HOURS
        and similarity(fingerprint(texts[i]), fingerprint(texts[j])) >= SIMILAR
    ]
    earlier, later = tellings(symbols, texts, np.array([row[2] * HOUR for row in rows], dtype=np.int64))
    assert sorted(zip(earlier.tolist(), later.tolist(), strict=True)) == sorted(expected)
    assert later.tolist() == sorted(later.tolist())


def test_a_template_is_compared_with_its_newest_tellings_only() -> None:
    count = 200
    texts = [f"Company files form with the commission number {number}" for number in range(count)]
    earlier, later = tellings(["A"] * count, texts, np.arange(count, dtype=np.int64))
    assert len(later) < count * 17
    assert set(later.tolist()) == set(range(1, count))
    assert (later - earlier).max() == 16
