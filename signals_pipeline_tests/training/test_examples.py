"""An example's companies stand where its rewrite says, whatever the rewrite does; targets are what the labels say."""

import importlib
import random
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

TRAINING = Path(__file__).parents[2] / "training"
TITLES = {
    "Nvidia falls 3% after AMD launches rival chip, Nvidia says": ("Nvidia", "AMD"),
    "Tata Motors up, Tata Steel down as Tata Sons sells shares": ("Tata Motors", "Tata Steel", "Tata Sons"),
    "$BYND - JPMorgan reels in expectations on Beyond Meat https://t.co/bd0xbFGjkT": ("$BYND",),
}


@pytest.fixture(scope="module")
def scripts() -> Iterator[Any]:
    """The modules of `training/`, which is no package: its scripts import each other by their names."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(TRAINING))
        yield SimpleNamespace(**{name: importlib.import_module(name) for name in ("examples", "rewrite", "patterns")})


def example(scripts: Any, title: str) -> Any:
    names = TITLES[title]
    entities = tuple(scripts.examples.smoothed(0, 3) for _ in names)
    owners = tuple(range(len(names)))
    return scripts.examples.Example(scripts.examples.marked(title, names), names, "test", None, entities, owners)


@pytest.mark.parametrize("title", TITLES)
def test_a_template_filled_with_its_own_names_is_the_title(scripts: Any, title: str) -> None:
    made = example(scripts, title)
    text, spans = scripts.examples.filled(made.template, made.names)
    assert text == title
    for name, ranges in zip(made.names, spans, strict=True):
        assert ranges
        assert {text[start:end] for start, end in ranges} == {name}


def test_a_name_that_is_not_in_the_title_is_refused(scripts: Any) -> None:
    with pytest.raises(ValueError, match="'Intel' does not stand in 'AMD rises'"):
        scripts.examples.marked("AMD rises", ("Intel",))


@given(title=st.sampled_from(list(TITLES)), seed=st.integers(0, 10_000))
@settings(max_examples=200, deadline=None)
def test_a_rewrite_knows_where_its_companies_stand(scripts: Any, title: str, seed: int) -> None:
    names = scripts.rewrite.Names((("XYZ", "Xyz Corp"),), (("QQ", "Quux"),))
    made = example(scripts, title)

    text, spans = scripts.rewrite.Rewriter(names, random.Random(seed))(made, rename=False)
    again, _ = scripts.rewrite.Rewriter(names, random.Random(seed))(made, rename=False)

    assert text == again
    for name, ranges in zip(made.names, spans, strict=True):
        assert {text[start:end] for start, end in ranges} == {name}


def test_renamed_companies_stay_apart(scripts: Any) -> None:
    names = scripts.rewrite.Names((("XYZ", "Xyz"), ("AB", "Abc")), (("QQ", "Quux"),))
    made = example(scripts, next(iter(TITLES)))
    texts: set[str] = set()
    for seed in range(200):
        text, spans = scripts.rewrite.Rewriter(names, random.Random(seed))(made, rename=True)
        first, second = ({text[start:end] for start, end in ranges} for ranges in spans)
        assert len(first) == len(second) == 1
        assert first != second
        texts |= first
    assert {"Nvidia", "Xyz", "Quux", "$AB"} <= texts


def test_a_made_title_keeps_its_companies_tones_and_event(scripts: Any) -> None:
    for made in scripts.patterns.pattern_examples("relations", 50, 3):
        converted = scripts.examples.pattern_example(made)
        text, spans = scripts.examples.filled(converted.template, converted.names)
        assert text == made.title
        for owner, company in enumerate(made.companies):
            ranges = [
                place
                for position, places in enumerate(spans)
                if converted.owners[position] == owner
                for place in places
            ]
            assert sorted(ranges) == sorted(company.spans)
        labels = ("negative", "neutral", "positive")
        tones = [labels[target.index(max(target))] for target in converted.entities]
        assert tones == [company.label for company in made.companies]


def test_a_topic_is_the_event_it_speaks_of(scripts: Any) -> None:
    def event(topic: int, text: str) -> str | None:
        target = scripts.examples.topic_event(topic, text)
        return None if target is None else scripts.examples.EVENT_LABELS[target.index(max(target))]

    assert event(17, "Asana names a new head of sales") == "people"
    assert event(5, "Lam Research Q4 EPS of $8 beats by $1") == "results"
    assert event(5, "Intel cuts its full-year outlook") == "guidance"
    assert event(9, "Windy weather in the Nordics") is None
    assert sum(scripts.examples.topic_event(2, "Nextdoor launches a podcast")) == pytest.approx(1)
