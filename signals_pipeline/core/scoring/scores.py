"""Combined score of every company and window: tone and technicals, additive contributions, leave-one-story-out.

For a company's stories k with summed headline weight A_k and weighted mean score s_k:
    n_eff = (sum A_k)^2 / sum A_k^2                                   (Kish, Survey Sampling, 1965, section 11.7)
    tone = sum A_k s_k / sum A_k * n_eff / (n_eff + 0.5)
    combined = W * tone + (1 - W) * technical                          (without technical: W * tone)
Sums run one by one, headlines in the order of (story_id, known_at, headline_id), so that a company's numbers are the
same to the last bit whatever else is computed with it.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from signals_pipeline.core.chunks import MapChunks, chunked, map_serially
from signals_pipeline.core.prices.technicals import COMPONENT_WEIGHTS
from signals_pipeline.core.tables import SCORES, ByWindow, concat
from signals_pipeline.core.windows import Window

RAW_COLUMNS = {"rsi": "rsi", "macd": "macd_atr", "trend": "trend_atr", "momentum": "momentum", "volume": "volume_z"}
_STORY_KEYS = (
    *("story_id", "title", "url", "source", "known_at", "headlines", "told"),
    *("tone", "weight", "contribution", "without"),
)
_MEMBER_KEYS = ("url", "title", "score", "confidence", "weight")
_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def members(rows: pd.DataFrame) -> list[list[dict[str, Any]]]:
    """The headlines of each story that carry its tone, in the order of summation."""
    found: list[list[dict[str, Any]]] = [[] for _ in range(int(rows["story"].max()) + 1 if len(rows) else 0)]
    columns = (rows[key].tolist() for key in _MEMBER_KEYS)
    for story, *values in zip(rows["story"].tolist(), *columns, strict=True):
        found[story].append(dict(zip(_MEMBER_KEYS, values, strict=True)))
    return found


def contributions(
    stories: pd.DataFrame, story_members: list[list[dict[str, Any]]], price: pd.DataFrame, price_weight: float
) -> list[str]:
    """The JSON list of each cell."""
    items: list[list[dict[str, Any]]] = [[] for _ in range(len(price))]
    texts = stories.assign(known_at=[instant.isoformat().replace("+00:00", "Z") for instant in stories["known_at"]])
    columns = (texts[key].tolist() for key in _STORY_KEYS)
    for cell, story, *values in zip(texts["cell"].tolist(), texts["story"].tolist(), *columns, strict=True):
        item = {"kind": "story", **dict(zip(_STORY_KEYS, values, strict=True)), "members": story_members[story]}
        items[cell].append(item)
    known = price[price["technical"].notna()]
    for name, weight in COMPONENT_WEIGHTS.items():
        raw, component = known[RAW_COLUMNS[name]], known[f"c_{name}"]
        values = zip(
            raw.astype(object).where(raw.notna(), None), component, price_weight * weight * component, strict=True
        )
        for cell, (value, bounded, part) in zip(known.index, values, strict=True):
            item = {"kind": "technical", "name": name, "value": value, "component": bounded}
            items[cell].append({**item, "weight": weight, "contribution": part})
    return [_JSON.encode(each) for each in items]


Reals = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

SHRINKAGE = 0.5
WINDOWS_A_SHARE = 65

_COUNTED = ["window_start", "symbol", "relevance"]


@dataclass(frozen=True, slots=True)
class _Share:
    """Neighbouring windows with their own rows of the stages before."""

    headlines: pd.DataFrame
    sentiment: pd.DataFrame
    technicals: pd.DataFrame
    windows: Sequence[Window]

    @classmethod
    def of(cls, rows_of: Sequence[ByWindow], windows: Sequence[Window]) -> "_Share":
        headlines, sentiment, technicals = (rows.between(windows[0].start, windows[-1].start) for rows in rows_of)
        return cls(headlines, sentiment, technicals, windows)


@dataclass(frozen=True, slots=True)
class _Grid:
    """Every (window, symbol) pair as one cell number, windows outermost."""

    starts: pd.DatetimeIndex
    symbols: pd.Index

    @classmethod
    def of(cls, windows: Sequence[Window], symbols: Sequence[str]) -> "_Grid":
        starts = pd.DatetimeIndex(sorted({window.start for window in windows}), tz="UTC").as_unit("us")
        return cls(starts, pd.Index(sorted(set(symbols)), dtype="str"))

    @property
    def size(self) -> int:
        return len(self.starts) * len(self.symbols)

    def cells(self, frame: pd.DataFrame) -> Whole:
        """The cell of each row, -1 outside the grid."""
        window = self.starts.get_indexer(pd.DatetimeIndex(frame["window_start"]))
        symbol = self.symbols.get_indexer(pd.Index(frame["symbol"], dtype="str"))
        return np.where((window < 0) | (symbol < 0), -1, window * len(self.symbols) + symbol).astype(np.int64)

    def count(self, frame: pd.DataFrame, counted: pd.Series) -> Whole:
        """How many rows of each cell are to be counted."""
        cells = self.cells(frame)
        return np.bincount(cells[(cells >= 0) & counted.to_numpy(dtype=bool)], minlength=self.size)


def build(
    headlines: pd.DataFrame,
    sentiment: pd.DataFrame,
    technicals: pd.DataFrame,
    symbols: Sequence[str],
    windows: Sequence[Window],
    *,
    sentiment_weight: float,
    map_chunks: MapChunks = map_serially,
) -> pd.DataFrame:
    """Score every symbol in every window.

    Args:
        headlines: HEADLINES frame, for the counts.
        sentiment: SENTIMENT frame; only rows of weight > 0 carry tone.
        technicals: TECHNICALS frame; a pair without a row has no technical score.
        symbols: The watchlist.
        windows: The windows wanted; rows of other windows or symbols are left out.
        sentiment_weight: W, the share of tone in the combined score, in [0, 1].
        map_chunks: Maps the work over chunks of windows; the rows do not depend on the chunks.

    Returns:
        SCORES frame, one row a (window, symbol). `contributions` is a JSON list, stories first (largest contribution
        first), then technical components; contributions sum to `combined` within 1e-12, and a story's `without` is the
        combined score had none of its headlines been there. Its `members` are the headlines that make its weight and
        tone, so that the score can be told without one of them, or with another text (see `corrections`).
    """
    parts = chunked(sorted(windows, key=lambda window: window.start), WINDOWS_A_SHARE)
    rows_of = [ByWindow(frame) for frame in (headlines[_COUNTED], sentiment, technicals)]
    shares = [_Share.of(rows_of, part) for part in parts if part]
    work = partial(_score, symbols=symbols, sentiment_weight=sentiment_weight)
    made = map_chunks(work, shares, sizes=[len(share.windows) for share in shares], unit="windows")
    return concat(SCORES, made)


def _score(given: _Share, *, symbols: Sequence[str], sentiment_weight: float) -> pd.DataFrame:
    headlines, sentiment, technicals = given.headlines, given.sentiment, given.technicals
    grid = _Grid.of(given.windows, symbols)
    rows = _carrying(sentiment, grid)
    price = _price(technicals, grid)
    technical = price["technical"].to_numpy()
    from_price = np.where(np.isnan(technical), 0.0, (1 - sentiment_weight) * technical)
    stories = _stories(rows)
    n_effective, tone, share, without = _tone(stories, grid.size)
    stories["contribution"] = sentiment_weight * share
    stories["without"] = sentiment_weight * without + from_price[stories["cell"]]
    stories = _ranked(stories)
    n_stories = np.bincount(stories["cell"], minlength=grid.size)
    scored = {
        "window_start": grid.starts.repeat(len(grid.symbols)),
        "symbol": np.tile(grid.symbols.to_numpy(dtype=object), len(grid.starts)),
        "n_tagged": grid.count(headlines, headlines["symbol"] != ""),
        "n_relevant": grid.count(headlines, headlines["relevance"] > 0),
        "n_confident": grid.count(sentiment, sentiment["confident"]),
        "n_stories": n_stories,
        "n_effective": n_effective,
        **_weights(rows, grid.size),
        "tone": tone,
        "technical": technical,
        "combined": sentiment_weight * tone + from_price,
        "fresh": np.bincount(stories["cell"][~stories["told"]], minlength=grid.size) > 0,
        "fragile": n_stories == 1,
        "known_at": _newest(rows, grid.size),
        **_leading(stories, grid.size),
        "contributions": contributions(stories, members(rows), price, 1 - sentiment_weight),
    }
    return SCORES.conform(pd.DataFrame(scored))


def _weights(rows: pd.DataFrame, size: int) -> dict[str, Reals]:
    """Total weight of each cell and the mean confidence under it, 0 without a headline that carries tone."""
    cell, weight = rows["cell"].to_numpy(), rows["weight"].to_numpy()
    total = _total(cell, weight, size)
    confidence = _total(cell, weight * rows["confidence"].to_numpy(), size)
    mean = np.divide(confidence, total, out=np.zeros(size), where=total > 0)
    return {"total_weight": total, "tone_confidence": mean}


def _carrying(sentiment: pd.DataFrame, grid: _Grid) -> pd.DataFrame:
    """The rows that carry tone, in the order of summation, with their `cell` and running `story` number."""
    cells = grid.cells(sentiment)
    keep = (cells >= 0) & (sentiment["weight"] > 0).to_numpy()
    rows = sentiment.loc[keep].assign(cell=cells[keep])
    rows = rows.sort_values(["cell", "story_id", "known_at", "headline_id"], ignore_index=True)
    return rows.assign(story=np.cumsum(~rows.duplicated(["cell", "story_id"])) - 1)


def _stories(rows: pd.DataFrame) -> pd.DataFrame:
    """One row a story of a cell: weight A_k, mean score s_k, and its weightiest headline (first known on a tie)."""
    story = rows["story"].to_numpy()
    weight = np.bincount(story, weights=rows["weight"])
    weightiest = rows.loc[rows.groupby("story")["weight"].idxmax()]
    stories = weightiest[["cell", "story_id", "title", "url", "source", "known_at"]].reset_index(drop=True)
    return stories.assign(
        story=np.arange(len(stories)),
        headlines=np.bincount(story),
        told=np.bincount(story, weights=rows["told"]) > 0,
        weight=weight,
        tone=np.bincount(story, weights=rows["weight"] * rows["score"]) / weight,
    )


def _tone(stories: pd.DataFrame, size: int) -> tuple[Reals, Reals, Reals, Reals]:
    """n_eff and tone of each cell; of each story its share of the tone, and the cell's tone without it.

    Taking a story out of the sums is exact to rounding, since at least half of each sum is left, unless the story is
    the weightiest of its cell: there the rest is summed anew.
    """
    cell = stories["cell"].to_numpy()
    weight, score = stories["weight"].to_numpy(), stories["tone"].to_numpy()
    parts, sums = _sums(cell, weight, score, size)
    n_effective, tone = _shrunk(*sums)
    share = parts[2] / sums[0][cell] * (n_effective / (n_effective + SHRINKAGE))[cell]
    rest = np.ones(len(stories), dtype=bool)
    rest[stories.groupby("cell")["weight"].idxmax()] = False
    without = np.empty(len(stories))
    without[rest] = _shrunk(*(whole[cell[rest]] - part[rest] for whole, part in zip(sums, parts, strict=True)))[1]
    _, left = _sums(cell[rest], weight[rest], score[rest], size)
    without[~rest] = _shrunk(*left)[1][cell[~rest]]
    return n_effective, tone, share, without


def _sums(cell: Whole, weight: Reals, score: Reals, size: int) -> tuple[tuple[Reals, ...], tuple[Reals, ...]]:
    """v, v^2 and v s of each story, v being A_k over the cell's largest (lest squares vanish), and their sums."""
    largest = np.zeros(size)
    np.maximum.at(largest, cell, weight)
    relative = weight / largest[cell]
    parts = (relative, relative**2, relative * score)
    return parts, tuple(_total(cell, part, size) for part in parts)


