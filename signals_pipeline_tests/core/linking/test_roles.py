"""In which role a headline names a company: kind by kind, with the gazetteer of the package."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from signals_pipeline.adapters.gazetteer import load_gazetteer
from signals_pipeline.core.linking.linker import Linker
from signals_pipeline.core.linking.parts import MentionSpan
from signals_pipeline.core.linking.roles import Role, assign_roles
from signals_pipeline.core.text import clean, readable
from signals_pipeline.core.watchlist import Company, Watchlist

SUBJECT, AFFECTED, MENTIONED, BROKER, OTHER, TAGGED = Role

WATCHLIST = Watchlist(
    (
        Company("AAPL", "Apple Inc.", (), ("Apple",)),
        Company("AMD", "Advanced Micro Devices Inc.", ("AMD",)),
        Company("AMZN", "Amazon.com Inc.", (), ("Amazon",)),
        Company("BA", "The Boeing Company", ("Boeing",)),
        Company("BAC", "Bank of America Corporation", ("Bank of America", "BofA")),
        Company("CSCO", "Cisco Systems Inc.", ("Cisco",)),
        Company("CVX", "Chevron Corporation", ("Chevron",)),
        Company("GS", "The Goldman Sachs Group Inc.", ("Goldman Sachs", "Goldman")),
        Company("INTC", "Intel Corporation", (), ("Intel",)),
        Company("JPM", "JPMorgan Chase & Co.", ("JPMorgan", "J.P. Morgan")),
        Company("KO", "The Coca-Cola Company", ("Coca-Cola",)),
        Company("LLY", "Eli Lilly and Company", ("Eli Lilly", "Lilly")),
        Company("META", "Meta Platforms Inc.", ("Facebook",), ("Meta",)),
        Company("MMM", "3M Company", ("3M",)),
        Company("MRK", "Merck & Co. Inc.", (), ("Merck",)),
        Company("MSFT", "Microsoft Corporation", ("Microsoft",)),
        Company("NFLX", "Netflix Inc.", ("Netflix",)),
        Company("NVDA", "NVIDIA Corporation", ("Nvidia",)),
        Company("ORCL", "Oracle Corporation", ("Oracle",)),
        Company("PFE", "Pfizer Inc.", ("Pfizer",)),
        Company("TGT", "Target Corporation", (), ("Target",)),
        Company("TSLA", "Tesla Inc.", ("Tesla",)),
        Company("VZ", "Verizon Communications Inc.", ("Verizon",)),
        Company("WMT", "Walmart Inc.", ("Walmart",)),
    )
)
LINKER = Linker(WATCHLIST, load_gazetteer())


def roles(title: str, tags: tuple[str, ...] = (), source: str = "") -> dict[str, Role]:
    plain, _ = clean(title)
    links = LINKER.read(plain, readable(plain), "", tags, source).links
    return {link.symbol: link.role for link in links}


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        # The subject is a company that is not on the watchlist.
        ("NIO soars 7%, Tesla sinks", {"TSLA": SUBJECT}),
        ("Novo Nordisk stumbles, battle with Lilly heats up", {"LLY": MENTIONED}),
        ("Sonoma (SNOA) jumps on deal with Walmart, CVS", {"WMT": MENTIONED}),
        ("Marvell stock jumps on report of chip talks with Nvidia", {"NVDA": MENTIONED}),
        ("A Look At IREN Valuation After The Nvidia Partnership Announcement", {"NVDA": MENTIONED}),
        ("Kyndryl's Expanded Microsoft Partnership Might Change The Case", {"MSFT": MENTIONED}),
        # Somebody who is in no list acts.
        ("Harbor Robotics Extends Pfizer Licensing Agreement", {"PFE": MENTIONED}),
        ("Brightloom Launches Analytics Suite for Microsoft Azure", {"MSFT": MENTIONED}),
        ("Crescent Foods Launches Snack Line at Walmart", {"WMT": MENTIONED}),
        ("Harbor Airways Orders 14 Boeing Jets", {"BA": AFFECTED}),
        # ... but not everybody who acts is a company.
        ("FDA asks Lilly to evaluate a risk", {"LLY": SUBJECT}),
        ("Jim Cramer Highlights Netflix's Pricing", {"NFLX": SUBJECT}),
        ("Judge throws out the case against Walmart", {"WMT": SUBJECT}),
        ("Engineer named Apple's chief hardware officer", {"AAPL": SUBJECT}),
        ("Netflix co-founder to leave the board", {"NFLX": SUBJECT}),
        ("Fund dumps its AMD stock, doubles down on Nvidia", {"AMD": SUBJECT, "NVDA": SUBJECT}),
        # A rival, a partner, an owner, a former employer, a model.
        ("Nvidia rival AMD plunges", {"NVDA": MENTIONED, "AMD": SUBJECT}),
        ("Amazon-backed X-Energy surges in debut", {"AMZN": MENTIONED}),
        ("Gnosis Freight names former Walmart officer", {"WMT": MENTIONED}),
        ("Meet the Nvidia of Europe", {"NVDA": MENTIONED}),
        ("Forget Nvidia: AMD Can Explode Higher", {"NVDA": MENTIONED, "AMD": SUBJECT}),
        ("AMD has more upside than Nvidia", {"NVDA": MENTIONED, "AMD": SUBJECT}),
        ("Tesla CEO Elon Musk's SpaceX delays a launch", {"TSLA": MENTIONED}),
        # The host of a conference.
        ("AbbVie to Present at the J.P. Morgan Healthcare Conference", {"JPM": MENTIONED}),
        # Lists.
        ("Stocks to watch: Boeing, Tesla", {"BA": MENTIONED, "TSLA": MENTIONED}),
        ("Final Trades: Goldman Sachs, Verizon and gold", {"GS": MENTIONED, "VZ": MENTIONED}),
        ("Top Analyst Reports for Pfizer, Boeing & Oracle", {"PFE": MENTIONED, "BA": MENTIONED, "ORCL": MENTIONED}),
        ("Lilly is one of the best stocks to buy now", {"LLY": SUBJECT}),
        ("Index slips below 26,000; Boeing, Tesla big losers", {"BA": SUBJECT, "TSLA": SUBJECT}),
        # Comparisons.
        ("Netflix vs. Walmart: which is the better buy?", {"NFLX": SUBJECT, "WMT": SUBJECT}),
        # Two statements.
        ("Nvidia falls after AMD launches rival chip", {"NVDA": SUBJECT, "AMD": SUBJECT}),
        ("Walmart beats estimates. Target Stock Sinks.", {"WMT": SUBJECT, "TGT": SUBJECT}),
        # A consequence for another.
        ("AMD launches chip to challenge Nvidia", {"AMD": SUBJECT, "NVDA": AFFECTED}),
        ("Epic Games sues Apple", {"AAPL": AFFECTED}),
        ("Verizon launches Netflix competitor", {"VZ": SUBJECT, "NFLX": AFFECTED}),
        ("UPS shares slide as courier cuts Amazon deliveries", {"AMZN": AFFECTED}),
        ("Airbus earnings: what they could mean for Boeing", {"BA": AFFECTED}),
        ("TSMC results are no great sign for Apple", {"AAPL": AFFECTED}),
        # The other party of a deal.
        ("Verizon in merger talks with Netflix", {"VZ": SUBJECT, "NFLX": SUBJECT}),
        # An index moves, the company is only named with it.
        ("Dow jumps 200 points ahead of Boeing", {"BA": MENTIONED}),
    ],
)
def test_a_company_is_the_subject_only_where_something_is_reported_of_it(title: str, expected: dict[str, Role]) -> None:
    assert roles(title, tags=tuple(expected)) == expected


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        # Who rates, and who is rated.
        ("UBS raises Apple price target", {"AAPL": SUBJECT}),
        ("Wells Fargo Maintains Overweight on Goldman Sachs, Lowers Price Target to $1000", {"GS": SUBJECT}),
        ("JPMorgan Keeps an Overweight Rating on Carvana (CVNA)", {"JPM": BROKER}),
        ("Goldman Sachs Names Netflix to Conviction List", {"GS": BROKER, "NFLX": SUBJECT}),
        ("Bank of America sends clear message on Nvidia stock", {"BAC": BROKER, "NVDA": SUBJECT}),
        ("Evercore Partners Inc. Begins Coverage on Boeing", {"BA": SUBJECT}),
        ("Baird and Bank of America Raise Netflix Price Targets", {"BAC": BROKER, "NFLX": SUBJECT}),
        ("Seagate price target boosted by Bank of America ahead of report", {"BAC": BROKER}),
        ("Netflix upgraded to buy at JPMorgan", {"NFLX": SUBJECT, "JPM": BROKER}),
        ("BOEING CO : JPMorgan keeps its Buy rating", {"BA": SUBJECT, "JPM": BROKER}),
        ("Ulta Beauty shares gain on Bank of America upgrade", {"BAC": BROKER}),
        ("Bank of America lifts ‘high-quality compounder’ Ulta Beauty to Buy", {"BAC": BROKER}),
        ("Qualcomm drops 21%: is BofA right", {"BAC": MENTIONED}),
        # Who forecasts, comments, is quoted.
        ("Oil to hit $120, Goldman Sachs warns", {"GS": BROKER}),
        ("Record cash outflow in latest week - BofA", {"BAC": BROKER}),
        ("JPMorgan's Matejka says buy any dip in stocks", {"JPM": BROKER}),
        ("Investors bet on a boost for the dollar, BofA survey shows", {"BAC": BROKER}),
        ("Get used to lower oil prices, Chevron CEO says", {"CVX": BROKER}),
        # A bank is a company, too.
        ("JPMorgan to cut 1,000 jobs", {"JPM": SUBJECT}),
        ("Goldman Sachs says it will buy an asset manager", {"GS": SUBJECT}),
        ("Goldman Sachs price target raised to $900", {"GS": SUBJECT}),
        ("Anthropic forms joint venture with Blackstone, Goldman Sachs", {"GS": MENTIONED}),
    ],
)
def test_a_bank_that_rates_forecasts_or_is_quoted_is_no_subject(title: str, expected: dict[str, Role]) -> None:
    assert roles(title, tags=tuple(expected)) == expected


@pytest.mark.parametrize(
    ("title", "symbol"),
    [
        # Another company of a similar name.
        ("Merck KGaA lifts its outlook", "MRK"),
        ("Coca-Cola Consolidated splits its shares", "KO"),
        ("Coca-Cola FEMSA volumes slip", "KO"),
        ("Coca-Cola HBC lifts its outlook", "KO"),
        ("Chevron Phillips starts a cracker", "CVX"),
        ("Goldman Sachs BDC cuts its dividend", "GS"),
        # A building, a fund, a sage, a town.
        ("Verizon Center to be renamed", "VZ"),
        ("Is JPMorgan Equity Premium Income ETF (JEPI) a Strong ETF Right Now?", "JPM"),
        ("Why the Oracle of Chainlink matters", "ORCL"),
        ("Storm damages homes in Cisco, Texas", "CSCO"),
        # A count.
        ("Economy lost over 3M jobs in a year", "MMM"),
        ("Streaming service adds 3M subscribers", "MMM"),
        # The publisher's suffix.
        ("Stocks slip before the holiday - Microsoft Start", "MSFT"),
        ("Three charts on inflation | J.P. Morgan", "JPM"),
    ],
)
def test_another_thing_of_the_name_is_no_mention(title: str, symbol: str) -> None:
    assert roles(title, tags=(symbol,))[symbol] in {OTHER, TAGGED}


def test_the_publishers_name_is_no_part_of_the_words() -> None:
    links = LINKER.read("Boeing wins order - Google News", "Boeing wins order - Google News").links

    assert [(link.symbol, link.text) for link in links] == [("BA", "Boeing wins order")]
    assert roles("Boeing wins order - Harbor Gazette", source="harborgazette.com") == {"BA": SUBJECT}


@pytest.mark.parametrize("title", ["3M to pay $6 billion", "3M's chief steps down", "3M shares slide"])
def test_a_company_named_like_a_count_is_found(title: str) -> None:
    assert roles(title) == {"MMM": SUBJECT}


@pytest.mark.parametrize(
    "title",
    ["UBS raises Apple price target", "Apple Proves AI Doesn't Matter", "Should You Buy Apple Stock Before Earnings?"],
)
def test_a_name_with_words_of_finance_around_it_needs_no_tag(title: str) -> None:
    assert roles(title) == {"AAPL": SUBJECT}


def test_an_offering_is_the_companys() -> None:
    assert roles("Intel prices $20B offering", tags=("INTC",)) == {"INTC": SUBJECT}


# Names of the watchlist and of the gazetteer, and words between them.
_NAMES = st.sampled_from(["Boeing", "Netflix", "Goldman Sachs", "Airbus", "UBS", "Qualcomm"])
_WORDS = st.sampled_from(
    [
        "sues",
        "falls",
        "after",
        "and",
        "upgrades",
        "on",
        "as",
        "with",
        ",",
        ";",
        ":",
        "-",
        "stock",
        "says",
        "to",
        "beats",
    ]
)


@given(st.lists(st.one_of(_NAMES, _WORDS), max_size=14), st.lists(st.sampled_from(WATCHLIST.symbols), max_size=3))
@settings(max_examples=300, deadline=None)
def test_every_reading_is_consistent(words: list[str], tags: list[str]) -> None:
    title = " ".join(words)

    reading = LINKER.read(title, readable(title), "", tags)

    symbols = [link.symbol for link in reading.links]
    assert symbols == sorted(set(symbols))
    assert set(tags) <= set(symbols) <= set(WATCHLIST.symbols)
    for link in reading.links:
        assert link.relevance == link.role.relevance
        assert bool(link.text) != bool(link.reason)
        assert not link.text or link.relevance > 0
        assert link.text in reading.text
        assert all(0 <= start < end <= len(link.text) for start, end in link.spans)
        # A name of the company is read, not that of another one.
        names = {link.text[start:end] for start, end in link.spans}
        assert len(names) <= 1


@given(st.lists(st.one_of(_NAMES, _WORDS), max_size=12))
@settings(max_examples=100, deadline=None)
def test_the_reading_of_a_title_does_not_depend_on_what_follows_the_watchlist(words: list[str]) -> None:
    title = " ".join(words)
    fewer = Linker(Watchlist(tuple(company for company in WATCHLIST if company.symbol == "BA")), load_gazetteer())

    text = readable(title)
    by_symbol = {link.symbol: link.role for link in LINKER.read(title, text).links}
    alone = {link.symbol: link.role for link in fewer.read(title, text).links}

    # Whether the others are followed changes nothing for the one: Netflix off the list is still Netflix.
    assert alone.get("BA") == by_symbol.get("BA")


@pytest.mark.parametrize(
    "words", ["data survey note ", "Inc Group Corp ", "raises cut target ", "Goldman Sachs ", "A'"]
)
def test_a_title_of_repeated_words_is_read_in_no_time(words: str) -> None:
    title = f"Goldman Sachs {words * 20}"[:300]

    # Patterns that look ahead without a bound would take hours.
    assert LINKER.read(title, title).links


def test_five_companies_make_a_list() -> None:
    text = "A, B, C, D and E rise"
    spans = [MentionSpan(letter, text.index(letter), text.index(letter) + 1) for letter in "ABCDE"]

    assert set(assign_roles(text, spans, set()).values()) == {MENTIONED}
    assert set(assign_roles(text, spans[:4], set()).values()) == {SUBJECT}
    assert set(assign_roles(text, spans[:1], set(), cashtags=5).values()) == {MENTIONED}
