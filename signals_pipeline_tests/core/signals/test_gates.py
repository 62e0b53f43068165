"""What the gates promise: their order, honest counts, and near misses that say which gate stopped them."""

import json
import math
from dataclasses import asdict
from datetime import UTC, datetime, timedelta

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import given, settings

from signals_pipeline.core.signals.decision import GateResult, NearMiss, apply_gates
from signals_pipeline.core.tables import SCORES, to_arrays
from signals_pipeline.core.windows import windows_between

WINDOW, OTHER = windows_between(datetime(2024, 3, 7, tzinfo=UTC), datetime(2024, 3, 8, tzinfo=UTC))
KNOWN = WINDOW.start + timedelta(hours=1)
Row = dict[str, object]


def row(symbol: str, combined: float, tone: float, technical: float = math.nan, **values: object) -> Row:
    """A SCORES row of a company with one story."""
    return {
        "window_start": WINDOW.start,
        "symbol": symbol,
        "n_tagged": 3,
        "n_relevant": 2,
        "n_eventful": 2,
        "n_confident": 1,
        "n_stories": 1,
        "total_weight": 0.5,
        "tone": tone,
        "tone_confidence": 0.8,
        "technical": technical,
        "combined": combined,
        "fresh": True,
        "fragile": True,
        "known_at": KNOWN,
        "story_id": f"story of {symbol}",
        "news_title": f"Title of {symbol}",
        "news_url": "https://example.com/a",
        "story_known_at": KNOWN,
        "event": "results",
        "reaction": math.nan,
        "contributions": contributions(combined, technical),
        **values,
    }


def contributions(combined: float, technical: float) -> str:
    parts: list[dict[str, object]] = [{"kind": "story", "contribution": combined}]
    if not math.isnan(technical):
        component = {"kind": "technical", "name": "rsi", "component": technical, "weight": 1.0}
        parts = [{"kind": "story", "contribution": 0.0}, {**component, "contribution": 0.4 * technical}]
    return json.dumps(parts)


def run(*rows: Row, least: float = 0.3, generator: str = "news_driven") -> GateResult:
    frame = SCORES.conform(pd.DataFrame(list(rows))) if rows else SCORES.empty()
    return apply_gates(to_arrays(frame), WINDOW, min_combined_score=least, generator=generator)


def near_miss(scored: Row, least: float = 0.3) -> NearMiss:
    (only,) = run(scored, least=least).near_misses
    return only


TIED = st.sampled_from([-0.6, -0.31, -0.3, -0.25, -0.1, 0.0, 0.1, 0.25, 0.3, 0.31, 0.6])
UNIT = st.one_of(st.floats(-1, 1), TIED)


@st.composite
def rows_of_one_window(draw: st.DrawFn) -> list[Row]:
    rows = []
    for number in range(draw(st.integers(0, 12))):
        relevant = draw(st.integers(0, 2))
        stories = draw(st.integers(0, relevant))
        tone = draw(UNIT) if stories else 0.0
        technical = draw(st.one_of(st.just(math.nan), UNIT))
        counts = {"n_relevant": relevant, "n_confident": stories, "n_stories": stories}
        rows.append(row(f"S{number:02}", draw(UNIT), tone, technical, **counts))
    return rows


def test_a_candidate_carries_what_its_signal_will_show() -> None:
    (candidate,) = run(row("NVDA", -0.5, -0.7, -0.2)).candidates
    assert (candidate.symbol, candidate.signal_type, candidate.combined_score) == ("NVDA", "SELL", -0.5)
    assert (candidate.window_start, candidate.window_end) == (WINDOW.start, WINDOW.end)
    assert (candidate.tone, candidate.confidence_score, candidate.technical) == (-0.7, 0.8, -0.2)
    assert (candidate.fresh, candidate.fragile, candidate.source) == (True, True, "news_driven_ml")
    assert (candidate.story_id, candidate.news_title) == ("story of NVDA", "Title of NVDA")
    assert candidate.contributions == contributions(-0.5, -0.2)
    assert (candidate.event, candidate.reaction) == ("results", None)


