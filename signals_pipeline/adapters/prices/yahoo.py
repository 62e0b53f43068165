"""Daily bars, splits and dividends of Yahoo Finance through yfinance, as they were on their day.

Yahoo adjusts prices, volumes and dividends for every split up to the moment of the response, and lists the splits of
the requested interval. Requested up to now, a response contains what undoes its own adjustment (`as_traded`). Requests
are made through `yahoo_session`; what may be stored of a delivery is decided in `screening`.
"""

import warnings
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.adapters.http_client.policy import HostRateLimiter, RequestPolicy
from signals_pipeline.adapters.prices.live import BarDelivery
from signals_pipeline.adapters.prices.yahoo_chart import Problem, ProblemKind, chart_policy
from signals_pipeline.adapters.yfinance_module import yfinance_in
from signals_pipeline.core.prices.adjustment import BAR_COLUMNS, PRICES, as_traded

# yfinance's columns, and what they are called here.
_BAR_COLUMNS = {"Open": "open", "High": "high", "Low": "low", "Close": "close", "Volume": "volume"}
_ACTION_KINDS = {"Stock Splits": "split", "Dividends": "dividend"}
_YFINANCE_COLUMNS = (*_BAR_COLUMNS, *_ACTION_KINDS)

# The zone in which yfinance interprets the first date: that of the exchanges in New York.
_TIME_ZONE = "America/New_York"


class YahooPrices:
    """Yahoo Finance as a vendor of daily bars.

    Args:
        cache_dir: Where yfinance caches what it knows of symbols.
        policy: Limits, timeouts and retries, as `chart_policy` gives them; None: its defaults.
        rate_limiter: The limiter; None: one of its own.
        base_url: Where to send the requests instead of Yahoo's hosts, for tests.
    """

    name = "yahoo"

    def __init__(
        self,
        *,
        cache_dir: Path,
        policy: RequestPolicy | None = None,
        rate_limiter: HostRateLimiter | None = None,
        base_url: str = "",
    ) -> None:
        self._cache_dir = cache_dir
        self._policy = policy or chart_policy()
        self._rate_limiter = rate_limiter or HostRateLimiter(self._policy)
        self._base_url = base_url

    def fetch(self, symbols: Sequence[str], start: date, end: date) -> BarDelivery:
        """Everything from start to the day before end.

        Args:
            symbols: Symbols as the watchlist writes them; Yahoo writes a share class with a hyphen, `BRK-B`.
            start: First date.
            end: The day after the last date. It must be after today, or splits are missed.
        """
        # curl_cffi is imported here, since recorded prices do without it.
        from signals_pipeline.adapters.prices.yahoo_session import ChartSession

        symbol_by_yahoo_name = {symbol.replace(".", "-"): symbol for symbol in symbols}
        with ChartSession(self._policy, rate_limiter=self._rate_limiter, base_url=self._base_url) as session:
            frame = self._download(list(symbol_by_yahoo_name), session, start, end)
            problem_by_yahoo_name = session.problems
            requests_sent = session.data_requests

        # Where yfinance stumbled over a response that our checks accepted, columns are missing.
        for yahoo_name in symbol_by_yahoo_name:
            if yahoo_name not in problem_by_yahoo_name and not _has_all_columns(frame, yahoo_name):
                problem_by_yahoo_name[yahoo_name] = Problem(ProblemKind.DRIFT, "yfinance can't read the response")

        readable = {
            yahoo_name: symbol
            for yahoo_name, symbol in symbol_by_yahoo_name.items()
            if yahoo_name not in problem_by_yahoo_name
        }
        bars, actions = _tidy(frame, readable)
        bars, actions = as_traded(bars, actions)

        # A readable response without any price is a problem, too.
        problems = {symbol_by_yahoo_name[name]: problem for name, problem in problem_by_yahoo_name.items()}
        for symbol in sorted(set(symbols) - set(bars["symbol"]) - set(problems)):
            problems[symbol] = Problem(ProblemKind.EMPTY, "the response has no prices")
        return _delivery(symbols, bars, actions, problems, requests_sent)

    def _download(self, yahoo_names: list[str], session: object, start: date, end: date) -> pd.DataFrame:
        """What `yfinance.download` makes of the charts: one column per symbol and field, one row per day."""
        threads = min(self._policy.concurrency, len(yahoo_names))
        with warnings.catch_warnings():
            yfinance = yfinance_in(self._cache_dir)  # its import sets a warnings filter of its own
            # yfinance uses pandas in ways that are deprecated; filters hold for its threads, too.
            warnings.simplefilter("ignore")

            # `threads` below has no effect once yfinance's thread pool exists, which has one thread per CPU: so the
            # pool is created here (yfinance 1.7, multi.py).
            yfinance.multi._multitasking.createPool(threads=threads)  # noqa: SLF001

            # yfinance caches responses per process, failed ones included.
            yfinance.data.YfData(session=session).cache_get.cache_clear()

            # Without a stored time zone yfinance would send one more request per symbol, to interpret `start`.
            time_zones = yfinance.cache.get_tz_cache()
            for yahoo_name in yahoo_names:
                if time_zones.lookup(yahoo_name) is None:
                    time_zones.store(yahoo_name, _TIME_ZONE)

            return yfinance.download(
                yahoo_names,
                start=start,
                end=end,
                session=session,
                threads=threads,
                timeout=self._policy.deadline,
                auto_adjust=False,
                actions=True,
                keepna=True,
                group_by="ticker",
                progress=False,
            )


