"""The combined score is additive, exact without a story, and the same whatever else is computed with it."""

import json
import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from signals_pipeline.core.prices.reaction import PriceHistory
from signals_pipeline.core.prices.technicals import COMPONENT_WEIGHTS
from signals_pipeline.core.scoring import scores
from signals_pipeline.core.tables import HEADLINES, SCORES, SENTIMENT, TECHNICALS, concat
from signals_pipeline.core.windows import Window, windows_between
from signals_pipeline_tests.support.chunks import map_in_reverse
from signals_pipeline_tests.support.replay_inputs import sessions_of

WINDOWS = windows_between(datetime(2024, 3, 7, tzinfo=UTC), datetime(2024, 3, 9, tzinfo=UTC))
WINDOW = WINDOWS[0]
SYMBOLS = ("NVDA", "T", "XOM")
RAW = {"rsi": "rsi", "macd": "macd_atr", "trend": "trend_atr", "momentum": "momentum", "volume": "volume_z"}
Rows = list[dict[str, object]]


def scored(number: int, weight: float, score: float, **values: object) -> dict[str, object]:
    """A SENTIMENT row; by default a story of its own."""
    return {
        "window_start": WINDOW.start,
        "headline_id": f"{number:016x}",
        "symbol": "NVDA",
        "published_at": WINDOW.end - timedelta(minutes=1 + number),
        "known_at": WINDOW.end - timedelta(minutes=1 + number),
        "role": "subject",
        "event": "results",
        "title": f"Title {number}",
        "url": f"https://example.com/{number}",
        "source": "Example",
        "story_id": f"{number:016x}",
        "told": False,
        "p_negative": (1 - score) / 2,
        "p_neutral": 0.0,
        "p_positive": (1 + score) / 2,
        "score": score,
        "confidence": (1 + abs(score)) / 2,
        "confident": weight > 0,
        "recency": 1.0,
        "relevance": 1.0,
        "novelty": 1.0,
        "weight": weight,
        "reason": "" if weight > 0 else "confidence",
        **values,
    }


def priced(symbol: str = "NVDA", window: Window = WINDOW, **components: float) -> dict[str, object]:
    """A TECHNICALS row from components, or one under 60 bars where none is given."""
    bounded = {f"c_{name}": components.get(name, math.nan) for name in COMPONENT_WEIGHTS}
    technical = sum(weight * bounded[f"c_{name}"] for name, weight in COMPONENT_WEIGHTS.items())
    row = {
        "window_start": window.start,
        "symbol": symbol,
        "session": window.start,
        "stale": False,
        "bars": 0,
        "close": math.nan,
    }
    raw = {column: 10 * bounded[f"c_{name}"] for name, column in RAW.items()}
    return {**row, **raw, **bounded, "technical": technical}


def sentiment_frame(rows: Rows) -> pd.DataFrame:
    return SENTIMENT.conform(pd.DataFrame(rows)) if rows else SENTIMENT.empty()


def technicals_frame(rows: Sequence[dict[str, object]]) -> pd.DataFrame:
    return TECHNICALS.conform(pd.DataFrame(list(rows))) if rows else TECHNICALS.empty()


def headlines_for(sentiment: pd.DataFrame) -> pd.DataFrame:
    """The HEADLINES rows that a SENTIMENT frame came from."""
    rows = sentiment.assign(reconstructed=False, text=sentiment["title"])
    return HEADLINES.conform(
        rows.assign(text_hash=rows["title"], feed="recorded", member=0, role="subject", span="", event="", reason="")
    )


def build(
    rows: Rows,
    prices: Sequence[dict[str, object]] = (),
    *,
    weight: float = 0.6,
    windows: Sequence[Window] = WINDOWS[:1],
    symbols: Sequence[str] = SYMBOLS,
) -> pd.DataFrame:
    sentiment = sentiment_frame(rows)
    technicals = technicals_frame(prices)
    return scores.build(headlines_for(sentiment), sentiment, technicals, symbols, windows, sentiment_weight=weight)


def score_of(
    rows: Rows, prices: Sequence[dict[str, object]] = (), *, weight: float = 0.6
) -> tuple[Any, list[dict[str, Any]]]:
    row = row_of(build(rows, prices, weight=weight), "NVDA")
    return row, json.loads(row["contributions"])


