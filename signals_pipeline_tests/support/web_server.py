"""The application behind a real server on loopback."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from signals_pipeline.web.app import create_app
from signals_pipeline_tests.support.web_site import NOW, settings_of


@contextmanager
def served(url: str, **changes: object) -> Iterator[str]:
    """The address of the site over a database, served by uvicorn in a thread."""
    app = create_app(settings_of(url, **changes), now=lambda: NOW)
    with socket.create_server(("127.0.0.1", 0)) as listening:  # who connects early waits in its queue
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, server_header=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(timeout=30)
    assert not thread.is_alive()
