"""What a headline says of the companies of a watchlist: which ones it names, in which role, and in which words.

The names are found in `mentions`, doubts about them settled in `ambiguity`, roles given in `roles` and words in
`clauses`; here these are put together for one headline and for a frame of them. Precision first: where in doubt, a
company is not named.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import pandas as pd

from signals_pipeline.core.linking.ambiguity import (
    accepted_symbols,
    is_doubtful,
    is_likely_company,
    may_be_company,
)
from signals_pipeline.core.linking.clauses import clauses_by_company
from signals_pipeline.core.linking.gazetteer import Gazetteer, NameUse
from signals_pipeline.core.linking.mentions import CASHTAG_MARK, OFF_LIST_MARK, Mention, NameIndex
from signals_pipeline.core.linking.parts import MentionSpan, cut_parts
from signals_pipeline.core.linking.roles import Role, assign_roles
from signals_pipeline.core.spans import Span, format_spans
from signals_pipeline.core.text import CASHTAG, content_address, readable
from signals_pipeline.core.watchlist import Watchlist

# What may stand between two names of one list.
_JOINED = re.compile(r"^(?:['’]s)?\s*(?:,|&|\+|/|,?\s*\band\b|\bvs?\b\.?|\bversus\b|[-–])\s*$", re.IGNORECASE)
# What a publisher's name at the end of a title looks like.
_PUBLISHER = re.compile(
    r"\b(?:News|Start|Finance|Money|Times|Post|Journal|Reuters|Bloomberg|CNBC|Barron['’]s|MarketWatch|Semafor|Insider|Today"
    r"|Benzinga|Seeking Alpha|Motley Fool|Yahoo|Forbes|Fortune|Wire|Newswire|WSJ|FT|Insights|Research|Investor|Zacks"
    r"|Nasdaq|Investopedia|TechCrunch|The Information|\w+\.(?:com|org|net))\s*$",
    re.IGNORECASE,
)
# What follows a cashtag that is part of a sentence.
_CONTINUES_SENTENCE = re.compile(r"['’]s\b|-[a-z]|\s(?!via\b|cc\b)[a-z]|\s(?:CEO|CFO|COO|Inc|EPS|PT|Q[1-4])\b")
# What stands before a cashtag that is part of a sentence.
_LEADS_TO_NAME = re.compile(
    r"\b(?:of|on|in|for|with|from|at|by|against|about|into|than|versus|vs\.?|between|behind|long|short|buy|sell|own|is)\s$",
    re.IGNORECASE,
)
# A publisher's name behind the title: " - Reuters", " | J.P. Morgan".
_SUFFIX = re.compile(r"\s(?P<bar>[-–—|])\s(?P<publisher>[^-–—|]{2,60})$")
# A few words with capitals, and nothing that a sentence has.
_NAME_ALONE = re.compile(r"(?:[A-Z&][\w.&’'-]*\s?){1,4}")
_NOT_ALNUM = re.compile(r"[\W_]+")


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


# Stands before a tag that only says by which query the item was found; no ticker begins with it.
QUERY_MARK = "?"

# A headline of no company.
_NO_LINK = CompanyLink("", Role.TAGGED, 0.0)


class Linker:
    """Links headlines to one watchlist; compile it once and use it for every headline."""

    def __init__(self, watchlist: Watchlist, gazetteer: Gazetteer | None = None) -> None:
        self._names = _name_index(watchlist, gazetteer or Gazetteer())

    def read(
        self,
        title: str,
        text: str,
        summary: str = "",
        tags: Iterable[str] = (),
        source: str = "",
    ) -> Reading:
        """Return what a headline says of each company of the watchlist that it names or is tagged with.

        Args:
            title: Clean title, cashtags included.
            text: The same as `text.readable` returns it.
            summary: Clean lead; it can support a name in the title.
            tags: The vendor's symbols, and with `QUERY_MARK` before them those that we asked for; others than the
                watchlist's are ignored.
            source: The publisher.
        """
        parsed = self._parse_title(title, text)
        tagged = set(parsed.filing_symbols)
        supporting_tags = set(parsed.filing_symbols)
        for tag in tags:
            symbol = self._names.symbol(tag.removeprefix(QUERY_MARK))
            if symbol:
                tagged.add(symbol)
                # What our own query found need not name what it asked for.
                if not tag.startswith(QUERY_MARK):
                    supporting_tags.add(symbol)
        # A symbol under which someone filed the title names the company without saying anything of it.
        roles = dict.fromkeys(tagged, Role.TAGGED) | dict.fromkeys(parsed.filing_symbols, Role.MENTIONED)
        plain_text = parsed.text.replace(CASHTAG_MARK, "")
        if not self._names.may_name_watched(parsed.text):
            return Reading(plain_text, tuple(_only_tagged(symbol, roles[symbol]) for symbol in sorted(roles)))

        # The publisher's name is no part of the title.
        body = parsed.text[: _body_end(parsed.text, source)]
        mentions = self._names.find(body)
        summary_mentions = self._names.find(summary) if summary else []

        # An unambiguous name or a tag anywhere in the item supports the ambiguous names of the same company.
        support = supporting_tags | _unambiguous_symbols(mentions) | _unambiguous_symbols(summary_mentions)
        spans = _accept(mentions, body, support)
        roles.update((symbol, Role.OTHER) for symbol in _other_things(mentions, spans))
        parts = cut_parts(body, spans)
        if any(span.symbol[0] != OFF_LIST_MARK for span in spans):
            in_title = assign_roles(body, spans, self._names.brokers, parts=parts, cashtags=len(parsed.cashtags))
            roles.update((symbol, role) for symbol, role in in_title.items() if symbol[0] != OFF_LIST_MARK)
        clauses = clauses_by_company(body, spans, roles, parts)

        links: list[CompanyLink] = []
        named = {span.symbol for span in spans}
        for symbol in sorted(roles):
            if roles[symbol] is Role.MENTIONED and symbol not in named:
                links.append(_only_tagged(symbol, Role.MENTIONED))
                continue
            role, clause = roles[symbol], clauses[symbol]
            clause_text, clause_spans = _without_marks(clause.text, clause.spans)
            links.append(CompanyLink(symbol, role, role.relevance, clause_text, clause_spans, clause.reason))
        return Reading(plain_text, tuple(links))

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


@lru_cache(maxsize=8)
def _name_index(watchlist: Watchlist, gazetteer: Gazetteer) -> NameIndex:
    """The index of all names: a third of a second to compile, and the same for every chunk of headlines."""
    return NameIndex(watchlist, gazetteer)


def _only_tagged(symbol: str, role: Role) -> CompanyLink:
    return CompanyLink(symbol, role, 0.0, reason="tagged")


def _body_end(text: str, source: str) -> int:
    """Where a title ends and the name of its publisher begins."""
    has_dash = " - " in text or " | " in text or not text.isascii()
    match = _SUFFIX.search(text) if has_dash else None
    if match is None:
        return len(text)
    publisher, wanted = _letters(match["publisher"]), _letters(source)
    is_source = bool(wanted) and (publisher in wanted or wanted in publisher)
    is_publisher = _PUBLISHER.search(match["publisher"]) is not None
    is_behind_bar = match["bar"] == "|" and _NAME_ALONE.fullmatch(match["publisher"]) is not None
    return match.start() if is_source or is_publisher or is_behind_bar else len(text)


def _letters(name: str) -> str:
    return _NOT_ALNUM.sub("", name).casefold()


def _other_things(mentions: Sequence[Mention], spans: Sequence[MentionSpan]) -> set[str]:
    """The companies of the watchlist whose unambiguous name was not accepted: here it means another thing."""
    accepted = {span.start for span in spans}
    found: set[str] = set()
    for mention in mentions:
        if mention.unambiguous and mention.symbols[0][0] != OFF_LIST_MARK and mention.start not in accepted:
            found.update(mention.symbols)
    return found


def _without_marks(text: str, spans: tuple[Span, ...]) -> tuple[str, tuple[Span, ...]]:
    """A clause without the marks of its cashtags, and its spans counted in that."""
    if CASHTAG_MARK not in text:
        return text, spans

    def shifted(index: int) -> int:
        return index - text.count(CASHTAG_MARK, 0, index)

    return text.replace(CASHTAG_MARK, ""), tuple((shifted(start), shifted(end)) for start, end in spans)


def _unambiguous_symbols(mentions: Iterable[Mention]) -> set[str]:
    """The companies that are named beyond doubt; such a name has a single company."""
    return {mention.symbols[0] for mention in mentions if mention.unambiguous}


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
            if symbols[index] or not symbols[neighbour] or mention.use is NameUse.NEVER:
                continue
            # The list can't tell companies apart that share a name.
            is_shared = len(mention.symbols) > 1
            if is_shared or not may_be_company(mention, text) or is_doubtful(mention, text):
                continue
            left, right = sorted((neighbour, index))
            if _JOINED.match(text[mentions[left].end : mentions[right].start]):
                symbols[index] = mention.symbols

    # Another company in the title says that it is about companies: "Meta set to surpass Google".
    if any(symbols):
        for index, mention in enumerate(mentions):
            if not symbols[index] and mention.use is None and is_likely_company(mention, text):
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
        span=pd.Series([format_spans(link.spans) for link in links], dtype="str"),
        reason=pd.Series([link.reason for link in links], dtype="str"),
    )


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
