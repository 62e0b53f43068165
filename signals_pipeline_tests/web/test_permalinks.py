"""Permanent names lead back to what they name, and nothing else is a name."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.stores.signals import SignalKey
from signals_pipeline.core.windows import Window
from signals_pipeline.web.permalinks import NotFoundError, parse_signal_id, signal_id
from signals_pipeline_tests.support.digest_examples import WINDOWS


@given(st.sampled_from(WINDOWS), st.from_regex(r"[A-Z0-9.^=-]{1,32}", fullmatch=True), st.sampled_from(["BUY", "SELL"]))
def test_a_signals_name_leads_back_to_it(window: Window, symbol: str, signal_type: str) -> None:
    key = SignalKey(window.start, symbol, signal_type)

    assert parse_signal_id(signal_id(key)) == key


@pytest.mark.parametrize("name", ["", "XOM", "2024-01-09-08:30-XOM", "2024-01-09-08:31-XOM-BUY", "x" * 16 + "-A-BUY"])
def test_anything_else_is_not_found(name: str) -> None:
    with pytest.raises(NotFoundError):
        parse_signal_id(name)
