"""Which value of a corrected bar counts at an instant, also in a range of windows of which some saw the correction."""

from datetime import UTC, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.prices.corrections import (
    CORRECTION_COLUMNS,
    BarVersions,
    bars_as_of,
    no_corrections,
    windows_by_bars,
)
from signals_pipeline.core.prices.technicals import build
from signals_pipeline.core.windows import windows_between
from signals_pipeline_tests.support.digest_examples import steady, weekday_sessions

SESSIONS = weekday_sessions(count=120)
BARS = pd.concat([steady(SESSIONS, name) for name in ("AAA", "BBB")], ignore_index=True)
SEEN = datetime(2024, 5, 1, 12, tzinfo=UTC)
WINDOWS = windows_between(SEEN - timedelta(days=4), SEEN + timedelta(days=4))


def corrections(*rows: tuple[str, int, float, datetime]) -> pd.DataFrame:
    """Corrections of closes: symbol, position of the session, the close, when it was first seen."""
    frames = [no_corrections()]
    for symbol, position, close, seen in rows:
        bar = BARS.loc[(BARS["symbol"] == symbol)].iloc[[position]]
        frames.append(bar.assign(close=close, low=close * 0.9, high=close * 1.1, first_seen_at=seen))
    return pd.concat(frames, ignore_index=True)[list(CORRECTION_COLUMNS)].astype(no_corrections().dtypes.to_dict())


def close(bars: pd.DataFrame, symbol: str, position: int) -> float:
    return float(bars.loc[bars["symbol"] == symbol, "close"].iloc[position])


@pytest.mark.parametrize(
    ("as_of", "expected"),
    [
        (SEEN - timedelta(hours=1), None),
        (SEEN, None),
        (SEEN + timedelta(seconds=1), 2.0),
        (SEEN + timedelta(hours=1), 2.0),
        (SEEN + timedelta(hours=2), 3.0),
    ],
)
def test_the_newest_value_first_seen_before_the_instant_counts(as_of: datetime, expected: float | None) -> None:
    corrected = corrections(("AAA", 5, 3.0, SEEN + timedelta(hours=1)), ("AAA", 5, 2.0, SEEN))
    bars = bars_as_of(BARS, corrected, as_of)
    assert close(bars, "AAA", 5) == (expected or close(BARS, "AAA", 5))
    others = ~((bars["symbol"] == "AAA") & (bars.groupby("symbol").cumcount() == 5))
    pd.testing.assert_frame_equal(bars[others], BARS[others])
    versions = BarVersions(BARS, None, corrected)
    assert versions.as_of(as_of)["AAA"].columns["close"][5] == close(bars, "AAA", 5)


def test_a_correction_of_a_bar_that_is_not_there_is_left_out() -> None:
    pd.testing.assert_frame_equal(
        bars_as_of(BARS.iloc[:3], corrections(("BBB", 5, 2.0, SEEN)), WINDOWS[-1].end), BARS[:3]
    )


def test_windows_that_know_the_same_are_one_group() -> None:
    assert [len(part) for part, _ in windows_by_bars(WINDOWS, BARS, None)] == [len(WINDOWS)]
    assert [len(part) for part, _ in windows_by_bars(WINDOWS, BARS, no_corrections())] == [len(WINDOWS)]
    groups = windows_by_bars(WINDOWS[::-1], BARS, corrections(("AAA", 5, 2.0, SEEN)))
    assert [window for part, _ in groups for window in part] == list(WINDOWS)
    assert [max(window.as_of for window in part) <= SEEN for part, _ in groups] == [True, False]


@settings(max_examples=20, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(["AAA", "BBB"]), st.integers(0, 119), st.floats(50, 150), st.integers(-120, 120)),
        max_size=4,
    )
)
def test_a_range_of_windows_is_the_same_as_each_of_them_with_what_it_knew(
    drawn: list[tuple[str, int, float, int]],
) -> None:
    corrected = corrections(*[(symbol, at, price, SEEN + timedelta(hours=hour)) for symbol, at, price, hour in drawn])
    together = build(BARS, ["AAA", "BBB"], WINDOWS, SESSIONS, corrections=corrected)
    for window in WINDOWS[:: len(WINDOWS) // 3]:
        known = bars_as_of(BARS, corrected, window.as_of)
        alone = build(known, ["AAA", "BBB"], [window], SESSIONS)
        rows = together[together["window_start"] == window.start].reset_index(drop=True)
        pd.testing.assert_frame_equal(rows, alone, check_exact=True)
