"""The look-ahead audit: inputs cut at `as_of`, the same inputs with poison after it, and where two results differ.

A window that uses nothing of the future gives the same trace for both inputs.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from signals_pipeline.core.news.feeds import NewsBatch, RawHeadline
from signals_pipeline.core.prices.adjustment import ACTION_COLUMNS, BAR_COLUMNS
from signals_pipeline.core.tables import STAGES, Table
from signals_pipeline.core.watchlist import Watchlist

_ABSENT = "absent"


@dataclass(frozen=True, eq=False, slots=True)
class Trace:
    """Everything that a window made.

    Attributes:
        frames: Its rows of each stage by the stage's name.
        values: What it recorded and told, by name: plain JSON types.
    """

    frames: Mapping[str, pd.DataFrame]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first difference: where, and the value on either side, each as text."""

    where: str
    expected: str
    found: str

    @property
    def text(self) -> str:
        """One line: `scores AAPL combined: 0.31 became 0.33`."""
        return f"{self.where}: {self.expected} became {self.found}"


def first_difference(expected: Trace, found: Trace) -> Difference | None:
    """The first difference, stages in the order of the flow, then what was recorded; None where all is the same.

    Floats are compared to the last bit, missing values count as equal. What only one side has is not compared.
    """
    return next(_differences(expected, found), None)


def _differences(expected: Trace, found: Trace) -> Iterator[Difference]:
    for name, table in STAGES.items():
        if name in expected.frames and name in found.frames:
            yield from _between_frames(table, expected.frames[name], found.frames[name])
    for name in expected.values:
        if name in found.values:
            yield from _between_values(name, expected.values[name], found.values[name])


def _between_frames(table: Table, expected: pd.DataFrame, found: pd.DataFrame) -> Iterator[Difference]:
    one, other = _keyed(table, expected), _keyed(table, found)
    for key in sorted(one.keys() | other.keys()):
        where = f"{table.name} {' '.join(key)}"
        if key in one and key in other:
            yield from _between_rows(where, one[key], other[key])
        else:
            sides = ("a row", _ABSENT) if key in one else (_ABSENT, "a row")
            yield Difference(where, *sides)


