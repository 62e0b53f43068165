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
    ItemVersion,
    identify,
    item_id,
    lost_items,
    merge_copies,
    new_versions,
)
from signals_pipeline.core.news.normalisation import RawHeadline

NOW = datetime(2026, 3, 4, 22, 30, 5, tzinfo=UTC)
FRONTIER = NOW - timedelta(hours=9)
ITEM = RawHeadline(NOW - timedelta(hours=1), "Acme wins", "https://n.example/1", "Wire", "a", "A lead.", ("ACME",))
LONG_SINCE = dict.fromkeys("abc", NOW - timedelta(days=30))
Archive = dict[str, list[ItemVersion]]

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


def add(items: list[RawHeadline], archived: Archive | None = None, **changes: object) -> Additions:
    """What a round adds that delivers these items."""
    values = {
        "now": NOW,
        "frontier": FRONTIER,
        "edits_known_from": FRONTIER,
        "asked_since": LONG_SINCE,
        "delivered_until": dict.fromkeys("abc", FRONTIER),
        **changes,
    }
    return new_versions(merge_copies(identify(items)), archived or {}, **values)


def archive_with(added: Additions, archived: Archive | None = None) -> Archive:
    """The archive after a round."""
    merged: Archive = defaultdict(list)
    for identity, versions in (archived or {}).items():
        merged[identity].extend(versions)
    for version in added.versions:
        merged[version.item_id].append(version)
    return merged


@settings(max_examples=150)
@given(ROUNDS, st.booleans())
def test_nothing_ever_enters_before_the_frontier_and_nothing_twice(
    rounds: list[list[RawHeadline]], prompt: bool
) -> None:
    archived: Archive = {}
    frontier: datetime | None = None
    for number, items in enumerate(rounds):
        now = NOW + timedelta(hours=9 * number)
        edits_known_from = frontier if prompt and frontier else now

        added = add(items, archived, now=now, frontier=frontier, edits_known_from=edits_known_from)

        for version in added.versions:
            headline = version.headline
            assert version.version not in {earlier.version for earlier in archived.get(version.item_id, ())}
            assert version.item_id == item_id(headline)
            if frontier is not None:
                assert headline.first_seen_at is not None
                assert headline.first_seen_at >= frontier
            if headline.first_seen_at is not None and headline.published_at is not None:
                assert headline.known_at == max(headline.first_seen_at, headline.published_at)

        archived, frontier = archive_with(added, archived), now
        assert lost_items(identify(items), added, archived) == {}
        again = add(items, archived, now=now, frontier=frontier, edits_known_from=now)
        assert again.versions == ()


@settings(max_examples=80)
@given(st.lists(ITEMS, min_size=1, max_size=8), st.data())
def test_an_item_that_the_archive_does_not_have_is_lost_unless_it_was_left_out(
    items: list[RawHeadline], data: st.DataObject
) -> None:
    added = add(items)
    archived = archive_with(added)
    assert {*map(item_id, items)} == archived.keys() | added.left_out
    if archived:
        missing = data.draw(st.sampled_from(sorted(archived)))
        del archived[missing]
        feeds = {item.feed for item in items if item_id(item) == missing}
        assert lost_items(identify(items), added, archived) == dict.fromkeys(feeds, 1)


def test_an_edit_that_the_archive_does_not_have_is_lost() -> None:
    archived = archive_with(add([ITEM]))
    edited = [replace(ITEM, title="Acme wins, really")]
    added = add(edited, archived)
    assert lost_items(identify(edited), added, archive_with(added, archived)) == {}
    assert lost_items(identify(edited), added, archived) == {"a": 1}


@settings(max_examples=80)
@given(st.lists(ITEMS, max_size=8))
def test_an_item_of_several_feeds_is_stored_once_with_all_tags(items: list[RawHeadline]) -> None:
    added = add(items, frontier=None)

    identities = {version.item_id for version in added.versions}
    assert len(identities) == len(added.versions) == len({*map(item_id, items)})
    for version in added.versions:
        copies = [item for item in items if item_id(item) == version.item_id]
        assert set(version.headline.tags) == {tag for item in copies for tag in item.tags}
        assert version.headline.title == copies[0].title


def test_an_item_counts_as_first_seen_at_the_earliest_instant_at_which_it_can_have_appeared() -> None:
    late = replace(ITEM, url="https://n.example/2", published_at=FRONTIER - timedelta(hours=3))

    versions = add([ITEM, late]).versions

    assert [version.headline.first_seen_at for version in versions] == [ITEM.published_at, FRONTIER]
    assert [version.headline.known_at for version in versions] == [ITEM.published_at, FRONTIER]


