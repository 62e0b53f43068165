"""Which companies a headline is about: precision first."""

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import given, settings

from signals_pipeline.adapters.gazetteer import load_gazetteer
from signals_pipeline.core.linking.linker import Linker, link
from signals_pipeline.core.linking.roles import Role
from signals_pipeline.core.text import clean, readable
from signals_pipeline.core.watchlist import Company, Watchlist
from signals_pipeline_tests.support.labelled_data import PARTS, expected, gold_watchlist, judge_linking, linked, rows

WATCHLIST = Watchlist(
    (
        Company("AAPL", "Apple Inc.", ("Apple Pay",), ("Apple",), "Information Technology"),
        Company("MSFT", "Microsoft Corporation", ("Microsoft",)),
        Company("GOOG", "Alphabet Inc.", ("Google",), ("Alphabet",)),
        Company("AMZN", "Amazon.com Inc.", ("Amazon",)),
        Company("WMT", "Wal-Mart Stores Inc.", ("Walmart", "Wal-Mart")),
        Company("JPM", "JPMorgan Chase & Co.", ("JPMorgan Chase", "JPMorgan"), ("Chase",), "Financials"),
        Company("C", "Citigroup Inc.", ("Citigroup", "Citi"), (), "Banks"),
        Company("TGT", "Target Corporation", (), ("Target",)),
        Company("V", "Visa Inc.", (), ("Visa",)),
        Company("GPS", "The Gap Inc.", (), ("Gap",)),
        Company("GE", "General Electric Company", ("General Electric",), ("GE",)),
        Company("T", "AT&T Inc.", ("AT&T",)),
        Company("ALL", "The Allstate Corporation", ("Allstate",)),
        Company("ON", "ON Semiconductor Corporation"),
        Company("IT", "Gartner Inc.", ("Gartner",)),
        Company("BHP", "BHP Billiton Limited"),
        Company("BBL", "BHP Billiton plc"),
    )
)
LINKER = Linker(WATCHLIST)

PROBED = Watchlist(
    (
        Company("META", "Meta Platforms Inc.", ("Facebook", "Instagram"), ("Meta",)),
        Company("NET", "Cloudflare Inc.", ("Cloudflare",)),
        Company("ON", "ON Semiconductor Corporation"),
        Company("IT", "Gartner Inc.", ("Gartner",)),
        Company("ALL", "The Allstate Corporation", ("Allstate",)),
        Company("F", "Ford Motor Company", ("Ford Motor",), ("Ford",)),
        Company("T", "AT&T Inc.", ("AT&T",)),
        Company("BRK.B", "Berkshire Hathaway Inc.", ("Berkshire Hathaway",), ("Berkshire",)),
        Company("GPS", "The Gap Inc.", ("Old Navy",), ("Gap",)),
        Company("TGT", "Target Corporation", (), ("Target",)),
        Company("AAPL", "Apple Inc.", (), ("Apple",)),
        Company("V", "Visa Inc.", (), ("Visa",)),
    )
)


# Short forms of the roles in the tables below.
SUBJECT, AFFECTED, MENTIONED, BROKER, OTHER, TAGGED = Role


