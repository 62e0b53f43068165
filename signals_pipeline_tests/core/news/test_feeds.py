"""What a source delivers: when a headline may first be used."""

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.news.feeds import NewsBatch, SourceReport
from signals_pipeline.core.news.normalisation import RawHeadline

INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001


def headline(published_at: datetime | None, first_seen_at: datetime | None) -> RawHeadline:
    return RawHeadline(published_at, "Title", None, None, "feed", first_seen_at=first_seen_at)


@given(INSTANTS, INSTANTS)
def test_known_at_is_never_before_publication_nor_before_it_was_seen(published: datetime, seen: datetime) -> None:
    known = headline(published, seen).known_at
    assert known in (published, seen)
    assert known is not None
    assert known - max(published, seen) == timedelta(0)


@given(INSTANTS)
def test_without_a_record_of_its_arrival_the_publishers_time_counts(published: datetime) -> None:
    assert headline(published, None).known_at == published


@given(st.none() | INSTANTS)
def test_without_a_publication_time_it_is_never_known(seen: datetime | None) -> None:
    assert headline(None, seen).known_at is None


def test_batches_are_values() -> None:
    def batch() -> NewsBatch:
        return NewsBatch((headline(None, None),), (SourceReport("feed", "ok", 1),))

    assert batch() == batch()
    assert len({batch(), batch()}) == 1


@given(st.none() | INSTANTS, st.none() | INSTANTS)
def test_a_headline_reaches_another_process_as_it_is(published: datetime | None, seen: datetime | None) -> None:
    given = replace(headline(published, seen), summary="Lead", tags=("AAPL", "FB"))
    assert pickle.loads(pickle.dumps(given)) == given  # noqa: S301 - our own bytes
