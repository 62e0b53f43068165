"""One signal's card: leave-one-out, and the record of similar signals."""

import pandas as pd
import pytest

from signals_pipeline.core.digest.composition import card, similar
from signals_pipeline.core.digest.model import Card
from signals_pipeline.core.record.outcome_index import OutcomeIndex
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline_tests.support.digest_examples import KNOBS, WINDOWS, component, outcome_rows, signal, story


def made(each: Signal) -> Card:
    closes, sessions = (100.0, 101.5), ("2024-01-08", "2024-01-09")
    return card(
        each, company="Alpha", mode="live", knobs=KNOBS, before=None, record=(), closes=closes, sessions=sessions
    )


def test_a_card_carries_its_signal() -> None:
    each = signal()
    found = made(each)
    judged = each.candidate
    assert (found.symbol, found.company, found.signal_type, found.mode) == ("AAA", "Alpha", "BUY", "live")
    assert found.combined_score == pytest.approx(sum(part["contribution"] for part in found.contributions), abs=1e-12)
    assert (found.news_title, found.news_url) == (judged.news_title, judged.news_url)
    assert (found.closes, found.sessions) == ((100.0, 101.5), ("2024-01-08", "2024-01-09"))
    assert (found.decided_at, found.expires_at) == (each.decided_at, each.expires_at)
    assert [part["kind"] for part in found.stories + found.components] == ["story", "technical"]


def test_leave_one_out_for_every_story() -> None:
    parts = [story(1, 0.4, 0.24), story(2, 0.1, 0.45), component("rsi", 0.05)]
    found = made(signal(parts=parts))
    assert found.without == ("+0.24, no signal", "+0.45, still BUY")
    assert found.leave_one_out == (
        "Without “Story number 1 lifts its company”: +0.24, no signal.",
        "Without “Story number 2 lifts its company”: +0.45, still BUY.",
    )


def test_a_price_signal_has_no_story() -> None:
    found = made(signal(parts=[component("trend", 0.5)], source="technical"))
    assert (found.stories, found.without, found.leave_one_out) == ((), (), ())


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
    frames, modes = [], {}
    for place, (mode, count, changes) in enumerate(parts):
        rows = outcome_rows(count, symbol=f"S{place}", **changes)
        # A window of its own for each part, so that each has its own mode.
        frames.append(rows.assign(window_start=rows["window_start"] + pd.Timedelta(hours=place + 1)))
        modes |= dict.fromkeys(pd.DatetimeIndex(frames[-1]["window_start"]).to_pydatetime(), mode)
    outcome_index = OutcomeIndex.from_outcomes(pd.concat(frames, ignore_index=True), modes)
    lines = similar(outcome_index, WINDOWS[0].end, "BUY", "new")
    assert (lines[0].label, lines[0].n) == (label, n)
    assert [line.horizon for line in lines] == [1, 3, 5, 10]
