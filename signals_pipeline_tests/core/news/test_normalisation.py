"""What can be used of a delivery, and what a window's evidence makes of it; one example per rule."""

from datetime import UTC, datetime, timedelta, timezone
from random import Random

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings
from pandas.testing import assert_frame_equal

from signals_pipeline.core.linking.linker import link
from signals_pipeline.core.news.evidence import build, news_interval
from signals_pipeline.core.news.normalisation import REASONS, RawHeadline, normalise
from signals_pipeline.core.tables import HEADLINES
from signals_pipeline_tests.support.headline_deliveries import (
    NAIVE,
    START,
    TITLES,
    WATCHLIST,
    WINDOWS,
    deliveries,
    evidence,
    raw,
    rows,
)


@given(deliveries(), st.randoms(use_true_random=False))
@settings(max_examples=12, deadline=None)
def test_the_order_of_arrival_changes_nothing(items: list[RawHeadline], random: Random) -> None:
    shuffled_items = random.sample(items, len(items))

    normalised, shuffled = normalise(items), normalise(shuffled_items)

    assert_frame_equal(normalised.items, shuffled.items)
    assert normalised.drops == shuffled.drops


@given(deliveries(), st.randoms(use_true_random=False))
@settings(max_examples=12, deadline=None)
def test_the_order_of_the_rows_changes_no_evidence(items: list[RawHeadline], random: Random) -> None:
    linked = link(normalise(items).items, WATCHLIST)
    shuffled = linked.sample(frac=1, random_state=random.randint(0, 99))

    evidence_rows, evidence_of_shuffled = (
        build(frame, WINDOWS, watchlist=WATCHLIST, lookback_hours=6, strict=False) for frame in (linked, shuffled)
    )

    assert_frame_equal(evidence_rows, evidence_of_shuffled)


@given(deliveries())
@settings(max_examples=12, deadline=None)
def test_nothing_is_lost_without_being_counted(items: list[RawHeadline]) -> None:
    done = normalise(items)

    assert len(items) - done.drops["duplicate"] <= len(done.items) <= len(items)
    assert tuple(done.drops) == REASONS
    assert not done.items.isna().any(axis=None)


@given(st.lists(st.tuples(st.text(max_size=40), st.text(max_size=30), st.datetimes(), st.booleans()), max_size=8))
@settings(max_examples=12, deadline=None)
def test_any_text_and_time_is_used_or_counted(given: list[tuple[str, str, datetime, bool]]) -> None:
    items = [
        raw(text, at.replace(tzinfo=UTC) if aware else at, url=other, summary=other, source=other, tags=(other, text))
        for text, other, at, aware in given
    ]

    done = normalise(items)

    accounted_for = len(done.items) + done.drops["no_time"] + done.drops["no_title"] + done.drops["removed"]
    assert accounted_for <= len(items) <= accounted_for + done.drops["duplicate"]
    link(done.items, WATCHLIST)


@pytest.mark.parametrize("at", [None, NAIVE, datetime.min.replace(tzinfo=timezone(timedelta(hours=1)))])
def test_a_headline_without_a_readable_time_is_counted(at: datetime | None) -> None:
    done = normalise([raw("Apple rises", at)])

    assert done.items.empty
    assert done.drops["no_time"] == 1
    assert normalise([raw("Apple rises", START, first_seen_at=NAIVE)]).drops["no_time"] == 1


@pytest.mark.parametrize("title", [None, "", " \x00\u202e ", "<p></p>", "$AAPL $MSFT", "https://x.com/a", "🚀"])
def test_a_headline_without_words_is_counted(title: str | None) -> None:
    done = normalise([raw(title, START)])

    assert done.items.empty
    assert done.drops["no_title"] == 1


def test_a_withdrawn_article_is_counted() -> None:
    assert normalise([raw("[Removed]", START)]).drops["removed"] == 1


def test_a_title_that_is_a_page_is_cut_and_counted() -> None:
    done = normalise([raw("Apple falls " * 1_000, START)])

    assert done.drops["truncated"] == 1
    assert len(done.items["title"].iloc[0]) <= 300


def test_known_at_is_the_later_of_published_and_seen() -> None:
    later, earlier = START + timedelta(hours=3), START - timedelta(hours=3)
    done = normalise(
        [raw("A b", START), raw("C d", START, first_seen_at=later), raw("E f", START, first_seen_at=earlier)]
    )
    by_title = done.items.set_index("title")
    assert by_title["known_at"].to_dict() == {"A b": START, "C d": later, "E f": START}
    assert by_title["reconstructed"].to_dict() == {"A b": True, "C d": False, "E f": False}
    assert done.drops["published_after_seen"] == 1


