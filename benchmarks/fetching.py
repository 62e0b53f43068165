"""A live window's fetching: 50 symbols, five feeds, servers on loopback that take 200 ms for each answer."""

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


def main() -> None:
    """Measure in processes of their own and file the section."""
    rows = []
    for rounds in ROUNDS:
        command = [sys.executable, "-m", "benchmarks.fetching", str(rounds)]
        told = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        seconds, calls, cpu, peak, slowest, headlines = map(float, told)
        rows.append(
            (
                rounds,
                f"{seconds:.2f}",
                f"{slowest:.2f}",
                f"{calls:.0f}",
                f"{headlines:.0f}",
                f"{cpu:.2f}",
                f"{peak:.0f}",
            )
        )
    header = (
        "windows",
        "median s a window",
        "slowest s",
        "calls a window",
        "headlines read",
        "CPU s a window",
        "peak MB",
    )
    said = (
        f"NewsAPI, Yahoo's news and feed of {SYMBOLS} symbols each, EDGAR (paged) and one more feed, every answer after"
        f" {DELAY * 1000:.0f} ms; default manners: 8 calls to a host at once, 50 ms apart (SEC: 2, 120 ms). Servers and"
        " archive (SQLite, written and read) are in the figures. Wanted: under 4 s a window, memory flat."
    )
    file_section("Fetching a live window", COMMAND, f"{said}\n\n{table(header, rows)}")


def measure(rounds: int) -> None:
    """Collect one window after another from the servers and print the figures."""
    from signals_pipeline_tests.adapters.news.live_vendors import live_desk

    with tempfile.TemporaryDirectory() as folder:
        times = []
        with live_desk(Path(folder), symbols=SYMBOLS, delay=DELAY) as desk:
            began = process_time()
            headlines = 0
            for _ in range(rounds):
                desk.now += timedelta(hours=12)
                start = perf_counter()
                headlines = len(desk.news.fetch(desk.now - timedelta(hours=84), desk.now).headlines)
                times.append(perf_counter() - start)
            cpu = (process_time() - began) / rounds
            calls = len(desk.house.requests) / rounds
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(statistics.median(times), calls, cpu, peak, max(times), headlines)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        measure(int(sys.argv[1]))
    else:
        main()
