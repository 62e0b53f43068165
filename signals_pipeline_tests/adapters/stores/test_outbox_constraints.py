"""A backfill can not reach the outbox: the databases themselves refuse it, whatever code asks."""

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import DatabaseError, write_transaction
from signals_pipeline.adapters.stores.tables import delivery
from signals_pipeline_tests.support.outbox_builders import NOW, WHO, WINDOW, put, states


@pytest.mark.parametrize("mode", ["backfill", "manual", "catch_up"])
@pytest.mark.parametrize("kind", ["digest", "failed"])
def test_the_database_itself_refuses_mails_of_a_digest_that_was_not_live(engine: Engine, mode: str, kind: str) -> None:
    put(engine, mode=mode)
    for said in (mode, "live", None):
        if kind == "failed" and said is None:
            continue  # a mail that says that there is no digest refers to none
        row = {
            "window_start": WINDOW.start, "kind": kind, "mode": said, "released": False, "recipient": WHO[0],
            "state": "pending", "attempts": 0, "message_id": "<1>", "detail": "", "provider_id": "", "last_error": "",
            "created_at": NOW, "updated_at": NOW, "next_attempt_at": NOW,
        }  # fmt: skip
        with pytest.raises(DatabaseError, match=r"(?i)constraint"), write_transaction(engine) as connection:
            connection.execute(sa.insert(delivery), row)
    assert states(engine) == {}


def test_a_mail_can_not_be_turned_into_one_of_a_backfill_by_hand(engine: Engine) -> None:
    put(engine, WHO[0])
    for change in (
        "UPDATE delivery SET mode = 'backfill'",
        "UPDATE digest SET mode = 'backfill'",
        "DELETE FROM digest",
    ):
        with pytest.raises(DatabaseError, match=r"(?i)constraint"), write_transaction(engine) as connection:
            connection.execute(sa.text(change))
