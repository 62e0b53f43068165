"""A server on loopback that answers as Tiingo's end-of-day API does, its unfriendly answers included.

Formats from tiingo.com/documentation/end-of-day; the refusals as users of its clients report them: JSON with `detail`
for an unknown symbol or a wrong token, and plain text with HTTP 200 where an allowance is used up.
"""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import date

import pandas as pd

from signals_pipeline_tests.support.vendor_server import Reply, Request, Vendor, vendor

KEY = "t" * 40
OVER_LIMIT = (
    b"You have run over your 500 symbol look up for this month. Please upgrade at https://api.tiingo.com/pricing to"
    b" have your limits increased."
)


def tiingo_rows(bars: pd.DataFrame, actions: pd.DataFrame) -> list[dict[str, object]]:
    """One symbol's sessions in Tiingo's form: raw values, and adjusted ones that nobody should read."""
    rows: list[dict[str, object]] = []
    for bar in bars.sort_values("session").to_dict("records"):
        told = {row["kind"]: row["value"] for row in actions.to_dict("records") if row["session"] == bar["session"]}
        row: dict[str, object] = {"date": f"{bar['session']:%Y-%m-%d}T00:00:00.000Z"}
        row |= {name: bar[name] for name in ("close", "high", "low", "open")} | {"volume": int(bar["volume"])}
        row |= {f"adj{name.title()}": 1.0 for name in ("close", "high", "low", "open", "volume")}
        rows.append(row | {"divCash": told.get("dividend", 0.0), "splitFactor": told.get("split", 1.0)})
    return rows


class TiingoServer:
    """What it knows of each symbol, as Tiingo writes it, and what it was asked."""

    def __init__(self, house: Vendor) -> None:
        self.house = house
        self.rows: dict[str, list[dict[str, object]]] = {}
        # In place of what the symbol's rows would give.
        self.replies: dict[str, Reply] = {}

    @property
    def origin(self) -> str:
        return self.house.origin

    @property
    def asked(self) -> list[str]:
        """The symbols that were asked for, in order of arrival."""
        return [request.path.split("/")[3] for request in self.house.requests]

    def says(self, symbol: str, rows: list[dict[str, object]]) -> None:
        self.rows[symbol] = rows
        self.house.routes[f"/tiingo/daily/{symbol}/prices"] = self._answer

    def replies_with(self, symbol: str, reply: Reply) -> None:
        self.replies[symbol] = reply
        self.house.routes[f"/tiingo/daily/{symbol}/prices"] = self._answer

    def _answer(self, request: Request) -> Reply:
        symbol = request.path.split("/")[3]
        if request.headers.get("Authorization") != f"Token {KEY}":
            return refusal(401, "Invalid token.")
        if symbol in self.replies:
            return self.replies[symbol]
        first, last = (date.fromisoformat(request.query[name]) for name in ("startDate", "endDate"))
        rows = [row for row in self.rows[symbol] if first <= date.fromisoformat(str(row["date"])[:10]) <= last]
        return Reply(json.dumps(rows).encode())


def refusal(status: int, detail: str, headers: Mapping[str, str] | None = None) -> Reply:
    """A refusal as JSON."""
    body = json.dumps({"detail": detail}).encode()
    return Reply(body, status=status, headers=tuple((headers or {}).items()))


@contextmanager
def tiingo_server() -> Iterator[TiingoServer]:
    """A running server, ended with the block; it knows no symbol, and answers 404 for what it does not know."""
    with vendor() as house:
        yield TiingoServer(house)
