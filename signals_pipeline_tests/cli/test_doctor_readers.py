"""`signals doctor` looks at what readers get: signals that are new to them, and mails that were handed over in time."""

from datetime import timedelta

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.probes.findings import ProbeResult
from signals_pipeline.adapters.stores.digests import DigestRepository
from signals_pipeline.adapters.stores.engine import engine_for, write_transaction
from signals_pipeline.adapters.stores.outbox import Outbox
from signals_pipeline.adapters.stores.signal_history import SignalHistory
from signals_pipeline.adapters.stores.tables import Mode, delivery, signal_history, window_run
from signals_pipeline.cli.doctor.readers import newest_mail, signals
from signals_pipeline.core.digest.delivery import SEND_WITHIN, DeliveryResult
from signals_pipeline.core.windows import Window
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.history_builders import WINDOWS, judged, run_with
from signals_pipeline_tests.support.outbox_builders import WHO, WINDOW, put

FIRST, SECOND = WINDOWS[:2]


def test_new_and_stronger_signals_are_in_order_and_a_repeated_one_is_not(live: Settings) -> None:
    assert signals(live) == ProbeResult("warn", "signal_history is empty", "signals run")
    engine = engine_for(live.database_url)
    history = SignalHistory(engine)
    for window, score, other in ((FIRST, 0.4, "Y"), (SECOND, 0.9, "Z")):
        candidates = [judged(window, "A", score), judged(window, other, 0.5)]
        history.record_window(window, candidates, run_with())
    assert signals(live).text == f"2 of {SECOND.key}, by news_driven_ml; none repeats an active one"

    repeated = sa.and_(signal_history.c.window_start == SECOND.start, signal_history.c.symbol == "A")
    with write_transaction(engine) as connection:
        connection.execute(sa.update(signal_history).where(repeated).values(lifecycle="new"))
    found = signals(live)
    assert (found.status, found.text) == (
        "fail",
        f"2 of {SECOND.key}: BUY A is reported as new, but BUY A of {FIRST.key} was active",
    )
    # Nobody was told what a backfill of the earlier window decided.
    with write_transaction(engine) as connection:
        connection.execute(
            sa.update(window_run).where(window_run.c.window_start == FIRST.start).values(mode="backfill")
        )
    assert signals(live).status == "ok"
    engine.dispose()


def test_signals_from_prices_alone_are_named(live: Settings) -> None:
    engine = engine_for(live.database_url)
    SignalHistory(engine).record_window(FIRST, [judged(FIRST, "A", 0.5)], run_with())
    with write_transaction(engine) as connection:
        connection.execute(sa.update(signal_history).values(source="technical"))
    engine.dispose()
    found = signals(live)
    assert (found.status, found.text) == ("warn", f"1 of {FIRST.key}, by technical")


def hand_over(engine: Engine, window: Window, *recipients: str, minutes: float) -> None:
    """The server accepts these mails so many minutes after the window's end."""
    outbox, at = Outbox(engine), window.end + timedelta(minutes=minutes)
    for mail in outbox.mails_for(window):
        if mail.recipient in recipients:
            begun = outbox.begin_attempt(mail, at)
            assert begun is not None
            assert outbox.claim(begun, at)
            sent = DeliveryResult("sent", at, "")
            assert outbox.record_result(begun, sent, now=at, claimed_at=at, provider_id="p")


def test_mails_are_in_order_once_every_one_was_handed_over_in_time(live: Settings) -> None:
    engine = engine_for(live.database_url)
    assert newest_mail(live).text == "no live digest yet"
    put(engine, *WHO)
    hand_over(engine, WINDOW, *WHO[:2], minutes=3)
    waiting = newest_mail(live)
    assert (waiting.status, waiting.text) == ("warn", f"2 of 3 of {WINDOW.key} handed over")
    hand_over(engine, WINDOW, WHO[2], minutes=4)
    done = f"3 of 3 of {WINDOW.key} handed over, the last 4 min after the window's end"
    assert newest_mail(live) == ProbeResult("ok", done)

    late = WINDOW.end + SEND_WITHIN + timedelta(minutes=1)
    with write_transaction(engine) as connection:
        connection.execute(sa.update(delivery).where(delivery.c.recipient == WHO[2]).values(sent_at=late))
    assert newest_mail(live).text.endswith("the last 3 h 1 min after the window's end")
    assert newest_mail(live).status == "warn"
    # What nobody expects any more is not missed.
    with write_transaction(engine) as connection:
        closed = {"state": "failed", "reason": "unsubscribed", "sent_at": None}
        connection.execute(sa.update(delivery).where(delivery.c.recipient == WHO[2]).values(closed))
    assert newest_mail(live).text.startswith(f"2 of 2 of {WINDOW.key} handed over")
    engine.dispose()


@pytest.mark.parametrize(("mode", "text"), [("live", "was mailed to nobody"), ("backfill", "no live digest yet")])
def test_a_digest_without_mails_is_named_and_a_backfilled_one_needs_none(live: Settings, mode: Mode, text: str) -> None:
    engine = engine_for(live.database_url)
    DigestRepository(engine).put(WINDOW, "{}", kind="quiet", mode=mode, subject="nothing new")
    engine.dispose()
    found = newest_mail(live)
    assert found.status == "warn"
    assert found.text.endswith(text)