def _total(group: Whole, values: Reals, size: int) -> Reals:
    """Sum of each group's values, added one by one in the order given."""
    return np.asarray(np.bincount(group, weights=values, minlength=size), dtype=np.float64)


def _shrunk(linear: Reals, square: Reals, toned: Reals) -> tuple[Reals, Reals]:
    """n_eff and shrunk tone from the sums of v, v^2 and v s; 0 and 0 where there is no story."""
    told = square > 0
    n_effective = np.divide(linear**2, square, out=np.zeros_like(square), where=told)
    mean = np.divide(toned, linear, out=np.zeros_like(linear), where=told)
    return n_effective, mean * n_effective / (n_effective + SHRINKAGE)


def _price(technicals: pd.DataFrame, grid: _Grid) -> pd.DataFrame:
    """Technical score, components and raw values of every cell; missing where there is no row."""
    cells = grid.cells(technicals)
    names = ["technical", *RAW_COLUMNS.values(), *(f"c_{name}" for name in COMPONENT_WEIGHTS)]
    return technicals.loc[cells >= 0, names].set_axis(cells[cells >= 0]).reindex(np.arange(grid.size))


def _ranked(stories: pd.DataFrame) -> pd.DataFrame:
    """Stories by cell, the largest absolute contribution first, then the first known, then story_id."""
    size = -stories["contribution"].abs()
    order = stories.assign(size=size).sort_values(["cell", "size", "known_at", "story_id"]).index
    return stories.loc[order].reset_index(drop=True)


def _leading(stories: pd.DataFrame, size: int) -> dict[str, pd.Series]:
    """Id, title and link of each cell's first story, empty without one."""
    first = stories.drop_duplicates("cell").set_index("cell").reindex(np.arange(size))
    names = {"story_id": "story_id", "news_title": "title", "news_url": "url"}
    return {name: first[column].fillna("").reset_index(drop=True) for name, column in names.items()}


def _newest(rows: pd.DataFrame, size: int) -> pd.Series:
    """The latest known_at of each cell's headlines that carry tone, missing without one."""
    return rows.groupby("cell")["known_at"].max().reindex(np.arange(size))
