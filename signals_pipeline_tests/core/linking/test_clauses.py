"""Which words of a headline speak of which company."""

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from signals_pipeline import sample
from signals_pipeline.adapters.model.running import SentimentModel
from signals_pipeline.core.linking.clauses import REASONS, Clause, assign_clauses, clauses_by_company
from signals_pipeline.core.linking.linker import NAMED, SUBJECT, Linker, Place, link
from signals_pipeline.core.sentiment.tone import LABELS, texts_to_score
from signals_pipeline.core.text import clean, content_address, readable
from signals_pipeline.core.watchlist import Company, Watchlist
from signals_pipeline_tests.support.gold import opposite_tones

WATCHLIST = Watchlist(
    (
        Company("AAPL", "Apple Inc.", (), ("Apple",)),
        Company("AMD", "Advanced Micro Devices Inc.", ("AMD",)),
        Company("INTC", "Intel Corporation", ("Intel",)),
        Company("MSFT", "Microsoft Corporation", ("Microsoft",)),
        Company("JPM", "JPMorgan Chase & Co.", ("JPMorgan",), (), "Financials"),
        Company("T", "AT&T Inc.", ("AT&T",)),
        Company("DAD", "Day After Day Inc.", ("Day After Day",)),
    )
)
LINKER = Linker(WATCHLIST)


def clauses(title: str) -> dict[str, str]:
    """Each linked company's words, or the reason for none in angle brackets."""
    relevance = LINKER.links(title, readable(title))
    marked, places = LINKER.mention_spans(title, readable(title), relevance)
    relevance = {symbol: grade for symbol, grade in relevance.items() if grade > 0}
    return {
        symbol: one.text or f"<{one.reason}>" for symbol, one in clauses_by_company(marked, places, relevance).items()
    }


@pytest.mark.parametrize(
    ("title", "told"),
    [
        # One company: the whole title.
        ("Intel slips; chipmakers gain", {"INTC": "Intel slips; chipmakers gain"}),
        # Conjunctions, semicolons, dashes, commas part statements.
        ("Intel slips while AMD gains", {"INTC": "Intel slips", "AMD": "AMD gains"}),
        ("Intel slips; AMD gains on demand", {"INTC": "Intel slips", "AMD": "AMD gains on demand"}),
        ("Intel slips - AMD gains", {"INTC": "Intel slips", "AMD": "AMD gains"}),
        ("Intel slips, AMD gains", {"INTC": "Intel slips", "AMD": "AMD gains"}),
        ("Intel slips and AMD gains", {"INTC": "Intel slips", "AMD": "AMD gains"}),
        ("Intel slips but AMD, Microsoft gain", {"INTC": "Intel slips", "AMD": "AMD, Microsoft gain"}),
        # A list speaks with one voice, and is never cut.
        ("Intel, AMD and Microsoft slip", {"INTC": "", "AMD": "", "MSFT": ""}),
        ("Intel-AMD pact ends", {"INTC": "", "AMD": ""}),
        # A name is never cut, whatever it holds.
        ("AT&T slips after Intel warns", {"T": "AT&T slips", "INTC": "Intel warns"}),
        ("Day After Day sags as Intel slips", {"DAD": "Day After Day sags", "INTC": "Intel slips"}),
        # The subject speaks, the one named along with it does not.
        ("Intel to build chips for Microsoft", {"INTC": "", "MSFT": "<shared>"}),
        ("JPMorgan cuts Microsoft to neutral", {"JPM": "<shared>", "MSFT": ""}),
        # Comparisons.
        ("Intel beats AMD in servers", {"INTC": "<comparison>", "AMD": "<comparison>"}),
        ("Intel vs. AMD: the rematch", {"INTC": "<comparison>", "AMD": "<comparison>"}),
        ("Investors prefer Intel to AMD", {"INTC": "<comparison>", "AMD": "<comparison>"}),
        ("Intel reverses its slide, beats AMD", {"INTC": "Intel reverses its slide", "AMD": "<comparison>"}),
        ("Intel, AMD slip over 2%", {"INTC": "", "AMD": ""}),
        # Nothing is said.
        ("Intel slips; AMD", {"INTC": "Intel slips", "AMD": "<no_statement>"}),
        # The first part that speaks counts; a later one where the first does not.
        ("Intel gains; AMD slips; Intel is glad", {"INTC": "Intel gains", "AMD": "AMD slips"}),
        ("Intel; AMD slips; Intel gains", {"INTC": "Intel gains", "AMD": "AMD slips"}),
        # The move of an index is not the company's.
        ("Dow Jones Industrial Average Leaps 100 Points Ahead Of Intel", {"INTC": "<market>"}),
        ("Stocks end lower on Intel, AMD", {"INTC": "<market>", "AMD": "<market>"}),
        ("Dow slips; Intel gains", {"INTC": "Dow slips; Intel gains"}),
        ("Intel gains as Nasdaq slips; AMD falls", {"INTC": "Intel gains", "AMD": "AMD falls"}),
        # Machines' reports on trading, and forms.
        ("Traders buy large volume of put options on Intel", {"INTC": "<market_data>"}),
        ("Large Inflow of Money Witnessed in Intel", {"INTC": "<market_data>"}),
        ("Intel Trends Higher: Showing strength", {"INTC": "<market_data>"}),
        ("New SEC Filing for Intel: Form 8-K", {"INTC": "<form>"}),
    ],
)
def test_titles(title: str, told: dict[str, str]) -> None:
    found = clauses(title)
    assert {symbol: found[symbol] for symbol in told} == {symbol: text or title for symbol, text in told.items()}


