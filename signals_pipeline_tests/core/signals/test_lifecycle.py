"""What the lifecycle promises: no signal twice, the past alone decides, and a capped candidate leaves no trace."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from signals_pipeline.core.signals.decision import (
    Candidate,
    Decision,
    NearMiss,
    Signal,
    active_at,
    decide,
    expired_in,
    near_misses_of_window,
)
from signals_pipeline.core.windows import NEW_YORK, Window, windows_between
from signals_pipeline_tests.support.signal_builders import WEEK, WINDOWS, candidate, signal

MONDAY, MONDAY_NIGHT, TUESDAY = WINDOWS[0], WINDOWS[1], WINDOWS[2]


def run(
    window: Window,
    *candidates: Candidate,
    active: tuple[Signal, ...] = (),
    days: float = WEEK,
    max_signals: int = 25,
    cooldown: float = 2.0,
) -> Decision:
    return decide(
        candidates,
        active,
        window,
        expiry_days=days,
        max_signals=max_signals,
        flip_cooldown_days=cooldown,
    )


def kinds(decision: Decision) -> dict[str, str]:
    return {each.symbol: each.lifecycle for each in decision.signals}


@st.composite
def histories(draw: st.DrawFn, windows: tuple[Window, ...] = WINDOWS) -> tuple[tuple[Candidate, ...], ...]:
    """Candidates of each window, at most one a symbol; scores on a grid, so that ties and exact steps of 0.2 occur."""
    sizes = st.sampled_from([0.3, 0.4, 0.5, 0.6, 0.7, 0.9])
    made = []
    for window in windows:
        symbols = draw(st.lists(st.sampled_from(["A", "B", "C", "D"]), unique=True, max_size=4))
        made.append(
            tuple(
                candidate(window, symbol, draw(sizes) * draw(st.sampled_from([1, 1, -1])), fresh=draw(st.booleans()))
                for symbol in symbols
            )
        )
    return tuple(made)


def play(
    history: tuple[tuple[Candidate, ...], ...], *, days: float = WEEK, max_signals: int = 25, cooldown: float = 2.0
) -> list[tuple[Window, list[Signal], Decision]]:
    """Decide window after window; gives each one's past and decision."""
    past: list[Signal] = []
    played = []
    for window, candidates in zip(WINDOWS, history, strict=True):
        decision = run(window, *candidates, active=tuple(past), days=days, max_signals=max_signals, cooldown=cooldown)
        played.append((window, list(past), decision))
        past.extend(decision.signals)
    return played


def test_the_first_signal_of_a_symbol_is_new() -> None:
    decision = run(MONDAY, candidate(MONDAY))
    (made,) = decision.signals
    assert (made.lifecycle, made.decided_at, made.expires_at) == (
        "new",
        MONDAY.end,
        MONDAY.end + timedelta(days=7),
    )
    assert (made.symbol, made.signal_type, made.combined_score) == ("NVDA", "BUY", 0.5)
    assert made.window_start == MONDAY.start
    assert decision.funnel == {"repeats": 0, "refused_flips": 0, "capped": 0, "signals": 1}


def test_the_same_type_again_is_a_repeat_of_the_active_signal() -> None:
    active = signal(MONDAY)
    again = candidate(TUESDAY, combined=0.6)
    decision = run(TUESDAY, again, active=(active,))
    assert (decision.signals, decision.repeats) == ((), ((again, active),))
    assert decision.funnel == {"repeats": 1, "refused_flips": 0, "capped": 0, "signals": 0}


@pytest.mark.parametrize(
    ("combined", "fresh", "expected"),
    [(0.7, True, {"NVDA": "stronger"}), (0.69, True, {}), (0.9, False, {}), (0.7, False, {})],
)
def test_stronger_takes_a_step_of_a_fifth_and_a_fresh_story(
    combined: float, fresh: bool, expected: dict[str, str]
) -> None:
    again = candidate(TUESDAY, combined=combined, fresh=fresh)
    assert kinds(run(TUESDAY, again, active=(signal(MONDAY),))) == expected


def test_stronger_is_measured_in_the_direction_of_a_sell() -> None:
    active = signal(MONDAY, combined=-0.5)
    assert kinds(run(TUESDAY, candidate(TUESDAY, combined=-0.7), active=(active,))) == {"NVDA": "stronger"}


