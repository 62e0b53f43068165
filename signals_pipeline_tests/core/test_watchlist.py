"""The watchlist: symbols in the operator's order, one company each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.watchlist import Company, Watchlist

SYMBOLS = st.lists(st.text("ABCDEFGH.-", min_size=1, max_size=5), unique=True, max_size=12)


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
