"""Vendors in a process of their own, as real ones are: what they cost is not in the figures of those who ask them."""

import multiprocessing
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing.connection import Connection


@dataclass(frozen=True)
class VendorsApart:
    """The running vendors.

    Attributes:
        news: Origin of the news vendors.
        prices: Origin of the price vendor.
    """

    news: str
    prices: str
    _pipe: Connection

    def show(self, now: datetime, closed: int) -> None:
        """Let them show the news of this instant, and this many sessions more than the market's first."""
        self._pipe.send((now, closed))
        self._pipe.recv()

    def calls(self) -> int:
        """News and charts asked for since they were last shown anything."""
        self._pipe.send(None)
        return self._pipe.recv()


@contextmanager
def vendors_apart(*, symbols: int, delay: float) -> Iterator[VendorsApart]:
    """Vendors that take `delay` seconds for an answer, ended with the block."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, symbols, delay), daemon=True)
    process.start()
    there.close()
    try:
        news, prices = here.recv()
        yield VendorsApart(news, prices, here)
    finally:
        here.close()
        process.join()


def _serve(pipe: Connection, symbols: int, delay: float) -> None:
    from benchmarks.market import charts
    from signals_pipeline_tests.support.live_vendors import newsroom
    from signals_pipeline_tests.support.yahoo_server import yahoo_server

    with newsroom(symbols=symbols, delay=delay) as room, yahoo_server() as house:
        house.delay = delay
        pipe.send((room.house.origin, house.url))
        while True:
            try:
                told = pipe.recv()
            except EOFError:  # who asked has ended
                return
            if told is None:
                pipe.send(len(room.house.requests) + house.calls)
                continue
            room.now, closed = told
            for symbol, answer in charts(closed, symbols):
                house.says(symbol, answer)
            room.house.requests.clear()
            house.asked.clear()
            pipe.send(True)
