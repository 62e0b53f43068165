"""Combined score of every company and window: tone and technicals, additive contributions, leave-one-story-out.

For a company's stories k with summed headline weight A_k and weighted mean score s_k:
    tone = sum A_k s_k / (0.5 + sum A_k)                               (see `scoring.tone_formula`)
    combined = W * tone + (1 - W) * technical                          (without technical: W * tone)
Sums run one by one, headlines in the order of (story_id, known_at, headline_id), so that a company's numbers are the
same to the last bit whatever else is computed with it. The headlines' weights and scores come from `core.sentiment`,
technical scores from `core.prices.technicals`, moves since a headline from `core.prices.reaction`; signals are decided
in `core.signals`.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from signals_pipeline.core.arrays import FloatArray, IntArray
from signals_pipeline.core.chunks import MapChunks, chunked, map_serially
from signals_pipeline.core.prices.reaction import PriceHistory, reactions
from signals_pipeline.core.prices.technicals import COMPONENT_WEIGHTS
from signals_pipeline.core.scoring.tone_formula import company_tone, sum_by_group
from signals_pipeline.core.tables import SCORES, RowsByWindow, concat
from signals_pipeline.core.windows import Window

WINDOWS_A_SHARE = 65  # windows per chunk of work


# The columns of HEADLINES that the counts need.
_COUNTED_COLUMNS = ["window_start", "symbol", "relevance", "story_id", "known_at"]

# The column of TECHNICALS that has each component's raw value.
_RAW_COLUMNS = {"rsi": "rsi", "macd": "macd_atr", "trend": "trend_atr", "momentum": "momentum", "volume": "volume_z"}

# Keys of a story, and of a headline among its members, in the JSON of contributions.
_STORY_KEYS = [
    "story_id",
    "title",
    "url",
    "source",
    "published_at",
    "known_at",
    "event",
    "role",
    "headlines",
    "told",
    "tone",
    "weight",
    "contribution",
    "without",
]
_MEMBER_KEYS = ["url", "title", "score", "confidence", "weight"]

# Compact and sorted, so that equal contributions are equal bytes; NaN is not JSON and would be a bug.
_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def build(
    headlines: pd.DataFrame,
    sentiment: pd.DataFrame,
    technicals: pd.DataFrame,
    symbols: Sequence[str],
    windows: Sequence[Window],
    *,
    sentiment_weight: float,
    prices: PriceHistory | None = None,
    map_chunks: MapChunks = map_serially,
) -> pd.DataFrame:
    """Score every symbol in every window.

    Args:
        headlines: HEADLINES frame, for the counts and for when a story began.
        sentiment: SENTIMENT frame; only rows of weight > 0 carry tone.
        technicals: TECHNICALS frame; a pair without a row has no technical score.
        symbols: The watchlist.
        windows: The windows to score; rows of other windows or symbols are left out.
        sentiment_weight: W, the share of tone in the combined score, in [0, 1].
        prices: Daily bars and sessions, for `reaction`; None leaves it missing.
        map_chunks: Where the chunks of work are done; a row is the same whichever others are in its chunk.

    Returns:
        SCORES frame, one row per (window, symbol). `contributions` is a JSON list, stories first (largest contribution
        first), then technical components; contributions sum to `combined` within 1e-12, and a story's `without` is the
        combined score had none of its headlines been there. Its `members` are the headlines that make its weight and
        tone, so that the score can be calculated again without one of them, or with another text (see
        `core.signals.corrections`).
    """
    parts = chunked(sorted(windows, key=lambda window: window.start), WINDOWS_A_SHARE)
    frames = [RowsByWindow(frame) for frame in (headlines[_COUNTED_COLUMNS], sentiment, technicals)]
    shares = [_Share.from_frames(frames, part) for part in parts if part]
    work = partial(_score, symbols=symbols, sentiment_weight=sentiment_weight)
    results = map_chunks(work, shares, sizes=[len(share.windows) for share in shares], unit="windows")
    scores = concat(SCORES, results)
    if prices is None or scores.empty:
        return scores

    # How far the price has moved since each leading story began. Here and not in the chunks, so that the bars need not
    # be sent to every worker process.
    as_of_by_start = {pd.Timestamp(window.start): window.as_of for window in windows}
    as_of = pd.DatetimeIndex(scores["window_start"].map(as_of_by_start))
    moves = reactions(scores["symbol"], scores["story_known_at"], as_of, prices)
    return SCORES.conform(scores.assign(reaction=moves))


@dataclass(frozen=True, slots=True)
class _Share:
    """Consecutive windows with their own rows of the earlier stages."""

    headlines: pd.DataFrame
    sentiment: pd.DataFrame
    technicals: pd.DataFrame
    windows: Sequence[Window]

    @classmethod
    def from_frames(
        cls,
        frames: Sequence[RowsByWindow],
        windows: Sequence[Window],
    ) -> "_Share":
        first, last = windows[0].start, windows[-1].start
        headlines, sentiment, technicals = (rows.between(first, last) for rows in frames)
        return cls(headlines, sentiment, technicals, windows)


@dataclass(frozen=True, slots=True)
class _Grid:
    """Every (window, symbol) pair as one cell number, windows outermost."""

    starts: pd.DatetimeIndex
    symbols: pd.Index

    @classmethod
    def from_pairs(cls, windows: Sequence[Window], symbols: Sequence[str]) -> "_Grid":
        starts = pd.DatetimeIndex(sorted({window.start for window in windows}), tz="UTC").as_unit("us")
        return cls(starts, pd.Index(sorted(set(symbols)), dtype="str"))

    @property
    def size(self) -> int:
        return len(self.starts) * len(self.symbols)

    def cells(self, frame: pd.DataFrame) -> IntArray:
        """The cell of each row, shape (rows,); -1 outside the grid."""
        window = self.starts.get_indexer(pd.DatetimeIndex(frame["window_start"]))
        symbol = self.symbols.get_indexer(pd.Index(frame["symbol"], dtype="str"))
        is_outside = (window < 0) | (symbol < 0)
        cell = window * len(self.symbols) + symbol
        return np.where(is_outside, -1, cell).astype(np.int64)

    def count(self, frame: pd.DataFrame, counted: pd.Series) -> IntArray:
        """How many of the flagged rows each cell has, shape (cells,)."""
        cells = self.cells(frame)
        is_counted = (cells >= 0) & counted.to_numpy(dtype=bool)
        return np.bincount(cells[is_counted], minlength=self.size)


def _score(
    share: _Share,
    *,
    symbols: Sequence[str],
    sentiment_weight: float,
) -> pd.DataFrame:
    """The SCORES of one chunk; module-level, so that it can be pickled for a worker process."""
    headlines, sentiment, technicals = share.headlines, share.sentiment, share.technicals
    grid = _Grid.from_pairs(share.windows, symbols)
    rows = _rows_with_tone(sentiment, grid)
    price = _technicals_by_cell(technicals, grid)

    # The technical part of the combined score. Without technicals it is 0: tone keeps its weight W and no more.
    technical = price["technical"].to_numpy()
    technical_part = np.where(np.isnan(technical), 0.0, (1 - sentiment_weight) * technical)

    # The tone part, and what each story adds to it.
    stories = _stories(rows)
    cell = stories["cell"].to_numpy()
    tones = company_tone(cell, stories["weight"].to_numpy(), stories["weighted_score"].to_numpy(), grid.size)
    stories["contribution"] = sentiment_weight * tones.contribution
    stories["without"] = sentiment_weight * tones.without + technical_part[cell]
    stories = _rank(stories)

    # Counts and weights of each cell.
    n_stories = np.bincount(stories["cell"], minlength=grid.size)
    n_fresh = np.bincount(stories["cell"][~stories["told"]], minlength=grid.size)
    total_weight, tone_confidence = _weight_and_confidence(rows, grid.size)
    leading = _leading_stories(stories, grid.size)
    story_known_at = _begins(headlines, grid, leading["story_id"])
    scores = pd.DataFrame(
        {
            "window_start": grid.starts.repeat(len(grid.symbols)),
            "symbol": np.tile(grid.symbols.to_numpy(dtype=object), len(grid.starts)),
            "n_tagged": grid.count(headlines, headlines["symbol"] != ""),
            "n_relevant": grid.count(headlines, headlines["relevance"] > 0),
            "n_eventful": grid.count(sentiment, sentiment["reason"] != "event"),
            "n_confident": grid.count(sentiment, sentiment["reason"] == ""),
            "n_stories": n_stories,
            "total_weight": total_weight,
            "tone_confidence": tone_confidence,
            "tone": tones.tone,
            "technical": technical,
            "combined": sentiment_weight * tones.tone + technical_part,
            "fresh": n_fresh > 0,
            "fragile": n_stories == 1,
            "known_at": _newest_known_at(rows, grid.size),
            "story_id": leading["story_id"],
            "story_known_at": story_known_at,
            "news_title": leading["title"],
            "news_url": leading["url"],
            "event": leading["event"],
            "reaction": np.nan,
            "contributions": _contributions(stories, rows, price, 1 - sentiment_weight),
        }
    )
    return SCORES.conform(scores)


def _rows_with_tone(sentiment: pd.DataFrame, grid: _Grid) -> pd.DataFrame:
    """The rows that carry tone, in the order of summation, with their `cell` and running `story` number."""
    cells = grid.cells(sentiment)
    carries_tone = (cells >= 0) & (sentiment["weight"] > 0).to_numpy()
    rows = sentiment.loc[carries_tone].assign(cell=cells[carries_tone])
    rows = rows.sort_values(["cell", "story_id", "known_at", "headline_id"], ignore_index=True)
    begins_story = ~rows.duplicated(["cell", "story_id"])
    return rows.assign(story=np.cumsum(begins_story) - 1)


def _technicals_by_cell(technicals: pd.DataFrame, grid: _Grid) -> pd.DataFrame:
    """Technical score, components and raw values of every cell; missing where there is no row."""
    cells = grid.cells(technicals)
    is_inside = cells >= 0
    components = [f"c_{name}" for name in COMPONENT_WEIGHTS]
    names = ["technical", *_RAW_COLUMNS.values(), *components]
    rows = technicals.loc[is_inside, names].set_axis(cells[is_inside])
    return rows.reindex(np.arange(grid.size))


def _stories(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per story and cell: weight A_k, mean score s_k, and its heaviest headline (the first known on a tie)."""
    story = rows["story"].to_numpy()
    weight = np.bincount(story, weights=rows["weight"])
    weighted_score = np.bincount(story, weights=rows["weight"] * rows["score"])
    already_reported = np.bincount(story, weights=rows["told"]) > 0

    heaviest = rows.loc[rows.groupby("story")["weight"].idxmax()]
    columns = ["cell", "story_id", "title", "url", "source", "published_at", "known_at", "event", "role"]
    stories = heaviest[columns].reset_index(drop=True)
    return stories.assign(
        story=np.arange(len(stories)),
        headlines=np.bincount(story),
        told=already_reported,
        weight=weight,
        weighted_score=weighted_score,
        tone=weighted_score / weight,
    )


