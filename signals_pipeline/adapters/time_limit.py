"""Work with a wall-clock limit: the caller gets the result or goes on without it, whatever the work waits for."""

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from typing import TypeVar

Result = TypeVar("Result")


class TimeLimitError(Exception):
    """The work was not done when its time was up.

    Attributes:
        seconds: The limit.
    """

    def __init__(self, seconds: float) -> None:
        super().__init__(f"not done after {seconds:g} s")
        self.seconds = seconds


def call_within(
    seconds: float, work: Callable[[], Result], *, name: str, on_expiry: Callable[[], object] = lambda: None
) -> Result:
    """Call a function in a thread of its own and wait for it no longer than the limit.

    No signal and no socket timeout is involved, so this holds for name resolution, a connection over many addresses and
    native code, too. What is not done in time goes on in a daemon thread, which does not keep the process alive; its
    result is dropped. `on_expiry` should make it end soon.

    Args:
        seconds: The limit.
        work: The function.
        name: Name of the thread, for stack dumps.
        on_expiry: Called in the caller's thread when the time is up.

    Returns:
        What `work` returned.

    Raises:
        TimeLimitError: The time is up.
        Exception: What `work` raised.
    """
    outcome: Future[Result] = Future()

    def run() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # noqa: BLE001 - handed to the caller, who raises it
            outcome.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    # Not `outcome.result(seconds)`: the TimeoutError of the work itself could not be told from that of the wait.
    wait([outcome], max(0.0, seconds))
    if not outcome.done():
        on_expiry()
        raise TimeLimitError(seconds)
    return outcome.result()
