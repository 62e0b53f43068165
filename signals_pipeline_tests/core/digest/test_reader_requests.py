"""Messages of the readers' queue: signed requests, SES's events as AWS documents them, and whatever else arrives."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.digest import links
from signals_pipeline.core.digest.links import FeedbackFields
from signals_pipeline.core.digest.reader_requests import NoAction, Rate, ReaderRequestError, Suppress, parse_request

KEY = "a key of thirty-two characters..."
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
READER = "reader@example.org"
FIELDS = FeedbackFields("2026-02-27-17:30", "BRK.B", "SELL", links.recipient_hash(READER, key=KEY))

# Of the developer guide of Amazon SES, "Examples of event data that Amazon SES publishes to Amazon SNS", shortened.
MAIL: dict[str, Any] = {
    "timestamp": "2017-08-05T00:40:02.012Z",
    "source": "Sender Name <sender@example.com>",
    "messageId": "EXAMPLE7c191be45-e9aedb9a-02f9-4d12-a87d-dd0099a07f8a-000000",
    "destination": ["recipient@example.com"],
    "tags": {"ses:configuration-set": ["ConfigSet"]},
}
BOUNCE: dict[str, Any] = {
    "eventType": "Bounce",
    "bounce": {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [
            {
                "emailAddress": "recipient@example.com",
                "action": "failed",
                "status": "5.1.1",
                "diagnosticCode": "smtp; 550 5.1.1 user unknown",
            }
        ],
        "timestamp": "2017-08-05T00:41:02.669Z",
        "feedbackId": "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000",
        "reportingMTA": "dsn; mta.example.com",
    },
    "mail": MAIL,
}
COMPLAINT: dict[str, Any] = {
    "eventType": "Complaint",
    "complaint": {
        "complainedRecipients": [{"emailAddress": "recipient@example.com"}],
        "timestamp": "2017-08-05T00:41:02.669Z",
        "feedbackId": "01000157c44f053b-61b59c11-9236-11e6-8f96-7be8aexample-000000",
        "userAgent": "Amazon SES Mailbox Simulator",
        "complaintFeedbackType": "abuse",
        "arrivalDate": "2017-08-05T00:41:02.669Z",
    },
    "mail": MAIL,
}


def _changed(event: dict[str, Any], part: str, **values: object) -> dict[str, Any]:
    return {**event, part: {**event[part], **values}}


def parsed(message: object, sent_at: datetime = NOW, key: str = KEY) -> object:
    return parse_request(message if isinstance(message, str) else json.dumps(message), sent_at=sent_at, key=key)


def token_of(url: str) -> str:
    return url.rpartition("/")[2].partition("?")[0]


UNSUBSCRIBE = token_of(links.unsubscribe_url("", READER, as_of=NOW, key=KEY))
FEEDBACK = token_of(links.feedback_page_url("", FIELDS, as_of=NOW, key=KEY))


def test_a_signed_link_asks_for_what_it_was_made_for() -> None:
    assert parsed({"purpose": "unsubscribe", "token": UNSUBSCRIBE}) == Suppress((READER,), "unsubscribed")
    for verdict in ("useful", "not_useful"):
        assert parsed({"purpose": "feedback", "token": FEEDBACK, "verdict": verdict}) == Rate(FIELDS, verdict)


def test_a_link_that_worked_when_it_was_clicked_counts_however_late_it_is_read() -> None:
    message = {"purpose": "unsubscribe", "token": UNSUBSCRIBE}
    last_day = NOW + timedelta(days=links.UNSUBSCRIBE_DAYS)
    assert parsed(message, last_day) == Suppress((READER,), "unsubscribed")
    with pytest.raises(ReaderRequestError, match="has expired"):
        parsed(message, last_day + timedelta(days=1))


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("", "not JSON"),
        ("[" * 100_000, "not JSON"),
        ("[1]", "not a JSON object"),
        ({}, "neither a link's request nor an event"),
        ({"eventType": 3}, "neither a link's request nor an event"),
        ({"purpose": "unsubscribe", "token": 7}, "its token is not a text"),
        ({"purpose": "feedback", "token": UNSUBSCRIBE, "verdict": "useful"}, "its token is refused"),
        ({"purpose": "unsubscribe", "token": FEEDBACK}, "its token is refused"),
        ({"purpose": "feedback", "token": FEEDBACK, "verdict": "good"}, "neither useful nor not_useful"),
        ({"purpose": "delete", "token": UNSUBSCRIBE}, "neither unsubscribe nor feedback"),
        ({"eventType": "Bounce"}, "no object bounce"),
        ({"eventType": "Complaint", "complaint": []}, "no object complaint"),
        ({"eventType": "Bounce", "bounce": {"bounceType": "Permanent"}}, "no bouncedRecipients"),
        ({"eventType": "Complaint", "complaint": {"complainedRecipients": []}}, "no complainedRecipients"),
        ({"eventType": "Complaint", "complaint": {"complainedRecipients": [{}]}}, "entry 1 of its complained"),
        ({"eventType": "Complaint", "complaint": {"complainedRecipients": ["x@y.example"]}}, "entry 1 of its"),
    ],
)
def test_what_can_not_be_read_is_refused_with_the_reason(message: object, problem: str) -> None:
    with pytest.raises(ReaderRequestError, match=problem):
        parsed(message)


def test_without_a_key_no_link_can_be_verified() -> None:
    with pytest.raises(ReaderRequestError, match="SIGNALS_LINK_KEY"):
        parsed({"purpose": "unsubscribe", "token": UNSUBSCRIBE}, key="")


def test_a_permanent_bounce_and_a_complaint_stop_mail_to_the_recipient() -> None:
    assert parsed(BOUNCE) == Suppress(("recipient@example.com",), "bounced")
    assert parsed(COMPLAINT) == Suppress(("recipient@example.com",), "complaint")
    named = _changed(BOUNCE, "bounce", bouncedRecipients=[{"emailAddress": '"Ann, B." <ann@example.org>'}])
    assert parsed(named) == Suppress(("ann@example.org",), "bounced")
    older = {**BOUNCE, "notificationType": "Bounce"}
    del older["eventType"]
    assert parsed(older) == Suppress(("recipient@example.com",), "bounced")


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (_changed(BOUNCE, "bounce", bounceType="Transient", bounceSubType="MailboxFull"), "temporary bounce"),
        (_changed(BOUNCE, "bounce", bounceType="Undetermined", bounceSubType="Undetermined"), "temporary bounce"),
        ({**COMPLAINT, "complaint": {"complaintFeedbackType": "not-spam"}}, "not spam"),
        ({"eventType": "Delivery", "delivery": {}, "mail": MAIL}, "other event"),
        ("Successfully validated SNS topic for Amazon SES event publishing.", "greeting"),
    ],
)
def test_other_events_change_nothing(message: object, kind: str) -> None:
    assert parsed(message) == NoAction(kind)


@given(
    st.recursive(
        st.none() | st.booleans() | st.text(max_size=20),
        lambda each: (
            st.lists(each, max_size=3)
            | st.dictionaries(
                st.sampled_from(["eventType", "token", "purpose", "bounce", "bouncedRecipients", "emailAddress"]),
                each | st.sampled_from(["Bounce", "Complaint", "unsubscribe", "feedback"]),
                max_size=4,
            )
        ),
    )
)
def test_no_message_raises_anything_else_and_no_refusal_repeats_an_address(message: object) -> None:
    body = json.dumps([message, READER] if not isinstance(message, dict) else {**message, "mail": READER})
    refusal = ""
    try:
        parse_request(body, sent_at=NOW, key=KEY)
    except ReaderRequestError as error:
        refusal = str(error)
    assert READER not in refusal
