"""Every text of a digest: card sentences, corrections, names of gates and settings, subject, preheader and remarks.

Text is made here and never read back: whatever depends on a value takes the value. The values are in `model`; which
signals a digest holds is decided in `composition`.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from types import MappingProxyType
from typing import Any

from signals_pipeline.core.digest.model import ActiveLine, Card, Contribution, CorrectedLine, Digest, DigestKind
from signals_pipeline.core.event_types import EventType
from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.prices.earnings import NextReport, ReportStatus, ReportTime
from signals_pipeline.core.prices.reaction import has_moved_already
from signals_pipeline.core.prices.technicals import MAX_MISSING_SESSIONS
from signals_pipeline.core.record.origin import LIVE_MODES
from signals_pipeline.core.signals.corrections import Change, Correction
from signals_pipeline.core.signals.decision import Decision, NearMiss, Signal
from signals_pipeline.core.text import quantity, shorten
from signals_pipeline.core.windows import NEW_YORK, Window, day

MAX_NAMED_STORIES = 3
"""Stories that one sentence quotes; more would not be read."""

MAX_SUBJECT_SYMBOLS = 5
"""Symbols in a subject line, so that mail programs on a phone show the counts and the first of them."""

# Characters of a title as quoted in a sentence, in a correction and in the preheader.
_QUOTED_TITLE = 60
_CORRECTED_TITLE = 100
_PREHEADER_TITLE = 70
_PREHEADER_COMPANY = 40  # characters of its name


MAX_SUMMARY_WORDS = 8
MAX_SUMMARY_CHARACTERS = 64
"""Of a headline in the summary table: two lines of a phone at most."""

_AGENCY_MARK = re.compile(r"^(?:UPDATE|CORRECTED|WRAPUP|REFILE)(?: \d+)?\s*[-:]\s*")
_LEGAL_FORM = re.compile(
    r"(?<=\w),?\s+(?:Inc|Incorporated|Corp|Corporation|Co|Company|Companies|plc|PLC|Ltd|Limited|AG|SE|SA|NV|Holdings?|Group)"
    r"\.?$"
)
# A headline that is cut does not end with one of these.
_LEANING_WORDS = frozenset(
    "a an and as at by for from in into its of on or over than that the to under with".split()  # noqa: SIM905 - reads as a list of words
)

# Least |tone| that reads as "clearly" positive or negative, and as positive or negative without "mildly".
_CLEAR_TONE, _PLAIN_TONE = 0.6, 0.25

_UNKNOWN_REACTION = "Whether the price has moved since the headline is not known."


# Numbers and instants


def signed(value: float) -> str:
    """A score with its sign and two decimals: `+0.24`, `−0.41`, `0.00`."""
    text = f"{value:+.2f}".replace("-", "−")
    # A value that rounds to zero has no direction.
    return text[1:] if text.endswith("0.00") else text


@dataclass(frozen=True, slots=True)
class StalePrices:
    """Prices that end before the digest.

    Attributes:
        last_bar: Date of the last daily bar.
        sessions: How many sessions have closed since, 1 or more.
    """

    last_bar: date
    sessions: int


def atrs(reaction: float) -> str:
    """A move in average true ranges: `+0.4 ATR`, `−2.1 ATR`."""
    text = f"{reaction:+.1f}".replace("-", "−")
    # A move that rounds to zero has no direction.
    return f"{text[1:] if text.endswith('0.0') and len(text) == 4 else text} ATR"


def percent(share: float) -> str:
    """A return with its sign and one decimal: `+1.2%`, `−0.4%`, `0.0%`."""
    text = f"{share:+.1%}".replace("-", "−")
    # A return that rounds to zero has no direction.
    return text[1:] if text.endswith("0.0%") and len(text) == len("+0.0%") else text


def price_text(card: Card) -> str:
    """Last price of a card: `103.20`, or `92.72 (adjusted)` where the traded one is not known; empty without one."""
    if not card.closes:
        return ""
    last = f"{card.shown_closes[-1]:,.2f}"
    return f"{last} (adjusted)" if card.prices_are_adjusted else last


def move_text(card: Card) -> str:
    """How far the price has moved since the headline: `+1.2% (+0.4 ATR)`; empty where that is not known."""
    if card.reaction is None:
        return ""
    return atrs(card.reaction) if card.move is None else f"{percent(card.move)} ({atrs(card.reaction)})"


def benchmark_close(symbol: str, change: float, close: float, session: date) -> str:
    """How the benchmark closed, as a sentence: `SPY closed +0.4% at 209.78 on Fri 13 Feb.`."""
    return f"{symbol} closed {percent(change)} at {close:,.2f} on {day(session)}."


def outcome(line: ActiveLine) -> str:
    """What became of a signal, so that a SELL's success does not read as a loss.

    Returns:
        `gained 1.2% against the market after 3 sessions (price −0.9%)`; empty where no horizon has ended.
    """
    if line.net_return is None or line.horizon is None:
        return ""
    result = relative_return(line.net_return)
    # Digests of earlier versions did not store the company's own return.
    price = "" if line.raw_return is None else f" (price {percent(line.raw_return)})"
    return f"{result} after {quantity(line.horizon, 'session')}{price}"


def relative_return(net_return: float) -> str:
    """A return net of the benchmark in the signal's direction: `gained 1.2% against the market`."""
    size = f"{abs(net_return):.1%}"
    if size == "0.0%":
        return "level with the market"
    return f"{'gained' if net_return > 0 else 'lost'} {size} against the market"


