"""Where a text names companies of the watchlist: whole words, the longest name first, case as names are written."""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from signals_pipeline.core.watchlist import Company, Watchlist

CASHTAG_MARK = (
    "\ue000"  # stands before a cashtag that is part of the sentence; clean titles hold no private-use character
)

_WORD = re.compile(r"[^\W_]+|&")
_GAP = re.compile(r"[ .'’‐‑–-]{0,2}$")  # what may stand between the words of one name: "Coca-Cola", "J.P. Morgan"
_SYMBOL = r"([A-Z]{1,5}(?:[.\-][A-Z]{1,2})?)(?!\w)"
_EXPLICIT = re.compile(rf"{CASHTAG_MARK}{_SYMBOL}|[(\[](?:NYSE|NASDAQ|Nasdaq|AMEX|OTC)[A-Za-z ]{{0,8}}:\s*{_SYMBOL}")
_LEGAL = re.compile(
    r"inc|incorporated|corp|corporation|co|company|plc|p|l|c|ltd|limited|lp|llc|nv|n|v|sa|s|a|ag|se|holdings?|group|and"
)
# "@Name" names a company like any word, unless it credits a source: "via @Name", "@Name: title".
_CREDIT = re.compile(r"(?:^|\b(?:via|rt|by|from|cc|on|h/t)\s|[“\"(])@$", re.IGNORECASE)
_PLURAL_FROM = 5  # letters: feeds that lose apostrophes write "Amazons Dash", "Honeywells"
_SHORT = 5  # letters: in a title in capitals such a name could be any word


@dataclass(frozen=True, slots=True)
class Mention:
    """A place in a text where a name stands.

    Attributes:
        start: First character.
        end: First character after it.
        symbols: The companies that have this name; several where they share it.
        strong: The name alone is enough for a link.
    """

    start: int
    end: int
    symbols: tuple[str, ...]
    strong: bool


@dataclass(frozen=True, slots=True)
class _Name:
    written: tuple[str, ...]
    folded: tuple[str, ...]
    symbols: tuple[str, ...]
    strong: bool

    def written_like(self, words: Sequence[str], *, capitals: bool) -> bool:
        """Whether these words, already equal when folded, are written as the name is."""
        return capitals or all(map(_same_case, self.written, words))


def _same_case(name: str, word: str) -> bool:
    if name.isupper():
        return name == word
    return word[0].isupper() or not name[0].isupper()


def symbol_key(symbol: str) -> str:
    """The symbol as everyone writes it: `BRK.B`, `BRK-B` and `brk/b` are one."""
    return re.sub(r"[./\-]", "-", symbol.strip().upper())


class NameIndex:
    """Every name of a watchlist by its first word; compile it once and search any number of texts."""

    def __init__(self, watchlist: Watchlist) -> None:
        self._symbols = {symbol_key(symbol): symbol for symbol in watchlist.symbols}
        self._by_word: dict[str, list[_Name]] = defaultdict(list)
        for name in sorted(_names(watchlist), key=lambda name: (-len(name.folded), name.written)):
            self._by_word[name.folded[0]].append(name)

    def symbol(self, written: str) -> str | None:
        """The watchlist's symbol for one written in a tag or title; None where it has none."""
        return self._symbols.get(symbol_key(written))

    def find(self, text: str) -> list[Mention]:
        """The names, `(NYSE: SYM)` forms and marked cashtags in a text, in order, none overlapping another."""
        found = [
            Mention(match.start(), match.end(), (symbol,), strong=True)
            for match in _EXPLICIT.finditer(text)
            if (symbol := self.symbol(match[1] or match[2]))
        ]
        taken = [(mention.start, mention.end) for mention in found]
        named = (name for name in self._named(text) if not any(low <= name.start < high for low, high in taken))
        return sorted([*found, *named], key=lambda mention: mention.start)

    def _named(self, text: str) -> Iterator[Mention]:
        fold = _fold if "&" in text else str.casefold
        words = [fold(word) for word in _WORD.findall(text)]
        firsts = [at for at, word in enumerate(words) if word in self._by_word]
        if not firsts:
            return
        spans = [match.span() for match in _WORD.finditer(text)]
        capitals = text.isupper() and len(text.split()) > 2
        free = 0
        for at in firsts:
            name = self._longest(text, words, spans, at, capitals=capitals) if at >= free else None
            if name is None:
                continue
            free = at + len(name.folded)
            start, end = spans[at][0], spans[free - 1][1]
            unsure = capitals and len(name.folded) == 1 and end - start <= _SHORT
            yield Mention(start, end, name.symbols, strong=name.strong and not unsure)

    def _longest(
        self, text: str, words: list[str], spans: list[tuple[int, int]], at: int, *, capitals: bool
    ) -> _Name | None:
        if not _readable_place(text, *spans[at]):
            return None
        for name in self._by_word[words[at]]:
            end = at + len(name.folded)
            if tuple(words[at:end]) != name.folded:
                continue
            run = spans[at:end]
            joined = all(_GAP.match(text, left[1], right[0]) for left, right in pairwise(run))
            if joined and name.written_like([text[first:last] for first, last in run], capitals=capitals):
                return name
        return None


