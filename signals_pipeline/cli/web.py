"""`signals web`: serve pages and API with uvicorn."""

import gc
import logging
from contextlib import suppress

from signals_pipeline.adapters.stores.client_timeout import limit_answers
from signals_pipeline.settings import Settings
from signals_pipeline.web.app import create_app
from signals_pipeline.web.server import create_server

# A second more than the server of the database takes to end a statement itself.
ANSWER_SECONDS = 6


def serve(settings: Settings, host: str, port: int, trusted: str) -> None:
    """Serve pages and API until stopped.

    Args:
        settings: See `create_app`.
        host: Address to listen on.
        port: Port to listen on.
        trusted: Addresses of proxies whose X-Forwarded-For is trusted, comma-separated.

    Raises:
        SystemExit: The address can't be listened on.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    # Before the first connection, which begins to wait by it.
    limit_answers(ANSWER_SECONDS)
    server = create_server(create_app(settings), host=host, port=port, trusted=trusted)
    # What is loaded by now stays. Without this, garbage collections that scan all of it delay responses.
    gc.freeze()
    # Ctrl+C is how it is stopped: uvicorn ends responses and connections first.
    with suppress(KeyboardInterrupt):
        server.run()
