"""Splits and dividends in technicals, outcomes and cards: known from their ex-date on, and never before."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.core.digest.composition import RecentCloses, card
from signals_pipeline.core.digest.wording import StalePrices
from signals_pipeline.core.prices.corrections import no_corrections
from signals_pipeline.core.prices.technicals import build
from signals_pipeline.core.record.outcomes import realised_outcomes
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline.core.windows import Window, window_for_key, windows_between
from signals_pipeline_tests.support.digest_examples import (
    KNOBS,
    WATCHLIST,
    WINDOWS,
    context_of,
    signal,
    steady,
    weekday_sessions,
)
from signals_pipeline_tests.support.digest_examples import bars_of as priced
from signals_pipeline_tests.support.price_builders import actions_of

SESSIONS = trading_sessions(date(2015, 1, 1), date(2018, 12, 31))
DAYS = SESSIONS.dates[:800]
RANGE = windows_between(datetime(2017, 12, 4, 5, tzinfo=UTC), datetime(2018, 2, 10, tzinfo=UTC))
FEW = settings(max_examples=12, deadline=None)


def walk(symbol: str, seed: int, count: int = 800) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    close = 80 * np.exp(np.cumsum(random.normal(0, 0.01, count)))
    frame = pd.DataFrame({"symbol": symbol, "session": DAYS[:count].astype("datetime64[us]"), "close": close})
    high, low = close * random.uniform(1, 1.02, count), close * random.uniform(0.98, 1, count)
    return frame.assign(open=close, high=high, low=low, volume=np.exp(random.normal(14, 1, count)).round())


days = st.sampled_from([*DAYS[300:].tolist()])
events = st.dictionaries(
    st.tuples(st.sampled_from(["A", "B"]), days, st.just("dividend")), st.floats(0.01, 2.0), max_size=8
)
splits = st.dictionaries(
    st.tuples(st.sampled_from(["A", "B"]), days, st.just("split")), st.sampled_from([2.0, 4.0, 0.1]), max_size=3
)
actions = st.builds(
    lambda dividends, splits: actions_of(*[(*key, value) for key, value in (dividends | splits).items()]),
    events,
    splits,
)


@FEW
@given(st.integers(0, 1000), actions, st.data())
def test_a_range_of_windows_gives_the_bits_of_each_alone_and_of_what_was_known_then(
    seed: int, happened: pd.DataFrame, data: st.DataObject
) -> None:
    bars = pd.concat([walk("A", seed), walk("B", seed + 1)], ignore_index=True)

    whole = build(bars, ["A", "B"], RANGE, SESSIONS, happened)

    for window in data.draw(st.lists(st.sampled_from(RANGE), min_size=1, max_size=4)):
        rows = whole[whole["window_start"] == window.start].reset_index(drop=True)
        opened = np.array([at <= np.datetime64(window.as_of.replace(tzinfo=None)) for at in SESSIONS.opens])
        then = happened[happened["session"] <= pd.Timestamp(SESSIONS.dates[opened][-1])]
        loaded = bars[bars["session"] > bars["session"].iloc[data.draw(st.integers(0, 100))]]
        pd.testing.assert_frame_equal(build(loaded, ["A", "B"], [window], SESSIONS, then), rows, check_exact=True)


@FEW
@given(st.integers(0, 1000), days, st.sampled_from([2.0, 4.0, 0.5]), st.sampled_from(RANGE))
def test_a_split_changes_no_technical(seed: int, ex_date: date, ratio: float, window: Window) -> None:
    bars = walk("A", seed)
    whole = build(bars, ["A"], [window], SESSIONS).drop(columns="close")
    old = (bars["session"] < pd.Timestamp(ex_date)).to_numpy()
    traded = bars.copy()
    traded.loc[old, ["open", "high", "low", "close"]] *= ratio
    traded.loc[old, "volume"] /= ratio

    found = build(traded, ["A"], [window], SESSIONS, actions_of(("A", ex_date, "split", ratio)))

    pd.testing.assert_frame_equal(found.drop(columns="close"), whole, rtol=1e-4, atol=1e-4)


def test_at_half_past_eight_on_the_ex_date_the_split_is_not_known_and_after_the_close_it_is() -> None:
    bars = walk("A", 7)
    ex_date = pd.Timestamp("2018-01-10")
    split = actions_of(("A", ex_date, "split", 4.0))
    plain = {row["session"].date(): row["close"] for row in bars.to_dict("records")}
    morning, evening = window_for_key("2018-01-09-17:30"), window_for_key("2018-01-10-08:30")
    without_last = bars[bars["session"] != ex_date]  # the split's own session has no bar: the last one is adjusted

    for window, factor in ((morning, 1.0), (evening, 0.25)):
        found = build(without_last, ["A"], [window], SESSIONS, split).iloc[0]
        assert found["close"] == pytest.approx(plain[date(2018, 1, 9)] * factor)
        assert found["stale"] == (window is evening)


PLAIN = weekday_sessions(count=40)
LATE = WINDOWS[-1].end
flat = priced(PLAIN, {name: [(100.0, 100.0)] * 40 for name in ("AAA", "BBB", "SPY")})


@pytest.mark.parametrize("as_of", [WINDOWS[30].end, LATE])
def test_an_outcome_holds_the_dividends_between_entry_and_exit_whenever_it_is_made(as_of: datetime) -> None:
    given_signal: list[Signal] = [signal("AAA", "BUY", WINDOWS[0])]
    plain = realised_outcomes(given_signal, flat, ["AAA", "BBB"], PLAIN, as_of=as_of).frame
    first = int(
        np.flatnonzero(PLAIN.dates == plain["entry_session"].iloc[0].to_datetime64().astype("datetime64[D]"))[0]
    )
    paid = actions_of(
        ("AAA", PLAIN.dates[first], "dividend", 9.0),  # bought ex this one
        ("AAA", PLAIN.dates[first + 2], "dividend", 5.0),
        ("AAA", PLAIN.dates[first + 12], "split", 3.0),
        ("GONE", PLAIN.dates[first], "split", 3.0),
    )

    found = realised_outcomes(given_signal, flat, ["AAA", "BBB"], PLAIN, as_of=as_of, actions=paid).frame

    assert dict(zip(found["horizon"], found["raw_return"].round(9), strict=True)) == {
        horizon: 0.0 if horizon == 1 else round(100 / 95 - 1, 9) for horizon in plain["horizon"]
    }
    assert found.loc[found["horizon"] == 3, "entry"].tolist() == [95.0]
    assert found["exit"].tolist() == [100.0] * len(found)


def test_a_card_shows_closes_as_known_then() -> None:
    split = actions_of(("AAA", PLAIN.dates[9], "split", 2.0))
    known = context_of(bars=flat, sessions=PLAIN, actions=split)
    before, after = (pd.Timestamp(PLAIN.closes[day], tz="UTC").to_pydatetime() for day in (8, 9))
    assert known.last_closes("AAA", before.replace(hour=22), 2).adjusted == (100.0, 100.0)
    assert known.last_closes("AAA", after.replace(hour=22), 2).adjusted == (50.0, 100.0)
    # A split alone restates what readers are shown.
    assert known.last_closes("AAA", after.replace(hour=22), 2).traded == (50.0, 100.0)


def test_a_card_says_since_when_its_price_is_stale() -> None:
    known = context_of(bars=flat[flat["session"] < pd.Timestamp(PLAIN.dates[5])], sessions=PLAIN)
    fourth, sixth = (pd.Timestamp(PLAIN.closes[day], tz="UTC").to_pydatetime().replace(hour=22) for day in (4, 6))
    assert known.stale_prices("AAA", fourth) is None
    assert known.stale_prices("ZZZ", sixth) is None
    before_all = pd.Timestamp(PLAIN.closes[0], tz="UTC").to_pydatetime()
    assert known.stale_prices("AAA", before_all) is None
    # Listed later.
    young = context_of(bars=flat[flat["session"] > pd.Timestamp(PLAIN.dates[5])], sessions=PLAIN)
    assert young.stale_prices("AAA", fourth) is None
    since = known.stale_prices("AAA", sixth)
    assert since == StalePrices(PLAIN.dates[4].item(), sessions=2)
    plain = {"company": WATCHLIST.company("AAA").name, "mode": "live", "knobs": KNOBS, "before": None, "record": ()}
    made = card(signal("AAA"), **plain, prices=RecentCloses(), stale=since)
    stale = "Prices are stale: the last daily bar is from Mon 8 Jan 2024; later sessions are missing."
    assert made.sentences[1] == stale
    assert (*made.sentences[:1], *made.sentences[2:]) == card(signal("AAA"), **plain, prices=RecentCloses()).sentences


@pytest.mark.parametrize(("missing", "named"), [(0, ()), (2, ()), (3, ("BBB",)), (9, ("BBB",)), (30, ("BBB",))])
def test_a_company_without_a_bar_of_the_last_three_sessions_has_no_prices(missing: int, named: tuple[str, ...]) -> None:
    bars = steady(PLAIN, "AAA", "BBB", "CCC")
    hole = PLAIN.dates[30 - missing : 30].astype("datetime64[us]")
    known = context_of(bars=bars[(bars["symbol"] != "BBB") | ~bars["session"].isin(hole)], sessions=PLAIN)
    as_of = pd.Timestamp(PLAIN.closes[29], tz="UTC").to_pydatetime() + timedelta(hours=1)
    assert known.without_prices(as_of) == named


def test_a_company_that_the_source_does_not_know_has_no_prices_and_before_the_calendar_nobody_is_missed() -> None:
    known = context_of(bars=steady(PLAIN, "AAA", "CCC"), sessions=PLAIN)
    assert known.without_prices(pd.Timestamp(PLAIN.closes[29], tz="UTC").to_pydatetime()) == ("BBB",)
    assert known.without_prices(pd.Timestamp(PLAIN.opens[0], tz="UTC").to_pydatetime()) == ()


def test_a_card_shows_the_closes_as_corrected_by_then() -> None:
    seen = pd.Timestamp(PLAIN.closes[9], tz="UTC").to_pydatetime() + timedelta(hours=1)
    corrected = flat[(flat["symbol"] == "AAA")].iloc[[8]].assign(close=99.0, first_seen_at=seen)
    corrections = pd.concat([no_corrections(), corrected], ignore_index=True)
    known = context_of(bars=flat, sessions=PLAIN, corrections=corrections)
    assert known.last_closes("AAA", seen, 2).adjusted == (100.0, 100.0)
    assert known.last_closes("AAA", seen + timedelta(hours=1), 2).adjusted == (99.0, 100.0)
