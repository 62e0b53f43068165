"""Run the checks of `signals doctor` with a deadline, and format their results.

Checks of this machine take seconds; those of a stack on AWS take longer, and with a task inside it some minutes.
"""

import json
import os
import sys
from collections.abc import Callable, Mapping
from datetime import datetime
from importlib import import_module
from typing import TYPE_CHECKING

from signals_pipeline.adapters.clock import utc_now
from signals_pipeline.adapters.probes.findings import ProbeResult, fail, has_running_probes, ok, run_probes
from signals_pipeline.cli.doctor import DEFAULT_SECONDS
from signals_pipeline.cli.doctor.local import local_probes, sequential
from signals_pipeline.cli.errors import user_message
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import SettingsError

if TYPE_CHECKING:
    from signals_pipeline.adapters.aws.services import Patience
    from signals_pipeline.adapters.aws.stack import Stack

AWS_SECONDS = 30.0  # AWS's clients retry before they give up
# How long a check waits for somebody else: half of the time limit, so that the check itself can say who did not answer.
WAIT_SHARE = 0.5
MAX_WAIT_SECONDS = 6.0


def examine(seconds: float = DEFAULT_SECONDS) -> dict[str, ProbeResult]:
    """Check this machine and its deployment.

    Args:
        seconds: Time limit for all checks together.

    Returns:
        Results by the name of the check; if the settings are invalid, only that.
    """
    try:
        settings = Settings.checked()
    except SettingsError as error:
        problems = "; ".join(str(error).splitlines())
        return {"settings": fail(problems, "correct the environment or .env")}
    # Before there are threads: two that import SQLAlchemy at the same time may see one half of it.
    import_module("signals_pipeline.adapters.stores.engine")
    wait = min(WAIT_SHARE * seconds, MAX_WAIT_SECONDS)
    probes = local_probes(settings, utc_now, seconds=wait)
    return run_probes(probes, seconds=seconds, describe_error=user_message, in_turn=sequential(settings))


def examine_production(
    name: str, *, inside: bool, patience: "Patience | None" = None, now: Callable[[], datetime] = utc_now
) -> dict[str, ProbeResult]:
    """Check a stack on AWS.

    Args:
        name: Name of the stack.
        inside: Also run `signals doctor` in a task of the stack, which takes a minute or two.
        patience: How to wait for that task.
        now: The clock.

    Returns:
        Results by the name of the check; if the stack can't be read, only that.
    """
    from signals_pipeline.adapters.aws.services import Patience
    from signals_pipeline.adapters.aws.stack import read
    from signals_pipeline.cli.doctor import production

    stacks: list[Stack] = []

    def read_stack() -> ProbeResult:
        stacks.append(read(name))
        return ok(f"{name} exists and has every output")

    results = run_probes({"stack": read_stack}, seconds=AWS_SECONDS, describe_error=user_message)
    if not stacks:
        return results
    results |= run_probes(production.outside_probes(stacks[0], now), seconds=AWS_SECONDS, describe_error=user_message)
    if not inside:
        return results

    patience = patience or Patience()

    def look_inside() -> ProbeResult:
        results.update(production.inside_results(stacks[0], patience))
        return ok("a task of the deployed image ran its checks")

    # Twice: for the task itself, and for its log to arrive.
    inside_seconds = 2 * patience.seconds + AWS_SECONDS
    return results | run_probes({"inside": look_inside}, seconds=inside_seconds, describe_error=user_message)


def healthy(results: Mapping[str, ProbeResult]) -> bool:
    """Whether nothing is broken; warnings are allowed."""
    return all(result.status != "fail" for result in results.values())


def lines(results: Mapping[str, ProbeResult]) -> list[str]:
    """One line per check: status, name, what was seen, what to do."""
    width = max(len(name) for name in results)
    formatted = []
    for name, result in results.items():
        remedy = f": {result.remedy}" if result.remedy else ""
        formatted.append(f"{result.status:<4}  {name:<{width}}  {result.text}{remedy}")
    return formatted


def document(results: Mapping[str, ProbeResult]) -> str:
    """The results as JSON; `production.inside_results` reads it."""
    checks = []
    for name, result in results.items():
        check = {"check": name, "status": result.status, "text": result.text, "remedy": result.remedy}
        if result.code:
            check["code"] = result.code
        checks.append(check)
    return json.dumps({"healthy": healthy(results), "checks": checks}, indent=2)


def exit_if_unfinished(code: int) -> None:
    """End the process at once if a check is still running; otherwise return.

    A regular exit stops threads in the middle of native code, and the model's runtime then aborts the process.
    """
    if has_running_probes():
        sys.stdout.flush()
        os._exit(code)
