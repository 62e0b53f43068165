"""Which names of a watchlist occur in a text."""

import pytest

from signals_pipeline.core.linking.mentions import NameIndex, symbol_key
from signals_pipeline.core.watchlist import Company, Watchlist

WATCHLIST = Watchlist(
    (
        Company("JPM", "JPMorgan Chase & Co.", ("JPMorgan", "JPMorgan Chase", "J.P. Morgan"), ("Chase",)),
        Company("T", "AT&T Inc.", ("AT&T",)),
        Company("KO", "The Coca-Cola Company"),
        Company("JNJ", "Johnson & Johnson"),
        Company("MCD", "McDonald's Corporation", ("McDonald's",)),
        Company("AMZN", "Amazon.com Inc.", ("Amazon",)),
        Company("TOT", "TOTAL S.A.", ("TOTAL",)),
        Company("PFE", "Pfizer Inc."),
        Company("BHP", "BHP Billiton Limited"),
        Company("BBL", "BHP Billiton plc"),
        Company("GRP", "The Group Inc."),
        Company("BRK.B", "Berkshire Hathaway Inc."),
        Company("BABA", "Alibaba", ("alibaba cloud",)),
    )
)
INDEX = NameIndex(WATCHLIST)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("JPMorgan Chase sues", [("JPMorgan Chase", "JPM", True)]),
        ("J.P. Morgan, AT&T settle", [("J.P. Morgan", "JPM", True), ("AT&T", "T", True)]),
        ("Chase settles", [("Chase", "JPM", False)]),
        ("Coca Cola's Coca-Cola", [("Coca Cola", "KO", True), ("Coca-Cola", "KO", True)]),
        ("Johnson and Johnson", [("Johnson and Johnson", "JNJ", True)]),
        ("McDonalds and McDonald’s", [("McDonalds", "MCD", True), ("McDonald’s", "MCD", True)]),
        ("Amazons Dash, Amazon-HBO", [("Amazons", "AMZN", True), ("Amazon", "AMZN", True)]),
        ("Pfizer bids", [("Pfizer", "PFE", False)]),
        ("total output; Total Output", []),
        ("TOTAL lifts output", [("TOTAL", "TOT", True)]),
        ("OIL OUTPUT IN TOTAL RISES", [("TOTAL", "TOT", False)]),
        ("AMAZON TO OPEN STORES", [("AMAZON", "AMZN", True)]),
        ("amazon rises", []),
        ("The Amazonian, $Amazon, @Amazon_Help", []),
        ("Work at @Amazon instead", [("Amazon", "AMZN", True)]),
        ("Old news via @Amazon; RT @Amazon, “@Amazon says”", []),
        ("@Amazon: our new store", []),
        ("Alibaba Cloud and alibaba cloud", [("Alibaba Cloud", "BABA", True), ("alibaba cloud", "BABA", True)]),
        ("Johnson, Johnson", []),
        ("AT & Johnson", []),
        ("A (NYSE: T) deal, (NASDAQ:NFLX)", [("(NYSE: T", "T", True)]),
        ("Berkshire (NYSE:BRK-B)", [("(NYSE:BRK-B", "BRK.B", True)]),
        ("T ON ALL GE", []),
        ("AT&T", [("AT&T", "T", True)]),
        ("The Group meets", []),
        ("", []),
    ],
)
def test_names_are_whole_words_and_the_longest_wins(text: str, found: list[tuple[str, str, bool]]) -> None:
    mentions = INDEX.find(text)
    assert [
        (text[mention.start : mention.end], mention.symbols[0], mention.unambiguous) for mention in mentions
    ] == found


def test_a_name_of_two_companies_is_never_unambiguous() -> None:
    (mention,) = INDEX.find("BHP Billiton cuts spending")
    assert mention.symbols == ("BBL", "BHP")
    assert not mention.unambiguous


def test_initials_may_have_dots() -> None:
    index = NameIndex(Watchlist((Company("JPM", "JPMorgan Chase & Co.", ("JP Morgan",)),)))
    assert [
        (mention.start, mention.end, mention.unambiguous) for mention in index.find("J.P. Morgan and JP Morgan")
    ] == [
        (0, 11, True),
        (16, 25, True),
    ]


def test_a_name_inside_an_exchange_form_counts_once() -> None:
    index = NameIndex(Watchlist((Company("HSBC", "HSBC Holdings plc", ("HSBC",)),)))
    assert len(index.find("Fined (NYSE:HSBC)")) == 1


def test_an_ambiguous_alias_wins_over_the_name() -> None:
    index = NameIndex(Watchlist((Company("V", "Visa", (), ("Visa",)),)))
    assert [mention.unambiguous for mention in index.find("Visa")] == [False]


@pytest.mark.parametrize("written", ["BRK.B", "brk-b", " BRK/B "])
def test_symbols_are_read_in_any_spelling(written: str) -> None:
    assert symbol_key(written) == "BRK-B"
    assert INDEX.symbol(written) == "BRK.B"
    assert INDEX.symbol("NFLX") is None
