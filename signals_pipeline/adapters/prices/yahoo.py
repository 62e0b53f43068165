"""Daily bars, splits and dividends of Yahoo Finance through yfinance, as they were on their day.

Yahoo adjusts prices, volumes and dividends for every split up to the moment of the response, and lists the splits of
the requested interval. Requested up to now, a response contains what undoes its own adjustment (`as_traded`). Requests
are made through `chart_session`; what may be stored of a delivery is decided in `screening`.
"""

import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from signals_pipeline.adapters.http_client.policy import HostRateLimiter, RequestPolicy
from signals_pipeline.adapters.prices.live import BarDelivery
from signals_pipeline.adapters.prices.yahoo_chart import Problem, ProblemKind, chart_policy
from signals_pipeline.adapters.yfinance_module import yfinance_in
from signals_pipeline.core.prices.adjustment import BAR_COLUMNS, PRICES, as_traded, no_actions, no_bars

if TYPE_CHECKING:
    from signals_pipeline.adapters.prices.chart_session import ChartSession

# yfinance's columns, and what they are called here.
_BAR_COLUMNS = {"Open": "open", "High": "high", "Low": "low", "Close": "close", "Volume": "volume"}
_ACTION_KINDS = {"Stock Splits": "split", "Dividends": "dividend"}
_YFINANCE_COLUMNS = (*_BAR_COLUMNS, *_ACTION_KINDS)

# The vendor has told what it has of the symbol: nothing.
_ANSWERS = (ProblemKind.EMPTY, ProblemKind.DELISTED)

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
        """Everything from start to the day before end; what goes wrong with one symbol leaves the others alone.

        Args:
            symbols: Symbols as the watchlist writes them; Yahoo writes a share class with a hyphen, `BRK-B`.
            start: First date.
            end: The day after the last date. It must be after today, or splits are missed.
        """
        # curl_cffi is imported here, since recorded prices do without it.
        from signals_pipeline.adapters.prices.chart_session import ChartSession

        symbol_by_yahoo_name = {symbol.replace(".", "-"): symbol for symbol in symbols}
        with ChartSession(self._policy, rate_limiter=self._rate_limiter, base_url=self._base_url) as session:
            charts = self._charts(list(symbol_by_yahoo_name), session, start, end)
            requests_sent = session.data_requests

        # Each symbol has bars and actions, or a problem.
        bars: list[pd.DataFrame] = []
        actions: list[pd.DataFrame] = []
        problems: dict[str, Problem] = {}
        for yahoo_name, symbol in symbol_by_yahoo_name.items():
            chart = charts[yahoo_name]
            if isinstance(chart, Problem):
                problems[symbol] = chart
                continue
            symbol_bars, symbol_actions = _tidy(chart, symbol)
            if symbol_bars.empty:
                problems[symbol] = Problem(ProblemKind.EMPTY, "the response has no prices")
            bars.append(symbol_bars)
            actions.append(symbol_actions)
        return _delivery(symbols, _together(bars, no_bars()), _together(actions, no_actions()), problems, requests_sent)

    def _charts(
        self, yahoo_names: Sequence[str], session: "ChartSession", start: date, end: date
    ) -> dict[str, "pd.DataFrame | Problem"]:
        """What yfinance makes of each symbol's chart (one row per day), or why there is none."""
        threads = min(self._policy.concurrency, len(yahoo_names))
        with warnings.catch_warnings(), ThreadPoolExecutor(threads, thread_name_prefix="chart") as pool:
            yfinance = yfinance_in(self._cache_dir)  # its import sets a warnings filter of its own
            # yfinance uses pandas in ways that are deprecated; filters hold for its threads, too.
            warnings.simplefilter("ignore")

            # yfinance caches responses per process, failed ones included.
            yfinance.data.YfData(session=session).cache_get.cache_clear()

            # Without a stored time zone yfinance would send one more request per symbol, to interpret `start`.
            time_zones = yfinance.cache.get_tz_cache()
            for yahoo_name in yahoo_names:
                if time_zones.lookup(yahoo_name) is None:
                    time_zones.store(yahoo_name, _TIME_ZONE)

            def chart(yahoo_name: str) -> "pd.DataFrame | Problem":
                return self._chart(yfinance, yahoo_name, session, start, end)

            return dict(zip(yahoo_names, pool.map(chart, yahoo_names), strict=True))

    def _chart(
        self,
        yfinance: Any,  # noqa: ANN401
        yahoo_name: str,
        session: "ChartSession",
        start: date,
        end: date,
    ) -> "pd.DataFrame | Problem":
        """One symbol's chart, with a missing volume where the response has none."""
        try:
            # `download` would be shorter, but one symbol that it stumbles over takes the others along.
            frame = yfinance.Ticker(yahoo_name, session=session).history(
                start=start,
                end=end,
                timeout=self._policy.deadline,
                auto_adjust=False,
                actions=True,
                keepna=True,
            )
            problem = session.problems.get(yahoo_name)
            return problem or _with_missing_volumes(frame, session.times_without_volume[yahoo_name])
        except Exception as error:  # noqa: BLE001  # yfinance raises whatever a response makes it stumble over
            problem = session.problems.get(yahoo_name)
            return problem or Problem(ProblemKind.DRIFT, f"yfinance can't read it ({type(error).__name__}: {error})")


