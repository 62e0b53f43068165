"""The digest archive: one digest per window, and the same again changes nothing."""

import hashlib
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.digests import DigestRepository
from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.core.windows import windows_between

WINDOWS = windows_between(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 9, tzinfo=UTC))
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))


def test_an_empty_archive_has_no_newest_digest(engine: Engine) -> None:
    archive = DigestRepository(engine)
    assert (archive.newest(), archive.get(WINDOWS[0].start), archive.list()) == (None, None, [])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(content=TEXTS, subject=TEXTS)
def test_content_is_returned_as_it_was_put(engine: Engine, content: str, subject: str) -> None:
    archive = DigestRepository(engine)
    entry = archive.put(WINDOWS[0], content, kind="full", mode="live", subject=subject)
    stored = archive.get(WINDOWS[0].start)
    assert stored is not None
    assert (stored.content, stored.entry.subject) == (content, subject)
    assert stored.entry == entry
    assert entry.sha256 == hashlib.sha256(content.encode()).hexdigest()


def test_a_digest_has_neighbours(engine: Engine) -> None:
    archive = DigestRepository(engine)
    for window in (WINDOWS[0], WINDOWS[2], WINDOWS[5]):
        archive.put(window, "{}", kind="quiet", mode="live", subject="Quiet")
    assert archive.neighbours(WINDOWS[0].start) == (None, WINDOWS[2].start)
    assert archive.neighbours(WINDOWS[2].start) == (WINDOWS[0].start, WINDOWS[5].start)
    assert archive.neighbours(WINDOWS[5].start) == (WINDOWS[2].start, None)


def test_the_same_again_changes_nothing_and_another_replaces(engine: Engine) -> None:
    archive = DigestRepository(engine)
    first = archive.put(WINDOWS[0], "{}", kind="quiet", mode="live", subject="Quiet")
    assert archive.put(WINDOWS[0], "{}", kind="quiet", mode="backfill", subject="Quiet") == first
    second = archive.put(WINDOWS[0], '{"a":1}', kind="full", mode="backfill", subject="1 new")
    assert (second.mode, second.kind) == ("backfill", "full")
    assert archive.list() == [second]


def test_newest_and_list_are_ordered_by_window_whatever_the_order_of_putting(engine: Engine) -> None:
    archive = DigestRepository(engine)
    for position in (2, 0, 3, 1):
        archive.put(WINDOWS[position], str(position), kind="full", mode="backfill", subject=f"digest {position}")
    newest = archive.newest()
    assert newest is not None
    assert newest.content == "3"
    assert [entry.subject for entry in archive.list(limit=2)] == ["digest 3", "digest 2"]
    assert [entry.window_start for entry in archive.list(before=WINDOWS[2].start)] == [
        WINDOWS[1].start,
        WINDOWS[0].start,
    ]


def test_an_unknown_kind_is_refused_and_the_old_digest_stays(engine: Engine) -> None:
    archive = DigestRepository(engine)
    first = archive.put(WINDOWS[0], "{}", kind="quiet", mode="live", subject="Quiet")
    with pytest.raises(DatabaseError, match="ck_digest_kind"):
        archive.put(WINDOWS[0], "[]", kind="loud", mode="live", subject="Loud")  # pyright: ignore[reportArgumentType]
    assert archive.list() == [first]