def test_a_missing_technical_score_is_none() -> None:
    (candidate,) = run(row("NVDA", 0.5, 0.7, reaction=-2.1)).candidates
    assert (candidate.technical, candidate.signal_type) == (None, "BUY")
    assert candidate.reaction == -2.1


def test_the_threshold_itself_passes() -> None:
    assert len(run(row("A", 0.3, 0.5), row("B", -0.3, -0.5)).candidates) == 2


def test_every_gate_is_counted_in_order() -> None:
    gated = run(
        row("A", 0.9, 0.9),
        row("B", 0.4, -0.1),
        row("C", 0.1, 0.1),
        row("D", 0.0, 0.0, n_confident=0, n_stories=0),
        row("E", 0.0, 0.0, n_relevant=0, n_eventful=0, n_confident=0, n_stories=0),
    )
    assert list(gated.funnel.items()) == [
        ("headlines_tagged", 15),
        ("headlines_relevant", 8),
        ("headlines_eventful", 8),
        ("headlines_confident", 3),
        ("symbols_scored", 5),
        ("symbols_with_news", 4),
        ("symbols_with_tone", 3),
        ("symbols_over_threshold", 2),
        ("symbols_agreeing", 1),
        ("candidates", 1),
    ]


def test_below_the_threshold_says_what_was_needed() -> None:
    miss = near_miss(row("NVDA", 0.27, 0.4, 0.1))
    assert miss == NearMiss("NVDA", "threshold", 0.27, 0.4, 0.1, "Title of NVDA", "combined +0.27, needs 0.30")
    assert near_miss(row("NVDA", -0.27, -0.4)).reason == "combined −0.27, needs −0.30"


def test_a_hair_below_the_threshold_shows_the_digits_that_tell() -> None:
    assert near_miss(row("NVDA", 0.2999, 0.4)).reason == "combined +0.2999, needs 0.3000"
    assert near_miss(row("NVDA", math.nextafter(0.3, 0), 0.4)).gate == "threshold"


def test_only_news_without_confidence_carries_its_number_of_headlines() -> None:
    stored_before = {
        name: value for name, value in asdict(near_miss(row("A", 0.27, 0.4))).items() if name != "relevant"
    }

    assert NearMiss(**stored_before).relevant is None
    assert near_miss(row("A", 0.34, -0.12)).relevant is None


def test_far_below_the_threshold_is_no_near_miss() -> None:
    assert run(row("A", 0.19, 0.4), row("B", 0.25, -0.4), row("C", 0.0, 0.0)).near_misses == ()


def test_disagreement_is_named() -> None:
    assert near_miss(row("A", 0.34, -0.12)).gate == "agreement"
    assert near_miss(row("A", 0.34, -0.12)).reason == "combined +0.34, but tone −0.12 points the other way"
    assert near_miss(row("A", -0.34, 0.0)).reason == "combined −0.34, but the tone is neutral"


def test_news_without_confidence_is_a_near_miss_only_where_the_rest_would_do() -> None:
    silent = {"n_confident": 0, "n_stories": 0}

    miss = near_miss(row("A", 0.36, 0.0, 0.9, **silent))

    assert (miss.gate, miss.relevant) == ("confident", 2)
    assert miss.reason == "0 of 2 relevant headlines carry a confident tone; price alone gives +0.36"
    assert run(row("A", 0.2, 0.0, 0.5, **silent)).near_misses == ()
    assert run(row("A", 0.36, 0.0, 0.9, n_relevant=0, **silent)).near_misses == ()


def test_near_misses_are_the_five_largest() -> None:
    gated = run(*(row(f"S{number}", 0.21 + number / 100, 0.1) for number in range(7)), row("A", -0.27, -0.1))
    assert [miss.symbol for miss in gated.near_misses] == ["A", "S6", "S5", "S4", "S3"]