def summary_reason(card: Card) -> str:
    """Why a signal was made, in about eight words: the beginning of its leading headline.

    Left out are what the row says already (the company's symbol in front of a colon) and an agency's mark of an update.
    A headline that is cut ends with an ellipsis, and never with a word that leans on the next one.
    """
    if not card.news_title:
        return "Price alone" if card.source == "technical" else ""
    title = _AGENCY_MARK.sub("", card.news_title)
    symbol, colon, rest = title.partition(":")
    if colon and rest.strip() and symbol.strip().removeprefix("$") == card.symbol:
        title = rest
    words = title.split()
    kept = words[:MAX_SUMMARY_WORDS]
    if len(kept) < len(words):
        while len(kept) > 1 and kept[-1].casefold() in _LEANING_WORDS:
            kept.pop()
    text = " ".join(kept)
    if len(text) > MAX_SUMMARY_CHARACTERS:
        return shorten(text, MAX_SUMMARY_CHARACTERS)
    return text if len(kept) == len(words) else f"{text.rstrip(',;:-–—')}…"


def short_company(card: Card) -> str:
    """A company's name without its article and legal form, as readers call it: `Exxon Mobil`, `Home Depot`."""
    name = card.company.removeprefix("The ")
    while (shorter := _LEGAL_FORM.sub("", name)) != name:
        name = shorter
    return name


def meaning(knobs: Mapping[str, Any]) -> str:
    """What the two directions mean and how long a signal holds, in one sentence."""
    days = float(knobs["signal_expiry_days"])
    held = "a day" if days == 1 else f"{days:g} days"
    return f"BUY expects a rise against the market, SELL a fall, within {held} or until the news turns."


_COMPONENT_VALUES: dict[str, str] = {
    "rsi": "RSI {:.0f}",
    "macd": "MACD {:+.2f} ATR",
    "trend": "trend {:+.2f}",
    "momentum": "5-day move {:+.1f}\u00a0σ",
    "volume": "volume {:+.1f}\u00a0σ",
}


def technical_values(card: Card, count: int) -> str:
    """The technicals that count in a score, as values: `RSI 60, trend +0.44`; those that add 0.00 are left out.

    Args:
        card: The card.
        count: Maximum number of values; those with the largest part in the score remain.
    """
    weakest_last = sorted(card.components, key=lambda part: -abs(part["contribution"]))
    strongest = weakest_last[:count]
    values: list[str] = []
    for part in [part for part in card.components if part in strongest]:
        form = _COMPONENT_VALUES.get(part["name"])
        # A value is missing where the bars were too few for it.
        if form is not None and part["value"] is not None and signed(part["contribution"]) != "0.00":
            values.append(form.format(part["value"]).replace("-", "−").replace("5−day", "5-day"))
    return ", ".join(values)


