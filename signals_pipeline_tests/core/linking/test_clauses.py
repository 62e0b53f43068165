"""Which words of a headline carry the tone of which company."""

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from signals_pipeline import sample
from signals_pipeline.adapters.model.inference import SentimentModel
from signals_pipeline.core.linking.clauses import NO_TONE_REASONS, Clause, assign_clauses, clauses_by_company
from signals_pipeline.core.linking.linker import NAMED, SUBJECT, Linker, MentionSpan, link
from signals_pipeline.core.sentiment.tone import LABELS, texts_to_score
from signals_pipeline.core.text import clean, content_address, readable
from signals_pipeline.core.watchlist import Company, Watchlist
from signals_pipeline_tests.support.labelled_data import opposite_tones

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
    links = LINKER.links(title, readable(title))
    text, spans = LINKER.mention_spans(title, readable(title), links)
    relevance = {symbol: grade for symbol, grade in links.items() if grade > 0}
    by_company = clauses_by_company(text, spans, relevance)
    return {symbol: clause.text or f"<{clause.reason}>" for symbol, clause in by_company.items()}


@pytest.mark.parametrize(
    ("title", "expected"),
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
        # A list has one tone, and is never cut.
        ("Intel, AMD and Microsoft slip", {"INTC": "", "AMD": "", "MSFT": ""}),
        ("Intel-AMD pact ends", {"INTC": "", "AMD": ""}),
        # A name is never cut, whatever it holds.
        ("AT&T slips after Intel warns", {"T": "AT&T slips", "INTC": "Intel warns"}),
        ("Day After Day sags as Intel slips", {"DAD": "Day After Day sags", "INTC": "Intel slips"}),
        # The subject has the tone, a company named along with it has none.
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
        # The first part with a tone counts; a later one where the first has none.
        ("Intel gains; AMD slips; Intel is glad", {"INTC": "Intel gains", "AMD": "AMD slips"}),
        ("Intel; AMD slips; Intel gains", {"INTC": "Intel gains", "AMD": "AMD slips"}),
        # The move of an index is not the company's.
        ("Dow Jones Industrial Average Leaps 100 Points Ahead Of Intel", {"INTC": "<market>"}),
        ("Stocks end lower on Intel, AMD", {"INTC": "<market>", "AMD": "<market>"}),
        ("Dow slips; Intel gains", {"INTC": "Dow slips; Intel gains"}),
        ("Intel gains as Nasdaq slips; AMD falls", {"INTC": "Intel gains", "AMD": "AMD falls"}),
        # Automatic reports on trading, and forms.
        ("Traders buy large volume of put options on Intel", {"INTC": "<market_data>"}),
        ("Large Inflow of Money Witnessed in Intel", {"INTC": "<market_data>"}),
        ("Intel Trends Higher: Showing strength", {"INTC": "<market_data>"}),
        ("New SEC Filing for Intel: Form 8-K", {"INTC": "<form>"}),
    ],
)
def test_each_company_has_its_words_or_a_reason_for_none(title: str, expected: dict[str, str]) -> None:
    by_company = clauses(title)

    # An empty text stands for the whole title.
    expected_texts = {symbol: text or title for symbol, text in expected.items()}
    assert {symbol: by_company[symbol] for symbol in expected} == expected_texts


def test_a_company_in_the_lead_has_the_tone_of_a_title_that_names_none() -> None:
    assert clauses_by_company("Chipmaker slips", [], {"INTC": NAMED}) == {"INTC": Clause("Chipmaker slips")}