def row_of(built: pd.DataFrame, symbol: str) -> Any:
    """The one row of a symbol, as a Series."""
    return built.set_index("symbol").loc[symbol]


UNIT = st.floats(-1, 1)
WEIGHTS = st.one_of(st.just(0.0), st.floats(0.01, 1), st.floats(1e-12, 1), st.floats(0, 1e-300), st.just(5e-324))


@st.composite
def sentiment_rows(draw: st.DrawFn, windows: tuple[Window, ...] = WINDOWS[:1], maximum: int = 12) -> Rows:
    rows = []
    for number in range(draw(st.integers(0, maximum))):
        window = draw(st.sampled_from(windows))
        place = {"window_start": window.start, "symbol": draw(st.sampled_from(SYMBOLS))}
        story = f"{draw(st.integers(0, 5)):016x}"
        known = window.end - timedelta(seconds=draw(st.integers(1, 5)))
        rows.append(
            scored(number, draw(WEIGHTS), draw(UNIT), **place, story_id=story, known_at=known, told=draw(st.booleans()))
        )
    return rows


@st.composite
def technical_rows(draw: st.DrawFn, windows: tuple[Window, ...] = WINDOWS[:1]) -> Rows:
    rows = []
    for window in windows:
        for symbol in draw(st.sets(st.sampled_from(SYMBOLS))):
            components = {name: draw(UNIT) for name in COMPONENT_WEIGHTS} if draw(st.booleans()) else {}
            rows.append(priced(symbol, window, **components))
    return rows


def test_tone_and_combined_by_hand() -> None:
    prices = [priced(rsi=0.5, macd=-0.2, trend=1.0, momentum=0.0, volume=-1.0)]
    row, parts = score_of([scored(0, 0.6, 0.9), scored(1, 0.2, -0.5)], prices)
    tone = (0.6 * 0.9 - 0.2 * 0.5) / (0.5 + 0.8)
    technical = 0.2 * 0.5 - 0.25 * 0.2 + 0.3 * 1 - 0.1
    assert row["tone"] == pytest.approx(tone)
    assert row["tone_confidence"] == pytest.approx((0.6 * 0.95 + 0.2 * 0.75) / 0.8)
    assert row["technical"] == pytest.approx(technical)
    assert row["combined"] == pytest.approx(0.6 * tone + 0.4 * technical)
    assert [part.get("name", part["kind"]) for part in parts] == ["story", "story", *COMPONENT_WEIGHTS]
    assert parts[0]["contribution"] == pytest.approx(0.6 * 0.6 * 0.9 / 1.3)
    assert parts[0]["without"] == pytest.approx(0.6 * 0.2 * -0.5 / 0.7 + 0.4 * technical)
    assert parts[1]["without"] == pytest.approx(0.6 * 0.6 * 0.9 / 1.1 + 0.4 * technical)
    assert parts[4] == {
        "kind": "technical",
        "name": "trend",
        "value": 10.0,
        "component": 1.0,
        "weight": 0.3,
        "contribution": pytest.approx(0.4 * 0.3),
    }


def test_a_fresh_and_certain_story_keeps_two_thirds_of_its_tone_and_a_weak_one_hardly_any() -> None:
    fresh, _ = score_of([scored(0, 1.0, 1.0)])
    weak, _ = score_of([scored(0, 0.01, 1.0)])
    several, _ = score_of([scored(number, 0.01, 1.0) for number in range(10)])
    assert fresh["tone"] == pytest.approx(2 / 3)
    assert weak["tone"] == pytest.approx(0.01 / 0.51)
    assert several["tone"] == pytest.approx(0.1 / 0.6)


