"""Edits: a text counts until another one is seen in its place, no longer and no shorter."""

from datetime import timedelta

import hypothesis.strategies as st
import numpy as np
import pandas as pd
from hypothesis import given, settings

from signals_pipeline.core.news.evidence import TextVersions
from signals_pipeline.core.news.normalisation import RawHeadline, normalise
from signals_pipeline.core.windows import Window
from signals_pipeline_tests.support.headline_deliveries import START, WINDOWS, deliveries, evidence, raw, rows

URL = "https://a.com/story"
FIRST, SECOND = WINDOWS[:2]
HOUR = timedelta(hours=1)
OLD, NEW = "Microsoft cuts 100 jobs", "Microsoft adds 100 jobs"


def seen(title: str | None, hours: float, url: str | None = URL) -> RawHeadline:
    """One item, published when the first window begins and first seen some hours after that."""
    return raw(title, FIRST.start, url=url, first_seen_at=FIRST.start + hours * HOUR)


def titles(items: list[RawHeadline], window: Window = FIRST) -> list[str]:
    return rows(items, window, (24.0, False))["title"].tolist()


def test_an_edit_replaces_the_text_that_was_known_before() -> None:
    assert titles([seen(OLD, 1)]) == [OLD]
    assert titles([seen(OLD, 1), seen(NEW, 2)]) == [NEW]


def test_the_window_before_the_edit_keeps_the_old_text() -> None:
    late = (SECOND.start - FIRST.start) / HOUR + 1
    items = [seen(OLD, 1), seen(NEW, late)]

    both = evidence(items, (FIRST, SECOND), (24.0, False))

    assert titles(items) == titles([seen(OLD, 1)]) == [OLD]
    assert titles(items, SECOND) == [NEW]
    assert both.groupby("window_start")["title"].first().tolist() == [OLD, NEW]


def test_an_edit_continues_a_story_that_was_already_reported() -> None:
    late = (SECOND.start - FIRST.start) / HOUR + 1

    evidence_rows = rows([seen("Microsoft cuts 100 jobs in Europe", 1), seen(OLD, late)], SECOND, (24.0, False))

    assert evidence_rows["told"].tolist() == [True]


def test_a_text_that_comes_back_counts_again() -> None:
    assert titles([seen(OLD, 1), seen(NEW, 2), seen(OLD, 3)]) == [OLD]
    assert titles([seen(OLD, 1), seen(OLD, 2), seen(NEW, 3)]) == [NEW]


def test_two_texts_seen_at_once_both_count() -> None:
    assert sorted(titles([seen(OLD, 1), seen(NEW, 1)])) == sorted([OLD, NEW])


def test_texts_behind_different_links_or_none_are_no_edits() -> None:
    assert len(titles([seen(OLD, 1), seen(NEW, 2, "https://a.com/other")])) == 2
    assert len(titles([seen(OLD, 1, None), seen(NEW, 2, None)])) == 2


def test_without_a_record_of_when_it_was_seen_a_second_text_is_another_post() -> None:
    at = FIRST.start + HOUR

    assert len(titles([raw(OLD, at, url=URL), raw(NEW, at + HOUR, url=URL)])) == 2


def test_a_withdrawal_leaves_a_row_without_text_and_takes_the_old_one_away() -> None:
    for title in ("[Removed]", None, " "):
        evidence_rows = rows([seen(OLD, 1), seen(title, 2)], FIRST, (24.0, False))

        assert evidence_rows[["symbol", "title", "text", "text_hash"]].to_numpy().tolist() == [["", "", "", ""]]
        assert evidence_rows["relevance"].tolist() == [0]


def test_a_withdrawal_is_counted_by_its_reason() -> None:
    assert normalise([seen("[Removed]", 2)]).drops["removed"] == 1
    assert normalise([seen(None, 2)]).drops["no_title"] == 1


def test_a_withdrawal_without_link_or_time_withdraws_nothing() -> None:
    assert titles([seen(OLD, 1), seen("[Removed]", 2, None)]) == [OLD]
    assert titles([seen(OLD, 1), raw("[Removed]", FIRST.start + 2 * HOUR, url=URL)]) == [OLD]


def test_tags_of_a_withdrawal_name_no_company() -> None:
    withdrawal = raw("[Removed]", FIRST.start, url=URL, first_seen_at=FIRST.start + HOUR, tags=("MSFT",))

    assert rows([withdrawal], FIRST, (24.0, False))["symbol"].tolist() == [""]


copies = st.lists(
    st.tuples(st.sampled_from(["u", "v", ""]), st.sampled_from("abc"), st.integers(0, 5), st.booleans()), max_size=9
)


def frame(drawn: list[tuple[str, str, int, bool]]) -> pd.DataFrame:
    columns = pd.DataFrame(drawn, columns=["url", "text", "hour", "reconstructed"])
    instants = [pd.Timestamp(START) + pd.Timedelta(hours=hour) for hour in columns["hour"]]
    return columns.assign(
        known_at=pd.Series(instants, dtype="datetime64[us, UTC]"), reconstructed=columns["reconstructed"].astype(bool)
    )


@settings(max_examples=80, deadline=None)
@given(copies, st.integers(0, 6))
def test_which_text_stands_depends_only_on_what_was_known_before(
    drawn: list[tuple[str, str, int, bool]], hour: int
) -> None:
    as_of = START + hour * HOUR
    known = [copy for copy in drawn if copy[2] < hour]
    past = frame(known)
    instants = np.full(len(past), np.datetime64(as_of.replace(tzinfo=None), "us"))
    versions = TextVersions.from_copies(frame(drawn))

    replaced = versions.replaced_rows(past, instants)

    assert replaced.tolist() == TextVersions.from_copies(past).replaced_rows(past, instants).tolist()
    for url, text, _, _ in drawn:
        same_text = [at for u, t, at, _ in known if (u, t) == (url, text)]
        other_texts = [at for u, t, at, reconstructed in known if u == url and t != text and not reconstructed]
        expected = bool(url and same_text and other_texts) and max(other_texts) > max(same_text)
        assert versions.replaced(url, text, as_of) == expected


@settings(max_examples=25, deadline=None)
@given(deliveries(), st.integers(0, len(WINDOWS) - 1), st.sampled_from([None, "[Removed]", "Walmart sales surge"]))
def test_an_edit_after_the_window_changes_nothing_in_it(items: list[RawHeadline], at: int, title: str | None) -> None:
    window = WINDOWS[at]
    edits = [
        raw(title, START, url=item.url, feed=item.feed, first_seen_at=window.end + HOUR) for item in items if item.url
    ]

    pd.testing.assert_frame_equal(rows([*items, *edits], window), rows(items, window))
