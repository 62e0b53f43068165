"""What kind of event a headline reports of a company: one type per headline and company, by rules on its words.

Rules decide where the words are plain; elsewhere there is no type, and the classifier of the sentiment model may give
one (`adapters.model`). What a rating action does to a rating or a price target stands here too: its tone follows from
the action, not from the wording. The rules' words are in `sentiment.event_rules`; whom a headline is about is decided
in `core.linking`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache

import pandas as pd

from signals_pipeline.core.event_types import EventType
from signals_pipeline.core.sentiment.event_rules import BROKER_NAME, COMPANY_NAME, RULES, Tier
from signals_pipeline.core.spans import Span, first_span

# The role of a company that rates or comments on something else.
_BROKER_ROLE = "broker"
# Roles of a company that a headline reports something of.
_REPORTED_ROLES = frozenset({"subject", "affected"})

# Typographic characters as plain ones; hash signs are dropped, so that a tag reads as a word.
_PLAIN_CHARACTERS = str.maketrans(
    {"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "‑": "-", "‐": "-", "#": "", "…": "...", "\xa0": " "}
)
# Quotation marks, apostrophes within words excepted.
_QUOTES = re.compile(r"(?<![a-z0-9])'|'(?![a-z0-9])|\"")
# `(NASDAQ: AAPL)`, `(AAPL)`.
_TICKER = re.compile(r"\s*\((?:[a-z ]+:\s?)?[a-z]{1,5}(?:\.[a-z])?\)")
# Cashtags, links and short remarks in square brackets, as in posts.
_NOISE = re.compile(r"\$[a-z][a-z._]*\b|https?://\S+|\[[^\]]{1,10}\]")
# The publisher after a dash or a bar; only names that publishers have, as a title may go on after a dash.
_PUBLISHER = re.compile(
    r"\s[-|]\s(?:the )?(?:[\w.&']+ ){0,3}(?:news|times|journal|post|daily|wire|business|finance|money|today|fool"
    r"|reuters|bloomberg|cnbc|barron's|forbes|fortune|benzinga|marketwatch|yahoo[\w! ]*|zacks|nasdaq|wsj|ft|insider"
    r"|alpha|street|investing|[\w.]*\.com|magazine|herald|tribune|guardian|telegraph|independent|bbc|cnn|fox|msn"
    r"|tipranks|gurufocus|simply wall st|investopedia|axios|politico|techcrunch|verge|start)\s*$"
)
_WORD = re.compile(r"[a-z0-9&]+|[?%$]")
# After the share's move: a cause follows, which the rules of events did not recognise. A day is none.
_CAUSE = re.compile(
    r"\b(?:after|following|amid|over|despite|with|sends?|as (?!the|market|stocks)"
    r"|on (?!mon|tues|wednes|thurs|fri|the day|\d|wall|track|high|heavy))"
)
# Publishers of comment: what rules do not recognise there is opinion.
_OPINION_SOURCES = frozenset({"seekingalpha", "seeking alpha", "the motley fool", "motley fool", "zacks", "chartmill"})

# What stands before the items in the title of a filing, as `adapters.news.edgar` writes it.
_FILING = re.compile(r"\b(?:files 8-K|amends its 8-K): (?P<items>.+)$", re.IGNORECASE)

# Event types by item of Form 8-K (SEC, Form 8-K, general instructions, sections 1 to 9). The form names a topic, not
# what was decided, so an item has a type only where its topic has one.
_EVENT_BY_ITEM: dict[str, EventType] = {
    # Entry into and end of a material agreement; most are contracts.
    "1.01": EventType.PRODUCT,
    "1.02": EventType.PRODUCT,
    # Bankruptcy or receivership: what becomes of the company's capital.
    "1.03": EventType.CAPITAL,
    # Mine safety; cybersecurity incidents.
    "1.04": EventType.PRODUCT,
    "1.05": EventType.PRODUCT,
    # Completion of an acquisition or disposition of assets.
    "2.01": EventType.MNA,
    # Results of operations and financial condition.
    "2.02": EventType.RESULTS,
    # New and accelerated obligations.
    "2.03": EventType.CAPITAL,
    "2.04": EventType.CAPITAL,
    # Costs of exit or disposal activities, which are mostly severance.
    "2.05": EventType.PEOPLE,
    # Material impairments: figures of a past period.
    "2.06": EventType.RESULTS,
    # Notice of delisting: a listing rule is not met.
    "3.01": EventType.LEGAL,
    # Unregistered sales of equity; changed rights of security holders.
    "3.02": EventType.CAPITAL,
    "3.03": EventType.CAPITAL,
    # Change of the auditor.
    "4.01": EventType.OTHER,
    # Financial statements that should no longer be relied upon.
    "4.02": EventType.RESULTS,
    # Change in control.
    "5.01": EventType.MNA,
    # Departure, election and pay of directors and officers.
    "5.02": EventType.PEOPLE,
    # Bylaws; trading suspended under benefit plans; code of ethics; shell status; shareholder votes and nominations.
    "5.03": EventType.OTHER,
    "5.04": EventType.OTHER,
    "5.05": EventType.OTHER,
    "5.06": EventType.OTHER,
    "5.07": EventType.OTHER,
    "5.08": EventType.OTHER,
    # Regulation FD, other events, exhibits: any topic.
    "7.01": EventType.OTHER,
    "8.01": EventType.OTHER,
    "9.01": EventType.OTHER,
}

# Beginnings of the items' names as EDGAR's feed writes them, in lower case.
_ITEM_BY_NAME: dict[str, str] = {
    "entry into a material": "1.01",
    "termination of a material": "1.02",
    "bankruptcy": "1.03",
    "mine safety": "1.04",
    "material cybersecurity": "1.05",
    "completion of acquisition": "2.01",
    "results of operations": "2.02",
    "creation of a direct": "2.03",
    "triggering events": "2.04",
    "cost associated with exit": "2.05",
    "costs associated with exit": "2.05",
    "material impairments": "2.06",
    "notice of delisting": "3.01",
    "unregistered sale": "3.02",
    "material modification": "3.03",
    "changes in registrant's certifying": "4.01",
    "non-reliance": "4.02",
    "changes in control": "5.01",
    "departure of directors": "5.02",
    "amendments to articles": "5.03",
    "temporary suspension": "5.04",
    "amendments to the registrant's code": "5.05",
    "change in shell": "5.06",
    "submission of matters": "5.07",
    "shareholder director nominations": "5.08",
    "shareholder nominations": "5.08",
    "regulation fd": "7.01",
    "other events": "8.01",
    "financial statements and exhibits": "9.01",
}

# Of the items of one filing, the one with the plainest topic counts: figures before people before contracts, and a
# topic before "other".
_ITEM_PRIORITY: tuple[EventType, ...] = (
    EventType.RESULTS,
    EventType.MNA,
    EventType.LEGAL,
    EventType.PEOPLE,
    EventType.CAPITAL,
    EventType.PRODUCT,
)


@dataclass(frozen=True, slots=True)
class _CompiledPattern:
    """A pattern, ready to be searched, with the type and the tier of its rule."""

    event: EventType
    tier: Tier
    stems: tuple[str, ...]
    expression: re.Pattern[str]


@cache
def _compiled_patterns() -> tuple[_CompiledPattern, ...]:
    """All patterns in the order in which they are tried; compiled at the first use, as an import should be quick."""
    patterns: list[_CompiledPattern] = []
    for rule in sorted(RULES, key=lambda rule: rule.tier):
        for pattern in rule.patterns:
            expression = re.compile(pattern.expression)
            patterns.append(_CompiledPattern(rule.event, rule.tier, tuple(pattern.stems.split()), expression))
    return tuple(patterns)


@cache
def _patterns_by_prefix() -> dict[str, list[tuple[str, int]]]:
    """Stems and the bit of their pattern, by the stem's first two characters."""
    by_prefix: dict[str, list[tuple[str, int]]] = {}
    for position, pattern in enumerate(_compiled_patterns()):
        for stem in pattern.stems:
            by_prefix.setdefault(stem[:2], []).append((stem, 1 << position))
    return by_prefix


