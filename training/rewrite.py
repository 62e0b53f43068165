"""Random rewrites of a training title that keep its tone, its event and the places of its companies.

What must not change an answer is varied: which company, which figures, the publisher's name behind the title, trimmings
of posts, punctuation, an emoji, a typing error.
"""

import csv
import random
import re
import string
from dataclasses import dataclass
from pathlib import Path

from augment import americanise, renumber
from examples import FIRST_PLACE, Example, filled

_PUBLISHERS = (
    "Reuters", "Bloomberg", "MarketWatch", "Yahoo Finance", "CNBC", "Barron's", "WSJ", "The Wall Street Journal",
    "Investing.com", "Benzinga", "Seeking Alpha", "TheStreet", "Forbes", "Financial Times", "Zacks", "Motley Fool",
    "Business Wire", "PR Newswire", "GlobeNewswire", "The Economic Times", "Moneycontrol", "AP News", "Fortune",
)  # fmt: skip
_TAGS = ("#stocks", "#markets", "#earnings", "#trading", "#investing", "#news", "#economy")
_LEADS = (
    "BRIEF-",
    "UPDATE 1-",
    "UPDATE 2-",
    "RT @newswire: ",
    "Breaking: ",
    "BREAKING: ",
    "Report: ",
    "Just in: ",
    "*",
)
_EMOJIS = ("📈", "📉", "🚀", "🔥", "⚠️", "💰", "🤔", "👀", "📊", "🚨", "✅", "💡", "🐻", "🐂", "📰")
_LINK = re.compile(r"\s*https?://\S+")
_CASHTAG = re.compile(r"\$[A-Z]{1,5}\b")
_LEGAL_FORM = re.compile(
    r"[ ,/]+(?:inc|corp|co|ltd|plc|llc|lp|sa|nv|ag|se|de|new|holdings?|group|trust|company|corporation|the)\b\.?.*$",
    re.IGNORECASE,
)
_NO_COMPANIES = {
    *("gold", "silver", "copper", "crude", "oil", "dollar", "rupee", "euro", "yen", "bonds"),
    *("sensex", "nifty", "bse", "nse", "dow", "nasdaq", "rbi"),
}
_KEYS = {"a": "sq", "e": "wr", "i": "uo", "o": "ip", "s": "ad", "t": "ry", "n": "bm", "r": "et", "l": "k", "c": "xv"}


@dataclass(frozen=True, slots=True)
class Names:
    """Companies that may stand in another's place, as (ticker, name): large caps of US newswire, and all listed."""

    large: tuple[tuple[str, str], ...]
    listed: tuple[tuple[str, str], ...]

    def draw(self, draw: random.Random) -> tuple[str, str]:
        """A (ticker, name) pair, every other time of a large cap."""
        return draw.choice(self.large if draw.random() < 0.5 else self.listed)


