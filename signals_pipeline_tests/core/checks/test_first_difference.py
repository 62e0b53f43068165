"""What the comparison promises: it finds any difference, names the first, and takes equal for equal."""

import math

import hypothesis.strategies as st
import pandas as pd
import pytest
from hypothesis import given, settings

from signals_pipeline.core.checks.look_ahead import Trace, first_difference
from signals_pipeline.core.tables import HEADLINES, SCORES
from signals_pipeline_tests.support.digest_examples import WINDOWS

START = WINDOWS[0].start


def row(symbol: str, combined: float, technical: float = math.nan) -> dict[str, object]:
    empty = {column.name: {"str": "", "bool": False, "int64": 0}.get(column.dtype, 0.0) for column in SCORES.columns}
    values = {"window_start": START, "symbol": symbol, "combined": combined, "technical": technical, "known_at": None}
    return empty | values


def trace(*rows: dict[str, object], **values: object) -> Trace:
    return Trace({"scores": SCORES.conform(pd.DataFrame(list(rows)))} if rows else {}, values)


def difference_text(one: Trace, other: Trace) -> str:
    found = first_difference(one, other)
    return "" if found is None else found.text


def test_the_same_is_the_same_missing_values_included() -> None:
    assert difference_text(trace(row("A", 0.5), run={"n": [1, None]}), trace(row("A", 0.5), run={"n": [1, None]})) == ""


def test_one_bit_is_a_difference() -> None:
    more = math.nextafter(0.5, 1)
    assert difference_text(trace(row("A", 0.5)), trace(row("A", more))) == f"scores A combined: 0.5 became {more}"


def test_a_missing_value_on_one_side_is_a_difference() -> None:
    assert difference_text(trace(row("A", 0.5, 0.25)), trace(row("A", 0.5))) == "scores A technical: 0.25 became nan"


def test_rows_of_one_side_are_named() -> None:
    both, one = trace(row("A", 0.5), row("B", 0.1)), trace(row("A", 0.5))
    assert difference_text(both, one) == "scores B: a row became absent"
    assert difference_text(one, both) == "scores B: absent became a row"


@pytest.mark.parametrize(
    ("one", "other", "text"),
    [
        ({"a": 1}, {"a": 2}, "run a: 1 became 2"),
        ({"a": 1}, {}, "run a: 1 became absent"),
        ({}, {"b": 1}, "run b: absent became 1"),
        ([1, 2], [1], "run 2: 2 became absent"),
        ({"a": [{"b": "x"}]}, {"a": [{"b": "y"}]}, "run a 1 b: x became y"),
        ([1], {"a": 1}, "run: [1] became {'a': 1}"),
    ],
)
def test_values_are_compared_from_the_outside_in(one: object, other: object, text: str) -> None:
    assert difference_text(trace(run=one), trace(run=other)) == text


def test_stages_come_first_and_what_one_side_lacks_is_not_compared() -> None:
    one, other = trace(row("A", 0.5), run=1, digest=2), trace(row("A", 0.4), run=3)
    assert difference_text(one, other).startswith("scores A combined")
    assert difference_text(trace(run=1, digest=2), trace(row("A", 0.5), run=1)) == ""
    news = Trace({"headlines": HEADLINES.empty()}, {})
    assert difference_text(news, news) == ""


json_values = st.recursive(
    st.none() | st.integers(0, 3) | st.sampled_from("ab"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("xyz"), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=100, deadline=None)
@given(json_values, json_values)
def test_values_that_differ_differ_somewhere(one: object, other: object) -> None:
    assert (difference_text(trace(run=one), trace(run=other)) == "") == (one == other)