def _between_rows(where: str, expected: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[Difference]:
    for name, value in expected.items():
        if value != found[name] and not (pd.isna(value) and pd.isna(found[name])):
            yield Difference(f"{where} {name}", str(value), str(found[name]))


def _keyed(table: Table, frame: pd.DataFrame) -> dict[tuple[str, ...], dict[str, Any]]:
    """The rows by key without the window, which is the same for all."""
    names = [name for name in table.key if name != "window_start"]
    rows: list[dict[str, Any]] = frame.to_dict("records")  # pyright: ignore[reportAssignmentType]
    return {tuple(str(row[name]) for name in names): row for row in rows}


def _between_values(where: str, expected: object, found: object) -> Iterator[Difference]:
    """Differences of two values, from the outside in: objects by name, lists by place."""
    if isinstance(expected, list) and isinstance(found, list):
        expected, found = ({str(at): each for at, each in enumerate(values, 1)} for values in (expected, found))
    if isinstance(expected, Mapping) and isinstance(found, Mapping):
        for name in [*expected, *(name for name in found if name not in expected)]:
            yield from _between_values(f"{where} {name}", expected.get(name, _ABSENT), found.get(name, _ABSENT))
    elif expected != found:
        yield Difference(where, str(expected), str(found))


_INSTANT = timedelta(microseconds=1)
_PLANTED_DAYS = 5  # weekdays with bars after the last one known


def cut_news(batch: NewsBatch, as_of: datetime) -> NewsBatch:
    """The batch without what became known at as_of or later."""
    return replace(batch, headlines=tuple(each for each in batch.headlines if _before(each, as_of)))


def poison_news(batch: NewsBatch, as_of: datetime, watchlist: Watchlist) -> NewsBatch:
    """The batch cut at as_of, and after it news of every company, edits and withdrawals of what it told, new tags."""
    known = cut_news(batch, as_of)
    planted = (*_news(as_of, watchlist), *_edits(known.headlines, as_of, watchlist))
    return replace(known, headlines=(*known.headlines, *planted))


def cut_days(rows: pd.DataFrame, last: np.datetime64) -> pd.DataFrame:
    """Bars or actions up to this day."""
    return rows[rows["session"].to_numpy().astype("datetime64[D]") <= last].reset_index(drop=True)


def poison_bars(bars: pd.DataFrame, last: np.datetime64, symbols: Iterable[str]) -> pd.DataFrame:
    """The bars up to this day, and after it days on which every price and volume is another by far."""
    known = cut_days(bars, last)
    rows = [
        (symbol, pd.Timestamp(day), price, price * 1.5, price / 2, price * (1.2 if at % 2 else 0.8), 1e12)
        for symbol, price in _last_closes(known, symbols)
        for at, day in enumerate(_days_after(last))
    ]
    return _joined(known, pd.DataFrame(rows, columns=list(BAR_COLUMNS)))


def poison_actions(actions: pd.DataFrame, last: np.datetime64, symbols: Iterable[str]) -> pd.DataFrame:
    """The actions up to this day, and after it a split and a dividend of every symbol."""
    known = cut_days(actions, last)
    split_day, dividend_day = _days_after(last)[:2]
    rows = [
        (symbol, pd.Timestamp(day), kind, value)
        for symbol in symbols
        for day, kind, value in ((split_day, "split", 4.0), (dividend_day, "dividend", 0.01))
    ]
    return _joined(known, pd.DataFrame(rows, columns=list(ACTION_COLUMNS)))


def _before(headline: RawHeadline, as_of: datetime) -> bool:
    known_at = headline.known_at
    return known_at is None or known_at.tzinfo is None or known_at < as_of


def _news(as_of: datetime, watchlist: Watchlist) -> Iterator[RawHeadline]:
    for at, company in enumerate(watchlist.companies):
        title = f"{company.name} ({company.symbol}) shares crash on fraud, bankruptcy looms"
        url = f"https://planted.example/{at}"
        tags = (company.symbol,)
        in_time = as_of - timedelta(minutes=at + 1)
        yield RawHeadline(in_time, title, url, "Planted", "planted", tags=tags, first_seen_at=as_of)
        yield RawHeadline(as_of, f"{title} today", f"{url}/b", "Planted", "planted", tags=tags, first_seen_at=in_time)
        yield RawHeadline(as_of + _INSTANT, f"{title} now", f"{url}/c", "Planted", "planted", tags=tags)


def _edits(told: Sequence[RawHeadline], as_of: datetime, watchlist: Watchlist) -> Iterator[RawHeadline]:
    """Of every headline an edit, a withdrawal or a copy with every tag, seen at as_of or just after it."""
    for at, one in enumerate(told):
        if one.published_at is None:
            continue
        seen = as_of + at % 2 * _INSTANT
        yield replace(one, title=f"Correction: {one.title or ''} denied, loss feared", first_seen_at=seen)
        yield replace(one, title="[Removed]", first_seen_at=seen + _INSTANT)
        yield replace(one, tags=watchlist.symbols, first_seen_at=seen)


def _last_closes(bars: pd.DataFrame, symbols: Iterable[str]) -> list[tuple[str, float]]:
    """Each symbol and a price far from its last close."""
    closes: dict[str, float] = bars.groupby("symbol")["close"].last().to_dict()  # pyright: ignore[reportAssignmentType]
    return [(symbol, closes.get(symbol, 50.0) * (0.1 if at % 2 else 9.0)) for at, symbol in enumerate(symbols)]


def _days_after(last: np.datetime64) -> list[np.datetime64]:
    return [np.busday_offset(last, at, roll="backward") for at in range(1, _PLANTED_DAYS + 1)]


def _joined(known: pd.DataFrame, planted: pd.DataFrame) -> pd.DataFrame:
    both = pd.concat([known, planted.astype(known.dtypes.to_dict())], ignore_index=True)
    return both.sort_values(["symbol", "session"], kind="stable", ignore_index=True)
