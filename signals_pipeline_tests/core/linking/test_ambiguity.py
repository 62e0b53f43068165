"""When a name that is also an ordinary word means the company."""

import hypothesis.strategies as st
import pytest
from hypothesis import given, settings

from signals_pipeline.core.linking.ambiguity import accepted_symbols, is_doubtful, may_be_company
from signals_pipeline.core.linking.mentions import Mention


def mention(text: str, name: str, *, unambiguous: bool = False, symbols: tuple[str, ...] = ("SYM",)) -> Mention:
    start = text.index(name)
    return Mention(start, start + len(name), symbols, unambiguous=unambiguous)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        # A word of business anywhere in the sentence.
        ("Apple shares slide", "Apple"),
        ("Trent slips despite strong quarter", "Trent"),
        # At the head, doing what companies do.
        ("Amazon developing a streaming service", "Amazon"),
        ("Update: Oracle hikes fees", "Oracle"),
        ("Shell to sell stake in a gas field", "Shell"),
        # Owning something.
        ("Charter's new chief", "Charter"),
        ("Inside Amazon's warehouses", "Amazon"),
        # A capital of its own in a title written like a sentence.
        ("Merchants warned of methods used by Target hackers", "Target"),
        ("Five new Apple stores open", "Apple"),
        ("Fields named new Ford CEO to replace his chief", "Ford"),
    ],
)
def test_the_sentence_supports_a_name(text: str, name: str) -> None:
    assert accepted_symbols(mention(text, name), text, set()) == ("SYM",)


@pytest.mark.parametrize(
    ("text", "name"),
    [
        # Nothing supports it.
        ("Apple tops the table", "Apple"),
        ("Ride Visa", "Visa"),
        ("Big Plans For Target Ahead", "Target"),
        ("The Target's Lament", "Target"),
        ("Rain near Amazon's mouth", "Amazon"),
        # Something else, whatever the rest says.
        ("Barclays raises price Target on Dell stock", "Target"),
        ("Ups Target to $1,220 on strong quarter", "Target"),
        ("Visa holders fear for their shares", "Visa"),
        # An ordinary word or a part of another name.
        ("Can it close the revenue Gap with a rival", "Gap"),
        ("Its shares Gap up after earnings", "Gap"),
        ("Out of a short seller’s Target list as profits rise", "Target"),
        ("Visa Steel appoints a new CEO", "Visa"),
        ("Big-Box stores ahead of earnings", "Box"),
        ("Target-date funds draw investors", "Target"),
        ("Total returns of dividend stocks", "Total"),
        ("Obama to nominate former executive and CEO Bob McDonald as secretary", "McDonald"),
        ("Strong stocks rise despite Arvind Kejriwal and his attacks", "Arvind"),
        ("Charter in talks to acquire 3M subscribers from its rival", "3M"),
        ("Reliance Group stocks in focus ahead of results", "Reliance"),
    ],
)
def test_in_doubt_there_is_no_link(text: str, name: str) -> None:
    assert accepted_symbols(mention(text, name), text, set()) == ()


def test_the_symbol_settles_a_doubt_but_not_another_meaning() -> None:
    text = "Visa Steel appoints a new CEO"
    assert accepted_symbols(mention(text, "Visa"), text, {"SYM"}) == ("SYM",)
    assert is_doubtful(mention(text, "Visa"), text)
    assert may_be_company(mention(text, "Visa"), text)
    holders = "Visa holders fear"
    assert accepted_symbols(mention(holders, "Visa"), holders, {"SYM"}) == ()
    assert not may_be_company(mention(holders, "Visa"), holders)


def test_the_symbol_in_brackets_supports_the_name() -> None:
    text = "Apple (SYM) slides"
    assert accepted_symbols(mention(text, "Apple"), text, set()) == ("SYM",)


def test_a_shared_name_follows_the_symbol() -> None:
    text = "BHP Billiton shares fall"
    shared = mention(text, "BHP Billiton", symbols=("BBL", "BHP"))
    assert accepted_symbols(shared, text, set()) == ()
    assert accepted_symbols(shared, text, {"BHP"}) == ("BHP",)


@pytest.mark.parametrize(
    ("text", "name", "symbols"),
    [
        ("Google sued", "Google", ("SYM",)),
        ("Google University opens", "Google", ()),
        ("Dividend increased - Yahoo Finance", "Yahoo", ()),
        ("Yahoo Finance adds charts", "Yahoo", ("SYM",)),
        ("A price Google can't pay", "Google", ("SYM",)),
    ],
)
def test_an_unambiguous_name_needs_no_support(text: str, name: str, symbols: tuple[str, ...]) -> None:
    unambiguous = mention(text, name, unambiguous=True)

    assert accepted_symbols(unambiguous, text, set()) == symbols
    assert may_be_company(unambiguous, text) == bool(symbols)


@pytest.mark.parametrize("text", ["3M shares rise", "Profits at 3M, users say"])
def test_a_name_with_a_digit_is_no_count_without_things_counted(text: str) -> None:
    assert not is_doubtful(mention(text, "3M"), text)


@given(st.text(max_size=40), st.text(max_size=40), st.booleans(), st.booleans())
@settings(max_examples=200)
def test_only_companies_of_the_name_are_accepted(
    before: str, after: str, unambiguous: bool, is_supported: bool
) -> None:
    text = f"{before}Visa{after}"
    visa = Mention(len(before), len(before) + 4, ("V", "W") if not unambiguous else ("V",), unambiguous=unambiguous)
    support = {"V", "Z"} if is_supported else set()
    assert set(accepted_symbols(visa, text, support)) <= {"V"}
