"""`signals feedback`: how readers rated signals."""

from collections.abc import Sequence

from rich.table import Table

from signals_pipeline.adapters.stores.feedback import FeedbackRepository
from signals_pipeline.cli.console import console, table
from signals_pipeline.cli.database import database_engine
from signals_pipeline.core.record.engagement import FeedbackLine, by_source, by_symbol
from signals_pipeline.settings import Settings

WIDTH = 100


def show_feedback(settings: Settings) -> None:
    """Print the ratings, by news source and by symbol."""
    with database_engine(settings) as engine:
        ratings = FeedbackRepository(engine).ratings()

    output = console(WIDTH)
    if not ratings:
        output.print("No reader has rated a signal yet.")
        return
    output.print(_ratings("By news source", by_source(ratings)))
    output.print(_ratings("By symbol", by_symbol(ratings)))


def _ratings(title: str, lines: Sequence[FeedbackLine]) -> Table:
    ratings = table(title, left=[""], right=["n", "useful", "95% interval"])
    ratings.columns[0].no_wrap = True
    for line in lines:
        interval = f"{100 * line.low:.0f} to {line.high:.0%}"
        ratings.add_row(line.name, str(line.n), f"{line.share:.0%}", interval)
    return ratings
