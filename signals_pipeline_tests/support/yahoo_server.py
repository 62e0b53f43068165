"""A server on loopback that answers as Yahoo's chart API does: recorded answers, and every way to fail."""

import copy
import json
import socket
import struct
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Literal
from urllib.parse import parse_qs, unquote, urlsplit

import pandas as pd

RECORDED = Path(__file__).parents[1] / "data" / "yahoo"
_CHART = "/v8/finance/chart/"
_CALENDAR = "/v10/finance/quoteSummary/"


def recorded(symbol: str) -> dict[str, Any]:
    """A recorded answer, to be changed at will."""
    return json.loads((RECORDED / f"{symbol}.json").read_text(encoding="utf-8"))


def recorded_calendar(symbol: str) -> dict[str, Any]:
    """A recorded answer about a company's calendar, to be changed at will."""
    return json.loads((RECORDED / f"calendar-{symbol}.json").read_text(encoding="utf-8"))


def calendar_of(*days: str, estimated: bool = False) -> dict[str, Any]:
    """An answer that lists these instants (ISO)."""
    seconds = [int(pd.Timestamp(each).timestamp()) for each in days]
    earnings = {"earningsDate": seconds, "isEarningsDateEstimate": estimated}
    return {"quoteSummary": {"result": [{"calendarEvents": {"maxAge": 1, "earnings": earnings}}], "error": None}}


def named(answer: dict[str, Any], symbol: str) -> dict[str, Any]:
    """The answer as if about another symbol."""
    other = copy.deepcopy(answer)
    other["chart"]["result"][0]["meta"]["symbol"] = symbol
    return other


def charted(symbol: str, bars: pd.DataFrame, actions: Mapping[str, tuple[str, float]]) -> dict[str, Any]:
    """An answer with these bars (date, open, high, low, close, volume) and actions by ISO date."""
    opened = pd.to_datetime(bars["date"]) + pd.Timedelta(hours=14, minutes=30)
    quote = {name: bars[name].tolist() for name in ("open", "high", "low", "close", "volume")}
    events: dict[str, dict[str, Any]] = {"splits": {}, "dividends": {}}
    for day, (kind, value) in actions.items():
        seconds = int(pd.Timestamp(f"{day}T14:30Z").timestamp())
        said = {"numerator": value, "denominator": 1} if kind == "split" else {"amount": value}
        events[f"{kind}s"][str(seconds)] = {"date": seconds, **said}
    meta = {"symbol": symbol, "exchangeTimezoneName": "America/New_York", "instrumentType": "EQUITY", "currency": "USD"}
    result = {
        "meta": meta | {"validRanges": ["max"], "priceHint": 2},
        "timestamp": (opened.astype("datetime64[s]").astype("int64")).tolist(),
        "events": events,
        "indicators": {"quote": [quote], "adjclose": [{"adjclose": quote["close"]}]},
    }
    return {"chart": {"result": [result], "error": None}}


UNKNOWN = {
    "chart": {
        "result": None,
        "error": {"code": "Not Found", "description": "No data found, symbol may be delisted"},
    }
}


@dataclass(frozen=True)
class Answer:
    """One answer: its status, headers and body, and how it is sent."""

    body: Any = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    kind: str = "application/json"
    sent: Literal["whole", "truncated", "dripping", "reset"] = "whole"

    @property
    def content(self) -> bytes:
        """The body as bytes."""
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


class YahooServer:
    """What the server answers for each symbol (the last answer stays) and other page, and what it was asked."""

    def __init__(self) -> None:
        self.script: dict[str, list[Answer]] = {}
        self.pages: dict[str, Answer] = {}
        self.visits: list[tuple[str, dict[str, str]]] = []
        self.asked: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
        self.url = ""
        self.delay = 0.0  # seconds until an answer begins
        self.gate: Callable[[], object] = lambda: None  # what each chart waits for
        self.date: str | None = None  # its own `Date` in place of the true one
        self.closing = Event()
        self._lock = Lock()

    def says(self, symbol: str, *answers: Answer) -> None:
        """Answer so for a symbol, one after another."""
        self.script[symbol] = list(answers)

    def announces(self, symbol: str, *answers: Answer) -> None:
        """Answer so about a symbol's calendar, one after another."""
        self.script[_CALENDAR + symbol] = list(answers)

    def next(self, symbol: str, query: dict[str, str]) -> Answer:
        """The answer that is due."""
        with self._lock:
            self.asked[symbol].append(query)
            answers = self.script.get(symbol, [Answer(UNKNOWN, status=404)])
            return answers.pop(0) if len(answers) > 1 else answers[0]

    @property
    def calls(self) -> int:
        """Charts asked for."""
        return sum(len(found) for found in self.asked.values())


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, state: YahooServer) -> None:
        self.state = state
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        parts, state = urlsplit(self.path), self.server.state
        if not parts.path.startswith((_CHART, _CALENDAR)):
            state.visits.append((self.path, dict(self.headers)))
            self.reply(state.pages.get(parts.path, Answer(b"crumb", kind="text/plain")), state)
            return
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        state.gate()
        self.reply(state.next(unquote(parts.path.removeprefix(_CHART)), query), state)

    do_HEAD = do_GET  # noqa: N815
    do_PUT = do_GET  # noqa: N815

    def reply(self, answer: Answer, state: YahooServer) -> None:
        state.closing.wait(state.delay)
        if answer.sent == "reset":
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
            self.close_connection = True
            return
        self.send_response(answer.status)
        headers = {"Content-Type": answer.kind, "Content-Length": str(len(answer.content)), **answer.headers}
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        whole = answer.sent == "whole"
        if self.command == "HEAD":
            return
        self.close_connection = not whole
        self.wfile.write(answer.content if whole else answer.content[: len(answer.content) // 2])
        while answer.sent == "dripping" and not state.closing.wait(0.05):
            try:
                self.wfile.write(b" ")
            except OSError:  # the client has given up, as it should
                return

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The `Date` that the test chose, or the true one."""
        assert isinstance(self.server, _Server)
        chosen = self.server.state.date
        return super().date_time_string(timestamp) if chosen is None else chosen

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def yahoo_server() -> Iterator[YahooServer]:
    """A running server, ended at the end."""
    state = YahooServer()
    server = _Server(state)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield state
    finally:
        state.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
