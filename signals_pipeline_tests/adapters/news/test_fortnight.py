"""A fortnight of live windows with random outages, over both clock changes: no minute lost, nothing told twice."""

import random
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.news.live import LiveNews
from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.adapters.stores.circuit_breakers import CircuitBreakers
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.headline_archive import HeadlineArchive
from signals_pipeline.core.news.coverage import Coverage, coverage_ledger
from signals_pipeline.core.news.evidence import news_interval
from signals_pipeline.core.news.feeds import NewsBatch, SourceError
from signals_pipeline.core.news.normalisation import RawHeadline
from signals_pipeline.core.tables import HEADLINES
from signals_pipeline.core.windows import Window, windows_between
from signals_pipeline.defs.jobs import scheduled_windows
from signals_pipeline_tests.support.databases import new_database
from signals_pipeline_tests.support.scripted_feeds import Aired, Tape, item

REACH = {"lookback_hours": 6.0, "strict": False}
SPRING = datetime(2026, 3, 2, 14, tzinfo=UTC)  # the clocks go forward on 8 March
AUTUMN = datetime(2026, 10, 26, 14, tzinfo=UTC)  # ... and back on 1 November
NONE = HEADLINES.empty()
SESSIONS = trading_sessions(date(2025, 11, 1), date(2027, 1, 31))


@dataclass
class Fortnight:
    """The schedule of two weeks, as it heals what was missed.

    Attributes:
        news: The live source.
        told: Headlines known in each told window, by window.
        entries: Each told window's entry in the ledger.
        now: The clock.
    """

    news: LiveNews
    told: dict[Window, tuple[RawHeadline, ...]] = field(default_factory=dict)
    entries: dict[Window, Coverage] = field(default_factory=dict)

    def tick(self, newest: Window) -> None:
        """One run of the schedule: what has no digest yet, then the newest window."""
        windows = scheduled_windows(newest, max(window.end for window in self.told) if self.told else None)
        batch = self.news.fetch(*news_interval(windows, **REACH))
        found = coverage_ledger(
            windows, covered=tuple(self.told), batch=batch, headlines=NONE, sessions=SESSIONS, **REACH
        )
        for window, entry in zip(windows, found, strict=True):
            assert window not in self.told
            self.told[window] = inside(batch, window)
            self.entries[window] = entry


def inside(batch: NewsBatch, window: Window) -> tuple[RawHeadline, ...]:
    return tuple(one for one in batch.headlines if one.known_at and window.start <= one.known_at < window.end)


def airing(start: datetime, feed: str, dice: random.Random) -> list[Aired]:
    """Items around the clock; some reach the feed hours after their publication."""
    aired = []
    for number in range(30):
        published = start + timedelta(minutes=dice.uniform(0, 14 * 24 * 60))
        late = timedelta(hours=dice.choice([0, 0, 0, 0.2, 5, 30]))
        aired.append(Aired(item(published, f"{feed} {number}", feed), published + late))
    return aired


@settings(max_examples=5, phases=set(Phase) - {Phase.explain})
@given(st.sampled_from([SPRING, AUTUMN]), st.integers(0, 2**32), st.sampled_from([0.0, 0.3, 0.7]))
def test_no_minute_is_lost_and_nothing_is_told_twice(
    store: str, tmp_path_factory: pytest.TempPathFactory, start: datetime, seed: int, trouble: float
) -> None:
    dice = random.Random(seed)
    engine = engine_for(new_database(store, tmp_path_factory.mktemp("news")))
    clock = [start]
    tapes = [Tape(name, airing(start, name, dice)) for name in ("one", "two")]
    circuits = CircuitBreakers(engine, threshold=99)
    fortnight = Fortnight(LiveNews(tapes, HeadlineArchive(engine), circuits, now=lambda: clock[0]))
    windows = windows_between(start, start + timedelta(days=14))
    for window in windows:
        last = window == windows[-1]
        clock[0] = window.end + timedelta(seconds=dice.choice([1, 40, 1800]))
        for tape in tapes:
            tape.down = "" if last or dice.random() >= trouble else "down"
        if last or dice.random() >= trouble / 2:  # else the machine is down
            try:
                fortnight.tick(window)
            except SourceError:
                assert all(tape.down for tape in tapes)
    told = sorted(fortnight.told)
    assert told == list(windows[windows.index(told[0]) :])
    # A gap is only where every feed that answered had been silent for suspiciously long.
    for entry in fortnight.entries.values():
        answered = [report for report in entry.reports if report.status != "failed"]
        assert entry.gap_minutes == 0 or all(report.covered_to is not None for report in answered)
    assert not any(entry.missing_windows for entry in fortnight.entries.values())
    counted = Counter(one.title for headlines in fortnight.told.values() for one in headlines)
    assert set(counted.values()) <= {1}
    seen = {one.headline.title for tape in tapes for one in tape.aired if told[0].start <= one.at < windows[-1].end}
    missed = {title for title in seen - set(counted) if not _before(tapes, str(title), told[0].start)}
    assert not missed
    for window in told:  # read again, everything is as it was told
        again = fortnight.news.fetch(*news_interval([window], **REACH))
        assert inside(again, window) == fortnight.told[window]
        (entry,) = coverage_ledger(
            [window], covered=[w for w in told if w < window], batch=again, headlines=NONE, sessions=SESSIONS, **REACH
        )
        assert entry.reports == fortnight.entries[window].reports
    engine.dispose()


def _before(tapes: list[Tape], title: str, start: datetime) -> bool:
    """Published before the first told window, whose backlog is not news."""
    return any(
        one.headline.title == title and one.headline.published_at and one.headline.published_at < start
        for tape in tapes
        for one in tape.aired
    )


def test_after_two_failed_windows_the_third_covers_them(engine: Engine) -> None:
    clock = [SPRING]
    windows = windows_between(SPRING, SPRING + timedelta(days=3))
    tape = Tape(
        "one", [Aired(item(w.start + timedelta(hours=1), w.key), w.start + timedelta(hours=1)) for w in windows]
    )
    fortnight = Fortnight(
        LiveNews([tape], HeadlineArchive(engine), CircuitBreakers(engine, threshold=99), now=lambda: clock[0])
    )
    for window, down in zip(windows, ["", "down", "down", ""], strict=False):
        clock[0], tape.down = window.end + timedelta(seconds=5), down
        if down:
            with pytest.raises(SourceError, match="every feed failed"):
                fortnight.tick(window)
        else:
            fortnight.tick(window)
    assert list(fortnight.told) == list(windows[:4])
    for window in windows[:4]:
        assert [one.title for one in fortnight.told[window]] == [window.key]
        assert fortnight.entries[window].gap_minutes == 0
        assert [report.status for report in fortnight.entries[window].reports] == ["ok"]
