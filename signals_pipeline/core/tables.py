"""The columns of every stage: name, dtype, unit and meaning.

One source for the checks, the documentation and the table schemas shown in Dagster.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

INSTANT = "datetime64[us, UTC]"
TEXT = "str"
REAL = "float64"
COUNT = "int64"
FLAG = "bool"


class SchemaError(ValueError):
    """A frame does not have the columns or dtypes of its stage; the message names the first difference."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a stage.

    Attributes:
        name: Column name.
        dtype: pandas dtype as a string.
        unit: Unit or range, for readers.
        meaning: One sentence.
        nullable: Whether missing values are allowed.
    """

    name: str
    dtype: str
    unit: str
    meaning: str
    nullable: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A stage's frame: its name, what one row is, its key and its columns in order."""

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [column.name for column in self.columns]

    def empty(self) -> pd.DataFrame:
        """A frame with no rows and every column's dtype."""
        return _empty(self).copy()

    def conform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with exactly this table's columns, dtypes and order, rows sorted by the key, index reset.

        Raises:
            SchemaError: a column is missing, can't be cast, holds a missing value it must not, or the key repeats.
        """
        missing = [name for name in self.names if name not in frame.columns]
        if missing:
            raise SchemaError(f"{self.name}: column {missing[0]!r} is missing; the stage before must provide it")
        if frame.empty:
            return self.empty()
        cast = {column.name: self._cast(frame[column.name], column) for column in self.columns}
        result = pd.DataFrame(cast).reset_index(drop=True)
        if self._in_order(result):
            return result
        result = result.sort_values(list(self.key), kind="stable", ignore_index=True)
        repeated = result.duplicated(list(self.key))
        if repeated.any():
            first = {name: str(result[name].to_numpy()[repeated.to_numpy().argmax()]) for name in self.key}
            raise SchemaError(f"{self.name}: two rows have the key {first}")
        return result

    def _in_order(self, frame: pd.DataFrame) -> bool:
        """Whether each row's key is larger than the one before: sorting a year's rows takes a hundred times as long."""
        same, larger = np.ones(len(frame) - 1, dtype=bool), np.zeros(len(frame) - 1, dtype=bool)
        for name in self.key:
            one, other = frame[name].array[:-1], frame[name].array[1:]
            larger |= same & np.asarray(one < other, dtype=bool)
            same &= np.asarray(one == other, dtype=bool)
        return bool(larger.all())

    def _cast(self, series: pd.Series, column: Column) -> pd.Series:
        try:
            result = series.astype(column.dtype)  # pyright: ignore[reportCallIssue, reportArgumentType]
        except (TypeError, ValueError) as error:
            raise SchemaError(f"{self.name}.{column.name}: not {column.dtype}: {error}") from error
        if not column.nullable and result.isna().any():
            raise SchemaError(f"{self.name}.{column.name}: {int(result.isna().sum())} missing values in a full column")
        return result


@cache
def _empty(table: Table) -> pd.DataFrame:
    return pd.DataFrame({column.name: pd.Series([], dtype=column.dtype) for column in table.columns})


def concat(table: Table, frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Several windows' frames of one stage as one, in the table's dtypes (an empty frame where there is none)."""
    filled = [frame for frame in frames if not frame.empty]
    return table.conform(pd.concat(filled, ignore_index=True)) if filled else table.empty()


def by_window(frame: pd.DataFrame) -> dict[pd.Timestamp, pd.DataFrame]:
    """Each window's rows by its start, in their order: slices, where grouping would copy every column."""
    if not frame["window_start"].is_monotonic_increasing:
        frame = frame.sort_values("window_start", kind="stable")
    starts = frame["window_start"]
    distinct = starts.unique()
    ends = [*starts.searchsorted(distinct), len(frame)]
    return {start: frame.iloc[ends[at] : ends[at + 1]] for at, start in enumerate(distinct)}


_WINDOW = Column("window_start", INSTANT, "UTC", "Start of the digest window that the row belongs to")
_SYMBOL = Column("symbol", TEXT, "ticker", "Watchlist symbol; empty where the headline names no company of it")