def _rank(stories: pd.DataFrame) -> pd.DataFrame:
    """Stories by cell, the largest absolute contribution first, then the first known, then story_id."""
    descending = -stories["contribution"].abs()
    order = stories.assign(descending=descending).sort_values(["cell", "descending", "known_at", "story_id"]).index
    return stories.loc[order].reset_index(drop=True)


def _weight_and_confidence(rows: pd.DataFrame, size: int) -> tuple[FloatArray, FloatArray]:
    """Total weight of each cell and its mean confidence, 0 without a headline that carries tone."""
    cell, weight = rows["cell"].to_numpy(), rows["weight"].to_numpy()
    total_weight = sum_by_group(cell, weight, size)
    weighted_confidence = sum_by_group(cell, weight * rows["confidence"].to_numpy(), size)
    mean = np.divide(weighted_confidence, total_weight, out=np.zeros(size), where=total_weight > 0)
    return total_weight, mean


def _leading_stories(stories: pd.DataFrame, size: int) -> pd.DataFrame:
    """story_id, title, url and event of each cell's first story, empty without one."""
    first = stories.drop_duplicates("cell").set_index("cell")
    by_cell = first[["story_id", "title", "url", "event"]].reindex(np.arange(size))
    return by_cell.fillna("").reset_index(drop=True)