def test_the_technical_generator_knows_nothing_of_the_news() -> None:
    gated = run(row("A", 0.0, 0.9, -0.5), row("B", 0.9, 0.9), row("C", 0.9, 0.9, 0.25), generator="technical")
    (candidate,) = gated.candidates
    assert (candidate.symbol, candidate.signal_type, candidate.combined_score) == ("A", "SELL", -0.5)
    assert (candidate.tone, candidate.confidence_score, candidate.fresh, candidate.fragile) == (0, 0, False, False)
    assert (candidate.story_id, candidate.news_title, candidate.news_url) == ("", "", "")
    assert candidate.source == "technical"
    assert (candidate.event, candidate.reaction) == (None, None)
    (part,) = json.loads(candidate.contributions)
    assert (part["name"], part["contribution"]) == ("rsi", -0.5)
    (miss,) = gated.near_misses
    assert (miss.symbol, miss.reason, miss.news_title) == ("C", "combined +0.25, needs 0.30", "")
    assert list(gated.funnel.items()) == [
        ("symbols_scored", 3),
        ("symbols_with_technical", 2),
        ("symbols_over_threshold", 1),
        ("candidates", 1),
    ]


@pytest.mark.parametrize("generator", ["news_driven", "technical"])
def test_a_score_of_zero_has_no_direction_even_without_a_threshold(generator: str) -> None:
    assert run(row("A", 0.0, 0.0, 0.0), row("B", 0.0, 0.5, 0.0), least=0, generator=generator).candidates == ()


def test_an_empty_window_passes_nothing() -> None:
    gated = run()
    assert (gated.candidates, gated.near_misses, set(gated.funnel.values())) == ((), (), {0})


def test_another_window_s_rows_and_unknown_generators_are_refused() -> None:
    with pytest.raises(ValueError, match="pass one window's rows") as caught:
        run(row("A", 0.5, 0.5), row("B", 0.5, 0.5, window_start=OTHER.start))
    assert "\n" not in str(caught.value)
    with pytest.raises(ValueError, match="unknown generator 'magic'; choose news_driven or technical"):
        run(row("A", 0.5, 0.5), generator="magic")


@settings(max_examples=30, deadline=None)
@given(rows_of_one_window(), st.floats(0, 1), st.floats(0, 1), st.sampled_from(["news_driven", "technical"]))
def test_a_stricter_threshold_never_adds_a_candidate(rows: list[Row], one: float, other: float, generator: str) -> None:
    lax, strict = (run(*rows, least=least, generator=generator) for least in sorted((one, other)))
    assert set(strict.candidates) <= set(lax.candidates)


@settings(max_examples=30, deadline=None)
@given(rows_of_one_window(), st.floats(0, 1), st.sampled_from(["news_driven", "technical"]), st.randoms())
def test_candidates_pass_every_gate_and_near_misses_none(
    rows: list[Row], least: float, generator: str, random: object
) -> None:
    gated = run(*rows, least=least, generator=generator)
    for candidate in gated.candidates:
        assert abs(candidate.combined_score) >= least
        assert (candidate.combined_score > 0) == (candidate.signal_type == "BUY")
        agrees = candidate.tone != 0 and (candidate.tone > 0) == (candidate.combined_score > 0)
        assert agrees or generator == "technical"
    assert not {each.symbol for each in gated.candidates} & {each.symbol for each in gated.near_misses}
    assert len(gated.near_misses) <= 5
    for group in (gated.candidates, gated.near_misses):
        assert list(group) == sorted(group, key=lambda each: (-abs(each.combined_score), each.symbol))
    symbols = [count for name, count in gated.funnel.items() if not name.startswith("headlines")]
    assert symbols == sorted(symbols, reverse=True)
    shuffled = list(rows)
    random.shuffle(shuffled)  # pyright: ignore[reportAttributeAccessIssue]
    assert run(*shuffled, least=least, generator=generator) == gated