HEADLINES = Table(
    name="headlines",
    row="one headline linked to one company (or to none)",
    key=("window_start", "symbol", "known_at", "headline_id"),
    columns=(
        _WINDOW,
        Column("headline_id", TEXT, "sha256, 16 hex", "Canonical identity of the headline"),
        _SYMBOL,
        Column("relevance", REAL, "1, 0.5 or 0", "1 subject, 0.5 named elsewhere, 0 vendor's tag only or no company"),
        Column("published_at", INSTANT, "UTC", "When the publisher says it appeared"),
        Column("known_at", INSTANT, "UTC", "max(published_at, first_seen_at): from then on the pipeline may use it"),
        Column(
            "reconstructed", FLAG, "yes/no", "No first_seen_at was recorded; known_at rests on the publisher's time"
        ),
        Column("title", TEXT, "text", "Title as published, control characters removed"),
        Column("text", TEXT, "text", "What the model reads of the title for this company; empty: withdrawn or no tone"),
        Column("text_hash", TEXT, "sha256 hex", "Content address of `text`, key of the score cache; empty: withdrawn"),
        Column("url", TEXT, "http(s) URL", "Link to the article; empty where the feed gave no http(s) link"),
        Column("source", TEXT, "name", "Publisher"),
        Column("feed", TEXT, "name", "Adapter that delivered it"),
        Column(
            "story_id", TEXT, "sha256, 16 hex", "First member of the story (near-duplicates within 72 h) of the symbol"
        ),
        Column("member", COUNT, "0, 1, ...", "Position within the story, 0 the first told"),
        Column("novelty", REAL, "(0, 1]", "0.75 ** member"),
        Column("told", FLAG, "yes/no", "The story began before this window: an earlier digest could tell it"),
    ),
)

SENTIMENT = Table(
    name="sentiment",
    row="one scored headline of one company",
    key=("window_start", "symbol", "known_at", "headline_id"),
    columns=(
        _WINDOW,
        Column("headline_id", TEXT, "sha256, 16 hex", "Canonical identity of the headline"),
        _SYMBOL,
        Column("known_at", INSTANT, "UTC", "From when on it may be used"),
        Column("title", TEXT, "text", "Title as published"),
        Column("url", TEXT, "http(s) URL", "Link to the article"),
        Column("source", TEXT, "name", "Publisher"),
        Column("story_id", TEXT, "sha256, 16 hex", "Story of the symbol that it belongs to"),
        Column("told", FLAG, "yes/no", "The story began before this window"),
        Column("p_negative", REAL, "[0, 1]", "Probability of a negative tone"),
        Column("p_neutral", REAL, "[0, 1]", "Probability of a neutral tone"),
        Column("p_positive", REAL, "[0, 1]", "Probability of a positive tone"),
        Column("score", REAL, "[-1, 1]", "p_positive - p_negative"),
        Column("confidence", REAL, "[1/3, 1]", "Largest of the three probabilities"),
        Column("confident", FLAG, "yes/no", "confidence >= MIN_SENTIMENT_CONFIDENCE"),
        Column("recency", REAL, "(0, 1]", "2 ** (-age / TONE_HALF_LIFE_HOURS), age from known_at to as_of"),
        Column("relevance", REAL, "1, 0.5 or 0", "How clearly the text is about the company"),
        Column("novelty", REAL, "(0, 1]", "0.75 ** position within the story"),
        Column("weight", REAL, "[0, 1]", "recency x relevance x novelty x confidence; 0 where not confident"),
    ),
)

TECHNICALS = Table(
    name="technicals",
    row="one company's technicals from the last session closed before as_of",
    key=("window_start", "symbol"),
    columns=(
        _WINDOW,
        _SYMBOL,
        Column("session", INSTANT, "UTC midnight of the session date", "Last daily bar used", nullable=True),
        Column("stale", FLAG, "yes/no", "A session closed before as_of has no bar"),
        Column("bars", COUNT, "sessions", "Daily bars used, at most 600"),
        Column("close", REAL, "price", "Close of the last bar, adjusted as known at as_of", nullable=True),
        Column("rsi", REAL, "[0, 100]", "Wilder RSI(14)", nullable=True),
        Column("macd_atr", REAL, "ATRs", "MACD(12,26,9) histogram / ATR(14)", nullable=True),
        Column("trend_atr", REAL, "ATRs", "Mean distance of the close from SMA 20/50/200, scaled", nullable=True),
        Column("momentum", REAL, "sigmas", "5-day log return / (20-day volatility x sqrt 5)", nullable=True),
        Column("volume_z", REAL, "sigmas", "z-score of ln volume over 20 sessions", nullable=True),
        Column("c_rsi", REAL, "[-1, 1]", "Bounded RSI component", nullable=True),
        Column("c_macd", REAL, "[-1, 1]", "Bounded MACD component", nullable=True),
        Column("c_trend", REAL, "[-1, 1]", "Bounded trend component", nullable=True),
        Column("c_momentum", REAL, "[-1, 1]", "Bounded momentum component", nullable=True),
        Column("c_volume", REAL, "[-1, 1]", "Bounded volume component, signed by the day's return", nullable=True),
        Column("technical", REAL, "[-1, 1]", "Weighted sum of the components; missing under 60 bars", nullable=True),
    ),
)

