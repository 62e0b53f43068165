"""Readers' requests from a real queue: applied before any mail leaves, each once in effect, none lost."""

import json
import signal as signals
import subprocess
import sys
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
import sqlalchemy as sa

from signals_pipeline.adapters.aws.reader_queue import ReaderQueue
from signals_pipeline.adapters.mail.envelope import Links
from signals_pipeline.adapters.stores.engine import DatabaseError, read_transaction
from signals_pipeline.adapters.stores.suppressions import SuppressionList
from signals_pipeline.adapters.stores.tables import feedback
from signals_pipeline.core.digest import links
from signals_pipeline.core.digest.links import FeedbackFields
from signals_pipeline.defs.reader_requests import apply_requests
from signals_pipeline.defs.resources import Store
from signals_pipeline_tests.core.digest.test_reader_requests import BOUNCE, COMPLAINT
from signals_pipeline_tests.deploy.conftest import aws, aws_server
from signals_pipeline_tests.support.aws_clients import client
from signals_pipeline_tests.support.live_runs import DAYS, NEWEST, live, mailing, run, store
from signals_pipeline_tests.support.mail_servers import Inbox, mail_server
from signals_pipeline_tests.support.outbox_processes import WHO
from signals_pipeline_tests.support.pipeline import TestPipeline
from signals_pipeline_tests.support.polling import until

__all__ = ["aws", "aws_server", "live", "store"]
KEY = "a key of thirty-two characters..."


def queue(**attributes: str) -> ReaderQueue:
    """A queue with a dead-letter queue, as the template has it."""
    dead = client("sqs").create_queue(QueueName="dead")["QueueUrl"]
    arn = client("sqs").get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "3"})
    made = client("sqs").create_queue(QueueName="readers", Attributes={"RedrivePolicy": redrive, **attributes})
    return ReaderQueue(made["QueueUrl"])


def put(to: ReaderQueue, *messages: object) -> None:
    for message in messages:
        body = message if isinstance(message, str) else json.dumps(message)
        client("sqs").send_message(QueueUrl=to.url, MessageBody=body)


def waiting(of: ReaderQueue) -> int:
    """Messages in the queue, those included that a reader holds."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = client("sqs").get_queue_attributes(QueueUrl=of.url, AttributeNames=names)["Attributes"]
    return sum(int(attributes[name]) for name in names)


def unsubscribe(address: str) -> dict[str, str]:
    url = links.unsubscribe_url("", address, as_of=datetime.now(UTC), key=KEY)
    return {"purpose": "unsubscribe", "token": url.rpartition("/")[2]}


def rate(verdict: str, symbol: str = "AAA") -> dict[str, str]:
    fields = FeedbackFields(NEWEST.key, symbol, "BUY", links.recipient_hash("ann@example.org", key=KEY))
    url = links.feedback_page_url("", fields, as_of=datetime.now(UTC), key=KEY)
    return {"purpose": "feedback", "token": url.rpartition("/")[2], "verdict": verdict}


def suppressed(store: Store) -> dict[str, str]:
    return {each.recipient: each.reason for each in SuppressionList(store.engine).all()}


def ratings(store: Store) -> list[tuple[str, str]]:
    with read_transaction(store.engine) as connection:
        query = sa.select(feedback.c.symbol, feedback.c.verdict).order_by(feedback.c.id)
        return [(row.symbol, row.verdict) for row in connection.execute(query)]


def test_requests_are_applied_and_deleted_and_what_can_not_be_read_is_set_aside(aws: str, store: Store) -> None:  # noqa: ARG001
    to = queue(VisibilityTimeout="300")
    put(to, unsubscribe("Ann@Example.org"), unsubscribe("ann@example.org"), rate("useful"), rate("not_useful"))
    put(to, rate("useful", "BBB"), BOUNCE, COMPLAINT, {"eventType": "Delivery"}, "ann@example.org, stop", "{}")
    put(to, *(unsubscribe(f"r{number}@example.org") for number in range(12)))
    report = apply_requests(store, to, KEY)
    assert report.applied == Counter(unsubscribed=14, rated=3, bounced=1, complaint=1, ignored=1)
    assert suppressed(store).items() >= {"ann@example.org": "unsubscribed", "recipient@example.com": "bounced"}.items()
    assert ratings(store) == [("AAA", "not_useful"), ("BBB", "useful")]
    assert [problem.partition(" is set aside: ")[2] for problem in report.problems] == [
        "it is not JSON",
        "it is neither a link's request nor an event of SES",
    ]
    assert "@" not in " ".join(report.lines)
    assert report.unreachable == ""
    assert waiting(to) == 2
    assert apply_requests(store, to, KEY).applied == {}


def test_a_message_that_can_not_be_read_ends_in_the_dead_letter_queue(aws: str, store: Store) -> None:  # noqa: ARG001
    to = queue(VisibilityTimeout="0")
    put(to, "nonsense", unsubscribe("ann@example.org"))
    report = apply_requests(store, to, KEY)
    assert report.applied == {"unsubscribed": 1}
    assert len(report.problems) == 3  # as often as the queue delivers it
    dead = ReaderQueue(client("sqs").get_queue_url(QueueName="dead")["QueueUrl"])
    assert [message.body for message in dead.receive()] == ["nonsense"]


def test_a_feedback_for_a_window_that_does_not_exist_is_set_aside(aws: str, store: Store) -> None:  # noqa: ARG001
    fields = FeedbackFields("2015-02-07-09:00", "AAA", "BUY", "00" * 16)
    url = links.feedback_page_url("", fields, as_of=datetime.now(UTC), key=KEY)
    to = queue(VisibilityTimeout="300")
    put(to, {"purpose": "feedback", "token": url.rpartition("/")[2], "verdict": "useful"})
    [problem] = apply_requests(store, to, KEY).problems
    assert "the window of its signal does not exist" in problem


_KILLED = """
import os, signal, sys
from signals_pipeline.adapters.aws.reader_queue import ReaderQueue
from signals_pipeline.defs.reader_requests import apply_requests
from signals_pipeline.defs.resources import open_store

