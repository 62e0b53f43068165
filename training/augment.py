"""Random rewrites of a training title that keep its tone, so that US newswire and posts look familiar to the model."""

import csv
import random
import re
import string
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

_RUPEES = re.compile(r"\bRs\.? ?(?=\d)", re.IGNORECASE)
_CRORE = re.compile(r"\b(?:crores?|cr|lakhs?)\b", re.IGNORECASE)
_NUMBER = re.compile(r"\d+")
_INDIAN = {"Sensex": "Dow Jones", "Nifty": "S&P 500", "RBI": "Fed", "Sebi": "SEC", "BSE": "NYSE", "NSE": "Nasdaq"}
_INDIAN_WORD = re.compile(r"\b(" + "|".join(_INDIAN) + r")\b", re.IGNORECASE)
_TAGS = ("#stocks", "#markets", "#earnings", "#trading", "#investing", "#news", "#economy")
_LEADS = ("BRIEF-", "UPDATE 1-", "RT @newswire: ", "Breaking: ", "Report: ", "Watch: ")


@dataclass(frozen=True, slots=True)
class Names:
    """The names a title may carry: which companies SEntFiN marks in it, and (ticker, company) pairs to put there."""

    marked: dict[str, tuple[str, ...]]
    companies: tuple[tuple[str, str], ...]


def read_names(sentfin: Path, stocknet: Path, *, companies_only: bool) -> Names:
    """The marked entities of `sentfin_entity.csv` and the companies of `StockTable.tsv`."""
    listed: dict[str, list[str]] = {}
    with (sentfin / "sentfin_entity.csv").open(encoding="utf-8", newline="") as file:
        for record in csv.DictReader(file):
            listed.setdefault(record["text"].strip(), []).append(record["entity"].strip())
    with (stocknet / "StockTable.tsv").open(encoding="utf-8", newline="") as file:
        table = [tuple(record.values()) for record in csv.DictReader(file, delimiter="\t")]
    if companies_only:
        titles = Counter(entity for found in listed.values() for entity in found)
        # Lower-case and very frequent entities are indices, metals and currencies: no company can stand in their place.
        listed = {title: [e for e in found if e[:1].isupper() and titles[e] < 40] for title, found in listed.items()}
    companies = tuple((symbol.strip("$"), company.split(",")[0]) for _, symbol, company, *_ in table)
    return Names({title: tuple(found) for title, found in listed.items()}, companies)


def _rename(title: str, names: Names, draw: random.Random) -> str:
    """Other companies in the place of those that are named: tone must not hang on who is meant."""
    for entity in names.marked.get(title, ()):
        symbol, company = draw.choice(names.companies)
        title = title.replace(entity, draw.choice((company, company.split()[0], f"${symbol}")), 1)
    return title


def americanise(title: str, draw: random.Random) -> str:
    """Dollars, millions and US indices and authorities for the Indian ones."""
    title = _CRORE.sub(draw.choice(("million", "mln", "billion", "M")), _RUPEES.sub("$", title))
    return _INDIAN_WORD.sub(lambda found: _INDIAN.get(found[0].capitalize(), found[0]), title)


def renumber(title: str, draw: random.Random) -> str:
    """Other digits, as many as before: tone must not hang on a figure learnt by heart."""
    return _NUMBER.sub(lambda found: "".join(draw.choice("123456789") for _ in found[0]), title)


def _dress(title: str, names: Names, draw: random.Random) -> str:
    """The trimmings of posts: cashtags, tags, links, leads, cut ends."""
    symbol, _ = draw.choice(names.companies)
    link = "https://t.co/" + "".join(draw.choices(string.ascii_letters + string.digits, k=10))
    forms = (
        f"${symbol} - {title}",
        f"${symbol}: {title}",
        f"{title} ${symbol}",
        f"{title} {link}",
        f"${symbol} - {title} {link}",
        f"{title} {draw.choice(_TAGS)}",
        f"{draw.choice(_LEADS)}{title}",
        f"{title}… {link}",
    )
    return draw.choice(forms)


def _drop_words(title: str, draw: random.Random, share: float = 0.08) -> str:
    """A few words less; never all."""
    words = title.split()
    return " ".join(word for word in words if draw.random() >= share) or title


def augment(title: str, names: Names, draw: random.Random) -> str:
    """One random rewrite of `title`; about a quarter stay as they are.

    Args:
        title: A title as it stands in the training rows (the marked companies are found by it).
        names: What `read_names` gave.
        draw: The source of randomness; the same state gives the same rewrite.
    """
    if draw.random() < 0.25:
        return title
    if draw.random() < 0.4:
        title = _rename(title, names, draw)
    if draw.random() < 0.4:
        title = americanise(title, draw)
    if draw.random() < 0.3:
        title = renumber(title, draw)
    if draw.random() < 0.3:
        title = _drop_words(title, draw)
    return _dress(title, names, draw) if draw.random() < 0.3 else title