def _with_missing_volumes(chart: pd.DataFrame, times: frozenset[int]) -> pd.DataFrame:
    """The columns that are read, with a missing volume where the response had none: yfinance has filled it with 0.

    Args:
        chart: What yfinance made of a chart.
        times: Timestamps, in seconds, without a volume.
    """
    columns = chart[list(_YFINANCE_COLUMNS)].astype("float64")
    index = pd.DatetimeIndex(chart.index)
    days = pd.to_datetime(sorted(times), unit="s", utc=True).tz_convert(index.tz).normalize()
    return columns.assign(Volume=columns["Volume"].mask(index.isin(days)))


def _delivery(
    symbols: Sequence[str],
    bars: pd.DataFrame,
    actions: pd.DataFrame,
    problems: dict[str, Problem],
    requests_sent: int,
) -> BarDelivery:
    refused: dict[str, str] = {}
    unanswered: set[str] = set()
    for symbol, problem in problems.items():
        is_drift = problem.kind is ProblemKind.DRIFT
        refused[symbol] = f"the response has another format than expected: {problem.text}" if is_drift else problem.text
        if problem.kind not in _ANSWERS:
            unanswered.add(symbol)
    return BarDelivery(
        bars=bars,
        actions=actions,
        refused=refused,
        answered=frozenset(symbols) - unanswered,
        drifted=frozenset(symbol for symbol, problem in problems.items() if problem.kind is ProblemKind.DRIFT),
        calls=requests_sent,
        transient=any(problem.transient for problem in problems.values()),
    )


def _tidy(chart: pd.DataFrame, symbol: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars and actions of one symbol as they were on their day, one row each, oldest first.

    Args:
        chart: What yfinance made of the symbol's chart.
        symbol: The symbol as the watchlist writes it.

    Returns:
        Bars (BAR_COLUMNS) without rows that have no price at all, and actions (ACTION_COLUMNS).
    """
    symbol_and_session = pd.DataFrame({"session": pd.DatetimeIndex(chart.index).tz_localize(None).as_unit("us")})
    symbol_and_session.insert(0, "symbol", pd.Series(symbol, index=symbol_and_session.index, dtype="str"))
    prices_and_volume = {name: chart[column].to_numpy("float64") for column, name in _BAR_COLUMNS.items()}
    bars = symbol_and_session.assign(**prices_and_volume).dropna(subset=list(PRICES), how="all")

    # yfinance writes 0 on days without an action.
    actions: list[pd.DataFrame] = []
    for column, kind in _ACTION_KINDS.items():
        candidates = symbol_and_session.assign(kind=kind, value=chart[column].to_numpy("float64"))
        actions.append(candidates[candidates["value"].fillna(0) != 0])
    all_actions = pd.concat(actions).astype({"kind": "str"}).sort_values(["session", "kind"], ignore_index=True)
    return as_traded(bars[list(BAR_COLUMNS)].sort_values("session", ignore_index=True), all_actions)


def _together(frames: Sequence[pd.DataFrame], empty: pd.DataFrame) -> pd.DataFrame:
    """The rows of several symbols, by symbol and session; `empty` where there are none."""
    if not frames:
        return empty
    return pd.concat(frames, ignore_index=True).sort_values(["symbol", "session"], kind="stable", ignore_index=True)
