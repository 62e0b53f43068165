"""Daily bars, splits and dividends of Yahoo Finance through yfinance, as they were on their day.

Yahoo adjusts prices, volumes and dividends for every split up to the moment of the answer, and lists the splits of the
interval asked for. Asked for up to now, an answer holds what undoes its own adjustment.
"""

import warnings
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd

from signals_pipeline.adapters.prices.live import BarDelivery
from signals_pipeline.adapters.prices.pacing import Pacer
from signals_pipeline.adapters.prices.yahoo_chart import Problem
from signals_pipeline.adapters.yfinance_module import yfinance_in
from signals_pipeline.core.prices.adjustment import BAR_COLUMNS, as_traded

_COLUMNS = dict(zip(("Open", "High", "Low", "Close", "Volume"), BAR_COLUMNS[2:], strict=True))
_ACTIONS = {"Stock Splits": "split", "Dividends": "dividend"}
_ZONE = "America/New_York"


class YahooPrices:
    """Yahoo Finance as a vendor of daily bars.

    Args:
        cache_dir: Where yfinance keeps what it knows of symbols.
        timeout: Seconds until an answer must be complete.
        concurrency: Calls at once.
        pacer: Makes the shared politeness; one a fetch.
        base_url: Where to send the calls instead of Yahoo's hosts, for tests.
    """

    name = "yahoo"

    def __init__(
        self,
        *,
        cache_dir: Path,
        timeout: float = 20.0,
        concurrency: int = 10,
        pacer: Callable[[], Pacer] = lambda: Pacer(0.02),
        base_url: str = "",
    ) -> None:
        self._cache_dir, self._timeout, self._concurrency = cache_dir, timeout, concurrency
        self._pacer, self._base_url = pacer, base_url

    def fetch(self, symbols: Sequence[str], start: date, end: date) -> BarDelivery:
        """Everything from start to the day before end; `end` must lie after today, or splits are missed.

        A share class that others write with a dot is asked for as Yahoo writes it, `BRK-B`.
        """
        from signals_pipeline.adapters.prices.yahoo_session import ChartSession

        session = ChartSession(timeout=self._timeout, pacer=self._pacer(), base_url=self._base_url)
        theirs = {symbol.replace(".", "-"): symbol for symbol in symbols}
        with session:
            frame = self._download(list(theirs), session, start, end)
        for name in set(theirs) - set(session.problems) - _whole(frame):
            session.problems[name] = Problem("drift", "yfinance can't read the answer")
        bars, actions = _tidy(frame, {name: symbol for name, symbol in theirs.items() if name not in session.problems})
        traded, paid = as_traded(bars, actions)
        problems = {theirs[name]: problem for name, problem in session.problems.items()}
        for symbol in sorted(set(symbols) - set(bars["symbol"]) - set(problems)):
            problems[symbol] = Problem("empty", "no prices in the answer")
        drift = [f"{symbol}: {problem.text}" for symbol, problem in problems.items() if problem.kind == "drift"]
        return BarDelivery(
            bars=traded,
            actions=paid,
            refused={symbol: problem.text for symbol, problem in problems.items()},
            answered=frozenset(symbols) - {name for name, each in problems.items() if each.kind != "empty"},
            drift=drift[0] if drift else "",
            calls=session.calls,
            transient=any(problem.transient for problem in problems.values()),
        )

    def _download(self, names: list[str], session: object, start: date, end: date) -> pd.DataFrame:
        with warnings.catch_warnings():
            yfinance = yfinance_in(self._cache_dir)  # sets a filter of its own
            warnings.simplefilter("ignore")  # what it does with pandas; filters hold for its threads, too
            # yfinance's `threads` changes nothing once its pool is made, of as many threads as the machine has CPUs.
            yfinance.multi._multitasking.createPool(threads=min(self._concurrency, len(names)))  # noqa: SLF001
            # A failed answer is kept in the process, and would be given again.
            yfinance.data.YfData(session=session).cache_get.cache_clear()
            zones = yfinance.cache.get_tz_cache()
            for name in names:
                if zones.lookup(name) is None:
                    zones.store(name, _ZONE)  # else yfinance asks for each symbol's zone, to read `start` in it
            return yfinance.download(
                names,
                start=start,
                end=end,
                session=session,
                threads=min(self._concurrency, len(names)),
                timeout=self._timeout,
                auto_adjust=False,
                actions=True,
                keepna=True,
                group_by="ticker",
                progress=False,
            )


def _tidy(frame: pd.DataFrame, theirs: dict[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars and actions, one row each, of symbols as the watchlist writes them; rows without any price left out."""
    days = pd.DatetimeIndex(frame.index).tz_localize(None).astype("datetime64[us]").to_numpy()
    values = _by_column(frame, list(theirs), (*_COLUMNS, *_ACTIONS))
    long = pd.DataFrame(
        {
            "symbol": pd.Series(np.repeat(list(theirs.values()), len(days)), dtype="str"),
            "session": np.tile(days, len(theirs)).astype("datetime64[us]"),
            **{name: values[column] for column, name in _COLUMNS.items()},
        }
    )
    bars = long.dropna(subset=["open", "high", "low", "close"], how="all")
    actions = []
    for column, kind in _ACTIONS.items():
        happened = long[["symbol", "session"]].assign(kind=kind, value=values[column])
        actions.append(happened[happened["value"].fillna(0) != 0])
    paid = pd.concat(actions).astype({"kind": "str"})
    return (
        bars[list(BAR_COLUMNS)].sort_values(["symbol", "session"], ignore_index=True),
        paid.sort_values(["symbol", "session", "kind"], ignore_index=True),
    )


def _whole(frame: pd.DataFrame) -> set[str]:
    """Symbols with every column; where yfinance stumbled over an answer, some are not there."""
    found = set(frame.columns)
    names = {name for name, _ in found}
    return {name for name in names if all((name, column) in found for column in (*_COLUMNS, *_ACTIONS))}


def _by_column(frame: pd.DataFrame, names: Sequence[str], columns: Sequence[str]) -> dict[str, np.ndarray]:
    """Columns of all these symbols, one symbol after another: by column, shape (symbols x days,), float64."""
    wanted = frame[[(name, column) for column in columns for name in names]]  # once: choosing is what takes long
    values = wanted.to_numpy(dtype="float64").reshape(len(frame), len(columns), len(names))
    return {column: values[:, at].T.ravel() for at, column in enumerate(columns)}