def links(title: str, summary: str = "", tags: tuple[str, ...] = ()) -> dict[str, Role]:
    reading = LINKER.read(title, readable(title), summary, tags)
    return {link.symbol: link.role for link in reading.links}


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        # The subject: first named near the head, or the only company.
        ("Microsoft to cut 18,000 jobs", {"MSFT": SUBJECT}),
        ("MICROSOFT TO CUT JOBS", {"MSFT": SUBJECT}),
        ("Microsoft's cloud grows", {"MSFT": SUBJECT}),
        ("U.S. judge throws out the case against Walmart", {"WMT": SUBJECT}),
        ("Amazon challenges Walmart in groceries", {"AMZN": SUBJECT, "WMT": AFFECTED}),
        ("Amazon-Walmart rivalry heats up", {"AMZN": SUBJECT, "WMT": SUBJECT}),
        ("Amazon, Walmart and Google sign accord", {"AMZN": SUBJECT, "WMT": SUBJECT, "GOOG": SUBJECT}),
        ("Samsung unveils a new phone to take on Google $SSNLF $GOOG", {"GOOG": MENTIONED}),
        ("Why investors in retail stocks prefer Walmart over Amazon", {"WMT": SUBJECT, "AMZN": MENTIONED}),
        # The longest name wins, symbols alone never link.
        ("JPMorgan Chase sued", {"JPM": SUBJECT}),
        ("T ALL ON IT GE", {}),
        ("It is all on: T or IT, GE or C", {}),
        ("Carrier reports (NYSE: T)", {"T": SUBJECT}),
        # Ambiguous names need a second support.
        ("Apple pie recipes", {}),
        ("Apple tops the table", {}),
        ("Five new Apple stores open", {"AAPL": SUBJECT}),
        ("Apple shares slide", {"AAPL": SUBJECT}),
        ("Apple (AAPL) slides", {"AAPL": SUBJECT}),
        ("Apple (MSFT) slides", {}),
        ("Apple slides $AAPL", {"AAPL": SUBJECT}),
        ("Apple slides after Apple Pay stumbles", {"AAPL": SUBJECT}),
        ("Alphabet CEO speaks", {"GOOG": SUBJECT}),
        ("Target on track, says CEO", {"TGT": SUBJECT}),
        ("Barclays raises price Target on Dell stock", {}),
        ("Stock Target Price raised", {}),
        ("Visa holders fear for their shares", {}),
        ("Gender Gap persists among CEOs; CEO pay", {}),
        ("GE CEO resigns", {"GE": SUBJECT}),
        # Places and other things.
        ("Amazon rainforest fires", {"AMZN": OTHER}),
        ("Google University opens", {"GOOG": OTHER}),
        ("Allstate Arena opens", {"ALL": OTHER}),
        # A name that two companies share follows the symbol.
        ("BHP Billiton shares fall", {}),
        ("BHP Billiton shares fall $BBL", {"BBL": SUBJECT}),
        # Cashtags in a sentence name a company, a row of them or a prefix is a tag.
        ("Is $MSFT ready?", {"MSFT": SUBJECT}),
        ("One $AMZN analyst is wrong", {"AMZN": SUBJECT}),
        ("$GE asks regulators again", {"GE": SUBJECT}),
        ("Spooked by $WMT's debut", {"WMT": SUBJECT}),
        ("$WMT - Does the Dow have further to fall?", {"WMT": MENTIONED}),
        ("Beverages of the year $AMZN $WMT", {"AMZN": MENTIONED, "WMT": MENTIONED}),
        ("Shopping $NFLX", {}),
        ("She could take advantage of $AMZN", {"AMZN": SUBJECT}),
        ("Our review of $GE Q3 numbers", {"GE": SUBJECT}),
        # An unambiguous name of a list supports the others.
        ("Walmart, Apple and Target rise", {"WMT": SUBJECT, "AAPL": SUBJECT, "TGT": SUBJECT}),
        ("Apple, Walmart rise", {"AAPL": SUBJECT, "WMT": SUBJECT}),
        ("Walmart, BHP Billiton rise", {"WMT": SUBJECT}),
        ("Walmart and Gap up on Monday", {"WMT": SUBJECT}),
        # A publisher's page names its company before the title.
        ("Walmart : Microsoft opens a store", {"MSFT": SUBJECT, "WMT": MENTIONED}),
        ("Walmart : opens a store", {"WMT": SUBJECT}),
        # The head of a part after a semicolon.
        ("Retail and banks under some pressure; Walmart, Citi fall", {"WMT": SUBJECT, "C": SUBJECT}),
        # Lists are never a subject.
        ("Stocks to watch: Microsoft", {"MSFT": MENTIONED}),
        ("Microsoft rallies $A $B $D $F $H", {"MSFT": MENTIONED}),
        # A company that only rates another or is quoted is not the subject.
        ("JPMorgan cuts Microsoft to neutral", {"JPM": BROKER, "MSFT": SUBJECT}),
        ("JPMorgan upgrades Dell", {"JPM": BROKER}),
        ("JPMorgan Chase & Co. Reiterates Rating for Microsoft", {"JPM": BROKER, "MSFT": SUBJECT}),
        ("Microsoft cuts Google out", {"MSFT": SUBJECT, "GOOG": AFFECTED}),
        ("Oil to hit $50, says Citigroup", {"C": BROKER}),
        ("Oil to hit $50, Citigroup says", {"C": BROKER}),
        ("Google raised to buy at JPMorgan", {"GOOG": SUBJECT, "JPM": BROKER}),
        ("JPMorgan rating update on Dell", {"JPM": BROKER}),
        ("Dell presents at JPMorgan's annual health care conference", {"JPM": MENTIONED}),
        ("Week ahead: Microsoft", {"MSFT": MENTIONED}),
        ("Citigroup to sell a unit", {"C": SUBJECT}),
        ("", {}),
    ],
)
def test_a_title_is_linked_to_the_companies_that_it_is_about(title: str, expected: dict[str, Role]) -> None:
    found = links(title)

    assert found == expected
    assert list(found) == sorted(expected)


