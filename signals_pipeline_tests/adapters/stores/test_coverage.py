"""The coverage ledger in a real database: one entry per window, returned in order."""

from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.coverage import CoverageRepository
from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.news.feeds import SourceReport
from signals_pipeline.core.windows import Window, window_for_key

FIRST = window_for_key("2015-01-30-17:30")
SECOND = window_for_key("2015-02-02-08:30")


def entry(window: Window, headlines: int = 3) -> Coverage:
    return Coverage(
        window_key=window.key,
        label=window.label,
        evidence_start=window.start,
        evidence_end=window.end,
        gap_minutes=0,
        overlap_minutes=0,
        missing_windows=("2015-01-29-17:30",),
        reports=(SourceReport("recorded", "ok", headlines),),
        headlines=headlines,
        relevant=2,
        stories=2,
        symbols=1,
        reconstructed=3,
        drops={"duplicate": 1},
        status="ok",
        first_run=False,
    )


def test_an_entry_is_returned_as_it_was_put(engine: Engine) -> None:
    store = CoverageRepository(engine)
    assert store.get(FIRST) is None
    store.put([entry(FIRST), entry(SECOND)])
    assert store.get(FIRST) == entry(FIRST)
    assert store.get(SECOND) == entry(SECOND)


def test_putting_again_replaces_the_entry(engine: Engine) -> None:
    store = CoverageRepository(engine)
    store.put([entry(FIRST), entry(SECOND)])
    store.put([entry(FIRST, headlines=9)])
    assert store.get(FIRST) == entry(FIRST, headlines=9)
    assert store.get(SECOND) == entry(SECOND)
    store.put([])
    assert len(store.covered(SECOND.end)) == 2


def test_covered_windows_are_in_order_and_start_before_the_instant(engine: Engine) -> None:
    store = CoverageRepository(engine)
    store.put([entry(SECOND), entry(FIRST)])
    assert store.covered(SECOND.start + timedelta(microseconds=1)) == (FIRST, SECOND)
    assert store.covered(SECOND.start) == (FIRST,)
    assert store.covered(FIRST.start) == ()


def test_the_entries_of_several_windows_are_in_order_and_leave_out_windows_without_one(engine: Engine) -> None:
    store = CoverageRepository(engine)
    after = window_for_key("2015-02-02-17:30")
    store.put([entry(after), entry(FIRST)])
    assert list(store.entries((FIRST, SECOND, after)).items()) == [(FIRST, entry(FIRST)), (after, entry(after))]
    assert store.entries((SECOND,)) == {}


def test_a_bad_entry_leaves_the_others_as_they_were(engine: Engine) -> None:
    store = CoverageRepository(engine)
    store.put([entry(FIRST)])
    with pytest.raises(DatabaseError):
        store.put([entry(FIRST, headlines=9), replace(entry(SECOND), gap_minutes=-1)])
    assert store.get(FIRST) == entry(FIRST)
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM coverage")) == 1
