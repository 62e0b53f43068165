"""Adjustment: what a holder would have had, as known at an instant, to the same bits however much else is loaded."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.prices.adjustment import (
    PRICES,
    AdjustedBars,
    AdjustmentError,
    adjusted_bars,
    as_traded,
    last_opened,
    no_actions,
    no_bars,
    no_sources,
    span_factors,
)
from signals_pipeline_tests.support.digest_examples import bars_of, weekday_sessions
from signals_pipeline_tests.support.price_builders import actions_of

SESSIONS = weekday_sessions(count=40)
DAYS = SESSIONS.dates.astype("datetime64[D]")
FEW = settings(max_examples=60, deadline=None)


@st.composite
def histories(draw: st.DrawFn, *, dividends: bool = True) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars of one symbol, and actions on some days, also before the first and after the last of them."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    prices = random.uniform(50, 150, (40, 2))
    bars = bars_of(SESSIONS, {"AAA": [(float(opened), float(closed)) for opened, closed in prices]})
    missing = draw(st.lists(st.integers(0, 39), max_size=12))
    bars_with_gaps = bars.drop(index=missing).reset_index(drop=True)
    days = [DAYS[0] - 3, *DAYS, DAYS[-1] + 3, DAYS[3] + 1]  # the last may fall on a weekend
    splits = draw(st.lists(st.tuples(st.sampled_from(days), st.sampled_from([2.0, 4.0, 0.5, 1.5])), max_size=3))
    paid = draw(st.lists(st.tuples(st.sampled_from(days), st.floats(0.01, 3.0)), max_size=4)) if dividends else []

    actions = {("AAA", day, "split"): value for day, value in splits}
    actions |= {("AAA", day, "dividend"): value for day, value in paid}
    rows = draw(st.permutations([(*key, value) for key, value in actions.items()]))
    return bars_with_gaps, actions_of(*rows)


def adjusted_bars_of(bars: pd.DataFrame, actions: pd.DataFrame) -> AdjustedBars:
    return adjusted_bars(bars, actions)["AAA"]


def columns_as_of(adjusted: AdjustedBars, opened: np.datetime64) -> Mapping[str, np.ndarray]:
    return adjusted.adjusted(adjusted.count_ex_days(opened))


@FEW
@given(histories(), st.integers(0, 40), st.integers(0, 39))
def test_later_actions_and_earlier_bars_change_no_bit(
    drawn: tuple[pd.DataFrame, pd.DataFrame], ends: int, begins: int
) -> None:
    bars, actions = drawn
    as_of = DAYS[min(ends, 39)]
    past_actions = actions[actions["session"] <= pd.Timestamp(as_of)]
    later_bars = bars[bars["session"] >= pd.Timestamp(DAYS[begins])].reset_index(drop=True)

    everything = adjusted_bars_of(bars, actions)
    without_later_actions = adjusted_bars_of(bars, past_actions)

    assert without_later_actions.count_ex_days(DAYS[-1]) == everything.count_ex_days(as_of)
    for name, values in columns_as_of(everything, as_of).items():
        np.testing.assert_array_equal(columns_as_of(without_later_actions, as_of)[name], values)
        if len(later_bars):
            without_earlier_bars = adjusted_bars_of(later_bars, actions)
            found = columns_as_of(without_earlier_bars, as_of)[name]
            np.testing.assert_array_equal(found, values[-len(later_bars) :])


@FEW
@given(histories(), st.integers(1, 39))
def test_adjusted_columns_follow_the_definition(drawn: tuple[pd.DataFrame, pd.DataFrame], at: int) -> None:
    bars, actions = drawn
    if not len(bars):
        return

    found = columns_as_of(adjusted_bars_of(bars, actions), DAYS[at])

    price, shares = np.ones(len(bars)), np.ones(len(bars))
    is_known = actions["session"] <= pd.Timestamp(DAYS[at])
    is_after_first_bar = actions["session"] > bars["session"].iloc[0]
    for day, events in actions[is_known & is_after_first_bar].groupby("session"):
        values = dict(zip(events["kind"], events["value"], strict=True))
        ratio, paid = values.get("split", 1.0), values.get("dividend", 0.0)
        earlier = (bars["session"] < day).to_numpy()
        before = bars["close"][earlier].iloc[-1]
        price[earlier] *= (before / ratio - paid) / before
        shares[earlier] *= ratio
    for name in PRICES:
        np.testing.assert_allclose(found[name], bars[name] * price, rtol=1e-12)
    np.testing.assert_allclose(found["volume"], bars["volume"] * shares, rtol=1e-12)


@FEW
@given(histories())
def test_without_known_actions_bars_stay_as_traded(drawn: tuple[pd.DataFrame, pd.DataFrame]) -> None:
    bars, actions = drawn

    for without_actions in (None, no_actions(), actions.iloc[:0]):
        for adjusted in adjusted_bars(bars, without_actions).values():
            assert adjusted.count_ex_days(DAYS[-1]) == 0
            for name, values in adjusted.adjusted(0).items():
                np.testing.assert_array_equal(values, bars[name])


@FEW
@given(histories())
def test_without_bars_and_for_actions_of_other_symbols_nothing_is_adjusted(
    drawn: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    bars, actions = drawn

    with_actions_of_another = adjusted_bars(bars, actions.assign(symbol="BBB"))

    assert adjusted_bars(bars.iloc[:0], actions) == {}
    assert all(adjusted.count_ex_days(DAYS[-1]) == 0 for adjusted in with_actions_of_another.values())


@FEW
@given(histories(dividends=False))
def test_undoing_the_splits_of_a_response_and_applying_them_again_gives_the_response(
    drawn: tuple[pd.DataFrame, pd.DataFrame],
) -> None:
    response, splits = drawn
    both = pd.concat([response, response.assign(symbol="BBB")], ignore_index=True)

    traded, same = as_traded(both, splits)

    pd.testing.assert_frame_equal(same, splits)
    pd.testing.assert_frame_equal(traded[both["symbol"] == "BBB"], both[both["symbol"] == "BBB"])
    own = traded[traded["symbol"] == "AAA"].reset_index(drop=True)
    if len(own):
        adjusted = adjusted_bars_of(own, splits)
        for name, values in adjusted.adjusted(len(adjusted.ex_days)).items():
            np.testing.assert_allclose(values, response[name], rtol=1e-12)


def test_a_dividend_before_a_split_was_paid_on_the_old_shares() -> None:
    response = actions_of(
        ("AAA", DAYS[5], "dividend", 0.25), ("AAA", DAYS[9], "split", 4.0), ("AAA", DAYS[9], "dividend", 0.3)
    )

    _, paid = as_traded(bars_of(SESSIONS, {"AAA": [(1.0, 1.0)] * 40}), response)

    assert paid["value"].tolist() == [1.0, 4.0, 0.3]


def test_adjusted_closes_grow_by_the_return_of_a_holder() -> None:
    closes = [100.0, 96.0, 48.5, 50.0]
    bars = bars_of(SESSIONS, {"AAA": [(close, close) for close in closes]})
    actions = actions_of(("AAA", DAYS[1], "dividend", 5.0), ("AAA", DAYS[2], "split", 2.0))

    found = columns_as_of(adjusted_bars_of(bars, actions), DAYS[3])["close"]

    assert found[1] / found[0] == pytest.approx(96 / 95)
    assert found[2] / found[1] == pytest.approx(97 / 96)
    assert found[3] == 50.0


@pytest.mark.parametrize(("offset", "day"), [(timedelta(0), 4), (timedelta(microseconds=1), 5)])
def test_an_ex_date_is_known_once_its_session_has_opened(offset: timedelta, day: int) -> None:
    opened = SESSIONS.opens[5].item().replace(tzinfo=UTC)

    assert last_opened(SESSIONS, opened + offset) == DAYS[day]
    assert last_opened(SESSIONS, datetime(1999, 1, 1, tzinfo=UTC)) < DAYS[0]


@FEW
@given(histories(), st.integers(0, 30), st.integers(0, 9))
def test_a_span_is_adjusted_as_the_bars_are_at_its_end(
    drawn: tuple[pd.DataFrame, pd.DataFrame], first: int, held: int
) -> None:
    bars, actions = drawn
    spans = np.array([[first, first + held], [first, first]], dtype=np.int64)

    found = span_factors(bars.sample(frac=1, random_state=1), actions, {"AAA": 0, "ZZZ": 1}, SESSIONS, spans)

    assert found[1].tolist() == [1.0, 1.0]
    assert found[0, 1] == 1.0
    entry = bars.index[bars["session"] == pd.Timestamp(DAYS[first])]
    if len(entry):
        at_its_end = columns_as_of(adjusted_bars_of(bars, actions), DAYS[first + held])["open"][entry[0]]
        assert bars["open"].iloc[entry[0]] * found[0, 0] == pytest.approx(at_its_end, rel=1e-12)


def test_without_spans_or_actions_there_is_no_factor() -> None:
    bars = bars_of(SESSIONS, {"AAA": [(1.0, 1.0)] * 40})
    span = np.array([[0, 3]], dtype=np.int64)
    split = actions_of(("AAA", DAYS[2], "split", 2.0))

    assert span_factors(bars, split, {"AAA": 0}, SESSIONS, span).tolist() == [[0.5]]
    for actions, spans in ((None, span), (no_actions(), span), (split, span[:0])):
        assert (span_factors(bars, actions, {"AAA": 0}, SESSIONS, spans) == 1.0).all()


@pytest.mark.parametrize(
    ("kind", "value"), [("dividend", 1.0), ("dividend", 7.0), ("dividend", np.nan), ("split", 0.0), ("split", -2.0)]
)
def test_an_impossible_action_is_refused_in_one_line(kind: str, value: float) -> None:
    bars = bars_of(SESSIONS, {"AAA": [(1.0, 1.0)] * 40})

    with pytest.raises(AdjustmentError, match=rf"^AAA {DAYS[2]}: .*correct or delete") as refused:
        adjusted_bars(bars, actions_of(("AAA", DAYS[2], kind, value)))

    assert "\n" not in str(refused.value)


def test_an_empty_frame_of_vendors_merges_with_bars() -> None:
    """With the types of stored ones."""
    merged = no_bars().merge(no_sources(), on=["symbol", "session"])
    assert merged.empty
    assert merged.dtypes["session"] == np.dtype("datetime64[us]")
    assert list(no_sources().columns) == ["symbol", "session", "source"]
