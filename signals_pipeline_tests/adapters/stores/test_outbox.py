"""The outbox on both databases: what enters it, who may claim a mail, and which state follows which."""

import threading
from collections import Counter
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.digests import DigestRepository
from signals_pipeline.adapters.stores.engine import write_transaction
from signals_pipeline.adapters.stores.outbox import Outbox, OutboxError
from signals_pipeline.adapters.stores.tables import suppression
from signals_pipeline.core.digest.delivery import (
    CLAIM_LASTS,
    SEND_WITHIN,
    Hold,
    Mail,
    NotSent,
    Sent,
    Unanswered,
    delivery_result,
)
from signals_pipeline_tests.support.history_builders import WINDOWS
from signals_pipeline_tests.support.outbox_builders import NOW, WHO, WINDOW, mail_recipients, put, states


def suppress(engine: Engine, recipient: str) -> None:
    with write_transaction(engine) as connection:
        row = {"recipient": recipient.casefold(), "reason": "unsubscribed", "created_at": NOW}
        connection.execute(sa.insert(suppression), row)


def first(engine: Engine) -> Mail:
    return Outbox(engine).due(NOW)[0]


def test_a_live_digest_and_its_mails_enter_together_and_once(engine: Engine) -> None:
    put(engine, *WHO)
    assert states(engine) == dict.fromkeys(WHO, "pending")
    before = Outbox(engine).mails_for(WINDOW)
    put(engine, *WHO)
    put(engine, *WHO, "dee@example.org", content="[1]")
    assert Outbox(engine).mails_for(WINDOW) == before


@pytest.mark.parametrize("mode", ["backfill", "manual", "catch_up"])
def test_a_digest_of_another_mode_adds_no_mails(engine: Engine, mode: str) -> None:
    put(engine, *WHO, mode=mode)
    assert states(engine) == {}


def test_a_digest_with_mails_is_updated_in_place_and_stays_live(engine: Engine) -> None:
    put(engine, WHO[0])
    put(engine, mode="backfill", content="[2]")
    stored = DigestRepository(engine).get(WINDOW.start)
    assert stored is not None
    assert (stored.content, stored.entry.mode) == ("[2]", "live")


def test_a_digest_becomes_live_where_a_live_run_finds_it(engine: Engine) -> None:
    put(engine, mode="backfill")
    put(engine, WHO[0])
    assert states(engine) == {WHO[0]: "pending"}


def test_a_suppressed_recipient_gets_no_mail_whatever_the_case(engine: Engine) -> None:
    suppress(engine, "bob@EXAMPLE.org")
    put(engine, *WHO)
    assert set(states(engine)) == {WHO[0], WHO[2]}


def test_a_recipient_who_unsubscribes_before_the_mail_is_sent_gets_none(engine: Engine) -> None:
    put(engine, *WHO)
    suppress(engine, WHO[1])
    outbox = Outbox(engine)
    assert outbox.drop_suppressed(NOW) == 1
    assert outbox.drop_suppressed(NOW) == 0
    assert {mail.recipient for mail in outbox.due(NOW)} == {WHO[0], WHO[2]}
    assert {mail.recipient for mail in outbox.open()} == {WHO[0], WHO[2]}


def test_of_many_concurrent_claims_one_succeeds(engine: Engine) -> None:
    put(engine, WHO[0])
    mail, start = first(engine), threading.Barrier(6)
    won: list[bool] = []

    def race(number: int) -> None:
        start.wait(timeout=30)
        won.append(Outbox(engine).claim(mail, NOW + timedelta(seconds=number)))

    threads = [threading.Thread(target=race, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Counter(won) == {True: 1, False: 5}
    assert states(engine) == {WHO[0]: "sending"}


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (Sent("250 taken"), "sent"),
        (NotSent("550 no", permanent=True), "failed"),
        (NotSent("451 later", permanent=False), "pending"),
        (Unanswered("gone"), "unknown"),
    ],
)
def test_the_result_of_an_attempt_is_recorded(engine: Engine, answer: Any, state: str) -> None:
    put(engine, WHO[0])
    outbox, mail = Outbox(engine), first(engine)
    assert outbox.claim(mail, NOW)
    judged = delivery_result(answer, attempts=1, now=NOW)
    assert outbox.record_result(mail, judged, now=NOW, claimed_at=NOW, provider_id="250")
    (kept,) = outbox.mails_for(WINDOW)
    assert (kept.claimed_at == NOW) == (state in {"sent", "unknown"})  # where it may have arrived
    assert (kept.state, kept.last_error) == (state, str(answer) if state != "sent" else "")
    assert (kept.sent_at == NOW) == (state == "sent")
    assert outbox.due(NOW) == []
    assert bool(outbox.due(NOW + timedelta(minutes=1))) == (state == "pending")
    assert bool(outbox.open()) == (state != "sent")
    assert not outbox.claim(mail, NOW) or state == "pending"


