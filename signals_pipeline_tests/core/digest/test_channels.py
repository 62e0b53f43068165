"""How the outbox names a channel, and what it makes of a pause that a service asks for."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.digest.channels import ChannelKind, channel_recipient
from signals_pipeline.core.digest.delivery import (
    MAX_ATTEMPTS,
    SEND_WITHIN,
    NotSent,
    delivery_result,
    retry_delay,
    webhook_id,
)
from signals_pipeline.core.digest.links import (
    UNSUBSCRIBE_DAYS,
    LinkError,
    reader_feed_url,
    verify_feed_link,
    verify_unsubscribe_link,
)
from signals_pipeline.core.digest.readers import is_channel_recipient
from signals_pipeline_tests.core.digest.test_delivery import MINUTE, WINDOW, mail

KEY = "a key of thirty-two characters..."
NOW = datetime(2026, 3, 2, 14, tzinfo=UTC)


def test_a_channel_is_told_from_an_address() -> None:
    assert channel_recipient(ChannelKind.SLACK, "desk") == "slack:desk"
    for kind in ChannelKind:
        assert is_channel_recipient(channel_recipient(kind, "desk"))
    assert not is_channel_recipient("ann@example.org")


@given(seconds=st.floats(0, 1e7), attempts=st.integers(1, MAX_ATTEMPTS - 1))
def test_a_requested_pause_is_kept_up_to_the_hours_that_a_message_may_wait(seconds: float, attempts: int) -> None:
    asked = timedelta(seconds=seconds)

    result = delivery_result(NotSent("429", permanent=False, retry_after=asked), attempts=attempts, now=NOW)

    waits = result.next_attempt_at - NOW
    assert result.state == "pending"
    assert waits == max(retry_delay(attempts), min(asked, SEND_WITHIN))


def test_a_message_to_a_channel_waits_for_the_pause_and_a_mail_for_its_backoff_alone() -> None:
    now = WINDOW.end + MINUTE
    in_two_hours = now + timedelta(hours=2)

    assert not mail(recipient="slack:desk", next_attempt_at=in_two_hours).is_due(now)
    assert mail(recipient="slack:desk", next_attempt_at=in_two_hours).is_due(in_two_hours)
    # No delay of a mail is so long, and none of a channel is longer than SEND_WITHIN: a wrong clock wrote it.
    assert mail(recipient="ann@example.org", next_attempt_at=in_two_hours).is_due(now)
    assert mail(recipient="slack:desk", next_attempt_at=now + SEND_WITHIN + MINUTE).is_due(now)


def test_the_identifier_of_a_message_is_its_rows_and_has_no_full_stop() -> None:
    first = webhook_id(mail(id=7, recipient="webhook:desk", message_id="<digest.1@a.org>"))

    assert first == webhook_id(mail(id=7, recipient="webhook:desk", message_id="<digest.1@a.org>", attempts=3))
    assert first.startswith("msg_7_")
    assert "." not in first
    assert first != webhook_id(mail(id=7, recipient="webhook:desk", message_id="<digest.2@a.org>"))


def test_a_feeds_address_holds_its_edition_and_nothing_else_opens_it() -> None:
    edition = '{"symbols":["XOM"]}'
    for given_edition in (None, edition):
        url = reader_feed_url("https://a.example/", given_edition, as_of=NOW, key=KEY)
        before, _, token = url.rpartition("/")
        assert before == "https://a.example/feeds"
        assert verify_feed_link(token, as_of=NOW, key=KEY) == given_edition
    with pytest.raises(LinkError):
        verify_feed_link(token, as_of=NOW + timedelta(days=UNSUBSCRIBE_DAYS + 1), key=KEY)
    with pytest.raises(LinkError):
        verify_unsubscribe_link(token, as_of=NOW, key=KEY)
