"""Where a text names companies of the watchlist, and whether an ambiguous name means the company.

Names match as whole words, the longest first, in the case in which they are written. A name that is also an ordinary
word, a person or a place (Apple, Target, Gap, Visa, Ford) needs a second support. Strong support is the symbol of the
company (a vendor's tag, `$SYM`, `(SYM)`) or another, unambiguous name of it in the same item. Weak support is in the
sentence around the name, and is refused where the sentence itself says that the word is something else. The lists of
words were chosen by reading real titles. Which companies a headline is about is decided in `linker`.
"""

import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from signals_pipeline.core.watchlist import Company, Watchlist

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
# Words at the end of a registered name that headlines leave out.
_LEGAL_FORM = re.compile(
    r"inc|incorporated|corp|corporation|co|company|plc|p|l|c|ltd|limited|lp|llc|nv|n|v|sa|s|a|ag|se|holdings?|group|and"
)
# "@Name" names a company like any word, unless it credits a source: "via @Name", "@Name: title".
_SOURCE_CREDIT = re.compile(r"(?:^|\b(?:via|rt|by|from|cc|on|h/t)\s|[“\"(])@$", re.IGNORECASE)
# Letters from which on a name also counts with an s: feeds that lose apostrophes write "Amazons Dash", "Honeywells".
_MINIMUM_PLURAL_LETTERS = 5
# Letters up to which a name in a title in capitals could be any word.
_MAXIMUM_AMBIGUOUS_CAPITALS = 5
# Letters of a first word that may be two initials.
_INITIALS = 2
# A title in capitals has more words than this; below it may be a name or a ticker alone.
_MAXIMUM_WORDS_OF_NAME_ALONE = 2

# A name as its words, as written or case-folded.
_Words = tuple[str, ...]
# Start and end of a word in a text.
_Span = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Mention:
    """A place in a text where a name stands.

    Attributes:
        start: Index of the first character.
        end: Index after the last character.
        symbols: The companies that have this name; several where they share it.
        unambiguous: The name alone is enough for a link.
    """

    start: int
    end: int
    symbols: tuple[str, ...]
    unambiguous: bool


@dataclass(frozen=True, slots=True)
class _Name:
    """One spelling of a name and the companies that have it."""

    words: _Words
    folded: _Words
    symbols: tuple[str, ...]
    unambiguous: bool

    def matches_case(self, words: Sequence[str]) -> bool:
        """Whether these words, already equal when folded, have the capitals of the name."""
        return all(map(_matches_case, self.words, words))


def _longest_first(name: _Name) -> tuple[int, _Words]:
    # Among names of equal length any order does, as long as it is fixed.
    return -len(name.folded), name.words


def _matches_case(name_word: str, word: str) -> bool:
    # "TOTAL" is an ordinary word in any other case.
    if name_word.isupper():
        return name_word == word
    return word[0].isupper() or not name_word[0].isupper()


def symbol_key(symbol: str) -> str:
    """Return one form for all spellings of a symbol: `BRK.B`, `BRK-B` and `brk/b` are equal."""
    return re.sub(r"[./\-]", "-", symbol.strip().upper())


