"""Small, plain values from which the tests of outcomes, cards, digests and rendering are built."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from signals_pipeline.core.digest.composition import DigestContext, compose
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.news.feeds import SourceReport
from signals_pipeline.core.signal_fields import Lifecycle, SignalType
from signals_pipeline.core.signals.decision import Candidate, Decision, GateResult, Signal, decide
from signals_pipeline.core.tables import KNOWN_OUTCOMES
from signals_pipeline.core.watchlist import Company, Watchlist
from signals_pipeline.core.windows import Sessions, Window, windows_between
from signals_pipeline.settings.strategy import Knobs

WINDOWS = windows_between(datetime(2024, 1, 8, tzinfo=UTC), datetime(2024, 3, 8, tzinfo=UTC))
KNOBS = Knobs().stored()
MODEL = "compact int8 @0123456789ab"
WATCHLIST = Watchlist((Company("AAA", "Alpha"), Company("BBB", "Beta & Sons"), Company("CCC", "Gamma")))


def weekday_sessions(first: str = "2024-01-02", count: int = 60) -> Sessions:
    """A session every weekday, 14:30 to 21:00 UTC."""
    dates = np.busday_offset(first, np.arange(count), roll="forward")
    midnight = dates.astype("datetime64[us]")
    # numpy's stubs take the sum of instants and a duration for a duration.
    opens: Any = midnight + np.timedelta64(870, "m")
    closes: Any = midnight + np.timedelta64(1260, "m")
    return Sessions(dates, opens, closes)


def bars_of(sessions: Sessions, prices: Mapping[str, Sequence[tuple[float, float]]]) -> pd.DataFrame:
    """Bars from (open, close) pairs a symbol, one a session; a pair with NaN stands for a missing bar."""
    rows = [
        (symbol, pd.Timestamp(day), opened, max(opened, closed), min(opened, closed), closed, 1e6)
        for symbol, pairs in sorted(prices.items())
        for day, (opened, closed) in zip(sessions.dates, pairs, strict=False)
        if not np.isnan(opened + closed)
    ]
    frame = pd.DataFrame(rows, columns=["symbol", "session", "open", "high", "low", "close", "volume"])
    return frame.astype({"symbol": "str", "session": "datetime64[us]"})


def steady(sessions: Sessions, *symbols: str) -> pd.DataFrame:
    """Bars that rise by 1 a session, for each symbol."""
    return bars_of(sessions, {name: [(100.0 + n, 101.0 + n) for n in range(len(sessions.dates))] for name in symbols})


def story(number: int, contribution: float, without: float, **changes: object) -> dict[str, Any]:
    """A story's contribution."""
    return {
        "kind": "story",
        "story_id": f"{number:016x}",
        "title": f"Story number {number} lifts its company",
        "url": f"https://news.example/{number}?a=1&b=2",
        "source": "Example Wire",
        "known_at": "2024-01-09T15:00:00Z",
        "headlines": 1,
        "told": False,
        "tone": 0.8,
        "weight": 0.5,
        "contribution": contribution,
        "without": without,
        **changes,
    }


def component(name: str, contribution: float) -> dict[str, Any]:
    """A technical component's contribution."""
    return {
        "kind": "technical",
        "name": name,
        "value": 55.0,
        "component": 0.1,
        "weight": 0.2,
        "contribution": contribution,
    }


def signal(
    symbol: str = "AAA",
    signal_type: SignalType = "BUY",
    window: Window = WINDOWS[0],
    *,
    lifecycle: Lifecycle = "new",
    parts: Sequence[Mapping[str, Any]] | None = None,
    **changes: object,
) -> Signal:
    """A signal of one story and one technical component unless told otherwise; the score is the sum of its parts."""
    side = 1.0 if signal_type == "BUY" else -1.0
    parts = [story(1, side * 0.4, side * 0.1), component("rsi", side * 0.1)] if parts is None else parts
    combined = sum(part["contribution"] for part in parts)
    stories = [part for part in parts if part["kind"] == "story"]
    values: dict[str, Any] = {
        "window_start": window.start,
        "window_end": window.end,
        "symbol": symbol,
        "signal_type": signal_type,
        "combined_score": combined,
        "tone": side * 0.7,
        "confidence_score": 0.9,
        "technical": side * 0.25,
        "fresh": True,
        "fragile": len(stories) == 1,
        "source": "news_driven_ml",
        "story_id": stories[0]["story_id"] if stories else "",
        "news_title": stories[0]["title"] if stories else "",
        "news_url": stories[0]["url"] if stories else "",
        "contributions": json.dumps(list(parts)),
    }
    return Signal(
        candidate=Candidate(**{**values, **changes}),
        lifecycle=lifecycle,
        decided_at=window.end,
        expires_at=window.end + timedelta(days=7),
    )


