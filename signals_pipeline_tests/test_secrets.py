"""Secrets stay where they must be: planted in each setting in each form, and searched in whatever comes out.

Real commands, a real PostgreSQL with passwords, a real SMTP server that repeats the login in its refusal, and feeds
that want a key and fail in different ways.
"""

import base64
import json
import logging
import os
import re
import subprocess
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import requests
import sqlalchemy as sa
from click.testing import CliRunner
from pydantic import SecretStr

from signals_pipeline import sample
from signals_pipeline.cli import main
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import SettingsError
from signals_pipeline_tests.support.fake_clock import Clock
from signals_pipeline_tests.support.mail_servers import Misbehaviour, bad_server
from signals_pipeline_tests.support.planted_secrets import (
    MARK,
    PlantedSecrets,
    contents_below,
    process_list,
    rows_of,
)
from signals_pipeline_tests.support.postgres import server
from signals_pipeline_tests.support.vendor_proxy import vendor_proxy
from signals_pipeline_tests.support.vendor_server import XML, Reply, Vendor, vendor

ROOT = Path(__file__).parent.parent

# One call of every command; it does its work, or fails as it really does. AWS does not answer.
ON_AWS = ["--stack", "desk"]
CALLS = {
    "audit": ["--window", "2015-02-03-17:30"],
    "backfill": ["--from", "2015-02-03-08:30", "--to", "2015-02-03-08:30"],
    "classify": ["-"],
    "deliveries": ["send"],
    "deploy": [*ON_AWS, "--model", "compact", "--docker", "false"],
    "doctor": ["--json"],
    "export": ["-"],
    "feedback": [],
    "generator": ["technical", *ON_AWS],
    "mcp": [],
    "migrate": [],
    "model": ["list"],
    "news": ["check", str(sample.HEADLINES)],
    "prepare": [],
    "preview": ["2015-02-03-17:30"],
    "prices": ["check", str(sample.PRICES)],
    "prune": [],
    "publish": [],
    "readers": ["list"],
    "record": [],
    "rollback": ON_AWS,
    "run": [],
    "schedule": ["status"],
    "send": ["2015-02-03-17:30", "--release"],
    "send-test": ["ann@example.org"],
    "status": ON_AWS,
    "tune": ["--windows", "2", "--try", "SENTIMENT_WEIGHT=0.4,0.6"],
    "watch": [],
    "watchlist": ["check"],
    "web": ["--port", "0"],
}
# Those that run windows, ask everybody, or serve: each in a process of its own, whose command line is looked at.
PROCESSES = {"backfill", "doctor", "mcp", "run", "web"}
# What an agent asks.
ASKED = "".join(
    json.dumps({"jsonrpc": "2.0", **message}) + "\n"
    for message in (
        {
            "id": 1,
            "method": "initialize",
            "params": {
                "protocolVersion": "2025-06-18",
                "capabilities": {},
                "clientInfo": {"name": "agent", "version": "1"},
            },
        },
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/call", "params": {"name": "newest_digest", "arguments": {}}},
    )
)


@pytest.fixture
def secrets() -> PlantedSecrets:
    return PlantedSecrets()


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.chdir(tmp_path)
    # AWS is nobody on this machine; its credentials are secrets, too.
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIADESK")  # not secret: requests are signed with it
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", f"{MARK}-key")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("SIGNALS_BASE_URL", f"https://desk:{MARK}@signals.example.org"),
        ("SIGNALS_BASE_URL", f"https://{MARK}@signals.example.org/x"),
        ("SIGNALS_BASE_URL", f"https://signals.example.org?password={MARK}"),
        ("SIGNALS_BASE_URL", f"https://signals.example.org#{MARK}"),
        ("SIGNALS_BASE_URL", f"desk:{MARK}@signals.example.org"),
        ("SIGNALS_BASE_URL", f"ftp://desk:{MARK}@signals.example.org"),
        ("SIGNALS_FRAMES_URL", f"s3://key:{MARK}@bucket/frames"),
        ("SIGNALS_FRAMES_URL", f"s3://bucket/frames?secret={MARK}"),
        ("SIGNALS_FEEDS", f"htps://desk:{MARK}@feeds.example.org"),
        ("SIGNALS_FEEDS", f"ftp://feeds.example.org/rss?key={MARK}, desk:{MARK}@feeds.example.org"),
        ("SIGNALS_PUBLISH_URL", f"s3://key:{MARK}@bucket/pages"),
        ("SIGNALS_PUBLISH_URL", f"file:///srv/pages?key={MARK}"),
        ("SIGNALS_READER_QUEUE", f"https://key:{MARK}@sqs.example.org/1/readers"),
        ("SIGNALS_READER_QUEUE", f"sqs://{MARK}@queue"),
        ("SIGNALS_LINK_KEY", MARK),
        ("SIGNALS_WEB_TOKEN", MARK),
    ],
)
def test_a_refused_setting_is_one_line_without_its_secret(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError) as refused:
        Settings.checked()

    message = str(refused.value)
    assert message.startswith(f"{variable}=")
    assert "\n" not in message
    # What Dagster shows where the definitions can't be loaded: the cause, too.
    assert MARK not in "".join(traceback.format_exception(refused.value))


