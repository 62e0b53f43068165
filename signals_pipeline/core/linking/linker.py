"""Which companies of the watchlist a headline is about, and how clearly. Precision first: where in doubt, no link.

Names match as whole words, the longest first; ambiguous and shared names need a second support; a bare ticker symbol
never links, only `$SYM` and `(NYSE: SYM)` do. The lists of words below were chosen by reading real titles. Which words
of a headline carry the tone of which company is decided in `clauses`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from signals_pipeline.core.linking.clauses import Clause, MentionSpan, Span, clauses_by_company
from signals_pipeline.core.linking.gazetteer import Gazetteer
from signals_pipeline.core.linking.mentions import (
    CASHTAG_MARK,
    Mention,
    NameIndex,
    accepted_symbols,
    is_doubtful,
    may_be_company,
)
from signals_pipeline.core.linking.roles import Role
from signals_pipeline.core.text import CASHTAG, content_address, readable
from signals_pipeline.core.watchlist import Watchlist

# Sectors whose companies rate others.
_BROKER_SECTORS = ("financ", "bank")
# A company named after at most this many words is what the headline is about.
_MAXIMUM_WORDS_BEFORE_SUBJECT = 3
# From this many companies on, a title is a list.
_MINIMUM_LIST_SIZE = 5

# A broker's verdict on another company, directly after the broker's name.
_RATES = (
    r"(?:\.|\s&\sCo\.?|\sInc\.?|\sGroup|\sCorp(?:\.|oration)?)?(?:\s+analysts?)?"
    r"\s+(?:upgrades?|downgrades?|initiates?|reiterates?|maintains?"
)
# ... whoever the broker is.
_RATES_ANY = re.compile(
    _RATES + r"|(?:raises|cuts|lifts|lowers) (?:price )?targets?|ratings? updates?)\b", re.IGNORECASE
)
# ... where the broker is on the watchlist and the rated company follows.
_RATES_NEXT = re.compile(
    _RATES + r"|starts|raises|cuts|lifts|boosts|trims|lowers|likes|favors|backs|recommends|sees|says|on|keeps|adds"
    r"|gives?|suggests)"
    r"\s+(?:[\w.&'’-]+\s+){0,2}$",
    re.IGNORECASE,
)
# Before a name that is only the source of a statement: "raised to buy at", "said".
_ATTRIBUTED_TO = re.compile(
    r"(?:\b(?:says?|said|according to|via|per)|\s[-–—]|\b(?:raised|cut|upgraded|downgraded|initiated|lowered|started"
    r"|reiterated)(?:\s\S+){0,4}\s(?:at|by))\s*$",
    re.IGNORECASE,
)
# Nothing but the source's role follows such a name.
_ENDS = re.compile(r"^(?:['’]s)?(?:\s+(?:says?|said|analysts?|strategists?|economists?))?[\s.\"”)]*$", re.IGNORECASE)
# A source at the end of a title: "Oil to hit $50, Citigroup says".
_SAYS_LAST = re.compile(r"^\s+(?:says|said|analysts?|strategists?|economists?)\b[\s.\"”)]*$", re.IGNORECASE)
# The host of an event that the headline is about: "at JPMorgan's annual conference".
_HOSTS = re.compile(r"^(?:['’]s)?(?:\s[\w&,.'’-]+){0,5}\s(?:conference|summit|symposium)\b", re.IGNORECASE)
# What may stand between two names of one list.
_JOINED = re.compile(r"^(?:['’]s)?\s*(?:,|&|\+|/|,?\s*\band\b|\bvs?\b\.?|\bversus\b|[-–])\s*$", re.IGNORECASE)
# Titles of lists and round-ups: no company in them is the subject.
_LIST_TITLE = re.compile(
    r"\b(?:stocks? (?:to (?:watch|buy|sell|own)|picks|moving|trading|that)|(?:moving|active) stocks|watch \d+ stocks"
    r"|brokers?['’]? ?(?:call|picks)|brokerage views|chart check|trades for the week|highlighted (?:as|in)"
    r"|are part of zacks|(?:top|big(?:gest)?|midday|after[- ]hours|pre-?market) (?:stocks|movers|gainers|losers|news)"
    r"|movers|gainers|losers|notable (?:earnings|calls|insider)|earnings (?:calendar|scheduled)"
    r"|dogs of the dow|watch ?list|week ahead|round-?up|(?:tech|market) highlights|morning buzz"
    r"|market (?:wrap|recap)|\d+ (?:\w+ ){0,2}stocks)\b|& more$",
    re.IGNORECASE,
)
# A publisher's page names its company before a colon with a space on either side.
_FILED_UNDER = re.compile(r"^(?: 'C')?\s:\s")
_CLAUSE_END = re.compile(r"[;:]\s")
# What follows a cashtag that is part of a sentence.
_CONTINUES_SENTENCE = re.compile(r"['’]s\b|-[a-z]|\s(?!via\b|cc\b)[a-z]|\s(?:CEO|CFO|COO|Inc|EPS|PT|Q[1-4])\b")
# What stands before a cashtag that is part of a sentence.
_LEADS_TO_NAME = re.compile(
    r"\b(?:of|on|in|for|with|from|at|by|against|about|into|than|versus|vs\.?|between|behind|long|short|buy|sell|own|is)\s$",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class _Title:
    """A title with the cashtags in its sentence told from those that only file it.

    A cashtag before or after the sentence says where someone filed the title. Half of the companies that are named in
    no other way are competitors or the day's favourites (read by hand: 70 of stocknet's titles): it counts as a tag.

    Attributes:
        text: The text for the model, `CASHTAG_MARK` before each cashtag of the sentence.
        filing_symbols: Watchlist symbols of the filing cashtags.
        cashtags: Symbols of all cashtags, as written.
    """

    text: str
    filing_symbols: set[str]
    cashtags: set[str]


@dataclass(frozen=True, slots=True)
class CompanyLink:
    """What a headline says of one company of the watchlist.

    Attributes:
        symbol: The company.
        role: What the headline makes of it.
        relevance: What the headline weighs for it.
        text: The words that the sentiment model reads for it; empty where the headline carries no tone for it.
        spans: Start and end of its names in `text`, in order, where the words speak of others, too; empty where all of
            them speak of it.
        reason: Why the headline carries no tone for it, one of `NO_TONE_REASONS`; empty where it may.
    """

    symbol: str
    role: Role
    relevance: float
    text: str = ""
    spans: tuple[Span, ...] = ()
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a headline says.

    Attributes:
        text: The headline as the sentiment model reads it, the names in cashtags of its sentence included.
        links: The companies of the watchlist that it names or is tagged with, by symbol.
    """

    text: str
    links: tuple[CompanyLink, ...]


