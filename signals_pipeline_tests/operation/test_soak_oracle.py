"""The soak's own judge: what counts as an account of a mail, and when somebody knows."""

import json
import os
import random
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import Engine

from benchmarks.soak.oracle import Judge, Promise, problem_of, promises, untold_signals
from benchmarks.soak.power import lose_unsynced, note_synced_files
from signals_pipeline.core.windows import Window
from signals_pipeline_tests.support.history_builders import WINDOWS
from signals_pipeline_tests.support.outbox_builders import put

WINDOW = WINDOWS[3]
NOW = WINDOW.end + timedelta(minutes=20)
WAITS = Promise(WINDOW, "digest", "ann@example.org", 1, "<1>", "pending", next_attempt_at=NOW)
READ = {("ann@example.org", "<1>"): 1}
NOBODY_READ: dict[tuple[str, str], int] = {}


@pytest.mark.parametrize(
    ("changed", "read", "now", "problem"),
    [
        ({}, NOBODY_READ, NOW, ""),
        ({"state": "sent"}, READ, NOW, ""),
        ({"state": "sent"}, NOBODY_READ, NOW, "sent, but the server never read it"),
        ({}, READ, NOW, "pending, although the server has read it: it would go twice"),
        ({}, NOBODY_READ, WINDOW.end + timedelta(hours=3, seconds=1), "pending, and too old to leave"),
        ({"released": True, "next_attempt_at": NOW + timedelta(hours=4)}, NOBODY_READ, NOW + timedelta(hours=4), ""),
        ({}, NOBODY_READ, WINDOW.end - timedelta(hours=1), "pending, and its window has not ended by this clock"),
        ({"next_attempt_at": NOW + timedelta(days=365)}, NOBODY_READ, NOW, "pending, and not tried before 2027"),
        ({"next_attempt_at": WINDOW.end}, NOBODY_READ, NOW, "pending, due since 2026"),
        ({"state": "sending", "claimed_at": NOW}, NOBODY_READ, NOW, ""),
        ({"state": "sending", "claimed_at": NOW - timedelta(hours=1)}, NOBODY_READ, NOW, "claimed 1:00:00 ago"),
        ({"state": "sending", "claimed_at": NOW + timedelta(days=1)}, NOBODY_READ, NOW, "claimed -1 day"),
        ({"state": "unknown"}, READ, NOW, "unknown"),
        ({"state": "failed"}, NOBODY_READ, NOW, "failed"),
        ({"state": "no digest"}, NOBODY_READ, NOW, ""),
        ({"state": "no digest"}, NOBODY_READ, WINDOW.end + timedelta(minutes=31), "no digest"),
        ({"state": "a later release's"}, NOBODY_READ, NOW, "a later release's"),
    ],
)
def test_a_mail_is_sent_or_waits_for_what_is_near_or_has_a_problem(
    changed: dict[str, object], read: dict[tuple[str, str], int], now: datetime, problem: str
) -> None:
    found = problem_of(replace(WAITS, **changed), read, now)
    assert found.startswith(problem)
    assert bool(found) is bool(problem)


def test_a_window_promises_a_digest_and_a_live_digest_a_mail_to_every_reader(engine: Engine) -> None:
    put(engine, "ann@example.org")
    put(engine, window=WINDOWS[4], mode="catch_up")
    url = engine.url.render_as_string(hide_password=False)
    found = promises(url, ["ann@example.org", "bob@example.org"], WINDOWS[3:6])
    assert [(each.window, each.recipient, each.state) for each in found] == [
        (WINDOW, "ann@example.org", "pending"),
        (WINDOW, "bob@example.org", "no row"),
        (WINDOWS[5], "everybody", "no digest"),
    ]


def test_silence_lasts_until_a_message_since_then_names_the_window() -> None:
    judge, lost = Judge(), replace(WAITS, state="unknown")
    earlier = [f"Run failed: digest_job, {WINDOW.key}"]
    assert judge.look([WAITS], NOBODY_READ, earlier, NOW, awake=0) == []
    [finding] = judge.look([lost], NOBODY_READ, earlier, NOW, awake=5)
    assert (finding.problem, finding.silent) == ("unknown", 0)
    [finding] = judge.look([lost], NOBODY_READ, [*earlier, "of another window"], NOW, awake=12)
    assert finding.silent == 7
    assert judge.look([lost], NOBODY_READ, [*earlier, f"1 mail of {WINDOW.key} may have arrived"], NOW, awake=14) == []
    assert judge.longest == 9
    assert judge.is_known(lost)


def test_a_mail_that_can_still_leave_is_not_settled_by_a_message() -> None:
    judge, far_ahead = Judge(), replace(WAITS, next_attempt_at=NOW + timedelta(days=365))
    messages = [f"1 mail of {WINDOW.key} waits"]
    for awake in (0.0, 20.0):
        [finding] = judge.look([far_ahead], NOBODY_READ, messages, NOW, awake)
        assert finding.silent == awake
    assert judge.longest == 0
    assert not judge.is_known(far_ahead)

    # One that is due and held back for a reason has had its time after as long.
    due = replace(WAITS, next_attempt_at=WINDOW.end)
    assert [len(judge.look([due], NOBODY_READ, messages, NOW, awake)) for awake in (0.0, 15.0, 20.0)] == [1, 1, 0]


def test_a_signal_is_told_by_the_digests_that_some_reader_may_have(engine: Engine) -> None:
    first, second, third = WINDOWS[3:6]
    cards = {
        first: {"new": [card(first, "A")], "changed": [], "from_missed": []},
        second: {"new": [card(second, "B")], "from_missed": [card(first, "A")]},
        third: {"changed": [card(third, "C")], "from_missed": [card(first, "A")]},
    }
    for window, content in cards.items():
        put(engine, "ann@example.org", window=window, content=json.dumps(content))
    tell = sa.text("UPDATE delivery SET message_id = :name WHERE window_start = :start")
    with engine.begin() as connection:
        for window, name in ((first, "<1>"), (second, "<2>"), (third, "<3>")):
            start = window.start.isoformat(timespec="microseconds") if engine.name == "sqlite" else window.start
            connection.execute(tell, {"name": name, "start": start})
    url = engine.url.render_as_string(hide_password=False)
    signals = [(first.end, "A"), (second.end, "B"), (third.end, "C")]
    assert untold_signals(url, {}, signals) == (signals, [])
    read = {("ann@example.org", "<2>"): 1, ("ann@example.org", "<3>"): 2}
    assert untold_signals(url, read, signals) == ([], [(first.end, "A")])


def test_a_power_cut_loses_what_was_written_since_and_never_synced(tmp_path: Path) -> None:
    data, log = tmp_path / "data", tmp_path / "synced"
    data.mkdir()
    for name in ("synced", "unsynced", "old", "signals.db"):
        (data / name).write_bytes(b"x" * 100)
    os.utime(data / "old", (1, 1))
    usual = os.fsync
    try:
        note_synced_files(log)
        with (data / "synced").open("rb") as file:
            os.fsync(file.fileno())
    finally:
        os.fsync = usual
    lost = lose_unsynced(data, log, since=10.0, rng=random.Random(1))
    assert lost == [data / "unsynced"]
    sizes = {path.name: path.stat().st_size for path in data.iterdir()}
    assert sizes == {"synced": 100, "unsynced": sizes["unsynced"], "old": 100, "signals.db": 100}
    assert sizes["unsynced"] in {0, 50}


def card(window: Window, symbol: str) -> dict[str, str]:
    """What tells of a signal, as far as the judge looks."""
    return {"decided_at": window.end.isoformat(), "symbol": symbol}
