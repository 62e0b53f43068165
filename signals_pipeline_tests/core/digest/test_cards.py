"""One signal's card: leave-one-out, and the record of similar signals."""

from datetime import datetime

import pandas as pd
import pytest

from signals_pipeline.core.digest.composition import card, similar_record
from signals_pipeline.core.digest.model import Card
from signals_pipeline.core.record.track_record import OutcomeIndex
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline_tests.support.digest_examples import KNOBS, WINDOWS, component, outcome_rows, signal, story


def card_of(decided: Signal) -> Card:
    return card(
        decided,
        company="Alpha",
        mode="live",
        knobs=KNOBS,
        before=None,
        record=(),
        closes=(100.0, 101.5),
        sessions=("2024-01-08", "2024-01-09"),
    )


def test_a_card_carries_its_signal() -> None:
    decided = signal()

    shown = card_of(decided)

    candidate = decided.candidate
    assert (shown.symbol, shown.company, shown.signal_type, shown.mode) == ("AAA", "Alpha", "BUY", "live")
    assert shown.combined_score == pytest.approx(sum(part["contribution"] for part in shown.contributions), abs=1e-12)
    assert (shown.news_title, shown.news_url) == (candidate.news_title, candidate.news_url)
    assert (shown.closes, shown.sessions) == ((100.0, 101.5), ("2024-01-08", "2024-01-09"))
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
    modes: dict[datetime, str] = {}
    for position, (mode, count, changes) in enumerate(parts):
        rows = outcome_rows(count, symbol=f"S{position}", **changes)
        # Windows of its own for each part, so that each has its own mode.
        rows = rows.assign(window_start=rows["window_start"] + pd.Timedelta(hours=position + 1))
        frames.append(rows)
        for start in pd.DatetimeIndex(rows["window_start"]).to_pydatetime():
            modes[start] = mode
    outcome_index = OutcomeIndex.from_outcomes(pd.concat(frames, ignore_index=True), modes)

    lines = similar_record(outcome_index, WINDOWS[0].end, "BUY", "new")

    assert (lines[0].label, lines[0].n) == (label, n)
    assert [line.horizon for line in lines] == [1, 3, 5, 10]
