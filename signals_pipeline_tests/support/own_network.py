"""A network of its own for one process: addresses that are public elsewhere, private ones, and names for both.

`python -m signals_pipeline_tests.support.own_network` is started by `redirect_outcomes` in namespaces of its own. There
one server answers at every address, and the names are in a hosts file that it can change between two look-ups.
"""

import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from signals_pipeline.adapters.http_client.client import HttpClient
from signals_pipeline.adapters.http_client.policy import RequestPolicy
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline_tests.support.loopback import Quiet

PUBLIC, MIRROR, PRIVATE = "93.184.216.34", "93.184.216.35", "10.1.2.3"
NAMES = {"feeds.example": PUBLIC, "mirror.example": MIRROR, "intranet.example": PRIVATE, "rebound.example": PUBLIC}
HOSTS = Path("/etc/hosts")

_ENTER = """
mount --bind "$0" /etc/hosts && ip link set lo up || exit
for address in "$@"; do ip address add "$address"/32 dev lo || exit; done
"""


def redirect_outcomes() -> dict[str, str]:
    """What becomes of each redirect; the test is skipped where a process may have no network of its own."""
    with tempfile.NamedTemporaryFile("w") as hosts:
        program = f'{_ENTER} exec "{sys.executable}" -m {__name__}'
        command = ["unshare", "--map-root-user", "--net", "--mount", "sh", "-c", program]
        done = subprocess.run(
            [*command, hosts.name, PUBLIC, MIRROR, PRIVATE], capture_output=True, text=True, check=False, timeout=120
        )
    if done.returncode and "Traceback" not in done.stderr:
        pytest.skip(f"a network of its own needs the right to make one: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _name(addresses: dict[str, str]) -> None:
    HOSTS.write_text("".join(f"{address} {name}\n" for name, address in addresses.items()))


class _Server(Quiet):
    """Redirects `/to/HOST` to `/end` there; after `/rebind` the name leads to the private address."""

    protocol_version = "HTTP/1.1"
    ended: ClassVar[list[str]] = []

    def do_GET(self) -> None:  # noqa: N802
        if self.path == "/end":
            self.ended.append(self.headers["Host"])
            self.answer(200, b"end")
            return
        host = self.path.removeprefix("/to/")
        if self.path == "/rebind":
            _name({**NAMES, "rebound.example": PRIVATE})
            host = "rebound.example"
            self.close_connection = True
        self.send_response(302)
        self.send_header("Location", f"http://{host}/end")
        self.send_header("Content-Length", "0")
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()


def _outcome(client: HttpClient, url: str) -> str:
    _Server.ended = []
    try:
        location = client.get(url).location
    except SourceError as error:
        return f"refused: {error}; reached: {','.join(_Server.ended)}"
    return location


def _main() -> None:
    _name(NAMES)
    policy = RequestPolicy(timeout=5, deadline=5, attempts=1, min_interval=0)

    def client(*redirect_hosts: str) -> HttpClient:
        return HttpClient(policy, user_agent="tests", redirect_hosts=redirect_hosts)

    used = client()
    cases: dict[str, Callable[[], str]] = {
        "public to public": lambda: _outcome(client(), "http://feeds.example/to/mirror.example"),
        "public to private": lambda: _outcome(client(), "http://feeds.example/to/intranet.example"),
        "public to private, by number": lambda: _outcome(client(), f"http://feeds.example/to/{PRIVATE}"),
        "public to private, allowed": lambda: _outcome(
            client("intranet.example"), "http://feeds.example/to/intranet.example"
        ),
        "public to private, a connection is open": lambda: _outcome(used, "http://feeds.example/to/intranet.example"),
        "private to itself": lambda: _outcome(client(), "http://intranet.example/to/intranet.example"),
        "private to public": lambda: _outcome(client(), "http://intranet.example/to/feeds.example"),
        "public, then its name is private": lambda: _outcome(client(), "http://rebound.example/rebind"),
    }
    with ThreadingHTTPServer(("", 80), _Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        used.get("http://intranet.example/end")  # a connection to it stays open
        outcomes = {name: case() for name, case in cases.items()}
        server.shutdown()
        used.close()
    sys.stdout.write(json.dumps(outcomes))


if __name__ == "__main__":
    _main()