def test_at_most_one_stronger_a_new_york_day() -> None:
    # Ends on Tuesday at 08:30 and 17:30 New York, then on Wednesday at 08:30.
    morning, evening, next_day = WINDOWS[1], WINDOWS[2], WINDOWS[3]
    assert morning.end.astimezone(NEW_YORK).date() == evening.end.astimezone(NEW_YORK).date()
    active = (signal(MONDAY, combined=0.3), signal(morning, combined=0.5, lifecycle="stronger"))
    assert kinds(run(evening, candidate(evening, combined=0.9), active=active)) == {}
    assert kinds(run(next_day, candidate(next_day, combined=0.9), active=active)) == {"NVDA": "stronger"}
    other = (signal(MONDAY, combined=0.3), signal(morning, "XOM", lifecycle="stronger"))
    assert kinds(run(evening, candidate(evening, combined=0.9), active=other)) == {"NVDA": "stronger"}


def test_the_opposite_type_flips_and_closes_the_active_signal() -> None:
    active = signal(MONDAY)
    decision = run(TUESDAY, candidate(TUESDAY, combined=-0.3, fresh=False), active=(active,))
    assert (kinds(decision), decision.closed) == ({"NVDA": "flipped"}, (active,))
    standing = active_at((active, *decision.signals), WINDOWS[3].as_of, WEEK)
    assert standing == {"NVDA": decision.signals[0]}


def flips_of(*scores: float, cooldown: float = 2.0) -> list[str]:
    """What becomes of a company whose score changes window by window, from Monday morning on."""
    past: list[Signal] = []
    kinds_by_window = []
    for window, score in zip(WINDOWS, scores, strict=False):
        decision = run(window, candidate(window, combined=score), active=tuple(past), cooldown=cooldown)
        past.extend(decision.signals)
        kinds_by_window.append("refused" if decision.refused else kinds(decision).get("NVDA", "repeat"))
    return kinds_by_window


def test_a_second_flip_within_the_cool_down_is_refused() -> None:
    assert flips_of(0.5, -0.5, 0.5) == ["new", "flipped", "refused"]
    # The refused flip leaves the active signal in force: the same side again is a repeat.
    assert flips_of(0.5, -0.5, 0.5, -0.5) == ["new", "flipped", "refused", "repeat"]


def test_a_higher_score_flips_again_whatever_the_cool_down() -> None:
    assert flips_of(0.5, -0.5, 0.51) == ["new", "flipped", "flipped"]


def test_after_the_cool_down_a_signal_may_flip_again() -> None:
    # Two windows a day: the sixth ends exactly two days after the second.
    assert flips_of(0.5, -0.5, -0.5, -0.5, 0.5, 0.5) == ["new", "flipped", "repeat", "repeat", "refused", "flipped"]
    assert flips_of(0.5, -0.5, 0.5, cooldown=0.0) == ["new", "flipped", "flipped"]


def test_a_refused_flip_is_a_near_miss_that_names_the_gate() -> None:
    active = signal(MONDAY, combined=-0.6, lifecycle="flipped")
    decision = run(MONDAY_NIGHT, candidate(MONDAY_NIGHT, combined=0.5), active=(active,))
    assert (decision.refused, decision.signals, decision.closed) == (((decision.refused[0][0], active),), (), ())
    (miss,) = near_misses_of_window((), decision)
    assert (miss.symbol, miss.gate, miss.combined_score) == ("NVDA", "cooldown", 0.5)
    assert miss.reason == "flipped to SELL too recently, and +0.50 is no stronger than −0.60"


def test_a_cool_down_longer_than_the_expiry_remembers_the_flip() -> None:
    flipped = signal(MONDAY, combined=-0.5, lifecycle="flipped")
    stronger = signal(TUESDAY, combined=-0.7, lifecycle="stronger")
    later = WINDOWS[3]
    decision = run(later, candidate(later, combined=0.6), active=(flipped, stronger), days=1.0, cooldown=5.0)
    assert [each.symbol for each, _ in decision.refused] == ["NVDA"]


