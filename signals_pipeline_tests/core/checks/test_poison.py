"""What the poison promises: before the instant nothing is touched, and after it there is harm for every company."""

from datetime import timedelta

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.checks.look_ahead import (
    cut_corrections,
    cut_days,
    cut_news,
    poison_actions,
    poison_bars,
    poison_closes,
    poison_corrections,
    poison_news,
)
from signals_pipeline.core.news.feeds import NewsBatch
from signals_pipeline.core.news.normalisation import RawHeadline
from signals_pipeline.core.prices.adjustment import ACTION_COLUMNS, CLOSE_COLUMNS, adjusted_bars, no_actions, no_closes
from signals_pipeline.core.prices.corrections import bars_as_of, no_corrections
from signals_pipeline_tests.support.digest_examples import steady, weekday_sessions
from signals_pipeline_tests.support.headline_deliveries import START, WATCHLIST, deliveries, raw

AS_OF = START + timedelta(days=3)
SYMBOLS = WATCHLIST.symbols


@settings(max_examples=40, deadline=None)
@given(deliveries())
def test_news_is_cut_at_the_instant_and_poisoned_from_it_on(items: list[RawHeadline]) -> None:
    batch = NewsBatch((*items, raw("No time", None)), ())
    cut, poisoned = cut_news(batch, AS_OF), poison_news(batch, AS_OF, WATCHLIST)
    assert [each for each in batch.headlines if each.known_at is None or each.known_at < AS_OF] == list(cut.headlines)
    assert poisoned.headlines[: len(cut.headlines)] == cut.headlines
    planted = poisoned.headlines[len(cut.headlines) :]
    assert all(each.known_at is not None and each.known_at >= AS_OF for each in planted)
    assert {tag for each in planted for tag in each.tags} >= set(SYMBOLS)


def test_poison_is_published_in_time_edits_withdraws_and_tags() -> None:
    told = raw("Apple rises", START, url="https://a.com/1", first_seen_at=START)
    planted = poison_news(NewsBatch((told,), ()), AS_OF, WATCHLIST).headlines[1:]
    assert any(each.published_at is not None and each.published_at < AS_OF and each.url != told.url for each in planted)
    same = [each for each in planted if each.url == told.url]
    assert {each.title for each in same} == {
        "Correction: Apple rises denied, loss feared",
        "[Removed]",
        "Apple rises",
    }
    assert [each.tags for each in same if each.title == told.title] == [SYMBOLS]


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 50))
def test_bars_are_kept_up_to_the_day_and_wild_after_it(at: int) -> None:
    sessions = weekday_sessions()
    last = sessions.dates[at]
    bars = steady(sessions, "AAPL", "MSFT")
    cut, poisoned = cut_days(bars, last), poison_bars(bars, last, SYMBOLS)
    days = poisoned["session"].to_numpy().astype("datetime64[D]")
    pd.testing.assert_frame_equal(poisoned[days <= last].reset_index(drop=True), cut)
    wild = poisoned[days > last]
    assert set(wild["symbol"]) == set(SYMBOLS)
    assert (wild.groupby("symbol").size() == 5).all()
    assert np.is_busday(days[days > last]).all()
    assert poisoned.dtypes.equals(bars.dtypes)
    assert not poisoned.duplicated(["symbol", "session"]).any()
    last_close = cut.groupby("symbol")["close"].last()
    for symbol, close in last_close.items():
        far = wild.loc[wild["symbol"] == symbol, "close"]
        assert ((far > 5 * close) | (far < 0.2 * close)).all()


def test_traded_closes_are_kept_up_to_the_day_and_wild_after_it() -> None:
    sessions = weekday_sessions()
    last = sessions.dates[9]
    closes = steady(sessions, "AAPL", "MSFT")[list(CLOSE_COLUMNS)]
    poisoned = poison_closes(closes, last, ["AAPL"])
    is_past = poisoned["session"] <= pd.Timestamp(last)
    pd.testing.assert_frame_equal(poisoned.loc[is_past].reset_index(drop=True), cut_days(closes, last))
    assert poisoned.loc[~is_past, "close"].tolist() == [990.0] * 5
    # A source whose bars are as traded has none, and none are made up.
    assert poison_closes(no_closes(), last, ["AAPL"]).empty


def test_actions_are_kept_up_to_the_day_and_a_split_follows() -> None:
    last = np.datetime64("2024-01-05", "D")  # a Friday
    rows = [("AAPL", pd.Timestamp("2024-01-05"), "split", 2.0), ("AAPL", pd.Timestamp("2024-01-08"), "split", 3.0)]
    frame = pd.DataFrame(rows, columns=list(ACTION_COLUMNS)).astype(no_actions().dtypes.to_dict())
    poisoned = poison_actions(frame, last, ["AAPL", "MSFT"])
    assert poisoned["value"].tolist() == [2.0, 4.0, 0.01, 4.0, 0.01]
    assert poisoned["session"].dt.strftime("%m-%d").tolist() == ["01-05", "01-08", "01-09", "01-08", "01-09"]
    assert len(poison_actions(no_actions(), last, ["AAPL"])) == 2
    bars = poison_bars(steady(weekday_sessions(), "AAPL"), last, ["AAPL"])
    assert set(adjusted_bars(bars, poison_actions(no_actions(), last, ["AAPL"]))) == {"AAPL"}


def test_corrections_are_cut_at_the_instant_and_from_it_on_every_bar_is_far_from_its_own() -> None:
    bars = steady(weekday_sessions(), "AAPL")
    early = bars.iloc[:1].assign(close=7.0, first_seen_at=AS_OF - timedelta(seconds=1))
    late = bars.iloc[1:2].assign(close=8.0, first_seen_at=AS_OF)
    corrections = pd.concat([no_corrections(), early, late], ignore_index=True)
    cut, poisoned = cut_corrections(corrections, AS_OF), poison_corrections(corrections, bars, AS_OF)
    assert cut["close"].tolist() == [7.0]
    pd.testing.assert_frame_equal(bars_as_of(bars, poisoned, AS_OF), bars_as_of(bars, corrections, AS_OF))
    later = bars_as_of(bars, poisoned, AS_OF + timedelta(seconds=1))
    assert (later["close"] == 10 * bars["close"]).all()
