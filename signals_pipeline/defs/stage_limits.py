"""How long a stage may take, and which of its failures is tried again by itself.

A stage runs in the main thread of its run's process (`in_process_executor`). When its time is up, an alarm signal
raises in the middle of whatever it waits for; the stage fails with one line and the run ends. What no signal interrupts
(a driver written in C) has a patience of its own, see `adapters.database.engine`.
"""

import gc
import inspect
import random
import signal
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import wraps
from pathlib import Path
from types import FrameType
from typing import Any, TypeVar

import dagster as dg

from signals_pipeline.adapters import progress
from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.defs.partitions import said_mode

SECONDS_TAG = "signals/seconds"
A_WINDOW_TAG = "signals/seconds_a_window"
RETRIES_TAG = "signals/retries"
REST_TAG = "signals/retry_seconds"
REST = 30.0  # seconds: the n-th wait is drawn from [0, REST * 2^(n-1)] (full jitter)
COLLECTED = 100_000, 50, 100  # of a stage: a year takes a tenth less CPU than with Python's own 700, 10, 10
AGAIN = 2.0  # seconds after which the alarm rings again where something held the first one up
_OURS = Path(__file__).parents[1]

Stage = TypeVar("Stage", bound=Callable[..., Any])


def limits(seconds: float, *, a_window: float = 0.0, retries: int = 2) -> dict[str, str]:
    """Tags of a stage's op: its limits, where everyone sees them in the UI.

    Args:
        seconds: How long it may take.
        a_window: How much longer for each further window of its run.
        retries: How often it is tried again after what can heal; see `bounded`.
    """
    return {SECONDS_TAG: f"{seconds:g}", A_WINDOW_TAG: f"{a_window:g}", RETRIES_TAG: str(retries)}


def bounded(stage: Stage) -> Stage:
    """A stage that is held to the limits of its op's tags, and says in its log every few seconds how far it is.

    A run may carry the tag `signals/seconds` with another limit, for all its windows together, and
    `signals/retry_seconds` with another rest before a stage is tried again. A failure that can heal (`passing`: a
    timeout, a broken connection, 429, 5xx) makes Dagster try the stage again, but not under the eyes of whoever
    launched the run by hand. Any other failure ends the run.

    Raises:
        Failure: the time is up; the line says where it was spent.
        RetryRequested: a failure that can heal, while there are tries left.
    """

    def held(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext, work: Callable[[], Any]) -> Any:  # noqa: ANN401
        op = context.op_execution_context
        try:
            with (
                _alarm(_seconds(op)),
                progress.report_progress(len(op.partition_keys), op.log.info, every=progress.EVERY_SECONDS),
                _rare_collections(),
            ):
                return work()
        except _TimeUp as late:
            raise dg.Failure(_told(op, late), allow_retries=False) from None
        except (SourceError, DatabaseError) as error:
            rest = _rest(op)
            if not error.transient or rest is None:
                raise
            op.log.warning("%s; this can heal: tried again in %.0f s", error, rest)
            raise dg.RetryRequested(int(op.op_def.tags[RETRIES_TAG]), rest) from error

    @wraps(stage)
    def whole(context: Any, *args: Any, **inputs: Any) -> Any:  # noqa: ANN401 - as the stage has it
        return held(context, lambda: stage(context, *args, **inputs))

    @wraps(stage)
    def in_parts(context: Any, *args: Any, **inputs: Any) -> Iterator[Any]:  # noqa: ANN401
        yield from held(context, lambda: list(stage(context, *args, **inputs)))

    return in_parts if inspect.isgeneratorfunction(stage) else whole  # pyright: ignore[reportReturnType]


class _TimeUp(BaseException):
    """The alarm; no `except Exception` on its way holds it up."""


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    """Raise `_TimeUp` in the block when the time is up; only in the main thread, as no other gets signals."""

    def ring(_number: int, _frame: FrameType | None) -> None:
        raise _TimeUp

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, AGAIN)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _rare_collections() -> Iterator[None]:
    """Look for cyclic garbage more rarely: a stage makes little of it, and each look goes through all its rows."""
    before = gc.get_threshold()
    gc.set_threshold(*COLLECTED)
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _seconds(op: dg.OpExecutionContext) -> float:
    asked = _number(op.run.tags, SECONDS_TAG)
    if asked is not None:
        return asked
    tags = op.op_def.tags
    return float(tags[SECONDS_TAG]) + float(tags[A_WINDOW_TAG]) * (len(op.partition_keys) - 1)


def _rest(op: dg.OpExecutionContext) -> float | None:
    """Seconds until another try; None where there is none."""
    if op.retry_number >= int(op.op_def.tags[RETRIES_TAG]) or said_mode(op.run.tags) == "manual":
        return None
    rest = _number(op.run.tags, REST_TAG)
    return random.uniform(0, (REST if rest is None else rest) * 2**op.retry_number)  # noqa: S311 - no secret


def _number(tags: Mapping[str, str], name: str) -> float | None:
    """A run's tag as a number of seconds over zero; None where there is none.

    Raises:
        Failure: it is something else.
    """
    said = tags.get(name)
    if said is None:
        return None
    if not said.replace(".", "", 1).isdecimal() or not float(said):
        raise dg.Failure(f"tag {name}={said!r}: give seconds, as 600 or 1.5; correct the tag", allow_retries=False)
    return float(said)


def _told(op: dg.OpExecutionContext, late: BaseException) -> str:
    frames = [frame for frame in traceback.extract_tb(late.__traceback__) if _OURS in Path(frame.filename).parents]
    where = frames[-1] if frames[-1].name != "ring" else frames[-2]
    count = len(op.partition_keys)
    return (
        f"not done after {_seconds(op):g} s, its limit for {count} window{'' if count == 1 else 's'}; it was in"
        f" {Path(where.filename).relative_to(_OURS)} line {where.lineno}, {where.name};"
        f" a run with the tag {SECONDS_TAG} has another limit"
    )