def test_the_headlines_of_a_story_count_as_one_story() -> None:
    known = WINDOW.end - timedelta(hours=1)
    rows = [
        scored(0, 0.3, 0.5, story_id="s", known_at=known + timedelta(minutes=1)),
        scored(1, 0.3, 1.0, story_id="s", known_at=known),
        scored(2, 0.2, -1.0, story_id="s", told=True),
    ]
    row, (story,) = score_of(rows)

    assert (row["n_stories"], bool(row["fragile"]), bool(row["fresh"])) == (1, True, False)
    assert row["total_weight"] == pytest.approx(0.8)
    # Two headlines weigh the same: the story takes its title and link from the one known first.
    assert (row["story_id"], row["news_title"], row["news_url"]) == ("s", "Title 1", "https://example.com/1")
    assert story["known_at"] == known.isoformat().replace("+00:00", "Z")
    assert (story["title"], story["headlines"], story["told"]) == ("Title 1", 3, True)
    assert story["tone"] == pytest.approx((0.15 + 0.3 - 0.2) / 0.8)
    assert story["without"] == 0


def test_a_story_has_event_role_and_publication_time_of_its_weightiest_headline() -> None:
    known = WINDOW.end - timedelta(hours=1)
    rows = [
        scored(0, 0.2, 0.5, story_id="s", event="legal", role="affected"),
        scored(1, 0.4, 1.0, story_id="s", event="results", known_at=known, published_at=known - timedelta(hours=1)),
    ]
    row, (story,) = score_of(rows)

    assert (row["event"], story["event"], story["role"]) == ("results", "results", "subject")
    assert datetime.fromisoformat(story["published_at"]) == known - timedelta(hours=1)
    assert datetime.fromisoformat(story["known_at"]) == known


def test_the_reaction_is_to_the_first_headline_of_the_leading_story() -> None:
    # Thursday 7 March, 08:30 to 17:30 New York time; the sessions are from 14:30 to 21:00 UTC.
    noon, evening = WINDOW.start + timedelta(hours=3), WINDOW.end - timedelta(minutes=5)
    rows = [
        scored(0, 0.5, 0.9, story_id="s", known_at=evening),
        # The first headline of the story carries no tone, but the price knew it.
        scored(1, 0.0, 0.1, story_id="s", known_at=noon),
        scored(2, 0.1, 0.9, story_id="other", known_at=WINDOW.start),
        scored(3, 0.5, 0.9, symbol="T", known_at=evening),
    ]
    sentiment = sentiment_frame(rows)
    headlines = headlines_for(sentiment)
    sessions = sessions_of(WINDOWS)
    last = int(np.searchsorted(sessions.dates, np.datetime64("2024-03-07")))
    dates = pd.Series(np.busday_offset(sessions.dates[last], np.arange(-40, 1)).astype("datetime64[us]"))
    closes = np.append(np.full(40, 100.0), 94.0)
    bars = pd.concat(
        pd.DataFrame(
            {"symbol": symbol, "session": dates, "high": closes + 1, "low": closes - 1, "close": closes, "volume": 1.0}
        )
        for symbol in ("NVDA", "T")
    ).astype({"symbol": "str"})
    prices = PriceHistory(bars, None, sessions)

    built = scores.build(
        headlines, sentiment, technicals_frame([]), SYMBOLS, [WINDOW], sentiment_weight=0.6, prices=prices
    ).set_index("symbol")

    assert built.loc["NVDA", "story_known_at"] == noon
    assert built.loc["NVDA", "reaction"] == pytest.approx(-3.0)
    assert built["reaction"].isna()[["T", "XOM"]].all()  # no session closed since, no story
    assert built["story_known_at"].isna()["XOM"]


def test_the_leading_story_has_the_largest_absolute_contribution() -> None:
    row, parts = score_of([scored(0, 0.5, 0.4), scored(1, 0.5, -0.9), scored(2, 0.9, 0.1)])

    assert row["news_title"] == "Title 1"
    sizes = [abs(part["contribution"]) for part in parts]
    assert sizes == sorted(sizes, reverse=True)


def test_equal_stories_are_led_by_the_first_known_then_by_id() -> None:
    at = WINDOW.end - timedelta(hours=2)
    rows = [scored(0, 0.5, 0.5), scored(2, 0.5, 0.5, known_at=at), scored(1, 0.5, 0.5, known_at=at)]
    row, parts = score_of(rows)

    assert row["news_title"] == "Title 1"
    assert [part["title"] for part in parts] == ["Title 1", "Title 2", "Title 0"]


