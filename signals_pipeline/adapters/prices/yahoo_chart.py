"""How Yahoo's chart API is requested, and checks of its responses, made before anything reads prices from them.

The field names and types below are those that yfinance reads. Requests and retries are in `chart_session`.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from signals_pipeline.adapters.http_client.json_values import is_array, is_object
from signals_pipeline.adapters.http_client.policy import RequestPolicy

# What must be there for prices to be read.
_QUOTE_FIELDS = ("open", "high", "low", "close", "volume")
_META_FIELDS = ("symbol", "exchangeTimezoneName", "instrumentType", "currency")
_EVENT_FIELDS = {"dividends": ("date", "amount"), "splits": ("date", "numerator", "denominator")}

# The exchange under which Yahoo files what is listed nowhere any more.
_DELISTED_EXCHANGE = "YHD"

# Maximum length of Yahoo's own error text in our messages.
_DESCRIPTION_CHARACTERS = 200


# A chart does not need the cookie: waiting longer for it only delays the prices. Seconds.
_COOKIE_TIMEOUT = 5.0


def chart_policy(
    *, deadline: float = 20.0, concurrency: int = 10, min_interval: float = 0.02, attempts: int = 3
) -> RequestPolicy:
    """How charts are requested.

    Args:
        deadline: Seconds until a response must be complete.
        concurrency: Maximum number of requests in progress at the same time.
        min_interval: Minimum seconds between the starts of two requests.
        attempts: Maximum number of attempts for one chart.
    """
    return RequestPolicy(
        concurrency=concurrency,
        min_interval=min_interval,
        timeout=min(deadline, _COOKIE_TIMEOUT),
        deadline=deadline,
        attempts=attempts,
        # Twice that of news: there are several news feeds, but prices have only this source.
        backoff=1.0,
    )


class ProblemKind(StrEnum):
    """What is wrong with a response."""

    UNKNOWN = "unknown"
    """Yahoo does not know the symbol."""
    EMPTY = "empty"
    """The response has no prices."""
    DELISTED = "delisted"
    """Yahoo lists the symbol no longer: HTTP 200 without an error, a currency and bars."""
    UNREADABLE = "unreadable"
    """There is no response, it is not JSON, or it is about another symbol."""
    DRIFT = "drift"
    """The format is not the one that this code reads."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a response gives no prices.

    Attributes:
        kind: What is wrong.
        text: The same for people, with what exactly is missing or wrong.
        transient: It may pass soon, although retries did not help.
    """

    kind: ProblemKind
    text: str
    transient: bool = False


def problem_of(body: bytes, content_type: str, symbol: str) -> Problem | None:
    """The first problem of a response; None where prices can be read from it.

    Args:
        body: The response body.
        content_type: Its `Content-Type`.
        symbol: The requested symbol, as Yahoo writes it.
    """
    try:
        content: object = json.loads(body)
    except ValueError:
        media_type = content_type.split(";", maxsplit=1)[0] or "untyped"
        return Problem(ProblemKind.UNREADABLE, f"the response is {media_type} of {len(body)} bytes, not JSON")

    chart = content.get("chart") if is_object(content) else None
    if not is_object(chart):
        return Problem(ProblemKind.DRIFT, "'chart' is missing")
    if chart.get("error"):
        return Problem(ProblemKind.UNKNOWN, _description(chart["error"]))

    if "result" not in chart:
        return Problem(ProblemKind.DRIFT, "'chart.result' is missing")
    results = chart["result"]
    if not results:
        return _no_prices()
    result = results[0] if is_array(results) else None
    if not is_object(result):
        return Problem(ProblemKind.DRIFT, "'chart.result' is not a list of objects")
    return _problem_of_result(result, symbol)


def times_without_volume(body: bytes) -> frozenset[int]:
    """The timestamps, in seconds, of sessions whose volume is null in a response that `problem_of` has accepted.

    yfinance makes 0 of a null volume, which would read as a session without trades.
    """
    result = json.loads(body)["chart"]["result"][0]
    volumes = result["indicators"]["quote"][0]["volume"]
    return frozenset(time for time, volume in zip(result["timestamp"], volumes, strict=True) if volume is None)


def _problem_of_result(result: Mapping[str, object], symbol: str) -> Problem | None:
    given_meta = result.get("meta")
    meta: Mapping[str, object] = given_meta if is_object(given_meta) else {}
    if _is_delisted(meta, result):
        text = "Yahoo lists it no longer (no currency, no bars); take it off the watchlist or give its successor"
        return Problem(ProblemKind.DELISTED, text)

    # Is it about the requested symbol?
    for name in _META_FIELDS:
        if not meta.get(name):
            return Problem(ProblemKind.DRIFT, f"'meta.{name}' is missing")
    if str(meta["symbol"]).upper() != symbol.upper():
        return Problem(ProblemKind.UNREADABLE, f"the response is about {meta['symbol']!r}")

    # Are there prices?
    indicators = result.get("indicators")
    quotes = indicators.get("quote") if is_object(indicators) else None
    quote = quotes[0] if is_array(quotes) and quotes else None
    if not is_object(quote):
        return Problem(ProblemKind.DRIFT, "'indicators.quote' is missing")
    timestamps = result.get("timestamp")
    if timestamps is None and not quote:
        return _no_prices()

    # Do times, prices and events have the types that are read?
    if not is_array(timestamps) or not all(isinstance(timestamp, int) for timestamp in timestamps):
        return Problem(ProblemKind.DRIFT, "'timestamp' is not a list of seconds")
    for text in _drifts_of_quote(quote, len(timestamps)):
        return Problem(ProblemKind.DRIFT, text)
    events = result.get("events")
    for text in _drifts_of_events(events if is_object(events) else {}):
        return Problem(ProblemKind.DRIFT, text)
    return None


def _is_delisted(meta: Mapping[str, object], result: Mapping[str, object]) -> bool:
    """Whether the response is what Yahoo says about a company that is listed no longer.

    A currency that is null rather than absent, or Yahoo's own exchange for such companies, tells it from a response in
    another format.
    """
    is_null = "currency" in meta and meta["currency"] is None
    is_filed_as_delisted = meta.get("exchangeName") == _DELISTED_EXCHANGE and not meta.get("currency")
    return (is_null or is_filed_as_delisted) and not result.get("timestamp")


def _drifts_of_quote(quote: Mapping[str, object], length: int) -> Iterator[str]:
    for name in _QUOTE_FIELDS:
        values = quote.get(name)
        if not is_array(values) or len(values) != length:
            yield f"'indicators.quote.{name}' is not a list as long as 'timestamp'"
        elif not all(value is None or isinstance(value, int | float) for value in values):
            yield f"'indicators.quote.{name}' contains a value that is not a number"


def _drifts_of_events(events: Mapping[str, object]) -> Iterator[str]:
    for kind, fields in _EVENT_FIELDS.items():
        events_of_kind = events.get(kind)
        if not is_object(events_of_kind):
            continue
        for event in events_of_kind.values():
            has_numbers = is_object(event) and all(isinstance(event.get(name), int | float) for name in fields)
            if not has_numbers:
                yield f"'events.{kind}' lacks one of {', '.join(fields)}"


def _description(error: object) -> str:
    """Yahoo's own words for an error, on one line."""
    description = error.get("description") if is_object(error) else error
    return " ".join(str(description).split())[:_DESCRIPTION_CHARACTERS]


def _no_prices() -> Problem:
    return Problem(ProblemKind.EMPTY, "the response has no prices")