# 2^16 words: more than the different words of a year's headlines.
@lru_cache(maxsize=65_536)
def _candidates(word: str) -> int:
    """The patterns that a text with this word may match, as bits in the order in which they are tried."""
    candidates = 0
    for stem, bit in _patterns_by_prefix().get(word[:2], ()):
        if word.startswith(stem):
            candidates |= bit
    return candidates


def _comparable_text(text: str, span: Span | None, role: str) -> str:
    """Return the text in lower case and plain characters, without publisher, tickers and the company's name.

    The name, which may be any word, is replaced by a sign, so that the type does not depend on it.
    """
    if span is not None:
        name = text[span[0] : span[1]]
        text = text.replace(name, BROKER_NAME if role == _BROKER_ROLE else COMPANY_NAME)
    text = text.lower().translate(_PLAIN_CHARACTERS)

    # Each expression only where its characters occur: most titles need none of them.
    if "'" in text or '"' in text:
        text = _QUOTES.sub("", text)
    if "$" in text or "http" in text or "[" in text:
        text = _NOISE.sub(" ", text)
    if "(" in text:
        text = _TICKER.sub("", text)
    if " - " in text or " | " in text:
        text = _PUBLISHER.sub("", text)
    return " ".join(text.split()).strip(" :-|,")


def rule_event(
    text: str,
    span: Span | None = None,
    *,
    role: str = "",
    source: str = "",
) -> EventType | None:
    """Return the type of the event that a headline reports of a company; None where no rule decides.

    A move with its cause has the type of the cause; where the cause is stated but not recognised, no rule decides. Of
    a company of which the headline reports something, the state of the market is not the event.

    Args:
        text: The words about the company: a clause, or the whole title.
        span: Start and end of the company's first name in `text`.
        role: The company's role in the headline.
        source: Publisher.
    """
    filing = _FILING.search(text)
    if filing is not None:
        return _event_of_item_names(filing["items"].split("; "))

    comparable = _comparable_text(text, span, role)
    candidates = 0
    for word in _WORD.findall(comparable):
        candidates |= _candidates(word)

    patterns = _compiled_patterns()
    is_reported = role in _REPORTED_ROLES
    first_event: EventType | None = None
    first_start = len(comparable)
    first_tier = Tier.FORM
    while candidates:
        # The lowest bit is the pattern that is tried next.
        bit = candidates & -candidates
        candidates ^= bit
        pattern = patterns[bit.bit_length() - 1]

        # An event was found, and all patterns of its tier were tried.
        if first_event is not None and pattern.tier != first_tier:
            return first_event
        if is_reported and pattern.event is EventType.MACRO:
            continue
        match = pattern.expression.search(comparable)
        if match is None:
            continue

        if pattern.tier not in (Tier.FACT, Tier.WEAK):
            is_unknown_cause = pattern.tier is Tier.MOVE and _CAUSE.search(comparable) is not None
            return None if is_unknown_cause else pattern.event
        if match.start() < first_start:
            first_event, first_start, first_tier = pattern.event, match.start(), pattern.tier

    if first_event is None and source.lower() in _OPINION_SOURCES:
        return EventType.OPINION
    return first_event


