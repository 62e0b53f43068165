"""The table of each stage: columns, dtypes, units and keys, and how a frame is brought to its table or refused.

A stage's table is the one source for its checks, its documentation and the schema that Dagster shows. First come the
types that describe a table, then helpers for frames and their columns, last the tables themselves. The tables of the
database are in `adapters.stores.tables`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from fractions import Fraction
from functools import cache, cached_property
from itertools import pairwise
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.event_types import EVENT_TYPES
from signals_pipeline.core.signal_fields import CandidateFields, DecisionFields, declared_fields
from signals_pipeline.core.units import OneOf, Range

# Columns of a stage as arrays of shape (n,), see `to_arrays`.
ColumnArrays = dict[str, NDArray[Any]]

# pandas dtypes of the columns.
INSTANT = "datetime64[us, UTC]"
TEXT = "str"
REAL = "float64"
COUNT = "int64"
FLAG = "bool"

# numpy dtypes of columns that `to_arrays` converts; numpy has no time zones.
_ARRAY_DTYPES = {TEXT: "object", INSTANT: "datetime64[us]"}
_NO_ROWS = slice(0, 0)


class SchemaError(SignalsError, ValueError):
    """A frame does not have the columns or dtypes of its stage; the message names the first difference."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a stage.

    Attributes:
        name: Column name.
        dtype: pandas dtype as a string.
        unit: Unit for readers; with bounds where a check holds the values to them.
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
    """A stage's frame.

    Attributes:
        name: Name of the stage.
        row: What one row is.
        key: Columns that identify a row, and by which rows are sorted.
        columns: In order.
    """

    name: str
    row: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]

    @property
    def names(self) -> list[str]:
        """Column names in order."""
        return [column.name for column in self.columns]

    def empty(self) -> pd.DataFrame:
        """Return a new frame with no rows and every column's dtype."""
        return _empty(self).copy()

    def conform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the frame with exactly this table's columns, dtypes and order, sorted by the key, index reset.

        Raises:
            SchemaError: A column is missing or can't be cast, a required value is missing, or a key repeats.
        """
        missing = [name for name in self.names if name not in frame.columns]
        if missing:
            raise SchemaError(f"{self.name}: column {missing[0]!r} is missing; the previous stage must provide it")
        if frame.empty:
            return self.empty()

        columns = {column.name: self._cast(frame[column.name], column) for column in self.columns}
        result = pd.DataFrame(columns).reset_index(drop=True)

        # Rows in strictly increasing order are sorted and unique.
        if self._is_strictly_increasing(result):
            return result
        key = list(self.key)
        result = result.sort_values(key, kind="stable", ignore_index=True)
        is_repeated = result.duplicated(key).to_numpy()
        if is_repeated.any():
            row = int(is_repeated.argmax())
            repeated_key = {name: str(result[name].iloc[row]) for name in key}
            raise SchemaError(f"{self.name}: two rows have the key {repeated_key}")
        return result

    def _is_strictly_increasing(self, frame: pd.DataFrame) -> bool:
        """Whether each row's key is larger than the one before; a hundredth of the time that sorting a year takes."""
        pairs = len(frame) - 1
        is_equal = np.ones(pairs, dtype=bool)
        is_larger = np.zeros(pairs, dtype=bool)
        # The first column of the key that differs decides.
        for name in self.key:
            values = frame[name].array
            previous, current = values[:-1], values[1:]
            is_larger |= is_equal & np.asarray(previous < current, dtype=bool)
            is_equal &= np.asarray(previous == current, dtype=bool)
        return bool(is_larger.all())

    def _cast(self, series: pd.Series, column: Column) -> pd.Series:
        try:
            # pandas-stubs knows dtypes only as literals.
            result = cast("pd.Series", series.astype(cast("Any", column.dtype)))
        except (TypeError, ValueError) as error:
            raise SchemaError(f"{self.name}.{column.name}: not {column.dtype}: {error}") from error
        missing = int(result.isna().sum())
        if missing and not column.nullable:
            raise SchemaError(f"{self.name}.{column.name}: {missing} values are missing; every row must have one")
        return result


@cache
def _empty(table: Table) -> pd.DataFrame:
    return pd.DataFrame({column.name: pd.Series([], dtype=column.dtype) for column in table.columns})


