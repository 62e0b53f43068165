"""A registry on loopback: takes manifests and gives their digests, as the distribution specification says."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class _Handler(BaseHTTPRequestHandler):
    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        digest = f"sha256:{hashlib.sha256(body).hexdigest()}"
        assert isinstance(self.server, Registry)
        self.server.manifests[self.path] = digest
        self.send_response(201)
        self.send_header("Docker-Content-Digest", digest)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


class Registry(ThreadingHTTPServer):
    """The server; `manifests` has digests by path."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.manifests: dict[str, str] = {}

    @property
    def repository(self) -> str:
        """A repository there."""
        return f"127.0.0.1:{self.server_port}/signals"


@contextmanager
def registry() -> Iterator[Registry]:
    """A registry that runs meanwhile."""
    with Registry() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()