EVENT_NAMES: dict[str, str] = {
    EventType.RESULTS: "results",
    EventType.GUIDANCE: "guidance",
    EventType.RATING: "analyst rating",
    EventType.MNA: "deal",
    EventType.LEGAL: "legal",
    EventType.PRODUCT: "product or contract",
    EventType.CAPITAL: "capital",
    EventType.PEOPLE: "people",
    EventType.PRICE: "price move",
    EventType.OPINION: "opinion",
    EventType.MACRO: "macro",
    EventType.OTHER: "other news",
}
"""Names of event types for readers; keys are those of frames and database."""


def event_name(event: str | None) -> str:
    """An event type as readers see it, such as `analyst rating`; empty where there is none."""
    # Digests stored by another version may hold a type that has no name here.
    return EVENT_NAMES.get(event, event) if event else ""


def publication_time(story: Contribution) -> str:
    """When a story's leading headline was published, as stored; older digests have only when it became known."""
    return story.get("published_at") or story["known_at"]


def eastern(instant: datetime) -> str:
    """An instant as readers see it, in New York time: `Mon 16 Feb 08:30 ET`."""
    local = instant.astimezone(NEW_YORK)
    return f"{day(local)} {local:%H:%M} ET"


def _described(signal: Signal) -> str:
    """An earlier signal in a sentence: `BUY of Mon 8 Jan 17:30 ET (+0.50)`."""
    return f"{signal.signal_type} of {eastern(signal.decided_at)} ({signed(signal.combined_score)})"


def _remainder(signal_type: str, *, stands: bool) -> str:
    return f"still {signal_type}" if stands else "no signal"


def score_without(score: float, signal_type: str, *, stands: bool) -> str:
    """A score after something was left out, and what would remain of the signal: `+0.24, no signal`."""
    return f"{signed(score)}, {_remainder(signal_type, stands=stands)}"


# Sentences of a card


def sentences(
    signal: Signal,
    parts: Sequence[Contribution],
    stands_without: Sequence[bool],
    *,
    weight: float,
    move: float | None = None,
    before: Signal | None,
    stale: StalePrices | None = None,
    vendor: str | None = None,
) -> tuple[str, ...]:
    """The reasons for a signal, one sentence each.

    In this order: what changed, whether prices are stale or another vendor's, what the tone rests on, how far the price
    has moved since, which news is old, whether price agrees, and which stories are decisive. Reasons that matter most
    come first because a mail cuts long ones.

    Args:
        signal: The signal.
        parts: Its contributions.
        stands_without: One per story: whether the signal would still be made without that story.
        weight: Weight of tone in the combined score, in [0, 1].
        move: Return since the headline, a fraction; None where only the reaction in ATRs is known.
        before: The active signal that it flips or strengthens, or the one that expired just before it; None for others.
        stale: Where the prices end; None where they are up to date.
        vendor: Who delivered the last price in place of the usual source; None where that one did.
    """
    candidate = signal.candidate
    stories = [part for part in parts if part["kind"] == "story"]

    # The first sentence, whichever it is, stays ahead of the warning about prices.
    if candidate.source == "technical":
        reasons = ["Based on price alone: the technical signal generator is on, so no headlines were weighed."]
    else:
        reasons = [
            _tone_basis(stories, candidate.tone, candidate.confidence_score),
            *_reaction_sentence(
                candidate.reaction, move, candidate.signal_type, has_event=candidate.event is not None, stale=stale
            ),
            *_freshness(stories, fresh=candidate.fresh),
            _price_agreement(candidate.technical, candidate.signal_type, weight, stale),
            *_price_dominance(parts),
            *_decisive_stories(stories, stands_without, candidate.signal_type),
        ]
    if before is not None:
        reasons.insert(0, _change(signal, before))
    if vendor is not None:
        reasons.insert(1, f"Its last price is {vendor.capitalize()}'s: the usual source had failed.")
    if stale is not None:
        last_bar = day(stale.last_bar, year=True)
        reasons.insert(1, f"Prices are stale: the last daily bar is from {last_bar}; later sessions are missing.")
    return tuple(reasons)


