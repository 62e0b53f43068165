"""Waiting for what other processes do."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
PATIENCE = 240.0  # seconds: what a loaded machine may take, not what anything should


def until(asked: Callable[[], T | None], what: str) -> T:
    """The first answer that is true, asked for again and again; fails with `what` where none comes."""
    deadline = time.monotonic() + PATIENCE
    while not (answer := asked()):
        assert time.monotonic() < deadline, f"in vain: {what}"
        time.sleep(0.3)
    return answer
