"""`signals doctor`: one line a look, what is wrong and what to do; of this machine in seconds, or of a stack in AWS."""

import json
import os
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from signals_pipeline.adapters.probes.findings import ProbeResult, fail, look, ok, unfinished
from signals_pipeline.cli.doctor_checks import in_turn, probes_of, today
from signals_pipeline.cli.errors import user_message
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import SettingsError

if TYPE_CHECKING:
    from signals_pipeline.adapters.aws.services import Patience
    from signals_pipeline.adapters.aws.stack import Stack

SECONDS = 8.0
AWS_SECONDS = 30.0  # AWS's own clients try again before they give up
PATIENCE, MOST_PATIENCE = 0.5, 6.0  # share of the time, and seconds: so each look can say itself who did not answer


def examine(seconds: float = SECONDS) -> dict[str, ProbeResult]:
    """What each look found within so many seconds, by name; where the settings can't be read, only that."""
    try:
        settings = Settings.checked()
    except SettingsError as error:
        return {"settings": fail("; ".join(str(error).splitlines()), "correct the environment or .env")}
    patience = min(PATIENCE * seconds, MOST_PATIENCE)
    probes = probes_of(settings, today, seconds=patience)
    return look(probes, seconds=seconds, describe_error=user_message, in_turn=in_turn(settings))


def examine_production(
    name: str, *, inside: bool, patience: "Patience | None" = None, now: Callable[[], datetime] = today
) -> dict[str, ProbeResult]:
    """What each look at a stack in AWS found; where the stack can't be read, only that.

    Args:
        name: The stack.
        inside: Also look from a task in it, which takes a minute or two.
        patience: How to wait for that task.
        now: The clock.
    """
    from signals_pipeline.adapters.aws.services import Patience
    from signals_pipeline.adapters.aws.stack import read
    from signals_pipeline.cli import production

    stacks: list[Stack] = []

    def stack() -> ProbeResult:
        stacks.append(read(name))
        return ok(f"{name} is there, with every output")

    found = look({"stack": stack}, seconds=AWS_SECONDS, describe_error=user_message)
    if not stacks:
        return found
    found |= look(production.probes_of(stacks[0], now), seconds=AWS_SECONDS, describe_error=user_message)
    if not inside:
        return found
    waiting = patience or Patience()

    def from_inside() -> ProbeResult:
        found.update(production.inside(stacks[0], waiting))
        return ok("a task of the deployed image looked, too")

    return found | look({"inside": from_inside}, seconds=2 * waiting.seconds + AWS_SECONDS, describe_error=user_message)


def healthy(found: Mapping[str, ProbeResult]) -> bool:
    """Whether nothing is broken."""
    return all(finding.status != "fail" for finding in found.values())


def lines(found: Mapping[str, ProbeResult]) -> list[str]:
    """A line a look: status, name, what was seen, what to do."""
    width = max(len(name) for name in found)
    return [
        f"{finding.status:<4}  {name:<{width}}  {finding.text}" + (f": {finding.remedy}" if finding.remedy else "")
        for name, finding in found.items()
    ]


def document(found: Mapping[str, ProbeResult]) -> str:
    """The same as JSON."""
    checks = [
        {"check": name, "status": finding.status, "text": finding.text, "remedy": finding.remedy}
        for name, finding in found.items()
    ]
    return json.dumps({"healthy": healthy(found), "checks": checks}, indent=2)


def leave(code: int) -> None:
    """End the process where a look goes on that was not waited for, else return.

    The interpreter's own end takes threads away from under native code, and the model's runtime then aborts.
    """
    if unfinished():
        sys.stdout.flush()
        os._exit(code)
