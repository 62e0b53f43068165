"""Requests per second and latency of digest and signals beside a bare FastAPI hello, in peace and under attack.

Each is served by one process, measured in turn with wrk; the database has 10,000 digests and some signals.
"""

import asyncio
import multiprocessing
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

import pandas as pd
import psutil
import sqlalchemy as sa

from benchmarks.results import file_section, table
from benchmarks.runs import settings_in
from signals_pipeline.adapters.stores.engine import engine_for, write_transaction
from signals_pipeline.adapters.stores.outcomes import OutcomeRepository
from signals_pipeline.adapters.stores.tables import digest
from signals_pipeline.core.windows import windows_between
from signals_pipeline_tests.support.digest_examples import WINDOWS, outcome_rows, signal
from signals_pipeline_tests.support.digest_pages import everything
from signals_pipeline_tests.support.web_site import PARTS, decide

DIGESTS = 10_000
# Signals of one window, all with outcomes.
SYMBOLS = 20
SIGNALS = len(WINDOWS) * SYMBOLS
PATHS = ("/api/v1/digest", "/api/v1/signals")
# The attack: so many as the server allows of all clients, and some that keep it busy.
ATTACKER = "127.0.0.2"
IDLE_CONNECTIONS = 1000
ENDLESS_HEADERS = 4
CONNECTIONS = 64
SECONDS = 8
ROUNDS = 3
HELLO = """
from fastapi import FastAPI
app = FastAPI()
@app.get("/")
async def hello() -> dict[str, str]:
    return {"hello": "world"}
"""


@dataclass(frozen=True, slots=True)
class Load:
    """What wrk says: requests per second, median and 99th percentile of latency in ms, and requests that failed."""

    requests: float
    p50: float
    p99: float
    failures: int


def fill(folder: Path) -> int:
    """A database with digests and signals with outcomes; returns the bytes of one digest's content."""
    example = everything()
    windows = windows_between(datetime(2000, 1, 3, tzinfo=UTC), datetime(2020, 1, 1, tzinfo=UTC))[:DIGESTS]
    engine = engine_for(settings_in(folder / "data").database_url)
    rows = []
    for window in windows:
        content = replace(example, window_key=window.key, as_of=window.as_of).to_json()
        rows.append(
            {
                "window_start": window.start,
                "window_end": window.end,
                "kind": "full",
                "mode": "backfill",
                "subject": example.subject,
                "content": content,
                "sha256": sha256(content.encode()).hexdigest(),
                "created_at": window.end,
            }
        )
    with write_transaction(engine) as connection:
        connection.execute(sa.insert(digest), rows)
    outcomes = OutcomeRepository(engine)
    for window in WINDOWS:
        symbols = [f"S{number:02}" for number in range(SYMBOLS)]
        decide(str(engine.url), window, [signal(symbol, window=window, parts=PARTS * 2) for symbol in symbols])
        known = {"window_start": window.start, "decided_at": window.end}
        outcomes.upsert(pd.concat([outcome_rows(1, symbol=symbol, **known) for symbol in symbols]))
    engine.dispose()
    return len(rows[-1]["content"].encode())


@contextmanager
def served(command: Sequence[str], path: str, **variables: str) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The address at which a command serves a path, and its process.

    `--port` is added to the command, and variables to its environment.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--port", str(port)], env=os.environ | variables, stderr=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{port}{path}"
        _wait(address)
        yield address, process
    finally:
        process.terminate()
        process.wait()


def _wait(address: str) -> None:
    for _ in range(200):
        try:
            urllib.request.urlopen(address).close()  # noqa: S310 - our own address
        except urllib.error.URLError:
            time.sleep(0.1)
        else:
            return
    raise RuntimeError(f"{address} does not answer")


