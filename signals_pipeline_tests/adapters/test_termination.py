"""Signals to stop wait for the end of a block, and then do what they did before."""

import signal
import threading
from collections.abc import Iterator

import pytest

from signals_pipeline.adapters.termination import deferred_termination


@pytest.fixture
def received() -> Iterator[list[int]]:
    """Signals that reached the handler that was there before."""
    seen: list[int] = []
    previous = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGTERM, lambda number, _frame: seen.append(number))
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    yield seen
    for number, handler in previous.items():
        signal.signal(number, handler)


def test_a_signal_to_stop_takes_effect_once_at_the_end_of_the_block(received: list[int]) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    with deferred_termination():
        signal.raise_signal(signal.SIGTERM)
        signal.raise_signal(signal.SIGTERM)
        assert received == []
    assert received == [signal.SIGTERM]
    assert signal.getsignal(signal.SIGTERM) is handler


def test_an_interrupt_is_raised_after_the_block_and_an_ignored_signal_stays_ignored(received: list[int]) -> None:
    done = []

    def interrupted() -> None:
        with deferred_termination():
            signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGINT)
            done.append("the block")

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert done == ["the block"]
    assert received == []


def test_another_thread_runs_the_block_as_it_is() -> None:
    done = []

    def work() -> None:
        with deferred_termination():
            done.append(threading.current_thread().name)

    thread = threading.Thread(target=work, name="a sensor's")
    thread.start()
    thread.join()
    assert done == ["a sensor's"]
