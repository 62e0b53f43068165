"""Looking up the active history among 1,000 to 1,000,000 signals: time, and the plan that the database chose."""

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from benchmarks.results import file_section, table
from signals_pipeline.adapters.stores.engine import engine_for, write_transaction
from signals_pipeline.adapters.stores.migrations import upgrade
from signals_pipeline.adapters.stores.signal_history import SignalHistory
from signals_pipeline.adapters.stores.tables import signal_history, window_run
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
        with write_transaction(engine) as connection:
            connection.execute(sa.insert(window_run), [_run(each) for each in chunk])
            connection.execute(
                sa.insert(signal_history), [_signal(each, at) for each in chunk for at in range(per_window)]
            )


def plan(engine: sa.Engine, statement: str, values: Any) -> str:  # noqa: ANN401
    """How the database answers a statement, in one line."""
    explain = "EXPLAIN QUERY PLAN " if engine.dialect.name == "sqlite" else "EXPLAIN "
    with engine.connect() as connection:
        return " / ".join(str(row[-1]).strip() for row in connection.exec_driver_sql(explain + statement, values))


def asked(engine: sa.Engine, history: SignalHistory) -> tuple[str, Any]:
    """The statement with which the history looks up what is active."""
    seen: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, sql: str, values: object, *_: object) -> None:
        if "decided_at >" in sql:
            seen.append((sql, values))

    event.listen(engine, "before_cursor_execute", note)
    history.active(NEWEST, EXPIRY_DAYS)
    event.remove(engine, "before_cursor_execute", note)
    return seen[0]


def work(engine: sa.Engine, statement: str, values: Any) -> str:  # noqa: ANN401
    """What the database does for a statement, which no neighbour on the machine changes: steps or pages."""
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            told = connection.exec_driver_sql(
                "EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) " + statement, values
            ).scalar_one()
        blocks = told[0]["Plan"]
        return f"{blocks['Shared Hit Blocks'] + blocks['Shared Read Blocks']} pages"
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        driver.set_progress_handler(count, 1)  # pyright: ignore[reportOptionalMemberAccess]
        connection.exec_driver_sql(statement, values).fetchall()
        driver.set_progress_handler(None, 1)  # pyright: ignore[reportOptionalMemberAccess]
    return f"{steps:,} steps"


def filled(url: str, rows: int) -> sa.Engine:
    """A database with so many signals, and its statistics."""
    upgrade(url)
    engine = engine_for(url)
    fill(engine, rows)
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(sa.text("ANALYZE"))
    return engine


def measured(engines: dict[int, sa.Engine]) -> list[Sequence[object]]:
    """A row a size: database, signals kept and active, milliseconds, work, plan; the sizes are called in turn."""
    histories = {size: SignalHistory(engine) for size, engine in engines.items()}
    found = {size: len(history.active(NEWEST, EXPIRY_DAYS)) for size, history in histories.items()}
    times: dict[int, list[float]] = {size: [] for size in engines}
    for _ in range(CALLS):
        for size, history in histories.items():
            started = time.perf_counter()
            history.active(NEWEST, EXPIRY_DAYS)
            times[size].append(1_000 * (time.perf_counter() - started))
    rows: list[Sequence[object]] = []
    for size, engine in engines.items():
        statement = asked(engine, histories[size])
        took = f"{statistics.median(times[size]):.2f}", f"{min(times[size]):.2f}"
        rows.append(
            (engine.dialect.name, f"{size:,}", found[size], *took, work(engine, *statement), plan(engine, *statement))
        )
        engine.dispose()
    return rows


def main() -> None:
    """File the look-up on both databases; sizes as arguments stand in for the usual ones."""
    from signals_pipeline_tests.support.databases import create_postgres

    sizes = [int(each) for each in sys.argv[1:]] or SIZES
    with tempfile.TemporaryDirectory() as folder:
        rows = measured({size: filled(f"sqlite:///{Path(folder) / f'{size}.db'}", size) for size in sizes})
    rows += measured({size: filled(create_postgres(f"active_{size}"), size) for size in sizes})
    header = ("database", "signals kept", "symbols active", "ms (median)", "ms (least)", "work", "plan")
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
