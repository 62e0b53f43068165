"""Digests worth rendering, and what a browser would see of their pages."""

import math
from dataclasses import replace
from html.parser import HTMLParser

from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.news.feeds import SourceReport
from signals_pipeline.core.record.track_record import track_record
from signals_pipeline.core.signal_fields import SignalType
from signals_pipeline.core.signals.decision import NearMiss, Signal
from signals_pipeline.core.watchlist import Company, Watchlist
from signals_pipeline_tests.support.digest_examples import (
    WINDOWS,
    bars_of,
    component,
    coverage,
    digest_of,
    outcome_rows,
    signal,
    steady,
    story,
    weekday_sessions,
)

NOW = WINDOWS[6]
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, texts, and whether tags nest."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in {"style", "title"}:
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.texts).split())

    @property
    def links(self) -> list[str | None]:
        return [attributes["href"] for _, attributes in self.tags if "href" in attributes]


def titled(title: str, url: str = "https://news.example/1") -> Digest:
    """A digest whose every text is this title."""
    part = story(1, 0.4, 0.1, title=title, url=url, source=title)
    each = signal(window=NOW, parts=[part, component("rsi", 0.1)], news_title=title, news_url=url)
    near = NearMiss("CCC", "threshold", 0.27, 0.5, None, title, "combined +0.27, needs 0.30")
    ledger = coverage(NOW, status="degraded", reports=(SourceReport("wire", "failed", 0, title),))
    return replace(digest_of(NOW, [each], coverage=ledger), near_misses=(near,), notes=(title,), model=title)


def everything() -> Digest:
    """A digest with every section filled."""
    history = [signal("BBB", "SELL", WINDOWS[2]), signal("CCC", "BUY", WINDOWS[5])]
    flip = signal("BBB", "BUY", NOW, parts=[story(n, 0.1, 0.45, told=n == 1) for n in range(5)], technical=None)
    digest = digest_of(
        NOW,
        [signal("AAA", window=NOW), flip],
        history,
        modes={WINDOWS[2].start: "live", WINDOWS[5].start: "catch_up"},
        outcomes=outcome_rows(40),
        mode="catch_up",
        deployment="demo",
    )
    gone = replace(digest_of(NOW, (), history).still_active[0], now=0.31, horizon=1, net_return=-0.012)
    near = NearMiss("DDD", "agreement", 0.4, -0.1, 0.6, "A title", "tone and combined score disagree")
    return replace(digest, expired=(gone, replace(gone, horizon=5)), near_misses=(near,))


def hostile_cards(count: int) -> Digest:
    """Cards with the longest titles that pass the normaliser, all of characters that escaping makes longer."""
    title, url = "<&>\"'" * 60, "https://news.example/" + "a&b=" * 200
    parts = [story(n, 0.05, 0.2, title=title, url=url, source=title) for n in range(12)]
    parts += [component(name, 0.01) for name in ("rsi", "macd", "trend", "momentum", "volume")]
    example = digest_of(NOW, [signal(window=NOW, parts=parts, news_title=title)], outcomes=outcome_rows(40))
    lines = track_record(outcome_rows(400), label="new BUY signals, backfilled")
    card = replace(example.new[0], company=title, record=lines, sentences=("A sentence of the usual length here.",) * 6)
    cards = tuple(replace(card, symbol=f"SYM{n}") for n in range(count))
    line = digest_of(NOW, (), [signal("AAA", window=WINDOWS[2], news_title=title)]).still_active[0]
    rows = tuple(replace(line, symbol=f"ACT{n}", company=title) for n in range(count))
    return replace(example, new=cards, still_active=rows, expired=rows, notes=(title,))


TITLES = (
    "Exxon Mobil shares slide after quarterly profit misses Wall Street's estimates as margins shrink & output falls",
    'UPDATE 3-Chevron, Exxon weigh deeper cuts as crude\'s worst quarter since 2008 forces "hard choices" on buybacks',
    "Analysts at Morgan Stanley, Goldman Sachs & JPMorgan cut targets for energy majors ahead of the OPEC+ meeting",
)


