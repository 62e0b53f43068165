"""The application behind a real server on loopback, in a thread or as the command in a process of its own."""

import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from signals_pipeline.web.app import create_app
from signals_pipeline.web.connections import ConnectionLimits
from signals_pipeline.web.server import create_server
from signals_pipeline_tests.support.web_site import NOW, settings_of


@contextmanager
def served(url: str, limits: ConnectionLimits | None = None, **changes: object) -> Iterator[str]:
    """The address of the site over a database, served in a thread as `signals web` serves it."""
    app = create_app(settings_of(url, **changes), now=lambda: NOW)
    with socket.create_server(("127.0.0.1", 0)) as listening:  # who connects early waits in its queue
        server = create_server(app, limits=limits)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=30)
    assert not thread.is_alive()


@contextmanager
def web_command(url: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """The process of `signals web` over a database, without a rate limit, and its port."""
    command = [sys.executable, "-m", "signals_pipeline", "web", "--port", "0"]
    environment = os.environ | {"NO_COLOR": "1", "SIGNALS_DATABASE_URL": url, "SIGNALS_WEB_RATE": "0"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        address = next(found for line in lines if (found := re.search(r"http://127\.0\.0\.1:(\d+)", line)))
        try:
            yield process, int(address[1])
        finally:
            process.kill()
