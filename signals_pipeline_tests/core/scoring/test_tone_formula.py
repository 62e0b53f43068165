"""The tone of a company: monotone in every weight, additive, and exact without a story."""

import math

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import assume, given, settings

from signals_pipeline.core.scoring.tone_formula import CompanyTone, company_tone, shrunk_tone

WEIGHTS = st.floats(1e-6, 2)
SCORES = st.floats(-1, 1)
STORIES = st.lists(st.tuples(WEIGHTS, SCORES), min_size=1, max_size=30)


def tone_of(stories: list[tuple[float, float]]) -> CompanyTone:
    """The tone of one company from weights and scores of its stories."""
    weight = np.array([weight for weight, _ in stories], dtype=np.float64)
    score = np.array([score for _, score in stories], dtype=np.float64)
    return company_tone(np.zeros(len(stories), dtype=np.int64), weight, weight * score, 1)


def test_one_fresh_and_certain_story_keeps_two_thirds_of_its_tone() -> None:
    assert tone_of([(1.0, 0.9)]).tone.tolist() == pytest.approx([0.6])


def test_no_story_is_no_tone() -> None:
    nothing = np.zeros(0)
    assert company_tone(np.zeros(0, dtype=np.int64), nothing, nothing, 2).tone.tolist() == [0, 0]
    assert shrunk_tone(0.0, 0.0) == 0


@settings(max_examples=100, deadline=None)
@given(WEIGHTS, WEIGHTS, SCORES.filter(lambda score: abs(score) > 1e-6))
def test_one_story_of_less_weight_has_strictly_less_tone(first: float, second: float, score: float) -> None:
    less, more = sorted((first, second))
    assume(more > less * (1 + 1e-9))
    assert abs(tone_of([(less, score)]).tone[0]) < abs(tone_of([(more, score)]).tone[0])


@settings(max_examples=100, deadline=None)
@given(STORIES, st.integers(0, 29), st.floats(0, 1))
def test_tone_moves_towards_a_story_of_more_weight(stories: list[tuple[float, float]], place: int, more: float) -> None:
    place %= len(stories)
    weight, score = stories[place]
    heavier = [*stories[:place], (weight + more, score), *stories[place + 1 :]]
    before = float(tone_of(stories).tone[0])
    after = float(tone_of(heavier).tone[0])
    # dS/dA_k = (s_k - S) / (KAPPA + sum A): towards s_k, and never past it.
    if score >= before:
        assert before - 1e-12 <= after <= score + 1e-12
    else:
        assert score - 1e-12 <= after <= before + 1e-12


@settings(max_examples=100, deadline=None)
@given(STORIES)
def test_what_the_stories_add_sums_to_the_tone(stories: list[tuple[float, float]]) -> None:
    tone = tone_of(stories)
    assert math.fsum(tone.contribution) == pytest.approx(tone.tone[0], rel=0, abs=1e-12)
    assert abs(tone.tone[0]) <= 1


@settings(max_examples=100, deadline=None)
@given(STORIES)
def test_the_tone_without_a_story_is_that_of_the_others(stories: list[tuple[float, float]]) -> None:
    tone = tone_of(stories)
    for place in range(len(stories)):
        others = [*stories[:place], *stories[place + 1 :]]
        expected = float(tone_of(others).tone[0])
        assert tone.without[place] == pytest.approx(expected, rel=0, abs=1e-12)


def test_without_its_only_story_a_company_has_no_tone_at_all() -> None:
    assert tone_of([(0.3, 0.7)]).without.tolist() == [0.0]


@settings(max_examples=50, deadline=None)
@given(STORIES, STORIES)
def test_a_company_s_tone_does_not_depend_on_the_others(
    first: list[tuple[float, float]], second: list[tuple[float, float]]
) -> None:
    both = [*first, *second]
    company = np.array([0] * len(first) + [1] * len(second), dtype=np.int64)
    weight = np.array([weight for weight, _ in both])
    score = np.array([score for _, score in both])
    together = company_tone(company, weight, weight * score, 2)
    assert together.tone.tolist() == [tone_of(first).tone[0], tone_of(second).tone[0]]
