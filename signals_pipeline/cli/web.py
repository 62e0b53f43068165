"""`signals web`: serve pages and API with uvicorn."""

import gc
import logging

import uvicorn

from signals_pipeline.settings import Settings
from signals_pipeline.web.app import create_app

KEEP_ALIVE_SECONDS = 20  # long enough for a reader's next click, short enough to free idle connections


def serve(settings: Settings, host: str, port: int, trusted: str) -> None:
    """Serve pages and API until stopped.

    Args:
        settings: See `create_app`.
        host: Address to listen on.
        port: Port to listen on.
        trusted: Addresses of proxies whose X-Forwarded-For is trusted, comma-separated.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    app = create_app(settings)
    # What is loaded by now stays. Without this, garbage collections that scan all of it delay responses.
    gc.freeze()
    uvicorn.run(
        app,
        host=host,
        port=port,
        access_log=False,  # it would record readers' tokens; the middleware logs routes instead
        server_header=False,
        log_config=None,
        forwarded_allow_ips=trusted,
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
    )
