"""A made-up year for simulations: the sample's real headlines and daily returns, shuffled over time and companies.

Every title is a real one with another company's name and other figures in it; bars are runs of real log returns of the
sample, drawn again. The same arguments give the same files.
"""

import random
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from signals_pipeline import sample
from signals_pipeline.adapters.model.inference import SentimentModel
from signals_pipeline.adapters.news.recorded import RecordedNews
from signals_pipeline.adapters.prices.calendar import trading_sessions
from signals_pipeline.adapters.prices.recorded import RecordedPrices
from signals_pipeline.adapters.stores.score_cache import ScoreCache
from signals_pipeline.adapters.watchlist import load_watchlist
from signals_pipeline.core.news.normalisation import normalise
from signals_pipeline.core.sentiment.tone import LABELS
from signals_pipeline.core.windows import Window, windows_between

WINDOWS = windows_between(datetime(2024, 1, 2, tzinfo=UTC), datetime(2025, 1, 15, tzinfo=UTC))[:520]
FIRST_BAR, LAST_BAR = date(2021, 12, 1), date(2025, 1, 15)
BLOCK = 20  # sessions that stay together when returns are drawn again, so that trends survive
WITHDRAWN = 0.2  # share of withdrawals among the edits


@dataclass(frozen=True, slots=True)
class Year:
    """Files of a year and the windows that they fill."""

    news: Path
    prices: Path
    watchlist: Path
    windows: tuple[Window, ...]

    def warm(self, cache_: ScoreCache, revision: str) -> int:
        """Put logits of every text into the cache, those of the title that it was made from; gives their number."""
        first, last = self.windows[0].start - timedelta(days=9), self.windows[-1].end
        items = normalise(RecordedNews(self.news).fetch(first, last).headlines).items
        texts = items[items["text"] != ""].drop_duplicates("text_hash")
        known = _logits()
        rows = [known[int(source.removeprefix("wire "))] for source in texts["source"]]
        frame = pd.DataFrame(np.array(rows), index=texts["text_hash"].to_numpy(), columns=list(LABELS)).assign(event="")
        cache_.put(frame, revision)
        return len(frame)


def make_year(folder: Path, *, symbols: int, headlines: int, edited: float = 0.02, windows: int = 520) -> Year:
    """Write a year's headlines, bars and watchlist into a folder.

    Args:
        folder: Where to.
        symbols: Companies.
        headlines: Items, edits and withdrawals not counted.
        edited: Share of the items that are edited or withdrawn some hours later.
        windows: The first so many windows of the year are filled.
    """
    folder.mkdir(parents=True, exist_ok=True)
    year = Year(folder / "news.parquet", folder / "prices.parquet", folder / "watchlist.yaml", WINDOWS[:windows])
    companies = _companies(symbols)
    listed = [{"symbol": symbol, "company": f"{name} Inc.", "aliases": [name]} for symbol, name in companies]
    year.watchlist.write_text(yaml.safe_dump(listed))
    _news(companies, headlines, edited, year.windows).to_parquet(year.news)
    _bars([symbol for symbol, _ in companies]).to_parquet(year.prices)
    return year


def _companies(count: int) -> list[tuple[str, str]]:
    """Symbols and speakable names, no two alike."""
    rng = random.Random(count)
    parts = [first + second for first in ("Bor", "Cal", "Del", "Fen", "Gar", "Hol", "Kem", "Lor") for second in "aeiou"]
    names: dict[str, None] = {}
    while len(names) < count:
        names[rng.choice(parts) + rng.choice(parts).lower() + rng.choice(("n", "x", "m"))] = None
    return [(f"S{at:03d}", name) for at, name in enumerate(names)]