def _change(signal: Signal, before: Signal) -> str:
    earlier = f"the {_described(before)}"
    if signal.lifecycle == "flipped":
        return f"Flipped: this signal closes {earlier}."
    if signal.lifecycle == "new":
        return f"New again: {earlier} expired in this window."
    rise = f"{signed(before.combined_score)} to {signed(signal.combined_score)}"
    return f"Stronger: {rise}, updating {earlier}."


def _tone_basis(stories: Sequence[Contribution], tone: float, confidence: float) -> str:
    headlines = quantity(sum(story["headlines"] for story in stories), "headline")
    number = "One story" if len(stories) == 1 else f"{len(stories)} stories"
    reads = "reads" if len(stories) == 1 else "read"
    figures = f"tone {signed(tone)}, tone confidence {confidence:.2f}"
    return f"{number} ({headlines}) {reads} {_tone_words(tone)}: {figures}."


def _tone_words(tone: float) -> str:
    """A tone in words: `clearly positive`, `negative`, `mildly positive`, `neutral`."""
    if signed(tone) == "0.00":
        return "neutral"
    direction = "positive" if tone > 0 else "negative"
    if abs(tone) >= _CLEAR_TONE:
        return f"clearly {direction}"
    return direction if abs(tone) >= _PLAIN_TONE else f"mildly {direction}"


def _reaction_sentence(
    reaction: float | None, move: float | None, signal_type: str, *, has_event: bool, stale: StalePrices | None
) -> list[str]:
    """How far the price has moved since the headline; nothing for signals from before that was recorded."""
    if reaction is None:
        if not has_event:
            return []
        # Sessions may have closed whose bars are missing.
        return ["No session has closed since the headline." if stale is None else _UNKNOWN_REACTION]
    already = "already " if has_moved_already(reaction, signal_type) else ""
    if move is None:
        return [f"The price has {already}moved {atrs(reaction)} since the headline."]
    if percent(move) == "0.0%":
        return ["The price has not moved since the headline."]
    verb = "risen" if move > 0 else "fallen"
    return [f"The price has {already}{verb} {abs(move):.1%} since the headline ({atrs(reaction)})."]


def _freshness(stories: Sequence[Contribution], *, fresh: bool) -> list[str]:
    if not fresh:
        stale = "Stale: every story behind this signal began before this window"
        return [f"{stale}, so an earlier digest may have covered it."]
    old = sum(bool(story["told"]) for story in stories)
    if not old:
        return []
    verb = "is" if old == 1 else "are"
    return [f"{old} of {len(stories)} stories began before this window and {verb} no longer news."]


def _price_agreement(technical: float | None, signal_type: str, weight: float, stale: StalePrices | None) -> str:
    if technical is None and stale is not None and stale.sessions > MAX_MISSING_SESSIONS:
        age = f"Price data is {stale.sessions} sessions old"
        return f"{age}: technical score left out, the score is tone alone, weighted {weight:.0%}."
    if technical is None:
        return f"No technical score (fewer than 60 daily bars): the score is tone alone, weighted {weight:.0%}."
    if technical == 0:
        return "Price is neutral: technical score 0.00."
    agrees = (technical > 0) == (signal_type == "BUY")
    return f"Price {'agrees' if agrees else 'disagrees'}: technical score {signed(technical)}."


def _price_dominance(parts: Sequence[Contribution]) -> list[str]:
    news = sum(part["contribution"] for part in parts if part["kind"] == "story")
    price = sum(part["contribution"] for part in parts if part["kind"] == "technical")
    if abs(price) <= abs(news):
        return []
    return [f"Price contributes more than news: {signed(price)} against {signed(news)}."]


