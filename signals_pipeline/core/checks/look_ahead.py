"""The look-ahead audit: inputs cut at `as_of`, the same inputs with poison after it, and where two results differ.

A window that uses nothing of the future gives the same trace for both inputs. Running the windows is the business of
`defs.look_ahead_audit`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, TypeGuard, cast

import numpy as np
import pandas as pd

from signals_pipeline.core.news.feeds import NewsBatch
from signals_pipeline.core.news.normalisation import RawHeadline
from signals_pipeline.core.prices.adjustment import ACTION_COLUMNS, BAR_COLUMNS, CLOSE_COLUMNS, PRICES
from signals_pipeline.core.prices.earnings import EarningsCalendar, EarningsDate, ReportTime, Visit
from signals_pipeline.core.tables import STAGES, Table
from signals_pipeline.core.watchlist import Watchlist

Value = str | float | datetime | None
"""A value of a frame; int and bool are floats to a type checker."""

_ABSENT = "absent"
_INSTANT = timedelta(microseconds=1)

# Weekdays with poisoned bars after the last real one: enough for a technical indicator to move if it sees them.
_POISONED_DAYS = 5

# Stands in for the last close of a symbol without bars.
_ANY_PRICE = 50.0


@dataclass(frozen=True, eq=False, slots=True)
class Trace:
    """Everything that a window produced.

    Attributes:
        frames: Its rows of each stage by the stage's name.
        values: What it recorded and reported, by name: plain JSON types.
    """

    frames: Mapping[str, pd.DataFrame]
    values: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Difference:
    """The first difference: where, and the value on either side, each as text."""

    where: str
    expected: str
    actual: str

    @property
    def text(self) -> str:
        """One line: `scores AAPL combined: 0.31 became 0.33`."""
        return f"{self.where}: {self.expected} became {self.actual}"


def cut_news(batch: NewsBatch, as_of: datetime) -> NewsBatch:
    """The batch without what became known at as_of or later."""
    return replace(batch, headlines=tuple(headline for headline in batch.headlines if _before(headline, as_of)))


def cut_days(rows: pd.DataFrame, last: np.datetime64) -> pd.DataFrame:
    """Bars or actions up to this day."""
    days = rows["session"].to_numpy().astype("datetime64[D]")
    until = np.asarray(days <= last, dtype=np.bool_)
    return rows.loc[until].reset_index(drop=True)


def poison_news(batch: NewsBatch, as_of: datetime, watchlist: Watchlist) -> NewsBatch:
    """The batch cut at as_of, then poisoned after it.

    Added are news of every company, and an edit, a withdrawal and a copy with new tags of every headline.
    """
    past = cut_news(batch, as_of)
    planted = [*_planted_news(as_of, watchlist), *_planted_edits(past.headlines, as_of, watchlist)]
    return replace(past, headlines=(*past.headlines, *planted))


def poison_bars(bars: pd.DataFrame, last: np.datetime64, symbols: Iterable[str]) -> pd.DataFrame:
    """The bars up to this day, and after it days with prices and volumes far from any real ones."""
    past = cut_days(bars, last)
    rows: list[tuple[object, ...]] = []
    for symbol, price in _far_prices(past, symbols):
        for number, day in enumerate(_days_after(last)):
            # In the order of BAR_COLUMNS; closes alternate, so that indicators swing as well.
            high, low = price * 1.5, price / 2
            close = price * (1.2 if number % 2 else 0.8)
            volume = 1e12
            rows.append((symbol, pd.Timestamp(day), price, high, low, close, volume))
    return _with_planted(past, pd.DataFrame(rows, columns=list(BAR_COLUMNS)))


def poison_closes(closes: pd.DataFrame, last: np.datetime64, symbols: Iterable[str]) -> pd.DataFrame:
    """The traded closes up to this day, and after it closes far from any real ones; none where the source has none."""
    past = cut_days(closes, last)
    if past.empty:
        return past
    rows: list[tuple[object, ...]] = []
    for symbol, price in _far_prices(past, symbols):
        rows += [(symbol, pd.Timestamp(day), price) for day in _days_after(last)]
    return _with_planted(past, pd.DataFrame(rows, columns=list(CLOSE_COLUMNS)))


def poison_corrections(corrections: pd.DataFrame, bars: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """The corrections first seen before as_of, and from it on one of every bar, to prices far from its own."""
    far = bars[list(BAR_COLUMNS)].copy()
    far[list(PRICES)] *= 10
    far["first_seen_at"] = pd.Series(as_of, index=far.index, dtype="datetime64[us, UTC]")
    return _with_planted(cut_corrections(corrections, as_of), far)


def cut_corrections(corrections: pd.DataFrame, as_of: datetime) -> pd.DataFrame:
    """The corrections first seen before as_of."""
    return corrections.loc[corrections["first_seen_at"] < as_of].reset_index(drop=True)


def poison_actions(actions: pd.DataFrame, last: np.datetime64, symbols: Iterable[str]) -> pd.DataFrame:
    """The actions up to this day, and after it a split and a dividend of every symbol."""
    past = cut_days(actions, last)
    split_day, dividend_day = _days_after(last)[:2]
    rows: list[tuple[object, ...]] = []
    for symbol in symbols:
        rows.append((symbol, pd.Timestamp(split_day), "split", 4.0))
        rows.append((symbol, pd.Timestamp(dividend_day), "dividend", 0.01))
    return _with_planted(past, pd.DataFrame(rows, columns=list(ACTION_COLUMNS)))


def cut_earnings(calendar: EarningsCalendar, as_of: datetime) -> EarningsCalendar:
    """The announcements first seen before as_of, and the visits before it."""
    return EarningsCalendar.build(
        calendar.source,
        (row for rows in calendar.rows.values() for row in rows if row.first_seen_at < as_of),
        (visit for visit in calendar.visits if visit.visited_at < as_of),
        live=calendar.live,
    )


def poison_earnings(calendar: EarningsCalendar, as_of: datetime, symbols: Sequence[str]) -> EarningsCalendar:
    """The calendar up to as_of, and at it a visit that moves every report to the next day."""
    if not calendar.source:
        return calendar
    past = cut_earnings(calendar, as_of)
    tomorrow = (as_of + timedelta(days=1)).date()
    planted = [EarningsDate(symbol, tomorrow, ReportTime.AFTER_CLOSE, False, as_of) for symbol in symbols]
    return EarningsCalendar.build(
        calendar.source,
        (*(row for rows in past.rows.values() for row in rows), *planted),
        (*past.visits, Visit(as_of, frozenset(symbols), "planted")),
        live=calendar.live,
    )


def first_difference(expected: Trace, actual: Trace) -> Difference | None:
    """The first difference, stages in the order of the flow, then what was recorded; None where all is the same.

    Floats are compared to the last bit, missing values count as equal. What only one side has is not compared.
    """
    return next(_differences(expected, actual), None)


def _before(headline: RawHeadline, as_of: datetime) -> bool:
    """Whether a headline stays: known before as_of, or without a usable time, which normalisation drops."""
    known_at = headline.known_at
    return known_at is None or known_at.tzinfo is None or known_at < as_of


def _planted_news(as_of: datetime, watchlist: Watchlist) -> Iterator[RawHeadline]:
    """News of every company that became known at as_of or just after it."""
    for number, company in enumerate(watchlist.companies):
        title = f"{company.name} ({company.symbol}) shares crash on fraud, bankruptcy looms"
        url = f"https://planted.example/{number}"
        in_time = as_of - timedelta(minutes=number + 1)
        # Published in time, but first seen at as_of.
        seen_late = RawHeadline(
            published_at=in_time,
            title=title,
            url=url,
            source="Planted",
            feed="planted",
            tags=(company.symbol,),
            first_seen_at=as_of,
        )
        yield seen_late
        # First seen in time, but published at as_of.
        yield replace(seen_late, published_at=as_of, title=f"{title} today", url=f"{url}/b", first_seen_at=in_time)
        # Published just after as_of, and nobody recorded when it was first seen.
        just_after = as_of + _INSTANT
        yield replace(seen_late, published_at=just_after, title=f"{title} now", url=f"{url}/c", first_seen_at=None)


def _planted_edits(headlines: Sequence[RawHeadline], as_of: datetime, watchlist: Watchlist) -> Iterator[RawHeadline]:
    """An edit, a withdrawal and a copy with every tag for each headline, seen at as_of or just after it."""
    for number, headline in enumerate(headlines):
        if headline.published_at is None:
            continue
        # Alternately at the very instant, and one microsecond later.
        seen = as_of + number % 2 * _INSTANT
        yield replace(headline, title=f"Correction: {headline.title or ''} denied, loss feared", first_seen_at=seen)
        yield replace(headline, title="[Removed]", first_seen_at=seen + _INSTANT)
        yield replace(headline, tags=watchlist.symbols, first_seen_at=seen)


def _far_prices(bars: pd.DataFrame, symbols: Iterable[str]) -> list[tuple[str, float]]:
    """Each symbol and a price far from its last close, alternately a ninefold and a tenth."""
    # to_dict is typed with Hashable keys; the group keys are the symbols.
    last_closes = cast("dict[str, float]", bars.groupby("symbol")["close"].last().to_dict())
    prices: list[tuple[str, float]] = []
    for number, symbol in enumerate(symbols):
        factor = 0.1 if number % 2 else 9.0
        prices.append((symbol, last_closes.get(symbol, _ANY_PRICE) * factor))
    return prices


def _days_after(last: np.datetime64) -> list[np.datetime64]:
    """The weekdays after this day that are poisoned."""
    return [np.busday_offset(last, number, roll="backward") for number in range(1, _POISONED_DAYS + 1)]


def _with_planted(past: pd.DataFrame, planted: pd.DataFrame) -> pd.DataFrame:
    both = pd.concat([past, planted.astype(past.dtypes.to_dict())], ignore_index=True)
    return both.sort_values(["symbol", "session"], kind="stable", ignore_index=True)


def _differences(expected: Trace, actual: Trace) -> Iterator[Difference]:
    for name, table in STAGES.items():
        if name in expected.frames and name in actual.frames:
            yield from _between_frames(table, expected.frames[name], actual.frames[name])
    for name in expected.values:
        if name in actual.values:
            yield from _between_values(name, expected.values[name], actual.values[name])


def _between_frames(table: Table, expected: pd.DataFrame, actual: pd.DataFrame) -> Iterator[Difference]:
    expected_rows = _rows_by_key(table, expected)
    actual_rows = _rows_by_key(table, actual)
    for key in sorted(expected_rows.keys() | actual_rows.keys()):
        where = f"{table.name} {' '.join(key)}"
        if key not in actual_rows:
            yield Difference(where, "a row", _ABSENT)
        elif key not in expected_rows:
            yield Difference(where, _ABSENT, "a row")
        else:
            yield from _between_rows(where, expected_rows[key], actual_rows[key])


def _rows_by_key(table: Table, frame: pd.DataFrame) -> dict[tuple[str, ...], dict[str, Value]]:
    """The rows by key without the window, which is the same for all."""
    names = [name for name in table.key if name != "window_start"]
    # to_dict is typed with Hashable keys; the column names are strings.
    rows = cast("list[dict[str, Value]]", frame.to_dict("records"))
    return {tuple(str(row[name]) for name in names): row for row in rows}


def _between_rows(where: str, expected: Mapping[str, Value], actual: Mapping[str, Value]) -> Iterator[Difference]:
    for name, expected_value in expected.items():
        actual_value = actual[name]
        if expected_value == actual_value:
            continue
        # NaN differs from itself, but two missing values are the same.
        if pd.isna(expected_value) and pd.isna(actual_value):
            continue
        yield Difference(f"{where} {name}", str(expected_value), str(actual_value))


def _between_values(where: str, expected: object, actual: object) -> Iterator[Difference]:
    """Differences of two JSON values, from the outside in: objects by name, lists by position from 1."""
    if _is_list(expected) and _is_list(actual):
        yield from _between_items(where, _by_position(expected), _by_position(actual))
    elif _is_object(expected) and _is_object(actual):
        yield from _between_items(where, expected, actual)
    elif expected != actual:
        yield Difference(where, str(expected), str(actual))


def _is_list(value: object) -> TypeGuard[list[object]]:
    return isinstance(value, list)


def _is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether a JSON value is an object."""
    return isinstance(value, Mapping)


def _between_items(where: str, expected: Mapping[str, object], actual: Mapping[str, object]) -> Iterator[Difference]:
    added = [name for name in actual if name not in expected]
    for name in [*expected, *added]:
        yield from _between_values(f"{where} {name}", expected.get(name, _ABSENT), actual.get(name, _ABSENT))


def _by_position(values: Sequence[object]) -> dict[str, object]:
    return {str(number): value for number, value in enumerate(values, 1)}
