"""What was sent stays: another decision of a window whose digest went out is stored beside it, as a revision."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.digests import DigestRepository
from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.outbox import Outbox
from signals_pipeline.adapters.stores.signal_history import SignalHistory, WindowRun
from signals_pipeline.adapters.stores.tables import Mode, delivery, metadata
from signals_pipeline.adapters.stores.window_revisions import RevisionRepository, RevisionVersion
from signals_pipeline.core.windows import Window
from signals_pipeline_tests.support.history_builders import WINDOWS, judged, rows, run_with, wipe
from signals_pipeline_tests.support.outbox_builders import put

SENT = WINDOWS[3]
TOLD_TABLES = ("window_run", "signal_candidate", "signal_history", "digest")


def send(engine: Engine, window: Window = SENT) -> None:
    """The window's digest, with one mail that a process has claimed."""
    put(engine, "ann@example.org", window=window, content=f'"{window.key}"')
    outbox = Outbox(engine)
    [mail] = outbox.mails_for(window)
    assert outbox.claim(mail, window.end + timedelta(minutes=1))


def told(engine: Engine, window: Window = SENT) -> dict[str, list[dict[str, Any]]]:
    """Everything that is stored of what the window told, times of writing included."""
    found: dict[str, list[dict[str, Any]]] = {}
    with read_transaction(engine) as connection:
        for name in TOLD_TABLES:
            table = metadata.tables[name]
            query = sa.select(table).where(table.c.window_start == window.start)
            found[name] = sorted((dict(row) for row in connection.execute(query).mappings()), key=repr)
    return found


def test_another_decision_of_a_sent_window_is_a_revision_and_what_was_sent_stays(engine: Engine) -> None:
    history, revisions = SignalHistory(engine), RevisionRepository(engine)
    history.record_window(SENT, [judged(SENT, "A", 0.5), judged(SENT, "B", 0.4)], run_with("live"))
    send(engine)
    before = told(engine)

    recorded = history.record_window(SENT, [judged(SENT, "A", 0.5)], run_with("manual"))

    assert told(engine) == before
    assert [signal.symbol for signal in recorded.decision.signals] == ["A"]
    [revision] = revisions.list(SENT.start)
    assert recorded.revision == revision
    assert (revision.number, revision.mode, revision.digest) == (2, "manual", None)
    assert [signal.symbol for signal in revision.signals] == ["A"]
    assert revision.candidates == (judged(SENT, "A", 0.5),)
    assert history.revised_decision(SENT, revision) == recorded.decision
    assert WindowRun.of_revision(revision) == replace(
        run_with("manual"), funnel=run_with().funnel | recorded.decision.funnel
    )


def test_the_same_decision_is_no_revision_and_none_is_stored_twice(engine: Engine) -> None:
    history, revisions = SignalHistory(engine), RevisionRepository(engine)
    sent = [judged(SENT, "A", 0.5), judged(SENT, "B", 0.4)]
    history.record_window(SENT, sent, run_with("live"))
    send(engine)
    numbers: list[int | None] = []
    for candidates in (sent, sent[:1], sent[:1], sent[1:], sent[:1], sent):
        recorded = history.record_window(SENT, candidates, run_with("manual"))
        numbers.append(None if recorded.revision is None else recorded.revision.number)

    assert numbers == [None, 2, 2, 3, 2, None]
    assert [revision.number for revision in revisions.list(SENT.start)] == [2, 3]


@pytest.mark.parametrize("state", ["pending", "no mail", "failure mail"])
def test_a_window_whose_digest_did_not_go_out_is_replaced(engine: Engine, state: str) -> None:
    history = SignalHistory(engine)
    history.record_window(SENT, [judged(SENT, "A", 0.5)], run_with("live"))
    if state == "pending":
        put(engine, "ann@example.org", window=SENT)
    if state == "failure mail":
        send(engine)
        with write_transaction(engine) as connection:
            connection.execute(sa.update(delivery).values(kind="failed", mode=None))

    recorded = history.record_window(SENT, [judged(SENT, "B", 0.5)], run_with("manual"))

    assert recorded.revision is None
    assert [signal.symbol for signal in history.between(SENT.end, SENT.end + timedelta(seconds=1))] == ["B"]


