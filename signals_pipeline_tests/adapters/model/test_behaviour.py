"""What the compact model makes of titles written by hand: the floors below which a new model must not fall."""

import random

import pytest

from benchmarks.behaviour import REWRITES, SEED, labels
from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import EVENT_LABELS
from signals_pipeline.adapters.model.inference import ScoredText, SentimentModel
from signals_pipeline.core.event_types import EVENT_TYPES
from signals_pipeline_tests.support.labelled_data import held_out_titles, minimal_pairs, two_company_rows


@pytest.fixture(scope="module")
def model() -> SentimentModel:
    """The compact model."""
    return SentimentModel.load(sample.COMPACT_MODEL, threads=2)


def test_no_pair_is_labelled_with_one_sign_twice() -> None:
    for pair in minimal_pairs():
        assert pair.first_label != pair.second_label, pair


def test_most_minimal_pairs_are_right_in_both_halves(model: SentimentModel) -> None:
    pairs = minimal_pairs()
    firsts = labels(model, [ScoredText(pair.first) for pair in pairs])
    seconds = labels(model, [ScoredText(pair.second) for pair in pairs])

    right = sum(
        (first, second) == (pair.first_label, pair.second_label)
        for pair, first, second in zip(pairs, firsts, seconds, strict=True)
    )

    assert len(pairs) >= 300
    assert right / len(pairs) >= 0.65


def test_tone_toward_each_of_two_companies_is_seldom_the_opposite(model: SentimentModel) -> None:
    rows = two_company_rows()
    for row in rows:
        assert all(row.title[slice(*map(int, place.split("-")))] == row.company for place in row.span.split()), row

    answers = labels(model, [ScoredText(row.title, row.span) for row in rows])

    right = sum(answer == row.label for answer, row in zip(answers, rows, strict=True))
    opposite = sum(answer * row.label < 0 for answer, row in zip(answers, rows, strict=True))
    assert len(rows) >= 200
    assert right / len(rows) >= 0.75
    assert opposite / len(rows) <= 0.06


@pytest.mark.parametrize("name", [name for name in REWRITES if name != "typo"])
def test_what_changes_nothing_of_a_title_seldom_changes_its_label(model: SentimentModel, name: str) -> None:
    draw = random.Random(SEED)
    titles = held_out_titles()
    before = labels(model, [ScoredText(title) for title in titles])

    after = labels(model, [ScoredText(REWRITES[name](title, draw)) for title in titles])

    changed = sum(old != new for old, new in zip(before, after, strict=True))
    assert changed / len(titles) <= 0.04


def test_the_event_head_has_the_pipelines_event_types_in_their_order() -> None:
    assert tuple(EVENT_LABELS) == tuple(EVENT_TYPES)
