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
        " at once, 20 ms apart (SEC: 2, 120 ms). The servers are a process of their own on the same processors; the"
        " database (SQLite, written and read) is in the figures, the import of the news libraries in the slowest."
        " Wanted: under 4 s a window, memory flat."
    )
    file_section("Fetching a live window", COMMAND, f"{said}\n\n{table(header, rows)}")


def measure(rounds: int) -> None:
    """Collect one window after another from the servers and print the figures."""
    from benchmarks.market import exchange
    from benchmarks.vendors_apart import vendors_apart
    from signals_pipeline_tests.support.feed_documents import NOW
    from signals_pipeline_tests.support.live_vendors import live_news

    news, prices, headlines, calls, spent, now = [], [], 0, 0, 0.0, NOW
    with (
        tempfile.TemporaryDirectory() as folder,
        vendors_apart(symbols=SYMBOLS, delay=DELAY) as vendors,
        live_news(Path(folder), vendors.news, lambda: now, symbols=SYMBOLS) as news_source,
        exchange(Path(folder), vendors.prices, symbols=SYMBOLS) as market,
    ):
        vendors.show(now, 0)
        market.read(0)
        for closed in range(1, rounds + 1):
            now += timedelta(hours=12)
            vendors.show(now, closed)
            began, start = process_time(), perf_counter()
            headlines = len(news_source.fetch(now - timedelta(hours=84), now).headlines)
            news.append(perf_counter() - start)
            start = perf_counter()
            market.read(closed)
            prices.append(perf_counter() - start)
            spent += process_time() - began
            calls += vendors.calls()
    both = [one + other for one, other in zip(news, prices, strict=True)]
    middle = [statistics.median(times) for times in (both, news, prices)]
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(ROW.format(rounds, middle[0], max(both), *middle[1:], calls / rounds, headlines, spent / rounds, peak))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(int(sys.argv[1]))
    else:
        main()