def busy(count: int) -> Digest:
    """A digest as on the busiest of days: `count` cards of several stories each, real lengths, long lists below."""
    address = (
        "https://www.marketnews.example/articles/2024/01/{:02d}/exxon-shares-slide-as-profit-misses?utm_source=rss"
    )
    parts = [
        story(
            n, 0.09 - 0.01 * n, 0.2, title=TITLES[n % 3], url=address.format(n + 1), source="Reuters via Yahoo Finance"
        )
        for n in range(5)
    ]
    parts += [component(name, 0.02) for name in ("rsi", "macd", "trend", "momentum", "volume")]
    sessions = weekday_sessions("2023-10-02", 72)
    example = digest_of(
        NOW,
        [signal(window=NOW, parts=parts, news_title=TITLES[0])],
        bars=steady(sessions, "AAA"),
        sessions=sessions,
        outcomes=outcome_rows(400),
    )
    card = replace(example.new[0], company="International Business Machines Corporation")
    line = replace(
        digest_of(NOW, (), [signal(window=WINDOWS[2])]).still_active[0], now=0.44, horizon=3, net_return=0.01
    )
    miss = NearMiss("DDD", "threshold", 0.27, 0.5, None, TITLES[1], "combined +0.27, needs 0.30")
    return replace(
        example,
        new=tuple(replace(card, symbol=f"SYM{n}") for n in range(count)),
        still_active=tuple(replace(line, symbol=f"ACT{n}", company=card.company) for n in range(20)),
        expired=tuple(replace(line, symbol=f"EXP{n}", company=card.company) for n in range(8)),
        near_misses=(miss,) * 5,
    )


VALUES = {"rsi": 60.4, "macd": 0.21, "trend": 0.44, "momentum": 1.2, "volume": 0.1}


def four_signals() -> Digest:
    """A digest as on an ordinary day: four signals of one to three stories, some earlier ones, a record to judge."""
    sessions = weekday_sessions("2023-10-02", 76)
    companies: dict[str, tuple[str, str, SignalType]] = {
        "HD": ("The Home Depot Inc.", "Consumer Discretionary", "BUY"),
        "AMZN": ("Amazon.com Inc.", "Consumer Discretionary", "BUY"),
        "XOM": ("Exxon Mobil Corporation", "Energy", "SELL"),
        "UPS": ("United Parcel Service Inc.", "Industrials", "SELL"),
    }
    closes = [(100.0 + 8 * math.sin(n / 7) + n / 9, 100.5 + 8 * math.sin(n / 7) + n / 9) for n in range(75)]
    signals: list[Signal] = []
    for number, (symbol, (_, _, signal_type)) in enumerate(companies.items()):
        side = 1.0 if signal_type == "BUY" else -1.0
        parts = [
            story(
                n,
                side * (0.25 - 0.1 * n),
                side * 0.2,
                title=TITLES[(n + number) % 3],
                source="Reuters",
                event="results",
            )
            for n in range(number % 3 + 1)
        ]
        parts += [component(name, side * 0.03) for name in ("rsi", "macd", "trend", "momentum")]
        parts.append(component("volume", 0.001))
        parts = [{**part, "value": VALUES[part["name"]]} if part["kind"] == "technical" else part for part in parts]
        decided = signal(
            symbol, signal_type, NOW, parts=parts, event="results", reaction=side * 0.6, news_title=parts[0]["title"]
        )
        signals.append(decided)
    history = [signal(f"ACT{n}", window=WINDOWS[2]) for n in range(6)]
    digest = digest_of(
        NOW,
        signals,
        history,
        bars=bars_of(sessions, dict.fromkeys((*companies, "SPY"), closes)),
        sessions=sessions,
        watchlist=Watchlist(
            tuple(Company(symbol, name, sector=sector) for symbol, (name, sector, _) in companies.items())
        ),
        outcomes=outcome_rows(40),
    )
    active = tuple(replace(line, horizon=3, net_return=-0.039, raw_return=0.044) for line in digest.still_active)
    return replace(digest, still_active=active)
