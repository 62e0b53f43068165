"""One digest from a window's decision: point in time, one section per signal, kinds, missed windows."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from random import Random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.news.feeds import SourceReport
from signals_pipeline.core.record.origin import provenance_of
from signals_pipeline.core.record.outcomes import realised_outcomes
from signals_pipeline.core.signal_fields import SignalType
from signals_pipeline.core.signals.decision import GateResult, NearMiss, Signal, decide, expired_in
from signals_pipeline.core.watchlist import Company, Watchlist
from signals_pipeline.core.windows import Window
from signals_pipeline_tests.support.digest_examples import (
    KNOBS,
    MODEL,
    WATCHLIST,
    WINDOWS,
    context_of,
    coverage,
    digest_of,
    outcome_rows,
    signal,
    steady,
    story,
    weekday_sessions,
)

NOW = WINDOWS[6]
SESSIONS = weekday_sessions()
BARS = steady(SESSIONS, "AAA", "BBB", "CCC")
SIDES: st.SearchStrategy[SignalType | None] = st.sampled_from([None, "BUY", "SELL"])

signal_lists = st.lists(
    st.tuples(st.sampled_from(("AAA", "BBB", "CCC")), st.sampled_from(("BUY", "SELL")), st.sampled_from(WINDOWS[:20])),
    max_size=8,
    unique_by=lambda drawn: (drawn[0], drawn[2]),
).map(lambda drawn: [signal(symbol, side, window) for symbol, side, window in drawn])


def outcomes_known(history: list[Signal], as_of: datetime, modes: Mapping[datetime, str] | None = None) -> pd.DataFrame:
    outcomes = realised_outcomes(history, BARS, WATCHLIST.symbols, SESSIONS, as_of=as_of).frame
    starts = pd.DatetimeIndex(outcomes["window_start"]).to_pydatetime()
    provenance = [provenance_of((modes or {}).get(start)) for start in starts]
    return outcomes.assign(provenance=pd.Series(provenance, dtype="str"), generator="news_driven_ml", model=MODEL)


@settings(max_examples=12, deadline=None)
@given(signal_lists, st.sampled_from(WINDOWS[1:12]), st.randoms(use_true_random=False))
def test_nothing_at_or_after_as_of_matters(history: list[Signal], now: Window, random: Random) -> None:
    past = [each for each in history if each.decided_at < now.end and each.window_start != now.start]
    modes = {window.start: random.choice(("live", "catch_up", "backfill")) for window in WINDOWS[:20]}
    shown = [signal("AAA", window=now)]
    closed = SESSIONS.last_closed(now.end)
    assert closed is not None

    with_future = digest_of(
        now, shown, history, modes=modes, outcomes=outcomes_known(history, WINDOWS[-1].end, modes), bars=BARS
    )
    without_future = digest_of(
        now,
        shown,
        random.sample(past, len(past)),
        modes={start: mode for start, mode in modes.items() if start < now.start},
        outcomes=outcomes_known(past, now.end, modes),
        bars=BARS[BARS["session"] <= pd.Timestamp(closed)],
    )

    assert with_future.to_json() == without_future.to_json()


@settings(max_examples=5, deadline=None)
@given(signal_lists, st.integers(0, 100), st.randoms(use_true_random=False))
def test_a_context_of_all_windows_gives_each_window_what_was_known_then(
    history: list[Signal], count: int, random: Random
) -> None:
    modes = {window.start: random.choice(("live", "catch_up", "backfill")) for window in WINDOWS[:20]}
    more = outcome_rows(count, lifecycle=random.choice(("new", "flipped")))
    more = more.assign(
        provenance=pd.Series([random.choice(("live", "backfilled")) for _ in range(len(more))], dtype="str")
    )
    outcomes = pd.concat([outcomes_known(history, WINDOWS[-1].end, modes), more], ignore_index=True)
    order = random.sample(range(len(outcomes)), len(outcomes))
    whole = context_of(random.sample(history, len(history)), modes=modes, outcomes=outcomes.iloc[order], bars=BARS)
    for now in WINDOWS[1:14:3]:
        shown = [signal("AAA", window=now)]
        past = [each for each in history if each.decided_at < now.end and each.window_start != now.start]
        closed = SESSIONS.last_closed(now.end)
        assert closed is not None
        then = context_of(
            past,
            modes={start: mode for start, mode in modes.items() if start < now.start},
            outcomes=outcomes[outcomes["known_at"] < pd.Timestamp(now.end)],
            bars=BARS[BARS["session"] <= pd.Timestamp(closed)],
        )

        from_whole = digest_of(now, shown, past, context=whole)
        from_then = digest_of(now, shown, past, context=then)

        assert from_whole.to_json() == from_then.to_json()


@settings(max_examples=12, deadline=None)
@given(signal_lists, signal_lists, st.sampled_from(WINDOWS[1:12]))
def test_every_signal_is_in_one_section(history: list[Signal], fresh: list[Signal], now: Window) -> None:
    by_symbol = {drawn.symbol: signal(drawn.symbol, drawn.signal_type, now) for drawn in fresh}

    digest = digest_of(now, list(by_symbol.values()), history)

    symbols = [shown.symbol for shown in (*digest.new, *digest.changed, *digest.still_active)]
    assert len(symbols) == len(set(symbols))
    assert set(by_symbol) <= set(symbols)
    assert {each.lifecycle for each in digest.new} <= {"new"}
    assert digest.kind == ("full" if digest.new or digest.changed else "quiet")


def test_a_full_digest() -> None:
    digest = digest_of(NOW, [signal("AAA", window=NOW)], [signal("BBB", "SELL", WINDOWS[2])])

    assert (digest.kind, digest.subject) == ("full", "▲ AAA · 1 new")
    assert (digest.window_key, digest.label, digest.as_of) == (NOW.key, NOW.long_label, NOW.end)
    assert digest.new[0].company == "Alpha"
    assert digest.market == "Market closed for today; next session Fri 12 Jan, 09:30 to 16:00 ET."
    line = digest.still_active[0]
    assert (line.symbol, line.company, line.now, line.horizon) == ("BBB", "Beta & Sons", None, None)
    assert line.expires_at == line.decided_at + timedelta(days=7)


def test_a_repeat_is_still_active_with_its_score_now() -> None:
    digest = digest_of(NOW, [signal("AAA", window=NOW)], [signal("AAA", window=WINDOWS[2])])

    assert (digest.kind, digest.subject) == ("quiet", "Quiet: no new signals, 1 still active")
    assert digest.still_active[0].now == pytest.approx(0.5)
    assert digest.funnel["repeats"] == 1


def test_a_flip_leaves_the_active_list_and_names_what_it_closes() -> None:
    digest = digest_of(NOW, [signal("AAA", "SELL", NOW)], [signal("AAA", "BUY", WINDOWS[2])])

    assert digest.still_active == ()
    assert (digest.subject, digest.changed[0].lifecycle) == ("▼ AAA · 1 flipped", "flipped")
    assert digest.changed[0].sentences[0].startswith("Flipped: this signal closes the BUY of Tue 9 Jan 17:30 ET")


def test_missed_windows_are_those_caught_up_directly_before() -> None:
    history = [signal("AAA", window=WINDOWS[2]), signal("BBB", window=WINDOWS[4]), signal("CCC", window=WINDOWS[5])]
    modes = {window.start: "catch_up" for window in WINDOWS[:6]}
    modes[WINDOWS[3].start] = "live"

    digest = digest_of(NOW, (), history, modes=modes)

    assert [each.symbol for each in digest.from_missed] == ["BBB", "CCC"]
    assert {each.mode for each in digest.from_missed} == {"catch_up"}
    assert [each.symbol for each in digest.still_active] == ["AAA"]
    assert digest.subject == "▲ BBB CCC · 2 from missed windows"
    after = digest_of(WINDOWS[7], (), history, modes=modes | {NOW.start: "live"})
    assert after.from_missed == ()


def test_a_flip_in_a_missed_window_names_what_it_closed() -> None:
    flip = signal("AAA", "SELL", WINDOWS[5], lifecycle="flipped")
    modes = {WINDOWS[2].start: "live", WINDOWS[5].start: "catch_up"}

    digest = digest_of(NOW, (), [signal("AAA", "BUY", WINDOWS[2]), flip], modes=modes)

    assert "closes the BUY" in digest.from_missed[0].sentences[0]


def test_an_expired_signal_is_shown_with_its_outcome() -> None:
    old = signal("AAA", window=WINDOWS[0])
    now = next(window for window in WINDOWS if window.start < old.expires_at <= window.end)

    digest = digest_of(now, (), [old], outcomes=outcomes_known([old], WINDOWS[-1].end))

    line = digest.expired[0]
    # Entered on Tuesday; the fifth session closed an hour and a half ago.
    assert (line.symbol, line.horizon) == ("AAA", 5)
    assert line.net_return == pytest.approx(outcomes_known([old], now.end)["net_return"].iloc[-1])
    assert digest.still_active == ()


def test_a_failed_source_makes_a_degraded_digest() -> None:
    ledger = coverage(NOW, status="degraded", reports=(SourceReport("wire", "failed", 0),))
    digest = digest_of(NOW, [signal(window=NOW)], coverage=ledger, deployment="demo", mode="backfill")

    assert digest.kind == "degraded"
    assert digest.subject == "[demo backfill] Degraded (0 of 1 source complete): ▲ AAA · 1 new"
    assert digest.notes[0].startswith("Reconstructed later")


def test_live_and_backfilled_records_stay_apart() -> None:
    outcomes = outcome_rows(40)
    outcomes.loc[:39, "provenance"] = "live"

    labels = {line.label: line.n for line in digest_of(NOW, outcomes=outcomes).record}
    assert labels == {"All signals, live": 10, "All signals, backfilled": 30}
    assert {line.label for line in digest_of(NOW).record} == {"All signals, live"}


def test_near_misses_and_notes_are_passed_on() -> None:
    near = NearMiss("CCC", "threshold", 0.27, 0.5, None, "A title", "combined +0.27, needs 0.30")
    gated = GateResult((), (near,), {"candidates": 0})

    digest = digest_of(NOW, gated=gated, notes=("Prices are adjusted as known today.",))

    assert digest.near_misses == (near,)
    assert digest.preheader.startswith("Closest to a signal: CCC +0.27, below the 0.30 minimum.")
    assert digest.notes == ("Prices are adjusted as known today.",)


@pytest.mark.parametrize(
    ("score", "nearest"), [(0.28, "Closest to a signal: CCC"), (-0.28, "Closest to a signal: AAA −0.28")]
)
def test_what_is_already_active_is_no_news_for_the_preheader(score: float, nearest: str) -> None:
    near = (
        NearMiss("AAA", "threshold", score, score, None, "", ""),
        NearMiss("CCC", "threshold", 0.27, 0.27, None, "", ""),
    )

    digest = digest_of(NOW, (), [signal("AAA", window=WINDOWS[2])], gated=GateResult((), near, {}))

    assert digest.near_misses == near
    assert digest.preheader.startswith(nearest)


def test_charts_end_at_the_last_closed_session() -> None:
    digest = digest_of(NOW, [signal("AAA", window=NOW)], bars=BARS)

    assert digest.new[0].sessions[-1] == "2024-01-11"
    early = weekday_sessions("2024-01-12")
    assert digest_of(NOW, [signal("AAA", window=NOW)], sessions=early, bars=BARS).new[0].closes == ()


def test_a_company_that_left_the_watchlist_keeps_its_symbol() -> None:
    digest = digest_of(NOW, (), [signal("AAA", window=WINDOWS[2])], watchlist=Watchlist((Company("BBB", "Beta"),)))
    assert digest.still_active[0].company == "AAA"


def test_sections_are_ordered_by_strength() -> None:
    loud = signal("BBB", "SELL", NOW, parts=[story(1, -0.9, 0.0)])
    digest = digest_of(NOW, [signal("AAA", window=NOW), loud])
    assert [each.symbol for each in digest.new] == ["BBB", "AAA"]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_company_is_in_one_section_and_no_signal_is_reported_twice(data: st.DataObject) -> None:
    """Over neighbouring windows with signals that expire soon: the newest signal of a company is the one shown."""
    knobs = KNOBS | {"signal_expiry_days": 1}
    history: list[Signal] = []
    reported: list[set[tuple[str, str]]] = []
    for window in WINDOWS[:8]:
        sides: dict[str, SignalType | None] = {name: data.draw(SIDES) for name in ("AAA", "BBB", "CCC")}
        candidates = [signal(name, side, window) for name, side in sides.items() if side]
        decision = decide(
            [each.candidate for each in candidates], history, window, expiry_days=1, max_signals=9, flip_cooldown_days=0
        )

        digest = digest_of(window, candidates, history, decision=decision, knobs=knobs)

        sections = [digest.new, digest.changed, digest.still_active, digest.expired]
        symbols = [each.symbol for section in sections for each in section]
        assert len(symbols) == len(set(symbols))
        cards = {(each.symbol, each.signal_type) for each in (*digest.new, *digest.changed)}
        assert not reported or not cards & reported[-1]
        reported.append(cards)
        again = [each for each in digest.new if any("New again: the" in text for text in each.sentences)]
        ended = {each.symbol for each in expired_in(history, window, 1)}
        assert {each.symbol for each in again} == ended & {each.symbol for each in digest.new}
        history += decision.signals