@settings(max_examples=80, deadline=None)
@given(histories(), st.sampled_from([0.5, 2.0, WEEK]), st.sampled_from([0.0, 1.0, 2.0, WEEK]))
def test_a_signal_flips_at_most_once_in_the_cool_down_unless_its_score_is_higher(
    history: tuple[tuple[Candidate, ...], ...], days: float, cooldown: float
) -> None:
    for window, past, decision in play(history, days=days, cooldown=cooldown):
        standing = active_at(past, window.as_of, days)
        since = window.as_of - timedelta(days=cooldown)
        flipped = {each.symbol for each in past if each.lifecycle == "flipped" and each.decided_at > since}
        for made in decision.signals:
            if made.lifecycle == "flipped" and made.symbol in flipped:
                assert abs(made.combined_score) > abs(standing[made.symbol].combined_score)
        for refused, active in decision.refused:
            assert refused.symbol in flipped
            assert standing[refused.symbol] == active
            assert refused.signal_type != active.signal_type
            assert abs(refused.combined_score) <= abs(active.combined_score)


def test_the_cap_keeps_the_largest_and_then_the_first_symbols() -> None:
    scores = {"A": 0.4, "B": -0.5, "C": 0.4, "D": 0.6}
    decision = run(MONDAY, *(candidate(MONDAY, symbol, score) for symbol, score in scores.items()), max_signals=3)
    assert [each.symbol for each in decision.signals] == ["D", "B", "A"]
    assert [each.symbol for each in decision.capped] == ["C"]
    assert decision.funnel == {"repeats": 0, "refused_flips": 0, "capped": 1, "signals": 3}


def test_a_capped_flip_closes_nothing() -> None:
    active = signal(MONDAY)
    rival = candidate(TUESDAY, "XOM", 0.9)
    decision = run(TUESDAY, candidate(TUESDAY, combined=-0.3), rival, active=(active,), max_signals=1)
    assert ([each.symbol for each in decision.capped], decision.closed) == (["NVDA"], ())
    standing = active_at((active, *decision.signals), WINDOWS[3].as_of, WEEK)
    assert standing["NVDA"] == active


def test_repeats_take_no_place_under_the_cap() -> None:
    decision = run(
        TUESDAY,
        candidate(TUESDAY, combined=0.6),
        candidate(TUESDAY, "XOM", 0.3),
        active=(signal(MONDAY),),
        max_signals=1,
    )
    assert kinds(decision) == {"XOM": "new"}


def test_capped_candidates_are_near_misses() -> None:
    decision = run(
        MONDAY, candidate(MONDAY, "A", 0.9), candidate(MONDAY, "B", 0.8), candidate(MONDAY, "C", -0.7), max_signals=1
    )
    below = tuple(NearMiss(f"S{number}", "threshold", 0.2, 0.1, None, "", "") for number in range(4))
    merged = near_misses_of_window(below, decision)
    assert [each.symbol for each in merged] == ["B", "C", "S0", "S1", "S2"]
    reason = "outside the top 1 of this digest"
    assert merged[1] == NearMiss("C", "cap", -0.7, -0.7, None, "Title of C", reason)


def test_a_signal_is_active_until_the_very_instant_it_expires() -> None:
    made = signal(MONDAY)
    expiry, moment = made.decided_at + timedelta(days=WEEK), timedelta(microseconds=1)
    assert made.expires_at == expiry
    assert active_at([made], made.decided_at, WEEK) == {}
    assert active_at([made], made.decided_at + moment, WEEK) == {"NVDA": made}
    assert active_at([made], expiry - moment, WEEK) == {"NVDA": made}
    assert active_at([made], expiry, WEEK) == {}


def test_the_window_ending_at_the_expiry_starts_anew_and_lists_the_old_one() -> None:
    # A week without a clock change: the same clock time a week later.
    start = windows_between(datetime(2024, 4, 1, tzinfo=UTC), datetime(2024, 4, 12, tzinfo=UTC))
    made, again = signal(start[0]), start[10]
    assert again.end == made.expires_at
    assert kinds(run(again, candidate(again), active=(made,))) == {"NVDA": "new"}
    assert expired_in([made], again, WEEK) == (made,)
    assert expired_in([made], start[9], WEEK) == ()
    assert expired_in([made], start[11], WEEK) == ()