def test_before_the_first_round_nobody_knows_when_an_item_was_seen() -> None:
    undated = replace(ITEM, url="https://n.example/2", published_at=None)

    first, second = add([ITEM, undated], frontier=None).versions
    (later,) = add([undated]).versions

    assert (first.headline.first_seen_at, first.headline.known_at) == (None, ITEM.published_at)
    assert (second.headline.first_seen_at, second.headline.known_at) == (NOW, None)
    assert later.headline.first_seen_at == FRONTIER


def test_an_item_dated_in_the_future_is_held_back_until_then_and_counted() -> None:
    ahead = replace(ITEM, published_at=NOW + timedelta(hours=3))

    added = add([ahead])

    (version,) = added.versions
    assert version.headline.known_at == ahead.published_at
    assert added.counts["a"] == {ItemNote.FUTURE: 1}
    archived = archive_with(added)
    assert add([ahead], archived).versions == ()
    (corrected,) = add([ITEM], archived).versions
    assert corrected.headline.known_at == ITEM.published_at


def test_a_date_in_the_future_that_comes_back_makes_no_further_version() -> None:
    near, far = (replace(ITEM, published_at=NOW + timedelta(hours=hours)) for hours in (3, 6))
    archived = archive_with(add([near]))
    archived = archive_with(add([far], archived), archived)

    assert add([near], archived).versions == ()


def test_an_item_too_old_to_be_news_is_left_out_and_counted() -> None:
    stale = replace(ITEM, published_at=FRONTIER - STALE_AFTER - timedelta(seconds=1))
    just_in_time = replace(stale, url="https://n.example/2", published_at=FRONTIER - STALE_AFTER)

    added = add([stale, just_in_time])

    assert (len(added.versions), added.counts["a"]) == (1, {ItemNote.STALE: 1})


def test_after_an_outage_the_age_of_an_item_counts_from_its_feeds_last_delivery() -> None:
    old = replace(ITEM, published_at=FRONTIER - timedelta(days=5))

    assert add([old]).versions == ()
    assert len(add([old], delivered_until={"a": FRONTIER - timedelta(days=3)}).versions) == 1
    assert add([old], delivered_until={"a": FRONTIER - timedelta(days=1)}).versions == ()


def test_the_backlog_of_a_new_feed_is_not_news() -> None:
    backlog = replace(ITEM, published_at=FRONTIER - timedelta(minutes=1))

    added = add([backlog, ITEM], asked_since={"a": FRONTIER})

    assert (added.versions, added.counts["a"]) == ((), {ItemNote.BACKLOG: 1})  # one item: its first copy decides
    assert len(add([ITEM], asked_since={"a": FRONTIER}).versions) == 1


def test_an_edit_is_a_version_of_its_own_and_counted() -> None:
    archived = archive_with(add([ITEM]))
    new_title, new_lead = replace(ITEM, title="Acme loses"), replace(ITEM, summary="Another lead.")

    for edit in (new_title, new_lead):
        added = add([edit], archived, frontier=NOW, edits_known_from=NOW, now=NOW + timedelta(hours=9))

        (version,) = added.versions
        assert (version.headline.known_at, added.counts["a"]) == (NOW, {ItemNote.EDITED: 1})


def test_other_white_space_is_no_edit() -> None:
    archived = archive_with(add([ITEM]))

    assert add([replace(ITEM, title="  ACME   wins ")], archived).versions == ()


def test_the_words_of_another_feed_are_no_edit() -> None:
    archived = archive_with(add([ITEM]))

    assert add([replace(ITEM, feed="b", title="Acme wins - Wire")], archived).versions == ()


def test_a_tag_that_is_added_later_makes_a_version_with_all_tags() -> None:
    archived = archive_with(add([ITEM]))
    tagged = replace(ITEM, tags=("XOM",))

    added = add([tagged], archived, frontier=NOW, now=NOW + timedelta(hours=9))

    (version,) = added.versions
    assert (version.headline.tags, version.headline.known_at) == (("ACME", "XOM"), NOW)
    assert not added.counts.get("a", {}).get(ItemNote.EDITED)
    assert add([tagged], archive_with(added, archived)).versions == ()


def test_links_that_differ_only_by_tracking_are_one_item() -> None:
    assert item_id(ITEM) == item_id(replace(ITEM, url="https://N.example/1?utm_medium=rss#top", title="x"))


def test_an_item_without_a_link_is_its_title_and_publisher() -> None:
    bare = replace(ITEM, url=None)

    assert item_id(bare) == item_id(replace(bare, url="javascript:x", title="ACME  wins"))
    assert item_id(bare) != item_id(replace(bare, source="Other"))
