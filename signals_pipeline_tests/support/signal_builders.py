"""Candidates and signals with plain values, for the tests of lifecycle and checks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from signals_pipeline.core.signal_fields import Lifecycle
from signals_pipeline.core.signals.decision import (
    Candidate,
    Signal,
)
from signals_pipeline.core.windows import Window, windows_between

# Two weeks around a clock change (10 March 2024).
WINDOWS = windows_between(datetime(2024, 3, 4, tzinfo=UTC), datetime(2024, 3, 16, tzinfo=UTC))


WEEK = 7.0


def candidate(window: Window, symbol: str = "NVDA", combined: float = 0.5, **values: Any) -> Candidate:
    made = Candidate(
        window_start=window.start,
        window_end=window.end,
        symbol=symbol,
        signal_type="BUY" if combined > 0 else "SELL",
        combined_score=combined,
        tone=combined,
        confidence_score=0.8,
        technical=None,
        fresh=True,
        fragile=False,
        story_id="story",
        news_title=f"Title of {symbol}",
        news_url="https://example.com/a",
        contributions="[]",
        source="news_driven_ml",
    )
    return replace(made, **values)


def signal(window: Window, symbol: str = "NVDA", combined: float = 0.5, lifecycle: Lifecycle = "new") -> Signal:
    return Signal(
        candidate=candidate(window, symbol, combined),
        lifecycle=lifecycle,
        decided_at=window.end,
        expires_at=window.end + timedelta(days=WEEK),
    )
