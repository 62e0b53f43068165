"""Readers' own choices: the newest counts, whatever the order in which they arrive."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import write_transaction
from signals_pipeline.adapters.stores.reader_choices import ReaderChoices
from signals_pipeline.adapters.stores.tables import reader_choice
from signals_pipeline.core.digest.readers import WHOLE_EDITION, Clock, DigestTimes, Edition, ReaderChoice, TimeStyle

AT = datetime(2026, 3, 2, 12, tzinfo=UTC)
EDITION = Edition(("AAPL", "XOM"), 0.4, TimeStyle("Asia/Tokyo", Clock.HOURS_12))


def choice(
    edition: Edition = EDITION, minutes: int = 0, recipient: str = "ann@example.org", *, subscribed: bool = False
) -> ReaderChoice:
    at = AT + timedelta(minutes=minutes)
    return ReaderChoice(recipient, edition, DigestTimes(("morning", "17:30")), subscribed=subscribed, changed_at=at)


def test_a_choice_is_read_as_it_was_stored_and_the_same_again_changes_nothing(engine: Engine) -> None:
    choices = ReaderChoices(engine)
    assert choices.get("ann@example.org") is None
    assert [choices.put(choice(recipient="Ann@Example.org")), choices.put(choice(minutes=5))] == ["stored", "unchanged"]
    assert choices.get(" ANN@example.org") == choice()
    assert choices.all() == ({"ann@example.org": choice()}, [])


def test_the_newest_choice_counts_in_whatever_order_they_arrive(engine: Engine) -> None:
    choices = ReaderChoices(engine)
    assert choices.put(choice(WHOLE_EDITION, 5)) == "stored"
    assert choices.put(choice()) == "outdated"
    assert choices.get("ann@example.org") == choice(WHOLE_EDITION, 5)
    assert choices.put(choice(minutes=6)) == "stored"
    assert choices.get("ann@example.org") == choice(minutes=6)


def test_a_subscribed_reader_stays_subscribed_when_they_change_what_they_get(engine: Engine) -> None:
    choices = ReaderChoices(engine)
    choices.put(choice(subscribed=True))
    choices.put(choice(WHOLE_EDITION, 1))
    stored = choices.get("ann@example.org")
    assert stored == choice(WHOLE_EDITION, 1, subscribed=True)


def test_a_damaged_choice_is_one_line_without_an_address_and_the_others_are_read(engine: Engine) -> None:
    choices = ReaderChoices(engine)
    for recipient in ("ann@example.org", "bob@example.org", "cat@example.org"):
        choices.put(choice(recipient=recipient))
    damage = {"ann@example.org": {"edition": "{"}, "bob@example.org": {"digests": "noon"}}
    with write_transaction(engine) as connection:
        for recipient, values in damage.items():
            connection.execute(sa.update(reader_choice).where(reader_choice.c.recipient == recipient).values(**values))

    found, problems = choices.all()

    assert list(found) == ["cat@example.org"]
    assert len(problems) == 2
    assert all("is not applied: " in problem and "@" not in problem for problem in problems)