def test_no_setting_shows_a_secret_of_another_that_is_refused(
    monkeypatch: pytest.MonkeyPatch, secrets: PlantedSecrets
) -> None:
    names = [name for name, field in Settings.model_fields.items() if field.annotation == SecretStr | None]
    assert len(names) >= 5
    for name in names:
        monkeypatch.setenv(name.upper(), secrets.plant(name))
    for name in ("signals_database_url", "signals_web_database_url"):
        monkeypatch.setenv(name.upper(), f"postgresql+psycopg2://u:{secrets.quoted(name)}@h/db")
    monkeypatch.setenv("SIGNALS_FEEDS", f"https://{secrets.quoted('feed')}@h/?token={secrets.quoted('token')}")
    assert secrets.found_in(repr(Settings.checked()).encode()) == []

    monkeypatch.setenv("MAX_SIGNALS", "many")
    with pytest.raises(SettingsError) as refused:
        Settings.checked()

    assert secrets.found_in("".join(traceback.format_exception(refused.value)).encode()) == []


@dataclass
class Output:
    """What the commands wrote, by their words."""

    by_call: dict[str, str]

    def texts(self) -> Iterator[tuple[str, bytes]]:
        for call, text in self.by_call.items():
            yield call, text.encode()


def call_all(names: set[str], caplog: pytest.LogCaptureFixture) -> Output:
    """Call these commands in this process: all that they wrote, logged and raised."""
    output = Output({})
    for name in sorted(names):
        caplog.clear()
        result = CliRunner().invoke(main, [name, *CALLS[name]], input="Profit soars\n")
        raised = "".join(traceback.format_exception(*result.exc_info)) if result.exc_info else ""
        output.by_call[name] = f"{result.output}\n{raised}\n{caplog.text}"
    return output


def leaks(secrets: PlantedSecrets, contents: Iterator[tuple[str, bytes]]) -> dict[str, list[str]]:
    """Where which secrets were found."""
    found = {}
    for place, content in contents:
        if places := secrets.found_in(content):
            found[place] = places
    return found


def write_env(folder: Path, **settings: object) -> Path:
    env = folder / ".env"
    env.write_text("".join(f"{name.upper()}='{value}'\n" for name, value in settings.items()))
    return env


def test_every_command_is_called() -> None:
    assert set(CALLS) == set(main.list_commands(None))  # type: ignore[arg-type]


def test_no_command_shows_a_secret_of_a_database_that_it_can_not_use(
    tmp_path: Path, secrets: PlantedSecrets, caplog: pytest.LogCaptureFixture
) -> None:
    secret = secrets.quoted("database")
    urls = [
        f"postgresql+psycopg2://desk:{secret}@127.0.0.1:1/db",
        f"postgresql+psycopg2://desk@127.0.0.1:1/db?password={secret}",
        f"postgresql+psycopg2://127.0.0.1:1/db?sslmode={secret}",
        f"postgresql+psycopg2://desk:x@{secret}@127.0.0.1:1/db",
        f"postgresql+psycopg2://desk:x@y:{secret}@127.0.0.1:1/db",
        f"postgresql+nodriver://desk:{secret}@127.0.0.1:1/db",
        f"mysql://desk:{secret}@127.0.0.1:1/db",
        f"host=127.0.0.1 port=1 password={secret}",
        f"{secret}",
    ]
    caplog.set_level(logging.DEBUG)
    users = {"deliveries", "migrate", "preview", "prune", "readers", "record"}
    for url in urls:
        write_env(tmp_path, signals_deployment="local", signals_database_url=url)

        output = call_all(users if url is not urls[1] else set(CALLS) - PROCESSES, caplog)

        assert leaks(secrets, output.texts()) == {}, url
        assert all("database" in output.by_call[name] for name in users), url