def test_a_company_of_the_lead_has_the_tone_of_a_title_that_names_none() -> None:
    assert clauses_by_company("Chipmaker slips", [], {"INTC": NAMED}) == {"INTC": Clause("Chipmaker slips")}


def test_a_company_of_the_lead_has_no_tone_where_the_title_names_another() -> None:
    told = clauses_by_company("AMD slips", [Place("AMD", 0, 3)], {"AMD": SUBJECT, "INTC": NAMED})
    assert told == {"AMD": Clause("AMD slips"), "INTC": Clause("", "elsewhere")}


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=200)
def test_a_clause_is_a_part_of_the_title_that_holds_the_name(before: str, between: str, after: str) -> None:
    text = f"{before}Intel{between}AMD{after}"
    second = len(before) + 5 + len(between)
    places = [Place("INTC", len(before), len(before) + 5), Place("AMD", second, second + 3)]
    told = clauses_by_company(text, places, {"INTC": SUBJECT, "AMD": NAMED})
    for symbol, name in (("INTC", "Intel"), ("AMD", "AMD")):
        clause = told[symbol]
        assert clause.text in text
        assert (name in clause.text) != (clause.reason in REASONS)


def frame(titles: list[str]) -> pd.DataFrame:
    plain = [clean(title)[0] for title in titles]
    texts = [readable(title) for title in plain]
    items = pd.DataFrame({"title": plain, "text": texts, "summary": "", "tags": ""})
    items = items.assign(text_hash=[content_address(text) for text in texts], window_start=0, headline_id=texts)
    return link(items, WATCHLIST)


def test_each_row_gets_its_companys_words() -> None:
    linked = frame(["Intel slips while AMD gains", "Rain", "Intel beats AMD", "Is $MSFT ready; Intel is"])
    spoken, without = assign_clauses(linked, WATCHLIST)
    assert spoken["symbol"].tolist() == ["AMD", "INTC", "", "AMD", "INTC", "INTC", "MSFT"]
    assert spoken["text"].tolist() == ["AMD gains", "Intel slips", "Rain", "", "", "Intel is", "Is MSFT ready"]
    kept = (spoken["text"] == "") | (spoken["text"] == linked["text"])
    assert (spoken["text_hash"] == linked["text_hash"])[kept].all()
    assert spoken["text_hash"][~kept].tolist() == [content_address(text) for text in spoken["text"][~kept]]
    assert without == dict.fromkeys(REASONS, 0) | {"comparison": 2}
    assert list(spoken.columns) == list(linked.columns)
    assert spoken.dtypes.equals(linked.dtypes)


def test_rows_without_words_are_not_scored() -> None:
    spoken, _ = assign_clauses(frame(["Intel beats AMD", "Intel slips"]), WATCHLIST)
    assert texts_to_score(spoken).tolist() == ["Intel slips"]


def test_nothing_is_spoken_of_nothing() -> None:
    spoken, without = assign_clauses(frame(["Rain"]).iloc[:0], WATCHLIST)
    assert spoken.empty
    assert sum(without.values()) == 0


@pytest.mark.parametrize("part", ["development", "held_out"])
def test_clauses_beat_the_whole_headline_where_tones_are_opposite(part: str) -> None:
    model = SentimentModel.load(sample.COMPACT_MODEL, threads=1)
    whole: list[bool] = []
    clause: list[bool] = []
    for one in opposite_tones(part):
        told = clauses_by_company(one.title, one.places, dict.fromkeys(one.labels, NAMED))
        texts = sorted({one.title, *(each.text for each in told.values() if each.text)})
        label = dict(zip(texts, np.array(LABELS)[model.logits(texts).argmax(axis=1)], strict=True))
        whole += [label[one.title] == true for true in one.labels.values()]
        clause += [label[told[name].text] == true for name, true in one.labels.items() if told[name].text]
    assert len(whole) >= 150
    assert len(clause) >= 0.7 * len(whole)
    assert sum(clause) / len(clause) >= sum(whole) / len(whole) + 0.2
