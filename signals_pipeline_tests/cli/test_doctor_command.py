"""`signals doctor` as a command: its lines, its JSON, its exit code, and that it ends whatever its vendors do."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from signals_pipeline.adapters.stores import migrations
from signals_pipeline.cli import main
from signals_pipeline.core.windows import newest_complete
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.doctor_settings import NOW, put_digest

HEAVY = {"dagster", "pandas", "numpy", "sqlalchemy", "alembic", "onnxruntime", "boto3", "yfinance", "curl_cffi"}


def test_the_command_in_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNALS_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path))
    first = CliRunner().invoke(main, ["doctor"])
    assert first.exit_code == 0, first.output
    assert [line.split()[1] for line in first.output.splitlines()[:3]] == ["database", "model", "watchlist"]
    settings = Settings.checked()
    migrations.upgrade(settings.database_url)
    put_digest(settings, newest_complete(NOW))
    monkeypatch.setenv("SIGNALS_DATABASE_URL", "no url")
    unreadable = CliRunner().invoke(main, ["doctor"])
    assert unreadable.exit_code == 1
    assert "fail  database       the database URL can't be read" in unreadable.output
    monkeypatch.delenv("SIGNALS_DATABASE_URL")

    document = json.loads(CliRunner().invoke(main, ["doctor", "--json"]).output)

    assert document["healthy"]
    statuses = {check["check"]: check["status"] for check in document["checks"]}
    # A warning or not: FinBERT may be prepared on this machine, and the demo has no recipients.
    assert statuses.pop("model") in {"ok", "warn"}
    assert statuses.pop("mail") in {"ok", "warn"}
    assert statuses == {
        "database": "ok",
        "watchlist": "ok",
        "news": "ok",
        "newest window": "ok",
        "signals": "warn",  # a digest is there, but no run
        "newest mail": "ok",
        "schedule": "ok",
        "runs": "ok",
        "deliveries": "ok",
        "data folder": "ok",
        "memory": "ok",
    }


def test_invalid_settings_are_the_only_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAX_SIGNALS", "many")
    result = CliRunner().invoke(main, ["doctor"])
    assert result.exit_code == 1
    assert result.output.startswith("fail  settings  MAX_SIGNALS='many': ")


def process(folder: Path, *options: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """`signals doctor` as a process, mailing by SMTP, without a network: nothing listens where the proxy should be."""
    environment = {
        "SIGNALS_DEPLOYMENT": "local",
        "SIGNALS_DATA_DIR": str(folder / "data"),
        "DAGSTER_HOME": str(folder),
        "MAIL_TRANSPORT": "smtp",
        "DIGEST_RECIPIENTS": "ann@example.org",
        "ALL_PROXY": "http://127.0.0.1:9",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "PATH": "/usr/bin:/bin",
        "HOME": str(folder),
        **variables,
    }
    command = [sys.executable, "-m", "signals_pipeline", "doctor", *options]
    place = Path(__file__).parents[2]
    done = subprocess.run(command, cwd=place, env=environment, capture_output=True, text=True, check=False, timeout=300)
    assert done.stderr == ""
    assert "Traceback" not in done.stdout
    return done


def test_a_real_process_without_a_network_prints_every_line(tmp_path: Path) -> None:
    done = process(tmp_path, "--seconds", "120", SMTP_HOST="mail.invalid")
    assert done.returncode == 1
    statuses = {line[6:21].strip(): line[:4].strip() for line in done.stdout.splitlines()}
    assert statuses["prices"] == statuses["mail"] == "fail"
    assert statuses["clock"] == "warn"
    assert "no answer within" not in done.stdout


def test_a_process_does_not_wait_for_checks_that_hang(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = str(silent.getsockname()[1])
        done = process(tmp_path, "--json", "--seconds", "0.5", SMTP_HOST="127.0.0.1", SMTP_PORT=port)
    assert done.returncode == 1
    checks = {check["check"]: check for check in json.loads(done.stdout)["checks"]}
    assert checks["mail"]["status"] == "fail"
    assert checks["mail"]["remedy"]


def test_checks_that_wait_for_a_network_do_not_wait_for_our_imports() -> None:
    code = "import sys; import signals_pipeline.cli.doctor.checkup; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not HEAVY & set(loaded)
