"""Growth of core: one window with 10 to 1,000 symbols and 100 to 10,000 headlines, time, memory and slope."""

import math
import random
import time
import tracemalloc
from collections.abc import Callable
from datetime import timedelta

import numpy as np
import pandas as pd

from benchmarks.results import file_section, table
from signals_pipeline import sample
from signals_pipeline.adapters.news.recorded import RecordedNews
from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.core.linking.linker import link
from signals_pipeline.core.news.evidence import build
from signals_pipeline.core.news.normalisation import RawHeadline, normalise
from signals_pipeline.core.prices import technicals
from signals_pipeline.core.scoring import scores
from signals_pipeline.core.sentiment import tone as sentiment
from signals_pipeline.core.signals import decision as signals
from signals_pipeline.core.tables import to_arrays
from signals_pipeline.core.watchlist import Company, Watchlist
from signals_pipeline.core.windows import Sessions, Window, window_for_key
from signals_pipeline.settings.strategy import Knobs

WINDOW = window_for_key("2015-02-02-17:30")
KNOBS = Knobs()
SYMBOLS = (10, 100, 1_000)
HEADLINES = (100, 1_000, 10_000)
BARS = 260


def companies(count: int) -> Watchlist:
    """A watchlist of made-up but speakable names, no two alike."""
    rng = random.Random(count)
    parts = [a + b for a in ("Bor", "Cal", "Del", "Fen", "Gar", "Hol", "Kem", "Lor", "Mar", "Nor") for b in "aeiou"]
    names = sorted(
        {rng.choice(parts) + rng.choice(parts).lower() + rng.choice(parts).lower() for _ in range(count * 3)}
    )
    return Watchlist(tuple(Company(f"S{at:04d}", f"{names[at]} Inc.", (names[at],)) for at in range(count)))


def raw_headlines(count: int, watchlist: Watchlist) -> tuple[RawHeadline, ...]:
    """Real titles of the sample with the made-up companies' names in front, spread over the window."""
    rng = random.Random(count)
    first, last = window_for_key(sample.FIRST_WINDOW).start, window_for_key(sample.LAST_WINDOW).end
    titles = [item.title or "" for item in RecordedNews(sample.HEADLINES).fetch(first, last).headlines]
    span = (WINDOW.end - WINDOW.start).total_seconds()
    return tuple(
        RawHeadline(
            published_at=WINDOW.start + timedelta(seconds=int(span * at / count)),
            title=f"{rng.choice(watchlist.companies).aliases[0]} {rng.randrange(10**6)} {rng.choice(titles)}",
            url=f"https://example.org/{count}/{at}",
            source="example.org",
            feed="made",
        )
        for at in range(count)
    )


def made_bars(watchlist: Watchlist, sessions: Sessions) -> pd.DataFrame:
    """A random walk of daily bars for every symbol."""
    dates = np.asarray(sessions.dates)[-BARS:]
    rng = np.random.default_rng(0)
    frames = []
    for symbol in watchlist.symbols:
        close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, len(dates))))
        frames.append(
            pd.DataFrame(
                {"symbol": symbol, "session": dates, "open": close, "high": close * 1.01, "low": close * 0.99,
                 "close": close, "volume": rng.integers(10**5, 10**6, len(dates)).astype(float)}
            )
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True).astype({"session": "datetime64[us]"})


def through_core(raw: tuple[RawHeadline, ...], watchlist: Watchlist, bars: pd.DataFrame, sessions: Sessions) -> int:
    """One window from raw headlines to gated candidates; logits are made up, the model is measured elsewhere."""
    windows: tuple[Window, ...] = (WINDOW,)
    linked = link(normalise(raw).items, watchlist)
    frame = build(linked, windows, watchlist=watchlist, lookback_hours=KNOBS.news_lookback_hours, strict=False)
    hashes = frame["text_hash"].unique()
    made = np.random.default_rng(1).normal(0, 2, (len(hashes), 3))
    logits = pd.DataFrame(made, index=hashes, columns=list(sentiment.LABELS))
    tone = sentiment.build(
        frame,
        logits,
        windows,
        sessions,
        min_confidence=KNOBS.min_sentiment_confidence,
        half_life_hours=KNOBS.tone_half_life_hours,
        tone_events=KNOBS.tone_event_types,
    )
    price = technicals.build(bars, watchlist.symbols, windows, sessions)
    scored = scores.build(frame, tone, price, watchlist.symbols, windows, sentiment_weight=KNOBS.sentiment_weight)
    gated = signals.apply_gates(
        to_arrays(scored),
        WINDOW,
        min_combined_score=KNOBS.min_combined_score,
        generator=KNOBS.signal_generator.value,
    )
    return len(gated.candidates)


def measured(work: Callable[[], int]) -> tuple[float, float]:
    """Seconds of the best of two calls and MiB at the peak of a traced third."""
    times = []
    for _ in range(2):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    tracemalloc.start()
    work()
    peak = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return min(times), peak


def main() -> None:
    """File time, memory and the slope of time over headlines, log to log, from the two largest counts."""
    sessions = trading_sessions(WINDOW.start.date() - timedelta(days=500), WINDOW.end.date())
    rows = []
    for symbols in SYMBOLS:
        watchlist = companies(symbols)
        bars = made_bars(watchlist, sessions)
        before = 0.0
        for count in HEADLINES:
            raw = raw_headlines(count, watchlist)
            seconds, peak = measured(lambda raw=raw, w=watchlist, b=bars: through_core(raw, w, b, sessions))
            slope = f"{math.log10(seconds / before):.2f}" if before else ""
            rows.append((symbols, count, f"{seconds:.3f}", f"{peak:.0f}", slope))
            before = seconds
    file_section(
        "Growth of core, one window",
        "python -m benchmarks.growth",
        table(("symbols", "headlines", "seconds", "peak MiB", "slope over headlines"), rows),
    )


if __name__ == "__main__":
    main()
