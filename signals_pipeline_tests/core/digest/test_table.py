"""What the summary table of a digest says of each signal: why, price, move; and what became of earlier ones."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.digest.model import ActiveLine, Card
from signals_pipeline.core.digest.wording import (
    MAX_SUMMARY_CHARACTERS,
    MAX_SUMMARY_WORDS,
    meaning,
    move_text,
    outcome,
    percent,
    price_text,
    relative_return,
    short_company,
    summary_reason,
    technical_values,
)
from signals_pipeline_tests.support.digest_examples import KNOBS, WINDOWS, component, digest_of, signal, story

NOW = WINDOWS[6]


def card(title: str = "A title", **changes: object) -> Card:
    return replace(digest_of(NOW, [signal("AAA", window=NOW)]).new[0], news_title=title, **changes)


@pytest.mark.parametrize(
    ("title", "reason"),
    [
        ("Disney files smash-hit quarter", "Disney files smash-hit quarter"),
        ("$AAA: Shares Gap Up Following Strong Earnings (AAA)", "Shares Gap Up Following Strong Earnings (AAA)"),
        ("AAA:", "AAA:"),
        ("BBB: another company's tag stays", "BBB: another company's tag stays"),
        ("UPDATE 3-Oil major weighs deeper cuts as crude forces it", "Oil major weighs deeper cuts as crude forces…"),
        ("Profit rises on sales of phones in the second half of the year", "Profit rises on sales of phones…"),
        ("x" * 90, "x" * 63 + "…"),
        ("", ""),
    ],
)  # fmt: skip
def test_why_is_the_beginning_of_the_headline(title: str, reason: str) -> None:
    assert summary_reason(card(title)) == reason


def test_a_signal_of_price_alone_says_so() -> None:
    assert summary_reason(card("", source="technical")) == "Price alone"


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200))
def test_why_is_short_and_never_more_than_the_headline(title: str) -> None:
    reason = summary_reason(card(title))

    assert len(reason) <= MAX_SUMMARY_CHARACTERS
    assert len(reason.split()) <= MAX_SUMMARY_WORDS
    assert reason.removesuffix("…") in " ".join(title.split())


def test_prices_are_those_of_a_quote_or_say_what_they_are() -> None:
    traded = card(closes=(92.7,), traded_closes=(1100.57,), sessions=("2024-01-10",))
    assert (price_text(traded), traded.last_price) == ("1,100.57", 1100.57)
    older = replace(traded, traded_closes=())
    assert (price_text(older), older.last_price) == ("92.70 (adjusted)", None)
    assert price_text(replace(older, closes=(), sessions=())) == ""


@pytest.mark.parametrize(
    ("reaction", "move", "text"),
    [(0.42, 0.0123, "+1.2% (+0.4 ATR)"), (-2.0, None, "−2.0 ATR"), (None, None, ""), (0.0, 0.0001, "0.0% (0.0 ATR)")],
)
def test_the_move_since_the_headline(reaction: float | None, move: float | None, text: str) -> None:
    assert move_text(card(reaction=reaction, move=move)) == text


@pytest.mark.parametrize(("share", "text"), [(0.0004, "0.0%"), (-0.0004, "0.0%"), (0.1, "+10.0%"), (-0.1, "−10.0%")])
def test_a_return_that_rounds_to_zero_has_no_direction(share: float, text: str) -> None:
    assert percent(share) == text


def line(**changes: object) -> ActiveLine:
    return replace(digest_of(NOW, (), [signal("AAA", "SELL", WINDOWS[2])]).still_active[0], **changes)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        (
            {"net_return": -0.039, "raw_return": 0.044, "horizon": 5},
            "lost 3.9% against the market after 5 sessions (price +4.4%)",
        ),
        (
            {"net_return": 0.012, "raw_return": -0.009, "horizon": 1},
            "gained 1.2% against the market after 1 session (price −0.9%)",
        ),
        ({"net_return": 0.012, "horizon": 3}, "gained 1.2% against the market after 3 sessions"),
        ({"net_return": None, "horizon": None}, ""),
    ],
)
def test_an_outcome_is_said_with_its_convention(changes: dict[str, float], text: str) -> None:
    assert outcome(line(**changes)) == text


def test_an_outcome_that_rounds_to_zero_is_neither() -> None:
    assert relative_return(-0.0001) == "level with the market"


def test_technicals_are_values_and_those_without_effect_are_left_out() -> None:
    named = {"rsi": 59.6, "macd": -0.31, "trend": 0.44, "momentum": 1.25, "volume": None, "of another version": 1.0}
    parts = [{**component(name, 0.01), "value": value} for name, value in named.items()]
    parts.append({**component("rsi", 0.001), "value": 51.0})
    shown = digest_of(NOW, [signal(window=NOW, parts=[story(1, 0.4, 0.1), *parts])]).new[0]

    assert technical_values(shown, 9) == "RSI 60, MACD −0.31 ATR, trend +0.44, 5-day move +1.2\u00a0σ"


def test_what_the_directions_mean_is_one_sentence() -> None:
    assert (
        meaning(KNOBS) == "BUY expects a rise against the market, SELL a fall, within 7 days or until the news turns."
    )
    assert "within a day or" in meaning({**KNOBS, "signal_expiry_days": 1.0})


def test_of_many_technicals_the_strongest_are_kept_in_their_order() -> None:
    parts = [component("rsi", 0.02), component("macd", 0.01), component("trend", -0.03)]
    shown = digest_of(NOW, [signal(window=NOW, parts=[story(1, 0.4, 0.1), *parts])]).new[0]
    assert technical_values(shown, 2) == "RSI 55, trend +55.00"


@pytest.mark.parametrize(
    ("company", "name"),
    [
        ("The Home Depot, Inc.", "Home Depot"),
        ("Exxon Mobil Corporation", "Exxon Mobil"),
        ("Alibaba Group Holding", "Alibaba"),
        ("Ford Motor Company", "Ford Motor"),
        ("Company", "Company"),
        ("", ""),
    ],
)
def test_a_company_is_called_by_its_name(company: str, name: str) -> None:
    assert short_company(card(company=company)) == name


def test_a_card_carries_what_the_table_says() -> None:
    bought = signal("AAA", window=NOW, event="results", reaction=0.8)
    shown = digest_of(NOW, [bought]).new[0]

    # The headline came on 9 January before the close; three sessions have closed since.
    assert shown.headline_session == "2024-01-08"
    assert shown.move == pytest.approx(108 / 105 - 1)
    against = replace(bought, candidate=replace(bought.candidate, reaction=-0.8))
    assert digest_of(NOW, [against]).new[0].move is None
    priced = digest_of(NOW, [signal(window=NOW, parts=[component("trend", 0.5)], source="technical")]).new[0]
    assert (priced.headline_session, priced.move) == ("", None)
