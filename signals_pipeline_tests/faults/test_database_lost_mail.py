"""A database that is lost between a digest and its mails: they go within minutes, and none goes twice."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from signals_pipeline.adapters.mail.transport import Conversation, Transport
from signals_pipeline.defs.dispatch import Mailing
from signals_pipeline.defs.resources import Store
from signals_pipeline.defs.stage_limits import RETRY_SECONDS_TAG
from signals_pipeline_tests.support.live_runs import DAYS, NEWEST, RECORDED, asked_again, mailing, run, store
from signals_pipeline_tests.support.mail_servers import Inbox, mail_server
from signals_pipeline_tests.support.outbox_processes import WHO
from signals_pipeline_tests.support.pipeline import TestPipeline
from signals_pipeline_tests.support.postgres import Server, server

__all__ = ["store"]

pytestmark = pytest.mark.postgres
SOON: dict[str, Any] = {RETRY_SECONDS_TAG: "0.001"}
LATER = timedelta(minutes=3)


@pytest.fixture(scope="module")
def database() -> Iterator[Server]:
    with server() as started:
        yield started


@pytest.fixture
def live(database: Server, tmp_path: Path) -> Iterator[TestPipeline]:
    """A deployment with live runs on that server; Dagster's own storage is elsewhere."""
    url = database.create(f"lost_{abs(hash(tmp_path))}")
    with TestPipeline.open(tmp_path, signals_deployment="local", signals_database_url=url, **RECORDED) as opened:
        yield opened


@dataclass
class Falling:
    """Mail on whose way the database stops once; before a claim, it is back when another pass begins.

    Attributes:
        by: How mail goes otherwise.
        when: `offered`, before the first mail is claimed, or `handed over`, before it is written down that it went.
        asked: How often the time was asked since the database stopped; None before that.
    """

    by: Mailing
    database: Server
    when: str
    asked: int | None = None

    @property
    def mailing(self) -> Mailing:
        return replace(self.by, transport=_FallingTransport(self.by.transport, self), now=self.now)

    def reached(self, place: str) -> None:
        if self.asked is None and place == self.when:
            self.asked = 0
            self.database.stop()

    def now(self) -> datetime:
        if self.asked is not None:
            self.asked += 1
            if (self.asked, self.when) == (2, "offered"):  # the first time is of the claim that is about to fail
                self.database.start()
        return self.by.now()


@dataclass
class _FallingTransport:
    inner: Transport
    falling: Falling

    @contextmanager
    def offer(self, sender: str, recipient: str) -> Iterator[Conversation]:
        with self.inner.offer(sender, recipient) as conversation:
            self.falling.reached("offered")
            yield _FallingConversation(conversation, self.falling)


@dataclass
class _FallingConversation:
    inner: Conversation
    falling: Falling

    def hand_over(self, content: bytes) -> str:
        name = self.inner.hand_over(content)
        self.falling.reached("handed over")
        return name


def begun(result: dg.ExecuteInProcessResult) -> int:
    """How often the stage `delivery` was begun."""
    steps = [each for each in result.all_events if each.step_key == "delivery"]
    return sum(each.is_step_start or each.is_step_restarted for each in steps)


def test_before_a_mail_is_claimed_the_stage_is_tried_again_and_all_go_once(
    live: TestPipeline, store: Store, database: Server
) -> None:
    inbox = Inbox()
    with mail_server(inbox) as port:
        result = run(live, DAYS[-1:], Falling(mailing(port), database, "offered").mailing, **SOON)
    assert result.success
    assert begun(result) == 2
    assert inbox.recipients == sorted(WHO)
    assert {mail.state for mail in store.outbox.mails_for(NEWEST)} == {"sent"}


def test_after_a_mail_went_the_operator_hears_of_it_and_the_sensor_sees_to_the_rest(
    live: TestPipeline, store: Store, database: Server
) -> None:
    inbox = Inbox()
    with mail_server(inbox) as port:
        way = Falling(mailing(port), database, "handed over")
        result = run(live, DAYS[-1:], way.mailing, **SOON)
        assert result.get_failed_step_keys() == {"delivery"}
        assert begun(result) == 1  # the first mail may have arrived or not: another try would not say so
        database.start()
        assert sorted(mail.state for mail in store.outbox.mails_for(NEWEST)) == ["pending", "pending", "sending"]
        later = mailing(port, LATER)
        request = asked_again(live, store, later)
        assert isinstance(request, dg.RunRequest)
        assert run(live, DAYS[-1:], later, job="delivery_job").success
        assert isinstance(asked_again(live, store, later), dg.SkipReason)
    assert inbox.recipients == sorted(WHO)
    assert sorted(mail.state for mail in store.outbox.mails_for(NEWEST)) == ["sending", "sent", "sent"]


def test_a_run_of_the_sensor_that_breaks_is_asked_for_again(live: TestPipeline, store: Store, database: Server) -> None:
    inbox = Inbox()
    with mail_server(inbox) as port:
        run(live, DAYS[-1:], Falling(mailing(port), database, "handed over").mailing, **SOON)
        database.start()
        later = mailing(port, LATER)
        first = asked_again(live, store, later)
        assert asked_again(live, store, later).run_key == first.run_key  # asked for once
        second = Falling(later, database, "handed over")
        broken = run(live, DAYS[-1:], second.mailing, job="delivery_job", **SOON)
        assert not broken.success
        database.start()
        assert asked_again(live, store, later).run_key != first.run_key
        assert run(live, DAYS[-1:], later, job="delivery_job").success
    assert inbox.recipients == sorted(WHO)