def test_an_attempt_is_counted_when_it_begins_and_once(engine: Engine) -> None:
    """One that ends the process is counted as well, and mails with fewer attempts go first."""
    put(engine, *WHO)
    outbox, mail = Outbox(engine), first(engine)
    begun = outbox.begin_attempt(mail, NOW)
    assert begun is not None
    assert outbox.begin_attempt(mail, NOW) is None  # another process read the same
    assert [each.id for each in outbox.due(NOW)] == [mail.id + 1, mail.id + 2, mail.id]
    judged = delivery_result(NotSent("refused", permanent=False), attempts=begun.attempts, now=NOW)
    assert outbox.reschedule(begun, judged, NOW + timedelta(seconds=1))
    assert not outbox.reschedule(begun, judged, NOW + timedelta(seconds=1))
    kept = outbox.mails_for(WINDOW)[0]
    assert (kept.attempts, kept.next_attempt_at) == (1, NOW + timedelta(minutes=1))


def test_a_claim_expires_to_unknown_and_its_process_may_still_record_the_result(engine: Engine) -> None:
    put(engine, WHO[0])
    outbox, mail = Outbox(engine), first(engine)
    outbox.claim(mail, NOW)
    assert outbox.expire_claims(NOW + CLAIM_LASTS) == 0
    assert outbox.expire_claims(NOW + CLAIM_LASTS + timedelta(seconds=1)) == 1
    assert states(engine) == {WHO[0]: "unknown"}
    assert "may have arrived or not" in outbox.open()[0].last_error
    later = NOW + timedelta(hours=1)
    assert not outbox.record_result(
        mail, delivery_result(Sent("1"), attempts=1, now=later), now=later, claimed_at=later, provider_id=""
    )
    assert outbox.record_result(
        mail, delivery_result(Sent("1"), attempts=1, now=later), now=later, claimed_at=NOW, provider_id=""
    )
    assert states(engine) == {WHO[0]: "sent"}


def test_an_old_mail_waits_for_its_release(engine: Engine) -> None:
    put(engine, *WHO)
    outbox, late = Outbox(engine), WINDOW.end + SEND_WITHIN + timedelta(seconds=1)
    assert outbox.due(late) == []
    mails = outbox.mails_for(WINDOW)
    assert mails[0].hold(late) is Hold.TOO_OLD
    outbox.release([mails[0].id], late)
    assert [mail.id for mail in outbox.due(late)] == [mails[0].id]


def test_an_operator_decides_only_about_mails_that_are_neither_sent_nor_being_sent(engine: Engine) -> None:
    put(engine, *WHO)
    outbox = Outbox(engine)
    ann, bob, cem = outbox.mails_for(WINDOW)
    outbox.claim(ann, NOW)
    with pytest.raises(OutboxError, match=f"mail {ann.id} is sending and can't be released"):
        outbox.release([bob.id, ann.id], NOW)
    assert not outbox.mails_for(WINDOW)[1].released  # none of them was
    outbox.record_result(
        ann, delivery_result(Unanswered("?"), attempts=1, now=NOW), now=NOW, claimed_at=NOW, provider_id=""
    )
    outbox.release([ann.id], NOW)
    outbox.abandon([bob.id], NOW)
    assert states(engine) == {WHO[0]: "pending", WHO[1]: "failed", WHO[2]: "pending"}
    assert {mail.recipient for mail in outbox.open()} == {WHO[0], WHO[2]}
    outbox.claim(cem, NOW)
    outbox.record_result(cem, delivery_result(Sent("1"), attempts=1, now=NOW), now=NOW, claimed_at=NOW, provider_id="1")
    for decide in (outbox.release, outbox.abandon):
        with pytest.raises(OutboxError, match=f"mail {cem.id} is sent and can't be"):
            decide([cem.id], NOW)
        with pytest.raises(OutboxError, match="mail 99 does not exist"):
            decide([99], NOW)


