"""When a mail may be sent: every outcome of an attempt, every age of a mail, every clock; and who knows of the rest."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.digest.delivery import (
    CHECKED_WITHIN,
    CLAIM_LASTS,
    MAX_ATTEMPTS,
    NOTIFY_WITHIN,
    REPEAT_NOTICE_AFTER,
    SEND_WITHIN,
    Hold,
    Mail,
    NotSent,
    SendOutcome,
    Sent,
    Standing,
    Unanswered,
    account,
    age_hold,
    delivery_result,
    message_id,
    retry_delay,
    standing,
)
from signals_pipeline.core.windows import newest_complete, window_for_key

WINDOW = window_for_key("2026-03-02-08:30")
MINUTE = timedelta(minutes=1)
YEAR = timedelta(days=365)
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


def mail(**changes: Any) -> Mail:
    """A mail of a digest that its checks let go a minute after its window's end."""
    at = WINDOW.end + MINUTE
    values: dict[str, Any] = {
        "id": 7, "window_start": WINDOW.start, "kind": "digest", "mode": "live", "released": False,
        "recipient": "ann@example.org", "state": "pending", "reason": None, "attempts": 0, "message_id": "<7@a.org>",
        "detail": "", "provider_id": "", "last_error": "", "next_attempt_at": WINDOW.end, "cleared_at": at,
        "claimed_at": None, "sent_at": None, "notified_at": None, "updated_at": at,
    }  # fmt: skip
    return Mail(**(values | changes))


@given(now=INSTANTS)
def test_only_the_newest_complete_window_is_mailed_by_itself(now: datetime) -> None:
    newest = newest_complete(now)
    earlier = newest_complete(newest.start)
    assert age_hold(earlier.end, now) is Hold.TOO_OLD
    assert age_hold(newest.end, now) is (Hold.TOO_OLD if now - newest.end > SEND_WITHIN else None)


@given(age=st.timedeltas(timedelta(days=-400), timedelta(days=400)), reason=st.sampled_from([None, "unfit"]))
def test_an_operator_releases_anything(age: timedelta, reason: str | None) -> None:
    now = WINDOW.end + age
    released = mail(released=True, reason=reason, cleared_at=None, next_attempt_at=now)
    assert released.hold(now) is None
    assert released.is_due(now)


@pytest.mark.parametrize(
    ("changes", "after", "hold"),
    [
        ({}, MINUTE, None),
        ({}, SEND_WITHIN, None),
        ({}, SEND_WITHIN + MINUTE, Hold.TOO_OLD),
        ({}, -MINUTE, Hold.CLOCK),
        ({"cleared_at": None}, MINUTE, Hold.UNCHECKED),
        ({"cleared_at": None}, SEND_WITHIN + MINUTE, Hold.TOO_OLD),
        ({"cleared_at": None, "reason": "unfit"}, SEND_WITHIN + MINUTE, Hold.UNFIT),
        ({"cleared_at": None, "kind": "failed", "mode": None}, MINUTE, None),
        ({"window_start": WINDOW.start + MINUTE, "released": True}, MINUTE, Hold.NO_WINDOW),
        ({"state": "unknown"}, SEND_WITHIN + MINUTE, None),
    ],
)
def test_a_pending_mail_is_held_for_a_typed_reason(
    changes: dict[str, Any], after: timedelta, hold: Hold | None
) -> None:
    asked = mail(**changes)
    now = WINDOW.end + after

    assert asked.hold(now) is hold
    assert asked.is_due(now) is (hold is None and asked.state == "pending")
    assert asked.needs_operator(now) is (hold not in {None, Hold.UNCHECKED} or asked.state == "unknown")
    if hold is not None:
        assert hold.message in asked.explanation(now)


@pytest.mark.parametrize("ahead", [timedelta(minutes=31), timedelta(hours=1), timedelta(days=1), YEAR])
def test_a_time_from_a_wrong_clock_holds_no_mail_for_ever(ahead: timedelta) -> None:
    now = WINDOW.end + 2 * MINUTE

    assert mail(next_attempt_at=now + ahead).is_due(now)
    assert mail(cleared_at=None, updated_at=now + ahead).is_left_unchecked(now)
    assert mail(state="sending", claimed_at=now + ahead).is_claim_expired(now)
    assert mail(state="unknown", notified_at=now + ahead + REPEAT_NOTICE_AFTER).needs_notice(now)
    assert standing(mail(state="unknown", updated_at=now + ahead), now) is Standing.UNACCOUNTED