def test_counts_separate_tagged_relevant_and_confident_headlines() -> None:
    recap = scored(4, 0.0, 0.9, event="price", reason="event")
    rows = [scored(0, 0.5, 0.5), scored(1, 0.0, 0.1), recap, scored(2, 0.0, 0.0, relevance=0.0)]
    sentiment = sentiment_frame(rows[:3])
    headlines = pd.concat(
        [headlines_for(sentiment_frame(rows)), headlines_for(sentiment_frame([scored(3, 0, 0, symbol="")]))]
    )
    built = scores.build(headlines, sentiment, TECHNICALS.empty(), SYMBOLS, [WINDOW], sentiment_weight=0.6)
    counts = built.set_index("symbol")[["n_tagged", "n_relevant", "n_eventful", "n_confident", "n_stories"]]
    assert list(counts.loc["NVDA"]) == [4, 3, 2, 1, 1]
    assert list(counts.loc["T"]) == [0, 0, 0, 0, 0]


def test_without_news_the_score_is_zero_and_there_is_nothing_to_explain() -> None:
    row, parts = score_of([], [priced()])

    assert (row["tone"], row["tone_confidence"], row["combined"]) == (0, 0, 0)
    assert math.isnan(row["technical"])
    assert (parts, row["story_id"], row["news_title"], row["news_url"], row["event"]) == ([], "", "", "", "")
    assert math.isnan(row["reaction"])
    assert not row["fresh"]
    assert not row["fragile"]


def test_a_missing_technical_score_is_never_renormalised() -> None:
    alone, parts = score_of([scored(0, 0.5, 0.9)], [priced()])

    assert alone["combined"] == 0.6 * alone["tone"]
    assert [part["kind"] for part in parts] == ["story"]


def test_a_missing_raw_value_is_null() -> None:
    row = priced(rsi=0.1, macd=0.1, trend=0.1, momentum=0.1, volume=0.0) | {"volume_z": math.nan}
    _, parts = score_of([], [row])

    assert parts[-1] == {**parts[-1], "name": "volume", "value": None, "component": 0.0}


def test_no_windows_or_no_symbols_give_an_empty_frame() -> None:
    empty = (HEADLINES.empty(), SENTIMENT.empty(), TECHNICALS.empty())
    for symbols, windows in (((), WINDOWS), (SYMBOLS, ())):
        pd.testing.assert_frame_equal(scores.build(*empty, symbols, windows, sentiment_weight=0.6), SCORES.empty())


@settings(max_examples=20, deadline=None)
@given(sentiment_rows(maximum=25), technical_rows(), st.floats(0, 1))
def test_contributions_sum_to_the_combined_score(rows: Rows, prices: Rows, weight: float) -> None:
    for _, row in build(rows, prices, weight=weight).iterrows():
        parts = json.loads(row["contributions"])
        assert math.fsum(part["contribution"] for part in parts) == pytest.approx(row["combined"], rel=0, abs=1e-12)
        assert sum(part["kind"] == "story" for part in parts) == row["n_stories"]
        assert sum(part["kind"] == "technical" for part in parts) == (0 if math.isnan(row["technical"]) else 5)
        assert abs(row["tone"]) <= 1
        assert 0 <= row["tone_confidence"] <= 1
        assert row["fragile"] == (row["n_stories"] == 1)
        stories = [part for part in parts if part["kind"] == "story"]
        assert row["fresh"] == any(not part["told"] for part in stories)
        assert row["story_id"] == (stories[0]["story_id"] if stories else "")
        assert all(abs(part["tone"]) <= 1 and part["weight"] > 0 for part in stories)


@settings(max_examples=12, deadline=None)
@given(sentiment_rows(maximum=25), technical_rows(), st.floats(0, 1))
def test_the_score_without_a_story_is_the_score_had_the_story_not_been_there(
    rows: Rows, prices: Rows, weight: float
) -> None:
    without: dict[str, float] = {}
    rows_left: Rows = []
    prices_left: Rows = []
    for _, row in build(rows, prices, weight=weight).iterrows():
        for part in json.loads(row["contributions"]):
            if part["kind"] == "story":
                # Every company less one story is a company of its own, so that one call scores them all.
                name = f"{row['symbol']} without {part['story_id']}"
                without[name] = part["without"]
                own_rows = [headline for headline in rows if headline["symbol"] == row["symbol"]]
                other_stories = [headline for headline in own_rows if headline["story_id"] != part["story_id"]]
                rows_left += [headline | {"symbol": name} for headline in other_stories]
                own_prices = [price for price in prices if price["symbol"] == row["symbol"]]
                prices_left += [price | {"symbol": name} for price in own_prices]
    again = build(rows_left, prices_left, weight=weight, symbols=tuple(without)).set_index("symbol")["combined"]
    assert again.to_dict() == pytest.approx(without, rel=0, abs=1e-12)


