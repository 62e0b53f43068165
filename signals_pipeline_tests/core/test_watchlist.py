"""The watchlist: symbols in the operator's order, one company each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.watchlist import (
    MAX_NAME_CHARACTERS,
    MAX_SYMBOL_CHARACTERS,
    Company,
    Watchlist,
    name_problem,
    symbol_problem,
)

SYMBOLS = st.lists(st.from_regex(r"[A-H]{1,3}([.-][A-H])?", fullmatch=True), unique=True, max_size=12)


def watchlist(symbols: list[str]) -> Watchlist:
    return Watchlist(tuple(Company(symbol, f"{symbol} Inc.") for symbol in symbols))


@given(SYMBOLS)
def test_every_symbol_leads_to_its_company_and_order_is_kept(symbols: list[str]) -> None:
    followed = watchlist(symbols)
    assert followed.symbols == tuple(symbols)
    assert len(followed) == len(symbols)
    assert [company.symbol for company in followed] == symbols
    assert all(followed.company(symbol).name == f"{symbol} Inc." and symbol in followed for symbol in symbols)


@given(SYMBOLS)
def test_an_unknown_symbol_is_refused_in_one_line(symbols: list[str]) -> None:
    followed = watchlist(symbols)
    assert "ZZZ" not in followed
    assert 5 not in followed
    with pytest.raises(KeyError, match=rf"'ZZZ' is not on the watchlist of {len(symbols)} companies; add it"):
        followed.company("ZZZ")


@given(SYMBOLS.filter(bool), st.data())
def test_a_symbol_may_not_stand_twice(symbols: list[str], data: st.DataObject) -> None:
    repeated = data.draw(st.sampled_from(symbols))
    with pytest.raises(ValueError, match="several companies have the symbol"):
        watchlist([*symbols, repeated])


def test_equal_lists_are_equal_values() -> None:
    assert watchlist(["A", "B"]) == watchlist(["A", "B"])
    assert watchlist(["A", "B"]) != watchlist(["B", "A"])
    assert hash(watchlist(["A", "B"])) == hash(watchlist(["A", "B"]))


@pytest.mark.parametrize("symbol", ["", "a", "A B", "A.", ".A", "A..B", "$A", "A\n", "A\0", "Ä"])
def test_a_symbol_of_other_characters_is_refused(symbol: str) -> None:
    problem = symbol_problem(symbol)
    assert (
        problem == f"symbol {symbol!r}; use capitals and digits, parts joined by a dot or hyphen, as in BRK.B or RDS-B"
    )
    with pytest.raises(ValueError, match="watchlist: symbol"):
        Company(symbol, "Name")


@given(st.integers(1, 2 * MAX_SYMBOL_CHARACTERS))
def test_a_symbol_is_as_long_as_the_database_holds(length: int) -> None:
    problem = symbol_problem("A" * length)
    assert (problem is None) == (length <= MAX_SYMBOL_CHARACTERS == 32)
    if problem:
        assert problem == f"symbol '{'A' * 32}'... has {length} characters; use at most 32"


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=MAX_NAME_CHARACTERS))
def test_a_name_may_be_any_text(name: str) -> None:
    assert name_problem(name) is None


@given(st.text(min_size=MAX_NAME_CHARACTERS + 1, max_size=2_000))
def test_a_name_is_no_longer_than_a_name(name: str) -> None:
    assert f" has {len(name):,} characters; use at most 200" in str(name_problem(name))


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\x9f", "\ud800"])
@pytest.mark.parametrize("field", ["name", "aliases", "ambiguous_aliases", "sector"])
def test_no_text_of_a_company_holds_controls_or_halves_of_characters(field: str, character: str) -> None:
    text = f"Acme{character}"
    given_texts = {"name": "Acme", field: (text,) if field.endswith("aliases") else text}
    with pytest.raises(ValueError, match=rf"has the character U\+{ord(character):04X}, which is no text; remove it"):
        Company(symbol="A", **given_texts)
