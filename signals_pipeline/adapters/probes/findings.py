"""What a probe found, and running many probes side by side with one deadline."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from threading import Thread
from typing import Literal

Status = Literal["ok", "warn", "fail"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor.

    Attributes:
        status: `ok`; `warn`: it runs, but not as it should; `fail`: it can't run so.
        text: What was seen.
        remedy: What to do; empty where all is well.
    """

    status: Status
    text: str
    remedy: str = ""


Probe = Callable[[], Finding]


def ok(text: str) -> Finding:
    """All is well."""
    return Finding("ok", text)


def warn(text: str, remedy: str) -> Finding:
    """It runs, but not as it should."""
    return Finding("warn", text, remedy)


def fail(text: str, remedy: str) -> Finding:
    """It can't run so."""
    return Finding("fail", text, remedy)


def look(probes: Mapping[str, Probe], *, seconds: float, told: Callable[[Exception], str | None]) -> dict[str, Finding]:
    """What each probe found, in the order given; none is waited for longer than the deadline.

    Args:
        probes: By name.
        seconds: The deadline of all together.
        told: The message of a failure that was foreseen; None for others.
    """
    found: dict[str, Finding] = {}

    def run(name: str, probe: Probe) -> None:
        try:
            found[name] = probe()
        except Exception as error:  # noqa: BLE001  # whatever goes wrong is a finding
            said = told(error) or f"{type(error).__name__}: {error}"
            found[name] = fail(" ".join(said.split()), "mend what the line says, then run `signals doctor` again")

    # Daemons: a probe that hangs in a connection must not keep the process alive.
    threads = [Thread(target=run, args=each, daemon=True) for each in probes.items()]
    for thread in threads:
        thread.start()
    ends = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, ends - time.monotonic()))
    late = fail(f"no answer within {seconds:g} s", "check the network and the address, then run `signals doctor` again")
    known = dict(found)
    return {name: known.get(name, late) for name in probes}