def event_of_sec_items(items: Iterable[str]) -> EventType:
    """Return the event type of a filing from the numbers of its 8-K items, as in `2.02`."""
    events = {_EVENT_BY_ITEM.get(item, EventType.OTHER) for item in items}
    for event in _ITEM_PRIORITY:
        if event in events:
            return event
    return EventType.OTHER


def _event_of_item_names(names: Iterable[str]) -> EventType:
    """Return the event type of a filing from the names of its items."""
    items: list[str] = []
    for name in names:
        plain_name = name.lower().translate(_PLAIN_CHARACTERS)
        items.extend(item for beginning, item in _ITEM_BY_NAME.items() if plain_name.startswith(beginning))
    return event_of_sec_items(items)


class RatingChange(StrEnum):
    """What an analyst or an agency does to a rating."""

    RAISED = "raised"
    CUT = "cut"
    KEPT = "kept"
    INITIATED = "initiated"
    NONE = ""
    """The rating is not mentioned."""


class TargetChange(StrEnum):
    """What an analyst does to a price target."""

    UP = "up"
    DOWN = "down"
    NONE = ""
    """It stays, or is not mentioned."""


class RatingView(StrEnum):
    """How favourable a rating, or an analyst's view, is."""

    FAVOURABLE = "favourable"
    NEUTRAL = "neutral"
    UNFAVOURABLE = "unfavourable"
    NONE = ""
    """It is not mentioned."""