SCORES = Table(
    name="scores",
    row="one company's combined score with its additive contributions",
    key=("window_start", "symbol"),
    columns=(
        _WINDOW,
        _SYMBOL,
        Column("n_tagged", COUNT, "headlines", "Headlines linked to the symbol, vendor tags included"),
        Column("n_relevant", COUNT, "headlines", "Headlines with relevance > 0"),
        Column("n_confident", COUNT, "headlines", "Relevant headlines that carry tone"),
        Column("n_stories", COUNT, "stories", "Stories that carry tone"),
        Column("n_effective", REAL, "stories", "Kish's effective number of stories"),
        Column("total_weight", REAL, ">= 0", "Sum of the headlines' weights"),
        Column("tone", REAL, "[-1, 1]", "Weighted story tone, shrunk by n_eff / (n_eff + 0.5); 0 without stories"),
        Column("tone_confidence", REAL, "[0, 1]", "Weighted mean confidence of the headlines that carry tone"),
        Column("technical", REAL, "[-1, 1]", "Technical score", nullable=True),
        Column("combined", REAL, "[-1, 1]", "SENTIMENT_WEIGHT x tone + (1 - SENTIMENT_WEIGHT) x technical"),
        Column("fresh", FLAG, "yes/no", "At least one story that carries tone began in this window"),
        Column("fragile", FLAG, "yes/no", "Rests on a single story"),
        Column("known_at", INSTANT, "UTC", "When the newest headline that carries tone became known", nullable=True),
        Column("story_id", TEXT, "sha256, 16 hex", "Story with the largest absolute contribution; empty without one"),
        Column("news_title", TEXT, "text", "Title of that story's weightiest headline"),
        Column("news_url", TEXT, "http(s) URL", "Its link"),
        Column("contributions", TEXT, "JSON", "List of contributions, one a story and one a technical component"),
    ),
)

STAGES: dict[str, Table] = {table.name: table for table in (HEADLINES, SENTIMENT, TECHNICALS, SCORES)}

OUTCOMES = Table(
    name="outcomes",
    row="what became of one signal over one horizon, once that is known",
    key=("window_start", "symbol", "signal_type", "horizon"),
    columns=(
        _WINDOW,
        Column("symbol", TEXT, "ticker", "The signal's symbol"),
        Column("signal_type", TEXT, "BUY or SELL", "The signal's direction"),
        Column("horizon", COUNT, "sessions", "1, 3, 5 or 10; the entry session is the first"),
        Column("decided_at", INSTANT, "UTC", "When the signal was made"),
        Column("combined_score", REAL, "[-1, 1]", "The signal's combined score"),
        Column("confidence_score", REAL, "[0, 1]", "The signal's tone confidence"),
        Column("lifecycle", TEXT, "new, stronger or flipped", "What the signal was to its reader"),
        Column(
            "entry_session", INSTANT, "UTC midnight of the session date", "First session that opens after decided_at"
        ),
        Column("exit_session", INSTANT, "UTC midnight of the session date", "The horizon's last session"),
        Column("entry", REAL, "price", "Open of the entry session, adjusted up to the exit session"),
        Column("exit", REAL, "price", "Close of the exit session"),
        Column("raw_return", REAL, "fraction", "exit / entry - 1, whatever the direction"),
        Column("benchmark_return", REAL, "fraction", "The benchmark from the same open to the same close"),
        Column("net_return", REAL, "fraction", "raw - benchmark for a BUY, benchmark - raw for a SELL: + is a success"),
        Column("hit", FLAG, "yes/no", "net_return > 0"),
        Column("base_rate", REAL, "[0, 1]", "Share of the watchlist that would have been a hit over the same sessions"),
        Column("benchmark", TEXT, "name", "SPY, or the equal-weight watchlist where SPY has no bars"),
        Column("known_at", INSTANT, "UTC", "Close of the exit session: from then on it may be used"),
    ),
)
