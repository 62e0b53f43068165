"""Tables: what a column is, how a frame is brought to its table or refused, and the table of each stage.

The stages' tables are the one source for checks, documentation and the schemas that Dagster shows.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from functools import cache, cached_property
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.errors import SignalsError

Columns = dict[str, NDArray[Any]]

INSTANT = "datetime64[us, UTC]"
TEXT = "str"
REAL = "float64"
COUNT = "int64"
FLAG = "bool"
ROUNDING = 1e-9
_AS_ARRAY = {TEXT: "object", INSTANT: "datetime64[us]"}
_NO_ROWS = slice(0, 0)


class SchemaError(SignalsError, ValueError):
    """A frame does not have the columns or dtypes of its stage; the message names the first difference."""


@dataclass(frozen=True, slots=True)
class Range:
    """A unit with bounds that every value lies within; it reads like `[-1, 1]`, `(0, 1]` or `price > 0`.

    Attributes:
        low: Least value.
        high: Largest value; None where there is none.
        above: The least value itself is outside.
        unit: What is counted; empty for a plain number.
    """

    low: Fraction | int
    high: int | None = None
    above: bool = False
    unit: str = ""

    def __str__(self) -> str:
        """As readers see it."""
        if self.high is None:
            return f"{self.unit} {'>' if self.above else '>='} {self.low}".strip()
        return f"{self.unit} {'(' if self.above else '['}{self.low}, {self.high}]".strip()

    def outside(self, values: pd.Series) -> pd.Series:
        """Which values lie outside, by more than rounding; a missing one does not."""
        low = float(self.low)
        below = values <= low if self.above else values < low - ROUNDING
        return below if self.high is None else below | (values > self.high + ROUNDING)


@dataclass(frozen=True, slots=True)
class OneOf:
    """A unit with the only values that there are; it reads like `BUY or SELL`."""

    values: tuple[str | float, ...]

    def __str__(self) -> str:
        """As readers see it."""
        said = [each if isinstance(each, str) else f"{each:g}" for each in self.values]
        return f"{', '.join(said[:-1])} or {said[-1]}"

    def outside(self, values: pd.Series) -> pd.Series:
        """Which values are others; a missing one is not."""
        return ~values.isin(self.values) & values.notna()


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a stage.

    Attributes:
        name: Column name.
        dtype: pandas dtype as a string.
        unit: Unit for readers, with bounds where a check holds the values to them.
        meaning: One sentence.
        nullable: Whether missing values are allowed.
    """

    name: str
    dtype: str
    unit: str | Range | OneOf
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


class ByWindow:
    """A frame's rows by window, in their order: slices, where grouping would copy every column.

    Args:
        frame: A stage's rows, with `window_start`.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        if not frame["window_start"].is_monotonic_increasing:
            frame = frame.sort_values("window_start", kind="stable")
        starts = frame["window_start"]
        distinct = starts.unique()
        ends = [*starts.searchsorted(distinct).tolist(), len(frame)]
        self._frame = frame
        self._at = {start: slice(*ends[at : at + 2]) for at, start in enumerate(distinct)}

    def rows(self, start: datetime) -> pd.DataFrame:
        """The rows of the window that starts then, which may be none."""
        return self._frame.iloc[self._of(start)]

    def between(self, first: datetime, last: datetime) -> pd.DataFrame:
        """The rows of the windows that start from the first to the last."""
        starts = self._frame["window_start"]
        return self._frame.iloc[
            starts.searchsorted(pd.Timestamp(first)) : starts.searchsorted(pd.Timestamp(last), side="right")
        ]

    def columns(self, start: datetime) -> Columns:
        """The same rows as `columns_of` has them: a hundredth of what a frame of a few rows costs."""
        of = self._of(start)
        return {name: values[of] for name, values in self._columns.items()}

    @cached_property
    def _columns(self) -> Columns:
        return columns_of(self._frame)

    def _of(self, start: datetime) -> slice:
        return self._at.get(pd.Timestamp(start), _NO_ROWS)


def among(values: pd.Series | pd.Index, wanted: pd.Series | pd.Index) -> NDArray[np.bool_]:
    """Which of these texts (n,) are among the others: what `isin` says, which over a year's rows takes a second."""
    found = {*wanted.tolist()}
    return np.array([each in found for each in values.tolist()], dtype=np.bool_)


