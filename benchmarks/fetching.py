"""A live window's fetching: 50 symbols, five feeds and daily bars, servers on loopback that take 200 ms an answer."""

import resource
import statistics
import subprocess
import sys
import tempfile
from datetime import timedelta
from pathlib import Path
from time import perf_counter, process_time

from benchmarks.results import file_section, table

DELAY = 0.2
SYMBOLS = 50
ROUNDS = (1, 5, 20)
COMMAND = "python -m benchmarks.fetching"


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
        f"NewsAPI, Yahoo's news and feed of {SYMBOLS} symbols each, EDGAR (paged), one more feed, and then a new"
        f" session's bar of each symbol; every answer after {DELAY * 1000:.0f} ms. Default manners: 10 calls to a host"
        " at once, 20 ms apart (SEC: 2, 120 ms). Servers (in the same process) and database (SQLite, written and read)"
        " are in the figures, the import of the vendors' libraries in the slowest. Wanted: under 4 s a window, memory"
        " flat."
    )
    file_section("Fetching a live window", COMMAND, f"{said}\n\n{table(header, rows)}")


def measure(rounds: int) -> None:
    """Collect one window after another from the servers and print the figures."""
    from benchmarks.market import exchange
    from signals_pipeline_tests.adapters.news.live_vendors import live_desk

    news, prices, headlines = [], [], 0
    with (
        tempfile.TemporaryDirectory() as folder,
        live_desk(Path(folder), symbols=SYMBOLS, delay=DELAY) as desk,
        exchange(Path(folder), symbols=SYMBOLS, delay=DELAY) as market,
    ):
        began = process_time()
        for closed in range(1, rounds + 1):
            desk.now += timedelta(hours=12)
            start = perf_counter()
            headlines = len(desk.news.fetch(desk.now - timedelta(hours=84), desk.now).headlines)
            news.append(perf_counter() - start)
            market.offer(closed)
            start = perf_counter()
            market.read()
            prices.append(perf_counter() - start)
        cpu = (process_time() - began) / rounds
        calls = (len(desk.house.requests) + market.calls) / rounds
    both = [one + other for one, other in zip(news, prices, strict=True)]
    middle = [statistics.median(times) for times in (both, news, prices)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(ROW.format(rounds, middle[0], max(both), *middle[1:], calls, headlines, cpu, peak))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(int(sys.argv[1]))
    else:
        main()
