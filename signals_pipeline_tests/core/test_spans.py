"""Spans of text as frames store them: written and read again, and nothing else is read."""

import hypothesis.strategies as st
import pytest
from hypothesis import given

from signals_pipeline.core.spans import Span, first_span, format_spans, parse_spans

SPANS = st.lists(st.tuples(st.integers(0, 300), st.integers(1, 30)).map(lambda span: (span[0], span[0] + span[1])))


@given(SPANS)
def test_spans_are_read_as_they_were_written(spans: list[Span]) -> None:
    assert parse_spans(format_spans(spans)) == spans
    assert first_span(format_spans(spans)) == (spans[0] if spans else None)


@pytest.mark.parametrize("spans", ["6", "3-2", "3-3", "a-b", "0-3,4-6", "-1-2"])
def test_what_is_no_list_of_spans_is_refused(spans: str) -> None:
    with pytest.raises(ValueError, match="is not a list of spans; write START-END"):
        parse_spans(spans)
