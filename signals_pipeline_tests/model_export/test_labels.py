"""Which class each output of a checkpoint is: by its own words, or as the user says."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.model.folder import LABELS, ModelError
from signals_pipeline.model_export.labels import SYNONYMS, labels_by_column

CONFIG = Path("config.json")
NAMELESS = {0: "LABEL_0", 1: "LABEL_1", 2: "LABEL_2"}


@given(
    order=st.permutations(LABELS),
    words=st.fixed_dictionaries({label: st.sampled_from(words) for label, words in SYNONYMS.items()}),
    change_case=st.sampled_from([str.upper, str.title, str.lower]),
)
def test_synonyms_in_any_case_and_order_are_understood(order: list[str], words: dict[str, str], change_case) -> None:  # noqa: ANN001
    names = {column: change_case(words[label]) for column, label in enumerate(order)}
    assert labels_by_column(names, CONFIG) == dict(enumerate(order))


@given(order=st.permutations(LABELS))
def test_what_the_user_says_comes_before_the_names(order: list[str]) -> None:
    assert labels_by_column(NAMELESS, CONFIG, order) == dict(enumerate(order))
    assert labels_by_column(dict(enumerate(LABELS)), CONFIG, order) == dict(enumerate(order))


def test_the_user_may_use_synonyms() -> None:
    assert labels_by_column(NAMELESS, CONFIG, ("Bullish", " bearish", "neu"))[1] == "negative"


@pytest.mark.parametrize(
    "given_labels", [("negative", "positive"), ("negative", "negative", "positive"), ("a", "b", "c")]
)
def test_labels_that_are_not_the_three_are_refused(given_labels: tuple[str, ...]) -> None:
    with pytest.raises(ModelError, match="name negative, neutral and positive once each") as caught:
        labels_by_column(NAMELESS, CONFIG, given_labels)
    assert str(caught.value).startswith(f"--labels {','.join(given_labels)}: ")


def test_columns_must_be_numbered_from_zero() -> None:
    with pytest.raises(ModelError, match="3 classes"):
        labels_by_column({1: "negative", 2: "neutral", 3: "positive"}, CONFIG)
