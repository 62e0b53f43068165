"""Prices for charts: as traded, restated for splits alone, and nothing that was not known at the instant."""

from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.prices.adjustment import no_actions, no_closes
from signals_pipeline.core.prices.corrections import CORRECTION_COLUMNS, no_corrections
from signals_pipeline.core.prices.traded_history import TradedHistory, last_closed_day, traded_history
from signals_pipeline_tests.support.digest_examples import steady, weekday_sessions

SESSIONS = weekday_sessions(count=20)
BARS = pd.concat([steady(SESSIONS, name) for name in ("AAA", "BBB")], ignore_index=True)
DAYS: list[date] = SESSIONS.dates.tolist()
LATER = datetime(2024, 6, 1, tzinfo=UTC)


def history(as_of: datetime = LATER, **changes: pd.DataFrame) -> TradedHistory:
    frames = {"actions": no_actions(), "corrections": no_corrections(), "traded_closes": no_closes(), **changes}
    return traded_history("AAA", BARS, **frames, as_of=as_of)


def action(kind: str, position: int, value: float) -> pd.DataFrame:
    row = {"symbol": "AAA", "session": pd.Timestamp(DAYS[position]), "kind": kind, "value": value}
    return pd.DataFrame([row]).astype(no_actions().dtypes.to_dict())


@given(st.integers(0, 19), st.integers(0, 23))
def test_no_session_is_known_before_it_has_closed(position: int, hour: int) -> None:
    as_of = datetime.combine(DAYS[position], datetime.min.time(), UTC) + timedelta(hours=hour)
    known = history(as_of)
    # In winter New York's session closes at 21:00 UTC.
    closed = [day for day in DAYS if datetime.combine(day, datetime.min.time(), UTC) + timedelta(hours=21) < as_of]
    assert list(known.sessions) == closed
    assert known.closes == tuple(101.0 + n for n in range(len(closed)))
    assert known.opens == tuple(100.0 + n for n in range(len(closed)))


def test_a_split_restates_the_prices_before_it_and_a_dividend_changes_nothing() -> None:
    split = history(actions=action("split", 10, 2.0))
    assert split.closes[:10] == tuple((101.0 + n) / 2 for n in range(10))
    assert split.opens[:10] == tuple((100.0 + n) / 2 for n in range(10))
    assert split.closes[10:] == history().closes[10:]
    assert history(actions=action("dividend", 10, 1.0)) == history()
    # Before its ex-date nobody knew of it.
    before = datetime.combine(DAYS[9], datetime.min.time(), UTC) + timedelta(hours=22)
    assert history(before, actions=action("split", 10, 2.0)) == history(before)


def test_a_correction_counts_from_when_it_was_seen() -> None:
    bar = BARS[BARS["symbol"] == "AAA"].iloc[[3]]
    seen = bar.assign(close=50.0, low=49.0, first_seen_at=pd.Timestamp(LATER))[list(CORRECTION_COLUMNS)]
    corrections = seen.astype(no_corrections().dtypes.to_dict())
    assert history(LATER, corrections=corrections) == history()
    assert history(LATER + timedelta(days=1), corrections=corrections).closes[3] == 50.0


def test_bars_that_are_adjusted_are_shown_as_traded_and_left_out_where_that_is_not_known() -> None:
    own = BARS[BARS["symbol"] == "AAA"]
    closes = own[["symbol", "session", "close"]].assign(close=own["close"] * 1.1).iloc[:15]
    shown = history(traded_closes=closes)
    assert shown.sessions == tuple(DAYS[:15])
    assert shown.closes == pytest.approx([1.1 * (101.0 + n) for n in range(15)])
    assert shown.opens == pytest.approx([1.1 * (100.0 + n) for n in range(15)])


def test_a_session_is_found_by_its_date() -> None:
    known = history()
    assert [known.index_of(day) for day in DAYS] == list(range(20))
    assert known.index_of(date(2024, 1, 6)) is None  # a Saturday
    assert known.index_of(date(2030, 1, 1)) is None
    assert known.count_before(datetime(2024, 1, 2, 14, tzinfo=UTC)) == 0
    assert known.count_before(datetime(2024, 1, 2, 22, tzinfo=UTC)) == 1


def test_the_last_days_end_with_the_newest_session() -> None:
    known = history()
    # From Monday 22 January to Monday 29 January: six sessions.
    assert known.last_days(7).sessions == tuple(DAYS[-6:])
    assert known.last_days(7).closes == known.closes[-6:]
    assert known.last_days(1000) == known
    assert TradedHistory().last_days(7) == TradedHistory()


def test_a_company_without_bars_has_an_empty_history() -> None:
    none = traded_history("ZZZ", BARS, no_actions(), no_corrections(), no_closes(), as_of=LATER)
    assert none == TradedHistory()
    assert none.index_of(DAYS[0]) is None
    with pytest.raises(ValueError, match="an open and a close for each"):
        TradedHistory((DAYS[0],), (), ())


def test_the_last_closed_day_is_that_of_new_york() -> None:
    assert last_closed_day(datetime(2024, 1, 3, 21, 0, tzinfo=UTC)) == date(2024, 1, 2)
    assert last_closed_day(datetime(2024, 1, 3, 21, 0, 1, tzinfo=UTC)) == date(2024, 1, 3)
    assert last_closed_day(datetime(2024, 1, 4, 3, tzinfo=UTC)) == date(2024, 1, 3)
