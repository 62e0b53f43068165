"""The gazetteer that comes with the package: listed companies, further names, and which names are ambiguous.

`reference/companies.csv` is the company tickers file of the U.S. Securities and Exchange Commission, in the public
domain; the other files were written for this project. What a gazetteer is to the pipeline is in
`core.linking.gazetteer`.
"""

import csv
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from signals_pipeline.core.linking.gazetteer import Actor, Gazetteer, ListedCompany, NameUse

_REFERENCE = Path(__file__).resolve().parents[1] / "reference"


@cache
def load_gazetteer() -> Gazetteer:
    """The gazetteer of the package."""
    companies = [ListedCompany(row["ticker"], row["name"], row["exchange"]) for row in _rows("companies.csv")]
    actors = [Actor(row["name"], row["ticker"], is_broker=row["broker"] == "yes") for row in _rows("actors.csv")]
    ambiguous_names = [(row["name"], NameUse(row["use"])) for row in _rows("ambiguous_names.csv")]
    return Gazetteer(tuple(companies), tuple(actors), tuple(ambiguous_names))


def _rows(name: str) -> Iterator[dict[str, str]]:
    """The rows of a reference file."""
    with (_REFERENCE / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)
