"""Daily bars, splits and dividends of Tiingo's end-of-day API: the source that takes over while the usual one fails.

Tiingo delivers prices and volumes as traded, dividends as paid and split factors by ex-date, beside adjusted values
that are not read here; so nothing has to be undone. Format, from tiingo.com/documentation/end-of-day: an array with one
object per session. Its refusals are not in that format: plain text with HTTP 200 where an allowance is used up, JSON
with `detail` otherwise. When this source is asked is decided in `live`.
"""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from urllib.parse import quote

import pandas as pd

from signals_pipeline.adapters.http_client.client import HttpClient, Response
from signals_pipeline.adapters.http_client.json_values import is_array, is_object
from signals_pipeline.adapters.http_client.policy import HostRateLimiter, RequestPolicy, TransientError
from signals_pipeline.adapters.prices.live import BarDelivery
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.core.prices.adjustment import ACTION_COLUMNS, BAR_COLUMNS, no_actions, no_bars

TIINGO_ORIGIN = "https://api.tiingo.com"

# What must be in each row, as numbers.
_BAR_FIELDS = ("open", "high", "low", "close", "volume")
_ACTION_FIELDS = ("divCash", "splitFactor")

# After this many symbols in a row without an answer, the allowance is used up or the vendor is down.
_GIVE_UP_AFTER = 3

# Maximum length of Tiingo's own words in our messages.
_REASON_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class _Failure:
    """Why a symbol has no bars.

    Attributes:
        text: The reason for people.
        is_answer: Tiingo has told what it has of the symbol: nothing.
        is_drift: The response has another format.
        is_refusal: It is about the key or an allowance: other symbols would be refused, too.
        transient: It may pass soon.
    """

    text: str
    is_answer: bool = False
    is_drift: bool = False
    is_refusal: bool = False
    transient: bool = False


class TiingoPrices:
    """Tiingo as a vendor of daily bars.

    Args:
        key: API token; it is sent in a header and used nowhere else.
        policy: Limits, timeouts and retries.
        rate_limiter: The limiter; None: one of its own.
        origin: Where to send the requests instead of Tiingo's host, for tests.
    """

    name = "tiingo"

    def __init__(
        self,
        key: str,
        *,
        policy: RequestPolicy,
        rate_limiter: HostRateLimiter | None = None,
        origin: str = TIINGO_ORIGIN,
    ) -> None:
        self._key = key
        self._policy = policy
        self._rate_limiter = rate_limiter
        self._origin = origin

    def fetch(self, symbols: Sequence[str], start: date, end: date) -> BarDelivery:
        """Everything from start to the day before end; what goes wrong with one symbol leaves the others alone.

        Args:
            symbols: Symbols as the watchlist writes them; Tiingo writes a share class with a hyphen, `BRK-B`.
            start: First date.
            end: The day after the last date.
        """
        http = HttpClient(self._policy, user_agent="signals-pipeline", rate_limiter=self._rate_limiter)
        http.session.headers["Authorization"] = f"Token {self._key}"
        asking = _Asking(http, self._origin, start, end - timedelta(days=1))
        try:
            with ThreadPoolExecutor(self._policy.concurrency, thread_name_prefix="tiingo") as pool:
                results = list(pool.map(asking.ask, symbols))
        finally:
            http.close()

        bars: list[pd.DataFrame] = []
        actions: list[pd.DataFrame] = []
        failures: dict[str, _Failure] = {}
        for symbol, result in zip(symbols, results, strict=True):
            if isinstance(result, _Failure):
                failures[symbol] = result
            else:
                bars.append(result[0])
                actions.append(result[1])
        return BarDelivery(
            bars=_together(bars, no_bars()),
            actions=_together(actions, no_actions()),
            refused={symbol: failure.text for symbol, failure in failures.items()},
            answered=frozenset(symbol for symbol in symbols if symbol not in failures or failures[symbol].is_answer),
            drifted=frozenset(symbol for symbol, failure in failures.items() if failure.is_drift),
            calls=http.requests_sent,
            transient=any(failure.transient for failure in failures.values()),
        )