def _decisive_stories(stories: Sequence[Contribution], stands_without: Sequence[bool], signal_type: str) -> list[str]:
    """Which of several stories the signal can't do without; a single story needs no such sentence."""
    if len(stories) == 1:
        return []

    decisive: list[str] = []
    for story, stands in zip(stories, stands_without, strict=True):
        if not stands:
            decisive.append(f"“{shorten(story['title'], _QUOTED_TITLE)}”")

    if not decisive:
        return [f"No single story is decisive: without any one of them it remains a {signal_type}."]
    if len(decisive) == 1:
        return [f"It hinges on {decisive[0]}: without that story there is no signal, so one correction would undo it."]
    if len(decisive) == len(stories):
        return [f"It needs all {len(stories)} of its stories: without any one of them there is no signal."]
    quoted = ", ".join(decisive[:MAX_NAMED_STORIES])
    if len(decisive) > MAX_NAMED_STORIES:
        quoted += f" and {len(decisive) - MAX_NAMED_STORIES} more"
    hinges = f"It hinges on {len(decisive)} of its {len(stories)} stories"
    return [f"{hinges}; without any one of these there is no signal: {quoted}."]


# Corrections


def correction_sentences(correction: Correction) -> tuple[str, ...]:
    """What happened to the headlines behind an active signal, and what remains of it, one sentence each."""
    signal = correction.signal
    signal_text = _described(signal)
    single = len(correction.changes) == 1

    texts = [f"The {signal_text} rests on {_change_of_title(change)}." for change in correction.changes]

    without = score_without(correction.without, signal.signal_type, stands=correction.stands_without)
    texts.append(f"Without {'it' if single else 'them'}: {without}.")

    if correction.with_new is not None:
        with_new = score_without(correction.with_new, signal.signal_type, stands=correction.stands_with_new)
        texts.append(f"With the new {'text' if single else 'texts'}: {with_new}.")
    return tuple(texts)


def _change_of_title(change: Change) -> str:
    old = f"“{shorten(change.title, _CORRECTED_TITLE)}”"
    seen = f"seen {eastern(change.known_at)}"
    if not change.new_title:
        return f"{old}, since withdrawn ({seen})"
    return f"{old}, since edited to “{shorten(change.new_title, _CORRECTED_TITLE)}” ({seen})"


# Names of gates and settings, in the order in which readers see them. Keys are those of the stored digest.

_GATE_NAMES = {
    "headlines_tagged": "Headlines naming a watchlist company",
    "headlines_relevant": "… that are about that company",
    "headlines_eventful": "… of an event type that carries tone",
    "headlines_confident": "… with a confident tone",
    "symbols_scored": "Companies on the watchlist",
    "symbols_with_news": "… with relevant news",
    "symbols_with_tone": "… with a confident tone",
    "symbols_with_technical": "… with enough price history",
    "symbols_over_threshold": "… with a large enough score",
    "symbols_agreeing": "… whose tone and score agree",
    "candidates": "Passed every test",
    "repeats": "… but repeat an active signal",
    "refused_flips": "… but flipped too recently",
    "capped": "… but exceed the maximum per digest",
    "signals": "Signals in this digest",
}
_SETTING_NAMES = {
    "min_combined_score": "Minimum combined score (absolute)",
    "min_sentiment_confidence": "Minimum tone confidence per headline",
    "sentiment_weight": "Weight of news in the score (the rest is price)",
    "tone_half_life_hours": "Tone half-life (market hours)",
    "tone_events": "Event types that carry tone",
    "news_lookback_hours": "Minimum news lookback (hours)",
    "news_strict_lookback": "No news from before that lookback",
    "news_max_age_days": "Maximum age of a headline when first seen (days)",
    "max_signals": "Maximum signals per digest",
    "signal_expiry_days": "Signal expiry (days)",
    "flip_cooldown_days": "Days between two flips of a signal",
    "sentiment_model": "Requested sentiment model",
    "signal_generator": "Signals are based on",
}
_SETTING_VALUES = {"news_driven": "news and price", "technical": "price alone"}


def gate_rows(funnel: Mapping[str, int]) -> list[tuple[str, str]]:
    """Name and count of each gate, in the order of the gates; gates without a name of their own come last."""
    gates = _ordered(funnel, _GATE_NAMES)
    return [(_name(gate, _GATE_NAMES), f"{funnel[gate]:,}") for gate in gates]