def _begins(headlines: pd.DataFrame, grid: _Grid, story_id: pd.Series) -> pd.Series:
    """When the first headline of each cell's leading story became known, missing without one.

    All of the story's headlines in evidence count, those without tone as well.
    """
    cells = grid.cells(headlines)
    is_leading = cells >= 0
    is_leading[is_leading] = (
        headlines["story_id"].to_numpy(dtype=object)[is_leading] == story_id.to_numpy(dtype=object)[cells[is_leading]]
    )
    known_at = headlines.loc[is_leading, "known_at"]
    return known_at.groupby(cells[is_leading]).min().reindex(np.arange(grid.size))


def _newest_known_at(rows: pd.DataFrame, size: int) -> pd.Series:
    """The latest known_at of each cell's headlines that carry tone, missing without one."""
    return rows.groupby("cell")["known_at"].max().reindex(np.arange(size))


def _contributions(
    stories: pd.DataFrame,
    rows: pd.DataFrame,
    price: pd.DataFrame,
    technical_weight: float,
) -> list[str]:
    """The JSON list of each cell: its stories in their order, then its technical components."""
    contributions: list[list[dict[str, Any]]] = [[] for _ in range(len(price))]
    for cell, contribution in _story_contributions(stories, rows):
        contributions[cell].append(contribution)
    for cell, contribution in _technical_contributions(price, technical_weight):
        contributions[cell].append(contribution)
    return [_JSON.encode(cell_contributions) for cell_contributions in contributions]