@dataclass(frozen=True, slots=True)
class RatingAction:
    """What a rating action does.

    Attributes:
        rating: What happens to the rating.
        target: What happens to the price target.
        view: How favourable the rating is that is kept, begun or expressed.
    """

    rating: RatingChange
    target: TargetChange
    view: RatingView

    @property
    def probabilities(self) -> tuple[float, float, float]:
        """Probabilities of a negative, a neutral and a positive tone for the rated company.

        The order of strength is that of the share's reaction: changed recommendations move it most (Womack 1996),
        changed price targets less, and add to the recommendation (Brav and Lehavy 2003); what is only repeated is not
        new. A changed rating decides over the target; a kept rating is neutral, and with it the target decides.
        """
        # A changed rating; a target that moves the other way makes it less certain.
        if self.rating is RatingChange.RAISED:
            return _CHANGED_RATING_WITH_CONTRARY_TARGET if self.target is TargetChange.DOWN else _CHANGED_RATING
        if self.rating is RatingChange.CUT:
            is_contrary = self.target is TargetChange.UP
            return _mirrored(_CHANGED_RATING_WITH_CONTRARY_TARGET if is_contrary else _CHANGED_RATING)

        # A changed target, whatever rating is kept.
        if self.target is TargetChange.UP:
            return _CHANGED_TARGET
        if self.target is TargetChange.DOWN:
            return _mirrored(_CHANGED_TARGET)

        # Coverage begun, a list, or a view.
        if self.rating is not RatingChange.KEPT and self.view is RatingView.FAVOURABLE:
            return _NEW_VIEW
        if self.rating is not RatingChange.KEPT and self.view is RatingView.UNFAVOURABLE:
            return _mirrored(_NEW_VIEW)
        return _NO_CHANGE


# Negative, neutral, positive, for a favourable action; above the minimum confidence's default of 0.6.
_CHANGED_RATING = (0.03, 0.07, 0.90)
_CHANGED_RATING_WITH_CONTRARY_TARGET = (0.08, 0.17, 0.75)
_NEW_VIEW = (0.05, 0.15, 0.80)
_CHANGED_TARGET = (0.07, 0.21, 0.72)
_NO_CHANGE = (0.07, 0.86, 0.07)


def _mirrored(probabilities: tuple[float, float, float]) -> tuple[float, float, float]:
    negative, neutral, positive = probabilities
    return positive, neutral, negative


# Verbs of actions, in any tense.
_RAISE = (
    r"(?:rais(?:es?|ed|ing)|lift(?:s|ed|ing)?|hik(?:es?|ed|ing)|boost(?:s|ed|ing)?|increas(?:es?|ed|ing)|up(?:s|ped)"
    r"|bump(?:s|ed)?(?: up)?|higher|nudg(?:es?|ed) up|doubl(?:es?|ed)|mov(?:es?|ed) up|upward|upgrades?|ups)"
)
_CUT = (
    r"(?:cut(?:s|ting)?|lower(?:s|ed|ing)?|trim(?:s|med|ming)?|reduc(?:es?|ed|ing)|slash(?:es|ed|ing)?|drop(?:s|ped)"
    r"|decreas(?:es?|ed|ing)|pares?|pared|chops?|nudg(?:es?|ed) down|halv(?:es?|ed)|mov(?:es?|ed) down|downward"
    r"|tak(?:es|en) down|downgrades?)"
)
_KEEP = r"(?:reiterat|maintain|keep|kept|retain|reaffirm|affirm|stick|stay|stands? by|remain|repeat|back|confirm)\w*"
_TARGET = r"(?:(?:price |stock |share )?(?:targets?|objectives?)(?: price)?|pt|tp)"
_FAVOURABLE_GRADE = (
    r"(?:strong buy|conviction buy|buy|overweight|outperform|accumulate|add|positive|top pick|sector outperform)"
)
_NEUTRAL_GRADE = (
    r"(?:hold|neutral|equal[- ]?weight|market perform|sector perform|peer perform|in[- ]line|sector weight|perform)"
)
_UNFAVOURABLE_GRADE = r"(?:strong sell|sell|underweight|underperform|reduce|negative|sector underperform)"
_GRADE = rf"(?:{_FAVOURABLE_GRADE}|{_NEUTRAL_GRADE}|{_UNFAVOURABLE_GRADE})"

