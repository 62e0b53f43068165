"""Intervals and errors against hand-worked figures, and how often they hold what they promise."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.intervals import (
    effective_sample_size,
    hit_rate_interval,
    overlap_robust_error,
    student_t,
    wilson_interval,
)

MONDAY = np.datetime64("2024-01-08")


def weekdays(count: int, step: int = 1) -> np.ndarray:
    return np.busday_offset(MONDAY, np.arange(count) * step)


@pytest.mark.parametrize(
    ("hits", "n", "low", "high"),
    [  # worked out by hand from Wilson's formula with z = 1.96
        (8, 10, 0.4902, 0.9433),
        (0, 10, 0.0, 0.2775),
        (10, 10, 0.7225, 1.0),
        (50, 100, 0.4038, 0.5962),
        (1, 1, 0.2065, 1.0),
    ],
)
def test_wilson_by_hand(hits: int, n: int, low: float, high: float) -> None:
    assert wilson_interval(hits, n) == pytest.approx((low, high), abs=5e-5)


@given(st.integers(0, 5000), st.integers(0, 5000))
def test_wilson_holds_the_share_and_mirrors(hits: int, misses: int) -> None:
    n = hits + misses
    low, high = wilson_interval(hits, n)
    assert 0 <= low < high <= 1
    if n:
        assert low <= hits / n + 1e-12
        assert hits / n <= high + 1e-12
        assert wilson_interval(misses, n) == pytest.approx((1 - high, 1 - low), abs=1e-12)
        assert np.diff(wilson_interval(2 * hits, 2 * n))[0] < high - low


@pytest.mark.parametrize(("hits", "n"), [(-1, 5), (6, 5)])
def test_wilson_refuses_impossible_counts(hits: int, n: int) -> None:
    with pytest.raises(ValueError, match=f"hits = {hits} of n = {n}"):
        wilson_interval(hits, n)


@pytest.mark.parametrize(
    ("freedom", "point"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (9, 2.262), (29, 2.045), (1000, 1.962)],  # published tables
)
def test_student_as_in_the_tables(freedom: int, point: float) -> None:
    assert student_t(freedom) == pytest.approx(point, abs=0.004)


@given(st.lists(st.booleans(), min_size=2, max_size=80))
def test_outcomes_of_as_many_distant_days_get_wilsons_own_interval(hits: list[bool]) -> None:
    found = hit_rate_interval(np.array(hits), weekdays(len(hits), step=10), 10)
    assert found == pytest.approx(wilson_interval(sum(hits), len(hits)), abs=1e-9)


@given(st.lists(st.booleans(), min_size=3, max_size=40), st.integers(2, 10))
def test_ten_signals_of_one_day_do_not_count_as_ten(hits: list[bool], copies: int) -> None:
    days = weekdays(len(hits))
    once, many = (effective_sample_size(np.repeat(hits, each), np.repeat(days, each)) for each in (1, copies))
    assert once == pytest.approx(len(hits))
    assert many <= once + 1e-9
    if len(hits) >= 10:
        assert many >= 0.65 * once  # what Student's t takes off for as few dates as ten


@given(
    st.lists(st.tuples(st.booleans(), st.integers(0, 20)), min_size=1, max_size=60),
    st.sampled_from((1, 3, 5, 10)),
)
def test_the_interval_holds_the_rate_and_is_never_narrower_than_wilsons(
    pairs: list[tuple[bool, int]], held: int
) -> None:
    hits, days = np.array([hit for hit, _ in pairs]), weekdays(21)[[day for _, day in pairs]]
    number = effective_sample_size(hits, days, held)
    low, high = hit_rate_interval(hits, days, held)
    assert 0 < number <= len(pairs) + 1e-9
    assert low - 1e-12 <= hits.mean() <= high + 1e-12
    plain = wilson_interval(int(hits.sum()), len(hits))
    assert high - low >= plain[1] - plain[0] - 1e-9


def test_one_day_says_little_and_nothing_says_nothing() -> None:
    one_day = np.full(30, MONDAY)
    assert effective_sample_size(np.arange(30) % 2 > 0, one_day) == 1
    assert hit_rate_interval(np.arange(30) % 2 > 0, one_day) == pytest.approx(wilson_interval(0.5, 1))
    assert effective_sample_size(np.ones(30, dtype=bool), np.repeat(weekdays(3), 10)) == 3
    assert hit_rate_interval(np.array([], dtype=bool), weekdays(0)) == (0.0, 1.0)
    assert overlap_robust_error(np.array([]), weekdays(0)) is None


def test_the_error_over_overlapping_days_by_hand() -> None:
    # Residuals of three neighbouring days -1, -1, 2 (sum of squares 6). Held 3: lag 1 has 1 - 2 = -1 at weight 2/3,
    # lag 2 has -2 at 1/3, so 6 + 2 (-2/3 - 2/3) = 10/3: below 6, which therefore stands.
    values = np.array([0.0, 0.0, 3.0])
    assert overlap_robust_error(values, weekdays(3), 3) == pytest.approx(math.sqrt(3 / 2 * 6) / 3)
    # Residuals -1.5, -1.5, 1.5, 1.5 over four days, held 2: lag 1 has 2.25 - 2.25 + 2.25 at weight 1/2.
    rising = np.array([0.0, 0.0, 3.0, 3.0])
    assert overlap_robust_error(rising, weekdays(4), 2) == pytest.approx(math.sqrt(4 / 3 * (9 + 2.25)) / 4)
    # A weekend does not part them; a week does.
    assert overlap_robust_error(rising, weekdays(4, step=5), 2) == pytest.approx(math.sqrt(4 / 3 * 9) / 4)


def clustered_error(values: np.ndarray, clusters: np.ndarray) -> float | None:
    """Standard error clustered by day alone (Liang and Zeger 1986), by the formula; None below two clusters."""
    residuals = values - values.mean() if len(values) else values
    sums = [residuals[clusters == each].sum() for each in np.unique(clusters)]
    n_clusters = len(sums)
    if n_clusters < 2:
        return None
    return math.sqrt(n_clusters / (n_clusters - 1) * sum(each**2 for each in sums)) / len(values)


values_and_days = st.lists(st.tuples(st.floats(-1, 1), st.integers(0, 9)), min_size=1, max_size=60)


@given(values_and_days)
def test_held_for_one_session_it_is_the_clustered_error(pairs: list[tuple[float, int]]) -> None:
    values, days = np.array([value for value, _ in pairs]), weekdays(10)[[day for _, day in pairs]]

    assert overlap_robust_error(values, days) == pytest.approx(clustered_error(values, days), abs=1e-12)


@given(st.lists(st.floats(-1, 1), min_size=2, max_size=60))
def test_days_of_one_value_give_the_textbook_error(numbers: list[float]) -> None:
    values = np.array(numbers)
    textbook = values.std(ddof=1) / math.sqrt(len(values))

    assert overlap_robust_error(values, weekdays(len(values))) == pytest.approx(textbook, abs=1e-12)


@given(values_and_days, st.integers(2, 4))
def test_copies_within_a_day_add_no_certainty(pairs: list[tuple[float, int]], copies: int) -> None:
    values, days = np.array([value for value, _ in pairs]), weekdays(10)[[day for _, day in pairs]]
    once = overlap_robust_error(values, days)

    repeated = overlap_robust_error(np.tile(values, copies), np.tile(days, copies))

    assert repeated == (None if once is None else pytest.approx(once, abs=1e-12))


def test_clustered_error_by_hand() -> None:
    # Residuals -2, 0 | 2: sums of the days -2 and 2, so sqrt(2 x (4 + 4)) / 3.
    values, days = np.array([1.0, 3.0, 5.0]), weekdays(2)[[0, 0, 1]]

    assert overlap_robust_error(values, days) == pytest.approx(4 / 3)
    assert clustered_error(values, days) == pytest.approx(4 / 3)


@pytest.mark.parametrize(("days", "a_day", "shared"), [(60, 1, 0.0), (60, 5, 0.0), (60, 5, 0.6), (25, 10, 0.9)])
def test_ninety_five_percent_is_about_what_it_holds(days: int, a_day: int, shared: float) -> None:
    """Outcomes that share a day's luck: Wilson's own interval fails where ours holds."""
    random = np.random.default_rng(7)
    entry = np.repeat(weekdays(days), a_day)
    ours = plain = 0
    for _ in range(300):
        luck = np.where(random.random((days, a_day)) < shared, random.random((days, 1)), random.random((days, a_day)))
        hits = (luck < 0.5).ravel()
        low, high = hit_rate_interval(hits, entry)
        ours += low <= 0.5 <= high
        low, high = wilson_interval(int(hits.sum()), len(hits))
        plain += low <= 0.5 <= high
    assert ours / 300 >= 0.92
    if shared:
        assert plain < ours - 30


@settings(max_examples=30)
@given(st.integers(3, 60), st.integers(1, 4))
def test_independent_days_are_worth_their_number(days: int, a_day: int) -> None:
    hits = np.random.default_rng(days).random(days * a_day) < 0.5
    number = effective_sample_size(hits, np.repeat(weekdays(days), a_day))
    assert number <= days * a_day + 1e-9
