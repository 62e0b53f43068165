"""Cuts of a record: what each holds, and that looking often enough finds nothing where there is nothing."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.record.slices import (
    DIMENSIONS,
    EARNINGS,
    NO_STORY,
    NOT_RECORDED,
    discoveries,
    publisher_of,
    reaction_of,
    reports_while_held,
    slice_record,
)
from signals_pipeline_tests.support.digest_examples import component, outcome_rows, story


def test_the_publisher_is_that_of_the_first_story() -> None:
    parts = [story(1, 0.4, 0.1, source="First Wire"), story(2, 0.2, 0.1), component("rsi", 0.1)]
    assert publisher_of(json.dumps(parts)) == "First Wire"
    assert publisher_of(json.dumps([component("rsi", 0.1)])) == NO_STORY


@pytest.mark.parametrize(
    ("chances", "found"),
    [
        # Benjamini and Hochberg's own example, table 1 of 1995: at 5% the four smallest of fifteen are discoveries.
        (
            [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528,
             0.7590, 1.0],
            4,
        ),
        ([0.04, None, 0.9], 0),
        ([0.02, None, None, 0.9], 1),
        ([None], 0),
        ([], 0),
    ],
)  # fmt: skip
def test_discoveries_by_hand(chances: list[float | None], found: int) -> None:
    marks = discoveries(chances, 0.05)
    assert sum(marks) == found
    assert marks == sorted(marks, reverse=True)


@given(st.lists(st.floats(0, 1), max_size=30))
def test_discoveries_are_the_smallest_whatever_the_order(chances: list[float]) -> None:
    marks = discoveries(chances, 0.05)
    taken = [each for each, mark in zip(chances, marks, strict=True) if mark]
    left = [each for each, mark in zip(chances, marks, strict=True) if not mark]
    assert max(taken, default=0) <= min(left, default=1)
    assert sum(marks) <= sum(each <= 0.05 for each in chances)
    assert discoveries(chances[::-1], 0.05) == marks[::-1]


@pytest.mark.parametrize(
    ("reaction", "signal_type", "event", "expected"),
    [
        (-1.2, "SELL", "results", "already moved"),
        (1.2, "SELL", "results", "not moved"),
        (0.3, "BUY", "legal", "not moved"),
        (None, "BUY", "legal", "no session since"),
        (math.nan, "BUY", "legal", "no session since"),
        (None, "BUY", None, NOT_RECORDED),
        (math.nan, "BUY", "", NOT_RECORDED),
    ],
)
def test_the_reaction_in_words(reaction: float | None, signal_type: str, event: str | None, expected: str) -> None:
    assert reaction_of(reaction, signal_type, event) == expected


def cut_rows(seed: int, count: int) -> pd.DataFrame:
    rows = outcome_rows(count)
    random = np.random.default_rng(seed)
    hit = random.random(len(rows)) < 0.5
    return rows.assign(
        hit=hit,
        net_return=np.where(hit, 0.01, -0.01),
        symbol=random.choice(["AAA", "BBB", "CCC", "DDD"], len(rows)),
        publisher=random.choice(["Wire", "Blog"], len(rows)),
        event=random.choice(["results", "legal"], len(rows)),
        reaction=random.choice(["already moved", "not moved"], len(rows)),
        earnings=random.choice([reports_while_held(each) for each in (True, False, None)], len(rows)),
        model="compact",
    )


def test_every_dimension_is_cut_and_the_largest_come_first() -> None:
    rows = cut_rows(1, 100)
    found = slice_record(rows, 5)
    for dimension in DIMENSIONS:
        counts = [each.line.n for each in found.slices if each.dimension == dimension]
        assert sum(counts) == 100
        assert counts == sorted(counts, reverse=True)
    assert found.remark == (
        f"{len(found.slices)} slices, {sum(each.line.enough for each in found.slices)} of them with 30 "
        "outcomes or more; different from the base rate at a false discovery rate of 5%: none"
    )
    small = next(each for each in found.slices if not each.line.enough)
    assert (small.p, small.different) == (None, False)
    assert "too few" in small.text


def test_without_a_calendar_reports_while_held_are_no_dimension() -> None:
    rows = cut_rows(1, 100).assign(earnings=reports_while_held(None))
    assert EARNINGS not in {each.dimension for each in slice_record(rows, 5).slices}
    rows.loc[rows.index[:8], "earnings"] = reports_while_held(True)
    cut = {each.line.label: each.line.n for each in slice_record(rows, 5).slices if each.dimension == EARNINGS}
    assert cut == {"unknown": 98, "report while held": 2}


def test_over_seeds_slices_without_a_difference_are_hardly_ever_called_different() -> None:
    called = sum(any(each.different for each in slice_record(cut_rows(seed, 100), 1).slices) for seed in range(10))
    assert called <= 2


def test_a_slice_that_differs_is_called_so() -> None:
    rows = cut_rows(2, 150)
    good = rows["publisher"] == "Wire"
    hit = rows["hit"] | (good & (np.random.default_rng(0).random(len(rows)) < 0.8))
    found = slice_record(rows.assign(hit=hit), 1)
    named = {each.line.label: each for each in found.slices}
    assert named["Wire"].different
    assert not named["Blog"].different
    assert named["Wire"].text.endswith("; differs from its base rate")
    assert "Wire" in found.remark


def test_few_days_judge_nothing() -> None:
    rows = cut_rows(3, 60)
    crowded = slice_record(rows.assign(entry_session=rows["entry_session"].dt.floor("30D")), 1)
    assert all(each.p is None for each in crowded.slices)
    always = slice_record(rows.assign(hit=True, base_rate=1.0), 1)
    assert all(each.p is None for each in always.slices)
    assert slice_record(rows.iloc[:0], 1).slices == ()