# Amounts of money, in the currencies of the markets covered.
_CURRENCY = r"(?:us\$|c\$|a\$|\$|€|£|₹|rs\.? ?)?"
_NUMBER = r"\d[\d,]*(?:\.\d+)?"

# Words between a verb and the rating that it changes: no target, and no second action.
_RATED = r"(?:(?!target|keep|maintain|reiterat|to\b|and\b)[^\s,;]+ ){0,4}?"

_UPGRADE = re.compile(
    rf"\b(?:double-?)?upgrad(?:e[sd]?|ing)\b|\b{_RAISE} (?:\S+ ){{0,6}}?to {_FAVOURABLE_GRADE}\b"
    rf"|\bfrom {_UNFAVOURABLE_GRADE} to (?:{_FAVOURABLE_GRADE}|{_NEUTRAL_GRADE})\b"
    rf"|\bfrom {_NEUTRAL_GRADE} to {_FAVOURABLE_GRADE}\b"
    rf"|\b(?:outlook|watch) (?:\S+ ){{0,4}}?(?:{_RAISE} )?to (?:positive|stable from negative)\b"
    rf"|\b{_RAISE} {_RATED}outlook\b|\boutlook {_RAISE}\b"
    rf"|\b{_RAISE} {_RATED}(?:credit |debt )?ratings?\b|\bratings? {_RAISE}\b"
)
_DOWNGRADE = re.compile(
    rf"\b(?:double-?)?downgrad(?:e[sd]?|ing)\b"
    rf"|\b{_CUT} (?:\S+ ){{0,6}}?to (?:{_UNFAVOURABLE_GRADE}|{_NEUTRAL_GRADE})\b(?! (?:target|price))"
    rf"|\bfrom {_FAVOURABLE_GRADE} to (?:{_UNFAVOURABLE_GRADE}|{_NEUTRAL_GRADE})\b"
    rf"|\bfrom {_NEUTRAL_GRADE} to {_UNFAVOURABLE_GRADE}\b"
    rf"|\b(?:outlook|watch) (?:\S+ ){{0,4}}?to (?:negative|stable from positive)\b"
    rf"|\b{_CUT} {_RATED}outlook\b|\boutlook {_CUT}\b|\bto junk\b|\b(?:negative|downgrade) watch\b"
    rf"|\bwatch negative\b|\b{_CUT} {_RATED}(?:credit |debt )?ratings?\b|\bratings? {_CUT}\b"
)
# A change that did not happen, or is past or asked for.
_NO_CHANGE_YET = re.compile(
    r"\b(?:avoids?|despite|shrugs? off|no|not|denies|could|may|might|risks?|fears? of|possible|potential"
    r"|threat\w* of|warns? of) (?:an? |the |its |double |recent |analyst |credit |rating )*(?:be )?(?:up|down)grad"
)
_INITIATED = re.compile(
    r"\b(?:initiat|start|resum|launch|assum|begin|pick)\w* (?:\S+ ){0,4}?(?:coverage|up coverage)\b"
    r"|\bcoverage (?:\S+ ){0,4}?(?:initiat|start|resum|launch|assum|begin)\w*"
    rf"|\binitiat\w* (?:\S+ ){{0,5}}?(?:at|with|as) (?:an? )?{_GRADE}|\bstart(?:s|ed) (?:\S+ ){{0,4}}?at {_GRADE}"
)
_KEPT = re.compile(
    rf"\b{_KEEP} (?:\S+ ){{0,6}}?(?:{_GRADE}|{_TARGET}|ratings?|outlook)\b|\breiterated (?:as|at)\b|\baffirms?\b"
)
_TARGET_UP = re.compile(rf"\b{_RAISE} (?:\S+ ){{0,7}}?{_TARGET}\b|\b{_TARGET} (?:\S+ ){{0,6}}?{_RAISE}\b")
_TARGET_DOWN = re.compile(rf"\b{_CUT} (?:\S+ ){{0,7}}?{_TARGET}\b|\b{_TARGET} (?:\S+ ){{0,6}}?{_CUT}\b")
# Former and new target: "from $90 to $100", "to $100 from $90".
_FROM_TO = re.compile(rf"\bfrom {_CURRENCY}(?P<former>{_NUMBER})p? to {_CURRENCY}(?P<new>{_NUMBER})")
_TO_FROM = re.compile(rf"\bto {_CURRENCY}(?P<new>{_NUMBER})p?,? from {_CURRENCY}(?P<former>{_NUMBER})")
_LISTED = re.compile(
    r"\b(?:add(?:s|ed)?|put|puts|joins?|made|makes) (?:\S+ ){0,6}?(?:list|catalyst watch)\b|\bpositive catalyst watch\b"
    r"|\b(?:names?|named|calls?|new|a|its|as|is|remains) (?:\S+ ){0,4}?top pick\b|\btop pick (?:at|for|by|of|among)\b"
    r"|\bbest ideas? list\b"
)
_UNLISTED = re.compile(
    r"\b(?:remov(?:es?|ed|ing)|drop(?:s|ped)?|delet(?:es?|ed)|tak(?:es?|en)|exits?) (?:\S+ ){0,6}?"
    r"(?:conviction|focus|best ideas?|top picks?|buy|priority) list\b|\bnegative catalyst watch\b"
)
_BULLISH = re.compile(
    r"\b(?:bullish|upbeat|positive|constructive|optimistic) (?:on|about|view|call|stance)\b"
    r"|\b(?:says?|said) (?:to )?buy\b|\bsees? (?:\S+ )?upside\b|\brecommends? (?:buying|to buy)\b"
)
_BEARISH = re.compile(
    r"\b(?:bearish|cautious|negative|pessimistic|downbeat|wary) (?:on|about|view|call|stance)\b"
    r"|\b(?:says?|said) (?:to )?(?:sell|avoid)\b|\bsees? (?:\S+ )?downside\b|\brecommends? (?:selling|to sell)\b"
)
_FAVOURABLE = re.compile(rf"\b{_FAVOURABLE_GRADE}\b")
_NEUTRAL = re.compile(rf"\b{_NEUTRAL_GRADE}\b")
_UNFAVOURABLE = re.compile(rf"\b{_UNFAVOURABLE_GRADE}\b")

