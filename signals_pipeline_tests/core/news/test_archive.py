"""The archive's rules: nothing enters before the frontier, nothing enters twice, edits are versions of their own."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.news.archive import (
    STALE_AFTER,
    Additions,
    ItemNote,
    Version,
    additions,
    folded,
    identified,
    item_id,
)
from signals_pipeline.core.news.feeds import RawHeadline

NOW = datetime(2026, 3, 4, 22, 30, 5, tzinfo=UTC)
FRONTIER = NOW - timedelta(hours=9)
ITEM = RawHeadline(NOW - timedelta(hours=1), "Acme wins", "https://n.example/1", "Wire", "a", "A lead.", ("ACME",))
LONG_SINCE = dict.fromkeys("abc", NOW - timedelta(days=30))
Kept = dict[str, list[Version]]

HOURS = st.one_of(st.none(), st.integers(-200, 30))
ITEMS = st.builds(
    lambda hours, title, page, feed, tags: RawHeadline(
        None if hours is None else NOW + timedelta(hours=hours), title, page, "Wire", feed, None, tuple(tags)
    ),
    HOURS,
    st.sampled_from(["One", "Two", "Three", "[Removed]", None]),
    st.sampled_from(["https://n.example/1", "https://n.example/2?utm_source=x", None, "ftp://no"]),
    st.sampled_from(["a", "b", "c"]),
    st.sets(st.sampled_from(["ACME", "XOM"]), max_size=2),
)
ROUNDS = st.lists(st.lists(ITEMS, max_size=6), min_size=1, max_size=5)


def add(items: list[RawHeadline], kept: Kept | None = None, **changes: object) -> Additions:
    values = {
        "now": NOW,
        "frontier": FRONTIER,
        "edits_known_from": FRONTIER,
        "asked_since": LONG_SINCE,
        "delivered_until": dict.fromkeys("abc", FRONTIER),
        **changes,
    }
    return additions(folded(identified(items)), kept or {}, **values)


def as_kept(found: Additions, kept: Kept | None = None) -> Kept:
    merged: Kept = defaultdict(list, {identity: list(versions) for identity, versions in (kept or {}).items()})
    for version in found.versions:
        merged[version.item_id].append(version)
    return merged


@settings(max_examples=150)
@given(ROUNDS, st.booleans())
def test_nothing_ever_enters_before_the_frontier_and_nothing_twice(
    rounds: list[list[RawHeadline]], prompt: bool
) -> None:
    kept: Kept = {}
    frontier: datetime | None = None
    for number, items in enumerate(rounds):
        now = NOW + timedelta(hours=9 * number)
        found = add(items, kept, now=now, frontier=frontier, edits_known_from=frontier if prompt and frontier else now)
        for version in found.versions:
            one = version.headline
            assert version.version not in {was.version for was in kept.get(version.item_id, ())}
            assert version.item_id == item_id(one)
            if frontier is not None:
                assert one.first_seen_at is not None
                assert one.first_seen_at >= frontier
            if one.first_seen_at is not None and one.published_at is not None:
                assert one.known_at == max(one.first_seen_at, one.published_at)
        kept, frontier = as_kept(found, kept), now
        again = add(items, kept, now=now, frontier=frontier, edits_known_from=now)
        assert again.versions == ()


@settings(max_examples=80)
@given(st.lists(ITEMS, max_size=8))
def test_an_item_of_several_feeds_is_kept_once_with_all_tags(items: list[RawHeadline]) -> None:
    found = add(items, frontier=None)
    assert len({version.item_id for version in found.versions}) == len(found.versions) == len({*map(item_id, items)})
    for version in found.versions:
        copies = [one for one in items if item_id(one) == version.item_id]
        assert set(version.headline.tags) == {tag for one in copies for tag in one.tags}
        assert version.headline.title == copies[0].title


def test_it_is_first_seen_when_it_can_have_appeared_at_the_earliest() -> None:
    in_time, late = ITEM, replace(ITEM, url="https://n.example/2", published_at=FRONTIER - timedelta(hours=3))
    found = add([in_time, late]).versions
    assert [version.headline.first_seen_at for version in found] == [in_time.published_at, FRONTIER]
    assert [version.headline.known_at for version in found] == [in_time.published_at, FRONTIER]


def test_before_the_first_round_nobody_knows_when_it_was_seen() -> None:
    undated = replace(ITEM, url="https://n.example/2", published_at=None)
    first, second = add([ITEM, undated], frontier=None).versions
    assert (first.headline.first_seen_at, first.headline.known_at) == (None, ITEM.published_at)
    assert (second.headline.first_seen_at, second.headline.known_at) == (NOW, None)
    (later,) = add([undated]).versions
    assert later.headline.first_seen_at == FRONTIER


def test_an_item_dated_in_the_future_is_kept_out_until_then_and_counted() -> None:
    ahead = replace(ITEM, published_at=NOW + timedelta(hours=3))
    found = add([ahead])
    (version,) = found.versions
    assert version.headline.known_at == ahead.published_at
    assert found.counts["a"] == {ItemNote.FUTURE: 1}
    kept = as_kept(found)
    assert add([ahead], kept).versions == ()
    (righted,) = add([ITEM], kept).versions
    assert righted.headline.known_at == ITEM.published_at


def test_a_date_in_the_future_that_comes_back_is_no_further_version() -> None:
    near, far = (replace(ITEM, published_at=NOW + timedelta(hours=hours)) for hours in (3, 6))
    kept = as_kept(add([near]))
    kept = as_kept(add([far], kept), kept)
    assert add([near], kept).versions == ()


def test_what_is_too_old_to_be_news_is_left_out_and_counted() -> None:
    old = replace(ITEM, published_at=FRONTIER - STALE_AFTER - timedelta(seconds=1))
    found = add([old, replace(old, url="https://n.example/2", published_at=FRONTIER - STALE_AFTER)])
    assert (len(found.versions), found.counts["a"]) == (1, {ItemNote.STALE: 1})


def test_after_an_outage_what_is_too_old_is_counted_from_its_feeds_last_delivery() -> None:
    old = replace(ITEM, published_at=FRONTIER - timedelta(days=5))
    assert add([old]).versions == ()
    assert len(add([old], delivered_until={"a": FRONTIER - timedelta(days=3)}).versions) == 1
    assert add([old], delivered_until={"a": FRONTIER - timedelta(days=1)}).versions == ()


def test_the_backlog_of_a_new_feed_is_no_news() -> None:
    found = add([replace(ITEM, published_at=FRONTIER - timedelta(minutes=1)), ITEM], asked_since={"a": FRONTIER})
    assert (found.versions, found.counts["a"]) == ((), {ItemNote.BACKLOG: 1})  # one item: its first copy decides
    assert len(add([ITEM], asked_since={"a": FRONTIER}).versions) == 1


def test_an_edit_is_a_version_of_its_own_and_counted() -> None:
    kept = as_kept(add([ITEM]))
    title, lead = replace(ITEM, title="Acme loses"), replace(ITEM, summary="Another lead.")
    for edit in (title, lead):
        found = add([edit], kept, frontier=NOW, edits_known_from=NOW, now=NOW + timedelta(hours=9))
        (version,) = found.versions
        assert (version.headline.known_at, found.counts["a"]) == (NOW, {ItemNote.EDITED: 1})
    spaced = replace(ITEM, title="  ACME   wins ")
    assert add([spaced], kept).versions == ()


def test_the_words_of_another_feed_are_no_edit() -> None:
    kept = as_kept(add([ITEM]))
    assert add([replace(ITEM, feed="b", title="Acme wins - Wire")], kept).versions == ()


def test_a_tag_that_comes_later_makes_a_version_with_the_tags_of_all() -> None:
    kept = as_kept(add([ITEM]))
    found = add([replace(ITEM, tags=("XOM",))], kept, frontier=NOW, now=NOW + timedelta(hours=9))
    (version,) = found.versions
    assert (version.headline.tags, version.headline.known_at) == (("ACME", "XOM"), NOW)
    assert not found.counts.get("a", {}).get(ItemNote.EDITED)
    assert add([replace(ITEM, tags=("XOM",))], as_kept(found, kept)).versions == ()


def test_links_that_differ_by_tracking_only_are_one_item_and_no_link_is_the_title_and_publisher() -> None:
    assert item_id(ITEM) == item_id(replace(ITEM, url="https://N.example/1?utm_medium=rss#top", title="x"))
    bare = replace(ITEM, url=None)
    assert item_id(bare) == item_id(replace(bare, url="javascript:x", title="ACME  wins"))
    assert item_id(bare) != item_id(replace(bare, source="Other"))
