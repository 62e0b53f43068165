"""Where a text names companies, those of the watchlist and those of the gazetteer.

Names match as whole words, the longest first, in the case in which they are written: in "Goldman Sachs BDC" the longer
name is another company's. Whether a name that is also an ordinary word means the company is decided in `ambiguity`,
which companies a headline is about in `roles`.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from signals_pipeline.core.linking.gazetteer import (
    LEGAL_FORMS,
    Actor,
    Gazetteer,
    HeadlineName,
    ListedCompany,
    NameUse,
    registered_words,
)
from signals_pipeline.core.spans import Span
from signals_pipeline.core.watchlist import Company, Watchlist

# Stands before the ticker or name of a company that is not on the watchlist; no symbol begins with it.
OFF_LIST_MARK = "~"

# Stands before a cashtag that is part of the sentence. A private-use character: clean titles hold none.
CASHTAG_MARK = "\ue000"

_WORD = re.compile(r"[^\W_]+|&")
# What may stand between two words of one name: "Coca-Cola", "J.P. Morgan".
_WORD_GAP = re.compile(r"[ .'’‐‑–-]{0,2}$")
_SYMBOL = r"([A-Z]{1,5}(?:[.\-][A-Z]{1,2})?)(?!\w)"
# A symbol that can be nothing else: a marked cashtag, or "(NYSE: SYM)".
_EXPLICIT_SYMBOL = re.compile(
    rf"{CASHTAG_MARK}{_SYMBOL}|[(\[](?:NYSE|NASDAQ|Nasdaq|AMEX|OTC)[A-Za-z ]{{0,8}}:\s*{_SYMBOL}"
)
# A symbol of an exchange elsewhere, never that of a company of the watchlist: "(LSE:STAN)".
_FOREIGN_SYMBOL = re.compile(
    r"[(\[](?:LSE|LON|TSXV?|ASX|HKE?X?|SEHK|NSEI?|BSE|XTRA|ETR|FRA|EPA|ENXT\w{2}|AMS|SGX|TSE|TYO|KOSE|SWX|BIT|BME)"
    r":\s*([A-Z0-9.\-]{1,12})"
)
# A symbol alone in brackets, a company's where an exchange lists it.
_BRACKETED_SYMBOL = re.compile(r"\(([A-Z]{2,5}(?:[.\-][A-Z]{1,2})?)\)")
# A word that can be a symbol without brackets.
_BARE_SYMBOL = re.compile(r"(?<![\w$@#.&/-])[A-Z]{2,5}(?:[.\-][A-Z])?(?![\w&-])")
# Abbreviations of headlines that are also tickers.
_NOT_TICKERS_LIST = """
    AI API APP AR ASIA BIG BTC CEO CFO COO CPI CPR CTO DC DD DOJ EOD EPA EPS ESG ET ETF ETH EU EV EVS FAQ FCC
    FDA FTC FX FY GAAP GDP GPS GPU HR ICE IPO IRA IRS IT LIVE LLC LNG LTD MD NATO NEW NFT NFL NBA NHL NOW OPEC
    PC PDF PE PLC PM PMI PR PT QE REAL REIT RISE SEC SPAC TECH THE TV UAE UAW UK UN US USA USD VP VR WTI YTD ALL
    ARE CAN FOR HAS HE IN IS OF ON ONE OR OUT SEE SO TO UP WHO YOU
