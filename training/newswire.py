"""Titles of US newswire made from patterns, with their tone: what SEntFiN, from Indian media, has little of.

The patterns are in `newswire.toml`; a title is drawn evenly over the patterns of a class.
"""

import random
import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path

PATTERNS = Path(__file__).with_name("newswire.toml")
SHARES = {"negative": 0.25, "neutral": 0.5, "positive": 0.25}  # about as newswire is: half of it without a tone
_SLOT = re.compile(r"\{(\w+)\}")
_SUFFIXES = (" - Reuters", " | Benzinga", " - MarketWatch", " By Investing.com", " - Bloomberg", " (NASDAQ:{ticker})")
Draw = random.Random
Companies = Sequence[tuple[str, str]]


def _money(draw: Draw) -> str:
    amount = draw.choice((draw.randint(1, 99), draw.randint(100, 999), draw.choice((1_000, 5_000, 10_000))))
    return f"${amount:,}" + draw.choice(("", "", "B", "M", " billion", " million", "bn"))


def _quarter(draw: Draw) -> str:
    place = draw.randrange(4)
    return draw.choice((f"Q{place + 1}", ("first", "second", "third", "fourth")[place] + "-quarter", "quarterly"))


_MADE: dict[str, Callable[[Draw], str]] = {
    "money": _money,
    "quarter": _quarter,
    "pct": lambda draw: f"{draw.choice((draw.randint(1, 30), round(draw.uniform(0.3, 9), 1)))}%",
    "year": lambda draw: str(draw.randint(2015, 2032)),
    "few": lambda draw: str(draw.randint(2, 30)),
    "count": lambda draw: f"{draw.choice((draw.randint(2, 40), draw.randint(1_000, 90_000))):,}",
}


def _short(company: str) -> str:
    """How a title calls a company: its first word that is not an article."""
    return company.removeprefix("The ").split()[0].strip(".")


def _filled(pattern: str, words: dict[str, list[str]], companies: Companies, draw: Draw) -> str:
    """The pattern with every slot filled; a company is the same wherever it stands."""
    (symbol, company), (_, other) = draw.sample(companies, 2)
    short = draw.random() < 0.6
    fixed = {
        "company": _short(company) if short else company,
        "other": _short(other),
        "ticker": symbol,
    }

    def fill(slot: re.Match[str]) -> str:
        name = slot[1]
        if name in fixed:
            return fixed[name]
        return _MADE[name](draw) if name in _MADE else draw.choice(words[name])

    return _SLOT.sub(fill, pattern + (draw.choice(_SUFFIXES) if draw.random() < 0.06 else ""))


def made_titles(count: int, companies: Companies, seed: int) -> list[tuple[str, str]]:
    """Titles made from the patterns, each with its label; the same seed gives the same ones.

    Args:
        count: Titles in all, by `SHARES`.
        companies: Tickers and names to put into the titles.
        seed: Of every choice.
    """
    draw = random.Random(seed)  # noqa: S311 - a repeatable order, no secret
    source = tomllib.loads(PATTERNS.read_text(encoding="utf-8"))
    of = {block["label"]: block["text"].strip().splitlines() for block in source["patterns"]}
    titles: list[tuple[str, str]] = []
    for label, share in SHARES.items():
        for _ in range(round(count * share)):
            title = _filled(draw.choice(of[label]), source["words"], companies, draw)
            titles.append((title[0].upper() + title[1:], label))
    return titles
