"""The suppression list: one entry per address, whatever its spelling, until it is removed."""

from datetime import UTC, datetime
from typing import get_args

import pytest
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.adapters.stores.suppressions import Reason, Suppression, SuppressionList

NOW = datetime(2026, 3, 2, tzinfo=UTC)
LATER = datetime(2026, 3, 3, tzinfo=UTC)


def test_the_first_reason_stays_and_a_second_one_changes_nothing(engine: Engine) -> None:
    suppressions = SuppressionList(engine)
    assert suppressions.add("Reader@Example.org", "unsubscribed", NOW)
    assert not suppressions.add(" reader@example.org", "bounced", LATER)
    assert suppressions.all() == [Suppression("reader@example.org", "unsubscribed", NOW)]


def test_suppressed_recipients_are_returned_as_given(engine: Engine) -> None:
    suppressions = SuppressionList(engine)
    suppressions.add("a@example.org", "complaint", NOW)
    assert suppressions.among(["A@example.org", "b@example.org"]) == {"A@example.org"}
    assert suppressions.among([]) == frozenset()


def test_a_suppression_can_be_removed_and_says_why_it_was_there(engine: Engine) -> None:
    suppressions = SuppressionList(engine)
    for reason in get_args(Reason):
        suppressions.add("a@example.org", reason, NOW)
        suppressions.add("b@example.org", "complaint", NOW)
        assert suppressions.remove(" A@EXAMPLE.ORG") == reason
        assert suppressions.remove("a@example.org") is None
        assert suppressions.all() == [Suppression("b@example.org", "complaint", NOW)]


def test_an_unknown_reason_is_refused(engine: Engine) -> None:
    with pytest.raises(DatabaseError, match="ck_suppression_reason"):
        SuppressionList(engine).add("a@example.org", "bored", NOW)  # pyright: ignore[reportArgumentType]