"""
_NOT_TICKERS = frozenset(_NOT_TICKERS_LIST.split())
# "@Name" names a company like any word, unless it credits a source: "via @Name", "@Name: title".
_SOURCE_CREDIT = re.compile(r"(?:^|\b(?:via|rt|by|from|cc|on|h/t)\s|[“\"(])@$", re.IGNORECASE)
# What parts a symbol from its share class.
_SYMBOL_SEPARATORS = str.maketrans("./", "--")
# Every symbol in brackets or behind a mark.
_SYMBOL_ANYWHERE = re.compile(rf"[{CASHTAG_MARK}(\[: ]{_SYMBOL}")
# Letters from which on a name also counts with an s: feeds that lose apostrophes write "Amazons Dash", "Honeywells".
_MINIMUM_PLURAL_LETTERS = 5
# Letters up to which a name in a title in capitals could be any word.
_MAXIMUM_AMBIGUOUS_CAPITALS = 5
# Letters of a first word that may be two initials.
_INITIALS = 2
# A title in capitals has more words than this; below it may be a name or a ticker alone.
_MAXIMUM_WORDS_OF_NAME_ALONE = 2

# Sectors whose companies rate others.
_BROKER_SECTORS = ("financ", "bank")

# A name as its words, as written or case-folded.
_Words = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Mention:
    """A place in a text where a name stands.

    Attributes:
        start: Index of the first character.
        end: Index after the last character.
        symbols: The companies that have this name; several where they share it. One that is not on the watchlist
            stands with `OFF_LIST_MARK` before its ticker or name.
        unambiguous: The name alone is enough for a link.
        use: Of an ambiguous name that is not of the watchlist, when it means the company.
        is_ticker: The name is a bare ticker.
    """

    start: int
    end: int
    symbols: tuple[str, ...]
    unambiguous: bool
    use: NameUse | None = None
    is_ticker: bool = False


@dataclass(frozen=True, slots=True)
class _Name:
    """One spelling of a name and the companies that have it."""

    words: _Words
    folded: _Words
    symbols: tuple[str, ...]
    unambiguous: bool
    use: NameUse | None = None

    def matches_case(self, words: Sequence[str]) -> bool:
        """Whether these words, already equal when folded, have the capitals of the name."""
        return all(map(_matches_case, self.words, words))


@dataclass(frozen=True, slots=True)
class _OffListName:
    """One name of a company that is not on the watchlist; registered names say nothing about capitals."""

    folded: _Words
    symbols: tuple[str, ...]
    unambiguous: bool
    use: NameUse | None
    in_capitals: bool

    def matches_case(self, words: Sequence[str]) -> bool:
        """Whether these words are written like a name."""
        if self.in_capitals:
            return all(word.isupper() for word in words)
        return all(_is_name_like(word) for word in words)


# Words within a name that stay in lower case.
_SMALL_WORDS = frozenset(("and", "de", "of", "s", "the", "&"))


def _is_name_like(word: str) -> bool:
    # "eBay", "iRhythm", "21Shares", "of", the s of "Lowe's".
    return not word[:2].islower() or word in _SMALL_WORDS


def _matches_case(name_word: str, word: str) -> bool:
    # "TOTAL" is an ordinary word in any other case.
    if name_word.isupper():
        return name_word == word
    return word[0].isupper() or not name_word[0].isupper()


def symbol_key(symbol: str) -> str:
    """Return one form for all spellings of a symbol: `BRK.B`, `BRK-B` and `brk/b` are equal."""
    return symbol.strip().upper().translate(_SYMBOL_SEPARATORS)


class NameIndex:
    """Every name of a watchlist and a gazetteer; compile it once and search any number of texts."""

    def __init__(self, watchlist: Watchlist, gazetteer: Gazetteer | None = None) -> None:
        gazetteer = gazetteer or Gazetteer()
        self._tickers = gazetteer.tickers
        known_as = _watchlist_by_registered_name(watchlist, gazetteer)

        # Another share class is the same company: GOOG where GOOGL is followed.
        self._symbols: dict[str, str] = {}
        for listed in gazetteer.companies:
            if listed.name in known_as:
                self._symbols[symbol_key(listed.ticker)] = known_as[listed.name].symbol
        self._symbols |= {symbol_key(symbol): symbol for symbol in watchlist.symbols}

        # Names by their words; those of the watchlist come first.
        aliases = _aliases(watchlist, gazetteer, known_as)
        self._by_words: dict[_Words, list[_Name | _OffListName]] = defaultdict(list)
        for name in sorted(_names(watchlist, aliases), key=lambda name: name.words):
            self._by_words[name.folded].append(name)
        self._watched_first_words = {words[0] for words in self._by_words}
        for name in _off_list_names(gazetteer, known_as):
            if name.folded not in self._by_words:
                self._by_words[name.folded].append(name)

        # The lengths of the names that begin with a word, the longest first.
        lengths: dict[str, set[int]] = defaultdict(set)
        for words in self._by_words:
            lengths[words[0]].add(len(words))
        self._lengths = {word: sorted(counts, reverse=True) for word, counts in lengths.items()}

        # Companies that rate and forecast others.
        self.brokers = _brokers(watchlist, gazetteer, known_as)

    def symbol(self, written: str) -> str | None:
        """Return the watchlist's symbol for one written in a tag or title; None where it has none."""
        return self._symbols.get(symbol_key(written))

    def may_name_watched(self, text: str) -> bool:
        """Whether a text may name a company of the watchlist; False saves the search."""
        if not self._watched_first_words.isdisjoint(map(str.casefold, _WORD.findall(text))):
            return True
        return any(self.symbol(written) for written in _SYMBOL_ANYWHERE.findall(text))

    def find(self, text: str) -> list[Mention]:
        """Find the names, `(NYSE: SYM)` forms and marked cashtags of a text, in order, none overlapping another."""
        explicit = list(self._find_symbols(text))

        # A name inside such a form counts once: "(NYSE:HSBC)".
        def is_inside_explicit(mention: Mention) -> bool:
            return any(other.start < mention.end and mention.start < other.end for other in explicit)

        names = list(self._find_names(text))
        if explicit:
            names = [mention for mention in names if not is_inside_explicit(mention)]
        mentions = [*explicit, *names]
        mentions.extend(self._find_bare_symbols(text, mentions))
        return sorted(mentions, key=lambda mention: mention.start)

    def _find_symbols(self, text: str) -> Iterator[Mention]:
        """Yield the symbols of a text that can be nothing else."""
        if CASHTAG_MARK not in text and "(" not in text and "[" not in text:
            return
        for match in _EXPLICIT_SYMBOL.finditer(text):
            written = match[1] or match[2]
            symbol = self.symbol(written) or OFF_LIST_MARK + written
            if symbol[0] != OFF_LIST_MARK or self._tickers:
                yield Mention(match.start(), match.end(), symbols=(symbol,), unambiguous=True)
        if not self._tickers:
            return
        for match in _FOREIGN_SYMBOL.finditer(text):
            yield Mention(match.start(), match.end(), symbols=(OFF_LIST_MARK + match[1],), unambiguous=True)
        for match in _BRACKETED_SYMBOL.finditer(text):
            is_listed = match[1] in self._tickers and match[1] not in _NOT_TICKERS
            if is_listed and not self.symbol(match[1]):
                yield Mention(match.start(), match.end(), symbols=(OFF_LIST_MARK + match[1],), unambiguous=True)

    def _find_bare_symbols(self, text: str, mentions: Sequence[Mention]) -> list[Mention]:
        """Find symbols that stand in a text like words, outside the mentions found before."""
        found: list[Mention] = []
        if not self._symbols or text.isupper():
            return found
        for match in _BARE_SYMBOL.finditer(text):
            start, end = match.span()
            if any(other.start < end and start < other.end for other in mentions):
                continue
            symbol = self.symbol(match.group())
            if symbol:
                found.append(Mention(start, end, (symbol,), unambiguous=False, is_ticker=True))
            elif match.group() in self._tickers and match.group() not in _NOT_TICKERS:
                off_list = OFF_LIST_MARK + match.group()
                found.append(Mention(start, end, (off_list,), unambiguous=False, use=NameUse.CONTEXT, is_ticker=True))
        return found

    def _find_names(self, text: str) -> Iterator[Mention]:
        """Yield the names in a text from left to right, none overlapping another."""
        fold = _fold if "&" in text else str.casefold
        matches = list(_WORD.finditer(text))
        words = [fold(match.group()) for match in matches]
        candidates = [index for index, word in enumerate(words) if word in self._lengths]
        if not candidates:
            return

        in_capitals = text.isupper() and len(text.split()) > _MAXIMUM_WORDS_OF_NAME_ALONE
        next_index = 0
        for index in candidates:
            # A word inside the name before can't begin another.
            if index < next_index:
                continue
            name = self._longest_name(text, words, matches, index, in_capitals=in_capitals)
            if name is None:
                continue
            next_index = index + len(name.folded)
            start = matches[index].start()
            end = matches[next_index - 1].end()
            # In a title in capitals nothing tells a short name from the word.
            is_short = len(name.folded) == 1 and end - start <= _MAXIMUM_AMBIGUOUS_CAPITALS
            could_be_word = in_capitals and is_short
            use = name.use
            if could_be_word and name.symbols[0][0] == OFF_LIST_MARK:
                use = use or NameUse.CONTEXT
            yield Mention(start, end, name.symbols, unambiguous=name.unambiguous and not could_be_word, use=use)

    def _longest_name(
        self,
        text: str,
        words: list[str],
        matches: list[re.Match[str]],
        index: int,
        *,
        in_capitals: bool,
    ) -> _Name | _OffListName | None:
        """Find the longest name that begins with the word at this index.

        Args:
            text: The text.
            words: Its words, folded.
            matches: Where they stand in the text.
            index: Index of the name's first word.
            in_capitals: The whole text is in capitals: case says nothing.
        """
        for length in self._lengths[words[index]]:
            names = self._by_words.get(tuple(words[index : index + length]))
            if names is None:
                continue
            spans = [match.span() for match in matches[index : index + length]]
            if not _are_joined(text, spans) or not _may_begin_name(text, *spans[0]):
                continue
            written_words = [text[start:end] for start, end in spans]
            for name in names:
                if in_capitals or name.matches_case(written_words):
                    return name
        return None