def test_a_mail_waits_for_its_next_attempt_its_checks_and_its_claim() -> None:
    now = WINDOW.end + 30 * MINUTE

    assert not mail(next_attempt_at=now + 30 * MINUTE).is_due(now)
    assert not mail(cleared_at=None, updated_at=now - CHECKED_WITHIN).is_left_unchecked(now)
    assert mail(cleared_at=None, updated_at=now - CHECKED_WITHIN - MINUTE).is_left_unchecked(now)
    assert not mail(state="sending", claimed_at=now - CLAIM_LASTS).is_claim_expired(now)
    assert mail(state="sending", claimed_at=now - CLAIM_LASTS - MINUTE).is_claim_expired(now)
    assert mail(state="sending", claimed_at=None).is_claim_expired(now)
    assert standing(mail(state="sending", claimed_at=None), now) is Standing.UNACCOUNTED


def test_an_operator_is_told_once_and_again_after_hours_until_they_decide() -> None:
    now = WINDOW.end + SEND_WITHIN + MINUTE

    assert mail().needs_notice(now)
    assert not mail(notified_at=now).needs_notice(now + REPEAT_NOTICE_AFTER)
    assert mail(notified_at=now).needs_notice(now + REPEAT_NOTICE_AFTER + MINUTE)
    assert not mail(state="failed", reason="abandoned").needs_notice(now)
    assert mail(state="failed", reason=None).needs_notice(now)  # of an older release, which had no reasons


@pytest.mark.parametrize(
    ("changes", "after", "expected"),
    [
        ({"state": "sent"}, YEAR, Standing.SENT),
        ({"state": "sending", "claimed_at": WINDOW.end}, MINUTE, Standing.UNDER_WAY),
        ({"state": "sending", "claimed_at": WINDOW.end}, CLAIM_LASTS + MINUTE, Standing.NOTICE_DUE),
        ({"state": "sending", "claimed_at": WINDOW.end}, CLAIM_LASTS + 2 * NOTIFY_WITHIN, Standing.UNACCOUNTED),
        ({}, MINUTE, Standing.WAITING),
        ({"attempts": 3}, SEND_WITHIN, Standing.WAITING),
        ({"cleared_at": None}, SEND_WITHIN, Standing.WAITING),
        ({}, SEND_WITHIN + MINUTE, Standing.NOTICE_DUE),
        ({}, SEND_WITHIN + NOTIFY_WITHIN + MINUTE, Standing.UNACCOUNTED),
        ({"notified_at": WINDOW.end}, YEAR, Standing.NOTIFIED),
        ({"state": "failed", "reason": "attempts"}, MINUTE, Standing.NOTICE_DUE),
        ({"state": "failed", "reason": "rejected"}, YEAR, Standing.UNACCOUNTED),
        ({"state": "failed", "reason": "unsubscribed"}, YEAR, Standing.CLOSED),
        ({"state": "failed", "reason": "abandoned"}, YEAR, Standing.CLOSED),
        ({"window_start": WINDOW.start + MINUTE}, YEAR, Standing.UNACCOUNTED),
    ],
)
def test_every_promised_mail_has_a_standing(changes: dict[str, Any], after: timedelta, expected: Standing) -> None:
    asked = mail(**changes)
    result = account([asked, mail(state="sent")], WINDOW.end + after)

    assert standing(asked, WINDOW.end + after) is expected
    assert sum(result.counts.values()) == 2
    assert result.unaccounted == ((asked,) if expected is Standing.UNACCOUNTED else ())
    told_or_not = {Standing.NOTIFIED, Standing.NOTICE_DUE, Standing.UNACCOUNTED}
    assert result.waiting_for_operator == (expected in told_or_not)


def test_a_mail_is_named_by_its_window_or_by_the_time_that_no_window_starts_at() -> None:
    assert mail().window_key == WINDOW.key
    assert mail(window_start=datetime(2026, 3, 2, 1, tzinfo=UTC)).window_key == "2026-03-02T01:00:00+00:00"
    assert mail().explanation(WINDOW.end) == "queued"
    assert mail(state="unknown", last_error="no reply").explanation(WINDOW.end) == "no reply"


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


@pytest.mark.parametrize("state", ["pending", "sent", "failed", "unknown"])
def test_only_a_mail_that_is_being_sent_has_a_claim_that_expires(state: str) -> None:
    assert not mail(state=state, claimed_at=None).is_claim_expired(WINDOW.end)
    assert mail(state="sending", claimed_at=None).is_claim_expired(WINDOW.end)