@settings(max_examples=8, deadline=None)
@given(sentiment_rows(), technical_rows(), UNIT)
def test_a_headline_without_weight_changes_only_the_counts(rows: Rows, prices: Rows, score: float) -> None:
    unsure = scored(100, 0.0, score, story_id=f"{0:016x}", told=True, confident=False)
    tag_only = scored(101, 0.0, score, relevance=0.0, confident=False)

    before = build(rows, prices)
    after = build([*rows, unsure, tag_only], prices)

    # Such a headline may also have been the first of its story.
    counts = ["n_tagged", "n_relevant", "n_eventful", "story_known_at"]
    pd.testing.assert_frame_equal(after.drop(columns=counts), before.drop(columns=counts), check_exact=True)


@settings(max_examples=6, deadline=None)
@given(sentiment_rows(WINDOWS, maximum=25), technical_rows(WINDOWS), st.randoms(use_true_random=False))
def test_neither_other_windows_nor_the_order_of_the_rows_matter(rows: Rows, prices: Rows, random: Random) -> None:
    together = build(rows, prices, windows=WINDOWS)

    alone = [build(rows, prices, windows=(window,)) for window in WINDOWS]
    pd.testing.assert_frame_equal(concat(SCORES, alone), together, check_exact=True)
    sentiment, technicals = sentiment_frame(rows), technicals_frame(prices)
    state = random.randrange(2**31)
    frames = (headlines_for(sentiment), sentiment, technicals)
    headlines, sentiment, technicals = (frame.sample(frac=1, random_state=state) for frame in frames)

    again = scores.build(headlines, sentiment, technicals, SYMBOLS[::-1], WINDOWS[::-1], sentiment_weight=0.6)
    pd.testing.assert_frame_equal(again, together, check_exact=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scores, "WINDOWS_A_SHARE", random.randint(1, len(WINDOWS)))
        map_chunks = map_in_reverse
        in_chunks = scores.build(
            headlines, sentiment, technicals, SYMBOLS, WINDOWS, sentiment_weight=0.6, map_chunks=map_chunks
        )
    pd.testing.assert_frame_equal(in_chunks, together, check_exact=True)


def test_the_numbers_of_a_company_do_not_depend_on_how_many_others_there_are() -> None:
    random = Random(0)
    rows = [
        scored(
            number,
            random.uniform(0.01, 1),
            random.uniform(-1, 1),
            story_id=f"{number % 90:016x}",
            symbol=SYMBOLS[number % 2],
        )
        for number in range(400)
    ]
    alone = row_of(build([row for row in rows if row["symbol"] == "NVDA"]), "NVDA")
    pd.testing.assert_series_equal(alone, row_of(build(rows), "NVDA"), check_exact=True)


def test_rows_of_other_windows_and_symbols_are_left_out() -> None:
    outside = [scored(1, 0.5, -1.0, symbol="AMD"), scored(2, 0.5, -1.0, window_start=WINDOWS[1].start)]
    prices = [priced("AMD", rsi=1, macd=1, trend=1, momentum=1, volume=1)]

    pd.testing.assert_frame_equal(build([scored(0, 0.5, 0.5), *outside], prices), build([scored(0, 0.5, 0.5)]))


def test_the_json_is_compact_and_sorted_and_preserves_every_bit() -> None:
    row, parts = score_of([scored(0, 0.1, 1 / 3)], [priced(rsi=0.1, macd=0.2, trend=0.3, momentum=1 / 7, volume=0.0)])

    assert row["contributions"] == json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    assert parts[4]["component"] == 1 / 7
    assert parts[0]["weight"] == 0.1