def test_rows_that_differ_in_their_tag_only_are_one_copy() -> None:
    items = [raw("Apple rises", START, tags=(tag,)) for tag in ("$msft", " AAPL", "a b", "AAPL", "é")]
    done = normalise(items)

    assert done.items["tags"].tolist() == ["AAPL|MSFT"]
    assert done.drops["duplicate"] == 4


def test_a_headline_is_its_text_on_its_day() -> None:
    tomorrow = START + timedelta(days=1)
    done = normalise(
        [
            raw("Apple rises", START, url="https://a.com/1"),
            raw("APPLE rises $AAPL", START + timedelta(hours=23), url="https://b.com/2"),
            raw("Apple falls", START, url="https://a.com/1"),
            raw("Apple rises", tomorrow, url="https://c.com/3"),
        ]
    )
    assert done.items["headline_id"].nunique() == 3
    assert done.drops["duplicate"] == 1


def test_one_link_with_one_text_is_one_headline_on_any_day() -> None:
    link_ = "https://a.com/1"
    items = [raw("Apple rises", START, url=link_), raw("Apple rises", START + timedelta(days=1), url=link_)]
    assert normalise(items).drops["duplicate"] == 1


WINDOW = WINDOWS[2]
EARLY, MIDDLE = WINDOW.start + timedelta(minutes=1), WINDOW.start + timedelta(hours=2)


def test_a_story_already_reported_before_the_window_continues() -> None:
    items = [raw(TITLES[3], WINDOW.start - timedelta(hours=20)), raw(TITLES[4], EARLY)]
    (row,) = rows(items, WINDOW).to_dict("records")

    assert (row["member"], row["novelty"], row["told"]) == (1, 0.5, True)
    assert row["story_id"] == normalise(items).items["headline_id"].iloc[0] != row["headline_id"]


def test_a_copy_of_a_headline_already_reported_is_no_evidence() -> None:
    items = [
        raw(TITLES[3], WINDOW.start - timedelta(hours=1), url="http://a.com"),
        raw(TITLES[3], EARLY, url="http://a.com"),
    ]
    assert rows(items, WINDOW).empty


def test_a_tag_that_comes_later_links_from_then_on_only() -> None:
    title = "Apple tops the table"
    items = [raw(title, EARLY), raw(title, MIDDLE, tags=("AAPL",))]
    (row,) = rows(items, WINDOW).to_dict("records")

    assert (row["symbol"], row["relevance"], row["known_at"]) == ("AAPL", 1.0, MIDDLE)
    (row,) = rows(items[:1], WINDOW).to_dict("records")
    assert (row["symbol"], row["relevance"]) == ("", 0.0)


def test_a_relevant_copy_wins_over_a_tag_known_before() -> None:
    items = [raw("walmart sales surge", EARLY, tags=("WMT",)), raw("Walmart sales surge", MIDDLE)]
    (row,) = rows(items, WINDOW).to_dict("records")

    assert (row["symbol"], row["relevance"], row["known_at"]) == ("WMT", 1.0, MIDDLE)


def test_the_headline_id_is_that_of_the_first_visible_copy() -> None:
    weekend = next(window for window in WINDOWS if window.end - window.start > timedelta(days=2))
    days = [weekend.start + timedelta(hours=hours) for hours in (1, 25, 49)]
    items = [
        raw(TITLES[6], at, url="http://a.com/1", tags=(tag,)) for at, tag in zip(days, WATCHLIST.symbols, strict=True)
    ]
    ids = normalise(items).items["headline_id"].tolist()
    frame = rows(items, weekend)
    assert len(set(ids)) == 3
    assert set(frame["headline_id"]) == {ids[0]}
    assert dict(zip(frame["symbol"], frame["known_at"], strict=True)) == {
        "AAPL": days[0],
        "MSFT": days[1],
        "WMT": days[0],
    }


def test_equal_instants_are_ordered_by_id() -> None:
    items = [raw(title, EARLY) for title in TITLES[3:5]]
    frame = rows(items, WINDOW).sort_values("headline_id")

    assert frame["member"].tolist() == [0, 1]
    assert frame["story_id"].nunique() == 1


def test_a_template_repeated_thousands_of_times_keeps_a_novelty_above_zero() -> None:
    items = [raw(f"Microsoft files form {number}", EARLY + timedelta(seconds=number)) for number in range(3_000)]
    frame = rows(items, WINDOW)

    assert frame["member"].max() == 2_999
    assert (frame["novelty"] > 0).all()


def test_nothing_gives_an_empty_frame_with_the_columns() -> None:
    assert_frame_equal(evidence([], WINDOWS), HEADLINES.empty())
    assert_frame_equal(evidence([raw(TITLES[3], EARLY)], ()), HEADLINES.empty())
    with pytest.raises(ValueError, match="empty"):
        news_interval([], lookback_hours=6, strict=False)
