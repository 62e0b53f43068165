"""The result of a probe, and running many probes at the same time with one deadline.

The probes are in the neighbouring modules; which of them a deployment needs is decided in `cli.doctor_checks`.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One line of `signals doctor`.

    Attributes:
        status: `ok`; `warn`: it works, but not as it should; `fail`: it does not work.
        text: What was found.
        remedy: What to do; empty where all is well.
        code: What was seen, for programs; empty where none asks.
    """

    status: Status
    text: str
    remedy: str = ""
    code: str = ""


Probe = Callable[[], ProbeResult]

# The name of the threads in which probes run, by which `has_running_probes` finds those that are still running.
_THREAD_NAME = "probe"

# A machine that was too slow for its own checks is given this many times as long.
_LONGER = 10


def ok(text: str) -> ProbeResult:
    """All is well."""
    return ProbeResult("ok", text)


def warn(text: str, remedy: str) -> ProbeResult:
    """It works, but not as it should."""
    return ProbeResult("warn", text, remedy)


def fail(text: str, remedy: str) -> ProbeResult:
    """It does not work."""
    return ProbeResult("fail", text, remedy)


def run_probes(
    probes: Mapping[str, Probe],
    *,
    seconds: float,
    describe_error: Callable[[Exception], str | None],
    in_turn: Sequence[str] = (),
) -> dict[str, ProbeResult]:
    """Run all probes at the same time and return the result of each, in the given order.

    Args:
        probes: Probes by name.
        seconds: The deadline for all of them together. A probe that misses it gets a result that says so.
        describe_error: The message of an expected error; None for others.
        in_turn: Names of the probes that only compute on this machine, in the order in which they run: one after
            another, at the same time as the others. If they miss the deadline, this machine is busy, not the network.
    """
    results: dict[str, ProbeResult] = {}

    def run_one_after_another(names: Sequence[str]) -> None:
        for name in names:
            try:
                results[name] = probes[name]()
            except Exception as error:  # noqa: BLE001  # whatever goes wrong is a result
                description = describe_error(error) or f"{type(error).__name__}: {error}"
                text = " ".join(description.split())
                results[name] = fail(text, "fix what the line says, then run `signals doctor` again")

    # One thread for each probe that waits for the network, and one for all that compute.
    groups = [[name] for name in probes if name not in in_turn]
    groups.append([name for name in in_turn if name in probes])

    # Daemon threads, not a thread pool: a probe that hangs in a connection must not keep the process alive.
    threads = [
        threading.Thread(target=run_one_after_another, args=[names], daemon=True, name=_THREAD_NAME) for names in groups
    ]
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))

    # A copy, since probes that missed the deadline may still write their results.
    in_time = dict(results)
    return {name: in_time.get(name) or _timed_out(seconds, is_local=name in in_turn) for name in probes}


def has_running_probes() -> bool:
    """Whether a probe that missed its deadline is still running."""
    return any(thread.name == _THREAD_NAME for thread in threading.enumerate())


def _timed_out(seconds: float, *, is_local: bool) -> ProbeResult:
    if is_local:
        return warn(
            f"not checked within {seconds:g} s: this machine is busy", f"signals doctor --seconds {_LONGER * seconds:g}"
        )
    return fail(f"no answer within {seconds:g} s", "check the network and the address, then run `signals doctor` again")
