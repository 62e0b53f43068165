"""Tone of headlines: probabilities, score, confidence and weight."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from signals_pipeline.core.sentiment import tone as sentiment
from signals_pipeline.core.sentiment.events import rating_action
from signals_pipeline.core.tables import HEADLINES, SENTIMENT, concat
from signals_pipeline.core.windows import Window, windows_between
from signals_pipeline_tests.support.replay_inputs import sessions_of, windows_of

WINDOWS = windows_between(datetime(2024, 3, 7, tzinfo=UTC), datetime(2024, 3, 9, tzinfo=UTC))
# Sessions from 14:30 to 21:00 UTC.
SESSIONS = sessions_of(WINDOWS)
SETTINGS: dict[str, Any] = {"min_confidence": 0.6, "half_life_hours": 6.0}
FINITE = st.floats(-1e308, 1e308)
LOGITS = st.lists(st.tuples(FINITE, FINITE, FINITE), min_size=1, max_size=40)


def headline(window: Window, number: int, symbol: str = "NVDA", **values: object) -> dict[str, object]:
    known = window.end - timedelta(hours=1 + number)
    return {
        "window_start": window.start,
        "headline_id": f"{number:016x}",
        "symbol": symbol,
        "role": "subject",
        "relevance": 1.0,
        "published_at": known,
        "known_at": known,
        "reconstructed": False,
        "title": f"Title {number}",
        "text": f"title {number}",
        "text_hash": f"hash{number}",
        "span": "",
        "event": "",
        "reason": "",
        "url": "https://example.com/a",
        "source": "Example",
        "feed": "recorded",
        "story_id": f"{number:016x}",
        "member": 0,
        "novelty": 1.0,
        "told": False,
        **values,
    }


def frame(rows: list[dict[str, object]]) -> pd.DataFrame:
    return HEADLINES.conform(pd.DataFrame(rows))


def logits_for(numbers: range, seed: int = 0) -> pd.DataFrame:
    values = np.random.default_rng(seed).normal(0, 2, (len(numbers), 3)).astype(np.float32)
    index = pd.Index([f"hash{number}" for number in numbers], name="text_hash")
    return pd.DataFrame(values, index=index, columns=list(sentiment.LABELS))


@st.composite
def headlines(draw: st.DrawFn) -> pd.DataFrame:
    rows = []
    for number in range(draw(st.integers(0, 25))):
        window = draw(st.sampled_from(WINDOWS))
        hours = draw(st.floats(0.001, 90))
        rows.append(
            headline(
                window,
                number,
                draw(st.sampled_from(["", "NVDA", "XOM", "T"])),
                known_at=window.end - timedelta(hours=hours),
                relevance=draw(st.sampled_from([0.0, 0.5, 1.0])),
                novelty=0.5 ** draw(st.integers(0, 6)),
                event=draw(st.sampled_from(["", "results", "price"])),
            )
        )
    return frame(rows) if rows else HEADLINES.empty()


@settings(max_examples=100, deadline=None)
@given(LOGITS)
def test_probabilities_sum_to_one_for_any_finite_logits(logits: list[tuple[float, float, float]]) -> None:
    probabilities = sentiment.softmax(np.array(logits))
    assert np.isfinite(probabilities).all()
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=0, atol=1e-15)
    best = np.take_along_axis(np.array(logits), probabilities.argmax(axis=1)[:, None], axis=1)[:, 0]
    # Logits closer than rounding give equal probabilities; the winner is then the largest up to that.
    np.testing.assert_allclose(best, np.array(logits).max(axis=1), rtol=1e-15, atol=1e-15)


@settings(max_examples=100, deadline=None)
@given(LOGITS)
def test_permuting_the_labels_permutes_the_probabilities(logits: list[tuple[float, float, float]]) -> None:
    values = np.array(logits)
    for order in permutations(range(3)):
        permuted = sentiment.softmax(values[:, list(order)])
        np.testing.assert_allclose(permuted, sentiment.softmax(values)[:, list(order)], rtol=1e-15, atol=0)


@settings(max_examples=100, deadline=None)
@given(LOGITS, st.integers(0, 40))
def test_a_row_does_not_depend_on_its_batch(logits: list[tuple[float, float, float]], cut: int) -> None:
    whole = sentiment.softmax(np.array(logits))
    parts = [sentiment.softmax(np.array(part).reshape(-1, 3)) for part in (logits[:cut], logits[cut:])]
    assert np.concatenate(parts).tobytes() == whole.tobytes()


def test_softmax_by_hand() -> None:
    np.testing.assert_allclose(
        sentiment.softmax(np.log([[1, 2, 7], [1, 1, 1]])), [[0.1, 0.2, 0.7], [1 / 3] * 3], rtol=1e-15
    )


@pytest.mark.parametrize(
    ("logits", "message"),
    [([[1.0, 2.0]], r"shape \(1, 2\)"), ([1.0, 2.0, 3.0], r"shape \(3,\)"), ([[0, 0, 0], [0, np.nan, 0]], "row 1")],
)
def test_softmax_refuses_a_wrong_shape_or_value(logits: list[object], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        sentiment.softmax(logits)  # pyright: ignore[reportArgumentType]
    assert "\n" not in str(caught.value)


def test_score_confidence_and_weight_by_hand() -> None:
    window = WINDOWS[0]
    # Of the 12 hours before the window's end at 22:30 UTC the market was open for 6.5: 7.05 market hours.
    row = headline(window, 0, known_at=window.end - timedelta(hours=12), relevance=0.5, novelty=0.5)
    logits = pd.DataFrame(np.log([[0.1, 0.2, 0.7]]), index=["hash0"], columns=list(sentiment.LABELS))
    scored = sentiment.build(frame([row]), logits, [window], SESSIONS, **SETTINGS).iloc[0]
    assert scored[["p_negative", "p_neutral", "p_positive"]].tolist() == pytest.approx([0.1, 0.2, 0.7])
    assert scored["score"] == pytest.approx(0.6)
    assert scored["confidence"] == pytest.approx(0.7)
    assert scored["recency"] == pytest.approx(2 ** (-7.05 / 6))
    assert scored["weight"] == pytest.approx(2 ** (-7.05 / 6) * 0.5 * 0.5 * 0.7)
    assert (scored["event"], scored["reason"]) == ("other", "")


def test_columns_are_read_by_name_whatever_their_order() -> None:
    window, logits = WINDOWS[0], logits_for(range(4))
    rows = frame([headline(window, number) for number in range(4)])
    expected = sentiment.build(rows, logits, [window], SESSIONS, **SETTINGS)
    for order in permutations(sentiment.LABELS):
        pd.testing.assert_frame_equal(
            sentiment.build(rows, logits[list(order)], [window], SESSIONS, **SETTINGS), expected
        )


@settings(max_examples=15, deadline=None)
@given(headlines(), st.floats(0, 1), st.floats(0.1, 240))
def test_only_headlines_about_a_company_are_scored_and_bounds_hold(
    rows: pd.DataFrame, min_confidence: float, half_life_hours: float
) -> None:
    scored = sentiment.build(
        rows, logits_for(range(25)), WINDOWS, SESSIONS, min_confidence=min_confidence, half_life_hours=half_life_hours
    )
    about = rows[(rows["symbol"] != "") & (rows["relevance"] > 0)]
    keys = list(SENTIMENT.key)
    pd.testing.assert_frame_equal(scored[keys], about[keys].reset_index(drop=True))
    assert scored["score"].between(-1, 1).all()
    assert scored["confidence"].between(1 / 3 - 1e-15, 1).all()
    assert scored["weight"].between(0, 1).all()
    assert (scored["confident"] == (scored["confidence"] >= min_confidence)).all()
    expected = np.where(scored["confident"], "", "confidence")
    expected = np.where(scored["event"] == "price", "event", expected)
    assert scored["reason"].tolist() == expected.tolist()
    weight = scored["recency"] * scored["relevance"] * scored["novelty"] * scored["confidence"]
    np.testing.assert_array_equal(scored["weight"], weight.where(scored["reason"] == "", 0))


@settings(max_examples=10, deadline=None)
@given(headlines(), st.randoms(use_true_random=False))
def test_windows_are_independent_and_order_does_not_matter(rows: pd.DataFrame, random: object) -> None:
    logits = logits_for(range(25))
    together = sentiment.build(rows, logits, WINDOWS, SESSIONS, **SETTINGS)
    alone = [sentiment.build(rows, logits, [window], SESSIONS, **SETTINGS) for window in WINDOWS]
    pd.testing.assert_frame_equal(concat(SENTIMENT, alone), together, check_exact=True)
    shuffled = rows.sample(frac=1, random_state=random.randrange(2**31))  # pyright: ignore[reportAttributeAccessIssue]
    again = sentiment.build(shuffled, logits.iloc[::-1], WINDOWS[::-1], SESSIONS, **SETTINGS)
    pd.testing.assert_frame_equal(again, together, check_exact=True)


@settings(max_examples=10, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_a_stricter_confidence_never_adds_a_headline(first: float, second: float) -> None:
    window, logits = WINDOWS[0], logits_for(range(20))
    rows = frame([headline(window, number) for number in range(20)])
    low, high = sorted((first, second))

    lax = sentiment.build(rows, logits, [window], SESSIONS, min_confidence=low, half_life_hours=6)
    strict = sentiment.build(rows, logits, [window], SESSIONS, min_confidence=high, half_life_hours=6)

    assert not (strict["confident"] & ~lax["confident"]).any()


def test_exactly_the_minimum_confidence_is_enough() -> None:
    window, logits = WINDOWS[0], logits_for(range(1))
    rows = frame([headline(window, 0)])
    confidence = float(sentiment.softmax(logits).max())
    for minimum, is_confident in ((confidence, True), (np.nextafter(confidence, 1), False)):
        scored = sentiment.build(rows, logits, [window], SESSIONS, min_confidence=minimum, half_life_hours=6)
        assert scored["confident"].tolist() == [is_confident]


@settings(max_examples=15, deadline=None)
@given(headlines())
def test_the_texts_to_score_are_exactly_those_that_build_needs(rows: pd.DataFrame) -> None:
    texts = sentiment.texts_to_score(pd.concat([rows, rows]))
    logits = logits_for(range(25))
    scored = sentiment.build(rows, logits.loc[texts.index], WINDOWS, SESSIONS, **SETTINGS)
    pd.testing.assert_frame_equal(scored, sentiment.build(rows, logits, WINDOWS, SESSIONS, **SETTINGS))
    used = rows[rows["headline_id"].isin(scored["headline_id"])]
    assert texts["text"].to_dict() == dict(zip(used["text_hash"], used["text"], strict=True))
    assert set(texts["span"]) <= {""}
    assert list(texts.index) == sorted(set(used["text_hash"]))


def test_a_text_of_two_companies_is_scored_once_for_each() -> None:
    rows = frame([headline(WINDOWS[0], number) for number in range(2)])
    rows = rows.assign(text="Nvidia falls as AMD gains", span=["0-6", "16-19"], text_hash=["b", "a"])
    texts = sentiment.texts_to_score(rows)
    assert texts["span"].to_dict() == {"a": "16-19", "b": "0-6"}
    assert texts["text"].unique().tolist() == ["Nvidia falls as AMD gains"]


def test_recency_halves_every_half_life_of_market_time() -> None:
    window = WINDOWS[0]
    # The market closed 1.5 hours before the window's end, 0.15 market hours.
    at = [window.end - timedelta(hours=1.5) - timedelta(hours=6 * number - 0.15) for number in (0.2, 1)]
    rows = frame([headline(window, number, known_at=known_at) for number, known_at in enumerate(at)])
    scored = sentiment.build(rows, logits_for(range(4)), [window], SESSIONS, **SETTINGS)
    assert scored.set_index("title")["recency"].to_dict() == pytest.approx({"Title 0": 2**-0.2, "Title 1": 0.5})


def test_news_after_friday_s_close_is_still_news_on_monday() -> None:
    weekend = next(window for window in windows_of(12) if window.end - window.start > timedelta(days=2))
    rows = frame([headline(weekend, 0, known_at=weekend.start + timedelta(minutes=1))])
    scored = sentiment.build(rows, logits_for(range(1)), [weekend], sessions_of([weekend]), **SETTINGS)
    # 63 closed hours count 6.3: in clock time the recency would be below a thousandth.
    assert scored["recency"].tolist() == pytest.approx([2 ** (-6.3 / 6)], abs=0.001)


def scored_with(events: list[str], by_model: list[str] | None, **changes: Any) -> pd.DataFrame:
    """Sure headlines with these types by the rules and by the model."""
    window = WINDOWS[0]
    rows = frame([headline(window, number, event=event, **changes) for number, event in enumerate(events)])
    logits = logits_for(range(len(events)))
    logits[["negative", "neutral", "positive"]] = np.array([0.0, 0.0, 5.0], dtype=np.float32)
    if by_model is not None:
        logits["event"] = by_model
    return sentiment.build(rows, logits, [window], SESSIONS, **SETTINGS).sort_values("headline_id")


def test_the_rules_decide_the_event_then_the_model_and_else_it_is_other() -> None:
    assert scored_with(["results", "", ""], ["mna", "legal", ""])["event"].tolist() == ["results", "legal", "other"]
    assert scored_with(["results", ""], None)["event"].tolist() == ["results", "other"]


def test_recaps_opinions_and_macro_carry_no_tone_and_say_why() -> None:
    scored = scored_with(["results", "price", "opinion", "macro"], None)
    assert scored["reason"].tolist() == ["", "event", "event", "event"]
    assert (scored["weight"] > 0).tolist() == [True, False, False, False]
    assert scored["confident"].all()


def test_tone_events_decide_which_events_carry_tone() -> None:
    window = WINDOWS[0]
    rows = frame([headline(window, 0, event="price"), headline(window, 1, event="results")])
    logits = logits_for(range(2))
    logits[["negative", "neutral", "positive"]] = np.array([0.0, 0.0, 5.0], dtype=np.float32)
    scored = sentiment.build(rows, logits, [window], SESSIONS, **SETTINGS, tone_events=("price",))
    assert scored.set_index("event")["reason"].to_dict() == {"price": "", "results": "event"}


def test_an_unsure_recap_carries_no_tone_because_it_is_a_recap() -> None:
    window = WINDOWS[0]
    rows = frame([headline(window, 0, event="price")])
    logits = pd.DataFrame([[0.0, 0.0, 0.0]], index=["hash0"], columns=list(sentiment.LABELS))
    scored = sentiment.build(rows, logits, [window], SESSIONS, **SETTINGS)
    assert scored["reason"].tolist() == ["event"]


@pytest.mark.parametrize("span", ["", "0-6", "0-6 30-36"])
def test_a_rating_action_is_toned_by_what_it_does(span: str) -> None:
    text = "Nvidia downgraded to sell at Citi"
    (rated,) = scored_with(["rating"], None, text=text, span=span).itertuples()
    action = rating_action(text, (0, 6))
    assert action is not None
    assert (rated.p_negative, rated.p_neutral, rated.p_positive) == action.probabilities
    reported = scored_with(["results"], None, text=text, span=span)
    assert (reported["p_positive"] > 0.9).all()


def test_a_rating_without_an_action_has_the_tone_of_the_model() -> None:
    rated = scored_with(["rating"], None, text="Analysts on Nvidia")
    assert (rated["p_positive"] > 0.9).all()


def test_missing_logits_are_reported_in_one_line() -> None:
    window = WINDOWS[0]
    rows = frame([headline(window, number) for number in range(4)])
    with pytest.raises(ValueError, match=r"missing for 2 texts, first 'Title 3'; score every text") as caught:
        sentiment.build(rows, logits_for(range(2)), [window], SESSIONS, **SETTINGS)
    assert "\n" not in str(caught.value)


def test_repeated_or_infinite_logits_are_refused() -> None:
    window, logits = WINDOWS[0], logits_for(range(2))
    rows = frame([headline(window, number) for number in range(2)])
    with pytest.raises(ValueError, match="hash0 has more than one row"):
        sentiment.build(rows, pd.concat([logits, logits]), [window], SESSIONS, **SETTINGS)
    logits.loc["hash1", "neutral"] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        sentiment.build(rows, logits, [window], SESSIONS, **SETTINGS)


def test_a_headline_from_the_future_is_refused() -> None:
    window = WINDOWS[0]
    rows = frame([headline(window, 0), headline(window, 1, known_at=window.end)])
    with pytest.raises(ValueError, match=r"headline 0000000000000001 is known at .* must come from the past"):
        sentiment.build(rows, logits_for(range(2)), [window], SESSIONS, **SETTINGS)


@pytest.mark.parametrize("rows", [HEADLINES.empty(), frame([headline(WINDOWS[1], 0), headline(WINDOWS[0], 1, "")])])
def test_nothing_to_score_gives_an_empty_frame(rows: pd.DataFrame) -> None:
    scored = sentiment.build(rows, logits_for(range(0)), WINDOWS[:1], SESSIONS, **SETTINGS)
    pd.testing.assert_frame_equal(scored, SENTIMENT.empty())
