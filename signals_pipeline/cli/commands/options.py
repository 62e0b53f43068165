"""Options that several commands share."""

import click

# As core.record.outcomes.HORIZONS, which would import pandas for `signals --help`; a test holds them equal.
HORIZONS = (1, 3, 5, 10)

first_window = click.option("--from", "first", help="Key of the first window.")
last_window = click.option("--to", "last", help="Key of the last window, inclusive.")
# 520: a year of two windows per weekday.
max_windows = click.option(
    "--windows", default=520, show_default=True, type=click.IntRange(1), help="Maximum windows; the newest are used."
)
horizon = click.option(
    "--horizon",
    default="5",
    show_default=True,
    type=click.Choice([str(sessions) for sessions in HORIZONS]),
    help="Holding period in sessions.",
)
