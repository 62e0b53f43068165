"""One signal's card: leave-one-out, and the record of similar signals."""

import pandas as pd
import pytest

from signals_pipeline.core.digest.composition import RecentCloses, card, similar_record
from signals_pipeline.core.digest.model import Card
from signals_pipeline.core.record.origin import Generation, provenance_of
from signals_pipeline.core.record.track_record import OutcomeIndex
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline_tests.support.digest_examples import (
    KNOBS,
    MODEL,
    WINDOWS,
    component,
    digest_of,
    outcome_rows,
    signal,
    story,
)

GENERATION = Generation("news_driven_ml", MODEL)


def card_of(decided: Signal) -> Card:
    return card(
        decided,
        company="Alpha",
        mode="live",
        knobs=KNOBS,
        before=None,
        record=(),
        prices=RecentCloses((100.0, 101.5), (102.0, 103.5), ("2024-01-08", "2024-01-09")),
    )


def test_a_card_carries_its_signal() -> None:
    decided = signal()

    shown = card_of(decided)

    candidate = decided.candidate
    assert (shown.symbol, shown.company, shown.signal_type, shown.mode) == ("AAA", "Alpha", "BUY", "live")
    assert shown.combined_score == pytest.approx(sum(part["contribution"] for part in shown.contributions), abs=1e-12)
    assert (shown.news_title, shown.news_url) == (candidate.news_title, candidate.news_url)
    assert (shown.closes, shown.sessions) == ((100.0, 101.5), ("2024-01-08", "2024-01-09"))
    assert (shown.traded_closes, shown.last_price, shown.prices_are_adjusted) == ((102.0, 103.5), 103.5, False)
    assert (shown.decided_at, shown.expires_at) == (decided.decided_at, decided.expires_at)
    assert [part["kind"] for part in shown.stories + shown.components] == ["story", "technical"]


def test_every_story_is_left_out_once() -> None:
    parts = [story(1, 0.4, 0.24), story(2, 0.1, 0.45), component("rsi", 0.05)]

    shown = card_of(signal(parts=parts))

    assert shown.without == ("+0.24, no signal", "+0.45, still BUY")
    assert shown.leave_one_out == (
        "Without “Story number 1 lifts its company”: +0.24, no signal.",
        "Without “Story number 2 lifts its company”: +0.45, still BUY.",
    )


def test_a_price_signal_has_no_story() -> None:
    shown = card_of(signal(parts=[component("trend", 0.5)], source="technical"))

    assert (shown.stories, shown.without, shown.leave_one_out) == ((), (), ())


@pytest.mark.parametrize(
    ("parts", "label", "n"),
    [
        ([("live", 30, {})], "new BUY signals, live", 30),
        ([("live", 20, {}), ("catch_up", 20, {})], "new BUY signals, live", 40),
        ([("live", 20, {}), ("live", 20, {"lifecycle": "flipped"})], "BUY signals, live", 40),
        ([("live", 29, {}), ("backfill", 40, {})], "new BUY signals, backfilled", 40),
        ([("live", 29, {}), ("manual", 40, {"lifecycle": "stronger"})], "BUY signals, backfilled", 40),
        ([("live", 29, {}), ("backfill", 29, {})], "BUY signals, live", 29),
        ([("live", 1, {}), ("backfill", 29, {})], "BUY signals, live", 1),
        ([("backfill", 29, {})], "BUY signals, backfilled", 29),
        ([("live", 50, {"signal_type": "SELL"}), ("backfill", 3, {})], "BUY signals, backfilled", 3),
        ([("live", 50, {"signal_type": "SELL"})], "BUY signals, live", 0),
    ],
)
def test_the_narrowest_group_with_enough_never_mixing_live_and_backfilled(
    parts: list[tuple[str, int, dict[str, str]]], label: str, n: int
) -> None:
    frames: list[pd.DataFrame] = []
    for position, (mode, count, changes) in enumerate(parts):
        frames.append(outcome_rows(count, symbol=f"S{position}", provenance=provenance_of(mode), **changes))
    outcome_index = OutcomeIndex.from_outcomes(pd.concat(frames, ignore_index=True))

    lines = similar_record(outcome_index, WINDOWS[0].end, GENERATION, "BUY", "new")

    assert (lines[0].label, lines[0].n) == (label, n)
    assert [line.horizon for line in lines] == [1, 3, 5, 10]


def test_technical_signals_are_not_counted_on_a_news_card() -> None:
    technical = outcome_rows(
        86, symbol="S", provenance="live", generator="technical", model="none: technical generator"
    )
    own = outcome_rows(11, symbol="N", provenance="live")
    other_model = outcome_rows(40, symbol="M", provenance="live", model="finbert int8 @fedcba987654")
    outcome_index = OutcomeIndex.from_outcomes(pd.concat([technical, own, other_model], ignore_index=True))
    as_of = WINDOWS[0].end

    lines = similar_record(outcome_index, as_of, GENERATION, "BUY", "new")

    assert (lines[0].label, lines[0].n, lines[0].text) == ("BUY signals, live", 11, "1 session: too few (n = 11)")
    technical_lines = similar_record(
        outcome_index, as_of, Generation("technical", "none: technical generator"), "BUY", "new"
    )
    assert (technical_lines[0].label, technical_lines[0].n) == ("new BUY signals, live", 86)


def test_a_digest_counts_its_own_generator_and_model_and_says_how_many_others_there_are() -> None:
    others = outcome_rows(40, symbol="S", provenance="live", generator="technical", model="none: technical generator")
    own = outcome_rows(3, symbol="N", provenance="live")
    outcomes = pd.concat([others, own], ignore_index=True)

    digest = digest_of(WINDOWS[8], [signal(window=WINDOWS[8])], outcomes=outcomes)

    assert [(line.label, line.n) for line in digest.record] == [("All signals, live", 3)] * 4
    assert digest.notes[-1] == (
        "The track record covers this generator and model alone; 40 earlier signals of another one are recorded "
        "separately."
    )
    assert [line.n for line in digest.new[0].record] == [3, 3, 3, 3]
    assert digest_of(WINDOWS[8], outcomes=own).notes == ()


def test_a_missed_windows_card_has_the_record_of_the_model_that_made_it() -> None:
    caught_up, window = WINDOWS[7], WINDOWS[8]
    earlier = signal("BBB", window=caught_up)
    outcomes = pd.concat(
        [outcome_rows(3, symbol="O", model="older @1"), outcome_rows(5, symbol="N")], ignore_index=True
    )

    digest = digest_of(
        window,
        [signal(window=window)],
        [earlier],
        outcomes=outcomes,
        modes={caught_up.start: "catch_up"},
        models={caught_up.start: "older @1"},
    )

    assert [card.record[0].n for card in (*digest.new, *digest.from_missed)] == [5, 3]