# A headline of no company.
_NO_LINK = CompanyLink("", Role.TAGGED, 0.0)


class Linker:
    """Links headlines to one watchlist; compile it once and use it for every headline."""

    def __init__(self, watchlist: Watchlist, gazetteer: Gazetteer | None = None) -> None:
        self._gazetteer = gazetteer
        self._names = NameIndex(watchlist)
        self._brokers: set[str] = set()
        for company in watchlist:
            sector = company.sector.lower()
            if any(word in sector for word in _BROKER_SECTORS):
                self._brokers.add(company.symbol)

    def read(
        self,
        title: str,
        text: str,
        summary: str = "",
        tags: Iterable[str] = (),
        source: str = "",  # noqa: ARG002
    ) -> Reading:
        """Return what a headline says of each company of the watchlist that it names or is tagged with.

        Args:
            title: Clean title, cashtags included.
            text: The same as `text.readable` returns it.
            summary: Clean lead; it can support a name in the title.
            tags: The vendor's symbols; those not on the watchlist are ignored.
            source: The publisher.
        """
        parsed = self._parse_title(title, text)
        tagged = set(parsed.filing_symbols)
        for tag in tags:
            symbol = self._names.symbol(tag)
            if symbol:
                tagged.add(symbol)
        mentions = self._names.find(parsed.text)
        summary_mentions = self._names.find(summary) if summary else []
        if not (mentions or summary_mentions or tagged):
            return Reading(text, ())

        # An unambiguous name or a tag anywhere in the item supports the ambiguous names of the same company.
        support = tagged | _unambiguous_symbols(mentions) | _unambiguous_symbols(summary_mentions)
        spans = _accept(mentions, parsed.text, support)
        summary_spans = _accept(summary_mentions, summary, support)

        # The title says more than the lead, the lead more than a tag.
        roles = dict.fromkeys(tagged, Role.TAGGED)
        roles.update((span.symbol, Role.MENTIONED) for span in summary_spans)
        roles.update(self._title_roles(spans, parsed))
        clauses = clauses_by_company(parsed.text, spans, roles)
        self._promote(roles, clauses, spans)

        links: list[CompanyLink] = []
        for symbol in sorted(roles):
            role = roles[symbol]
            clause = clauses[symbol]
            clause_text = clause.text.replace(CASHTAG_MARK, "")
            reason = clause.reason
            if not role.relevance:
                clause_text, reason = "", role.value or "tagged"
            links.append(CompanyLink(symbol, role, role.relevance, clause_text, reason=reason))
        return Reading(parsed.text.replace(CASHTAG_MARK, ""), tuple(links))

    def _promote(self, roles: dict[str, Role], clauses: Mapping[str, Clause], spans: list[MentionSpan]) -> None:
        """Make companies that have a part of the title for themselves its subjects, too."""
        named = {span.symbol for span in spans}
        if Role.SUBJECT not in roles.values():
            return
        for symbol in named:
            if clauses[symbol].text and roles[symbol] is Role.MENTIONED:
                roles[symbol] = Role.SUBJECT

    def _parse_title(self, title: str, text: str) -> _Title:
        """Tell the cashtags of the sentence from those that file the title, and mark them in the text."""
        matches = list(CASHTAG.finditer(title)) if "$" in title else []
        starts_in_sentence: set[int] = set()
        for match in matches:
            leads_to_cashtag = _LEADS_TO_NAME.search(title[: match.start()])
            if leads_to_cashtag or _CONTINUES_SENTENCE.match(title, match.end()):
                starts_in_sentence.add(match.start())

        # `readable` drops cashtags, so the marks replace the dollar signs before it runs.
        if starts_in_sentence:

            def mark(match: re.Match[str]) -> str:
                return CASHTAG_MARK + match[1] if match.start() in starts_in_sentence else match.group()

            text = readable(CASHTAG.sub(mark, title))

        filing_symbols: set[str] = set()
        for match in matches:
            symbol = self._names.symbol(match[1])
            if symbol and match.start() not in starts_in_sentence:
                filing_symbols.add(symbol)
        return _Title(text, filing_symbols, cashtags={match[1] for match in matches})

    def _title_roles(self, spans: list[MentionSpan], title: _Title) -> dict[str, Role]:
        """Return the role of each company that a title names."""
        # The first mention of each company: read backwards, it overwrites the later ones.
        first_by_symbol = {span.symbol: span for span in reversed(spans)}
        first_spans = sorted(first_by_symbol.values(), key=lambda span: span.start)
        roles = dict.fromkeys(first_by_symbol, Role.MENTIONED)

        # A list has no subject.
        companies = max(len(title.cashtags), len(first_spans))
        if not first_spans or companies >= _MINIMUM_LIST_SIZE or _LIST_TITLE.search(title.text):
            return roles

        is_only_company = len(first_spans) == 1 and title.cashtags <= first_by_symbol.keys()
        for symbol in self._subjects(first_spans, title.text, is_only_company=is_only_company):
            roles[symbol] = Role.SUBJECT
        return roles

    def _subjects(self, spans: list[MentionSpan], text: str, *, is_only_company: bool) -> list[str]:
        """Return the companies that a title is about: the first that it names, and those joined to it.

        Args:
            spans: The first mention of each company, in order, at least one.
            text: The title.
            is_only_company: The title names no other company, in a cashtag neither; it need not stand near the head.
        """
        # Who is quoted, or hosts an event, is not the subject.
        candidates = [span for span in spans if not _is_only_source(span, text)]

        # Nor is a broker that rates another company, or the company under which a publisher filed the title.
        if candidates:
            is_filed_under = len(candidates) > 1 and _FILED_UNDER.match(text[candidates[0].end :])
            if is_filed_under or self._is_rating(candidates, text):
                del candidates[0]
        if not candidates:
            return []

        # Of several companies only one near the head is the subject.
        first_start = min(spans[0].start, candidates[0].start)
        if not is_only_company and not _is_near_head(first_start, text):
            return []

        subjects = [candidates[0]]
        for span in candidates[1:]:
            if not _JOINED.match(text[subjects[-1].end : span.start]):
                break
            subjects.append(span)
        return [span.symbol for span in subjects]

    def _is_rating(self, spans: list[MentionSpan], text: str) -> bool:
        """Whether the first company only rates another: `JPMorgan cuts Microsoft to neutral`."""
        first = spans[0]
        if _RATES_ANY.match(text, first.end):
            return True
        if first.symbol not in self._brokers or len(spans) == 1:
            return False
        return _RATES_NEXT.match(text[first.end : spans[1].start]) is not None