def test_what_was_replaced_does_not_expire() -> None:
    old, louder = signal(MONDAY, combined=0.3), signal(TUESDAY, combined=0.7, lifecycle="stronger")
    window = next(each for each in WINDOWS if each.start < old.expires_at <= each.end)
    assert expired_in([louder, old], window, WEEK) == ()
    assert expired_in([old], window, WEEK) == (old,)
    other = signal(MONDAY, "AMD")
    assert expired_in([old, other], window, WEEK) == (other, old)


@settings(max_examples=80, deadline=None)
@given(histories(), st.sampled_from([0.5, 2.0, WEEK]), st.integers(1, 4))
def test_no_active_signal_is_ever_repeated_except_stronger(
    history: tuple[tuple[Candidate, ...], ...], days: float, max_signals: int
) -> None:
    for window, past, decision in play(history, days=days, max_signals=max_signals):
        standing = active_at(past, window.as_of, days)
        assert len(decision.signals) <= max_signals
        for made in decision.signals:
            before = standing.get(made.symbol)
            same = before is not None and before.signal_type == made.signal_type
            assert (made.lifecycle == "new") == (before is None)
            assert (made.lifecycle == "stronger") == same
            assert (made.lifecycle == "flipped") == (before in decision.closed)
            if same:
                assert before is not None
                assert abs(made.combined_score) >= abs(before.combined_score) + 0.2
        stronger = [
            (each.symbol, each.decided_at.astimezone(NEW_YORK).date())
            for each in (*past, *decision.signals)
            if each.lifecycle == "stronger"
        ]
        assert len(stronger) == len(set(stronger))


@settings(max_examples=50, deadline=None)
@given(histories(), st.integers(0, len(WINDOWS) - 1), st.randoms(use_true_random=False))
def test_only_the_past_of_other_windows_decides_whatever_its_order(
    history: tuple[tuple[Candidate, ...], ...], at: int, random: Random
) -> None:
    played = play(history)
    window, past, decision = played[at]
    everything = [made for _, _, each in played for made in each.signals]
    shuffled, candidates = list(everything), list(history[at])
    random.shuffle(shuffled)
    random.shuffle(candidates)
    # Later signals, and this window's own from an earlier run, change nothing.
    assert run(window, *candidates, active=tuple(shuffled)) == decision
    own = tuple(replace(each, decided_at=window.end - timedelta(minutes=1)) for each in decision.signals)
    assert run(window, *candidates, active=(*past, *own)) == decision
    assert active_at(shuffled, window.as_of, WEEK) == active_at(past, window.as_of, WEEK)
    assert list(active_at(shuffled, window.as_of, WEEK)) == sorted(active_at(past, window.as_of, WEEK))
    assert expired_in(shuffled, window, WEEK) == expired_in(past, window, WEEK)


@settings(max_examples=50, deadline=None)
@given(histories(WINDOWS[:3]), st.integers(1, 4), st.integers(1, 4))
def test_a_smaller_cap_gives_a_subset_of_the_same_window_s_signals(
    history: tuple[tuple[Candidate, ...], ...], one: int, other: int
) -> None:
    active = tuple(run(MONDAY, *history[0]).signals)
    fewer, more = (
        run(TUESDAY, *history[2], active=active, max_signals=max_signals) for max_signals in sorted((one, other))
    )
    assert more.signals[: len(fewer.signals)] == fewer.signals
    assert (fewer.repeats, fewer.refused) == (more.repeats, more.refused)
    assert set(fewer.closed) <= set(more.closed)
    places = len(fewer.signals) + len(fewer.capped) + len(fewer.repeats) + len(fewer.refused)
    assert places == len(history[2])


@settings(max_examples=50, deadline=None)
@given(histories(), st.sampled_from([0.5, 2.0, WEEK]))
def test_every_signal_is_replaced_or_expires_once(history: tuple[tuple[Candidate, ...], ...], days: float) -> None:
    played = play(history, days=days)
    everything = [made for _, _, decision in played for made in decision.signals]
    horizon = WINDOWS[-1].end
    later = windows_between(WINDOWS[0].start, horizon + timedelta(days=15))
    ended = [made for window in later for made in expired_in(everything, window, days)]
    assert len(ended) == len(set(ended))
    for made in everything:
        expiry = made.decided_at + timedelta(days=days)
        end = next(window.end for window in later if window.start < expiry <= window.end)
        replaced = any(each.symbol == made.symbol and made.decided_at < each.decided_at < end for each in everything)
        assert (made in ended) != replaced
