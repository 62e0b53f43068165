"""Which companies of the watchlist a headline is about, and how clearly. Precision first: where in doubt, no link.

Names match as whole words, the longest first; ambiguous and shared names need a second support; a bare ticker symbol
never links, only `$SYM` and `(NYSE: SYM)` do. The lists of words below were chosen by reading real titles.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from signals_pipeline.core.mentions import CASHTAG_MARK, Mention, NameIndex
from signals_pipeline.core.titles import CASHTAG, readable
from signals_pipeline.core.watchlist import Watchlist

SUBJECT, NAMED, TAGGED = 1.0, 0.5, 0.0

_HEAD_WORDS = 3  # a company named after at most this many words is what the headline is about
_LIST_SIZE = 5  # from this many companies on, a title is a list

_CONTEXT = re.compile(
    r"\b(?:[Ss]hares|[Ss]tocks?|[Ee]arnings|EPS|[Rr]evenues?|[Pp]rofits?|[Dd]ividends?|[Bb]uybacks?|[Ss]hareholders?"
    r"|[Ii]nvestors?|[Aa]nalysts?|CEO|CFO|COO|[Qq][1-4]|[Qq]uarter(?:ly)?|[Gg]uidance|[Uu]pgraded?|[Dd]owngraded?|Inc"
    r"|Corp|NYSE|NASDAQ|Nasdaq|IPO|[Mm]arket cap|[Aa]cqui(?:re|res|red|sition)|[Mm]erger)\b"
)
# Words beside an ambiguous name that make it something else: price target, big apple, H-1B visa, pay gap.
_OTHER_BEFORE = re.compile(
    r"(?:^|[^\w])(?:price|a|an|on|big|1b|student|work|tourist|entry|travel|exit|gender|pay|wage|income|funding|generation"
    r"|output|budget|trade|skills|wealth|credibility|goose|wild)\s$",
    re.IGNORECASE,
)
_OTHER_AFTER = re.compile(
    r"\s(?:pie|juice|cider|orchards?|prices?|dates?|practice|requirements?|holders?|waivers?|applications?|applicants?"
    r"|bans?|between)\b",
    re.IGNORECASE,
)
# Words after any name that make it a place, a trust or another company.
_OTHER_THING = re.compile(
    r"\s(?:rainforest|river|basin|jungle|forest|foundation|university|stadium|arena|museum|hospitality)\b",
    re.IGNORECASE,
)
_BRACKETED = re.compile(r"\s?\(([A-Z.\-]{1,7})\)")

_RATES = r"(?:\s+analysts?)?\s+(?:upgrades?|downgrades?|initiates?|reiterates?|maintains?"
_RATES_ANY = re.compile(
    _RATES + r"|(?:raises|cuts|lifts|lowers) (?:price )?targets?|ratings? updates?)\b", re.IGNORECASE
)
_RATES_NEXT = re.compile(
    _RATES + r"|starts|raises|cuts|lifts|boosts|trims|lowers|likes|favors|backs|recommends|sees|says|on|keeps|adds)"
    r"\s+(?:[\w.&'’-]+\s+){0,2}$",
    re.IGNORECASE,
)
_RATED_BY = re.compile(
    r"(?:\b(?:says?|said|according to|via|per)|\s[-–—]|\b(?:raised|cut|upgraded|downgraded|initiated|lowered|started"
    r"|reiterated)(?:\s\S+){0,4}\s(?:at|by))\s*$",
    re.IGNORECASE,
)
_ENDS = re.compile(r"^(?:['’]s)?(?:\s+(?:says?|said|analysts?|strategists?|economists?))?[\s.\"”)]*$", re.IGNORECASE)
_SAYS_LAST = re.compile(r"^\s+(?:says|said|analysts?|strategists?|economists?)\b[\s.\"”)]*$", re.IGNORECASE)
_HOSTS = re.compile(r"^(?:['’]s)?(?:\s[\w&,.'’-]+){0,5}\s(?:conference|summit|symposium)\b", re.IGNORECASE)
_JOINED = re.compile(r"^(?:['’]s)?\s*(?:,|&|\+|/|,?\s*\band\b|\bvs?\b\.?|\bversus\b|[-–])\s*$", re.IGNORECASE)
_LIST_TITLE = re.compile(
    r"\b(?:stocks? (?:to (?:watch|buy|sell|own)|picks|moving|trading|that)|watch \d+ stocks|(?:top|big(?:gest)?|midday"
    r"|after[- ]hours|pre-?market) (?:stocks|movers|gainers|losers|news)|movers|gainers|losers|notable (?:earnings"
    r"|calls|insider)|earnings (?:calendar|scheduled)"
    r"|dogs of the dow|watch ?list|week ahead|round-?up|(?:tech|market) highlights|morning buzz"
    r"|market (?:wrap|recap)|\d+ (?:\w+ ){0,2}stocks)\b",
    re.IGNORECASE,
)
_IN_SENTENCE = re.compile(r"['’]s\b|-[a-z]|\s(?!via\b|cc\b)[a-z]|\s(?:CEO|CFO|COO|Inc)\b")
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class _Read:
    """A title's text with the cashtags of its sentences marked, and those outside a sentence.

    A cashtag before or after the sentence says where someone filed the title. Half of the companies that are named in
    no other way are competitors or the day's favourites (read by hand: 70 of stocknet's titles): it counts as a tag.
    """

    text: str
    worn: set[str]
    written: set[str]


@dataclass(frozen=True, slots=True)
class _Named:
    symbol: str
    start: int
    end: int


class Linker:
    """Links headlines to one watchlist; compile it once and use it for every headline."""

    def __init__(self, watchlist: Watchlist) -> None:
        self._names = NameIndex(watchlist)
        financial = ("financ", "bank")
        self._brokers = {one.symbol for one in watchlist if any(word in one.sector.lower() for word in financial)}

    def links(self, title: str, text: str, summary: str = "", tags: Iterable[str] = ()) -> dict[str, float]:
        """Relevance by symbol, for the companies that a headline names or its vendor tagged; empty where none.

        Args:
            title: Clean title, cashtags included.
            text: The same as `titles.readable` gives it.
            summary: Clean lead; it can name a company, it can't make it the subject.
            tags: The vendor's symbols; those not on the watchlist are ignored.
        """
        read = self._read(title, text)
        tagged = {symbol for tag in tags if (symbol := self._names.symbol(tag))} | read.worn
        mentions, lead = self._names.find(read.text), self._names.find(summary) if summary else []
        strong = {one.symbols[0] for one in (*mentions, *lead) if one.strong}
        support = tagged | strong
        named = [name for one in mentions for name in _accepted(one, read.text, support)]
        in_lead = [name.symbol for one in lead for name in _accepted(one, summary, support)]
        found = dict.fromkeys(tagged, TAGGED) | dict.fromkeys(in_lead, NAMED)
        return dict(sorted((found | self._relevance(named, read)).items()))

    def _read(self, title: str, text: str) -> _Read:
        cashtags = list(CASHTAG.finditer(title)) if "$" in title else []
        inside = {match.start() for match in cashtags if _IN_SENTENCE.match(title, match.end())}
        if inside:
            text = readable(CASHTAG.sub(lambda tag: _marked(tag) if tag.start() in inside else tag.group(), title))
        written = {tag[1] for tag in cashtags}
        outside = (tag[1] for tag in cashtags if tag.start() not in inside)
        return _Read(text, {symbol for tag in outside if (symbol := self._names.symbol(tag))}, written)

    def _relevance(self, named: list[_Named], read: _Read) -> dict[str, float]:
        first = {name.symbol: name for name in reversed(named)}
        names = sorted(first.values(), key=lambda name: name.start)
        found = dict.fromkeys(first, NAMED)
        is_list = max(len(read.written), len(names)) >= _LIST_SIZE or _LIST_TITLE.search(read.text)
        if not is_list:
            others = read.written - set(first)
            found.update(dict.fromkeys(self._subjects(names, read.text, alone=len(names) == 1 and not others), SUBJECT))
        return found

    def _subjects(self, names: list[_Named], text: str, *, alone: bool) -> list[str]:
        """The companies that a title is about: the first that it names, and those joined to it."""
        told = [name for name in names if not _only_quoted(name, text)]
        if told and self._rates(told, text):
            del told[0]
        if not told or not (alone or len(_WORD.findall(text[: names[0].start])) <= _HEAD_WORDS):
            return []
        subjects = [told[0]]
        for name in told[1:]:
            if not _JOINED.match(text[subjects[-1].end : name.start]):
                break
            subjects.append(name)
        return [name.symbol for name in subjects]

    def _rates(self, told: list[_Named], text: str) -> bool:
        """Whether the first company only judges another: `JPMorgan cuts Microsoft to neutral`."""
        if _RATES_ANY.match(text, told[0].end):
            return True
        broker = told[0].symbol in self._brokers and len(told) > 1
        return broker and _RATES_NEXT.match(text[told[0].end : told[1].start]) is not None


def _marked(tag: re.Match[str]) -> str:
    return CASHTAG_MARK + tag[1]


def _only_quoted(name: _Named, text: str) -> bool:
    after = text[name.end :]
    quoted = _RATED_BY.search(text[: name.start]) and _ENDS.match(after)
    return bool(quoted or _HOSTS.match(after) or (name.start and _SAYS_LAST.match(after)))


def _accepted(mention: Mention, text: str, support: set[str]) -> list[_Named]:
    """The companies that a mention stands for, given what else supports them; none where in doubt."""
    if _OTHER_THING.match(text, mention.end):
        return []
    symbols = mention.symbols
    if not mention.strong:
        if _OTHER_AFTER.match(text, mention.end) or _OTHER_BEFORE.search(text[: mention.start]):
            return []
        bracketed = _BRACKETED.match(text, mention.end)
        supported = support | {bracketed[1]} if bracketed else support
        if len(symbols) > 1 or not _CONTEXT.search(text):
            symbols = tuple(symbol for symbol in symbols if symbol in supported)
    return [_Named(symbol, mention.start, mention.end) for symbol in symbols]


def link(items: pd.DataFrame, watchlist: Watchlist) -> pd.DataFrame:
    """One row a headline copy and company of the watchlist that it names or is tagged with.

    Args:
        items: `headlines.Normalised.items`; columns title, text, summary and tags (joined by `|`) are read.
        watchlist: The companies to look for.

    Returns:
        The items' columns and symbol, relevance; a copy that names none has one row with symbol "" and relevance 0.
    """
    linker = Linker(watchlist)
    columns = (items[name].tolist() for name in ("title", "text", "summary", "tags"))
    rows: list[int] = []
    symbols: list[str] = []
    relevance: list[float] = []
    for row, (title, text, summary, tags) in enumerate(zip(*columns, strict=True)):
        found = linker.links(title, text, summary, tags.split("|")) or {"": TAGGED}
        rows.extend([row] * len(found))
        symbols.extend(found)
        relevance.extend(found.values())
    linked = items.iloc[rows].reset_index(drop=True)
    return linked.assign(symbol=pd.Series(symbols, dtype="str"), relevance=pd.Series(relevance, dtype="float64"))