def _unambiguous_symbols(mentions: Iterable[Mention]) -> set[str]:
    """The companies that are named beyond doubt; such a name has a single company."""
    return {mention.symbols[0] for mention in mentions if mention.unambiguous}


def _is_near_head(start: int, text: str) -> bool:
    """Whether a mention is near the start of the title or of a part of it after a semicolon or colon."""
    clause_before = _CLAUSE_END.split(text[:start])[-1]
    return len(_WORD.findall(clause_before)) <= _MAXIMUM_WORDS_BEFORE_SUBJECT


def _is_only_source(span: MentionSpan, text: str) -> bool:
    """Whether a company is only quoted, or hosts the event that the headline is about."""
    before = text[: span.start]
    after = text[span.end :]
    if _ATTRIBUTED_TO.search(before) and _ENDS.match(after):
        return True
    if _HOSTS.match(after):
        return True
    return span.start > 0 and _SAYS_LAST.match(after) is not None


def _accept(mentions: list[Mention], text: str, support: set[str]) -> list[MentionSpan]:
    """Resolve the mentions of a text to companies; those in doubt are left out.

    Args:
        mentions: In order of the text.
        text: The text.
        support: Symbols that tags, cashtags or unambiguous names of the item give.
    """
    symbols = [accepted_symbols(mention, text, support) for mention in mentions]

    # An ambiguous name in one list with an accepted one is accepted too: "Walmart, Apple and Target rise". Forwards,
    # then backwards, so that support spreads along the whole list.
    forwards = range(len(mentions))
    for order in (forwards, reversed(forwards)):
        for neighbour, index in pairwise(order):
            mention = mentions[index]
            if symbols[index] or not symbols[neighbour]:
                continue
            # The list can't tell companies apart that share a name.
            is_shared = len(mention.symbols) > 1
            if is_shared or not may_be_company(mention, text) or is_doubtful(mention, text):
                continue
            left, right = sorted((neighbour, index))
            if _JOINED.match(text[mentions[left].end : mentions[right].start]):
                symbols[index] = mention.symbols

    spans: list[MentionSpan] = []
    for mention, mention_symbols in zip(mentions, symbols, strict=True):
        spans.extend(MentionSpan(symbol, mention.start, mention.end) for symbol in mention_symbols)
    return spans


