"""`signals tune` over 100 settings and 520 windows of 50 companies, frames on disk: each part's time and the whole.

The frames are made up: what is in them costs the same to replay whatever the words were.
"""

import io
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.growth import companies, made_bars
from benchmarks.results import file_section, table
from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.adapters.rendering.charts import tuning as draw
from signals_pipeline.cli.tune import GRID
from signals_pipeline.core.record.forward_returns import forward_returns
from signals_pipeline.core.research.replay import ParameterSet, replay_signals
from signals_pipeline.core.research.stored_evidence import StoredEvidence
from signals_pipeline.core.research.tuning import TuningResult, parameter_grid, tune
from signals_pipeline.core.tables import SCORES, SENTIMENT, Table
from signals_pipeline.core.windows import Window, window_for_key, windows_between
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline.defs.research_data import SCORE_COLUMNS, SENTIMENT_COLUMNS

SYMBOLS, WINDOWS, A_WINDOW = 50, 520, 60
USED = ParameterSet(0.6, 0.3, 0.6, 6.0, 7.0, 25)


def sentiment_rows(windows: tuple[Window, ...], symbols: tuple[str, ...]) -> pd.DataFrame:
    """Drawn headlines with the columns of the SENTIMENT frame."""
    random = np.random.default_rng(0)
    size = len(windows) * A_WINDOW
    starts = pd.DatetimeIndex([window.start for window in windows]).repeat(A_WINDOW)
    ends = pd.DatetimeIndex([window.end for window in windows]).repeat(A_WINDOW)
    return SENTIMENT.conform(
        pd.DataFrame(
            {
                **{column.name: 0.5 for column in SENTIMENT.columns if column.dtype == "float64"},
                "window_start": starts,
                "headline_id": [f"{at:016x}" for at in range(size)],
                "symbol": random.choice(symbols, size),
                "published_at": ends - pd.Timedelta(hours=12),
                "known_at": ends - pd.to_timedelta(random.integers(1, 12 * 3600, size), unit="s"),
                "title": "A headline of about the usual length says what a company did",
                "url": "https://example.org/a-headline-of-about-the-usual-length",
                "source": "example.org",
                "story_id": [f"{each:016x}" for each in random.integers(0, size, size)],
                "told": random.random(size) < 0.2,
                "role": "subject",
                "event": random.choice(["results", "product", "price"], size),
                "reason": "",
                "score": random.uniform(-1, 1, size),
                "confidence": random.uniform(0.4, 1, size),
                "confident": True,
                "relevance": 1.0,
                "novelty": 1.0,
            }
        )
    )


def score_rows(windows: tuple[Window, ...], symbols: tuple[str, ...]) -> pd.DataFrame:
    """Drawn scores with the columns of the SCORES frame, contributions of the usual size included."""
    random = np.random.default_rng(1)
    size = len(windows) * len(symbols)
    return SCORES.conform(
        pd.DataFrame(
            {
                **{column.name: 0 for column in SCORES.columns if column.dtype in ("int64", "float64")},
                **{column.name: "" for column in SCORES.columns if column.dtype == "str"},
                "window_start": pd.DatetimeIndex([window.start for window in windows]).repeat(len(symbols)),
                "symbol": list(symbols) * len(windows),
                "technical": np.clip(random.normal(0, 0.4, size), -1, 1),
                "fresh": True,
                "fragile": False,
                "known_at": pd.Series(pd.NaT, index=range(size), dtype="datetime64[us, UTC]"),
                "story_known_at": pd.Series(pd.NaT, index=range(size), dtype="datetime64[us, UTC]"),
                "contributions": [f"[{at}{' ' * 700}]" for at in range(size)],
            }
        )
    )


def store(folder: Path, stage: Table, frame: pd.DataFrame) -> None:
    """One file a window, as the IO manager writes them."""
    (folder / stage.name).mkdir(parents=True)
    keys = {window.start: window.key for window in windows_of()}
    for start, rows in frame.groupby("window_start"):
        buffer = io.BytesIO()
        pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), buffer, compression="zstd")
        name = keys[pd.Timestamp(str(start)).to_pydatetime()].replace(":", "")
        (folder / stage.name / f"{name}.parquet").write_bytes(buffer.getvalue())


def windows_of() -> tuple[Window, ...]:
    """A year of windows."""
    first = window_for_key("2015-01-02-08:30").start
    return windows_between(first, first + timedelta(days=WINDOWS))[:WINDOWS]


@contextmanager
def timed(times: dict[str, float], part: str) -> Iterator[None]:
    """Keeps how long a part takes."""
    started = time.perf_counter()
    yield
    times[part] = time.perf_counter() - started


def measured(folder: Path) -> tuple[dict[str, float], TuningResult]:
    """Seconds of each part of a tuning over the frames in this folder."""
    windows, watchlist = windows_of(), companies(SYMBOLS)
    sessions = trading_sessions(windows[0].start.date() - timedelta(days=500), windows[-1].end.date())
    bars = made_bars(watchlist, sessions)
    times: dict[str, float] = {}
    keys, frames = [window.key for window in windows], WindowFrames(base=str(folder))
    with timed(times, "read the stored frames"):
        told = frames.columns(SENTIMENT, keys, SENTIMENT_COLUMNS)
        scored = frames.columns(SCORES, keys, SCORE_COLUMNS)
    with timed(times, "arrange them, and the returns"):
        evidence = StoredEvidence.from_frames(told, scored, windows, sessions)
        watched = np.ones((len(windows), len(watchlist)), dtype=bool)
        forward = forward_returns(windows, watchlist.symbols, watched, bars, sessions, as_of=windows[-1].end)
    settings = parameter_grid(USED, GRID)
    with timed(times, f"replay {len(settings)} settings"):
        signals = replay_signals(evidence, settings)
    with timed(times, f"judge {len(signals.setting):,} signals, reality check"):
        found = tune(settings, signals, forward, horizon=5, weeks=52)
    with timed(times, "draw"):
        draw(folder / "tuning.png", found)
    return times, found


def main() -> None:
    """File the parts and the whole."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        windows, symbols = windows_of(), companies(SYMBOLS).symbols
        store(folder, SENTIMENT, sentiment_rows(windows, symbols))
        store(folder, SCORES, score_rows(windows, symbols))
        times, found = measured(folder)
    rows = [(part, f"{seconds:.2f}") for part, seconds in times.items()]
    body = table(("part", "seconds"), [*rows, ("all", f"{sum(times.values()):.2f}")])
    what = f"{WINDOWS} windows, {SYMBOLS} companies, {A_WINDOW} headlines a window, random prices"
    title = "Tuning: 100 settings over 520 windows"
    file_section(title, "python -m benchmarks.tune", f"{what}.\n\n{body}\n\n{found.conclusion}")


if __name__ == "__main__":
    main()
