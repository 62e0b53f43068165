"""What kind of event a headline reports of a company: one type per headline and company, by rules on its words.

A rule decides only where the words are plain; elsewhere there is no type and the classifier of the sentiment model
may give one (`adapters.model`). What a rating action does to a rating or a price target stands here too: its tone
follows from the action, not from the wording. Who a headline is about is decided in `core.linking`.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum, StrEnum
from functools import lru_cache

import pandas as pd


class EventType(StrEnum):
    """Type of the event that a headline reports of a company."""

    RESULTS = "results"
    """Reported or previewed figures of a period: earnings, sales, deliveries, subscribers."""

    GUIDANCE = "guidance"
    """The company's own outlook, forecast, targets or warning."""

    RATING = "rating"
    """An analyst's or a rating agency's action: upgrade, price target, initiation, credit rating, reiteration."""

    MNA = "mna"
    """Acquisitions, mergers, stakes, divestitures, spin-offs, joint ventures, and talk of them."""

    LEGAL = "legal"
    """Suits, fines, probes, regulation aimed at the company, antitrust, patents, recalls, approval of deals."""

    PRODUCT = "product"
    """Launches, contracts, orders, partnerships, drugs and trials, plants, outages, strikes, safety incidents."""

    CAPITAL = "capital"
    """Buybacks, dividends, splits, offerings, debt, capital expenditure, index changes, insiders' and funds' trades."""

    PEOPLE = "people"
    """Executives, board, layoffs, hiring, unions, pay."""

    PRICE = "price"
    """A recap of the share's move or trading, without a concrete cause."""

    OPINION = "opinion"
    """Valuation pieces, lists, stock picks, comparisons, promotions, predictions, questions, features."""

    MACRO = "macro"
    """Economy, central banks, commodities, a sector or the market as a whole, politics."""

    OTHER = "other"
    """Anything else about the company."""


# In the order of the classifier's outputs.
EVENT_TYPES: tuple[EventType, ...] = tuple(EventType)


class _Tier(IntEnum):
    """When a rule is tried; a rule of an earlier tier decides before those of a later one."""

    FORM = 0
    """The form of the title alone decides: a list, a question, a promotion."""

    FACT = 1
    """A concrete event; where several are reported, the one that the title states first decides."""

    MOVE = 2
    """The share's move; a concrete event in the same title is its cause and decides instead."""

    MARKET = 3
    """The market or the economy."""


@dataclass(frozen=True, slots=True)
class _Rule:
    """Words that decide a type.

    Attributes:
        event: Type that they decide.
        tier: When the rule is tried.
        stems: Beginnings of words; a title in which no word begins so can't match the pattern.
        pattern: What is searched in the comparable text.
    """

    event: EventType
    tier: _Tier
    stems: tuple[str, ...]
    pattern: re.Pattern[str]


def _rule(event: EventType, tier: _Tier, stems: str, pattern: str) -> _Rule:
    return _Rule(event, tier, tuple(stems.split()), re.compile(pattern))


_RULES: tuple[_Rule, ...] = (
    _rule(
        EventType.OPINION,
        _Tier.FORM,
        "stock etf pick",
        r"\b(?:stocks?|etfs?|picks?) (?:to|for|that) (?:buy|sell|watch|own|hold|avoid|consider|invest)\b"
        r"|\b(?:best|top|these|\d+) (?:[\w-]+ ){0,4}stocks?\b",
    ),
    _rule(
        EventType.OPINION,
        _Tier.FORM,
        "should here forget prediction cramer zacks",
        r"\bshould (?:you|investors)\b|\bhere(?:'s| is) (?:why|what|how)\b|^forget\b|\bprediction\b|\bcramer\b"
        r"|\bzacks\b",
    ),
    _rule(
        EventType.RATING,
        _Tier.FACT,
        "upgrad downgrad price pt reiterat maintain initiat",
        r"\b(?:up|down)grad(?:e|es|ed|ing)\b|\bprice (?:target|objective)s?\b|\bpt\b"
        r"|\b(?:reiterates?|maintains?|keeps?) (?:its |an? )?(?:buy|hold|sell|overweight|underweight|neutral)",
    ),
    _rule(
        EventType.GUIDANCE,
        _Tier.FACT,
        "guidance outlook forecast warn",
        r"\bguidance\b|\boutlook\b|\b(?:profit|sales|earnings) (?:forecast|warning)\b",
    ),
    _rule(
        EventType.RESULTS,
        _Tier.FACT,
        "earning result profit revenue eps quarter sales q1 q2 q3 q4",
        r"\b(?:earnings|eps|revenues?|profits?|q[1-4]|(?:first|second|third|fourth)[- ]quarter|quarterly|results)\b",
    ),
    _rule(
        EventType.MNA,
        _Tier.FACT,
        "acqui merge takeover stake divest buyout",
        r"\b(?:acquir(?:e|es|ed|ing)|acquisitions?|merge|mergers?|takeover|stake|divest\w*|buyout)\b",
    ),
    _rule(
        EventType.LEGAL,
        _Tier.FACT,
        "sue lawsuit court fine probe antitrust settle judge recall patent",
        r"\b(?:sues?|sued|suing|lawsuits?|court|fined|probes?|antitrust|settle(?:s|d|ment)?|judge|recalls?|patents?)\b",
    ),
    _rule(
        EventType.CAPITAL,
        _Tier.FACT,
        "buyback repurchas dividend split offering notes bond capex",
        r"\b(?:buybacks?|repurchas\w+|dividends?|(?:stock|share) split|offering|senior notes|bonds?|capex)\b",
    ),
    _rule(
        EventType.PEOPLE,
        _Tier.FACT,
        "ceo cfo layoff appoint resign chief job hire",
        r"\b(?:layoffs?|appoints?|appointed|resigns?|(?:new|names?|named) (?:ceo|cfo|chief)|job cuts)\b",
    ),
    _rule(
        EventType.PRODUCT,
        _Tier.FACT,
        "launch unveil partner contract fda trial order",
        r"\b(?:launch(?:es|ed)?|unveils?|partner(?:s|ship)?|contracts?|fda|trials?|orders?)\b",
    ),
    _rule(
        EventType.PRICE,
        _Tier.MOVE,
        "stock share",
        r"\b(?:stock|shares) (?:is |are )?(?:up|down|rises?|falls?|fell|rose|jumps?|drops?|slides?|gains?|surges?)\b",
    ),
    _rule(EventType.MACRO, _Tier.MARKET, "fed inflation tariff", r"\b(?:fed|inflation|tariffs?)\b"),
)

