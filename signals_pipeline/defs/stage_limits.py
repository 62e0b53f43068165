"""Time limits of the stages, and retries of those that fail for a transient reason.

A stage runs in the main thread of its run's process (`in_process_executor`). When its time is up, an alarm signal
raises an exception wherever the stage waits; the stage fails with a one-line message and the run ends. Code that no
signal interrupts (a driver written in C) needs a timeout of its own, see `adapters.stores.engine`.
"""

import gc
import inspect
import random
import signal
import threading
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar, cast

import dagster as dg

from signals_pipeline.adapters import progress
from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.defs.partitions import run_mode

SECONDS_TAG = "signals/seconds"
PER_WINDOW_TAG = "signals/seconds_a_window"
RETRIES_TAG = "signals/retries"
RETRY_SECONDS_TAG = "signals/retry_seconds"

# Full jitter: the n-th wait is drawn from [0, BACKOFF_SECONDS * 2^(n-1)], so that runs that failed together
# do not all come back together. 30 s: most outages of a feed are over by then.
BACKOFF_SECONDS = 30.0

# Garbage collector thresholds within a stage. A year takes a tenth less CPU than with Python's own 700, 10, 10.
GC_THRESHOLDS = (100_000, 50, 100)

ALARM_REPEAT_SECONDS = 2.0  # the alarm rings again in case a `finally` block or a library held the first one up

_PACKAGE = Path(__file__).parents[1]

Stage = TypeVar("Stage", bound=Callable[..., Any])
Context = dg.AssetExecutionContext | dg.AssetCheckExecutionContext


def limit_tags(seconds: float, *, per_window: float = 0.0, retries: int = 2) -> dict[str, str]:
    """Op tags that hold a stage's limits, so that the UI shows them.

    Args:
        seconds: Time limit for a run over one window.
        per_window: Seconds added for each further window of the run.
        retries: Maximum retries after transient failures; see `with_limits`.
    """
    return {SECONDS_TAG: f"{seconds:g}", PER_WINDOW_TAG: f"{per_window:g}", RETRIES_TAG: str(retries)}


def with_limits(stage: Stage) -> Stage:
    """Decorate a stage: apply the limits of its op tags and report its progress in the run's log.

    A run's own tags may override two of them: `signals/seconds` is its time limit for all windows together, and
    `signals/retry_seconds` its backoff before a retry. Dagster retries a stage after a transient failure (a timeout, a
    broken connection, 429, 5xx), but not in a run that was launched by hand: its user should see the error at once. Any
    other failure ends the run.

    Raises:
        Failure: the time is up; the message says where the stage was.
        RetryRequested: a transient failure, and retries are left.
    """

    @wraps(stage)
    def limited(context: Context, *args: Any, **inputs: Any) -> Any:  # noqa: ANN401 - the stage's own result
        return _run_limited(context, lambda: stage(context, *args, **inputs))

    @wraps(stage)
    def limited_generator(context: Context, *args: Any, **inputs: Any) -> Iterator[Any]:  # noqa: ANN401
        # Run to its end within the limits; Dagster then takes the results one by one.
        yield from _run_limited(context, lambda: list(stage(context, *args, **inputs)))

    wrapper = limited_generator if inspect.isgeneratorfunction(stage) else limited
    return cast("Stage", wrapper)  # `wraps` keeps the signature that Dagster inspects


def _run_limited(context: Context, work: Callable[[], Any]) -> Any:  # noqa: ANN401
    op = context.op_execution_context
    windows = len(op.partition_keys)
    try:
        with (
            _alarm(_time_limit(op)),
            progress.report_progress(windows, op.log.info, interval=progress.REPORT_SECONDS),
            _rare_garbage_collection(),
        ):
            return work()
    except _TimeUp as time_up:
        raise dg.Failure(_time_up_message(op, time_up), allow_retries=False) from None
    except (SourceError, DatabaseError) as error:
        if not error.transient or not retries_left(op):
            raise
        backoff = _backoff(op)
        op.log.warning("%s; transient error, retrying in %.0f s", error, backoff)
        raise dg.RetryRequested(int(op.op_def.tags[RETRIES_TAG]), backoff) from error


class _TimeUp(BaseException):
    """Raised by the alarm; a BaseException, so that no `except Exception` on the way swallows it."""


@contextmanager
def _alarm(seconds: float) -> Generator[None]:
    """Raise `_TimeUp` in the block after this time; only in the main thread, as Python delivers signals there."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    previous_handler = signal.signal(signal.SIGALRM, _ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, ALARM_REPEAT_SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous_handler)


def _ring(_number: int, _frame: FrameType | None) -> None:
    raise _TimeUp


@contextmanager
def _rare_garbage_collection() -> Generator[None]:
    """Collect cyclic garbage more rarely: a stage makes little of it, and each collection visits all its rows."""
    previous = gc.get_threshold()
    gc.set_threshold(*GC_THRESHOLDS)
    try:
        yield
    finally:
        gc.set_threshold(*previous)


def _time_limit(op: dg.OpExecutionContext) -> float:
    """Seconds that the stage may take: the run's tag, or the op's tags for the number of windows."""
    of_run = _seconds_in_tag(op.run.tags, SECONDS_TAG)
    if of_run is not None:
        return of_run
    further_windows = len(op.partition_keys) - 1
    return float(op.op_def.tags[SECONDS_TAG]) + float(op.op_def.tags[PER_WINDOW_TAG]) * further_windows


def retries_left(op: dg.OpExecutionContext) -> bool:
    """Whether a transient failure is retried in this run."""
    launched_by_hand = run_mode(op.run.tags) == "manual"
    return not launched_by_hand and op.retry_number < int(op.op_def.tags[RETRIES_TAG])


def _backoff(op: dg.OpExecutionContext) -> float:
    """Random wait in seconds before the next retry."""
    base = _seconds_in_tag(op.run.tags, RETRY_SECONDS_TAG)
    if base is None:
        base = BACKOFF_SECONDS
    return random.uniform(0, base * 2**op.retry_number)  # noqa: S311 - not a secret


def _seconds_in_tag(tags: Mapping[str, str], name: str) -> float | None:
    """A run tag as a positive number of seconds; None without the tag.

    Raises:
        Failure: the tag holds something else.
    """
    value = tags.get(name)
    if value is None:
        return None
    is_number = value.replace(".", "", 1).isdecimal()
    if not is_number or not float(value):
        message = f"tag {name}={value!r}: not a number of seconds above 0; set it to something like 600 or 1.5"
        raise dg.Failure(message, allow_retries=False)
    return float(value)


def _time_up_message(op: dg.OpExecutionContext, time_up: BaseException) -> str:
    """Which limit was reached, and which line of this package the stage was in."""
    frames = [
        frame
        for frame in traceback.extract_tb(time_up.__traceback__)
        if _PACKAGE in Path(frame.filename).parents and frame.name != _ring.__name__
    ]
    where = frames[-1]
    count = len(op.partition_keys)
    return (
        f"not done after {_time_limit(op):g} s, the limit for {count} window{'' if count == 1 else 's'}; it was in"
        f" {Path(where.filename).relative_to(_PACKAGE)} line {where.lineno}, {where.name};"
        f" to set another limit, tag the run with {SECONDS_TAG}"
    )