def _delivery(
    symbols: Sequence[str],
    bars: pd.DataFrame,
    actions: pd.DataFrame,
    problems: dict[str, Problem],
    requests_sent: int,
) -> BarDelivery:
    refused: dict[str, str] = {}
    unanswered: set[str] = set()
    drift = ""
    for symbol, problem in problems.items():
        refused[symbol] = problem.text
        if problem.kind is not ProblemKind.EMPTY:
            unanswered.add(symbol)
        if problem.kind is ProblemKind.DRIFT and not drift:
            drift = f"{symbol}: {problem.text}"
    return BarDelivery(
        bars=bars,
        actions=actions,
        refused=refused,
        answered=frozenset(symbols) - unanswered,
        drift=drift,
        calls=requests_sent,
        transient=any(problem.transient for problem in problems.values()),
    )


def _has_all_columns(frame: pd.DataFrame, yahoo_name: str) -> bool:
    return all((yahoo_name, column) in frame.columns for column in _YFINANCE_COLUMNS)


def _tidy(frame: pd.DataFrame, symbol_by_yahoo_name: dict[str, str]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars and actions, one row each.

    Args:
        frame: What `yfinance.download` returned.
        symbol_by_yahoo_name: The symbols to take, as the watchlist writes them, by the names that Yahoo uses.

    Returns:
        Bars (BAR_COLUMNS) without rows that have no price at all, and actions (ACTION_COLUMNS), both sorted.
    """
    days = pd.DatetimeIndex(frame.index).tz_localize(None).astype("datetime64[us]").to_numpy()
    values = _values_by_column(frame, list(symbol_by_yahoo_name))

    # One row per symbol and day, one symbol after another.
    symbols = list(symbol_by_yahoo_name.values())
    symbol_column = pd.Series(np.repeat(symbols, len(days)), dtype="str")
    session_column = np.tile(days, len(symbols)).astype("datetime64[us]")
    symbol_and_session = pd.DataFrame({"symbol": symbol_column, "session": session_column})
    prices_and_volume = {name: values[column] for column, name in _BAR_COLUMNS.items()}
    bars = symbol_and_session.assign(**prices_and_volume).dropna(subset=list(PRICES), how="all")

    # yfinance writes 0 on days without an action.
    actions: list[pd.DataFrame] = []
    for column, kind in _ACTION_KINDS.items():
        candidates = symbol_and_session.assign(kind=kind, value=values[column])
        actions.append(candidates[candidates["value"].fillna(0) != 0])
    all_actions = pd.concat(actions).astype({"kind": "str"})

    return (
        bars[list(BAR_COLUMNS)].sort_values(["symbol", "session"], ignore_index=True),
        all_actions.sort_values(["symbol", "session", "kind"], ignore_index=True),
    )


def _values_by_column(frame: pd.DataFrame, yahoo_names: Sequence[str]) -> dict[str, NDArray[np.float64]]:
    """The values of each of yfinance's columns, shape (symbols x days,), one symbol after another."""
    # All columns are selected in one go, since the selection takes most of the time.
    selection = [(yahoo_name, column) for column in _YFINANCE_COLUMNS for yahoo_name in yahoo_names]
    table = frame[selection].to_numpy(dtype="float64")
    cube = table.reshape(len(frame), len(_YFINANCE_COLUMNS), len(yahoo_names))
    return {column: cube[:, position].T.ravel() for position, column in enumerate(_YFINANCE_COLUMNS)}
