"""What is wrong with an answer of Yahoo's chart API, looked at before anything reads prices from it."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

_QUOTES = ("open", "high", "low", "close", "volume")
_META = ("symbol", "exchangeTimezoneName", "instrumentType", "currency")
_EVENTS = {"dividends": ("date", "amount"), "splits": ("date", "numerator", "denominator")}


@dataclass(frozen=True, slots=True)
class Problem:
    """Why an answer gives no prices.

    Attributes:
        kind: `unknown` symbol, `empty` of prices, `unreadable` (no JSON, or no answer to this question), or `drift`:
            the format is not the one that this code reads.
        text: In words.
        passing: It may heal by itself soon, though it was asked for again already.
    """

    kind: Literal["unknown", "empty", "unreadable", "drift"]
    text: str
    transient: bool = False


def problem_of(body: bytes, content_type: str, symbol: str) -> Problem | None:
    """The first problem of an answer; None where it can be read.

    Args:
        body: The answer.
        content_type: Its `Content-Type`.
        symbol: The symbol asked for, as Yahoo writes it.
    """
    try:
        answer = json.loads(body)
    except ValueError:
        said = content_type.split(";", maxsplit=1)[0] or "nothing"
        return Problem("unreadable", f"the answer is {said} of {len(body)} bytes, not JSON")
    chart = answer.get("chart") if isinstance(answer, dict) else None
    if not isinstance(chart, dict):
        return Problem("drift", "'chart' is missing")
    if chart.get("error"):
        return Problem("unknown", _described(chart["error"]))
    results = chart.get("result")
    if not results:
        missing = Problem("drift", "'chart.result' is missing")
        return Problem("empty", "no prices in the answer") if "result" in chart else missing
    return _problem_of_result(results[0], symbol)


def _described(error: object) -> str:
    found = error.get("description") if isinstance(error, dict) else error
    return " ".join(str(found).split())[:200]


def _problem_of_result(result: Mapping[str, Any], symbol: str) -> Problem | None:
    meta = result.get("meta") or {}
    missing = [name for name in _META if not meta.get(name)]
    if missing:
        return Problem("drift", f"'meta.{missing[0]}' is missing")
    if str(meta["symbol"]).upper() != symbol.upper():
        return Problem("unreadable", f"the answer is about {meta['symbol']!r}")
    quotes = (result.get("indicators") or {}).get("quote")
    if not isinstance(quotes, list) or not quotes:
        return Problem("drift", "'indicators.quote' is missing")
    times = result.get("timestamp")
    if times is None and not quotes[0]:
        return Problem("empty", "no prices in the answer")
    if not isinstance(times, list) or not all(isinstance(at, int) for at in times):
        return Problem("drift", "'timestamp' is not a list of seconds")
    wrong = next(iter((*_quote_drifts(quotes[0], len(times)), *_event_drifts(result.get("events") or {}))), None)
    return Problem("drift", wrong) if wrong else None


def _quote_drifts(quote: Mapping[str, Any], length: int) -> Iterator[str]:
    for name in _QUOTES:
        values = quote.get(name)
        if not isinstance(values, list) or len(values) != length:
            yield f"'indicators.quote.{name}' is not a list as long as 'timestamp'"
        elif not all(value is None or isinstance(value, int | float) for value in values):
            yield f"'indicators.quote.{name}' holds something that is no number"


def _event_drifts(events: Mapping[str, Any]) -> Iterator[str]:
    for kind, fields in _EVENTS.items():
        for event in (events.get(kind) or {}).values():
            if not all(isinstance(event.get(field), int | float) for field in fields):
                yield f"'events.{kind}' lacks one of {', '.join(fields)}"
