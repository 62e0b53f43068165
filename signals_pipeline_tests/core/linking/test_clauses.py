"""Which words of a headline carry the tone of which company."""

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings

from signals_pipeline import sample
from signals_pipeline.adapters.model.inference import SentimentModel
from signals_pipeline.core.linking.clauses import NO_TONE_REASONS, Clause, clauses_by_company
from signals_pipeline.core.linking.linker import Linker, link, with_company_text
from signals_pipeline.core.linking.parts import MentionSpan
from signals_pipeline.core.linking.roles import Role
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
    links = LINKER.read(title, readable(title)).links
    return {link.symbol: link.text or f"<{link.reason}>" for link in links}


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
        ("Intel to build chips for Microsoft", {"INTC": "", "MSFT": "<mentioned>"}),
        ("JPMorgan cuts Microsoft to neutral", {"JPM": "<broker>", "MSFT": ""}),
        # Of a comparison both have the words.
        ("Intel beats AMD in servers", {"INTC": "", "AMD": ""}),
        ("Intel vs. AMD: the rematch", {"INTC": "", "AMD": ""}),
        ("Intel reverses its slide, beats AMD", {"INTC": "Intel reverses its slide", "AMD": "beats AMD"}),
        ("Intel, AMD slip over 2%", {"INTC": "", "AMD": ""}),
        # Nothing is said.
        ("Intel slips; AMD", {"INTC": "Intel slips", "AMD": "<no_statement>"}),
        # The first part with a tone counts; a later one where the first has none.
        ("Intel gains; AMD slips; Intel is glad", {"INTC": "Intel gains", "AMD": "AMD slips"}),
        ("Intel; AMD slips; Intel gains", {"INTC": "Intel gains", "AMD": "AMD slips"}),
        # The move of an index is not the company's.
        ("Dow Jones Industrial Average Leaps 100 Points Ahead Of Intel", {"INTC": "<mentioned>"}),
        ("Stocks end lower on Intel, AMD", {"INTC": "<mentioned>", "AMD": "<mentioned>"}),
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


@pytest.mark.parametrize(
    ("title", "names"),
    [
        # One company, or companies of one list: all words are its own.
        ("Intel slips; chipmakers gain", {"INTC": ""}),
        ("Intel, AMD and Microsoft slip", {"INTC": "", "AMD": "", "MSFT": ""}),
        ("Intel slips while AMD gains", {"INTC": "", "AMD": ""}),
        # Others in the same words: its names are marked.
        ("Intel beats AMD in servers", {"INTC": "Intel", "AMD": "AMD"}),
        ("Intel vs. AMD: the rematch", {"INTC": "Intel", "AMD": "AMD"}),
        ("JPMorgan cuts Microsoft to neutral", {"JPM": "", "MSFT": "Microsoft"}),
        ("Intel to build chips for Microsoft in Intel plants", {"INTC": "Intel Intel"}),
        ("Is $AMD a threat to Intel?", {"AMD": "AMD", "INTC": "Intel"}),
    ],
)
def test_the_companys_names_are_marked_where_the_words_speak_of_others(title: str, names: dict[str, str]) -> None:
    marked: dict[str, str] = {}
    for company in LINKER.read(title, readable(title)).links:
        marked[company.symbol] = " ".join(company.text[start:end] for start, end in company.spans)

    assert {symbol: marked[symbol] for symbol in names} == names


def test_the_one_company_that_an_event_affects_is_marked() -> None:
    clauses = clauses_by_company("Bank fails, Intel hit", [MentionSpan("INTC", 12, 17)], {"INTC": Role.AFFECTED})

    assert clauses == {"INTC": Clause("Bank fails, Intel hit", ((12, 17),))}


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30), st.sampled_from(list(Role)))
@settings(max_examples=200)
def test_a_clause_is_a_part_of_the_title_that_holds_the_name(before: str, between: str, after: str, role: Role) -> None:
    text = f"{before}Intel{between}AMD{after}"
    amd_start = len(before) + len("Intel") + len(between)
    intel = MentionSpan("INTC", len(before), len(before) + len("Intel"))
    amd = MentionSpan("AMD", amd_start, amd_start + len("AMD"))

    by_company = clauses_by_company(text, [intel, amd], {"INTC": Role.SUBJECT, "AMD": role})

    for symbol, name in (("INTC", "Intel"), ("AMD", "AMD")):
        clause = by_company[symbol]
        assert clause.text in text
        assert (name in clause.text) != (clause.reason in NO_TONE_REASONS)
        assert all(clause.text[start:end] == name for start, end in clause.spans)


def frame(titles: list[str]) -> pd.DataFrame:
    plain = [clean(title)[0] for title in titles]
    texts = [readable(title) for title in plain]
    items = pd.DataFrame({"title": plain, "text": texts, "summary": "", "tags": "", "source": ""})
    items = items.assign(text_hash=[content_address(text) for text in texts], window_start=0, headline_id=texts)
    return link(items, WATCHLIST)


def test_each_row_gets_its_companys_words() -> None:
    linked = frame(["Intel slips while AMD gains", "Rain", "Intel beats AMD", "Is $MSFT ready; Intel is"])

    rows = with_company_text(linked)

    assert rows["symbol"].tolist() == ["AMD", "INTC", "", "AMD", "INTC", "INTC", "MSFT"]
    beats = "Intel beats AMD"
    assert rows["text"].tolist() == ["AMD gains", "Intel slips", "Rain", beats, beats, "Intel is", "Is MSFT ready"]
    assert rows["span"].tolist() == ["", "", "", "12-15", "0-5", "", ""]
    addressed = [f"{text}\n{span}" if span else text for text, span in zip(rows["text"], rows["span"], strict=True)]
    assert rows["text_hash"].tolist() == [content_address(text) for text in addressed]
    assert list(rows.columns) == list(linked.columns)
    assert rows.dtypes.equals(linked.dtypes)


def test_rows_without_tone_keep_the_address_of_the_whole_text() -> None:
    rows = with_company_text(frame(["Intel", "JPMorgan upgrades Dell", "Intel slips"]))

    assert rows["reason"].tolist() == ["no_statement", "broker", ""]
    assert rows["text_hash"].tolist() == [
        content_address(text) for text in ("Intel", "JPMorgan upgrades Dell", "Intel slips")
    ]
    assert texts_to_score(rows)["text"].tolist() == ["Intel slips"]


@pytest.mark.parametrize("part", ["development", "held_out"])
def test_clauses_beat_the_whole_headline_where_tones_are_opposite(part: str) -> None:
    model = SentimentModel.load(sample.COMPACT_MODEL, threads=1)
    is_title_right: list[bool] = []
    is_clause_right: list[bool] = []
    for headline in opposite_tones(part):
        spans = headline.places
        by_entity = clauses_by_company(headline.title, spans, dict.fromkeys(headline.labels, Role.SUBJECT))
        clause_texts = {clause.text for clause in by_entity.values() if clause.text}
        texts = sorted({headline.title, *clause_texts})
        predicted = dict(zip(texts, np.array(LABELS)[model.logits(texts).argmax(axis=1)], strict=True))
        for entity, label in headline.labels.items():
            is_title_right.append(predicted[headline.title] == label)
            if by_entity[entity].text and not by_entity[entity].spans:
                is_clause_right.append(predicted[by_entity[entity].text] == label)

    assert len(is_title_right) >= 150
    assert len(is_clause_right) >= 0.5 * len(is_title_right)
    title_accuracy = sum(is_title_right) / len(is_title_right)
    clause_accuracy = sum(is_clause_right) / len(is_clause_right)
    assert clause_accuracy >= title_accuracy + 0.2
