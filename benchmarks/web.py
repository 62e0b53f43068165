"""Requests a second and latency of `/api/v1/digest` beside a bare FastAPI hello, measured in turn with wrk.

Each is served by one uvicorn process; the database has 10,000 digests.
"""

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
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path

import sqlalchemy as sa

from benchmarks.results import file_section, table
from benchmarks.runs import settings_in
from signals_pipeline.adapters.stores.engine import engine_for, write_transaction
from signals_pipeline.adapters.stores.tables import digest
from signals_pipeline.core.windows import windows_between
from signals_pipeline_tests.support.digest_pages import everything

DIGESTS = 10_000
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
    """What wrk says: requests a second, and the median and 99th percentile of latency in ms."""

    requests: float
    p50: float
    p99: float


def fill(folder: Path) -> int:
    """A database with 10,000 digests; bytes of one digest's content."""
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
    engine.dispose()
    return len(rows[-1]["content"].encode())


@contextmanager
def served(command: Sequence[str], path: str, **variables: str) -> Iterator[str]:
    """The address at which a command serves a path; `--port` is added to it, and variables to its environment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", *command, "--port", str(port)], env=os.environ | variables, stderr=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{port}{path}"
        _wait(address)
        yield address
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
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in said or "Socket errors" in said:
        raise RuntimeError(f"wrk met errors at {address}:\n{said}")
    found = re.search(r"Requests/sec:\s+([\d.]+)", said)
    assert found is not None
    return Load(float(found[1]), _milliseconds(said, "50%"), _milliseconds(said, "99%"))


def _milliseconds(said: str, percentile: str) -> float:
    found = re.search(rf"^\s+{percentile}\s+([\d.]+)(us|ms|s)$", said, re.MULTILINE)
    assert found is not None
    return float(found[1]) * {"us": 0.001, "ms": 1, "s": 1000}[found[2]]


def main() -> None:
    """Measure both in turn, round by round, and file the medians."""
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is missing: apt-get install wrk")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = fill(folder)
        (folder / "hello.py").write_text(HELLO)
        bare_app = ("uvicorn", "hello:app", "--app-dir", name, "--no-access-log")
        ours_app = ("signals_pipeline", "web")
        variables = {"SIGNALS_DATA_DIR": f"{name}/data", "SIGNALS_WEB_RATE": "0"}
        with served(bare_app, "/") as hello, served(ours_app, "/api/v1/digest", **variables) as ours:
            body = len(urllib.request.urlopen(ours).read())  # noqa: S310 - our own address
            bare, full = [], []
            for _ in range(ROUNDS):
                bare.append(measure(hello))
                full.append(measure(ours))
    middle = [
        [statistics.median(getattr(load, field) for load in loads) for field in ("requests", "p50", "p99")]
        for loads in (bare, full)
    ]
    rows = [
        (name, f"{requests:,.0f}", f"{requests / middle[0][0]:.2f}", f"{p50:.1f}", f"{p99:.1f}")
        for name, (requests, p50, p99) in zip(("FastAPI hello", "`/api/v1/digest`"), middle, strict=True)
    ]
    told = (
        f"{DIGESTS:,} digests of {size:,} bytes in SQLite, answers of {body:,} bytes; wrk with {CONNECTIONS} "
        f"connections, {SECONDS} s a run, medians of {ROUNDS} runs in turn."
    )
    header = ("subject", "requests/s", "ratio to hello", "p50 ms", "p99 ms")
    file_section("Web: the newest digest", "python -m benchmarks.web", f"{table(header, rows)}\n\n{told}")


if __name__ == "__main__":
    main()
