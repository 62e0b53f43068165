"""What the audit promises: an honest pipeline passes over any window, and each kind of leak is found and named."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import pandas as pd
import pytest
import sqlalchemy as sa

from signals_pipeline import sample
from signals_pipeline.adapters.earnings.recorded import RecordedEarnings
from signals_pipeline.adapters.news.recorded import RecordedNews
from signals_pipeline.adapters.prices.recorded import RecordedPrices
from signals_pipeline.adapters.stores.engine import read_transaction
from signals_pipeline.adapters.stores.tables import Mode, metadata
from signals_pipeline.adapters.watchlist import load_watchlist
from signals_pipeline.core.news.feeds import NewsBatch, NewsSource, PriceSource
from signals_pipeline.core.prices.earnings import EarningsCalendar, EarningsDate
from signals_pipeline.core.windows import Window, window_for_key, windows_between
from signals_pipeline.defs.look_ahead_audit import Leak, audit, stored_trace, windows_after
from signals_pipeline.defs.resources import MarketContext, open_store, scorer_for
from signals_pipeline.defs.stage_replay import PipelineResources, replay
from signals_pipeline.settings.choices import SignalGenerator
from signals_pipeline.settings.strategy import Knobs
from signals_pipeline_tests.support.databases import migrated_template

WINDOWS = windows_between(window_for_key("2015-02-02-17:30").start, window_for_key("2015-02-06-08:30").start)
AUDITED = WINDOWS[3]


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PipelineResources]:
    """The sample's sources on a database where the windows were run."""
    folder = tmp_path_factory.mktemp("audit")
    path = folder / "signals.db"
    path.write_bytes(Path(migrated_template("sqlite")).read_bytes())
    store = open_store(f"sqlite:///{path}")
    knobs = Knobs(min_combined_score=0.2)
    market = MarketContext(load_watchlist(sample.WATCHLIST), "demo", folder)
    calendar = folder / "earnings.csv"
    calendar.write_text(
        "symbol,date,session,first_seen_at\n"
        + "".join(f"{symbol},2015-02-03,after_close,2015-01-05T12:00Z\n" for symbol in market.watchlist.symbols),
        encoding="utf-8",
    )
    made = PipelineResources(
        knobs, RecordedNews(sample.HEADLINES), RecordedPrices(sample.PRICES),
        market, store, scorer_for(knobs, folder, store.scores), earnings=RecordedEarnings(calendar),
    )  # fmt: skip
    replay(WINDOWS, made, "backfill")
    yield made
    store.engine.dispose()


def differing(found: Sequence[Leak]) -> dict[str, str]:
    return {each.name: each.difference.text for each in found if each.difference}


def own_rows(parts: PipelineResources, window: Window) -> dict[str, pd.DataFrame]:
    made = replay([window], parts, "backfill")
    return {name: frame[frame["window_start"] == pd.Timestamp(window.start)] for name, frame in made.items()}


def kept_rows(parts: PipelineResources) -> dict[str, int]:
    with read_transaction(parts.store.engine) as connection:
        counts = {
            name: connection.scalar(sa.select(sa.func.count()).select_from(table))
            for name, table in metadata.tables.items()
        }
    return {name: count or 0 for name, count in counts.items()}


def test_no_window_looks_ahead(parts: PipelineResources) -> None:
    before = kept_rows(parts)
    for window in (WINDOWS[1], AUDITED):
        found = audit(window, parts, stored_trace(window, parts.store, own_rows(parts, window)))
        assert len(found) == 4
        assert differing(found) == {}
    assert kept_rows(parts) == before


def test_a_window_that_was_never_run_is_audited_without_what_is_kept(parts: PipelineResources) -> None:
    found = audit(windows_after(WINDOWS[-1], 1)[0], replace(parts, knobs=Knobs()))
    assert (len(found), differing(found)) == (3, {})


def test_the_generator_without_ml_is_audited_as_well(parts: PipelineResources) -> None:
    knobs = Knobs(signal_generator=SignalGenerator.TECHNICAL, min_combined_score=0.2)
    technical = replace(parts, knobs=knobs, scorer=scorer_for(knobs, Path("nowhere"), parts.store.scores))
    assert differing(audit(AUDITED, technical)) == {}


