"""Tone of headlines: probabilities, score, confidence and weight."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from signals_pipeline.core.sentiment import tone as sentiment
from signals_pipeline.core.tables import HEADLINES, SENTIMENT, concat
from signals_pipeline.core.windows import Window, windows_between

WINDOWS = windows_between(datetime(2024, 3, 7, tzinfo=UTC), datetime(2024, 3, 9, tzinfo=UTC))
SETTINGS = {"min_confidence": 0.6, "half_life_hours": 6.0}
FINITE = st.floats(-1e308, 1e308)
LOGITS = st.lists(st.tuples(FINITE, FINITE, FINITE), min_size=1, max_size=40)


def headline(window: Window, number: int, symbol: str = "NVDA", **values: object) -> dict[str, object]:
    known = window.end - timedelta(hours=1 + number)
    return {
        "window_start": window.start,
        "headline_id": f"{number:016x}",
        "symbol": symbol,
        "relevance": 1.0,
        "published_at": known,
        "known_at": known,
        "reconstructed": False,
        "title": f"Title {number}",
        "text": f"title {number}",
        "text_hash": f"hash{number}",
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
                novelty=0.75 ** draw(st.integers(0, 6)),
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
    row = headline(window, 0, known_at=window.end - timedelta(hours=12), relevance=0.5, novelty=0.75)
    logits = pd.DataFrame(np.log([[0.1, 0.2, 0.7]]), index=["hash0"], columns=list(sentiment.LABELS))
    scored = sentiment.build(frame([row]), logits, [window], **SETTINGS).iloc[0]
    assert scored[["p_negative", "p_neutral", "p_positive"]].tolist() == pytest.approx([0.1, 0.2, 0.7])
    assert scored["score"] == pytest.approx(0.6)
    assert scored["confidence"] == pytest.approx(0.7)
    assert scored["recency"] == 0.25
    assert scored["weight"] == pytest.approx(0.25 * 0.5 * 0.75 * 0.7)


def test_columns_are_read_by_name_whatever_their_order() -> None:
    window, logits = WINDOWS[0], logits_for(range(4))
    rows = frame([headline(window, number) for number in range(4)])
    expected = sentiment.build(rows, logits, [window], **SETTINGS)
    for order in permutations(sentiment.LABELS):
        pd.testing.assert_frame_equal(sentiment.build(rows, logits[list(order)], [window], **SETTINGS), expected)


@settings(max_examples=15, deadline=None)
@given(headlines(), st.floats(0, 1), st.floats(0.1, 240))
def test_only_headlines_about_a_company_are_scored_and_bounds_hold(
    rows: pd.DataFrame, min_confidence: float, half_life_hours: float
) -> None:
    scored = sentiment.build(
        rows, logits_for(range(25)), WINDOWS, min_confidence=min_confidence, half_life_hours=half_life_hours
    )
    about = rows[(rows["symbol"] != "") & (rows["relevance"] > 0)]
    keys = list(SENTIMENT.key)
    pd.testing.assert_frame_equal(scored[keys], about[keys].reset_index(drop=True))
    assert scored["score"].between(-1, 1).all()
    assert scored["confidence"].between(1 / 3 - 1e-15, 1).all()
    assert scored["weight"].between(0, 1).all()
    assert (scored["confident"] == (scored["confidence"] >= min_confidence)).all()
    assert (scored.loc[~scored["confident"], "weight"] == 0).all()
    weight = scored["recency"] * scored["relevance"] * scored["novelty"] * scored["confidence"]
    np.testing.assert_array_equal(scored["weight"], weight.where(scored["confident"], 0))


@settings(max_examples=10, deadline=None)
@given(headlines(), st.randoms(use_true_random=False))
def test_windows_are_independent_and_order_does_not_matter(rows: pd.DataFrame, random: object) -> None:
    logits = logits_for(range(25))
    together = sentiment.build(rows, logits, WINDOWS, **SETTINGS)
    alone = [sentiment.build(rows, logits, [window], **SETTINGS) for window in WINDOWS]
    pd.testing.assert_frame_equal(concat(SENTIMENT, alone), together, check_exact=True)
    shuffled = rows.sample(frac=1, random_state=random.randrange(2**31))  # pyright: ignore[reportAttributeAccessIssue]
    again = sentiment.build(shuffled, logits.iloc[::-1], WINDOWS[::-1], **SETTINGS)
    pd.testing.assert_frame_equal(again, together, check_exact=True)


@settings(max_examples=10, deadline=None)
@given(st.floats(0, 1), st.floats(0, 1))
def test_a_stricter_confidence_never_adds_a_headline(first: float, second: float) -> None:
    window, logits = WINDOWS[0], logits_for(range(20))
    rows = frame([headline(window, number) for number in range(20)])
    low, high = sorted((first, second))

    lax = sentiment.build(rows, logits, [window], min_confidence=low, half_life_hours=6)
    strict = sentiment.build(rows, logits, [window], min_confidence=high, half_life_hours=6)

    assert not (strict["confident"] & ~lax["confident"]).any()


def test_exactly_the_minimum_confidence_is_enough() -> None:
    window, logits = WINDOWS[0], logits_for(range(1))
    rows = frame([headline(window, 0)])
    confidence = float(sentiment.softmax(logits).max())
    for minimum, is_confident in ((confidence, True), (np.nextafter(confidence, 1), False)):
        scored = sentiment.build(rows, logits, [window], min_confidence=minimum, half_life_hours=6)
        assert scored["confident"].tolist() == [is_confident]


@settings(max_examples=15, deadline=None)
@given(headlines())
def test_the_texts_to_score_are_exactly_those_that_build_needs(rows: pd.DataFrame) -> None:
    texts = sentiment.texts_to_score(pd.concat([rows, rows]))
    logits = logits_for(range(25))
    scored = sentiment.build(rows, logits.loc[texts.index], WINDOWS, **SETTINGS)
    pd.testing.assert_frame_equal(scored, sentiment.build(rows, logits, WINDOWS, **SETTINGS))
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


def test_recency_halves_every_half_life() -> None:
    window = WINDOWS[0]
    rows = frame([headline(window, number, known_at=window.end - timedelta(hours=6 * number)) for number in (1, 2, 3)])
    scored = sentiment.build(rows, logits_for(range(4)), [window], **SETTINGS)
    assert scored.set_index("title")["recency"].to_dict() == {"Title 1": 0.5, "Title 2": 0.25, "Title 3": 0.125}


def test_missing_logits_are_reported_in_one_line() -> None:
    window = WINDOWS[0]
    rows = frame([headline(window, number) for number in range(4)])
    with pytest.raises(ValueError, match=r"missing for 2 texts, first 'Title 3'; score every text") as caught:
        sentiment.build(rows, logits_for(range(2)), [window], **SETTINGS)
    assert "\n" not in str(caught.value)


def test_repeated_or_infinite_logits_are_refused() -> None:
    window, logits = WINDOWS[0], logits_for(range(2))
    rows = frame([headline(window, number) for number in range(2)])
    with pytest.raises(ValueError, match="hash0 has more than one row"):
        sentiment.build(rows, pd.concat([logits, logits]), [window], **SETTINGS)
    logits.loc["hash1", "neutral"] = np.nan
    with pytest.raises(ValueError, match="not finite"):
        sentiment.build(rows, logits, [window], **SETTINGS)


def test_a_headline_from_the_future_is_refused() -> None:
    window = WINDOWS[0]
    rows = frame([headline(window, 0), headline(window, 1, known_at=window.end)])
    with pytest.raises(ValueError, match=r"headline 0000000000000001 is known at .* must come from the past"):
        sentiment.build(rows, logits_for(range(2)), [window], **SETTINGS)


@pytest.mark.parametrize("rows", [HEADLINES.empty(), frame([headline(WINDOWS[1], 0), headline(WINDOWS[0], 1, "")])])
def test_nothing_to_score_gives_an_empty_frame(rows: pd.DataFrame) -> None:
    scored = sentiment.build(rows, logits_for(range(0)), WINDOWS[:1], **SETTINGS)
    pd.testing.assert_frame_equal(scored, SENTIMENT.empty())
