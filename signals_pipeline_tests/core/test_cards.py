"""One signal's card: leave-one-out, closes, and the record of similar signals."""

import pandas as pd
import pytest

from signals_pipeline.core.cards import Card, card, similar
from signals_pipeline.core.signals import Signal
from signals_pipeline.core.tables import OUTCOMES
from signals_pipeline_tests.digest_examples import (
    KNOBS,
    component,
    outcome_rows,
    signal,
    steady,
    story,
    weekday_sessions,
)

SESSIONS = weekday_sessions(count=80)
EMPTY = OUTCOMES.empty().assign(mode="live")


def made(each: Signal, bars: pd.DataFrame | None = None) -> Card:
    bars = steady(SESSIONS, each.symbol) if bars is None else bars
    return card(each, company="Alpha", mode="live", knobs=KNOBS, before=None, outcomes=EMPTY, bars=bars)


def test_a_card_carries_its_signal() -> None:
    each = signal()
    found = made(each)
    judged = each.candidate
    assert (found.symbol, found.company, found.signal_type, found.mode) == ("AAA", "Alpha", "BUY", "live")
    assert found.combined_score == pytest.approx(sum(part["contribution"] for part in found.contributions), abs=1e-12)
    assert (found.news_title, found.news_url) == (judged.news_title, judged.news_url)
    assert (found.decided_at, found.expires_at) == (each.decided_at, each.expires_at)
    assert [part["kind"] for part in found.stories + found.components] == ["story", "technical"]


def test_the_last_sixty_closes() -> None:
    found = made(signal())
    assert len(found.closes) == len(found.sessions) == 60
    assert found.closes[-1] == 180.0
    assert found.sessions[-1] == str(SESSIONS.dates[-1])
    assert made(signal(), steady(SESSIONS)).closes == ()


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


def outcomes(count: int, mode: str, **changes: object) -> pd.DataFrame:
    return outcome_rows(count, **changes).assign(mode=mode)


@pytest.mark.parametrize(
    ("frames", "label", "n"),
    [
        ([outcomes(30, "live")], "new BUY signals, live", 30),
        ([outcomes(20, "live"), outcomes(20, "catch_up", symbol="BBB")], "new BUY signals, live", 40),
        ([outcomes(20, "live"), outcomes(20, "live", lifecycle="flipped")], "BUY signals, live", 40),
        ([outcomes(29, "live"), outcomes(40, "backfill")], "new BUY signals, backfilled", 40),
        ([outcomes(29, "live"), outcomes(40, "manual", lifecycle="stronger")], "BUY signals, backfilled", 40),
        ([outcomes(29, "live"), outcomes(29, "backfill")], "BUY signals, live", 29),
        ([outcomes(50, "live", signal_type="SELL")], "BUY signals, live", 0),
    ],
)
def test_the_narrowest_group_with_enough_never_mixing_live_and_backfilled(
    frames: list[pd.DataFrame], label: str, n: int
) -> None:
    lines = similar(pd.concat(frames, ignore_index=True), "BUY", "new")
    assert (lines[0].label, lines[0].n) == (label, n)
    assert [line.horizon for line in lines] == [1, 3, 5, 10]