def test_a_company_in_the_lead_has_no_tone_where_the_title_names_another() -> None:
    by_company = clauses_by_company("AMD slips", [MentionSpan("AMD", 0, 3)], {"AMD": SUBJECT, "INTC": NAMED})

    assert by_company == {"AMD": Clause("AMD slips"), "INTC": Clause("", "elsewhere")}


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
@settings(max_examples=200)
def test_a_clause_is_a_part_of_the_title_that_holds_the_name(before: str, between: str, after: str) -> None:
    text = f"{before}Intel{between}AMD{after}"
    amd_start = len(before) + len("Intel") + len(between)
    intel = MentionSpan("INTC", len(before), len(before) + len("Intel"))
    amd = MentionSpan("AMD", amd_start, amd_start + len("AMD"))

    by_company = clauses_by_company(text, [intel, amd], {"INTC": SUBJECT, "AMD": NAMED})

    for symbol, name in (("INTC", "Intel"), ("AMD", "AMD")):
        clause = by_company[symbol]
        assert clause.text in text
        assert (name in clause.text) != (clause.reason in NO_TONE_REASONS)


def frame(titles: list[str]) -> pd.DataFrame:
    plain = [clean(title)[0] for title in titles]
    texts = [readable(title) for title in plain]
    items = pd.DataFrame({"title": plain, "text": texts, "summary": "", "tags": ""})
    items = items.assign(text_hash=[content_address(text) for text in texts], window_start=0, headline_id=texts)
    return link(items, WATCHLIST)


def test_each_row_gets_its_companys_words() -> None:
    linked = frame(["Intel slips while AMD gains", "Rain", "Intel beats AMD", "Is $MSFT ready; Intel is"])

    assigned, without_tone = assign_clauses(linked, WATCHLIST)

    assert assigned["symbol"].tolist() == ["AMD", "INTC", "", "AMD", "INTC", "INTC", "MSFT"]
    assert assigned["text"].tolist() == ["AMD gains", "Intel slips", "Rain", "", "", "Intel is", "Is MSFT ready"]
    has_old_hash = (assigned["text"] == "") | (assigned["text"] == linked["text"])
    assert (assigned["text_hash"] == linked["text_hash"])[has_old_hash].all()
    new = assigned[~has_old_hash]
    assert new["text_hash"].tolist() == [content_address(text) for text in new["text"]]
    assert without_tone == dict.fromkeys(NO_TONE_REASONS, 0) | {"comparison": 2}
    assert list(assigned.columns) == list(linked.columns)
    assert assigned.dtypes.equals(linked.dtypes)


def test_rows_without_words_are_not_scored() -> None:
    assigned, _ = assign_clauses(frame(["Intel beats AMD", "Intel slips"]), WATCHLIST)

    assert texts_to_score(assigned)["text"].tolist() == ["Intel slips"]


def test_no_headlines_give_no_rows_and_no_counts() -> None:
    assigned, without_tone = assign_clauses(frame(["Rain"]).iloc[:0], WATCHLIST)

    assert assigned.empty
    assert sum(without_tone.values()) == 0


@pytest.mark.parametrize("part", ["development", "held_out"])
def test_clauses_beat_the_whole_headline_where_tones_are_opposite(part: str) -> None:
    model = SentimentModel.load(sample.COMPACT_MODEL, threads=1)
    is_title_right: list[bool] = []
    is_clause_right: list[bool] = []
    for headline in opposite_tones(part):
        by_entity = clauses_by_company(headline.title, headline.places, dict.fromkeys(headline.labels, NAMED))
        clause_texts = {clause.text for clause in by_entity.values() if clause.text}
        texts = sorted({headline.title, *clause_texts})
        predicted = dict(zip(texts, np.array(LABELS)[model.logits(texts).argmax(axis=1)], strict=True))
        for entity, label in headline.labels.items():
            is_title_right.append(predicted[headline.title] == label)
            if by_entity[entity].text:
                is_clause_right.append(predicted[by_entity[entity].text] == label)

    assert len(is_title_right) >= 150
    assert len(is_clause_right) >= 0.7 * len(is_title_right)
    title_accuracy = sum(is_title_right) / len(is_title_right)
    clause_accuracy = sum(is_clause_right) / len(is_clause_right)
    assert clause_accuracy >= title_accuracy + 0.2
