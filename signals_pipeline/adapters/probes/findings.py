"""What a probe found, and running many probes side by side with one deadline."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One line of the doctor.

    Attributes:
        status: `ok`; `warn`: it runs, but not as it should; `fail`: it can't run so.
        text: What was seen.
        remedy: What to do; empty where all is well.
        code: What was seen, for programs; empty where none asks.
    """

    status: Status
    text: str
    remedy: str = ""
    code: str = ""


Probe = Callable[[], ProbeResult]

_THREAD = "look"


def ok(text: str) -> ProbeResult:
    """All is well."""
    return ProbeResult("ok", text)


def warn(text: str, remedy: str) -> ProbeResult:
    """It runs, but not as it should."""
    return ProbeResult("warn", text, remedy)


def fail(text: str, remedy: str) -> ProbeResult:
    """It can't run so."""
    return ProbeResult("fail", text, remedy)


def look(
    probes: Mapping[str, Probe],
    *,
    seconds: float,
    told: Callable[[Exception], str | None],
    in_turn: Sequence[str] = (),
) -> dict[str, ProbeResult]:
    """What each probe found, in the order given; none is waited for longer than the deadline.

    Args:
        probes: By name.
        seconds: The deadline of all together.
        told: The message of a failure that was foreseen; None for others.
        in_turn: Those that only compute on this machine, in the order in which to run them: one after another, beside
            the others. Late, they are not blamed on a network.
    """
    found: dict[str, ProbeResult] = {}

    def run(names: Sequence[str]) -> None:
        for name in names:
            try:
                found[name] = probes[name]()
            except Exception as error:  # noqa: BLE001  # whatever goes wrong is a finding
                said = told(error) or f"{type(error).__name__}: {error}"
                found[name] = fail(" ".join(said.split()), "mend what the line says, then run `signals doctor` again")

    ends = time.monotonic() + seconds
    alone = [[name] for name in probes if name not in in_turn]
    # Daemons: a probe that hangs in a connection must not keep the process alive.
    threads = [
        threading.Thread(target=run, args=[names], daemon=True, name=_THREAD)
        for names in (*alone, [name for name in in_turn if name in probes])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    known = dict(found)
    return {name: known.get(name) or _late(seconds, here=name in in_turn) for name in probes}


def unfinished() -> bool:
    """Whether a look goes on that was not waited for."""
    return any(thread.name == _THREAD for thread in threading.enumerate())


def _late(seconds: float, *, here: bool) -> ProbeResult:
    if here:
        return warn(
            f"not looked at within {seconds:g} s: this machine is busy", f"signals doctor --seconds {10 * seconds:g}"
        )
    return fail(f"no answer within {seconds:g} s", "check the network and the address, then run `signals doctor` again")