@pytest.mark.postgres
def test_a_deployment_whose_servers_all_refuse_leaves_no_secret_behind(
    tmp_path: Path, secrets: PlantedSecrets, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "deployment"
    folder.mkdir()
    smtp_password = secrets.plant("smtp")
    login = base64.b64encode(f"\0desk\0{smtp_password}".encode())
    echo = Misbehaviour(
        {
            "EHLO": b"250-here\r\n250 AUTH PLAIN LOGIN\r\n",
            "AUTH": b"535 5.7.8 no: " + login + b" " + smtp_password.encode() + b"\r\n",
        }
    )
    with (
        server() as postgres,
        vendor() as house,
        vendor() as other,
        bad_server(echo) as smtp_port,
        vendor_proxy(tmp_path, "newsapi.org") as proxy,
    ):
        admin, url = _with_password(postgres.create("signals"), secrets)
        _serve_feeds(house, other)
        settings = {
            "signals_deployment": "local",
            "signals_database_url": url,
            "signals_web_database_url": url,
            "signals_data_dir": folder / "data",
            "signals_prices_path": sample.PRICES,
            "sentiment_model": "compact",
            "signals_feeds": ",".join(["newsapi", *_feeds(house, secrets)]),
            "newsapi_key": secrets.plant("newsapi"),
            "tiingo_key": secrets.plant("tiingo"),
            "signals_database_roles": "roles",
            "signals_writer_password": secrets.plant("writer"),
            "signals_reader_password": secrets.plant("reader"),
            "signals_link_key": secrets.plant("link"),
            "signals_web_token": secrets.plant("token"),
            "digest_recipients": "ann@example.org",
            "operator_recipients": "op@example.org",
            "mail_transport": "smtp",
            "smtp_host": "127.0.0.1",
            "smtp_port": smtp_port,
            "smtp_tls": "none",
            "smtp_user": "desk",
            "smtp_password": smtp_password,
        }
        env = write_env(folder, **settings)
        clock = Clock(tmp_path, datetime(2015, 2, 4, 13, 31, tzinfo=UTC))
        environment = _environment(clock) | {
            "HTTPS_PROXY": f"http://desk:{secrets.quoted('proxy')}@{proxy.address}",
            "NO_PROXY": "127.0.0.1",
            "REQUESTS_CA_BUNDLE": str(proxy.authority),
        }

        def process(name: str) -> tuple[str, bytes]:
            return f"signals {name}", _process(folder, environment, secrets, name)

        process("migrate")
        processes = [process(name) for name in ("run", "backfill", "doctor", "mcp", "web")]
        monkeypatch.chdir(folder)
        caplog.set_level(logging.DEBUG)
        output = call_all(set(CALLS) - PROCESSES, caplog)

        # A password that PostgreSQL refuses.
        wrong = f"{url.partition('&password=')[0]}&password={secrets.quoted('wrong')}"
        write_env(folder, **{**settings, "signals_database_url": wrong})
        refused = call_all({"deliveries", "migrate", "preview"}, caplog)

        # Every secret was used: the good feed was read with its key, and the mail server refused the login. NewsAPI and
        # the proxy got theirs, and NewsAPI's refusal quoted all that it got.
        assert secrets.plant("newsapi") in " ".join(str(headers) for _, _, headers in proxy.requests)
        assert base64.b64decode(proxy.logins[0].removeprefix("Basic ")).decode() == f"desk:{secrets.plant('proxy')}"
        [reason] = set(re.findall(r"newsapi.org refused the request [^;]*", _feed_problems(admin)))
        assert reason.startswith("newsapi.org refused the request (apiKeyInvalid ***: ")
        assert [request.query["token"] for request in house.asked("/feed")][:1] == [secrets.plant("feed")]
        assert {"rss:127.0.0.1/down", "rss:127.0.0.1/moved"} <= set(_feed_reports(admin))
        assert "rejected the login of desk: (535, b'5.7.8 no: [hidden] [hidden]')" in _delivery_errors(admin)
        assert other.requests == []
        assert leaks(secrets, iter(processes)) == {}
        assert b'"id":2' in dict(processes)["signals mcp"]
        assert not [call for call, text in output.by_call.items() if "Usage: " in text]
        assert all('password authentication failed for user "desk"' in text for text in refused.by_call.values())
        for each in (output, refused):
            assert leaks(secrets, each.texts()) == {}
        assert leaks(secrets, contents_below(folder, without=env)) == {}
        assert leaks(secrets, rows_of(admin)) == {}


def _with_password(url: str, secrets: PlantedSecrets) -> tuple[str, str]:
    """The administrator's URL of a database, and that of a user who needs the planted password."""
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    with engine.connect() as connection:
        hba = Path(connection.exec_driver_sql("SHOW hba_file").scalar_one())
        connection.exec_driver_sql("CREATE ROLE desk LOGIN SUPERUSER")
        password = secrets.plant("database")
        connection.execute(sa.text(f"ALTER ROLE desk PASSWORD '{password}'"))
        hba.write_text(f"local all desk scram-sha-256\n{hba.read_text()}")
        connection.exec_driver_sql("SELECT pg_reload_conf()")
    parsed = sa.make_url(url)
    query = "&".join(f"{name}={value}" for name, value in parsed.query.items())
    return url, f"postgresql+psycopg2://desk@/signals?{query}&password={secrets.quoted('database')}"


def _feeds(house: Vendor, secrets: PlantedSecrets) -> list[str]:
    """Feeds with a key in each place where one can be."""
    token, user = secrets.quoted("feed"), secrets.quoted("user")
    host = house.origin.removeprefix("http://")
    return [
        f"{house.origin}/feed?token={token}",
        f"{house.origin}/down?token={token}",
        f"http://desk:{user}@{host}/moved#{token}",
        f"http://{user}@{host}/echo",
        f"{house.origin}/lost?{token}",
        f"htps://desk:{user}@{host}/feed",
        f"https://{host}/tls?key={token}",
    ]


def _serve_feeds(house: Vendor, other: Vendor) -> None:
    item = (
        "<item><title>Microsoft raises its dividend</title><link>https://news.example/1</link>"
        "<pubDate>Wed, 04 Feb 2015 12:00:00 GMT</pubDate></item>"
    )
    document = f'<?xml version="1.0"?><rss version="2.0"><channel><title>t</title>{item}</channel></rss>'
    house.routes["/feed"] = [Reply(document.encode(), XML)]
    house.routes["/down"] = [Reply(b"", "text/plain", 500)]
    house.routes["/moved"] = lambda request: Reply(
        b"", "", 302, (("Location", f"{other.origin}/?{request.headers.get('Authorization')}"),)
    )
    house.routes["/echo"] = lambda request: Reply(str(request.headers).encode(), "text/html", 403)
    house.routes["/lost"] = [Reply(b"", "", 302, (("Location", "https://[x/"),))]


def _process(folder: Path, environment: Mapping[str, str], secrets: PlantedSecrets, name: str) -> bytes:
    """The output of a command, which may fail; meanwhile the process list shows no secret."""
    log = folder.parent / f"{name}.log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-m", "signals_pipeline", name, *CALLS[name]],
            cwd=folder,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
    assert process.stdin
    if name == "mcp":
        process.stdin.write(ASKED.encode())
        process.stdin.flush()
    else:
        process.stdin.close()
    looks, is_asked = 0, name != "web"
    while process.poll() is None:
        looks += 1
        assert secrets.found_in(process_list()) == []
        address = re.search(rb"http://127\.0\.0\.1:\d+", log.read_bytes())
        if address and not is_asked:
            _read_pages(address[0].decode(), secrets)
            is_asked = True
            process.terminate()
        # An agent that leaves takes its open questions with it.
        if b'"id":2' in log.read_bytes():
            process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.2)
    assert looks > 0
    assert is_asked
    return log.read_bytes()


def _read_pages(address: str, secrets: PlantedSecrets) -> None:
    """Ask the web application with and without its token; its answers show no secret."""
    for headers in ({}, {"Authorization": f"Bearer {secrets.plant('token')}"}):
        for path in ("/", "/api/v1/digest", "/feed.xml", "/readyz", f"/unsubscribe/{secrets.quoted('link')}"):
            answer = requests.get(f"{address}{path}", headers=headers, timeout=30)
            assert secrets.found_in(answer.content + str(answer.headers).encode()) == [], path


def _environment(clock: Clock) -> dict[str, str]:
    return {**os.environ, **clock.environment, "PYTHONPATH": str(ROOT), "DAGSTER_DISABLE_TELEMETRY": "true"}


def _feed_reports(url: str) -> list[str]:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return list(connection.exec_driver_sql("SELECT DISTINCT feed FROM collection").scalars())


def _feed_problems(url: str) -> str:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return "\n".join(map(str, connection.exec_driver_sql("SELECT row_to_json(c)::text FROM coverage c").scalars()))


def _delivery_errors(url: str) -> str:
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        return "\n".join(map(str, connection.exec_driver_sql("SELECT last_error FROM delivery").scalars()))
