"""Nothing that becomes known later changes a window's evidence, and no window depends on which others are asked for."""

from datetime import timedelta
from io import BytesIO

import hypothesis.strategies as st
import pandas as pd
from hypothesis import given, settings
from pandas.testing import assert_frame_equal

from signals_pipeline.core.news.evidence import news_interval
from signals_pipeline.core.news.normalisation import RawHeadline
from signals_pipeline.core.tables import HEADLINES, concat
from signals_pipeline.core.text import canonical_url
from signals_pipeline.core.windows import Window, evidence_interval
from signals_pipeline_tests.support.headline_deliveries import MODES, TITLES, WINDOWS, deliveries, evidence, raw, rows


@given(deliveries(), MODES)
@settings(max_examples=12, deadline=None)
def test_many_windows_are_each_window_alone(items: list[RawHeadline], mode: tuple[float, bool]) -> None:
    together = evidence(items, WINDOWS, mode)

    some = WINDOWS[1::3]  # the weekend's window among them
    alone = []
    for window in reversed(some):
        first, last = news_interval([window], lookback_hours=mode[0], strict=mode[1])
        fetched = [item for item in items if item.known_at and first <= item.known_at < last]
        alone.append(rows(fetched, window, mode))
    same_windows = together[together["window_start"].isin([window.start for window in some])]
    assert_frame_equal(same_windows.reset_index(drop=True), concat(HEADLINES, alone))


@given(deliveries(), deliveries(), st.sampled_from(WINDOWS), MODES)
@settings(max_examples=40, deadline=None)
def test_what_becomes_known_later_changes_nothing(
    items: list[RawHeadline], more: list[RawHeadline], window: Window, mode: tuple[float, bool]
) -> None:
    later = [item for item in more if item.known_at and item.known_at >= window.as_of]

    assert_frame_equal(rows(items, window, mode), rows(items + later, window, mode))


@given(deliveries(), st.sampled_from(WINDOWS))
@settings(max_examples=15, deadline=None)
def test_news_after_a_headline_does_not_move_it(items: list[RawHeadline], window: Window) -> None:
    key = ["headline_id", "symbol", "known_at"]
    all_news = rows(items, window)
    for cut in sorted(set(all_news.loc[all_news["relevance"] > 0, "known_at"])):
        news_until_cut = rows([item for item in items if item.known_at and item.known_at <= cut], window)

        # The relevant rows known at the cut, without and with the later news.
        before, after = (
            frame[(frame["relevance"] > 0) & (frame["known_at"] <= cut)].sort_values(key, ignore_index=True)
            for frame in (news_until_cut, all_news)
        )
        before_keys, after_keys = (pd.MultiIndex.from_frame(frame[key]) for frame in (before, after))
        stays, was_there = before_keys.isin(after_keys), after_keys.isin(before_keys)

        # Only an edit or a withdrawal of the same item takes a row away, or brings back what it said before.
        edited = {canonical_url(item.url) for item in items if item.known_at and cut < item.known_at < window.as_of}
        assert {*before.loc[~stays, "url"], *after.loc[~was_there, "url"]} <= edited
        assert_frame_equal(before[stays].reset_index(drop=True), after[was_there].reset_index(drop=True))


@given(deliveries())
@settings(max_examples=8, deadline=None)
def test_a_rerun_gives_the_same_bytes(items: list[RawHeadline]) -> None:
    files = []
    for _ in range(2):
        file = BytesIO()
        evidence(items, WINDOWS).to_parquet(file)
        files.append(file.getvalue())
    assert files[0] == files[1]


@given(deliveries(), MODES)
@settings(max_examples=12, deadline=None)
def test_rows_keep_what_the_columns_promise(items: list[RawHeadline], mode: tuple[float, bool]) -> None:
    frame = evidence(items, WINDOWS, mode)
    assert frame.dtypes.astype(str).to_dict() == {column.name: column.dtype for column in HEADLINES.columns}
    assert (frame["novelty"] == 0.5 ** frame["member"]).all()
    assert (frame["known_at"] >= frame["published_at"]).all()
    assert not frame.duplicated(["window_start", "headline_id", "symbol"]).any()
    assert not frame.duplicated(["window_start", "symbol", "story_id", "member"]).any()
    for window in WINDOWS:
        part = frame[frame["window_start"] == window.start]
        first, last = evidence_interval(window, lookback_hours=mode[0], strict=mode[1])
        assert ((part["known_at"] >= first) & (part["known_at"] < last)).all()
        without_company = set(part.loc[part["symbol"] == "", "headline_id"])
        with_company = set(part.loc[part["symbol"] != "", "headline_id"])
        assert not without_company & with_company
        first_members = part[part["member"] == 0]
        assert (first_members["told"] == (first_members["known_at"] < window.start)).all()
        assert (first_members["story_id"] == first_members["headline_id"]).all()


def test_a_deep_look_back_still_ends_a_story_after_72_hours() -> None:
    window = WINDOWS[-1]
    items = [raw(TITLES[3], window.end - timedelta(hours=hours), url=f"http://{hours}.com") for hours in (95, 1)]

    assert rows(items, window, (96.0, False))["member"].tolist() == [0, 0]