class NameIndex:
    """Every name of a watchlist by its first word; compile it once and search any number of texts."""

    def __init__(self, watchlist: Watchlist) -> None:
        self._symbols = {symbol_key(symbol): symbol for symbol in watchlist.symbols}
        # The longest names come first, so that the first match is the longest.
        names = sorted(_names(watchlist), key=_longest_first)
        self._by_first_word: dict[str, list[_Name]] = defaultdict(list)
        for name in names:
            self._by_first_word[name.folded[0]].append(name)

    def symbol(self, written: str) -> str | None:
        """Return the watchlist's symbol for one written in a tag or title; None where it has none."""
        return self._symbols.get(symbol_key(written))

    def find(self, text: str) -> list[Mention]:
        """Find the names, `(NYSE: SYM)` forms and marked cashtags of a text, in order, none overlapping another."""
        explicit: list[Mention] = []
        for match in _EXPLICIT_SYMBOL.finditer(text):
            symbol = self.symbol(match[1] or match[2])
            if symbol:
                mention = Mention(match.start(), match.end(), symbols=(symbol,), unambiguous=True)
                explicit.append(mention)

        # A name inside such a form counts once: "(NYSE:HSBC)".
        def is_inside_explicit(mention: Mention) -> bool:
            return any(other.start <= mention.start < other.end for other in explicit)

        names = [mention for mention in self._find_names(text) if not is_inside_explicit(mention)]
        return sorted([*explicit, *names], key=lambda mention: mention.start)

    def _find_names(self, text: str) -> Iterator[Mention]:
        """Yield the names in a text from left to right, none overlapping another."""
        # Most texts name no company: look the words up before their positions are worked out.
        fold = _fold if "&" in text else str.casefold
        words = [fold(word) for word in _WORD.findall(text)]
        candidates = [index for index, word in enumerate(words) if word in self._by_first_word]
        if not candidates:
            return

        word_spans = [match.span() for match in _WORD.finditer(text)]
        in_capitals = text.isupper() and len(text.split()) > _MAXIMUM_WORDS_OF_NAME_ALONE
        next_index = 0
        for index in candidates:
            # A word inside the name before can't begin another.
            if index < next_index:
                continue
            name = self._longest_name(text, words, word_spans, index, in_capitals=in_capitals)
            if name is None:
                continue
            next_index = index + len(name.folded)
            start = word_spans[index][0]
            end = word_spans[next_index - 1][1]
            # In a title in capitals nothing tells a short name from the word.
            is_short = len(name.folded) == 1 and end - start <= _MAXIMUM_AMBIGUOUS_CAPITALS
            could_be_word = in_capitals and is_short
            yield Mention(start, end, name.symbols, unambiguous=name.unambiguous and not could_be_word)

    def _longest_name(
        self,
        text: str,
        words: list[str],
        word_spans: list[_Span],
        index: int,
        *,
        in_capitals: bool,
    ) -> _Name | None:
        """Find the longest name that begins with the word at this index.

        Args:
            text: The text.
            words: Its words, folded.
            word_spans: Where they stand in the text.
            index: Index of the name's first word.
            in_capitals: The whole text is in capitals: case says nothing.
        """
        start, end = word_spans[index]
        if not _may_begin_name(text, start, end):
            return None
        for name in self._by_first_word[words[index]]:
            end_index = index + len(name.folded)
            if tuple(words[index:end_index]) != name.folded:
                continue
            spans = word_spans[index:end_index]
            if not _are_joined(text, spans):
                continue
            written_words = [text[start:end] for start, end in spans]
            if in_capitals or name.matches_case(written_words):
                return name
        return None


def _are_joined(text: str, word_spans: list[_Span]) -> bool:
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


def _names(watchlist: Watchlist) -> Iterator[_Name]:
    """Yield the companies' names in every spelling; one that several companies share is never unambiguous."""
    given_names: set[_Words] = set()
    for company in watchlist:
        names = _split_all((company.name, *company.aliases, *company.ambiguous_aliases))
        given_names.update(_fold_all(words) for words in names)

    unambiguous_by_spelling: dict[_Words, bool] = {}
    symbols_by_name: dict[_Words, set[str]] = defaultdict(set)
    for company in watchlist:
        for words, unambiguous in _spellings(company, given_names).items():
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
    while end > start and _LEGAL_FORM.fullmatch(_fold(words[end - 1])):
        end -= 1
    return words[start:end]