@cache
def templates() -> tuple[str, ...]:
    """Titles of the sample that name one company, `{}` in its place."""
    first, last = (datetime(year, 1, 1, tzinfo=UTC) for year in (2015, 2016))
    everything = RecordedNews(sample.HEADLINES).fetch(first, last)
    companies = load_watchlist(sample.WATCHLIST).companies
    names = sorted({name for each in companies for name in (*each.aliases, *each.ambiguous_aliases)}, key=len)
    named = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in reversed(names)))
    found: dict[str, None] = {}
    for item in everything.headlines:
        title = re.sub(r"\s*\$[A-Z]+\b|[{}]", "", item.title or "")
        if len(set(named.findall(title))) == 1:
            found[named.sub("{}", title)] = None
    return tuple(found)


@cache
def _logits() -> np.ndarray:
    texts = [title.replace("{}", "The company") for title in templates()]
    return SentimentModel.load(sample.COMPACT_MODEL).logits(texts)


def _news(companies: list[tuple[str, str]], count: int, edited: float, windows: tuple[Window, ...]) -> pd.DataFrame:
    rng = random.Random(count)
    start, seconds = windows[0].start, (windows[-1].end - windows[0].start).total_seconds()
    rows = []
    for at in range(count):
        symbol, name = rng.choice(companies)
        published = start + timedelta(seconds=rng.uniform(0, seconds))
        seen = published + timedelta(minutes=rng.expovariate(1 / 15))
        which = rng.randrange(len(templates()))
        url = f"https://news.example/{at}"
        rows.append((published, seen, symbol, _title(which, name, rng), f"wire {which}", url))
        if rng.random() < edited:
            later = seen + timedelta(hours=rng.expovariate(1 / 20))
            other = rng.randrange(len(templates()))
            title = "[Removed]" if rng.random() < WITHDRAWN else _title(other, name, rng)
            rows.append((published, later, symbol, title, f"wire {other}", url))
    frame = pd.DataFrame(rows, columns=["published_at", "first_seen_at", "symbol", "title", "source", "url"])
    return frame.sort_values(["first_seen_at", "url", "title"], ignore_index=True)


def _title(which: int, name: str, rng: random.Random) -> str:
    """A template with a name and figures in it, a figure added where it has none: no text comes twice."""
    title = templates()[which].replace("{}", name)
    figured = re.sub(r"\d(?=\d*\b)", lambda _: str(rng.randrange(1, 10)), title)
    return figured if figured != title else f"{title} ({rng.randrange(1, 100_000)})"


def _bars(symbols: list[str]) -> pd.DataFrame:
    real = RecordedPrices(sample.PRICES).bars(load_watchlist(sample.WATCHLIST).symbols, date(2010, 1, 1), LAST_BAR)
    pieces = [rows.reset_index(drop=True) for _, rows in real.groupby("symbol") if len(rows) > 2 * BLOCK]
    sessions = trading_sessions(FIRST_BAR, LAST_BAR)
    days = sessions.dates.astype("datetime64[us]")
    walks = [_walk(symbol, at, pieces, days) for at, symbol in enumerate([*symbols, "SPY"])]
    return pd.concat(walks, ignore_index=True)


def _walk(symbol: str, seed: int, pieces: list[pd.DataFrame], days: np.ndarray) -> pd.DataFrame:
    """Bars of one symbol: blocks of real sessions, each scaled to go on where the one before ended."""
    rng, level, blocks, filled = random.Random(seed), 100.0, [], 0
    while filled < len(days):
        piece = rng.choice(pieces)
        at = rng.randrange(1, len(piece) - BLOCK)
        block = piece.iloc[at : at + BLOCK]
        scale = level / piece["close"].iloc[at - 1]
        blocks.append(block.assign(**{name: block[name] * scale for name in ("open", "high", "low", "close")}))
        level, filled = float(blocks[-1]["close"].iloc[-1]), filled + len(block)
        level = min(max(level, 10.0), 1_000.0)
    bars = pd.concat(blocks, ignore_index=True).iloc[: len(days)]
    return bars.assign(symbol=symbol, date=pd.Series(days).dt.strftime("%Y-%m-%d"))[
        ["date", "symbol", "open", "high", "low", "close", "volume"]
    ]
