"""A year as one backfill: 520 windows, 50 symbols, 100,000 headlines already scored, Dagster included; and its peers.

Peers in the same run: the same windows as one Dagster run each (sampled, multiplied up), and a plain loop over windows
and symbols with pandas that gives the same scores. `--live` also runs all windows one by one through the assets' code
and compares every row.
"""

import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import dagster as dg
import numpy as np
import pandas as pd

from benchmarks.results import file_section, table
from benchmarks.runs import run
from signals_pipeline.adapters.stores.migrations import upgrade
from signals_pipeline.core.scoring.tone_formula import KAPPA
from signals_pipeline.core.tables import HEADLINES, SCORES, SENTIMENT, TECHNICALS, concat
from signals_pipeline.core.windows import Window, window_containing, window_for_key
from signals_pipeline.definitions import build_resources
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline.defs.resources import open_store, scorer_for
from signals_pipeline.defs.sqlite_storage import instance_in
from signals_pipeline.defs.stage_replay import PipelineResources, replay
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import Deployment
from signals_pipeline_tests.support.history_builders import rows as all_rows
from signals_pipeline_tests.support.synthetic_year import make_year

SYMBOLS, HEADLINES_A_YEAR, SAMPLED = 50, 100_000, 10


def settings_in(folder: Path, **sources: Path) -> Settings:
    """A deployment over the year's files that keeps everything in this folder, its database upgraded."""
    settings = Settings.checked(signals_data_dir=folder, signals_deployment=Deployment.LOCAL, **sources)
    upgrade(settings.database_url)
    return settings


def loop(settings: Settings, windows: Sequence[Window]) -> tuple[float, float]:
    """Seconds of the plain loop from loaded frames, and its largest difference from the pipeline's scores."""
    frames = WindowFrames(base=settings.frames_url)
    keys = [window.key for window in windows]
    loaded = {
        each.name: concat(each, [frames.read(each, key) for key in keys])
        for each in (HEADLINES, SENTIMENT, TECHNICALS, SCORES)
    }
    expected = loaded["scores"].set_index(["window_start", "symbol"])["combined"]
    started, worst = time.perf_counter(), 0.0
    for window in windows:
        tones = loaded["sentiment"][loaded["sentiment"]["window_start"] == window.start]
        price = loaded["technicals"][loaded["technicals"]["window_start"] == window.start]
        for symbol in sorted(price["symbol"]):
            own = tones[(tones["symbol"] == symbol) & (tones["weight"] > 0)]
            technical = price.loc[price["symbol"] == symbol, "technical"].iloc[0]
            combined = 0.6 * _tone(own) + (0.0 if np.isnan(technical) else 0.4 * technical)
            worst = max(worst, abs(combined - expected.loc[(pd.Timestamp(window.start), symbol)]))
    return time.perf_counter() - started, worst


def _tone(own: pd.DataFrame) -> float:
    if own.empty:
        return 0.0
    stories = own.assign(said=own["weight"] * own["score"]).groupby("story_id")[["weight", "said"]].sum()
    return float(stories["said"].sum() / (KAPPA + stories["weight"].sum()))


def one_by_one(settings: Settings, instance: dg.DagsterInstance, windows: Sequence[Window]) -> float:
    """Mean seconds of one Dagster run a window, over a sample of them."""
    chosen = random.Random(1).sample(list(windows), SAMPLED)
    return sum(run(settings, instance, (window,)) for window in chosen) / SAMPLED


def live_rows(settings: Settings, windows: Sequence[Window], folder: Path) -> tuple[float, str]:
    """Seconds of all windows one by one through the assets' code, and whether every row equals the backfill's."""
    url = f"sqlite:///{folder / 'live.db'}"
    upgrade(url)
    store, backfilled = open_store(url), open_store(settings.database_url)
    scorer = scorer_for(settings.knobs, settings.models_dir, backfilled.scores)
    wanted = {name: each for name, each in build_resources(settings).items() if name in {"news", "prices", "market"}}
    started = time.perf_counter()
    with dg.build_resources(wanted) as built:
        parts = PipelineResources(settings.knobs, built.news, built.prices, built.market, store, scorer)
        for window in windows:
            replay([window], parts, "live")
    seconds = time.perf_counter() - started
    one, other = (all_rows(each.engine) for each in (store, backfilled))
    tables = ("signal_candidate", "signal_history", "signal_outcome")
    return seconds, "the same" if all(one[name] == other[name] for name in tables) else "DIFFERENT"


def main() -> None:
    """File the year."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        year = make_year(folder / "year", symbols=SYMBOLS, headlines=HEADLINES_A_YEAR)
        sources = {
            "signals_news_path": year.news, "signals_prices_path": year.prices, "signals_watchlist": year.watchlist,
        }  # fmt: skip
        settings = settings_in(folder / "data", **sources)
        store = open_store(settings.database_url)
        year.warm(store.scores, scorer_for(settings.knobs, settings.models_dir, store.scores).revision)
        before = window_containing(window_for_key(year.windows[0].key).start - pd.Timedelta(days=30))
        os.environ.setdefault("DAGSTER_EVENT_BATCH_SIZE", "100")  # as `signals backfill` does
        with instance_in(folder / "dagster") as instance:
            run(settings, instance, (before,))  # imports and file caches
            used = time.process_time()
            seconds = run(settings, instance, year.windows)
            used = time.process_time() - used
            single = one_by_one(settings, instance, year.windows)
        looped, worst = loop(settings, year.windows)
        count = len(year.windows)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        rows: list[tuple[object, ...]] = [
            ("the year as one Dagster run", f"{seconds:.1f}", f"{used:.1f} s of CPU, peak {peak:.0f} MiB"),
            ("one Dagster run a window", f"{single * count:.0f}", f"{SAMPLED} sampled, {single:.2f} each"),
            ("plain loop, scores alone", f"{looped:.1f}", f"largest difference of a score {worst:.0e}"),
        ]
        if "--live" in sys.argv:
            live, told = live_rows(settings, year.windows, folder)
            rows.append(("the assets' code, one window after the other", f"{live:.1f}", f"every row {told}"))
        body = table(("way", "seconds", "note"), rows)
        size = {"windows": count, "symbols": SYMBOLS, "headlines": HEADLINES_A_YEAR}
        file_section("A year as one backfill", "python -m benchmarks.year", f"{json.dumps(size)}\n\n{body}")


if __name__ == "__main__":
    main()
