"""The gazetteer that comes with the package."""

from signals_pipeline.adapters.gazetteer import load_gazetteer
from signals_pipeline.core.linking.gazetteer import Actor, ListedCompany, NameUse


def test_the_package_knows_the_listed_companies_and_further_actors() -> None:
    gazetteer = load_gazetteer()

    assert len(gazetteer.companies) == 10_365
    assert ListedCompany("AAPL", "Apple Inc.", "Nasdaq") in gazetteer.companies
    assert Actor("OpenAI") in gazetteer.actors
    assert Actor("Wedbush", is_broker=True) in gazetteer.actors
    assert ("here", NameUse.NEVER) in gazetteer.ambiguous_names


def test_every_ticker_of_an_actor_is_listed_and_no_name_is_given_twice() -> None:
    gazetteer = load_gazetteer()

    assert {actor.ticker for actor in gazetteer.actors if actor.ticker} <= gazetteer.tickers
    names = [(actor.name, actor.ticker) for actor in gazetteer.actors]
    assert len(set(names)) == len(names)


def test_it_is_read_once() -> None:
    assert load_gazetteer() is load_gazetteer()
