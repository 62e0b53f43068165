"""`signals web` as it runs: its memory and its readers under abuse, and a database that hangs, is locked or is full."""

import signal
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path

import psutil
import pytest
import sqlalchemy as sa
from sqlalchemy.exc import OperationalError

from signals_pipeline.adapters.stores import migrations
from signals_pipeline.adapters.stores.engine import engine_for, write_transaction
from signals_pipeline_tests.support.databases import new_database
from signals_pipeline_tests.support.polling import until
from signals_pipeline_tests.support.postgres import Server, server
from signals_pipeline_tests.support.raw_http import connected, get, read_all, send_while_open, statuses
from signals_pipeline_tests.support.web_server import web_command
from signals_pipeline_tests.support.web_site import TOLD, fill

MEGABYTE = 1 << 20
# Above the limit of connections; each costs the tests a file too.
IDLE = 1200


def memory(process: subprocess.Popen[str]) -> int:
    """Resident memory of a process, bytes."""
    return psutil.Process(process.pid).memory_info().rss


def test_endless_headers_and_idle_connections_cost_little_and_stop_nobody(tmp_path: Path) -> None:
    url = new_database("sqlite", tmp_path)
    fill(url)
    with web_command(url) as (process, port), ExitStack() as stack:
        assert get(port)[0] == 200
        before = memory(process)

        # One after the other, and while idle connections take more room than there is.
        for _ in range(5):
            with connected(port) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nX-Long: ")
                send_while_open(connection, b"x" * MEGABYTE)
                assert statuses(read_all(connection)) in ([], [400])
        idle = [stack.enter_context(connected(port)) for _ in range(IDLE)]
        for connection in idle[-200:]:
            connection.sendall(b"GET / HTTP/1.1\r\n")
        for path in ("/", "/api/v1/digest", "/api/v1/signals", "/record", "/healthz", "/readyz"):
            assert get(port, path)[0] == 200

        # A connection has some ten kilobytes.
        assert memory(process) - before < 60 * MEGABYTE
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == -signal.SIGTERM
        assert process.stderr is not None
        assert "Traceback" not in process.stderr.read()


@pytest.fixture(scope="module")
def database() -> Iterator[tuple[Server, str]]:
    """A PostgreSQL server with few connections, and the URL of a role without privileges on its filled database."""
    with server() as started:
        started.tell("ALTER SYSTEM SET max_connections = 16")
        started.tell("ALTER SYSTEM SET superuser_reserved_connections = 1")
        started.stop()
        started.start()
        url = started.create("signals")
        migrations.upgrade(url)
        fill(url)
        started.tell("CREATE ROLE web LOGIN IN ROLE pg_read_all_data")
        yield started, sa.make_url(url).set(username="web").render_as_string(hide_password=False)


def is_ready(port: int) -> bool:
    return get(port, "/readyz")[0] == 200


@pytest.mark.postgres
def test_a_database_that_hangs_stops_neither_health_checks_nor_the_end(database: tuple[Server, str]) -> None:
    administrator, url = database
    with web_command(url) as (process, port):
        assert get(port, "/readyz")[2].decode() == f'{{"status":"ok","newest":"{TOLD.key}"}}'
        with administrator.frozen(), ThreadPoolExecutor(60) as clients:
            # Each from an address of its own, all at once; health checks come while all threads wait.
            paths = ["/", "/api/v1/digest", "/api/v1/signals", "/record", f"/signals/{TOLD.key}-AAA-BUY"] * 8
            waiting = [
                clients.submit(get, port, path, f"127.0.1.{number}") for number, path in enumerate(paths, start=1)
            ]
            # The last good answer is half a second old at most.
            until(lambda: not is_ready(port), "not ready")
            checks = list(clients.map(lambda _: get(port, "/readyz"), range(10)))
            alive = get(port, "/healthz")
            pages = [each.result() for each in waiting]

        assert (alive[0], alive[2]) == (200, b'{"status":"ok"}')
        assert {status for status, _, _ in checks} == {503}
        assert {body for _, _, body in checks} == {b'{"detail":"The database has not answered for 2 s."}'}
        assert {status for status, _, _ in pages} == {503}
        assert all(int(headers["retry-after"]) > 0 for _, headers, _ in pages)

        until(lambda: is_ready(port), "ready again")
        assert get(port, "/")[0] == 200
        with administrator.frozen():
            until(lambda: not is_ready(port), "not ready")
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=60) == -signal.SIGTERM
            assert process.stderr is not None
            assert "Traceback" not in process.stderr.read()


@pytest.mark.postgres
def test_a_locked_table_ends_as_unavailable_and_never_as_an_error(database: tuple[Server, str]) -> None:
    administrator, url = database
    with web_command(url) as (_, port):
        holder = engine_for(administrator.create("signals"))
        with write_transaction(holder) as connection, ThreadPoolExecutor(150) as clients:
            connection.execute(sa.text("LOCK TABLE digest IN ACCESS EXCLUSIVE MODE"))
            # More than there are threads and connections, and more than the server works on at the same time.
            ready = clients.submit(get, port, "/readyz")
            pages = list(clients.map(lambda number: get(port, "/", f"127.0.2.{1 + number % 3}"), range(150)))
            assert ready.result()[0] == 503
        holder.dispose()
        assert Counter(status for status, _, _ in pages) == {503: 150}
        assert {headers["retry-after"] for _, headers, _ in pages} == {"5", "60"}
        assert any(b"The server is busy; try again in 5 s." in body for _, _, body in pages)
        until(lambda: is_ready(port), "ready again")


@pytest.mark.postgres
def test_a_database_without_free_connections_is_unavailable_until_there_are_some(
    database: tuple[Server, str],
) -> None:
    _, url = database
    others = sa.create_engine(url, poolclass=sa.NullPool)
    with web_command(url) as (_, port), ThreadPoolExecutor(30) as clients:
        with ExitStack() as stack:
            with suppress(OperationalError):
                while True:
                    stack.enter_context(others.connect())
            # The site has its first connection: who needs another one meanwhile is refused, not failed.
            pages = list(clients.map(lambda number: get(port, "/", f"127.0.3.{1 + number}"), range(30)))
            assert {status for status, _, _ in pages} == {200, 503}
        until(lambda: is_ready(port), "ready again")
        assert {get(port, "/")[0] for _ in range(5)} == {200}