class _Asking:
    """The requests of one delivery; once Tiingo refuses them, no further one is sent.

    Args:
        http: The client.
        origin: Scheme and host.
        first: First date.
        last: Last date, included.
    """

    def __init__(self, http: HttpClient, origin: str, first: date, last: date) -> None:
        self._http = http
        self._origin = origin
        self._query = f"startDate={first.isoformat()}&endDate={last.isoformat()}"
        self._failures_in_a_row = 0
        # Why no further request is sent; empty as long as requests are sent.
        self._stop_reason = ""

    def ask(self, symbol: str) -> tuple[pd.DataFrame, pd.DataFrame] | _Failure:
        """Bars and actions of a symbol, or why there are none."""
        if self._stop_reason:
            return _Failure(f"not requested: {self._stop_reason}")
        name = quote(symbol.replace(".", "-"), safe="")
        try:
            response = self._http.get(f"{self._origin}/tiingo/daily/{name}/prices?{self._query}")
            result = _read(response, symbol)
        except TransientError as error:
            result = _Failure(str(error), transient=error.to_source_error().transient)
        except SourceError as error:
            result = _Failure(str(error))

        # An answer about the symbol, also that there is none, shows that requests are served.
        is_served = not isinstance(result, _Failure) or result.is_answer or result.is_drift
        self._failures_in_a_row = 0 if is_served else self._failures_in_a_row + 1
        if isinstance(result, _Failure) and (result.is_refusal or self._failures_in_a_row >= _GIVE_UP_AFTER):
            self._stop_reason = result.text
        return result


def _read(response: Response, symbol: str) -> tuple[pd.DataFrame, pd.DataFrame] | _Failure:
    """Bars and actions of a response, or what is wrong with it.

    Raises:
        SourceError: the response is not JSON.
    """
    status = response.status_code
    if status in {401, 403}:
        return _Failure(f"Tiingo refuses the key (HTTP {status}): correct TIINGO_KEY", is_refusal=True)
    if status == 404:
        return _Failure("Tiingo does not know the symbol", is_answer=True)
    if status == 200 and response.content_type != "application/json":
        # It says with HTTP 200, in plain text, that an allowance of the plan is used up.
        words = " ".join(response.body.decode("utf-8", "replace").split())[:_REASON_CHARACTERS]
        kind = response.content_type or "untyped text"
        return _Failure(f"Tiingo answers with {kind} instead of prices: {words!r}", is_refusal=True)
    if status != 200:
        return _Failure(f"{response.location} returned HTTP {status}")

    rows = response.json()
    if not is_array(rows):
        return _Failure("the response has another format than expected: it is not a list", is_drift=True)
    if not rows:
        return _Failure("the response has no prices", is_answer=True)
    sessions: list[date] = []
    values: list[list[float]] = []
    for row in rows:
        problem = _problem_of_row(row)
        if problem or not is_object(row):
            return _Failure(f"the response has another format than expected: {problem}", is_drift=True)
        sessions.append(date.fromisoformat(str(row["date"])[:10]))
        values.append([_number(row[name]) for name in (*_BAR_FIELDS, *_ACTION_FIELDS)])
    return _frames(symbol, sessions, values)


def _problem_of_row(row: object) -> str:
    """What is wrong with a row; empty where it can be read."""
    if not is_object(row):
        return "a row is no object"
    try:
        date.fromisoformat(str(row.get("date"))[:10])
    except ValueError:
        return f"'date' is {str(row.get('date'))[:20]!r}"
    for name in (*_BAR_FIELDS, *_ACTION_FIELDS):
        if name not in row:
            return f"'{name}' is missing"
        value = row[name]
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | float)):
            return f"'{name}' is {str(value)[:20]!r}"
    return ""


def _number(value: object) -> float:
    """A number of a row that has no problem; missing where it is null."""
    return float(value) if isinstance(value, int | float) else math.nan


def _frames(symbol: str, sessions: list[date], values: list[list[float]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Bars (BAR_COLUMNS) and actions (ACTION_COLUMNS) of one symbol, one row each, oldest first."""
    frame = pd.DataFrame(values, columns=[*_BAR_FIELDS, *_ACTION_FIELDS], dtype="float64")
    frame.insert(0, "session", pd.to_datetime(sessions).astype("datetime64[us]"))
    frame.insert(0, "symbol", pd.Series(symbol, index=frame.index, dtype="str"))
    frame = frame.sort_values("session", kind="stable").drop_duplicates("session", keep="last")

    # Every session has a factor of 1 and a dividend of 0 where nothing happens.
    splits = frame.loc[frame["splitFactor"].fillna(1.0) != 1.0]
    dividends = frame.loc[frame["divCash"].fillna(0.0) != 0.0]
    parts = [
        dividends.assign(kind="dividend", value=dividends["divCash"]),
        splits.assign(kind="split", value=splits["splitFactor"]),
    ]
    actions = pd.concat(parts)[list(ACTION_COLUMNS)].astype({"kind": "str"})
    return frame[list(BAR_COLUMNS)].reset_index(drop=True), actions.sort_values(["session", "kind"], ignore_index=True)


def _together(frames: Sequence[pd.DataFrame], empty: pd.DataFrame) -> pd.DataFrame:
    """The rows of several symbols, by symbol and session; `empty` where there are none."""
    if not frames:
        return empty
    return pd.concat(frames, ignore_index=True).sort_values(["symbol", "session"], kind="stable", ignore_index=True)