def _are_joined(text: str, word_spans: list[Span]) -> bool:
    """Whether nothing but blanks, hyphens and the like stands between the words of a name."""
    return all(_WORD_GAP.match(text, left[1], right[0]) for left, right in pairwise(word_spans))


def _may_begin_name(text: str, start: int, end: int) -> bool:
    """Whether a word can be a name: cashtags are read separately, a handle may only credit a source."""
    previous = text[start - 1 : start]
    if previous == "@":
        following = text[end : end + 1]
        return following not in {":", "_"} and not _SOURCE_CREDIT.search(text[:start])
    return previous not in {"$", CASHTAG_MARK}


def _fold(word: str) -> str:
    """Return a word for comparison: "Johnson & Johnson" equals "Johnson and Johnson"."""
    return "and" if word == "&" else word.casefold()


def _fold_all(words: Sequence[str]) -> _Words:
    return tuple(_fold(word) for word in words)


def _split(name: str) -> _Words:
    return tuple(_WORD.findall(name))


def _split_all(names: Sequence[str]) -> list[_Words]:
    """The words of each name; names without a word are left out."""
    return [words for words in map(_split, names) if words]


def _first_words(company: Company) -> set[str]:
    """The first words of a company's names, lower case."""
    names = (company.name, *company.aliases, *company.ambiguous_aliases)
    return {words[0] for words in map(registered_words, names) if words}