# What comes before the words of a filing in the titles that the reader of EDGAR's feed writes.
_FILING = re.compile(r"\b(?:files 8-K|amends its 8-K): (?P<items>.+)$", re.IGNORECASE)

# Event types by item of Form 8-K (sec.gov/files/form8-k.pdf, sections 1 to 9).
_EVENT_BY_ITEM: dict[str, EventType] = {
    "1.01": EventType.PRODUCT,
    "1.02": EventType.PRODUCT,
    "1.03": EventType.CAPITAL,
    "1.04": EventType.PRODUCT,
    "1.05": EventType.PRODUCT,
    "2.01": EventType.MNA,
    "2.02": EventType.RESULTS,
    "2.03": EventType.CAPITAL,
    "2.04": EventType.CAPITAL,
    "2.05": EventType.PEOPLE,
    "2.06": EventType.RESULTS,
    "3.01": EventType.LEGAL,
    "3.02": EventType.CAPITAL,
    "3.03": EventType.CAPITAL,
    "4.01": EventType.OTHER,
    "4.02": EventType.RESULTS,
    "5.01": EventType.MNA,
    "5.02": EventType.PEOPLE,
    "5.03": EventType.OTHER,
    "5.07": EventType.OTHER,
    "7.01": EventType.OTHER,
    "8.01": EventType.OTHER,
    "9.01": EventType.OTHER,
}


class RatingChange(StrEnum):
    """What an analyst or an agency does to a rating."""

    RAISED = "raised"
    CUT = "cut"
    KEPT = "kept"
    INITIATED = "initiated"
    NONE = ""


class TargetChange(StrEnum):
    """What an analyst does to a price target."""

    UP = "up"
    DOWN = "down"
    NONE = ""


@dataclass(frozen=True, slots=True)
class RatingAction:
    """What a rating action does.

    Attributes:
        rating: What happens to the rating.
        target: What happens to the price target.
        probabilities: Of a negative, a neutral and a positive tone for the rated company.
    """

    rating: RatingChange
    target: TargetChange
    probabilities: tuple[float, float, float]


def rule_event(
    text: str,
    span: tuple[int, int] | None = None,
    *,
    role: str = "",
    source: str = "",
) -> EventType | None:
    """Return the type of the event that a headline reports of a company; None where no rule decides.

    Args:
        text: The words about the company: a clause, or the whole title.
        span: Start and end of the company's first name in `text`.
        role: The company's role in the headline.
        source: Publisher.
    """
    del role, source
    comparable = text.lower() if span is None else f"{text[: span[0]]}@{text[span[1] :]}".lower()
    for rule in _RULES:
        if rule.pattern.search(comparable):
            return rule.event
    return None


def event_of_sec_items(items: Iterable[str]) -> EventType:
    """Return the event type of a filing from the numbers of its 8-K items, as in `2.02`."""
    events = {_EVENT_BY_ITEM.get(item, EventType.OTHER) for item in items}
    ordered = [event for event in EVENT_TYPES if event in events]
    return ordered[0] if ordered else EventType.OTHER


def rating_action(text: str, span: tuple[int, int] | None = None) -> RatingAction | None:
    """Return what the rating action of a headline does; None where it reports none, or not what it does.

    Args:
        text: The words about the rated company.
        span: Start and end of its first name in `text`.
    """
    del span
    match = re.search(r"\b(up|down)grad(?:e|es|ed)\b", text.lower())
    if match is None:
        return None
    if match[1] == "up":
        return RatingAction(RatingChange.RAISED, TargetChange.NONE, (0.03, 0.07, 0.9))
    return RatingAction(RatingChange.CUT, TargetChange.NONE, (0.9, 0.07, 0.03))


@lru_cache(maxsize=65_536)
def _cached_rule_event(text: str, span: str, role: str, source: str) -> str:
    start, _, end = span.partition(" ")[0].partition("-")
    first_span = (int(start), int(end)) if end else None
    return rule_event(text, first_span, role=role, source=source) or ""


def assign_events(headlines: pd.DataFrame) -> pd.DataFrame:
    """Return the frame with column `event` filled: the rules' type of each row of a company, else empty.

    Args:
        headlines: HEADLINES frame.
    """
    names = ("symbol", "title", "text", "span", "role", "source")
    columns = [headlines[name].tolist() for name in names]
    events: list[str] = []
    for symbol, title, text, span, role, source in zip(*columns, strict=True):
        events.append(_cached_rule_event(text or title, span if text else "", role, source) if symbol else "")
    # An explicit dtype: an empty list would become object.
    return headlines.assign(event=pd.Series(events, index=headlines.index, dtype="str"))