# Words of business anywhere in the sentence: with them an ambiguous name is a company's.
_BUSINESS_WORDS = re.compile(
    r"\b(?:[Ss]hares|[Ss]crips?|[Ss]tocks?|[Ee]arnings|EPS|[Rr]evenues?|[Pp]rofits?|[Dd]ividends?|[Bb]uybacks?"
    r"|[Ss]hareholders?|[Ii]nvestors?|[Aa]nalysts?|CEO|CFO|COO|[Cc]hair(?:man|woman)|[Qq][1-4]|[Qq]uarter(?:ly)?"
    r"|[Gg]uidance|[Uu]pgraded?|[Dd]owngraded?|Inc|Corp|NYSE|NASDAQ|Nasdaq|IPO|[Mm]arket cap"
    r"|[Aa]cqui(?:re|res|red|sition)|[Mm]erger)\b"
)
# Words next to an ambiguous name that make it something else, whatever supports it: price target, H-1B visa, pay gap.
_OTHER_MEANING_BEFORE = re.compile(
    r"(?:^|[^\w])(?:price|a|an|big|1b|student|work|tourist|entry|travel|exit|gender|pay|wage|income|funding|generation"
    r"|output|budget|trade|skills|wealth|credibility|inflation|emissions|debt|deficit|goose|wild)\s$",
    re.IGNORECASE,
)
_OTHER_MEANING_AFTER = re.compile(
    r"\s(?:pie|juice|cider|orchards?|prices?|dates?|practice|requirements?|holders?|waivers?|applications?|applicants?"
    r"|bans?|between|rules|sops|fees|crops?|foods|to \$?\d[\d,.]*)\b",
    re.IGNORECASE,
)
# The same, unless the symbol says otherwise: revenue gap, shares gap up, a seller's target list, Visa Steel.
_DOUBTFUL_BEFORE = re.compile(
    r"(?:\b(?:revenues?|profits?|earnings|shares?|stocks?|margins?|power|yield|valuation|performance|growth|sales"
    r"|reveals|closes|narrows|widens|bridges?|closing|bridging|fills?|no|on|the|its)\s|['’]s\s|\w-)$",
    re.IGNORECASE,
)
_DOUBTFUL_AFTER = re.compile(
    r"(?:-(?-i:[a-z])|\s(?:lists?|up|down|of|for|at|returns?)\b"
    r"|\s(?-i:Steel|Cement|Textiles?|Chemicals?|Pharma(?:ceuticals?)?|Motors|Foods|Energy|Power|Mining|Resources|Realty"
    r"|Infra(?:structure|tel)?|Industries|Communications|Telecom|Airlines|Hotels|Bank|Bancorp|Capital|Financial|Insurance"
    r"|Securities|Partners|Therapeutics|Minerals|Petroleum|Semiconductor|REIT|Holdings|Group|Life|Mutual|Infotech)\b)",
    re.IGNORECASE,
)
# Words after any name that make it a place, a trust, another company or the publisher.
_OTHER_ENTITY = re.compile(
    r"\s(?:(?:rainforest|river|basin|jungle|forest|foundation|university|stadium|arena|museum|hospitality)\b"
    r"|(?:finance|news|money|autos)\s*$)",
    re.IGNORECASE,
)
# The symbol in brackets after a name: "Apple (AAPL)".
_BRACKETED_SYMBOL = re.compile(r"\s?\(([A-Z.\-]{1,7})\)")
# What companies do, directly after a name at the head of a title.
_COMPANY_ACTION = re.compile(
    r"\s(?:(?:acquires|adds|agrees|aims|announces|appoints|asks|beats|begins|bets|builds|buys|challenges|cuts|debuts"
    r"|declares|defies|delays|delivers|denies|develops|doubles|expands|faces|files|hikes|hires|introduces|invests|joins"
    r"|launches|loses|makes|names|offers|orders|overtakes|pays|plans|posts|pulls|raises|recalls|rejects|releases|reports"
    r"|says|seeks|sells|settles|signs|slashes|spends|starts|sues|takes|tests|unveils|wants|warns|wins|agreed|announced"
    r"|acquiring|building|buying|considering|cutting|developing|expanding|facing|hiring|launching|mulling|offering"
    r"|climbs|dips|jumps|plunges|rallies|sinks|slides|slips|soars|surges|tumbles|employees|executives|lawyers"
    r"|planning|preparing|raising|seeking|selling|testing|upping|weighing|working"
    r"|to (?:acquire|build|buy|cut|debut|hire|invest|launch|offer|open|pay|raise|report|sell|spend|unveil))\b)",
    re.IGNORECASE,
)
_POSSESSIVE = re.compile(r"['’]s\s")
# The head of a title, or of a part of it after a colon, semicolon or dash.
_TITLE_HEAD = re.compile(r"(?:^|[:;]\s|\s[-–—|]\s)[\"“'‘]?$")
# What may stand before a name that stands alone: a capitalised word there could be the rest of a person's name.
_STANDS_ALONE = re.compile(
    r"(?:^|[,:;(\"“‘]\s?|\s[-–—|]\s|\b(?:Why|How|Is|Will|What|Of|For|With|And|By|To|From|As|After|Are|Does|Can|Could"
    r"|Should|Behind|Against|About|Inside|But|When|If|Says?|[a-z][\w’'-]*)\s)$"
)
# "the target", "its gap": an ordinary word.
_DETERMINER = re.compile(
    r"\b(?:the|its|his|her|their|our|your|my|this|each|every|some|any|no|across|near)\s$", re.IGNORECASE
)
# In a title written like a sentence a capital next to the name makes it part of a longer one: Bob McDonald, Arvind Rao.
_CAPITAL_BEFORE = re.compile(r"(?:^|[\w.)’']\s)[A-Z][\w’'-]*[a-z]\s$")
_CAPITAL_AFTER = re.compile(
    r"\s(?!(?:Inc|Corp|Co|Ltd|Limited|Plc|India|China|Europe|Japan|Q[1-4]|H[12]|FY\d*|CEO|CFO|COO|CMD|IPO|PAT|EPS)\b)[A-Z]"
)
# A name that begins with a digit can be a count: "3M subscribers".
_COUNTED_THINGS = re.compile(
    r"\s(?:subscribers|users|customers|shares|units|people|homes|households|barrels|tons|jobs|downloads|devices|accounts)\b"
)
# Short words are in lower case in every title.
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
# From this share of longer words in lower case on, a title is written in sentence case.
_SENTENCE_CASE_SHARE = 0.6
# Fewer longer words say nothing about the case.
_MINIMUM_LONG_WORDS = 3