def _watchlist_by_registered_name(watchlist: Watchlist, gazetteer: Gazetteer) -> dict[str, Company]:
    """The companies of the watchlist by the name under which they are registered.

    A ticker alone does not tell: another exchange's ITC is not the one of New York. Nor does a share class: GOOG and
    GOOGL are one company.
    """
    companies = {symbol_key(company.symbol): company for company in watchlist}
    by_name: dict[str, Company] = {}
    for listed in gazetteer.companies:
        company = companies.get(symbol_key(listed.ticker))
        words = registered_words(listed.name)
        if company and words and words[0] in _first_words(company):
            by_name[listed.name] = company
    return by_name


def _actors_company(
    actor: Actor,
    names_by_ticker: dict[str, str],
    known_as: dict[str, Company],
) -> Company | None:
    """The company of the watchlist that an actor's name means; None where it is another."""
    registered = names_by_ticker.get(actor.ticker)
    return known_as.get(registered) if registered else None


def _aliases(
    watchlist: Watchlist,
    gazetteer: Gazetteer,
    known_as: dict[str, Company],
) -> dict[str, list[_Words]]:
    """Further names of the companies of the watchlist, by symbol: "BofA" of the Bank of America."""
    given_names: set[_Words] = set()
    for company in watchlist:
        names = _split_all((company.name, *company.aliases, *company.ambiguous_aliases))
        given_names.update(_fold_all(words) for words in names)

    names_by_ticker = {listed.ticker: listed.name for listed in gazetteer.companies}
    aliases: dict[str, list[_Words]] = defaultdict(list)
    for actor in gazetteer.actors:
        company = _actors_company(actor, names_by_ticker, known_as)
        words = _split(actor.name)
        if company and _fold_all(words) not in given_names:
            aliases[company.symbol].append(words)
    return aliases


def _off_list_names(gazetteer: Gazetteer, known_as: dict[str, Company]) -> Iterator[_OffListName]:
    """Yield the names of companies that are not on the watchlist."""
    names_by_ticker = {listed.ticker: listed.name for listed in gazetteer.companies}
    for actor in gazetteer.actors:
        if _actors_company(actor, names_by_ticker, known_as) is None:
            symbols = (_off_list_symbol(actor),)
            words = _fold_all(_split(actor.name))
            yield _OffListName(words, symbols, unambiguous=True, use=None, in_capitals=actor.name.isupper())
    for listed in gazetteer.companies:
        if listed.name in known_as:
            continue
        symbols = (_off_list_symbol(listed),)
        for name in gazetteer.names(listed):
            yield _off_list_name(name, symbols)


def _off_list_name(name: HeadlineName, symbols: tuple[str, ...]) -> _OffListName:
    return _OffListName(name.words, symbols, name.use is None, name.use, name.in_capitals)