def test_a_backfilled_digest_goes_out_where_an_operator_releases_it(engine: Engine) -> None:
    outbox, much_later = Outbox(engine), NOW + timedelta(days=30)
    with pytest.raises(OutboxError, match=f"window {WINDOW.key} has no digest"):
        outbox.release_digest(WINDOW, mail_recipients(*WHO), now=much_later)
    put(engine, mode="backfill")
    assert outbox.release_digest(WINDOW, mail_recipients(*WHO), now=much_later) == 3
    assert {(mail.mode, mail.released) for mail in outbox.due(much_later)} == {("backfill", True)}
    mail = outbox.due(much_later)[0]
    outbox.claim(mail, much_later)
    judged = delivery_result(Sent("1"), attempts=1, now=much_later)
    outbox.record_result(mail, judged, now=much_later, claimed_at=much_later, provider_id="1")
    assert outbox.release_digest(WINDOW, mail_recipients(*WHO), now=much_later) == 2  # nobody gets a second one
    put(engine, *WHO, content="[3]")  # a live run later: what was sent stays, with the mode that its mails refer to
    stored = DigestRepository(engine).get(WINDOW.start)
    assert stored is not None
    assert (stored.content, stored.entry.mode) == ("{}", "backfill")
    assert len(outbox.mails_for(WINDOW)) == 3


def test_a_failure_is_announced_once_and_only_where_no_live_digest_is(engine: Engine) -> None:
    outbox = Outbox(engine)
    assert outbox.announce_failure(WINDOW, mail_recipients(*WHO), detail="no feed", now=NOW) == 3
    assert outbox.announce_failure(WINDOW, mail_recipients(*WHO), detail="no feed", now=NOW) == 0
    assert {(mail.kind, mail.mode, mail.detail) for mail in outbox.due(NOW)} == {("failed", None, "no feed")}
    put(engine, *WHO)  # the run was repeated and went well: its digest goes out all the same
    assert Counter(mail.kind for mail in outbox.due(NOW)) == {"failed": 3, "digest": 3}
    other = WINDOWS[4]
    put(engine, *WHO, window=other)
    assert outbox.announce_failure(other, mail_recipients(*WHO), detail="", now=other.end) == 0


def test_due_mails_are_ordered_from_the_oldest_window(engine: Engine) -> None:
    for place in (5, 3, 4):
        put(engine, WHO[0], window=WINDOWS[place])
    outbox = Outbox(engine)
    outbox.release([mail.id for mail in outbox.open()], NOW)
    late: datetime = WINDOWS[6].end
    assert [mail.window for mail in outbox.due(late)] == [WINDOWS[3], WINDOWS[4], WINDOWS[5]]


def test_a_digest_that_was_not_checked_or_is_unfit_keeps_its_mails(engine: Engine) -> None:
    put(engine, *WHO, checked=False)
    outbox = Outbox(engine)
    assert {mail.hold(NOW) for mail in outbox.mails_for(WINDOW)} == {Hold.UNCHECKED}
    assert outbox.record_verdict(WINDOW, problem="a signal repeats", now=NOW) == 3
    assert outbox.due(NOW) == []
    assert {(mail.hold(NOW), mail.last_error) for mail in outbox.open()} == {(Hold.UNFIT, "a signal repeats")}
    outbox.mark_notified(outbox.open(), NOW)
    outbox.record_verdict(WINDOW, problem="a signal repeats", now=NOW)
    assert {mail.notified_at for mail in outbox.open()} == {NOW}  # the same verdict is no news
    assert outbox.record_verdict(WINDOW, problem="", now=NOW) == 3
    assert {(mail.last_error, mail.notified_at, mail.cleared_at) for mail in outbox.due(NOW)} == {("", None, NOW)}
    outbox.claim(outbox.due(NOW)[0], NOW)
    assert outbox.record_verdict(WINDOW, problem="too late", now=NOW) == 2  # what is being sent is not held back