def read_names(data: Path) -> Names:
    """The companies of StockNet's table and of the SEC's list, the latter without their legal form."""
    with (data / "stocknet" / "StockTable.tsv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    table = [(row["Symbol"].strip("$"), row["Company"].split(",")[0]) for row in rows]
    listed: list[tuple[str, str]] = []
    with (data / "sec" / "companies.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            name = _LEGAL_FORM.sub("", row["name"]).strip(" .,&")
            if 3 <= len(name) <= 28 and name.isascii():
                listed.append((row["ticker"], name.title() if name.isupper() else name))
    return Names(tuple(table), tuple(listed))


def is_company(name: str) -> bool:
    """Whether a marked name is a company's, for all that its words tell: metals, currencies and indices keep theirs."""
    return name[:1] == "$" or (name[:1].isupper() and name.casefold() not in _NO_COMPANIES)


def is_place(character: str) -> bool:
    """Whether the character stands for a company."""
    return FIRST_PLACE <= ord(character) < FIRST_PLACE + 100


def holds_place(word: str) -> bool:
    """Whether a company stands in the word."""
    return any(is_place(character) for character in word)


class Rewriter:
    """Rewrites by one source of randomness: the same state gives the same rewrites."""

    def __init__(self, names: Names, draw: random.Random) -> None:
        self.names = names
        self.draw = draw

    def __call__(self, example: Example, *, rename: bool) -> tuple[str, list[list[tuple[int, int]]]]:
        """One rewrite: its text, and the character ranges of each of its companies.

        Args:
            example: The title.
            rename: Whether other companies may take the places.
        """
        chance = self.draw.random
        template = example.template
        names = list(example.names)
        if chance() < 0.75:
            if rename and chance() < 0.4 and all(map(is_company, names)):
                names = self._other_names(names)
            if chance() < 0.4:
                template = americanise(template, self.draw)
            if chance() < 0.3:
                template = renumber(template, self.draw)
            if chance() < 0.15:
                template = self._drop_words(template)
            if chance() < 0.2:
                template = self._punctuate(template)
            if chance() < 0.25:
                template = self._mistype(template)
        # Links say nothing, and newswire has none.
        if chance() < 0.6:
            template = _LINK.sub("", template) or template
        if chance() < 0.3:
            template = _CASHTAG.sub(lambda _: f"${self.names.draw(self.draw)[0]}", template)
        if chance() < 0.45:
            template = self._dress(template)
        text, spans = filled(template, names)
        by_company: list[list[tuple[int, int]]] = [[] for _ in example.entities]
        for owner, ranges in zip(example.owners, spans, strict=True):
            by_company[owner] += ranges
        return text, by_company

    def _other_names(self, names: list[str]) -> list[str]:
        """Another company for each; two never become the same."""
        found: list[str] = []
        for _ in names:
            symbol, company = self.names.draw(self.draw)
            name = self.draw.choice((company, company, company.split()[0], f"${symbol}"))
            found.append(name if name not in found else symbol)
        return found

    def _drop_words(self, template: str, share: float = 0.06) -> str:
        """A few words less, never a company and never all."""
        words = [word for word in template.split() if holds_place(word) or self.draw.random() >= share]
        return " ".join(words) or template

    def _punctuate(self, template: str) -> str:
        """Other punctuation."""
        changes = (
            lambda text: text + self.draw.choice((".", "!", "...", "…", " -")),
            lambda text: text.replace(",", ""),
            lambda text: text.replace("'", "’"),
            lambda text: text.replace("’", "'"),
            lambda text: text.replace(":", " -"),
            lambda text: text.replace(" - ", ": "),
            lambda text: text.replace(";", ","),
            lambda text: text.replace("-", " "),
            lambda text: f'"{text}"',
        )
        return self.draw.choice(changes)(template)

    def _mistype(self, template: str) -> str:
        """A typing error in one word of five letters or more: letters swapped, missing, doubled, or the next key."""
        words = template.split(" ")
        long = [index for index, word in enumerate(words) if len(word) >= 5 and word.isalpha()]
        if not long:
            return template
        index = self.draw.choice(long)
        word = words[index]
        at = self.draw.randrange(1, len(word) - 1)
        kind = self.draw.randrange(4)
        if kind == 0:
            word = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
        elif kind == 1:
            word = word[:at] + word[at + 1 :]
        elif kind == 2:
            word = word[:at] + word[at] + word[at:]
        else:
            near = _KEYS.get(word[at].lower(), string.ascii_lowercase)
            word = word[:at] + self.draw.choice(near) + word[at + 1 :]
        words[index] = word
        return " ".join(words)

    def _dress(self, template: str) -> str:
        """Trimmings: a publisher, cashtags, tags, links, leads, a cut end, an emoji."""
        symbol, company = self.names.draw(self.draw)
        link = "https://t.co/" + "".join(self.draw.choices(string.ascii_letters + string.digits, k=10))
        publisher = self.draw.choice(_PUBLISHERS)
        emoji = self.draw.choice(_EMOJIS)
        forms = (
            f"{template} - {publisher}",
            f"{template} - {publisher}",
            f"{template} | {publisher}",
            f"{template} By {publisher}",
            f"{template} ({publisher})",
            f"{publisher}: {template}",
            f"{template} - {company} Start",
            f"${symbol} - {template}",
            f"${symbol}: {template}",
            f"{template} ${symbol}",
            f"{template} ({symbol})",
            f"{template} {link}",
            f"{template} {self.draw.choice(_TAGS)}",
            f"{self.draw.choice(_LEADS)}{template}",
            f"{template}… {link}",
            f"{template} {emoji}",
            f"{template} {emoji}{emoji}",
            f"{emoji} {template}",
        )
        return self.draw.choice(forms)