def _off_list_symbol(company: Actor | ListedCompany) -> str:
    return OFF_LIST_MARK + (company.ticker or company.name)


def _brokers(watchlist: Watchlist, gazetteer: Gazetteer, known_as: dict[str, Company]) -> set[str]:
    """The symbols of companies that rate and forecast others."""
    brokers: set[str] = set()
    for company in watchlist:
        sector = company.sector.lower()
        if any(word in sector for word in _BROKER_SECTORS):
            brokers.add(company.symbol)
    names_by_ticker = {listed.ticker: listed.name for listed in gazetteer.companies}
    for actor in gazetteer.actors:
        if actor.is_broker:
            company = _actors_company(actor, names_by_ticker, known_as)
            brokers.add(company.symbol if company else _off_list_symbol(actor))
    return brokers


def _names(watchlist: Watchlist, aliases: dict[str, list[_Words]]) -> Iterator[_Name]:
    """Yield the companies' names in every spelling; one that several companies share is never unambiguous.

    Args:
        watchlist: The companies.
        aliases: Names that the watchlist does not give, by symbol.
    """
    given_names: set[_Words] = set()
    for company in watchlist:
        names = _split_all((company.name, *company.aliases, *company.ambiguous_aliases))
        given_names.update(_fold_all(words) for words in names)

    unambiguous_by_spelling: dict[_Words, bool] = {}
    symbols_by_name: dict[_Words, set[str]] = defaultdict(set)
    for company in watchlist:
        spellings = _spellings(company, given_names)
        for words in aliases.get(company.symbol, ()):
            spellings.setdefault(words, True)
        for words, unambiguous in spellings.items():
            unambiguous_by_spelling[words] = unambiguous
            symbols_by_name[_fold_all(words)].add(company.symbol)

    for words, unambiguous in unambiguous_by_spelling.items():
        folded = _fold_all(words)
        symbols = tuple(sorted(symbols_by_name[folded]))
        yield _Name(words, folded, symbols, unambiguous=unambiguous and len(symbols) == 1)


def _spellings(company: Company, given_names: set[_Words]) -> dict[_Words, bool]:
    """Every spelling of a company's names, and whether it alone is enough for a link.

    Args:
        company: The company.
        given_names: Folded words of every name and alias of the watchlist.
    """
    # Names and aliases as the watchlist gives them.
    spellings: dict[_Words, bool] = {}
    for words in _split_all((company.name, *company.aliases)):
        spellings[words] = True

    # The name without its legal form, "Pfizer Inc." as "Pfizer". A single word may mean something else. Where the
    # watchlist gives the short name itself, its own entry decides.
    short_name = _without_legal_form(_split(company.name))
    if short_name and _fold_all(short_name) not in given_names:
        spellings[short_name] = len(short_name) > 1

    # Variants only of names that can mean nothing else: "Amazons" is safe, "Targets" is not.
    unambiguous_names = [words for words, unambiguous in spellings.items() if unambiguous]
    for words in unambiguous_names:
        for variant in _variants(words):
            spellings.setdefault(variant, True)

    # What is given as ambiguous wins over everything above, in any case.
    ambiguous_names = _split_all(company.ambiguous_aliases)
    for words in ambiguous_names:
        spellings[words] = False
    ambiguous_folded = {_fold_all(words) for words in ambiguous_names}
    for words in spellings:
        if _fold_all(words) in ambiguous_folded:
            spellings[words] = False
    return spellings


def _variants(words: _Words) -> Iterator[_Words]:
    """Other spellings that headlines use for a name."""
    *head, last = words
    if head and last == "s":
        # McDonald's, McDonalds.
        yield (*head[:-1], head[-1] + "s")
    elif last.isalpha() and len(last) >= _MINIMUM_PLURAL_LETTERS and not last.endswith("s"):
        # A possessive that lost its apostrophe.
        yield (*head, last + "s")
    if head and len(words[0]) == _INITIALS and words[0].isupper():
        # JP Morgan, J.P. Morgan.
        initials = tuple(words[0])
        yield (*initials, *words[1:])


def _without_legal_form(words: _Words) -> _Words:
    """The words of a registered name without "The" before and "Inc.", "plc" and the like after it."""
    start = 1 if words and _fold(words[0]) == "the" else 0
    end = len(words)
    while end > start and _fold(words[end - 1]) in LEGAL_FORMS:
        end -= 1
    return words[start:end]