def link(items: pd.DataFrame, watchlist: Watchlist, gazetteer: Gazetteer | None = None) -> pd.DataFrame:
    """Return one row per headline copy and company of the watchlist that it names or is tagged with.

    Args:
        items: `normalisation.Normalised.items`; columns title, text, summary, source and tags (joined by `|`) are read.
        watchlist: The companies to look for.
        gazetteer: The companies that may be the subject in their stead.

    Returns:
        The items' columns and symbol, role, relevance, company_text (the words about the company, empty where they
        carry no tone), span and reason; a copy that names none has one row with symbol "" and relevance 0.
    """
    linker = Linker(watchlist, gazetteer)
    rows: list[int] = []
    links: list[CompanyLink] = []
    columns = (items[name].tolist() for name in ("title", "text", "summary", "tags", "source"))
    for row, (title, text, summary, tags, source) in enumerate(zip(*columns, strict=True)):
        reading = linker.read(title, text, summary, tags.split("|"), source)
        # A headline of no company keeps its row.
        row_links = reading.links or (_NO_LINK,)
        rows.extend([row] * len(row_links))
        links.extend(row_links)

    # Explicit dtypes: an empty list would become object.
    linked = items.iloc[rows].reset_index(drop=True)
    return linked.assign(
        symbol=pd.Series([link.symbol for link in links], dtype="str"),
        role=pd.Series([link.role.value for link in links], dtype="str"),
        relevance=pd.Series([link.relevance for link in links], dtype="float64"),
        company_text=pd.Series([link.text for link in links], dtype="str"),
        span=pd.Series([_span_text(link.spans) for link in links], dtype="str"),
        reason=pd.Series([link.reason for link in links], dtype="str"),
    )


def _span_text(spans: Iterable[Span]) -> str:
    """The spans as HEADLINES stores them: "0-5 20-26"."""
    return " ".join(f"{start}-{end}" for start, end in spans)


def with_company_text(rows: pd.DataFrame) -> pd.DataFrame:
    """Return rows of `link` with the words about the company as `text`, and their content address as `text_hash`.

    Rows of relevance 0 keep the whole text.
    """
    texts: list[str] = rows["text"].tolist()
    hashes: list[str] = rows["text_hash"].tolist()
    columns = (rows[name].tolist() for name in ("relevance", "company_text", "span"))
    for position, (relevance, company_text, span) in enumerate(zip(*columns, strict=True)):
        if not relevance:
            continue
        # A text without tone keeps the address of the whole: an empty one would say that it was withdrawn.
        if company_text and (span or company_text != texts[position]):
            hashes[position] = content_address(f"{company_text}\n{span}" if span else company_text)
        texts[position] = company_text
    new_text = pd.Series(texts, index=rows.index, dtype="str")
    new_hash = pd.Series(hashes, index=rows.index, dtype="str")
    return rows.assign(text=new_text, text_hash=new_hash)
