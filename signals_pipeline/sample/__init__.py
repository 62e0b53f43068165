"""The recorded sample: real headlines and daily bars of one earnings season, see NOTICE for their origin."""

from pathlib import Path

_FOLDER = Path(__file__).resolve().parent

HEADLINES = _FOLDER / "headlines.csv"
PRICES = _FOLDER / "prices.csv.gz"
WATCHLIST = _FOLDER / "watchlist.yaml"

# Keys of the first and the last digest window that the headlines fill.
FIRST_WINDOW = "2015-01-23-17:30"
LAST_WINDOW = "2015-02-27-08:30"

COMPACT_MODEL = _FOLDER / "model" / "compact"
