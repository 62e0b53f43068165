"""`signals web` serves until stopped; `signals feedback` prints what readers said."""

import os
import re
import shutil
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.feedback import FeedbackRepository
from signals_pipeline.cli import main
from signals_pipeline_tests.support.databases import migrated_template
from signals_pipeline_tests.support.web_site import TOLD, fill

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@pytest.fixture
def url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A database at head that the command finds."""
    path = f"sqlite:///{shutil.copy(migrated_template('sqlite'), tmp_path / 'signals.db')}"
    monkeypatch.setenv("SIGNALS_DATABASE_URL", path)
    return path


@pytest.fixture
def server(url: str) -> Iterator[subprocess.Popen[str]]:
    """`signals web` on a free port."""
    fill(url)
    command = [sys.executable, "-m", "signals_pipeline", "web", "--port", "0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ | {"NO_COLOR": "1"}) as process:
        yield process
        process.kill()


def test_it_serves_until_it_is_stopped(server: subprocess.Popen[str]) -> None:
    assert server.stderr is not None
    lines = iter(server.stderr.readline, "")
    address = next(found[0] for line in lines if (found := re.search(r"http://127\.0\.0\.1:\d+", line)))
    with urllib.request.urlopen(f"{address}/readyz") as answer:  # noqa: S310 - our own address
        assert answer.read().decode() == f'{{"status":"ok","newest":"{TOLD.key}"}}'
        assert answer.headers["server"] is None
    server.send_signal(signal.SIGTERM)
    server.wait(timeout=30)
    assert "Traceback" not in "".join(lines)


def test_without_a_database_it_says_so_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALS_DATA_DIR", str(tmp_path))
    result = CliRunner().invoke(main, ["web"])
    assert result.exit_code == 2
    assert (
        result.stderr
        == f"signals: database {tmp_path}/signals.db: it does not exist; run `signals migrate` to create it\n"
    )


def test_feedback_is_printed_by_source_and_symbol(url: str) -> None:
    assert "No reader has rated a signal yet" in CliRunner().invoke(main, ["feedback"]).stdout
    fill(url)
    engine = engine_for(url)
    for reader, useful in (("one", True), ("two", True), ("three", False)):
        FeedbackRepository(engine).record(TOLD.start, "AAA", "BUY", reader, useful=useful, at=NOW)
    engine.dispose()
    printed = CliRunner().invoke(main, ["feedback"]).stdout
    for title, name in (("By news source", "Example Wire"), ("By symbol", "AAA")):
        assert title in printed
        assert re.search(rf"{name} +[|│] +3 +[|│] +67% +[|│] +21 to 94%", printed)