def _readable_place(text: str, start: int, end: int) -> bool:
    """Whether a word can be a name there: cashtags are read apart, a handle names unless it credits a source."""
    before = text[start - 1 : start]
    if before == "@":
        return text[end : end + 1] not in {":", "_"} and not _CREDIT.search(text[:start])
    return before not in {"$", CASHTAG_MARK}


def _fold(word: str) -> str:
    return "and" if word == "&" else word.casefold()


def _words(name: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(name))


def _names(watchlist: Watchlist) -> Iterator[_Name]:
    """The companies' names; one that several companies have is never strong."""
    owners: dict[tuple[str, ...], list[str]] = defaultdict(list)
    strengths: dict[tuple[str, ...], bool] = {}
    given = {folded for company in watchlist for folded in map(_folded, _given(company))}
    for company in watchlist:
        for written, strong in _company_names(company, given).items():
            owners[written].append(company.symbol)
            strengths[written] = strong
    holders: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for written, symbols in owners.items():
        holders[_folded(written)].update(symbols)
    for written, strong in strengths.items():
        symbols = tuple(sorted(holders[_folded(written)]))
        yield _Name(written, _folded(written), symbols, strong=strong and len(symbols) == 1)


def _folded(words: Sequence[str]) -> tuple[str, ...]:
    return tuple(map(_fold, words))


def _given(company: Company) -> Iterator[tuple[str, ...]]:
    yield from filter(None, map(_words, (company.name, *company.aliases, *company.ambiguous_aliases)))


def _company_names(company: Company, given: set[tuple[str, ...]]) -> dict[tuple[str, ...], bool]:
    """Every way of writing a company and whether it is enough alone: ambiguous names win over all others."""
    names = dict.fromkeys(filter(None, map(_words, (company.name, *company.aliases))), True)
    short = _without_legal_form(_words(company.name))
    if short and _folded(short) not in given:
        names[short] = len(short) > 1
    for words in [words for words, strong in names.items() if strong]:
        *head, last = words
        if head and last == "s":
            names.setdefault((*head[:-1], head[-1] + "s"), True)  # McDonald's, McDonalds
        elif last.isalpha() and len(last) >= _PLURAL_FROM and not last.endswith("s"):
            names.setdefault((*head, last + "s"), True)
        if len(words) > 1 and len(words[0]) == 2 and words[0].isupper():
            names.setdefault((*words[0], *words[1:]), True)  # JP Morgan, J.P. Morgan
    unsure = {_folded(words) for words in map(_words, company.ambiguous_aliases) if words}
    names |= {words: False for words in map(_words, company.ambiguous_aliases) if words}
    return {words: strong and _folded(words) not in unsure for words, strong in names.items()}


def _without_legal_form(words: tuple[str, ...]) -> tuple[str, ...]:
    start = 1 if words and _fold(words[0]) == "the" else 0
    end = len(words)
    while end > start and _LEGAL.fullmatch(_fold(words[end - 1])):
        end -= 1
    return words[start:end]
