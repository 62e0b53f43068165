"""Random histories of kills, outages, wrong clocks and operators over the real outbox: every promised mail has an end.

Time passes as in `World`. A daemon that is awake does every two minutes what the sensors do, without Dagster.
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from signals_pipeline.adapters.stores.engine import write_transaction
from signals_pipeline.adapters.stores.outbox import Outbox
from signals_pipeline.adapters.stores.suppressions import SuppressionList
from signals_pipeline.adapters.stores.tables import digest
from signals_pipeline.core.digest.delivery import (
    SEND_WITHIN,
    Mail,
    NotSent,
    Standing,
    Unanswered,
    account,
    standing,
)
from signals_pipeline.core.windows import Window, newest_complete, window_for_key
from signals_pipeline.defs.alerts import WAITING_INTERVAL_SECONDS, report_waiting_mails
from signals_pipeline.defs.dispatch import Mailing, send_due
from signals_pipeline.defs.resources import Store, open_store
from signals_pipeline_tests.support.databases import new_database
from signals_pipeline_tests.support.digest_pages import everything

READERS = ("ann@example.org", "bob@example.org")
OPERATOR = "ops@example.org"
START = window_for_key("2026-03-02-08:30").end
TICK = timedelta(seconds=WAITING_INTERVAL_SECONDS)
CONTENT = replace(everything(), mode="live").to_json()
STEPS = [timedelta(hours=1), timedelta(hours=4), timedelta(days=1), timedelta(days=365)]
PLACES = ("offered", "claiming", "claimed", "handed over", "recording", "recorded", "notified")


class Killed(BaseException):
    """The process is gone at this place: nothing after it is done."""


@dataclass
class World:
    """Clocks, mail servers and the place where the running process dies.

    Attributes:
        true_now: The real time.
        skew: What the machine's clock adds to it.
        trouble: What the mail server does to mails of readers.
        is_down: Whether it can't be reached at all, by readers' mails and operators'.
        dies_at: Where the process is killed next; None: nowhere.
        arrived: How many mails each reader got of each window.
        reports: Texts that reached the operator.
    """

    true_now: datetime = START
    skew: timedelta = timedelta()
    trouble: str = "none"
    is_down: bool = False
    dies_at: str | None = None
    arrived: Counter[str] = field(default_factory=Counter)
    reports: list[str] = field(default_factory=list)

    def now(self) -> datetime:
        return self.true_now + self.skew

    def reach(self, place: str) -> None:
        if self.dies_at == place:
            self.dies_at = None
            raise Killed

    @contextmanager
    def offer(self, sender: str, recipient: str) -> Iterator["Call"]:  # noqa: ARG002 - as every transport has it
        if self.is_down:
            raise NotSent("nobody listens", permanent=False)
        if recipient != OPERATOR:
            before_the_claim: dict[str, Exception] = {
                "busy": NotSent("451 later", permanent=False),
                "refuses": NotSent("550 no such user", permanent=True),
                "crashes": KeyError("password"),
            }
            if self.trouble in before_the_claim:
                raise before_the_claim[self.trouble]
            self.reach("offered")
        yield Call(self, recipient)


@dataclass
class Call:
    """A server that listens."""

    world: World
    recipient: str

    def hand_over(self, content: bytes) -> str:
        world = self.world
        if self.recipient == OPERATOR:
            text = message_from_bytes(content, policy=policy.default).get_content()
            world.reports.append(" ".join(text.split()))
            return "250"
        if world.trouble == "defers the content":
            raise NotSent("452 full", permanent=False)
        name = content.partition(b"Message-ID: <")[2].partition(b">")[0].decode()
        world.arrived[name] += 1
        world.reach("handed over")
        if world.trouble == "dies":
            raise Unanswered("no reply")
        if world.trouble == "crashes after the content":
            raise KeyError("password")
        return "250"


class MortalOutbox(Outbox):
    """The real outbox, with places before and after its transactions where the process may die."""

    def __init__(self, engine: sa.Engine, world: World) -> None:
        super().__init__(engine)
        self._world = world

    def claim(self, mail: Mail, now: datetime) -> bool:
        # Nothing but an operator sends an old mail, or that of a digest which no check has let go.
        assert mail.released or (timedelta() <= now - mail.window.end <= SEND_WITHIN and mail.cleared_at is not None)
        return self._between("claiming", lambda: super(MortalOutbox, self).claim(mail, now), "claimed")

    def record_result(self, *mail: Any, **values: Any) -> bool:
        return self._between("recording", lambda: super(MortalOutbox, self).record_result(*mail, **values), "recorded")

    def mark_notified(self, mails: Collection[Mail], now: datetime) -> None:
        self._between("notified", lambda: super(MortalOutbox, self).mark_notified(mails, now), "")

    def _between(self, before: str, write: Callable[[], Any], after: str) -> Any:
        self._world.reach(before)
        result = write()
        self._world.reach(after)
        return result


class Deliveries(RuleBasedStateMachine):
    """Windows, their mails, and what happens to the machine meanwhile."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.world = World()
        opened = open_store(new_database("sqlite", Path(self.folder.name)))
        self.store: Store = replace(opened, outbox=MortalOutbox(opened.engine, self.world))
        self.mailing = Mailing(
            "Signals <signals@example.org>", READERS, self.world, now=self.world.now, operators=(OPERATOR,)
        )
        self.verdicts: dict[datetime, str] = {}
        self.promised: set[tuple[datetime, str]] = set()
        self.released: set[str] = set()
        self.poisoned: set[datetime] = set()
        self.is_daemon_rested = False

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.end_of_all_trouble()
            self.store.engine.dispose()
            self.folder.cleanup()

    @rule(
        verdict=st.sampled_from(["", "", "something serious"]),
        ends=st.sampled_from(["delivered", "delivered", "before the checks", "before the delivery"]),
        dies_at=st.sampled_from([None, None, *PLACES]),
    )
    def run_the_next_window(self, verdict: str, ends: str, dies_at: str | None) -> None:
        """The schedule's run of the next window, which may end anywhere after its digest was stored."""
        self.is_daemon_rested = False
        self.world.true_now = newest_complete(self.world.true_now + timedelta(days=4)).end + timedelta(minutes=1)
        window = newest_complete(self.world.now())
        mails = self.mailing.mail_recipients(self.store, window)
        self.store.digests.put(window, CONTENT, kind="full", mode="live", subject="1 new", mails=mails)
        self.verdicts.setdefault(window.start, verdict)
        self.promised |= {(mail.window_start, mail.recipient) for mail in self.store.outbox.mails_for(window)}
        if ends == "before the checks":
            return
        self.check(window)
        if ends == "delivered":
            self.world.dies_at = dies_at
            with suppress(Killed):
                send_due(self.store, self.mailing)
            self.world.dies_at = None

    @rule(minutes=st.sampled_from([15, 15, 45, 120]))
    def the_daemon_is_awake(self, minutes: int) -> None:
        self.awake(timedelta(minutes=minutes))

    @rule(dies_at=st.sampled_from(PLACES))
    def a_process_dies_while_the_daemon_works(self, dies_at: str) -> None:
        self.world.dies_at = dies_at
        self.tick()
        self.world.dies_at = None
        self.is_daemon_rested = False

    @rule(hours=st.sampled_from([1, 4, 12, 60]))
    def the_daemon_is_off(self, hours: int) -> None:
        self.world.true_now += timedelta(hours=hours)
        self.is_daemon_rested = False

    @rule(step=st.sampled_from(STEPS), forward=st.booleans())
    def the_clock_is_wrong(self, step: timedelta, forward: bool) -> None:
        self.world.skew = step if forward else -step
        self.is_daemon_rested = False

    @rule()
    def the_clock_is_set_right(self) -> None:
        self.world.skew = timedelta()
        self.is_daemon_rested = False

    @rule(
        trouble=st.sampled_from(
            ["none", "busy", "refuses", "crashes", "defers the content", "dies", "crashes after the content"]
        )
    )
    def the_server_has_trouble(self, trouble: str) -> None:
        self.world.trouble = trouble

    @rule(is_down=st.booleans())
    def the_server_is_down_or_up(self, is_down: bool) -> None:
        self.world.is_down = is_down
        self.is_daemon_rested = False

    @rule(content=st.sampled_from(['{"version": 99}', "no JSON", CONTENT]))
    def a_stored_digest_is_replaced(self, content: str) -> None:
        with write_transaction(self.store.engine) as connection:
            connection.execute(sa.update(digest).values(content=content))
        self.poisoned = set() if content == CONTENT else {start for start, _ in self.promised}

    @rule(reader=st.sampled_from(READERS))
    def a_reader_unsubscribes(self, reader: str) -> None:
        SuppressionList(self.store.engine).add(reader, "unsubscribed", self.world.now())

    @precondition(lambda self: self.open_mails())
    @rule(data=st.data(), releases=st.booleans())
    def the_operator_decides(self, data: st.DataObject, releases: bool) -> None:
        undecided = [mail for mail in self.open_mails() if mail.state != "sending"]
        if not undecided:
            return
        mail = data.draw(st.sampled_from(undecided))
        if releases:
            self.store.outbox.release([mail.id], self.world.now())
            self.released.add(mail.message_id.strip("<>"))
        else:
            self.store.outbox.abandon([mail.id], self.world.now())
        self.is_daemon_rested = False

    @invariant()
    def nobody_gets_two_unless_an_operator_says_so(self) -> None:
        if hasattr(self, "world"):
            assert [name for name, count in self.world.arrived.items() if count > 1 and name not in self.released] == []

    @invariant()
    def no_promise_is_forgotten(self) -> None:
        if hasattr(self, "store"):
            assert {(mail.window_start, mail.recipient) for mail in self.all_mails()} >= self.promised

    @invariant()
    def whoever_must_know_knows_once_the_daemon_was_awake(self) -> None:
        if hasattr(self, "store") and self.is_daemon_rested and not self.world.is_down:
            now = self.world.now()
            result = account(self.all_mails(), now)
            assert sum(result.counts.values()) == len(self.all_mails())
            assert result.unaccounted == ()
            text = "\n".join(self.world.reports)
            notified = [mail for mail in self.all_mails() if standing(mail, now) is Standing.NOTIFIED]
            # In its present state: a mail that has failed since it was reported as too old is another matter.
            assert [mail for mail in notified if f"Mail {mail.id}, {mail.window_key}, {mail.state}:" not in text] == []

    def end_of_all_trouble(self) -> None:
        """With a working server, a right clock and four hours of daemon nothing is left but what an operator knows."""
        self.world.is_down, self.world.trouble, self.world.skew, self.world.dies_at = False, "none", timedelta(), None
        self.awake(timedelta(hours=4))
        counts = account(self.all_mails(), self.world.now()).counts
        ends = {Standing.SENT, Standing.CLOSED, Standing.NOTIFIED}
        assert set(counts) <= ends, counts
        self.nobody_gets_two_unless_an_operator_says_so()
        self.no_promise_is_forgotten()

    def awake(self, span: timedelta) -> None:
        for _ in range(int(span / TICK) + 1):
            self.tick()
            self.world.true_now += TICK
        self.is_daemon_rested = True
        # Nothing waits for longer than the longest backoff where the server works and the message can be made.
        if span > timedelta(minutes=35) and not self.world.is_down and self.world.trouble == "none":
            now = self.world.now()
            waiting = [mail for mail in self.all_mails() if standing(mail, now) is Standing.WAITING]
            assert [mail for mail in waiting if mail.window_start not in self.poisoned] == []

    def tick(self) -> None:
        """What the sensors and the runs that they request do; each is a process of its own."""
        now = self.world.now()
        waiting = self.store.outbox.open()
        unchecked = {mail.window_start: mail.window for mail in waiting if mail.is_left_unchecked(now)}
        for window in unchecked.values():
            self.check(window)
        if unchecked or any(mail.is_due(now) for mail in waiting):
            with suppress(Killed):
                send_due(self.store, self.mailing)
        with suppress(Killed):
            report_waiting_mails(self.store, self.mailing)

    def check(self, window: Window) -> None:
        self.store.outbox.record_verdict(window, problem=self.verdicts[window.start], now=self.world.now())

    def all_mails(self) -> list[Mail]:
        return self.store.outbox._select(sa.true())  # noqa: SLF001 - no part of the product reads them all

    def open_mails(self) -> list[Mail]:
        return self.store.outbox.open() if hasattr(self, "store") else []


def test_whatever_happens_to_its_senders_every_mail_is_accounted_for() -> None:
    run_state_machine_as_test(
        Deliveries, settings=settings(max_examples=20, stateful_step_count=25, deadline=None, print_blob=True)
    )
