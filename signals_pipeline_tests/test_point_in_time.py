"""A year of windows: live one by one, as one backfill, or in ranges of any order, the rows are the same.

The year is made of the sample's real headlines and returns, with edits and withdrawals in it (see `years`). The assets'
own code runs over it, on either store. `benchmarks/year.py` runs the same through Dagster, larger.
"""

import itertools
import json
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.news.recorded import RecordedNews
from signals_pipeline.adapters.prices.recorded import RecordedPrices
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.migrations import downgrade, upgrade
from signals_pipeline.adapters.stores.tables import metadata, schema_compatibility
from signals_pipeline.adapters.watchlist import load_watchlist
from signals_pipeline.core.tables import STAGES
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.assets.outcomes import outcomes
from signals_pipeline.defs.assets.signals import signals
from signals_pipeline.defs.digest_composition import Composer
from signals_pipeline.defs.resources import MarketContext, open_store, scorer_for
from signals_pipeline.defs.stage_replay import PipelineResources, record, replay
from signals_pipeline.settings.strategy import Knobs
from signals_pipeline_tests.support.databases import database_url, empty_url, engine, store
from signals_pipeline_tests.support.history_builders import rows
from signals_pipeline_tests.support.synthetic_year import Year, make_year

__all__ = ["database_url", "empty_url", "engine", "store"]

KNOBS = Knobs(min_combined_score=0.2, signal_expiry_days=3)
SAMPLED = 12  # windows made one by one through every stage; all of them are recorded one by one
RANGES = 9
Frames = Mapping[str, pd.DataFrame]


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Year:
    return make_year(tmp_path_factory.mktemp("year"), symbols=6, headlines=2_500, edited=0.2)


@contextmanager
def opened(year: Year, url: str, folder: Path) -> Iterator[PipelineResources]:
    store = open_store(url)
    scorer = scorer_for(KNOBS, folder, store.scores)
    year.warm(store.scores, scorer.revision)
    pipeline = MarketContext(load_watchlist(year.watchlist), "demo", folder)
    yield PipelineResources(KNOBS, RecordedNews(year.news), RecordedPrices(year.prices), pipeline, store, scorer)
    store.engine.dispose()


