"""`signals tune`: replay past windows with other knobs."""

import click

from signals_pipeline.cli.commands import options
from signals_pipeline.settings import Settings


@click.command()
@click.option("--try", "values", multiple=True, help="Values of a knob, SENTIMENT_WEIGHT=0.4,0.6; can be repeated.")
@options.first_window
@options.last_window
@options.max_windows
@options.horizon
def tune(values: tuple[str, ...], first: str | None, last: str | None, windows: int, horizon: str) -> None:
    """Replay past windows with other settings; no signal changes.

    It judges whether the best setting is more than luck. Without --try, a grid of 100 settings is tried; every setting
    ever tried counts in the judgement.
    """
    from signals_pipeline.adapters.clock import utc_now
    from signals_pipeline.cli.tune import choices_of, replayed

    replayed(Settings.checked(), choices_of(values), (first, last, windows), int(horizon), utc_now())
