"""The gazetteer of listed companies that comes with the package.

`reference/companies.csv` is the company tickers file of the U.S. Securities and Exchange Commission, in the public
domain. What a gazetteer is to the pipeline is in `core.linking.gazetteer`.
"""

import csv
from functools import cache
from pathlib import Path

from signals_pipeline.core.linking.gazetteer import Gazetteer, ListedCompany

_COMPANIES = Path(__file__).resolve().parents[1] / "reference" / "companies.csv"


@cache
def load_gazetteer() -> Gazetteer:
    """The listed companies of the package."""
    with _COMPANIES.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return Gazetteer(tuple(ListedCompany(row["ticker"], row["name"], row["exchange"]) for row in rows))