@pytest.fixture(scope="module")
def kept_in(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The database of the year as one backfill."""
    return f"sqlite:///{tmp_path_factory.mktemp('backfilled') / 'signals.db'}"


@pytest.fixture(scope="module")
def backfilled(year: Year, kept_in: str, tmp_path_factory: pytest.TempPathFactory) -> tuple[Frames, dict[str, Any]]:
    """Frames and rows of the year as one backfill."""
    upgrade(kept_in)
    with opened(year, kept_in, tmp_path_factory.mktemp("desk")) as parts:
        frames = replay(year.windows, parts, "backfill")
        return frames, kept(parts)


def kept(parts: PipelineResources) -> dict[str, Any]:
    tables = ("signal_candidate", "signal_history", "signal_outcome")
    found = rows(parts.store.engine)
    return {table: found[table] for table in tables}


def of(frames: Frames, windows: Sequence[Window]) -> dict[str, pd.DataFrame]:
    starts = [pd.Timestamp(window.start) for window in windows]
    return {name: each[each["window_start"].isin(starts)].reset_index(drop=True) for name, each in frames.items()}


def same_frames(one: Frames, other: Frames) -> None:
    for name in STAGES:
        pd.testing.assert_frame_equal(one[name], other[name], check_exact=True)


def test_the_year_has_signals_of_every_lifecycle_edits_and_outcomes(
    backfilled: tuple[Frames, dict[str, Any]], year: Year
) -> None:
    frames, found = backfilled
    assert {row["lifecycle"] for row in found["signal_history"]} == {"new", "stronger", "flipped"}
    assert (frames["headlines"]["text"] == "").any()
    assert {row["horizon"] for row in found["signal_outcome"]} == {1, 3, 5, 10}
    assert all(row["known_at"] < row["window_end"] for row in found["signal_candidate"])
    assert len(year.windows) == 520


def test_a_year_in_ranges_of_any_order_is_the_year_in_one(
    year: Year, backfilled: tuple[Frames, dict[str, Any]], store: str, database_url: str, tmp_path: Path
) -> None:
    """PostgreSQL is given the frames: that a range makes them again does not depend on where the rows are kept."""
    rng = random.Random(11)
    cuts = sorted({0, len(year.windows), *rng.sample(range(1, len(year.windows)), RANGES - 1)})
    ranges = [year.windows[first:last] for first, last in itertools.pairwise(cuts)]
    with opened(year, database_url, tmp_path) as parts:
        for each in rng.sample(ranges, len(ranges)):
            if store == "sqlite":
                same_frames(replay(each, parts, "backfill"), of(backfilled[0], each))
            else:
                record(each, parts, "backfill", of(backfilled[0], each))
        replay(year.windows[-1:], parts, "backfill")  # what matured for windows that were filled in late
        assert kept(parts) == backfilled[1]


def test_a_year_of_live_windows_one_by_one_is_the_year_in_one(
    year: Year, backfilled: tuple[Frames, dict[str, Any]], database_url: str, tmp_path: Path
) -> None:
    sampled = set(random.Random(5).sample(year.windows, SAMPLED))
    with opened(year, database_url, tmp_path) as parts:
        for window in year.windows:
            own = of(backfilled[0], [window])
            if window in sampled:
                same_frames(replay([window], parts, "live"), own)
            else:
                record([window], parts, "live", own, assets=[signals])
        record(year.windows[-1:], parts, "live", backfilled[0], assets=[outcomes])
        assert kept(parts) == backfilled[1]


@pytest.mark.usefixtures("backfilled")
def test_the_year_survives_going_to_any_revision_and_back(kept_in: str, database_url: str) -> None:
    """Each table that the older revision has keeps its rows, without the columns that came late."""
    source, copy = engine_for(kept_in), engine_for(database_url)
    with source.connect() as year, copy.begin() as connection:
        for table in metadata.sorted_tables:
            if table is schema_compatibility:
                continue  # the migrations fill it
            found = [dict(row) for row in year.execute(sa.select(table)).mappings()]
            if found:
                connection.execute(sa.insert(table), found)
    kept_rows = {table.name: all_of(copy, table) for table in metadata.sorted_tables}
    assert len(kept_rows["window_run"]) == 520
    assert all(kept_rows[f"signal_{each}"] for each in ("candidate", "history", "outcome"))
    for revision in ("011", "010", "008", "007", "006", "005", "004", "003", "002", "001"):
        downgrade(database_url, revision)
        held = {*sa.inspect(copy).get_table_names()} & {*kept_rows}
        assert "window_run" in held
        upgrade(database_url)
        for name in held:
            assert all_of(copy, metadata.tables[name]) == kept_rows[name], (revision, name)
    for each in (source, copy):
        each.dispose()


# Columns that a revision after the table's own added.
LATE_COLUMNS: dict[str, set[str]] = {
    "window_run": {"watchlist"},
    "signal_candidate": {"known_at", "event", "reaction"},
    "signal_history": {"known_at", "event", "reaction"},
    "headline_score": {"event"},
}


def all_of(engine: Engine, table: sa.Table) -> list[tuple[Any, ...]]:
    """A table's rows in order, without what a revision on the way has no room for."""
    late = LATE_COLUMNS.get(table.name, set())
    columns = [column for column in table.columns if column.name not in late]
    with engine.connect() as connection:
        return sorted(map(tuple, connection.execute(sa.select(*columns))), key=repr)


def test_what_comes_later_changes_no_digest(
    year: Year, backfilled: tuple[Frames, dict[str, Any]], database_url: str, tmp_path: Path
) -> None:
    """The digests of some windows as they were made live, and made again when the whole year was there."""
    chosen = year.windows[300:312]
    with opened(year, database_url, tmp_path) as parts:
        record(year.windows[280:300], parts, "backfill", of(backfilled[0], year.windows[280:300]))
        live = []
        for window in chosen:
            made = replay([window], parts, "live")
            live.append(digest(parts, window, made))
        replay(year.windows[312:330], parts, "live")
        again = [digest(parts, window, of(backfilled[0], [window])) for window in chosen]
    assert again == live
    assert any(each["corrected"] for each in live)
    for before, after in itertools.pairwise(live):
        assert not said(before) & said(after)


def said(told: Mapping[str, Any]) -> set[tuple[str, str, str]]:
    """The signals that a digest tells as new, changed or from missed windows, by when they were decided."""
    cards = (*told["new"], *told["changed"], *told["from_missed"])
    return {(card["symbol"], card["signal_type"], card["decided_at"]) for card in cards}


def digest(parts: PipelineResources, window: Window, frames: Frames) -> dict[str, Any]:
    news = {name: frames[name] for name in ("headlines", "sentiment")}
    whole = replace(parts, store=open_store(parts.store.engine.url.render_as_string(hide_password=False)))
    made = Composer.for_windows((window,), whole.store, parts.market, parts.prices, parts.earnings, **news).compose(
        window
    )
    whole.store.engine.dispose()
    return json.loads(made.to_json()) | {"coverage": None, "subject": "", "kind": ""}