def _story_contributions(stories: pd.DataFrame, rows: pd.DataFrame) -> list[tuple[int, dict[str, Any]]]:
    """Each story as a contribution, preceded by its cell."""
    # The headlines of each story, in the order of summation.
    story_of_row: list[int] = rows["story"].tolist()
    members: list[list[dict[str, Any]]] = [[] for _ in range(len(stories))]
    for story, member in zip(story_of_row, _records(rows, _MEMBER_KEYS), strict=True):
        members[story].append(member)

    instants = {name: _iso(stories[name]) for name in ("published_at", "known_at")}
    records = _records(stories.assign(**instants), _STORY_KEYS)
    cells: list[int] = stories["cell"].tolist()
    story_numbers: list[int] = stories["story"].tolist()
    contributions: list[tuple[int, dict[str, Any]]] = []
    for cell, story, record in zip(cells, story_numbers, records, strict=True):
        contributions.append((cell, {"kind": "story", **record, "members": members[story]}))
    return contributions


def _iso(instants: pd.Series) -> list[str]:
    """Instants as JSON has them, `2024-03-07T13:30:00Z`."""
    return [instant.isoformat().replace("+00:00", "Z") for instant in instants]


def _technical_contributions(price: pd.DataFrame, technical_weight: float) -> list[tuple[int, dict[str, Any]]]:
    """Each component of a cell with a technical score as a contribution, preceded by its cell."""
    contributions: list[tuple[int, dict[str, Any]]] = []
    with_technical = price[price["technical"].notna()]
    for name, weight in COMPONENT_WEIGHTS.items():
        raw, component = with_technical[_RAW_COLUMNS[name]], with_technical[f"c_{name}"]
        # A missing raw value is null in JSON; the component is 0 then.
        values = raw.astype(object).where(raw.notna(), None)
        parts = technical_weight * weight * component
        for cell, value, bounded, part in zip(with_technical.index, values, component, parts, strict=True):
            contribution = {
                "kind": "technical",
                "name": name,
                "value": value,
                "component": bounded,
                "weight": weight,
                "contribution": part,
            }
            contributions.append((cell, contribution))
    return contributions


def _records(frame: pd.DataFrame, keys: Sequence[str]) -> list[dict[str, Any]]:
    """The frame's rows as dictionaries of Python values; `DataFrame.to_dict("records")` takes far longer."""
    columns = [frame[key].tolist() for key in keys]
    return [dict(zip(keys, values, strict=True)) for values in zip(*columns, strict=True)]
