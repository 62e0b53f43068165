"""Which companies of the watchlist a headline is about, and how clearly. Precision first: where in doubt, no link.

Names match as whole words, the longest first; ambiguous and shared names need a second support; a bare ticker symbol
never links, only `$SYM` and `(NYSE: SYM)` do. The lists of words below were chosen by reading real titles.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from signals_pipeline.core.linking.ambiguity import accepted, doubtful, possible
from signals_pipeline.core.linking.mentions import CASHTAG_MARK, Mention, NameIndex
from signals_pipeline.core.text import CASHTAG, readable
from signals_pipeline.core.watchlist import Watchlist

SUBJECT, NAMED, TAGGED = 1.0, 0.5, 0.0

_HEAD_WORDS = 3  # a company named after at most this many words is what the headline is about
_LIST_SIZE = 5  # from this many companies on, a title is a list

_RATES = (
    r"(?:\.|\s&\sCo\.?|\sInc\.?|\sGroup|\sCorp(?:\.|oration)?)?(?:\s+analysts?)?"
    r"\s+(?:upgrades?|downgrades?|initiates?|reiterates?|maintains?"
)
_RATES_ANY = re.compile(
    _RATES + r"|(?:raises|cuts|lifts|lowers) (?:price )?targets?|ratings? updates?)\b", re.IGNORECASE
)
_RATES_NEXT = re.compile(
    _RATES + r"|starts|raises|cuts|lifts|boosts|trims|lowers|likes|favors|backs|recommends|sees|says|on|keeps|adds"
    r"|gives?|suggests)"
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
# What may stand between two names of one list.
JOINED = re.compile(r"^(?:['’]s)?\s*(?:,|&|\+|/|,?\s*\band\b|\bvs?\b\.?|\bversus\b|[-–])\s*$", re.IGNORECASE)
_LIST_TITLE = re.compile(
    r"\b(?:stocks? (?:to (?:watch|buy|sell|own)|picks|moving|trading|that)|(?:moving|active) stocks|watch \d+ stocks"
    r"|brokers?['’]? ?(?:call|picks)|brokerage views|chart check|trades for the week|highlighted (?:as|in)"
    r"|are part of zacks|(?:top|big(?:gest)?|midday|after[- ]hours|pre-?market) (?:stocks|movers|gainers|losers|news)"
    r"|movers|gainers|losers|notable (?:earnings|calls|insider)|earnings (?:calendar|scheduled)"
    r"|dogs of the dow|watch ?list|week ahead|round-?up|(?:tech|market) highlights|morning buzz"
    r"|market (?:wrap|recap)|\d+ (?:\w+ ){0,2}stocks)\b|& more$",
    re.IGNORECASE,
)
_FILED = re.compile(r"^(?: 'C')?\s:\s")  # a publisher's page names its company before a colon that stands apart
_CLAUSE_END = re.compile(r"[;:]\s")
_IN_SENTENCE = re.compile(r"['’]s\b|-[a-z]|\s(?!via\b|cc\b)[a-z]|\s(?:CEO|CFO|COO|Inc|EPS|PT|Q[1-4])\b")
_LEADS_TO = re.compile(
    r"\b(?:of|on|in|for|with|from|at|by|against|about|into|than|versus|vs\.?|between|behind|long|short|buy|sell|own|is)\s$",
    re.IGNORECASE,
)
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
class Place:
    """Where a text names a company: from its first character to the one after its last."""

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
        if not (mentions or lead or tagged):
            return {}
        strong = {one.symbols[0] for one in (*mentions, *lead) if one.strong}
        support = tagged | strong
        named = _named(mentions, read.text, support)
        in_lead = [name.symbol for name in _named(lead, summary, support)]
        found = dict.fromkeys(tagged, TAGGED) | dict.fromkeys(in_lead, NAMED)
        return dict(sorted((found | self._relevance(named, read)).items()))

    def places(self, title: str, text: str, supported: Iterable[str]) -> tuple[str, list[Place]]:
        """The text, in which `CASHTAG_MARK` stands before the cashtags that belong to it, and where it names companies.

        Args:
            title: Clean title.
            text: The same as `titles.readable` gives it.
            supported: Companies that the item is known to be about.
        """
        read = self._read(title, text)
        mentions = self._names.find(read.text)
        support = read.worn | {one.symbols[0] for one in mentions if one.strong} | set(supported)
        return read.text, _named(mentions, read.text, support)

    def _read(self, title: str, text: str) -> _Read:
        cashtags = list(CASHTAG.finditer(title)) if "$" in title else []
        inside = {
            match.start()
            for match in cashtags
            if _IN_SENTENCE.match(title, match.end()) or _LEADS_TO.search(title[: match.start()])
        }
        if inside:
            text = readable(CASHTAG.sub(lambda tag: _marked(tag) if tag.start() in inside else tag.group(), title))
        written = {tag[1] for tag in cashtags}
        outside = (tag[1] for tag in cashtags if tag.start() not in inside)
        return _Read(text, {symbol for tag in outside if (symbol := self._names.symbol(tag))}, written)

    def _relevance(self, named: list[Place], read: _Read) -> dict[str, float]:
        if not named:
            return {}
        first = {name.symbol: name for name in reversed(named)}
        names = sorted(first.values(), key=lambda name: name.start)
        found = dict.fromkeys(first, NAMED)
        is_list = max(len(read.written), len(names)) >= _LIST_SIZE or _LIST_TITLE.search(read.text)
        if not is_list:
            others = read.written - set(first)
            found.update(dict.fromkeys(self._subjects(names, read.text, alone=len(names) == 1 and not others), SUBJECT))
        return found

    def _subjects(self, names: list[Place], text: str, *, alone: bool) -> list[str]:
        """The companies that a title is about: the first that it names, and those joined to it."""
        told = [name for name in names if not _only_quoted(name, text)]
        if told and (self._rates(told, text) or (len(told) > 1 and _FILED.match(text[told[0].end :]))):
            del told[0]
        if not told or not (alone or _near_head(min(names[0].start, told[0].start), text)):
            return []
        subjects = [told[0]]
        for name in told[1:]:
            if not JOINED.match(text[subjects[-1].end : name.start]):
                break
            subjects.append(name)
        return [name.symbol for name in subjects]

    def _rates(self, told: list[Place], text: str) -> bool:
        """Whether the first company only judges another: `JPMorgan cuts Microsoft to neutral`."""
        if _RATES_ANY.match(text, told[0].end):
            return True
        broker = told[0].symbol in self._brokers and len(told) > 1
        return broker and _RATES_NEXT.match(text[told[0].end : told[1].start]) is not None


def _near_head(start: int, text: str) -> bool:
    """Whether a place is near the start of the title or of a part of it after a semicolon or colon."""
    return len(_WORD.findall(_CLAUSE_END.split(text[:start])[-1])) <= _HEAD_WORDS


def _marked(tag: re.Match[str]) -> str:
    return CASHTAG_MARK + tag[1]


def _only_quoted(name: Place, text: str) -> bool:
    after = text[name.end :]
    quoted = _RATED_BY.search(text[: name.start]) and _ENDS.match(after)
    return bool(quoted or _HOSTS.match(after) or (name.start and _SAYS_LAST.match(after)))


def _named(mentions: list[Mention], text: str, support: set[str]) -> list[Place]:
    """What the mentions of a text stand for; an ambiguous name in one list with a clear one is as clear as that."""
    symbols = [accepted(mention, text, support) for mention in mentions]
    for order in (range(len(mentions)), range(len(mentions) - 1, -1, -1)):
        for one, other in pairwise(order):
            mention, (left, right) = mentions[other], sorted((one, other))
            if symbols[one] and not symbols[other] and len(mention.symbols) == 1 and possible(mention, text):
                listed = JOINED.match(text[mentions[left].end : mentions[right].start])
                symbols[other] = mention.symbols if listed and not doubtful(mention, text) else ()
    found = zip(mentions, symbols, strict=True)
    return [Place(symbol, mention.start, mention.end) for mention, names in found for symbol in names]


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