def measure(address: str, connections: int = CONNECTIONS) -> Load:
    """One run of wrk with one thread."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{SECONDS}s", "--latency", address]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    assert found is not None
    return Load(float(found[1]), _milliseconds(printed, "50%"), _milliseconds(printed, "99%"), _failures(printed))


def _milliseconds(printed: str, percentile: str) -> float:
    found = re.search(rf"^\s+{percentile}\s+([\d.]+)(us|ms|s|m)\s*$", printed, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"wrk has measured no latency:\n{printed}")
    return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000, "m": 60_000}[found[2]]


def _failures(printed: str) -> int:
    """Requests without a response in two seconds, broken connections, and responses that are errors."""
    errors = re.search(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)", printed)
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", printed)
    return sum(int(number) for found in (errors, refused) if found for number in found.groups())


async def _hold_idle(port: int) -> None:
    """Keep a connection with half a request open; open another one a second after the server closes it.

    At once would be another attack, a flood of connections, and measure how fast both processes accept and close.
    """
    while True:
        # It is reset, or refused where the server takes no more.
        with suppress(OSError):
            reader, writer = await asyncio.open_connection("127.0.0.1", port, local_addr=(ATTACKER, 0))
            writer.write(b"GET / HTTP/1.1\r\n")
            await reader.read()
            writer.close()
        await asyncio.sleep(1)


def _send_endless_headers(port: int) -> None:
    """Send a header until the server closes the connection, at most 100 MB; then begin again."""
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), source_address=(ATTACKER, 0)) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nX-Long: ")
                for _ in range(100):
                    connection.sendall(b"x" * 1_000_000)
        except OSError:
            time.sleep(0.01)


def _hold_idle_connections(port: int) -> None:
    async def run() -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(IDLE_CONNECTIONS):
                group.create_task(_hold_idle(port))

    asyncio.run(run())


@contextmanager
def attacked(address: str) -> Iterator[None]:
    """A server under attack from another address, for a block."""
    port = urlsplit(address).port
    # Forked: processes that import this module anew would take the CPUs from what is measured.
    processes = multiprocessing.get_context("fork")
    attackers = [processes.Process(target=_hold_idle_connections, args=(port,))]
    attackers += [processes.Process(target=_send_endless_headers, args=(port,)) for _ in range(ENDLESS_HEADERS)]
    for attacker in attackers:
        attacker.start()
    time.sleep(5)
    try:
        yield
    finally:
        for attacker in attackers:
            attacker.kill()
            attacker.join()


def _rows(loads: dict[str, list[Load]]) -> list[tuple[str, ...]]:
    """A row of medians per subject; the ratio is to the first one."""
    rows: list[tuple[str, ...]] = []
    base = statistics.median(load.requests for load in next(iter(loads.values())))
    for subject, measured in loads.items():
        requests = statistics.median(load.requests for load in measured)
        p50 = statistics.median(load.p50 for load in measured)
        p99 = statistics.median(load.p99 for load in measured)
        failures = statistics.median(load.failures for load in measured)
        # Under attack the bare application may answer nothing at all.
        ratio = f"{requests / base:.2f}" if base else "-"
        figures = (f"{requests:,.0f}", ratio, f"{p50:.1f}", f"{p99:.1f}", f"{failures:,.0f}")
        rows.append((subject, *figures))
    return rows


def main() -> None:
    """Measure all in turn, round by round, first in peace and then under attack, and file the medians."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = fill(folder)
        (folder / "hello.py").write_text(HELLO)
        bare_app = ("uvicorn", "hello:app", "--app-dir", name, "--no-access-log")
        ours_app = ("signals_pipeline", "web")
        variables = {"SIGNALS_DATA_DIR": f"{name}/data", "SIGNALS_WEB_RATE": "0"}
        with served(bare_app, "/") as (hello, bare_process), served(ours_app, "", **variables) as (ours, process):
            addresses = {"FastAPI hello, uvicorn's defaults": hello} | {f"`{path}`": ours + path for path in PATHS}
            bodies = [len(urllib.request.urlopen(ours + path).read()) for path in PATHS]  # noqa: S310 - our own
            peace: dict[str, list[Load]] = {subject: [] for subject in addresses}
            attack: dict[str, list[Load]] = {subject: [] for subject in addresses}
            memory = {each: psutil.Process(each.pid).memory_info().rss for each in (bare_process, process)}
            for _ in range(ROUNDS):
                for subject, address in addresses.items():
                    peace[subject].append(measure(address))
            for _ in range(ROUNDS):
                for subject, address in addresses.items():
                    with attacked(address):
                        attack[subject].append(measure(address))
                        server = bare_process if address == hello else process
                        memory[server] = max(memory[server], psutil.Process(server.pid).memory_info().rss)
    header = ("subject", "requests/s", "ratio to hello", "p50 ms", "p99 ms", "failures")
    load = f"wrk with {CONNECTIONS} connections, {SECONDS} s a run, medians of {ROUNDS} runs in turn"
    sizes = ", ".join(f"{body:,}" for body in bodies)
    file_section(
        "Web: the newest digest and signals",
        "python -m benchmarks.web",
        f"{table(header, _rows(peace))}\n\n{DIGESTS:,} digests of {size:,} bytes and {SIGNALS:,} signals in SQLite, "
        f"responses of {sizes} bytes; {load}.",
    )
    bare_memory, our_memory = (f"{memory[each] / 2**20:,.0f} MiB" for each in (bare_process, process))
    file_section(
        "Web: under attack",
        "python -m benchmarks.web",
        f"{table(header, _rows(attack))}\n\nThe same while another client holds {IDLE_CONNECTIONS:,} connections "
        f"with half a request and sends {ENDLESS_HEADERS} headers without end (at most 100 MB each), renewed after "
        f"they are closed. Failures: no response in 2 s, broken connections, errors. Largest resident memory: "
        f"{bare_memory} bare, {our_memory} here. {load[0].upper()}{load[1:]}.",
    )


if __name__ == "__main__":
    main()
