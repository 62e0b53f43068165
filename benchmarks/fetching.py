"""A live window's fetching: 50 symbols, five feeds and daily bars, servers on loopback that take 200 ms an answer."""

import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from benchmarks.results import file_section, table

DELAY = 0.2
SYMBOLS = 50
ROUNDS = (1, 5, 20)
COMMAND = "python -m benchmarks.fetching"


FIRST, LAST = date(2021, 3, 1), date(2021, 12, 31)
ROW = "{:.0f} {:.2f} {:.2f} {:.2f} {:.2f} {:.0f} {:.0f} {:.2f} {:.0f}"


def main() -> None:
    """Measure in processes of their own and file the section."""
    rows = []
    for rounds in ROUNDS:
        command = [sys.executable, "-m", "benchmarks.fetching", str(rounds)]
        rows.append(subprocess.run(command, check=True, capture_output=True, text=True).stdout.split())
    header = (
        *("windows", "median s a window", "slowest s", "of the median: news", "prices"),
        *("calls a window", "headlines read", "CPU s a window", "peak MB"),
    )
    said = (
        f"NewsAPI, Yahoo's news and feed of {SYMBOLS} symbols each, EDGAR (paged), one more feed, and then a new session's"
        f" bar of each symbol; every answer after {DELAY * 1000:.0f} ms. Default manners: 10 calls to a host at once,"
        " 20 ms apart (SEC: 2, 120 ms). Servers (in the same process) and database (SQLite, written and read) are in the"
        " figures, the import of the vendors' libraries in the slowest. Wanted: under 4 s a window, memory flat."
    )
    file_section("Fetching a live window", COMMAND, f"{said}\n\n{table(header, rows)}")


def measure(rounds: int) -> None:
    """Collect one window after another from the servers and print the figures."""
    from signals_pipeline_tests.adapters.news.live_vendors import live_desk

    news, prices, headlines = [], [], 0
    with tempfile.TemporaryDirectory() as folder, live_desk(Path(folder), symbols=SYMBOLS, delay=DELAY) as desk:
        with exchange(Path(folder)) as market:
            began = process_time()
            for closed in range(1, rounds + 1):
                desk.now += timedelta(hours=12)
                start = perf_counter()
                headlines = len(desk.news.fetch(desk.now - timedelta(hours=84), desk.now).headlines)
                news.append(perf_counter() - start)
                start = perf_counter()
                market.read(closed)
                prices.append(perf_counter() - start)
            cpu = (process_time() - began) / rounds
            calls = (len(desk.house.requests) + market.calls) / rounds
    both = [one + other for one, other in zip(news, prices, strict=True)]
    middle = [statistics.median(times) for times in (both, news, prices)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(ROW.format(rounds, middle[0], max(both), *middle[1:], calls, headlines, cpu, peak))


class Market:
    """Live prices over a store and Yahoo's stand-in, session by session."""

    def __init__(self, house: Any, store: Any, folder: Path) -> None:
        from signals_pipeline.adapters.calendar import trading_sessions
        from signals_pipeline.adapters.prices.live import LivePrices
        from signals_pipeline.adapters.prices.yahoo import YahooPrices

        self.symbols = tuple(f"S{at}" for at in range(SYMBOLS))
        self.sessions = trading_sessions(FIRST, LAST)
        self._house = house
        self._place = 20
        vendor = YahooPrices(cache_dir=folder / "yfinance", base_url=house.url)
        self._open = lambda: LivePrices(vendor, store, trading_sessions, now=self._now)
        self.read(0)  # what the store had before the first window measured
        house.asked.clear()

    @property
    def calls(self) -> int:
        """Charts asked for."""
        return self._house.calls

    def read(self, closed: int) -> None:
        """The bars up to the session that has just closed, as a run of its own reads them."""
        from signals_pipeline_tests.digest_examples import bars_of
        from signals_pipeline_tests.yahoo_server import Answer, charted

        self._place = 20 + closed
        opened = self.sessions.dates[: self._place + 1]
        bars = bars_of(self.sessions, {"S0": [(100.0 + day, 101.0 + day) for day in range(len(self.sessions.dates))]})
        shown = bars[bars["session"].isin(opened)].rename(columns={"session": "date"})
        for symbol in self.symbols:
            self._house.says(symbol, Answer(charted(symbol, shown, {})))
        found = self._open().bars(self.symbols, FIRST, opened[-1].item())
        if len(found) != len(opened) * SYMBOLS:
            raise RuntimeError(f"{len(found)} bars where {len(opened) * SYMBOLS} were offered")

    def _now(self) -> Any:
        from datetime import UTC

        return self.sessions.closes[self._place].item().replace(tzinfo=UTC) + timedelta(hours=1)


@contextmanager
def exchange(folder: Path) -> Iterator[Market]:
    """A market with some sessions in its store."""
    from signals_pipeline.adapters.bars import BarStore
    from signals_pipeline.adapters.database import engine_for
    from signals_pipeline_tests.databases import migrated_template
    from signals_pipeline_tests.yahoo_server import yahoo_server

    engine = engine_for(f"sqlite:///{shutil.copy(migrated_template('sqlite'), folder / 'bars.db')}")
    with yahoo_server() as house:
        house.delay = DELAY
        yield Market(house, BarStore(engine), folder)
    engine.dispose()


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(int(sys.argv[1]))
    else:
        main()