# Between two actions of one title.
_ACTION_BREAK = re.compile(r"\s*;\s*|,\s+(?:and |but |while )?|\s(?:while|but|whereas)\s|\sand\s")
# An action that continues the one before: it names no company of its own.
_CONTINUED_ACTION = re.compile(
    rf"^(?:{_RAISE}|{_CUT}|{_KEEP}|sets?|gives?|with|{_TARGET}) (?:\S+ ){{0,2}}?(?:its |the |an? |price )*"
    rf"(?:{_TARGET}|ratings?"
    rf"|estimates?|forecasts?|outlook|{_GRADE})\b|^(?:to|from|at|on) "
    r"|\((?:rating )?(?:up|down)graded?\)"
)
# A change of a target at the end of a part, no company named: "UBS cuts price target, keeps Buy rating on Acme".
_BARE_TARGET = re.compile(rf"(?:{_RAISE}|{_CUT}) (?:its |the )?{_TARGET}$")


def rating_action(text: str, span: Span | None = None) -> RatingAction | None:
    """Return what the rating action of a headline does; None where it reports none, or not what it does.

    Args:
        text: The words about the rated company.
        span: Start and end of its first name in `text`; where it is given, another company's action in the same text
            does not count.
    """
    comparable = _comparable_text(text, span, "")
    action_text = _own_actions(comparable)

    rating = _rating_change(action_text)
    target = _target_change(action_text)
    view = _rating_view(action_text)
    if rating is RatingChange.NONE and target is TargetChange.NONE and view is RatingView.NONE:
        return None
    return RatingAction(rating, target, view)


