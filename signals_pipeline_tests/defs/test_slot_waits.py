"""A run that waits for a slot sleeps, looks again after the clock was set back, and can be interrupted."""

import time
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.execution.plan.instance_concurrency_context import InstanceConcurrencyContext
from dagster._core.test_utils import create_run_for_test
from dagster._utils import interrupts

from signals_pipeline.defs.slot_waits import LONGEST_SLEEP_SECONDS, correct_slot_waits
from signals_pipeline.defs.sqlite_storage import instance_in


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[InstanceConcurrencyContext]:
    """What a run knows of its slots, while it waits for one that another run holds."""
    correct_slot_waits()
    with instance_in(tmp_path / "dagster") as instance:
        holder, waiter = (create_run_for_test(instance, "any") for _ in range(2))
        instance.event_log_storage.set_concurrency_slots("news", 1)
        assert instance.event_log_storage.claim_concurrency_slot("news", holder.run_id, "step").is_claimed
        with InstanceConcurrencyContext(instance, waiter) as context:
            assert context.interval_to_next_pending_claim_check() == 0
            assert not context.claim("news", "step")
            yield context


def test_it_sleeps_until_it_looks_again(waiting: InstanceConcurrencyContext) -> None:
    assert 0 < waiting.interval_to_next_pending_claim_check() <= LONGEST_SLEEP_SECONDS


def test_it_looks_at_once_if_the_clock_was_set_back(
    waiting: InstanceConcurrencyContext, monkeypatch: pytest.MonkeyPatch
) -> None:
    an_hour_ago = time.time() - 3600
    monkeypatch.setattr(time, "time", lambda: an_hour_ago)
    assert waiting.interval_to_next_pending_claim_check() == 0


def test_it_can_be_interrupted(waiting: InstanceConcurrencyContext, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(interrupts._received_interrupt, "received", True)  # noqa: SLF001 - what the handler does
    with pytest.raises(dg.DagsterExecutionInterruptedError):
        waiting.interval_to_next_pending_claim_check()
    assert waiting.interval_to_next_pending_claim_check() > 0