def concat(table: Table, frames: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """Join several windows' frames of one stage, in the table's dtypes; an empty frame where there is none."""
    filled = [frame for frame in frames if not frame.empty]
    return table.conform(pd.concat(filled, ignore_index=True)) if filled else table.empty()


class RowsByWindow:
    """A frame's rows by window, in their order.

    Windows are slices of one sorted frame: grouping would copy every column.

    Args:
        frame: A stage's rows, with `window_start`.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        if not frame["window_start"].is_monotonic_increasing:
            frame = frame.sort_values("window_start", kind="stable")
        self._frame = frame

        # Where each window begins; it ends where the next one begins.
        distinct = frame["window_start"].unique()
        # pandas-stubs loses the type of the result.
        begins = cast("NDArray[np.intp]", frame["window_start"].searchsorted(distinct)).tolist()
        boundaries = [*begins, len(frame)]
        self._slices: dict[pd.Timestamp, slice] = {}
        for start, (begin, end) in zip(distinct, pairwise(boundaries), strict=True):
            self._slices[start] = slice(begin, end)

    def rows(self, start: datetime) -> pd.DataFrame:
        """Return the rows of the window that starts at this instant, which may be none."""
        return self._frame.iloc[self._slice(start)]

    def between(self, first: datetime, last: datetime) -> pd.DataFrame:
        """Return the rows of the windows that start between two instants, both included."""
        starts = self._frame["window_start"]
        begin = starts.searchsorted(pd.Timestamp(first))
        end = starts.searchsorted(pd.Timestamp(last), side="right")
        return self._frame.iloc[begin:end]

    def columns(self, start: datetime) -> ColumnArrays:
        """Return the rows of one window as arrays: a hundredth of the time that a frame of a few rows takes."""
        rows = self._slice(start)
        return {name: values[rows] for name, values in self._columns.items()}

    @cached_property
    def _columns(self) -> ColumnArrays:
        return to_arrays(self._frame)

    def _slice(self, start: datetime) -> slice:
        return self._slices.get(pd.Timestamp(start), _NO_ROWS)


def is_in(values: pd.Series | pd.Index, wanted: pd.Series | pd.Index) -> NDArray[np.bool_]:
    """Return which texts, shape (n,), are among the wanted ones.

    The same as pandas' `isin`, which takes a second for a year's texts.
    """
    wanted_values = set(wanted.tolist())
    return np.array([value in wanted_values for value in values.tolist()], dtype=np.bool_)


def to_arrays(frame: pd.DataFrame) -> ColumnArrays:
    """Return a stage's columns as arrays, shape (n,): text as Python's own, instants as `datetime64[us]` in UTC."""
    columns: ColumnArrays = {}
    for name in frame.columns:
        dtype = _ARRAY_DTYPES.get(str(frame[name].dtype))
        columns[name] = frame[name].to_numpy(dtype)
    return columns


# Columns that several tables share.
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
            "role",
            TEXT,
            "subject, affected, mentioned, broker, other",
            "What the title makes of the company; empty: only tagged, or none",
        ),
        Column("relevance", REAL, OneOf((1, 0.5, 0)), "1 subject, 0.5 affected, 0 in any other role"),
        Column("published_at", INSTANT, "UTC", "When the publisher says it appeared"),
        Column("known_at", INSTANT, "UTC", "max(published_at, first_seen_at): from then on the pipeline may use it"),
        Column(
            "reconstructed", FLAG, "yes/no", "No first_seen_at was recorded; known_at rests on the publisher's time"
        ),
        Column("title", TEXT, "text", "Title as published, control characters removed"),
        Column("text", TEXT, "text", "What the model reads of the title for this company; empty: withdrawn or no tone"),
        Column(
            "span",
            TEXT,
            "START-END, by blanks",
            "Where `text` names the company, if it speaks of others, too; empty: all of it is the company's",
        ),
        Column("event", TEXT, "event type", "What happened, where a rule decides it; empty: left to the model"),
        Column("reason", TEXT, "name", "Why the headline carries no tone for the company; empty where it may"),
        Column(
            "text_hash",
            TEXT,
            "sha256 hex",
            "Content address of `text` and `span`, key of the score cache; empty: withdrawn",
        ),
        Column("url", TEXT, "http(s) URL", "Link to the article; empty where the feed gave no http(s) link"),
        Column("source", TEXT, "name", "Publisher"),
        Column("feed", TEXT, "name", "Adapter that delivered it"),
        Column(
            "story_id", TEXT, "sha256, 16 hex", "First member of the story (near-duplicates within 72 h) of the symbol"
        ),
        Column("member", COUNT, Range(0), "Position within the story; 0 is its first headline"),
        Column("novelty", REAL, Range(0, 1, above=True), "0.5 ** member"),
        Column("told", FLAG, "yes/no", "The story began before this window: an earlier digest could report it"),
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
        Column("published_at", INSTANT, "UTC", "When the publisher says it appeared"),
        Column("known_at", INSTANT, "UTC", "From when on it may be used"),
        Column("title", TEXT, "text", "Title as published"),
        Column("url", TEXT, "http(s) URL", "Link to the article"),
        Column("source", TEXT, "name", "Publisher"),
        Column("story_id", TEXT, "sha256, 16 hex", "Story of the symbol that it belongs to"),
        Column("told", FLAG, "yes/no", "The story began before this window"),
        Column("role", TEXT, "subject, affected", "What the title makes of the company"),
        Column("event", TEXT, OneOf(EVENT_TYPES), "What happened: by the rules, else by the model, else other"),
        Column("p_negative", REAL, Range(0, 1), "Probability of a negative tone"),
        Column("p_neutral", REAL, Range(0, 1), "Probability of a neutral tone"),
        Column("p_positive", REAL, Range(0, 1), "Probability of a positive tone"),
        Column("score", REAL, Range(-1, 1), "p_positive - p_negative"),
        Column("confidence", REAL, Range(Fraction(1, 3), 1), "Largest of the three probabilities"),
        Column("confident", FLAG, "yes/no", "confidence >= MIN_SENTIMENT_CONFIDENCE"),
        Column(
            "recency",
            REAL,
            Range(0, 1),
            "2 ** (-age / TONE_HALF_LIFE_HOURS), age in market hours",
        ),
        Column("relevance", REAL, OneOf((1, 0.5, 0)), "1 subject, 0.5 affected"),
        Column("novelty", REAL, Range(0, 1, above=True), "0.5 ** position within the story"),
        Column("weight", REAL, Range(0, 1), "recency x relevance x novelty x confidence; 0 where there is a reason"),
        Column(
            "reason",
            TEXT,
            "confidence or event",
            "Why it carries no tone: too little confidence, or an event type outside TONE_EVENTS; empty where it does",
        ),
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
        Column(
            "technical",
            REAL,
            Range(-1, 1),
            "Weighted sum of the components; missing under 60 bars and where the last is over two sessions old",
            nullable=True,
        ),
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
        Column("n_eventful", COUNT, Range(0, unit="headlines"), "Scored headlines of an event type that carries tone"),
        Column("n_confident", COUNT, Range(0, unit="headlines"), "Headlines that carry tone"),
        Column("n_stories", COUNT, Range(0, unit="stories"), "Stories that carry tone"),
        Column("total_weight", REAL, Range(0), "Sum of the headlines' weights"),
        Column("tone", REAL, Range(-1, 1), "sum A_k s_k / (0.5 + sum A_k) over the stories; 0 without stories"),
        Column("tone_confidence", REAL, Range(0, 1), "Weighted mean confidence of the headlines that carry tone"),
        Column("technical", REAL, Range(-1, 1), "Technical score", nullable=True),
        Column("combined", REAL, Range(-1, 1), "SENTIMENT_WEIGHT x tone + (1 - SENTIMENT_WEIGHT) x technical"),
        Column("fresh", FLAG, "yes/no", "At least one story that carries tone began in this window"),
        Column("fragile", FLAG, "yes/no", "Rests on a single story"),
        Column("known_at", INSTANT, "UTC", "When the newest headline that carries tone became known", nullable=True),
        Column("story_id", TEXT, "sha256, 16 hex", "Story with the largest absolute contribution; empty without one"),
        Column(
            "story_known_at", INSTANT, "UTC", "When that story's first headline in evidence became known", nullable=True
        ),
        Column("news_title", TEXT, "text", "Title of that story's weightiest headline"),
        Column("news_url", TEXT, "http(s) URL", "Its link"),
        Column("event", TEXT, "event type", "Its event type; empty without a story"),
        Column(
            "reaction",
            REAL,
            "ATRs",
            "Move from the last close before story_known_at to the last close; missing if no session closed since",
            nullable=True,
        ),
        Column("contributions", TEXT, "JSON", "List of contributions, one per story and one per technical component"),
    ),
)

STAGES: dict[str, Table] = {table.name: table for table in (HEADLINES, SENTIMENT, TECHNICALS, SCORES)}

# What a signal's columns are comes from the declaration of its fields.
_SIGNAL_FIELDS = {**declared_fields(CandidateFields), **declared_fields(DecisionFields)}
_DTYPES: dict[type, str] = {str: TEXT, float: REAL, bool: FLAG, datetime: INSTANT}
_UNITS = {TEXT: "text", REAL: "number", FLAG: "yes/no", INSTANT: "UTC"}


def _signal_columns(*names: str) -> tuple[Column, ...]:
    """The columns of these fields of a signal."""
    columns: list[Column] = []
    for field in (_SIGNAL_FIELDS[name] for name in names):
        dtype = _DTYPES[field.value_type]
        allowed_values = OneOf(field.values) if field.values else None
        unit = allowed_values or field.bounds or field.unit or _UNITS[dtype]
        columns.append(Column(field.name, dtype, unit, field.description, field.nullable))
    return tuple(columns)


SIGNALS = Table(
    name="signals",
    row="one signal of one company",
    key=("window_start", "symbol", "signal_type"),
    columns=(
        _WINDOW,
        *_signal_columns("symbol", "signal_type", "lifecycle", "source"),
        *_signal_columns("combined_score", "tone", "confidence_score", "technical"),
        *_signal_columns("decided_at", "expires_at"),
    ),
)

# As `core.record.outcomes.HORIZONS`, which imports this module; a test holds them equal.
_HORIZONS = (1, 3, 5, 10)

OUTCOMES = Table(
    name="outcomes",
    row="the outcome of one signal over one horizon, once it is known",
    key=("window_start", "symbol", "signal_type", "horizon"),
    columns=(
        _WINDOW,
        *_signal_columns("symbol", "signal_type"),
        Column("horizon", COUNT, OneOf(_HORIZONS), "Sessions; the entry session is the first"),
        *_signal_columns("decided_at", "combined_score", "confidence_score", "lifecycle"),
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

_OUTCOME_VALUES = OUTCOMES.columns[OUTCOMES.names.index("entry_session") :]


def _outcome_columns(horizon: int) -> tuple[Column, ...]:
    """The values of an outcome over one horizon, such as `net_return_5`; empty until the outcome is known."""
    return tuple(replace(column, name=f"{column.name}_{horizon}", nullable=True) for column in _OUTCOME_VALUES)


# The signal history as one flat table, which `signals export` writes; `docs/export.md` documents it.
SIGNAL_HISTORY = Table(
    name="signal history",
    row="one signal with its outcomes so far, over each horizon",
    key=("window_start", "symbol", "signal_type"),
    columns=(
        *_signal_columns("window_start", "window_end", "symbol", "signal_type", "lifecycle"),
        *_signal_columns("decided_at", "expires_at", "known_at"),
        *_signal_columns("combined_score", "tone", "confidence_score", "technical", "reaction"),
        *_signal_columns("event", "fresh", "fragile", "story_id", "news_title", "news_url", "contributions", "source"),
        Column("model", TEXT, "text", "Sentiment model with its revision"),
        Column("mode", TEXT, OneOf(("live", "catch_up", "backfill", "manual")), "What started the run of its window"),
        *(column for horizon in _HORIZONS for column in _outcome_columns(horizon)),
    ),
)

KNOWN_OUTCOMES = Table(
    name="known outcomes",
    row="an outcome with the origin of its signal: outcomes of different origins are never added up",
    key=OUTCOMES.key,
    columns=(
        *OUTCOMES.columns,
        Column("provenance", TEXT, OneOf(("live", "backfilled")), "Whether the signal was decided live or afterwards"),
        Column("generator", TEXT, "name", "What generated the signal: its `source`"),
        Column("model", TEXT, "name", "Description of the sentiment model of its run"),
    ),
)
