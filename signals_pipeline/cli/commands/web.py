"""`signals web`: serve pages and API."""

import click

from signals_pipeline.settings import Settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option("--trust-proxy", "trusted", default="127.0.0.1", help="Proxies whose X-Forwarded-For is trusted.")
def web(host: str, port: int, trusted: str) -> None:
    """Serve the digests as web pages and as an API.

    It only reads the database and runs nothing.
    """
    from signals_pipeline.cli.web import serve

    serve(Settings.checked(), host, port, trusted)