def columns_of(frame: pd.DataFrame) -> Columns:
    """A stage's columns as arrays (n,): text as Python's own, instants as `datetime64[us]` in UTC."""
    return {name: frame[name].to_numpy(_AS_ARRAY.get(str(frame[name].dtype))) for name in frame.columns}


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
        Column(
            "relevance", REAL, OneOf((1, 0.5, 0)), "1 subject, 0.5 named elsewhere, 0 vendor's tag only or no company"
        ),
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
        Column("member", COUNT, Range(0), "Position within the story, 0 the first told"),
        Column("novelty", REAL, Range(0, 1, above=True), "0.75 ** member"),
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
        Column("p_negative", REAL, Range(0, 1), "Probability of a negative tone"),
        Column("p_neutral", REAL, Range(0, 1), "Probability of a neutral tone"),
        Column("p_positive", REAL, Range(0, 1), "Probability of a positive tone"),
        Column("score", REAL, Range(-1, 1), "p_positive - p_negative"),
        Column("confidence", REAL, Range(Fraction(1, 3), 1), "Largest of the three probabilities"),
        Column("confident", FLAG, "yes/no", "confidence >= MIN_SENTIMENT_CONFIDENCE"),
        Column("recency", REAL, Range(0, 1), "2 ** (-age / TONE_HALF_LIFE_HOURS), age from known_at to as_of"),
        Column("relevance", REAL, OneOf((1, 0.5, 0)), "How clearly the text is about the company"),
        Column("novelty", REAL, Range(0, 1, above=True), "0.75 ** position within the story"),
        Column("weight", REAL, Range(0, 1), "recency x relevance x novelty x confidence; 0 where not confident"),
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
        Column("bars", COUNT, Range(0, 600, unit="sessions"), "Daily bars used"),
        Column(
            "close",
            REAL,
            Range(0, above=True, unit="price"),
            "Close of the last bar, adjusted as known at as_of",
            nullable=True,
        ),
        Column("rsi", REAL, Range(0, 100), "Wilder RSI(14)", nullable=True),
        Column("macd_atr", REAL, "ATRs", "MACD(12,26,9) histogram / ATR(14)", nullable=True),
        Column("trend_atr", REAL, "ATRs", "Mean distance of the close from SMA 20/50/200, scaled", nullable=True),
        Column("momentum", REAL, "sigmas", "5-day log return / (20-day volatility x sqrt 5)", nullable=True),
        Column("volume_z", REAL, "sigmas", "z-score of ln volume over 20 sessions", nullable=True),
        Column("c_rsi", REAL, Range(-1, 1), "Bounded RSI component", nullable=True),
        Column("c_macd", REAL, Range(-1, 1), "Bounded MACD component", nullable=True),
        Column("c_trend", REAL, Range(-1, 1), "Bounded trend component", nullable=True),
        Column("c_momentum", REAL, Range(-1, 1), "Bounded momentum component", nullable=True),
        Column("c_volume", REAL, Range(-1, 1), "Bounded volume component, signed by the day's return", nullable=True),
        Column("technical", REAL, Range(-1, 1), "Weighted sum of the components; missing under 60 bars", nullable=True),
    ),
)

