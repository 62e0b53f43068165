"""`signals web` and `signals feedback`: serve the pages, and what readers said of signals."""

import gc
import logging
from collections.abc import Sequence

import uvicorn
from rich.console import Console
from rich.table import Table

from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.feedback import Feedback
from signals_pipeline.core.record.engagement import FeedbackLine, by_source, by_symbol
from signals_pipeline.settings import Settings
from signals_pipeline.web.app import create_app

WIDTH = 100


def serve(settings: Settings, host: str, port: int, trusted: str) -> None:
    """Serve pages and API until stopped.

    Args:
        settings: See `create_app`.
        host: Address to listen on.
        port: Port to listen on.
        trusted: Addresses of proxies whose X-Forwarded-For is believed, separated by commas.
    """
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    app = create_app(settings)
    gc.freeze()  # what is loaded by now stays: without this, collections that look through it all hold answers up
    uvicorn.run(
        app,
        host=host,
        port=port,
        access_log=False,  # it would write readers' tokens down; the guard logs routes instead
        server_header=False,
        log_config=None,
        forwarded_allow_ips=trusted,
        timeout_keep_alive=20,
    )


def show_feedback(settings: Settings) -> None:
    """Print what readers said, by news source and by symbol."""
    engine = engine_for(settings.database_url)
    verdicts = Feedback(engine).verdicts()
    engine.dispose()
    console = Console(highlight=False, markup=False, width=WIDTH)
    if not verdicts:
        console.print("Nobody has said yet whether a signal was useful.")
        return
    console.print(_table("By news source", by_source(verdicts)))
    console.print(_table("By symbol", by_symbol(verdicts)))


def _table(title: str, lines: Sequence[FeedbackLine]) -> Table:
    table = Table(title=title, title_justify="left")
    table.add_column("", overflow="ellipsis", no_wrap=True)
    table.add_column("n", justify="right")
    table.add_column("useful", justify="right")
    table.add_column("95% interval", justify="right")
    for line in lines:
        table.add_row(line.name, str(line.n), f"{line.share:.0%}", f"{100 * line.low:.0f} to {line.high:.0%}")
    return table