@pytest.mark.parametrize("part", PARTS)
def test_gold_headlines_are_linked_precisely(part: str) -> None:
    labelled = [row for row in rows("linking_gold.csv") if row["part"] == part]
    judged = judge_linking(labelled, Linker(gold_watchlist(), load_gazetteer()))
    assert len(labelled) >= 250
    assert judged.precision.value >= 0.98
    assert judged.recall.value >= 0.85
    # The file calls only the first of several companies a subject, the roles each that something is reported of.
    assert judged.subjects.value >= 0.85


def test_the_gold_set_is_hard_enough() -> None:
    labelled = rows("linking_gold.csv")
    hard = [row for row in labelled if row["note"] not in {"plain", "vendor tag only"}]
    assert len({row["title"] for row in labelled}) == len(labelled) >= 450
    assert len(hard) >= 150
    assert sum(row["note"] == "vendor tag only" for row in labelled) >= 50


@pytest.mark.parametrize("probe", rows("linking_probes.csv"), ids=lambda row: row["title"])
def test_probes_of_names_that_are_words(probe: dict[str, str]) -> None:
    found = linked(Linker(PROBED), probe)
    wanted = {symbol: SUBJECT if grade == "subject" else MENTIONED for symbol, grade in expected(probe).items()}
    assert found == dict(sorted(wanted.items()))


def test_a_tag_supports_an_ambiguous_name_but_is_no_mention() -> None:
    assert links("Five new Apple stores open", tags=("AAPL", "MSFT")) == {"AAPL": SUBJECT, "MSFT": TAGGED}


def test_the_tag_of_our_own_query_supports_no_name() -> None:
    assert links("Apple tops the table", tags=("AAPL",)) == {"AAPL": SUBJECT}
    assert links("Apple tops the table", tags=("?AAPL",)) == {"AAPL": TAGGED}
    assert links("Walmart opens a store", tags=("?WMT",)) == {"WMT": SUBJECT}


def test_a_bare_ticker_counts_together_with_the_vendors_tag() -> None:
    assert links("Is WMT cheap?") == {}
    assert links("Is WMT cheap?", tags=("WMT",)) == {"WMT": SUBJECT}
    assert links("Is WMT cheap?", tags=("?WMT",)) == {"WMT": TAGGED}


def test_tags_are_read_in_any_spelling_and_unknown_ones_ignored() -> None:
    assert links("Markets rise", tags=("msft", "NFLX", "", "???")) == {"MSFT": TAGGED}


def test_a_company_that_only_the_summary_names_is_not_linked() -> None:
    assert links("Retailer to open stores", "Walmart said on Monday") == {}
    assert links("Markets rise", "Visa requirements ease; Apple fell") == {}
    assert links("Walmart opens", "Walmart said") == {"WMT": SUBJECT}


def test_a_summary_supports_an_ambiguous_title() -> None:
    assert links("Apple opens a plant", "Apple Inc. said so") == {"AAPL": SUBJECT}


@given(st.text(max_size=60), st.lists(st.text(max_size=6), max_size=3))
@settings(deadline=None)
def test_any_text_gives_known_symbols_and_roles(raw: str, tags: list[str]) -> None:
    title, _ = clean(raw + " $MSFT Apple")
    found = links(title, raw, tuple(tags))
    assert set(found) <= set(WATCHLIST.symbols)
    assert set(found.values()) <= set(Role)
    assert list(found) == sorted(found)


def frame(titles: list[str], tags: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {"title": titles, "text": list(map(readable, titles)), "summary": "", "tags": tags, "source": ""}
    )


def test_link_gives_one_row_per_company_and_keeps_headlines_of_none() -> None:
    linked = link(frame(["Amazon challenges Walmart", "Rain in Spain", "Rain"], ["", "NFLX", "T|GE"]), WATCHLIST)
    assert linked["symbol"].tolist() == ["AMZN", "WMT", "", "GE", "T"]
    assert linked["role"].tolist() == ["subject", "affected", "", "", ""]
    assert linked["title"].tolist() == ["Amazon challenges Walmart"] * 2 + ["Rain in Spain"] + ["Rain"] * 2


def test_link_without_headlines_has_the_columns() -> None:
    linked = link(frame([], []), WATCHLIST)
    assert linked.empty
    assert {"symbol", "role", "relevance", "title", "company_text", "span", "reason"} <= set(linked.columns)


def test_link_without_companies_links_nothing() -> None:
    assert link(frame(["Amazon rivals Walmart"], ["AMZN"]), Watchlist(()))["symbol"].tolist() == [""]