def coverage(window: Window, **changes: object) -> Coverage:
    """A ledger entry without trouble."""
    values: dict[str, Any] = {
        "window_key": window.key,
        "label": window.label,
        "evidence_start": window.start,
        "evidence_end": window.end,
        "gap_minutes": 0,
        "overlap_minutes": 0,
        "missing_windows": (),
        "reports": (SourceReport("wire", "ok", 12),),
        "headlines": 12,
        "relevant": 9,
        "stories": 7,
        "symbols": 3,
        "reconstructed": 0,
        "drops": {"duplicate": 2},
        "status": "ok",
        "first_run": False,
    }
    return Coverage(**{**values, **changes})


def outcome_rows(count: int, **changes: object) -> pd.DataFrame:
    """`count` outcomes over every horizon, every second one a hit, long before the windows used here."""
    start = pd.Timestamp("2023-01-02T22:30Z")
    rows = [
        {
            "window_start": start + pd.Timedelta(days=n),
            "symbol": "AAA",
            "signal_type": "BUY",
            "horizon": horizon,
            "decided_at": start + pd.Timedelta(days=n),
            "combined_score": 0.4,
            "confidence_score": 0.9,
            "lifecycle": "new",
            "entry_session": start.normalize() + pd.Timedelta(days=n),
            "exit_session": start.normalize() + pd.Timedelta(days=n + horizon),
            "entry": 100.0,
            "exit": 101.0,
            "raw_return": 0.01,
            "benchmark_return": 0.005,
            "net_return": 0.02 * (n % 2) - 0.01,
            "hit": bool(n % 2),
            "base_rate": 0.5,
            "benchmark": "SPY",
            "known_at": start + pd.Timedelta(days=n + horizon),
            "provenance": "backfilled",
            "generator": "news_driven_ml",
            "model": MODEL,
            **changes,
        }
        for n in range(count)
        for horizon in (1, 3, 5, 10)
    ]
    return KNOWN_OUTCOMES.conform(pd.DataFrame(rows)) if rows else KNOWN_OUTCOMES.empty()


def context_of(history: Sequence[Signal] = (), **changes: object) -> DigestContext:
    """Knowledge of these signals, all decided live with one model, without outcomes unless told otherwise."""
    sessions = weekday_sessions()
    values: dict[str, Any] = {
        "history": history,
        "modes": {each.window_start: "live" for each in history},
        "models": {each.window_start: MODEL for each in history},
        "outcomes": KNOWN_OUTCOMES.empty(),
        "bars": steady(sessions, "AAA", "BBB"),
        "watchlist": WATCHLIST,
        "sessions": sessions,
    }
    return DigestContext.build(**{**values, **changes})


def digest_of(
    window: Window, candidates: Sequence[Signal] = (), history: Sequence[Signal] = (), **changes: object
) -> Digest:
    """The digest of a window whose candidates are those of the given signals; `changes` go to whom they concern."""
    chosen = tuple(each.candidate for each in candidates)
    decision: Decision = decide(
        chosen,
        history,
        window,
        expiry_days=7,
        max_signals=KNOBS["max_signals"],
        flip_cooldown_days=KNOBS["flip_cooldown_days"],
    )
    names = ("modes", "models", "outcomes", "bars", "watchlist", "sessions", "other_vendors", "earnings")
    arranged = {name: changes.pop(name) for name in names if name in changes}
    values: dict[str, Any] = {
        "coverage": coverage(window),
        "gated": GateResult(chosen, (), {"candidates": len(chosen)}),
        "decision": decision,
        "context": context_of(history, **arranged),
        "knobs": KNOBS,
        "model": MODEL,
        "mode": "live",
        "deployment": "production",
    }
    return compose(window, **{**values, **changes})
