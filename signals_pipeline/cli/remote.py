"""Commands with `--stack`: the same command in a task of a stack on AWS, whose output is shown here.

The task is of the run family, at the revision that the control service launches: code, database and bucket are those of
the release in service. It needs no control service, which may sleep meanwhile.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import click

from signals_pipeline.adapters.aws import revisions, services, stack
from signals_pipeline.adapters.aws.stack import DeployError, Stack
from signals_pipeline.core.windows import WindowError, window_for_key

POLL_SECONDS = 10.0
LAST_LINES_SECONDS = 5.0  # CloudWatch receives a task's last lines some seconds after its end

Pause = Callable[[float], None]


def backfill_in_stack(
    name: str, first: str, last: str, *, force: bool, seconds: float, pause: Pause = time.sleep
) -> None:
    """Run a range of windows in the stack, and wait for the end.

    Args:
        name: The stack.
        first: Key of the first window.
        last: Key of the last window, inclusive.
        force: Also run windows that already have a digest.
        seconds: How long the task may take.
        pause: Waits for so many seconds.

    Raises:
        WindowError: a key is not a window's, or the range is empty.
        DeployError: the task can't start, fails, or takes too long.
    """
    # What can be refused here costs no task.
    if window_for_key(first).start > window_for_key(last).start:
        raise WindowError(f"windows {first} to {last}: the first is later than the last; swap them")
    command = ["signals", "backfill", "--from", first, "--to", last, *(["--force"] if force else [])]
    advice = "windows that have a digest are kept, run it again for the rest"
    run_in_stack(name, command, seconds=seconds, advice=advice, pause=pause)


def run_in_stack(name: str, command: list[str], *, seconds: float, advice: str, pause: Pause = time.sleep) -> None:
    """Run a command in a task of the stack, and show what it prints.

    Args:
        name: The stack.
        command: `signals` and its arguments.
        seconds: How long the task may take.
        advice: What to do where it fails.
        pause: Waits for so many seconds.

    Raises:
        DeployError: the task can't start, fails, or takes too long.
    """
    target = stack.find(name)
    revision = revisions.run_of(services.look(target).task_definition)
    click.echo(f"`{' '.join(command)}` in a task of {revision.rsplit('/', 1)[1]}")

    progress = _Progress(target)
    patience = services.Patience(seconds=seconds, poll_seconds=POLL_SECONDS, pause=pause)
    task = services.run_to_end(target, revision, command, patience, progress.show)
    pause(LAST_LINES_SECONDS)
    progress.show(task)
    end = services.end_of(task)
    if not end.is_success:
        raise DeployError(
            f"`{' '.join(command[:2])}` ended with exit code {end.exit_codes}: {end.reason}; {advice}; its log is in"
            f" CloudWatch, /{name}/run"
        )


@dataclass
class _Progress:
    """Shows what a task prints, while it runs and after its end.

    Attributes:
        target: The stack.
        shown: How many lines of its log have been shown.
    """

    target: Stack
    shown: int = 0

    def show(self, task: dict[str, Any]) -> None:
        """Print the lines of the task's log that are new."""
        lines = services.log_of(self.target, task).splitlines()
        for line in lines[self.shown :]:
            click.echo(f"  {line}")
        self.shown = max(self.shown, len(lines))