@pytest.mark.parametrize("mode", ["catch_up", "live"])
@pytest.mark.parametrize(("sent", "kept"), [(True, True), (False, False)])
def test_a_window_that_told_nobody_was_told_by_the_next_digest_that_was_sent(
    engine: Engine, sent: bool, kept: bool, mode: Mode
) -> None:
    """It was caught up, or it was live and no mail of its digest ever left."""
    history = SignalHistory(engine)
    caught_up = WINDOWS[1:3]
    for window in caught_up:
        history.record_window(window, [judged(window, "A", 0.5)], run_with(mode))
        if mode == "live":
            put(engine, "ann@example.org", window=window)
    history.record_window(SENT, [], run_with("live"))
    if sent:
        send(engine)

    recorded = [history.record_window(window, [judged(window, "B", 0.5)], run_with("manual")) for window in caught_up]

    assert [each.revision is not None for each in recorded] == [kept, kept]
    assert {signal.symbol for signal in history.between(WINDOWS[0].start, SENT.end)} == ({"A"} if kept else {"B"})


def test_an_earlier_window_that_is_filled_in_leaves_what_was_sent_later(engine: Engine) -> None:
    history = SignalHistory(engine)
    history.record_window(SENT, [judged(SENT, "A", 0.5)], run_with("live"))
    later = WINDOWS[5]
    history.record_window(later, [judged(later, "B", 0.5)], run_with("live"))
    send(engine)
    before = told(engine)

    filled = [judged(WINDOWS[0], symbol, 0.5) for symbol in ("A", "B")]
    recorded = history.record_window(WINDOWS[0], filled, run_with("backfill"))

    assert told(engine) == before
    assert (recorded.kept, recorded.rederived) == ((SENT.key,), (later.key,))


def test_the_digest_that_was_sent_stays_and_a_revision_has_its_own(engine: Engine) -> None:
    history, revisions, archive = SignalHistory(engine), RevisionRepository(engine), DigestRepository(engine)
    history.record_window(SENT, [judged(SENT, "A", 0.5)], run_with("live"))
    send(engine)
    stored = archive.get(SENT.start)
    recorded = history.record_window(SENT, [], run_with("manual"))
    assert recorded.revision is not None

    entry = archive.put(SENT, "[]", kind="quiet", mode="manual", subject="Quiet")
    assert revisions.without_digest(WINDOWS[0].start, SENT.start) == [recorded.revision]
    version = RevisionVersion(2, recorded.revision.made_at, has_digest=False)
    assert revisions.versions() == {SENT.start: [version]}
    revisions.put_digest(recorded.revision, "[]")
    assert revisions.versions() == {SENT.start: [replace(version, has_digest=True)]}

    assert archive.get(SENT.start) == stored
    assert stored is not None
    assert entry == stored.entry
    assert revisions.list(SENT.start) == [replace(recorded.revision, digest="[]")]
    assert revisions.without_digest(WINDOWS[0].start, SENT.start) == []


MODES: tuple[Mode, ...] = ("live", "catch_up", "backfill", "manual")
steps = st.lists(
    st.tuples(
        st.integers(0, 5),
        st.sampled_from(MODES),
        st.sets(st.sampled_from("ABC")),
        st.sampled_from((-0.6, 0.4, 0.7)),
        st.booleans(),
    ),
    max_size=14,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_whatever_is_run_again_nothing_that_was_sent_changes(
    engine: Engine, taken: list[tuple[int, Mode, set[str], float, bool]]
) -> None:
    history = SignalHistory(engine)
    with write_transaction(engine) as connection:
        connection.execute(sa.delete(delivery))
        connection.execute(sa.delete(metadata.tables["digest"]))
    wipe(engine)
    sent: dict[datetime, dict[str, list[dict[str, Any]]]] = {}
    for place, mode, symbols, score, is_sent in taken:
        window = WINDOWS[place]
        candidates = [judged(window, symbol, score) for symbol in symbols]

        recorded = history.record_window(window, candidates, run_with(mode))
        again = history.record_window(window, candidates, run_with(mode))

        assert (again.changed, again.decision) == (False, recorded.decision)
        for start, before in sent.items():
            assert told(engine, next(each for each in WINDOWS if each.start == start)) == before
        if is_sent and window.start not in sent:
            send(engine, window)
            sent[window.start] = told(engine, window)
    assert {row["window_start"] for row in rows(engine)["window_revision"]} <= {window.start for window in WINDOWS[:6]}