def accepted_symbols(mention: Mention, text: str, supported_symbols: set[str]) -> tuple[str, ...]:
    """Return the companies that a mention stands for; none where in doubt.

    Args:
        mention: Where a name stands in the text.
        text: The title or lead.
        supported_symbols: Symbols that tags, cashtags or unambiguous names of this item give.
    """
    if mention.unambiguous:
        return () if _OTHER_ENTITY.match(text, mention.end) else mention.symbols
    if not may_be_company(mention, text):
        return ()

    # The sentence can't tell companies apart that share a name; only the symbol can.
    if len(mention.symbols) == 1 and _sentence_supports(mention, text):
        return mention.symbols
    bracketed = _BRACKETED_SYMBOL.match(text, mention.end)
    if bracketed:
        supported_symbols = supported_symbols | {bracketed[1]}
    return tuple(symbol for symbol in mention.symbols if symbol in supported_symbols)


def may_be_company(mention: Mention, text: str) -> bool:
    """Whether no word next to the name says that it is something else."""
    if _OTHER_ENTITY.match(text, mention.end) or _OTHER_MEANING_AFTER.match(text, mention.end):
        return False
    return mention.unambiguous or not _OTHER_MEANING_BEFORE.search(text[: mention.start])


def is_doubtful(mention: Mention, text: str) -> bool:
    """Whether the words next to the name leave open that it is an ordinary word or part of another name."""
    before = text[: mention.start]
    if _DOUBTFUL_BEFORE.search(before) or _DOUBTFUL_AFTER.match(text, mention.end):
        return True

    # "3M subscribers" is a count, unless the title begins with it.
    begins_with_digit = text[mention.start].isdigit() and not _TITLE_HEAD.search(before)
    if begins_with_digit and _COUNTED_THINGS.match(text, mention.end):
        return True

    # Only in sentence case does a capital next to the name say anything.
    has_capital_neighbour = _CAPITAL_BEFORE.search(before) or _CAPITAL_AFTER.match(text, mention.end)
    return bool(has_capital_neighbour) and _is_sentence_case(before + text[mention.end :])


def _sentence_supports(mention: Mention, text: str) -> bool:
    """Whether the sentence around an ambiguous name says that it is the company."""
    if is_doubtful(mention, text):
        return False
    before = text[: mention.start]
    at_head = _TITLE_HEAD.search(before)

    # A word of business anywhere, or an action of companies directly after a name at the head.
    if _BUSINESS_WORDS.search(before) or _BUSINESS_WORDS.search(text, mention.end):
        return True
    if at_head and _COMPANY_ACTION.match(text, mention.end):
        return True

    # A name that owns something, or that has a capital of its own.
    if not _STANDS_ALONE.search(before) or _DETERMINER.search(before):
        return False
    if _POSSESSIVE.match(text, mention.end):
        return True
    is_proper_noun = not at_head and text[mention.start].isupper()
    return is_proper_noun and _is_sentence_case(before + text[mention.end :])


def _is_sentence_case(text: str) -> bool:
    """Whether a title is written in sentence case, so that a capital says "proper noun"."""
    initials = [word[0] for word in _LONG_WORD.findall(text)]
    in_lower_case = sum(initial.islower() for initial in initials)
    return len(initials) >= _MINIMUM_LONG_WORDS and in_lower_case >= _SENTENCE_CASE_SHARE * len(initials)