class Killed(ReaderQueue):
    def delete(self, message):
        os.kill(os.getpid(), signal.SIGKILL)

apply_requests(open_store(sys.argv[1]), Killed(sys.argv[2]), sys.argv[3])
"""


def test_a_process_that_is_killed_between_applying_and_deleting_loses_nothing(
    aws: str,  # noqa: ARG001
    live: TestPipeline,
    store: Store,
) -> None:
    to = queue(VisibilityTimeout="1")
    put(to, unsubscribe("ann@example.org"), rate("useful"), unsubscribe("bob@example.org"))
    command = [sys.executable, "-c", _KILLED, live.settings.database_url, to.url, KEY]
    assert subprocess.run(command, check=False).returncode == -signals.SIGKILL
    assert len(suppressed(store)) + len(ratings(store)) == 1
    assert waiting(to) == 3
    seen: Counter[str] = Counter()

    def drained() -> bool:
        seen.update(apply_requests(store, to, KEY).applied)
        return waiting(to) == 0

    until(drained, "the messages are delivered again")
    assert seen == {"unsubscribed": 2, "rated": 1}
    assert suppressed(store) == {"ann@example.org": "unsubscribed", "bob@example.org": "unsubscribed"}
    assert ratings(store) == [("AAA", "useful")]


def test_a_database_that_fails_leaves_the_requests_in_the_queue(aws: str, store: Store) -> None:  # noqa: ARG001
    to = queue(VisibilityTimeout="300")
    put(to, unsubscribe("ann@example.org"))
    with store.engine.begin() as connection:
        connection.execute(sa.text("DROP TABLE suppression"))
    with pytest.raises(DatabaseError):
        apply_requests(store, to, KEY)
    assert waiting(to) == 1


def test_a_live_run_applies_requests_before_it_sends_and_a_backfill_leaves_them(
    aws: str,  # noqa: ARG001
    live: TestPipeline,
) -> None:
    to = queue(VisibilityTimeout="300")
    gone, *rest = WHO
    put(to, unsubscribe(gone))
    inbox = Inbox()
    with mail_server(inbox) as port:
        by = replace(mailing(port), requests=to, links=Links(key=KEY))
        assert run(live, DAYS[-1:], by, mode="backfill").success
        assert waiting(to) == 1
        result = run(live, DAYS[-1:], by)
    assert result.success
    assert inbox.recipients == sorted(rest)
    assert waiting(to) == 0
    metadata: dict[str, Any] = live.metadata(result, "delivery")
    assert (metadata["requests"], metadata["requests_set_aside"], metadata["unsubscribed"]) == (
        {"unsubscribed": 1},
        0,
        1,
    )


def test_a_queue_that_is_not_there_holds_no_mail_and_the_run_says_so(
    aws: str,
    live: TestPipeline,
) -> None:
    inbox = Inbox()
    with mail_server(inbox) as port:
        missing = ReaderQueue(f"{aws}/123456789012/none")
        result = run(live, DAYS[-1:], replace(mailing(port), requests=missing, links=Links(key=KEY)))
    assert inbox.recipients == sorted(WHO)
    assert not result.success
    [failure] = [event for event in result.all_events if event.is_step_failure]
    assert failure.step_key == "delivery"
    described = failure.step_failure_data.user_failure_data
    assert described is not None
    assert "readers' requests could not be read: the queue of readers' requests: " in str(described.description)
