"""Windows, candidates and runs for the tests of the signal history."""

from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.signal_history import SignalHistory, WindowRun
from signals_pipeline.adapters.stores.tables import Mode, metadata, window_run
from signals_pipeline.core.signals.decision import Candidate
from signals_pipeline.core.windows import Window, windows_between

WINDOWS = windows_between(datetime(2026, 3, 2, tzinfo=UTC), datetime(2026, 3, 12, tzinfo=UTC))
Entry = tuple[Window, list[Candidate], WindowRun]


def judged(window: Window, symbol: str, score: float, *, fresh: bool = True) -> Candidate:
    return Candidate(
        window_start=window.start, window_end=window.end, symbol=symbol, signal_type="BUY" if score > 0 else "SELL",
        combined_score=score, tone=score, confidence_score=0.9, technical=None, fresh=fresh, fragile=True,
        story_id="s", news_title=f"{symbol} “news”", news_url="", contributions="[]", source="news_driven_ml",
    )  # fmt: skip


def run_with(
    mode: Mode = "live",
    *,
    expiry: float = 7,
    most: int = 25,
    cooldown: float = 0,
    model: str = "compact @1",
    generator: str = "news_driven",
) -> WindowRun:
    knobs = {
        "signal_expiry_days": expiry,
        "max_signals": most,
        "flip_cooldown_days": cooldown,
        "signal_generator": generator,
    }
    return WindowRun(mode, model, knobs, {"candidates": 1}, [{"symbol": "N", "gate": "threshold"}])


def rows(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Every row, but for what says when and by what run it was written."""
    traces = {"id", "created_at", "updated_at", "mode"}
    with read_transaction(engine) as connection:
        found = {
            table.name: connection.execute(sa.select(table)).mappings().all() for table in metadata.tables.values()
        }
    stripped = {
        name: [{k: v for k, v in row.items() if k not in traces} for row in table] for name, table in found.items()
    }
    return {name: sorted(table, key=repr) for name, table in stripped.items()}


def wipe(engine: Engine) -> None:
    with write_transaction(engine) as connection:
        connection.execute(sa.delete(window_run))


def lifecycles(history: SignalHistory) -> list[tuple[datetime, str, str]]:
    return [
        (each.decided_at, each.symbol, each.lifecycle) for each in history.between(WINDOWS[0].start, WINDOWS[-1].end)
    ]
