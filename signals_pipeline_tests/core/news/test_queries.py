"""Search queries for a watchlist: every company is searched for, within the limit, in few calls."""

import string
from urllib.parse import quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.news.queries import Query, queries
from signals_pipeline.core.watchlist import Company

WORDS = st.text(string.ascii_letters + "&'-é.", min_size=1, max_size=12)
NAMES = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
LEGAL = ("", " Inc.", " Corporation", ", Inc.", " & Co.", " Holdings Ltd")
COMPANIES = st.lists(st.tuples(NAMES, st.sampled_from(LEGAL), st.lists(NAMES, max_size=3)), max_size=60).map(
    lambda rows: [Company(f"S{at}", name + legal, tuple(more)) for at, (name, legal, more) in enumerate(rows)]
)


def phrases(query: Query) -> list[str]:
    return [part.strip('"') for part in query.text.split(" OR ")]


@settings(max_examples=80)
@given(COMPANIES, st.integers(1, 6))
def test_every_company_is_searched_for_once_within_the_limit(companies: list[Company], calls: int) -> None:
    packed = queries(companies, limit=500, calls=calls)

    searched = [symbol for query in packed for symbol in query.symbols]
    assert sorted(searched) == sorted(company.symbol for company in companies)
    for query in packed:
        assert len(quote_plus(query.text)) <= 500
        assert len(phrases(query)) >= len(query.symbols)
        assert query.text.count('"') == 2 * len(phrases(query))


@settings(max_examples=80)
@given(COMPANIES)
def test_the_same_watchlist_gives_the_same_queries(companies: list[Company]) -> None:
    assert queries(companies, limit=500, calls=4) == queries(list(companies), limit=500, calls=4)


FIFTY = [
    "Apple Inc.",
    "Microsoft Corporation",
    "Amazon.com, Inc.",
    "Alphabet Inc.",
    "Meta Platforms, Inc.",
    "NVIDIA Corp",
    "Tesla, Inc.",
    "Berkshire Hathaway Inc.",
    "JPMorgan Chase & Co.",
    "Johnson & Johnson",
    "Visa Inc.",
    "Walmart Inc.",
    "Exxon Mobil Corporation",
    "UnitedHealth Group Incorporated",
    "Procter & Gamble Company",
    "Mastercard Inc.",
    "The Home Depot, Inc.",
    "Chevron Corporation",
    "Merck & Co., Inc.",
    "AbbVie Inc.",
    "PepsiCo, Inc.",
    "Broadcom Inc.",
    "The Coca-Cola Company",
    "Costco Wholesale Corporation",
    "Pfizer Inc.",
    "Thermo Fisher Scientific Inc.",
    "Cisco Systems, Inc.",
    "McDonald's Corporation",
    "Abbott Laboratories",
    "Danaher Corporation",
    "Comcast Corp",
    "Accenture plc",
    "Verizon Communications Inc.",
    "Linde plc",
    "NIKE, Inc.",
    "Texas Instruments Incorporated",
    "NextEra Energy, Inc.",
    "Union Pacific Corporation",
    "Philip Morris International Inc.",
    "Wells Fargo & Company",
    "Bristol-Myers Squibb Company",
    "AT&T Inc.",
    "QUALCOMM Incorporated",
    "Lowe's Companies, Inc.",
    "Honeywell Inc.",
    "International Business Machines Corporation",
    "Goldman Sachs Group, Inc.",
    "Caterpillar Inc.",
    "Boeing Company",
    "Morgan Stanley",
]


def test_fifty_symbols_take_four_calls_at_most() -> None:
    companies = [Company(f"S{at}", name) for at, name in enumerate(FIFTY)]
    assert len(companies) == 50
    assert len(queries(companies, limit=500, calls=4)) <= 4
    with_aliases = [Company(f"S{at}", name, (f"{name.split()[0]} shares", "Short")) for at, name in enumerate(FIFTY)]
    assert len(queries(with_aliases, limit=500, calls=4)) <= 4


def test_names_have_no_legal_form_and_the_shorter_phrase_replaces_the_longer() -> None:
    companies = [
        Company("XOM", "Exxon Mobil Corporation", ("Exxon", "Mobil Oil")),
        Company("KO", "The Coca-Cola Company", ("Coke",)),
        Company("INC", "Inc."),
        Company("Q", 'Say "hi" Inc.'),
    ]
    (query,) = queries(companies, limit=500, calls=4)
    assert query == Query(
        '"Exxon" OR "Mobil Oil" OR "Coca-Cola" OR "Coke" OR "Inc." OR "Say hi"', ("XOM", "KO", "INC", "Q")
    )


def test_aliases_are_given_up_before_more_calls_are_made() -> None:
    companies = [Company(f"S{at}", f"Name{at}", tuple(f"Alias{at} {n}" for n in range(8))) for at in range(20)]
    one_call = queries(companies, limit=500, calls=1)
    assert (len(one_call), len(phrases(one_call[0]))) == (1, 20)
    assert len(queries(companies, limit=500, calls=9)) > 1


def test_no_company_is_no_query_and_a_name_beyond_the_limit_is_refused() -> None:
    assert queries([], limit=500, calls=4) == ()
    with pytest.raises(ValueError, match=r"^S: its names take more than 20 characters; shorten them"):
        queries([Company("S", "A name that is too long")], limit=20, calls=4)