SCORES = Table(
    name="scores",
    row="one company's combined score with its additive contributions",
    key=("window_start", "symbol"),
    columns=(
        _WINDOW,
        _SYMBOL,
        Column("n_tagged", COUNT, Range(0, unit="headlines"), "Headlines linked to the symbol, vendor tags included"),
        Column("n_relevant", COUNT, Range(0, unit="headlines"), "Headlines with relevance > 0"),
        Column("n_confident", COUNT, Range(0, unit="headlines"), "Relevant headlines that carry tone"),
        Column("n_stories", COUNT, Range(0, unit="stories"), "Stories that carry tone"),
        Column("n_effective", REAL, Range(0, unit="stories"), "Kish's effective number of stories"),
        Column("total_weight", REAL, Range(0), "Sum of the headlines' weights"),
        Column("tone", REAL, Range(-1, 1), "Weighted story tone, shrunk by n_eff / (n_eff + 0.5); 0 without stories"),
        Column("tone_confidence", REAL, Range(0, 1), "Weighted mean confidence of the headlines that carry tone"),
        Column("technical", REAL, Range(-1, 1), "Technical score", nullable=True),
        Column("combined", REAL, Range(-1, 1), "SENTIMENT_WEIGHT x tone + (1 - SENTIMENT_WEIGHT) x technical"),
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

SIGNALS = Table(
    name="signals",
    row="one signal of one company",
    key=("window_start", "symbol", "signal_type"),
    columns=(
        _WINDOW,
        Column("symbol", TEXT, "ticker", "The company's symbol"),
        Column("signal_type", TEXT, OneOf(("BUY", "SELL")), "Its direction"),
        Column("lifecycle", TEXT, OneOf(("new", "stronger", "flipped")), "What it is to its reader"),
        Column("source", TEXT, OneOf(("news_driven_ml", "technical")), "What made it"),
        Column("combined_score", REAL, Range(-1, 1), "Combined score"),
        Column("tone", REAL, Range(-1, 1), "Tone"),
        Column("confidence_score", REAL, Range(0, 1), "Tone confidence"),
        Column("technical", REAL, Range(-1, 1), "Technical score", nullable=True),
        Column("decided_at", INSTANT, "UTC", "The window's end"),
        Column("expires_at", INSTANT, "UTC", "Until when it is active"),
    ),
)

OUTCOMES = Table(
    name="outcomes",
    row="what became of one signal over one horizon, once that is known",
    key=("window_start", "symbol", "signal_type", "horizon"),
    columns=(
        _WINDOW,
        Column("symbol", TEXT, "ticker", "The signal's symbol"),
        Column("signal_type", TEXT, OneOf(("BUY", "SELL")), "The signal's direction"),
        Column("horizon", COUNT, OneOf((1, 3, 5, 10)), "Sessions; the entry session is the first"),
        Column("decided_at", INSTANT, "UTC", "When the signal was made"),
        Column("combined_score", REAL, Range(-1, 1), "The signal's combined score"),
        Column("confidence_score", REAL, Range(0, 1), "The signal's tone confidence"),
        Column("lifecycle", TEXT, OneOf(("new", "stronger", "flipped")), "What the signal was to its reader"),
        Column(
            "entry_session", INSTANT, "UTC midnight of the session date", "First session that opens after decided_at"
        ),
        Column("exit_session", INSTANT, "UTC midnight of the session date", "The horizon's last session"),
        Column(
            "entry",
            REAL,
            Range(0, above=True, unit="price"),
            "Open of the entry session, adjusted up to the exit session",
        ),
        Column("exit", REAL, Range(0, above=True, unit="price"), "Close of the exit session"),
        Column("raw_return", REAL, "fraction", "exit / entry - 1, whatever the direction"),
        Column("benchmark_return", REAL, "fraction", "The benchmark from the same open to the same close"),
        Column("net_return", REAL, "fraction", "raw - benchmark for a BUY, benchmark - raw for a SELL: + is a success"),
        Column("hit", FLAG, "yes/no", "net_return > 0"),
        Column(
            "base_rate", REAL, Range(0, 1), "Share of the watchlist that would have been a hit over the same sessions"
        ),
        Column("benchmark", TEXT, "name", "SPY, or the equal-weight watchlist where SPY has no bars"),
        Column("known_at", INSTANT, "UTC", "Close of the exit session: from then on it may be used"),
    ),
)
