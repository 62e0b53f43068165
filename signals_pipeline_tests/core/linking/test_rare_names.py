"""Names that stand where they seldom do: in brackets, in capitals, or twice."""

import pytest

from signals_pipeline.adapters.gazetteer import load_gazetteer
from signals_pipeline.core.linking.ambiguity import accepted_symbols
from signals_pipeline.core.linking.gazetteer import NameUse
from signals_pipeline.core.linking.linker import Linker
from signals_pipeline.core.linking.mentions import OFF_LIST_MARK, Mention
from signals_pipeline.core.linking.roles import Role
from signals_pipeline.core.watchlist import Company, Watchlist

LINKER = Linker(
    Watchlist((Company("AAPL", "Apple Inc.", ("iPhone",), ("Apple",)), Company("MSFT", "Microsoft Corporation"))),
    load_gazetteer(),
)


@pytest.mark.parametrize(("text", "accepted"), [("Here (HERE) falls", True), ("Here (THERE) falls", False)])
def test_a_word_off_the_watchlist_is_a_company_where_its_ticker_follows(text: str, accepted: bool) -> None:
    mention = Mention(0, 4, (f"{OFF_LIST_MARK}HERE",), unambiguous=False, use=NameUse.NEVER)

    assert bool(accepted_symbols(mention, text, set())) is accepted


def test_a_short_name_in_a_title_in_capitals_may_be_a_word() -> None:
    links = LINKER.read("MICROSOFT BUYS ROKU AND INTEL FOR CASH", "MICROSOFT BUYS ROKU AND INTEL FOR CASH").links

    assert [(link.symbol, link.role) for link in links] == [("MSFT", Role.SUBJECT)]


def test_a_company_under_which_its_own_news_is_filed_has_the_role_of_the_title() -> None:
    title = "Microsoft : Microsoft raises prices"

    assert [(link.symbol, link.role) for link in LINKER.read(title, title).links] == [("MSFT", Role.SUBJECT)]
