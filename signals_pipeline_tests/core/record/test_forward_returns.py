"""Returns after every window are those of the outcomes, and a panel holds what the scores hold."""

from datetime import timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.record.forward_returns import ScorePanel, forward_returns, pairs
from signals_pipeline.core.record.outcomes import HORIZONS, realised_outcomes
from signals_pipeline.core.windows import Sessions
from signals_pipeline_tests.support.digest_examples import signal
from signals_pipeline_tests.support.replay_inputs import USED, bars_of, frames_of, sessions_of, watched, windows_of

SYMBOLS = ("AAA", "BBB", "CCC", "DDD")
WINDOWS = windows_of(20)
SESSIONS = sessions_of(WINDOWS)


def made_bars(seed: int, *extra: str) -> pd.DataFrame:
    names = (*SYMBOLS, *extra)
    bars = bars_of(SESSIONS, names, np.random.default_rng(seed).normal(0, 0.02, (len(SESSIONS.dates), len(names))))
    return bars.drop(bars.index[np.random.default_rng(seed).choice(len(bars), 8, replace=False)])


@settings(max_examples=12)
@given(st.integers(0, 10**6), st.integers(0, 30), st.sampled_from(((), ("SPY",))))
def test_they_are_the_returns_of_the_outcomes(seed: int, day: int, extra: tuple[str, ...]) -> None:
    bars, as_of = made_bars(seed, *extra), WINDOWS[0].end + timedelta(days=day)
    found = forward_returns(WINDOWS, SYMBOLS, watched(WINDOWS, SYMBOLS, SYMBOLS[:3]), bars, SESSIONS, as_of=as_of)
    signals = [signal(name, side, window) for window in WINDOWS for name in SYMBOLS for side in ("BUY", "SELL")]
    wanted = realised_outcomes(signals, bars, SYMBOLS[:3], SESSIONS, as_of=as_of).frame
    places = {window.start: at for at, window in enumerate(WINDOWS)}
    seen = 0
    for row in wanted.to_dict("records"):
        at, name = places[row["window_start"].to_pydatetime()], SYMBOLS.index(row["symbol"])
        rise, horizon = row["signal_type"] == "BUY", row["horizon"]
        excess = found.excess[horizon][at, name]
        assert (excess if rise else -excess) == pytest.approx(row["net_return"], abs=1e-15)
        assert (found.above if rise else found.below)[horizon][at] == row["base_rate"]
        assert found.days[at] == np.datetime64(row["entry_session"].date())
        seen += 1
    known = sum(np.isfinite(found.excess[each]).sum() for each in HORIZONS)
    assert seen == 2 * known


def test_each_window_has_the_base_rate_of_its_own_watchlist() -> None:
    bars, as_of = made_bars(3), WINDOWS[-1].end + timedelta(days=30)
    both = watched(WINDOWS, SYMBOLS)
    both[::2] = watched(WINDOWS[::2], SYMBOLS, SYMBOLS[:2])

    found = forward_returns(WINDOWS, SYMBOLS, both, bars, SESSIONS, as_of=as_of)

    for first, watchlist in ((0, SYMBOLS[:2]), (1, SYMBOLS)):
        alone = forward_returns(WINDOWS, SYMBOLS, watched(WINDOWS, SYMBOLS, watchlist), bars, SESSIONS, as_of=as_of)
        for horizon in HORIZONS:
            np.testing.assert_array_equal(found.above[horizon][first::2], alone.above[horizon][first::2])
            np.testing.assert_array_equal(found.below[horizon][first::2], alone.below[horizon][first::2])
            np.testing.assert_array_equal(found.excess[horizon][first::2], alone.excess[horizon][first::2])


