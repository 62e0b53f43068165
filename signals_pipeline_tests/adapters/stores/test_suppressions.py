"""Who is not written to: said once, whatever the spelling of the address, until taken back."""

from datetime import UTC, datetime

import pytest
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.adapters.stores.suppressions import Suppression, Suppressions

NOW = datetime(2026, 3, 2, tzinfo=UTC)
LATER = datetime(2026, 3, 3, tzinfo=UTC)


def test_the_first_word_stays_and_the_second_changes_nothing(engine: Engine) -> None:
    gone = Suppressions(engine)
    assert gone.add("Reader@Example.org", "unsubscribed", NOW)
    assert not gone.add(" reader@example.org", "bounced", LATER)
    assert gone.all() == [Suppression("reader@example.org", "unsubscribed", NOW)]


def test_those_among_recipients_come_back_as_given(engine: Engine) -> None:
    gone = Suppressions(engine)
    gone.add("a@example.org", "complaint", NOW)
    assert gone.among(["A@example.org", "b@example.org"]) == {"A@example.org"}
    assert gone.among([]) == frozenset()


def test_a_recipient_can_come_back(engine: Engine) -> None:
    gone = Suppressions(engine)
    gone.add("a@example.org", "unsubscribed", NOW)
    assert gone.remove("A@EXAMPLE.ORG")
    assert not gone.remove("a@example.org")
    assert gone.all() == []


def test_an_unknown_reason_is_refused(engine: Engine) -> None:
    with pytest.raises(DatabaseError, match="ck_suppression_reason"):
        Suppressions(engine).add("a@example.org", "bored", NOW)  # pyright: ignore[reportArgumentType]
