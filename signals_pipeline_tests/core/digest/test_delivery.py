"""When a mail may be sent: every outcome of an attempt, every age of a mail."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.digest.delivery import (
    MAX_ATTEMPTS,
    SEND_WITHIN,
    NotSent,
    SendOutcome,
    Sent,
    Unanswered,
    delivery_result,
    hold_reason,
    message_id,
    retry_delay,
)
from signals_pipeline.core.windows import newest_complete

NOW = datetime(2026, 3, 2, 14, tzinfo=UTC)
INSTANTS = st.datetimes(datetime(2014, 1, 1), datetime(2030, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
ACCEPTED_OR_UNKNOWN = st.sampled_from([Sent("250 ok"), Unanswered("no answer")])
REFUSALS = st.builds(NotSent, st.text(), permanent=st.booleans())
ATTEMPTS = st.integers(1, 200)


@given(outcome=ACCEPTED_OR_UNKNOWN, attempts=ATTEMPTS)
def test_a_mail_that_may_have_been_accepted_is_never_retried(outcome: SendOutcome, attempts: int) -> None:
    result = delivery_result(outcome, attempts=attempts, now=NOW)

    assert result.state == ("sent" if isinstance(outcome, Sent) else "unknown")


@given(answer=REFUSALS, attempts=ATTEMPTS)
def test_a_mail_that_was_not_accepted_is_retried_until_it_fails_for_good(answer: NotSent, attempts: int) -> None:
    result = delivery_result(answer, attempts=attempts, now=NOW)

    final = answer.permanent or attempts >= MAX_ATTEMPTS
    assert result.state == ("failed" if final else "pending")
    assert (result.next_attempt_at > NOW) is not final
    assert "\n" not in result.error
    assert "\r" not in result.error


@given(attempts=st.integers(1, 10_000))
def test_the_retry_delay_grows_up_to_a_maximum(attempts: int) -> None:
    assert timedelta(minutes=1) <= retry_delay(attempts) <= retry_delay(attempts + 1) <= timedelta(minutes=30)


def test_all_attempts_fit_into_the_hours_that_a_mail_may_wait() -> None:
    assert sum((retry_delay(attempt) for attempt in range(1, MAX_ATTEMPTS)), timedelta()) < SEND_WITHIN


def test_giving_up_says_how_often_it_was_tried() -> None:
    error = delivery_result(NotSent("451 busy", permanent=False), attempts=MAX_ATTEMPTS, now=NOW).error

    assert error == f"gave up after {MAX_ATTEMPTS} attempts: 451 busy"


@given(now=INSTANTS)
def test_only_the_newest_complete_window_is_mailed_by_itself(now: datetime) -> None:
    newest = newest_complete(now)
    earlier = newest_complete(newest.start)
    assert hold_reason(earlier.end, released=False, now=now)
    assert bool(hold_reason(newest.end, released=False, now=now)) == (now - newest.end > SEND_WITHIN)


@given(now=INSTANTS, age=st.timedeltas(timedelta(days=-400), timedelta(days=400)))
def test_an_operator_releases_anything(now: datetime, age: timedelta) -> None:
    assert hold_reason(now - age, released=True, now=now) == ""


def test_a_window_that_has_not_ended_is_a_wrong_clock() -> None:
    assert "check this machine's clock" in hold_reason(NOW, released=False, now=NOW - timedelta(seconds=1))


@given(address=st.emails(), other=st.emails())
def test_a_message_id_names_window_and_recipient(address: str, other: str) -> None:
    identifier = message_id("digest", "2026-03-02-08:30", address, "example.org")

    assert identifier == message_id("digest", "2026-03-02-08:30", f" {address.upper()} ", "example.org")
    assert identifier != message_id("failed", "2026-03-02-08:30", address, "example.org")
    assert identifier != message_id("digest", "2026-03-02-17:30", address, "example.org")
    assert (identifier == message_id("digest", "2026-03-02-08:30", other, "example.org")) == (
        address.casefold() == other.casefold()
    )
    assert identifier.startswith("<digest.2026-03-02-0830.")
    assert identifier.endswith("@example.org>")
    assert len(identifier) < 255
    assert address not in identifier


@pytest.mark.parametrize("reply", ["550\r\nBcc: x@y.example", "a\nb"])
def test_an_error_is_one_line(reply: str) -> None:
    assert delivery_result(NotSent(reply, permanent=True), attempts=1, now=NOW).error == " ".join(reply.split())