def test_of_the_windows_before_one_open_only_the_last_counts() -> None:
    found = forward_returns(WINDOWS, SYMBOLS, watched(WINDOWS, SYMBOLS), made_bars(1), SESSIONS, as_of=WINDOWS[-1].end)
    # Windows end at 08:30 and 17:30: the one that ends in the morning is the last before an open.
    assert [bool(each) for each in found.last_before_open[:4]] == [window.end.hour == 13 for window in WINDOWS[:4]]
    values = np.arange(len(WINDOWS) * len(SYMBOLS), dtype=float).reshape(len(WINDOWS), -1)
    rows = pairs(values, found, 1)
    assert rows.groupby("day").size().max() <= len(SYMBOLS)
    assert set(rows["score"]) <= set(values[found.last_before_open].ravel())
    assert rows["day"].is_monotonic_increasing
    assert not rows.isna().any(axis=None)


def test_neither_the_time_before_the_calendar_nor_after_it_has_returns() -> None:
    bars, end = made_bars(2), WINDOWS[-1].end + timedelta(days=90)
    columns = (SESSIONS.dates, SESSIONS.opens, SESSIONS.closes)
    future, past = (Sessions(*(each[part] for each in columns)) for part in (slice(30, 40), slice(0, 3)))
    for calendar in (future, past):
        found = forward_returns(WINDOWS, SYMBOLS, watched(WINDOWS, SYMBOLS), bars, calendar, as_of=end)
        assert not any(np.isfinite(each).any() for each in (*found.excess.values(), *found.above.values()))
        assert np.isnat(found.days).all() == (calendar is past)
    assert len(forward_returns((), SYMBOLS, watched((), SYMBOLS), bars, SESSIONS, as_of=end).last_before_open) == 0


def test_a_panel_holds_the_scores_and_knows_what_is_missing() -> None:
    _, scores = frames_of(WINDOWS, SYMBOLS, USED, 4, mean=0.4)
    kept = scores.drop(scores.index[3])
    panel = ScorePanel.from_scores(kept, WINDOWS[:-1])
    assert panel.symbols == SYMBOLS
    assert panel.windows == WINDOWS[:-1]
    rows = {(row["window_start"], row["symbol"]): row for row in scores.to_dict("records")}
    for at, window in enumerate(panel.windows):
        for place, symbol in enumerate(SYMBOLS):
            row = rows[pd.Timestamp(window.start), symbol]
            there = (at, place) != (0, 3)
            assert panel.scored[at, place] == there
            told, priced = there and row["n_stories"] > 0, there and not np.isnan(row["technical"])
            for values, name, known in (
                (panel.tone, "tone", told),
                (panel.confidence, "tone_confidence", told),
                (panel.technical, "technical", priced),
                (panel.combined, "combined", told or priced),
            ):
                assert values[at, place] == row[name] if known else np.isnan(values[at, place])


def test_the_rows_of_some_windows_are_those_of_these_windows_alone() -> None:
    chosen = np.array([place % 3 == 1 for place in range(len(WINDOWS))])
    some = tuple(window for window, is_chosen in zip(WINDOWS, chosen, strict=True) if is_chosen)
    bars, as_of = made_bars(5), WINDOWS[-1].end + timedelta(days=30)
    _, scores = frames_of(WINDOWS, SYMBOLS, USED, 4, mean=0.4)

    panel = ScorePanel.from_scores(scores, WINDOWS).rows(chosen)
    forward = forward_returns(WINDOWS, SYMBOLS, watched(WINDOWS, SYMBOLS), bars, SESSIONS, as_of=as_of).rows(chosen)

    alone = ScorePanel.from_scores(scores, some)
    returns = forward_returns(some, SYMBOLS, watched(some, SYMBOLS), bars, SESSIONS, as_of=as_of)
    assert panel.windows == alone.windows == some
    for name in ("scored", "combined", "tone", "confidence", "technical"):
        np.testing.assert_array_equal(getattr(panel, name), getattr(alone, name))
    np.testing.assert_array_equal(forward.last_before_open, returns.last_before_open)
    np.testing.assert_array_equal(forward.days, returns.days)
    for horizon in HORIZONS:
        pd.testing.assert_frame_equal(
            pairs(panel.combined, forward, horizon), pairs(alone.combined, returns, horizon), check_exact=True
        )
        np.testing.assert_array_equal(forward.above[horizon], returns.above[horizon])
        np.testing.assert_array_equal(forward.below[horizon], returns.below[horizon])
