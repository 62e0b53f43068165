"""Made-up pasts for replays: frames that the core itself built from drawn headlines, and bars of given moves."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.research.replay import ParameterSet
from signals_pipeline.core.scoring import scores
from signals_pipeline.core.sentiment import tone as sentiment
from signals_pipeline.core.tables import HEADLINES, SENTIMENT, TECHNICALS
from signals_pipeline.core.windows import Sessions, Window, windows_between

USED = ParameterSet(
    sentiment_weight=0.6,
    min_combined_score=0.3,
    min_sentiment_confidence=0.6,
    tone_half_life_hours=6.0,
    signal_expiry_days=3.0,
    max_signals=3,
)
FIRST = datetime(2024, 1, 8, 13, 30, tzinfo=UTC)


def windows_of(count: int) -> tuple[Window, ...]:
    """So many windows from a Monday morning on."""
    return windows_between(FIRST, FIRST + timedelta(days=count))[:count]


def watched(
    windows: Sequence[Window], symbols: Sequence[str], watchlist: Sequence[str] | None = None
) -> NDArray[np.bool_]:
    """Which of the symbols are on the watchlist, in every window the same; all of them without one."""
    row = np.array([watchlist is None or symbol in watchlist for symbol in symbols], dtype=bool)
    return np.tile(row, (len(windows), 1))


def headlines_of(windows: Sequence[Window], symbols: Sequence[str], seed: int, mean: float = 1.5) -> pd.DataFrame:
    """HEADLINES of drawn stories, a few headlines each, so many a company and window on average."""
    random = np.random.default_rng(seed)
    rows = []
    for window in windows:
        for symbol in symbols:
            for number in range(random.poisson(mean)):
                known = window.end - timedelta(hours=float(random.uniform(0.1, 20)))
                story = int(random.integers(0, 3))
                text = f"{symbol} {window.key} {number}"
                rows.append(
                    {
                        "window_start": window.start,
                        "headline_id": f"{len(rows):016x}",
                        "symbol": symbol,
                        "role": "subject",
                        "relevance": float(random.choice([1.0, 0.5, 0.0], p=[0.6, 0.3, 0.1])),
                        "published_at": known,
                        "known_at": known,
                        "reconstructed": False,
                        "title": text,
                        "text": text,
                        "text_hash": text,
                        "span": "",
                        "event": str(random.choice(["", "results", "price"], p=[0.5, 0.4, 0.1])),
                        "reason": "",
                        "url": "",
                        "source": "Wire",
                        "feed": "made",
                        "story_id": f"{symbol}{story}",
                        "member": number,
                        "novelty": 0.5**number,
                        "told": bool(random.random() < 0.3),
                    }
                )
    return HEADLINES.conform(pd.DataFrame(rows)) if rows else HEADLINES.empty()


def sentiment_of(headlines: pd.DataFrame, windows: Sequence[Window], setting: ParameterSet, seed: int) -> pd.DataFrame:
    """SENTIMENT of drawn logits."""
    hashes = sorted(set(headlines["text_hash"]))
    logits = np.random.default_rng(seed).normal(0, 2, (len(hashes), 3))
    frame = pd.DataFrame(logits, index=hashes, columns=list(sentiment.LABELS))
    made = sentiment.build(
        headlines,
        frame,
        windows,
        sessions_of(windows),
        min_confidence=setting.min_sentiment_confidence,
        half_life_hours=setting.tone_half_life_hours,
        tone_events=setting.tone_events.split(","),
    )
    return SENTIMENT.conform(made)


def technicals_of(windows: Sequence[Window], symbols: Sequence[str], seed: int) -> pd.DataFrame:
    """TECHNICALS with drawn scores, a tenth of them missing, a tenth of the rows not there."""
    random = np.random.default_rng(seed)
    size = len(windows) * len(symbols)
    drawn = np.clip(random.normal(0, 0.5, size), -1, 1)
    frame = pd.DataFrame(
        {
            "window_start": [window.start for window in windows for _ in symbols],
            "symbol": list(symbols) * len(windows),
            **{column.name: 0.1 for column in TECHNICALS.columns if column.dtype == "float64"},
            "session": [window.start for window in windows for _ in symbols],
            "stale": False,
            "bars": 250,
            "technical": np.where(random.random(size) < 0.1, np.nan, drawn),
        }
    )
    return TECHNICALS.conform(frame[random.random(size) > 0.1])


def frames_of(
    windows: Sequence[Window], symbols: Sequence[str], setting: ParameterSet, seed: int, mean: float = 1.5
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """SENTIMENT and SCORES as a run with this setting leaves them; the draw depends on the seed alone."""
    headlines = headlines_of(windows, symbols, seed, mean)
    tone = sentiment_of(headlines, windows, setting, seed)
    price = technicals_of(windows, symbols, seed)
    weight = setting.sentiment_weight
    return tone, scores.build(headlines, tone, price, symbols, windows, sentiment_weight=weight)


def sessions_of(windows: Sequence[Window], ahead: int = 40) -> Sessions:
    """A session every weekday from before the first window to well after the last, 14:30 to 21:00 UTC."""
    first = np.datetime64(windows[0].start.date(), "D") - 10
    dates = np.busday_offset(first, np.arange(len(windows) // 2 + ahead), roll="forward")
    midnight = dates.astype("datetime64[us]")
    # numpy's stubs take the sum of instants and a duration for a duration.
    opens: Any = midnight + np.timedelta64(870, "m")
    closes: Any = midnight + np.timedelta64(1260, "m")
    return Sessions(dates, opens, closes)


def bars_of(sessions: Sessions, symbols: Sequence[str], moves: np.ndarray) -> pd.DataFrame:
    """Bars whose close moves by `moves` (sessions, symbols), a logarithm, from the open of its session."""
    closes = 100 * np.exp(np.cumsum(moves, axis=0))
    opens = np.vstack([np.full(len(symbols), 100.0), closes[:-1]])
    frame = pd.DataFrame(
        {
            "symbol": np.tile(list(symbols), len(sessions.dates)),
            "session": np.repeat(sessions.dates, len(symbols)).astype("datetime64[us]"),
            "open": opens.ravel(),
            "high": np.maximum(opens, closes).ravel(),
            "low": np.minimum(opens, closes).ravel(),
            "close": closes.ravel(),
            "volume": 1e6,
        }
    )
    return frame.astype({"symbol": "str"}).sort_values(["symbol", "session"], ignore_index=True)
