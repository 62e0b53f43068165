"""Looking up the active history among 1,000 to 1,000,000 signals: time, and the plan that the database chose."""

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from benchmarks.results import file_section, table
from signals_pipeline.adapters.database import engine_for, signal_history, window_run, writing
from signals_pipeline.adapters.history import History
from signals_pipeline.adapters.migrate import upgrade
from signals_pipeline.core.windows import Window, window_containing

SIZES = (1_000, 10_000, 100_000, 1_000_000)
NEWEST = datetime(2026, 3, 2, 13, 30, tzinfo=UTC)
PER_WINDOW = 100
EXPIRY_DAYS = 7
CALLS = 50
CHUNK = 1_000  # windows written together


def windows_back(count: int) -> Iterator[Window]:
    """The last so many windows before the newest one, newest first."""
    window = window_containing(NEWEST)
    for _ in range(count):
        window = window_containing(window.start - timedelta(microseconds=1))
        yield window


def fill(engine: sa.Engine, rows: int, per_window: int = PER_WINDOW) -> None:
    """So many signals, as many a window, back from the newest window."""
    windows = list(windows_back(-(-rows // per_window)))
    for first in range(0, len(windows), CHUNK):
        chunk = windows[first : first + CHUNK]
        with writing(engine) as connection:
            connection.execute(sa.insert(window_run), [_run(each) for each in chunk])
            connection.execute(
                sa.insert(signal_history), [_signal(each, at) for each in chunk for at in range(per_window)]
            )


def plan(engine: sa.Engine, statement: str, values: Any) -> str:  # noqa: ANN401
    """How the database answers a statement, in one line."""
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    with engine.connect() as connection:
        return " / ".join(str(row[-1]).strip() for row in connection.exec_driver_sql(explain + statement, values))


def asked(engine: sa.Engine, history: History) -> tuple[str, Any]:
    """The statement with which the history looks up what is active."""
    seen: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, sql: str, values: object, *_: object) -> None:
        if "decided_at >" in sql:
            seen.append((sql, values))

    event.listen(engine, "before_cursor_execute", note)
    history.active(NEWEST, EXPIRY_DAYS)
    event.remove(engine, "before_cursor_execute", note)
    return seen[0]


def measure(url: str, rows: int) -> Sequence[object]:
    """A row of the table: signals, active ones, milliseconds, plan."""
    upgrade(url)
    engine = engine_for(url)
    fill(engine, rows)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(sa.text("ANALYZE"))
    history = History(engine)
    times: list[float] = []
    found = len(history.active(NEWEST, EXPIRY_DAYS))
    for _ in range(CALLS):
        started = time.perf_counter()
        history.active(NEWEST, EXPIRY_DAYS)
        times.append(1_000 * (time.perf_counter() - started))
    told = plan(engine, *asked(engine, history))
    store = engine.dialect.name
    engine.dispose()
    return store, f"{rows:,}", found, f"{statistics.median(times):.2f}", told


def main() -> None:
    """File the look-up on both databases."""
    from signals_pipeline_tests.databases import create_postgres

    rows = []
    for size in SIZES:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(f"sqlite:///{Path(folder) / 'signals.db'}", size))
        rows.append(measure(create_postgres(f"active_{size}"), size))
    header = ("database", "signals kept", "symbols active", "ms (median)", "plan")
    file_section("Active signals among many", "python -m benchmarks.active", table(header, rows))


def _run(window: Window) -> dict[str, Any]:
    return {
        "window_start": window.start, "window_end": window.end, "history_start": window.start, "mode": "backfill",
        "model": "none", "knobs": {}, "funnel": {}, "near_misses": [], "decided_at": window.end,
        "updated_at": window.end,
    }  # fmt: skip


def _signal(window: Window, at: int) -> dict[str, Any]:
    return {
        "window_start": window.start, "window_end": window.end, "symbol": f"S{at:03d}", "signal_type": "BUY",
        "combined_score": 0.5, "tone": 0.5, "confidence_score": 0.9, "technical": None, "fresh": True,
        "fragile": True, "story_id": "s", "news_title": "A title of usual length for the news of a company",
        "news_url": "https://news.example/1", "contributions": "[]", "source": "news_driven_ml", "known_at": None,
        "lifecycle": "new", "model": "none", "mode": "backfill", "decided_at": window.end,
        "expires_at": window.end + timedelta(days=EXPIRY_DAYS), "created_at": window.end,
    }  # fmt: skip


if __name__ == "__main__":
    main()