def test_a_report_that_moves_after_the_window_is_no_news_in_it(
    parts: PipelineResources, monkeypatch: pytest.MonkeyPatch
) -> None:
    def newest(calendar: EarningsCalendar, symbol: str, as_of: datetime) -> EarningsDate | None:
        del as_of
        return calendar.rows[symbol][-1] if symbol in calendar.rows else None

    monkeypatch.setattr(EarningsCalendar, "newest", newest)
    found = differing(audit(AUDITED, parts))
    assert set(found) == {"inputs poisoned after the window", "a run with later windows, poisoned"}
    assert all("earnings" in text for text in found.values())


@dataclass(frozen=True)
class Forgetful:
    """News whose collector forgot when it first saw an item."""

    source: NewsSource

    @property
    def name(self) -> str:
        return self.source.name

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        batch = self.source.fetch(start, end)
        return replace(batch, headlines=tuple(replace(each, first_seen_at=None) for each in batch.headlines))


@dataclass(frozen=True)
class Hasty:
    """Bars dated a few days before their session."""

    source: PriceSource

    @property
    def name(self) -> str:
        return self.source.name

    def bars(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        bars = self.source.bars(symbols, start, end)
        return bars.assign(session=bars["session"] - pd.Timedelta(days=7))

    def corrections(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        return self.source.corrections(symbols, start, end)

    def actions(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        return self.source.actions(symbols, start, end)

    def other_vendors(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        return self.source.other_vendors(symbols, start, end)

    def traded_closes(self, symbols: Sequence[str], start: date, end: date) -> pd.DataFrame:
        return self.source.traded_closes(symbols, start, end)

    def notes(self) -> tuple[str, ...]:
        return self.source.notes()


def forgetful(windows: Sequence[Window], parts: PipelineResources, mode: Mode) -> Mapping[str, pd.DataFrame]:
    return replay(windows, replace(parts, news=Forgetful(parts.news)), mode)


def hasty(windows: Sequence[Window], parts: PipelineResources, mode: Mode) -> Mapping[str, pd.DataFrame]:
    return replay(windows, replace(parts, prices=Hasty(parts.prices)), mode)


def counting_history(windows: Sequence[Window], parts: PipelineResources, mode: Mode) -> Mapping[str, pd.DataFrame]:
    made = replay(windows, parts, mode)
    count = len(parts.store.history.modes(datetime.max.replace(tzinfo=windows[0].start.tzinfo)))
    return {**made, "scores": made["scores"].assign(n_tagged=count)}


def test_news_used_before_it_was_seen_is_found(parts: PipelineResources) -> None:
    found = differing(audit(AUDITED, parts, run=forgetful))
    assert found["inputs poisoned after the window"].startswith("headlines AAPL ")
    assert "a run with later windows, poisoned" in found
    assert "inputs as they are now" not in found


def test_prices_of_later_sessions_are_found(parts: PipelineResources) -> None:
    found = differing(audit(AUDITED, parts, run=hasty))
    assert all(text.startswith("technicals AAPL ") for text in found.values())
    assert set(found) == {"inputs poisoned after the window", "a run with later windows, poisoned"}


def test_a_look_at_later_windows_is_found(parts: PipelineResources) -> None:
    found = differing(audit(AUDITED, parts, run=counting_history))
    assert all(text.startswith("scores AAPL n_tagged") for text in found.values())
    assert set(found) >= {"inputs as they are now", "inputs poisoned after the window"}


def test_what_is_kept_and_was_changed_since_is_found(parts: PipelineResources) -> None:
    frames = own_rows(parts, AUDITED)
    frames["scores"] = frames["scores"].assign(fragile=True)
    found = differing(audit(AUDITED, parts, stored_trace(AUDITED, parts.store, frames)))
    assert list(found) == ["what is kept of the window"]
    assert found["what is kept of the window"].endswith(" fragile: False became True")
