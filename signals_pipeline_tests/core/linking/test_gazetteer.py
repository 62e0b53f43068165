"""Which names headlines use for listed companies, and when these mean the company."""

import pickle

import pytest

from signals_pipeline.core.linking.gazetteer import Actor, Gazetteer, ListedCompany, NameUse, registered_words
from signals_pipeline.core.linking.linker import Linker
from signals_pipeline.core.linking.mentions import NameIndex
from signals_pipeline.core.watchlist import Company, Watchlist

GAZETTEER = Gazetteer(
    companies=(
        ListedCompany("GOOG", "Alphabet Inc.", "Nasdaq"),
        ListedCompany("GOOGL", "Alphabet Inc.", "Nasdaq"),
        ListedCompany("BAC", "BANK OF AMERICA CORP /DE/", "NYSE"),
        ListedCompany("PLTR", "Palantir Technologies Inc.", "Nasdaq"),
        ListedCompany("XYZ", "Block, Inc.", "NYSE"),
        ListedCompany("HERE", "Here Group Ltd", "Nasdaq"),
        ListedCompany("ITC", "INTERTRADE CORP", "NYSE"),
        ListedCompany("KKR", "KKR & Co. Inc.", "NYSE"),
        ListedCompany("KOF", "COCA COLA FEMSA SAB DE CV", "NYSE"),
    ),
    actors=(Actor("OpenAI"), Actor("BofA", "BAC", is_broker=True), Actor("Wedbush", is_broker=True), Actor("UPS")),
    ambiguous_names=(("block", NameUse.CONTEXT), ("here", NameUse.NEVER)),
)


@pytest.mark.parametrize(
    ("registered", "words"),
    [
        ("MICROSOFT CORP", "microsoft"),
        ("The Coca-Cola Company", "coca cola"),
        ("BANK OF AMERICA CORP /DE/", "bank of america"),
        ("NOVO NORDISK A S", "novo nordisk"),
        ("COCA COLA FEMSA SAB DE CV", "coca cola femsa"),
        ("JOHNSON & JOHNSON", "johnson and johnson"),
        ("Grayscale Bitcoin Cash Trust (BCH)", "grayscale bitcoin cash trust"),
        ("Inc.", ""),
    ],
)
def test_headlines_leave_the_legal_form_out(registered: str, words: str) -> None:
    assert " ".join(registered_words(registered)) == words


@pytest.mark.parametrize(
    ("company", "names"),
    [
        (ListedCompany("PLTR", "Palantir Technologies Inc."), ["palantir technologies", "palantir"]),
        (ListedCompany("XYZ", "Block, Inc."), ["block"]),
        (ListedCompany("GM", "General Motors Co"), ["general motors", "general"]),
        (ListedCompany("HD", "HOME DEPOT, INC."), ["home depot"]),
        (ListedCompany("X", "Inc."), []),
    ],
)
def test_a_company_is_called_by_its_name_with_and_without_its_trade(company: ListedCompany, names: list[str]) -> None:
    assert [" ".join(name.words) for name in GAZETTEER.names(company)] == names


def test_abbreviations_are_written_in_capitals() -> None:
    (name,) = GAZETTEER.names(ListedCompany("KKR", "KKR & Co. Inc."))

    assert name.in_capitals
    assert name.use is None


def test_two_letters_need_words_of_a_company() -> None:
    (name,) = GAZETTEER.names(ListedCompany("HPQ", "HP INC"))

    assert name.use is NameUse.CONTEXT


WATCHLIST = Watchlist(
    (
        Company("GOOGL", "Alphabet Inc.", (), ("Alphabet",)),
        Company("BAC", "Bank of America Corporation", ("Bank of America",)),
        Company("ITC", "ITC Limited", ("ITC Ltd",)),
        Company("KO", "The Coca-Cola Company", ("Coca-Cola",)),
    )
)
INDEX = NameIndex(WATCHLIST, GAZETTEER)


@pytest.mark.parametrize(
    ("text", "symbols"),
    [
        ("OpenAI and Palantir Technologies agree", ["~OpenAI", "~PLTR"]),
        ("palantir and openai", []),
        ("Coca-Cola FEMSA, Coca-Cola", ["~KOF", "KO"]),
        # Other share classes and further names of a followed company are its own.
        ("Alphabet (GOOG) rises", ["GOOGL"]),
        ("BofA rises", ["BAC"]),
        # Symbols of others.
        ("Harbor (KKR) rises, (AI) too", ["~KKR"]),
        ("Standard (LSE:STAN) rises", ["~STAN"]),
        # Abbreviations in capitals only.
        ("KKR lifts UPS", ["~KKR", "~UPS"]),
        ("Kkr ups its target", []),
    ],
)
def test_companies_off_the_watchlist_are_found(text: str, symbols: list[str]) -> None:
    found = [mention.symbols[0] for mention in INDEX.find(text) if not mention.is_ticker]

    assert found == symbols


def test_a_ticker_of_another_exchange_is_another_company() -> None:
    assert INDEX.symbol("ITC") == "ITC"
    assert {mention.symbols for mention in INDEX.find("Intertrade rises") if not mention.is_ticker} == {("~ITC",)}


def test_brokers_are_told_by_their_sector_and_by_the_gazetteer() -> None:
    banks = Watchlist((Company("C", "Citigroup Inc.", sector="Financials"), *WATCHLIST))

    assert NameIndex(banks, GAZETTEER).brokers == {"C", "BAC", "~Wedbush"}


@pytest.mark.parametrize(
    ("title", "role"),
    [
        # A word next to a company says that it is one.
        ("Block shares fall, Coca-Cola rises", "subject"),
        ("Block to buy Coca-Cola", "affected"),
        # In doubt it is a word.
        ("Here Coca-Cola rises", "subject"),
        ("Block on the road to Coca-Cola's plant cleared", "subject"),
    ],
)
def test_a_word_is_a_company_only_where_the_sentence_says_so(title: str, role: str) -> None:
    links = {link.symbol: link.role.value for link in Linker(WATCHLIST, GAZETTEER).read(title, title).links}

    assert links["KO"] == role


def test_a_gazetteer_in_use_is_pickled_without_what_it_computed() -> None:
    used = Gazetteer(companies=(ListedCompany("HLX", "HELIX ENERGY SOLUTIONS GROUP INC", "NYSE"),))
    assert used.tickers == {"HLX"}

    copy = pickle.loads(pickle.dumps(used))  # noqa: S301 - our own bytes

    assert copy == used
    assert set(vars(copy)) == {"companies", "actors", "ambiguous_names"}
