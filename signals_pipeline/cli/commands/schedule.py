"""`signals schedule`: switch the digest's schedule on or off, and say whether it is on."""

from collections.abc import Callable

import click

from signals_pipeline.settings import Settings

STACK_SECONDS = 600.0


def _in_stack(name: str, verb: str) -> None:
    from signals_pipeline.cli.remote import run_in_stack

    advice = f"switch {verb} in the UI, or run it again" if verb != "status" else "run it again"
    run_in_stack(name, ["signals", "schedule", verb], seconds=STACK_SECONDS, advice=advice)


_stack: Callable[..., Callable[..., object]] = click.option(
    "--stack", help="In a task of this stack on AWS, whose control service may sleep."
)


@click.group()
def schedule() -> None:
    """Switch the schedule of the digest on or off, or show it."""


@schedule.command("on")
@_stack
def switch_on(stack: str | None) -> None:
    """Run the digests when they are due, from now on."""
    _switch(stack, "on", on=True)


@schedule.command("off")
@_stack
def switch_off(stack: str | None) -> None:
    """Run no digest until it is switched on again; a release does not change that."""
    _switch(stack, "off", on=False)


@schedule.command()
@_stack
def status(stack: str | None) -> None:
    """Show whether the schedule is on, and whether a daemon runs it."""
    if stack is not None:
        _in_stack(stack, "status")
        return
    from signals_pipeline.adapters.clock import utc_now
    from signals_pipeline.cli.doctor.local import schedule as probe

    result = probe(Settings.checked(), utc_now)
    click.echo(result.text)


def _switch(stack: str | None, verb: str, *, on: bool) -> None:
    if stack is not None:
        _in_stack(stack, verb)
        return
    from signals_pipeline.adapters.clock import utc_now
    from signals_pipeline.cli.scheduling import switch_schedule

    switch_schedule(Settings.checked(), utc_now(), on=on)
    click.echo(f"digest_schedule is {verb}")