def setting_rows(knobs: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Name and value of each setting, those that shape the score first; settings without a name come last."""
    settings = _ordered(knobs, _SETTING_NAMES)
    return [(_name(setting, _SETTING_NAMES), _value(knobs[setting])) for setting in settings]


def _ordered(keys: Mapping[str, object], names: Mapping[str, str]) -> list[str]:
    """The keys in the order of their names, then those without a name by alphabet."""
    named = [key for key in names if key in keys]
    unnamed = [key for key in keys if key not in names]
    return named + sorted(unnamed)


def _name(key: str, names: Mapping[str, str]) -> str:
    # Digests stored by another version may hold a gate or a setting that has no name here.
    return names.get(key) or key.replace("_", " ").capitalize()


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    # A list as users write it has no blanks after its commas.
    return _SETTING_VALUES.get(str(value), str(value).replace(",", ", "))


# Near misses


def near_miss_reason(miss: NearMiss, knobs: Mapping[str, Any]) -> str:
    """What stopped a company, such as `below the 0.30 minimum`; its score is shown next to this text."""
    if miss.gate == "threshold":
        minimum = float(knobs["min_combined_score"])
        # With two decimals both would read the same: say that the score is lower.
        looks_equal = f"{abs(miss.combined_score):.2f}" == f"{minimum:.2f}"
        return f"{'just ' if looks_equal else ''}below the {_threshold(minimum)} minimum"
    if miss.gate == "confident":
        # Digests of earlier versions did not store the count.
        counted = "" if miss.relevant is None else f" (0 of {miss.relevant})"
        return f"no headline with a confident tone{counted}: price alone gives the score"
    if miss.gate == "agreement":
        return f"price disagrees and outweighs a tone of {signed(miss.tone)}"
    if miss.gate == "cooldown":
        days = _count_days(float(knobs["flip_cooldown_days"]))
        return f"flipped less than {days} ago, and no stronger than before"
    return f"beyond the maximum of {knobs['max_signals']} signals"


def _count_days(days: float) -> str:
    return "a day" if days == 1 else f"{days:g} days"


def _threshold(minimum: float) -> str:
    """The threshold with two decimals, or with as many as it has."""
    return f"{minimum:.2f}" if round(minimum, 2) == minimum else f"{minimum:g}"


# Subject, preheader and remarks


def subject_tag(mode: str, deployment: str) -> str:
    """The mark in front of a subject whose digest is not live or not real, such as `[demo backfill] `."""
    marks: list[str] = []
    if deployment == "demo":
        marks.append(deployment)
    if mode not in LIVE_MODES:
        marks.append(mode)
    return f"[{' '.join(marks)}] " if marks else ""


def headline(digest: Digest) -> str:
    """The subject without its tag, for a page that shows mode and deployment elsewhere."""
    return subject(
        digest.kind,
        digest.coverage,
        digest.new,
        digest.changed,
        digest.from_missed,
        corrected=digest.corrected,
        still_active=len(digest.still_active),
        without_prices=len(digest.without_prices),
    )


def subject(
    kind: DigestKind,
    coverage: Coverage,
    new: Sequence[Card],
    changed: Sequence[Card],
    earlier: Sequence[Card],
    *,
    corrected: Sequence[CorrectedLine] = (),
    still_active: int,
    without_prices: int = 0,
) -> str:
    """The contents of a digest in one line, such as `▲ HD AMZN ▼ XOM · 3 new, 1 flipped`; the strongest first.

    Args:
        kind: The digest's kind.
        coverage: Its coverage ledger.
        new: Cards of new signals.
        changed: Cards of flipped and stronger signals.
        earlier: Cards of windows that were caught up.
        corrected: Active signals with a corrected headline.
        still_active: How many earlier signals are active.
        without_prices: How many companies have no recent price.
    """
    contents = _contents(new, changed, earlier, corrected) or _no_signals(still_active)
    if kind == "degraded":
        return f"Degraded ({_trouble(coverage, without_prices)}): {contents}"
    if kind == "quiet":
        return f"Quiet: {contents}"
    return contents


def _contents(
    new: Sequence[Card], changed: Sequence[Card], earlier: Sequence[Card], corrected: Sequence[CorrectedLine]
) -> str:
    """Directions, symbols and counts of everything that is new to the reader; empty where nothing is."""
    flipped = sum(card.lifecycle == "flipped" for card in changed)
    counts = {
        "new": len(new),
        "flipped": flipped,
        "stronger": len(changed) - flipped,
        "from missed windows": len(earlier),
        f"corrected ({_listed([line.symbol for line in corrected])})": len(corrected),
    }
    counted = ", ".join(f"{count} {name}" for name, count in counts.items() if count)
    # A company in two sections is shown once, with the direction of the first.
    directions: dict[str, str] = {}
    for card in (*new, *changed, *earlier):
        directions.setdefault(card.symbol, card.signal_type)
    if not directions:
        return counted

    shown = list(directions)[:MAX_SUBJECT_SYMBOLS]
    groups = [
        " ".join([arrow(direction), *(symbol for symbol in shown if directions[symbol] == direction)])
        for direction in dict.fromkeys(directions[symbol] for symbol in shown)
    ]
    more = f" and {len(directions) - len(shown)} more" if len(directions) > len(shown) else ""
    return f"{' '.join(groups)}{more} · {counted}"


def arrow(signal_type: str) -> str:
    """The direction of a signal as a sign."""
    return "▲" if signal_type == "BUY" else "▼"


def _listed(names: Sequence[str]) -> str:
    """The first names, and how many more there are."""
    shown = ", ".join(names[:MAX_SUBJECT_SYMBOLS])
    return f"{shown} and {len(names) - MAX_SUBJECT_SYMBOLS} more" if len(names) > MAX_SUBJECT_SYMBOLS else shown


def _no_signals(still_active: int) -> str:
    if not still_active:
        return "no new signals"
    return f"no new signals, {still_active} still active"


def _trouble(coverage: Coverage, without_prices: int) -> str:
    """The most serious reason why a digest is degraded."""
    if coverage.gap_minutes and not coverage.missing_windows and coverage.status != "failed":
        gap = f"{coverage.gap_length} not covered"
        return f"{gap}, {_without_prices(without_prices)}" if without_prices else gap
    if coverage.status != "ok":
        complete = sum(report.status == "ok" for report in coverage.reports)
        return f"{complete} of {quantity(len(coverage.reports), 'source')} complete"
    if coverage.missing_windows:
        return f"{quantity(len(coverage.missing_windows), 'earlier window')} without a run"
    return _without_prices(without_prices)


def _without_prices(count: int) -> str:
    return f"{quantity(count, 'company', 'companies')} without recent prices"


def preheader(
    cards: Sequence[Card],
    near_misses: Sequence[NearMiss],
    window: Window,
    knobs: Mapping[str, Any],
    corrected: Sequence[CorrectedLine] = (),
) -> str:
    """The line that an inbox shows after the subject: the strongest card, a correction or a near miss, and the window.

    Args:
        cards: All cards of the digest.
        near_misses: Near misses that are news to the reader, the nearest first.
        window: The window.
        knobs: The settings in force.
        corrected: Active signals with a corrected headline.
    """
    if cards:
        strongest = max(cards, key=lambda card: abs(card.combined_score))
        company = f"{shorten(strongest.company, _PREHEADER_COMPANY)} ({strongest.symbol})"
        price = f", {price_text(strongest)}" if strongest.closes else ""
        title = f": “{shorten(strongest.news_title, _PREHEADER_TITLE)}”" if strongest.news_title else ""
        return f"{strongest.signal_type} {company}{price}{title}. {window.label}."
    if corrected:
        first = corrected[0]
        return f"Corrected: {first.symbol}. {first.sentences[0]} {window.label}."
    if near_misses:
        nearest = near_misses[0]
        reason = near_miss_reason(nearest, knobs)
        return f"Closest to a signal: {nearest.symbol} {signed(nearest.combined_score)}, {reason}. {window.label}."
    return f"No company came close to a signal. {window.label}."


def revision_notice(number: int, made_at: datetime) -> str:
    """That a window whose digest was sent was run again and decided otherwise, in words.

    Args:
        number: Number of the revision that holds the new decision.
        made_at: When it was made.
    """
    local = made_at.astimezone(NEW_YORK)
    return (
        f"Run again on {day(local, year=True)} {local:%H:%M} ET; what was sent is kept, the new decision is revision "
        f"{number}."
    )


def remarks(
    coverage: Coverage,
    decision: Decision,
    mode: str,
    generator: str = "news_driven",
    *,
    recorded_elsewhere: int = 0,
    without_prices: Sequence[str] = (),
    other_vendors: Mapping[str, int] = MappingProxyType({}),
) -> list[str]:
    """What a reader should know about how this digest was made, one sentence each.

    Args:
        coverage: The window's ledger.
        decision: The window's decision.
        mode: Mode of its run.
        generator: The knob SIGNAL_GENERATOR.
        recorded_elsewhere: Signals with outcomes that another generator or model made, and that the track record of
            this digest leaves out.
        without_prices: Companies of the watchlist that have no recent price.
        other_vendors: For how many companies each vendor delivered the last price in place of the usual source.
    """
    notes: list[str] = []
    if generator == "technical":
        notes.append("Based on price alone: the technical signal generator is on, and no sentiment model was used.")
    if mode == "backfill":
        notes.append("Reconstructed later from recorded data, as it would have read at the time.")
    if coverage.reconstructed:
        notes.append(
            f"{coverage.reconstructed} of {coverage.headlines} headlines carry only their publisher's timestamp: "
            "when a feed first delivered them was not recorded."
        )
    if without_prices:
        notes.append(
            f"{quantity(len(without_prices), 'company has', 'companies have')} no price from the last"
            f" {MAX_MISSING_SESSIONS + 1} sessions and so no technical score: {_listed(without_prices)}."
        )
    for vendor, count in sorted(other_vendors.items()):
        companies = quantity(count, "company", "companies")
        notes.append(f"The last prices of {companies} are {vendor.capitalize()}'s: the usual source had failed.")
    if decision.capped:
        candidates = quantity(len(decision.capped), "more candidate")
        notes.append(f"{candidates} passed every gate but exceeded the maximum per digest and were left out.")
    if recorded_elsewhere:
        others = quantity(recorded_elsewhere, "earlier signal")
        notes.append(
            f"The track record covers this generator and model alone; {others} of another one are recorded separately."
        )
    return notes


# Earnings

_REPORT_TIMES = {
    ReportTime.BEFORE_OPEN: " before the open",
    ReportTime.AFTER_CLOSE: " after the close",
    ReportTime.UNKNOWN: "",
}
_REPORT_FLAGS = {"tonight": "reports tonight", "before_open": "reports before the open", "today": "reports today"}


def report_line(card: Card) -> str:
    """A card's next report, such as `Reports Thu 5 Feb after the close`; empty without an earnings calendar."""
    text = _report_text(card.earnings)
    return text[:1].upper() + text[1:]


def report_flag(card: Card) -> str:
    """A report that is close, such as `reports tonight`; empty for any other."""
    return "" if card.earnings is None else _REPORT_FLAGS.get(card.earnings.flag, "")


def report_summary(card: Card) -> str:
    """The next report for a summary's line: the flag where there is one, otherwise its day."""
    return report_flag(card) or _report_text(card.earnings)


def _report_text(report: NextReport | None) -> str:
    if report is None:
        return ""
    if report.status == ReportStatus.UNKNOWN:
        return "next report unknown"
    if report.day is None:
        return "next report not announced"
    if report.estimated:
        return f"next report expected {day(report.day)} or later"
    return f"reports {day(report.day)}{_REPORT_TIMES[report.time]}"


def earnings_remarks(unknown: Sequence[str], companies: int, *, was_visited: bool, trouble: str) -> tuple[str, ...]:
    """The remark on companies whose next report is unknown; none where there is no such company.

    Args:
        unknown: These companies.
        companies: How many the watchlist has.
        was_visited: Whether the source of the dates was visited before the digest.
        trouble: What went wrong at the last visit; empty where nothing did.
    """
    if not unknown:
        return ()
    reason = trouble.rstrip(".") or ("" if was_visited else "none were recorded before this digest")
    if len(unknown) == companies:
        return (f"Earnings dates are unknown{f': {reason}' if reason else ''}.",)
    of_companies = f"{len(unknown)} of {quantity(companies, 'company', 'companies')}"
    return (f"Earnings dates are unknown for {of_companies}: {_listed(unknown)}{f' ({reason})' if reason else ''}.",)