def _own_actions(comparable: str) -> str:
    """The part of the text with the company's name, and the parts that continue it; all of it without a name."""
    if COMPANY_NAME not in comparable:
        return comparable
    parts = _ACTION_BREAK.split(comparable)
    own_parts: list[str] = []
    is_own = False
    for part in parts:
        # After the name only what continues the action; before it only a target without a company.
        if COMPANY_NAME in part:
            is_own = True
        elif own_parts:
            is_own = is_own and _CONTINUED_ACTION.search(part) is not None
        else:
            is_own = _BARE_TARGET.search(part) is not None
        if is_own:
            own_parts.append(part)
    return ", ".join(own_parts)


def _rating_change(text: str) -> RatingChange:
    upgrade = _UPGRADE.search(text)
    downgrade = _DOWNGRADE.search(text)
    if (upgrade or downgrade) and not _NO_CHANGE_YET.search(text):
        # Where both are found, the first is the action, the second its past: "upgraded after downgrade in May".
        is_raised = upgrade is not None and (downgrade is None or upgrade.start() <= downgrade.start())
        return RatingChange.RAISED if is_raised else RatingChange.CUT
    if _INITIATED.search(text):
        return RatingChange.INITIATED
    if _KEPT.search(text):
        return RatingChange.KEPT
    return RatingChange.NONE


def _target_change(text: str) -> TargetChange:
    # Numbers are plainer than verbs.
    amounts = _FROM_TO.search(text) or _TO_FROM.search(text)
    if amounts is not None:
        former, new = _amount(amounts["former"]), _amount(amounts["new"])
        if new != former:
            return TargetChange.UP if new > former else TargetChange.DOWN

    up = _TARGET_UP.search(text)
    down = _TARGET_DOWN.search(text)
    if up and down:
        return TargetChange.UP if len(up[0]) < len(down[0]) else TargetChange.DOWN
    if up:
        return TargetChange.UP
    return TargetChange.DOWN if down else TargetChange.NONE


def _amount(digits: str) -> float:
    return float(digits.replace(",", ""))


def _rating_view(text: str) -> RatingView:
    if _UNLISTED.search(text) or _BEARISH.search(text):
        return RatingView.UNFAVOURABLE
    if _LISTED.search(text) or _BULLISH.search(text):
        return RatingView.FAVOURABLE
    if _UNFAVOURABLE.search(text):
        return RatingView.UNFAVOURABLE
    if _NEUTRAL.search(text):
        return RatingView.NEUTRAL
    return RatingView.FAVOURABLE if _FAVOURABLE.search(text) else RatingView.NONE


# 2^16 texts: many rows of a year repeat a title of another company or window.
@lru_cache(maxsize=65_536)
def _cached_rule_event(text: str, spans: str, role: str, source: str) -> str:
    """The type of a row as text, empty where no rule decides; spans as in HEADLINES."""
    return rule_event(text, first_span(spans), role=role, source=source) or ""


def assign_events(headlines: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with column `event` filled: the rules' type of each row of a company, else empty.

    Args:
        headlines: HEADLINES frame.
    """
    names = ("symbol", "title", "text", "span", "role", "source")
    columns = [headlines[name].tolist() for name in names]
    events: list[str] = []
    for symbol, title, text, spans, role, source in zip(*columns, strict=True):
        if not symbol:
            events.append("")
        elif text:
            events.append(_cached_rule_event(text, spans, role, source))
        else:
            # The spans are those of the text, which such a row does not have.
            events.append(_cached_rule_event(title, "", role, source))
    # An explicit dtype: an empty list would become object.
    return headlines.assign(event=pd.Series(events, index=headlines.index, dtype="str"))