def test_a_digest_that_is_composed_again_must_be_checked_again(engine: Engine) -> None:
    put(engine, *WHO)
    put(engine, *WHO, checked=False)
    outbox = Outbox(engine)
    assert len(outbox.due(NOW)) == 3  # the same digest
    before = outbox.due(NOW)[0]
    put(engine, *WHO, content="[2]", checked=False)
    assert outbox.due(NOW) == []
    outbox.record_verdict(WINDOW, problem="", now=NOW + timedelta(seconds=1))
    assert not outbox.claim(before, NOW)  # whoever read it before has the content of the earlier digest
    assert outbox.claim(outbox.due(NOW)[0], NOW)


@pytest.mark.parametrize("ahead", [timedelta(minutes=11), timedelta(hours=1), timedelta(days=365)])
def test_times_of_a_wrong_clock_end_with_it(engine: Engine, ahead: timedelta) -> None:
    put(engine, *WHO[:2])
    outbox, wrong = Outbox(engine), NOW + ahead
    claimed, tried = outbox.mails_for(WINDOW)
    assert outbox.claim(claimed, wrong)
    judged = delivery_result(NotSent("451 later", permanent=False), attempts=7, now=wrong + timedelta(hours=1))
    assert outbox.reschedule(tried, judged, wrong)
    assert outbox.expire_claims(NOW) == 1
    assert [mail.id for mail in outbox.due(NOW)] == [tried.id]


def test_a_released_mail_that_may_have_arrived_stays_one_whatever_the_server_says_next(engine: Engine) -> None:
    put(engine, WHO[0])
    outbox, mail = Outbox(engine), first(engine)
    outbox.claim(mail, NOW)
    outbox.expire_claims(NOW + timedelta(hours=1))
    outbox.release([mail.id], NOW)
    again = first(engine)
    later = NOW + timedelta(hours=2)
    outbox.claim(again, later)
    judged = delivery_result(NotSent("550 no", permanent=True), attempts=1, now=later)
    assert outbox.record_result(again, judged, now=later, claimed_at=later, provider_id="")
    assert outbox.mails_for(WINDOW)[0].claimed_at == NOW
    assert outbox.untold_windows(later) == []


def test_a_window_is_untold_while_none_of_its_promised_mails_may_have_arrived(engine: Engine) -> None:
    outbox, at = Outbox(engine), WINDOWS[6].end
    put(engine, window=WINDOWS[2])  # promised to nobody
    put(engine, *WHO)
    put(engine, WHO[0], window=WINDOWS[4])
    assert outbox.untold_windows(at) == [WINDOW.start, WINDOWS[4].start]
    assert outbox.untold_windows(WINDOWS[4].start) == [WINDOW.start]
    outbox.claim(outbox.mails_for(WINDOW)[1], NOW)
    assert outbox.untold_windows(at) == [WINDOWS[4].start]


def test_a_mail_whose_state_changes_is_reported_again(engine: Engine) -> None:
    put(engine, *WHO)
    outbox = Outbox(engine)
    lost, released, unanswered = outbox.open()
    for mail in (lost, unanswered):
        assert outbox.claim(mail, NOW)
    outbox.mark_notified(outbox.open(), NOW)
    assert {mail.notified_at for mail in outbox.open()} == {NOW}

    result = delivery_result(Unanswered("no reply"), attempts=1, now=NOW)
    assert outbox.record_result(unanswered, result, now=NOW, claimed_at=NOW, provider_id="")
    outbox.release([released.id], NOW)
    assert outbox.expire_claims(NOW + 2 * CLAIM_LASTS) == 1

    assert [mail.notified_at for mail in outbox.open()] == [None, None, None]


def test_a_notice_counts_only_for_mails_that_are_as_it_says(engine: Engine) -> None:
    put(engine, *WHO)
    outbox = Outbox(engine)
    as_reported = outbox.open()
    later = NOW + timedelta(minutes=1)
    outbox.release([as_reported[0].id], later)

    outbox.mark_notified(as_reported, later)

    assert [mail.notified_at for mail in outbox.open()] == [None, later, later]
