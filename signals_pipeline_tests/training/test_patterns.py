"""Made titles say what their patterns say: companies stand where they are marked, tones are balanced."""

import re
import runpy
from collections import Counter
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

TRAINING = Path(__file__).parents[2] / "training"
PATTERNS = runpy.run_path(str(TRAINING / "patterns.py"))
FILES = PATTERNS["FILES"]
TONES = ("negative", "neutral", "positive")
EVENT_TYPES = {
    *("results", "guidance", "rating", "mna", "legal", "product"),
    *("capital", "people", "price", "opinion", "macro", "other"),
}


@pytest.fixture(scope="module")
def examples() -> dict[str, list[Any]]:
    return {file: PATTERNS["pattern_examples"](file, 4_000, 7, mistyped=0.1) for file in FILES}


@pytest.fixture(scope="module")
def sources() -> dict[str, Any]:
    return {file: PATTERNS["read_source"](file) for file in FILES}


@pytest.mark.parametrize("file", FILES)
def test_the_same_seed_gives_the_same_titles_and_another_seed_gives_others(file: str) -> None:
    first, second, other = (PATTERNS["pattern_examples"](file, 200, seed) for seed in (3, 3, 4))
    assert [repr(example) for example in first] == [repr(example) for example in second]
    assert [example.title for example in first] != [example.title for example in other]


@pytest.mark.parametrize("file", FILES)
def test_titles_are_different_filled_and_clean(file: str, examples: dict[str, list[Any]]) -> None:
    titles = [example.title for example in examples[file]]
    assert len(titles) == len(set(titles)) == 4_000
    assert [title for title in titles if re.search(r"[{}\[\]]|  |^[ ,:;]| $", title)] == []


@pytest.mark.parametrize("file", FILES)
def test_every_span_is_a_name_or_ticker_of_its_company(
    file: str, examples: dict[str, list[Any]], sources: dict[str, Any]
) -> None:
    listed = [*sources[file].companies, *(other for group in sources[file].others.values() for other in group)]
    forms = [{*company.names, company.ticker, f"${company.ticker}"} for company in listed]
    for example in examples[file]:
        ranges = sorted(span for company in example.companies for span in company.spans)
        assert all(end <= start for (_, end), (start, _) in pairwise(ranges))
        for company in example.companies:
            texts = {example.title[start:end] for start, end in company.spans}
            assert company.name in texts
            assert any(texts <= names for names in forms), example


@pytest.mark.parametrize("file", FILES)
def test_labels_and_events_are_of_the_vocabulary(file: str, examples: dict[str, list[Any]]) -> None:
    for example in examples[file]:
        assert example.label in {*TONES, None}
        assert {company.label for company in example.companies} <= set(TONES)
        assert example.event in EVENT_TYPES | {None}


def test_every_kind_of_polarity_has_the_three_tones_in_equal_shares(examples: dict[str, list[Any]]) -> None:
    counts: dict[str, Counter[str]] = {}
    for example in examples["polarity"]:
        counts.setdefault(example.kind, Counter())[example.label] += 1
    for kind, tones in counts.items():
        assert set(tones) == set(TONES), kind
        assert min(tones.values()) > 0.2 * tones.total(), kind


def test_companies_of_the_relations_have_all_tones(examples: dict[str, list[Any]]) -> None:
    tones = Counter(company.label for example in examples["relations"] for company in example.companies)
    assert min(tones[tone] for tone in TONES) > 0.25 * tones.total()
    differing = [example for example in examples["relations"] if len({c.label for c in example.companies}) > 1]
    assert len(differing) > 0.5 * len(examples["relations"])


def test_every_event_type_has_its_share(examples: dict[str, list[Any]]) -> None:
    counts = Counter(example.event for example in examples["events"])
    assert set(counts) == EVENT_TYPES
    assert min(counts.values()) > 0.04 * counts.total()


@pytest.mark.parametrize("file", FILES)
def test_no_pattern_or_word_list_uses_a_held_out_word(file: str, sources: dict[str, Any]) -> None:
    source = sources[file]
    entries = [pattern.text for pattern in source.patterns] + [
        entry for list_ in source.words.values() for entry in list_
    ]
    used = {word for text in entries for word in re.findall(r"[a-z]+", text.lower())}
    assert used & set(source.held_out_words) == set()


def test_titles_for_measuring_turn_on_held_out_words(sources: dict[str, Any]) -> None:
    held_out = set(sources["polarity"].held_out_words)
    for example in PATTERNS["pattern_examples"](PATTERNS["HELD_OUT"], 500, 9):
        assert set(re.findall(r"[a-z]+", example.title.lower())) & held_out, example.title


def test_the_newswire_patterns_use_no_held_out_word(sources: dict[str, Any]) -> None:
    used = set(re.findall(r"[a-z]+", (TRAINING / "newswire.toml").read_text(encoding="utf-8").lower()))
    assert used & set(sources["polarity"].held_out_words) == set()


@pytest.mark.parametrize("file", FILES)
def test_no_pattern_stands_twice_and_every_slot_is_filled(file: str, sources: dict[str, Any]) -> None:
    source = sources[file]
    lines = Counter((pattern.text, pattern.kind) for pattern in source.patterns)
    assert [line for line, times in lines.items() if times > 1] == []
    slots = {slot for pattern in source.patterns for slot in re.findall(r"\{([a-z]\w*)\}", pattern.text)}
    numbers = set(PATTERNS["NUMBERS"]) | {
        f"{bound}_{unit}" for bound in ("low", "high") for unit in ("money", "eps", "rate", "count", "target")
    }
    assert slots <= set(source.words) | numbers


def test_one_text_has_one_tone_and_one_event_in_all_files(sources: dict[str, Any]) -> None:
    labels: dict[str, set[str]] = {}
    events: dict[str, set[str]] = {}
    for source in sources.values():
        for pattern in source.patterns:
            if pattern.label:
                labels.setdefault(pattern.text, set()).add(pattern.label)
            if pattern.event:
                events.setdefault(pattern.text, set()).add(pattern.event)
    assert [text for text, found in events.items() if len(found) > 1] == []
    assert [text for text, found in labels.items() if len(found) > 1] == []


def test_there_are_names_enough(sources: dict[str, Any]) -> None:
    companies = sources["polarity"].companies
    assert len({company.names[0] for company in companies}) >= 300
    assert len({company.names[0] for company in companies}) == len(companies)


def test_a_typing_error_leaves_names_as_they_are() -> None:
    plain = PATTERNS["pattern_examples"]("polarity", 50, 5)
    mistyped = PATTERNS["pattern_examples"]("polarity", 50, 5, mistyped=1.0)
    assert [example.title for example in plain] != [example.title for example in mistyped]
    for example in mistyped:
        assert all(example.title[start:end].strip() for company in example.companies for start, end in company.spans)
