"""What a run in this process waits for, printed on stderr after some seconds and again at growing intervals.

A run may wait for a pool, whose slots other runs hold, or for the lock of a database. While it waits for a pool, runs
whose process is gone are ended, so that no run waits for a dead one.
"""

import logging
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime

import click
import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from signals_pipeline.adapters import waiting
from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.adapters.waiting import ANNOUNCE_AFTER_SECONDS, Announcements, watched_by
from signals_pipeline.defs.leases import SHORT_ID, full_pools, holder_of, reclaim

POLL_SECONDS = ANNOUNCE_AFTER_SECONDS / 2  # a wait is seen twice before it is announced

Report = Callable[[str], object]


def report_to_user(line: str) -> None:
    """Print a line on stderr."""
    click.echo(f"signals: {line}", err=True)


class _Printer(logging.Handler):
    """Prints the lines of a logger for the user."""

    def __init__(self, report: Report) -> None:
        super().__init__()
        self._report = report

    def emit(self, record: logging.LogRecord) -> None:
        """Print one line."""
        self._report(record.getMessage())


@contextmanager
def lock_waits_reported(report: Report = report_to_user) -> Generator[None]:
    """Report within a block which lock of a database it waits for."""
    logger = logging.getLogger(waiting.__name__)
    printer = _Printer(report)
    logger.addHandler(printer)
    try:
        yield
    finally:
        logger.removeHandler(printer)


@contextmanager
def pool_waits_reported(
    instance: dg.DagsterInstance, run_id: str, report: Report = report_to_user, poll_seconds: float = POLL_SECONDS
) -> Generator[None]:
    """Report within a block which pools a run waits for, and end runs that hold them although their process is gone.

    Args:
        instance: The instance of the run.
        run_id: The run that the block executes.
        report: Receives lines.
        poll_seconds: Time between two looks.
    """

    def watch(finished: threading.Event) -> None:
        waits: dict[str, _Wait] = {}
        while not finished.wait(poll_seconds):
            try:
                blocking = _blocking_pools(instance, run_id)
                lines = list(reclaim(instance)) if blocking else []
            except (DatabaseError, SQLAlchemyError) as error:
                report(f"what the run waits for can't be read: {' '.join(str(error).split())}")
                continue
            for line in lines:
                report(line)
            waits = {pool: waits.get(pool) or _Wait() for pool in blocking}
            for pool, wait in waits.items():
                if wait.announcements.due(time.monotonic() - wait.started):
                    report(f"waiting for pool {pool}, held by {_described_holders(instance, blocking[pool])}")

    with watched_by(watch):
        yield


class _Wait:
    """A wait for one pool."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.announcements = Announcements()


def _blocking_pools(instance: dg.DagsterInstance, run_id: str) -> dict[str, set[str]]:
    """The pools that a run waits for, each with the ids of the runs that hold its slots."""
    blocking: dict[str, set[str]] = {}
    # Where a slot is free just now, the run has not looked yet.
    for pool in full_pools(instance):
        if any(step.run_id == run_id and step.assigned_timestamp is None for step in pool.pending_steps):
            blocking[pool.concurrency_key] = {slot.run_id for slot in pool.claimed_slots}
    return blocking


def _described_holders(instance: dg.DagsterInstance, run_ids: set[str]) -> str:
    """The runs that hold a pool, each with its process and its start."""
    described: list[str] = []
    for run_id in sorted(run_ids):
        record = instance.get_run_record_by_id(run_id)
        name = f"run {run_id[:SHORT_ID]}"
        if record is None:
            described.append(name)
            continue
        started_at = datetime.fromtimestamp(record.start_time or record.create_timestamp.timestamp(), UTC)
        holder = holder_of(record.dagster_run)
        process = f"pid {holder.pid} on {holder.host}" if holder else "which records no process"
        remedy = "" if holder else f"; if it no longer runs: dagster run delete {run_id}"
        described.append(f"{name} ({process}, since {started_at:%Y-%m-%d %H:%M:%S} UTC){remedy}")
    return ", ".join(described) or "nobody: its limit is 0"
