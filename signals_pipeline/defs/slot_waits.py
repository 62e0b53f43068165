"""How a run waits for a slot of a pool: corrects two faults of Dagster's in-process executor (dagster 1.13.27).

It asks `interval_to_next_pending_claim_check` how long it may sleep before it looks for a slot again. That takes the
minimum with 0 where it means the maximum, so that a run that waits keeps a processor busy all the time. And it notices
an interrupt only within a step, so that neither Ctrl-C nor a cancellation ends a run that waits.
"""

import time

import dagster as dg
from dagster._core.execution.plan.instance_concurrency_context import (
    MAX_CONCURRENCY_CLAIM_BLOCKED_INTERVAL,
    InstanceConcurrencyContext,
)
from dagster._utils.interrupts import pop_captured_interrupt

LONGEST_SLEEP_SECONDS = 0.5  # how late an interrupt may be noticed


def _seconds_to_next_look(context: InstanceConcurrencyContext) -> float:
    """How long a run that waits for slots may sleep now.

    Raises:
        DagsterExecutionInterruptedError: the run was interrupted, which ends it.
    """
    timeouts = context._pending_timeouts  # noqa: SLF001 - there is no other way
    if not timeouts:
        return 0.0
    if pop_captured_interrupt():
        raise dg.DagsterExecutionInterruptedError
    now = time.time()
    for step, next_look in timeouts.items():
        # The clock was set back meanwhile.
        if next_look - now > MAX_CONCURRENCY_CLAIM_BLOCKED_INTERVAL:
            timeouts[step] = now
    return min(LONGEST_SLEEP_SECONDS, max(0.0, min(timeouts.values()) - now))


def correct_slot_waits() -> None:
    """Let runs of this process sleep while they wait for slots, and notice interrupts."""
    InstanceConcurrencyContext.interval_to_next_pending_claim_check = _seconds_to_next_look  # pyright: ignore[reportAttributeAccessIssue]
