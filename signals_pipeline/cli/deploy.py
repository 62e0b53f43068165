"""`signals deploy`, `rollback`, `status`, `generator`: a release on AWS and the emergency switch."""

from pathlib import Path

import click

from signals_pipeline.adapters.aws import revisions, services, stack
from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.adapters.aws.images import Docker
from signals_pipeline.adapters.aws.release import Release
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import Generator


def _stack_name(_context: click.Context, _parameter: click.Parameter, given: str | None) -> str:
    return given or Settings.checked().signals_stack


_stack = click.option("--stack", "name", callback=_stack_name, help="The stack; default: SIGNALS_STACK.")


@click.group()
def release() -> None:
    """Releases on AWS."""


@release.command()
@click.option("--model", type=click.Choice(["finbert", "local", "compact"]), default="finbert", show_default=True)
@click.option("--docker", default="docker", show_default=True, help="Docker's command line.")
@click.option("--registry", default="", help="Push there instead of the stack's repository; sign in there before.")
@click.option("--wait", default=900.0, show_default=True, help="Seconds to wait for a task or the service.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@_stack
def deploy(name: str, *, model: str, docker: str, registry: str, wait: float, dry_run: bool) -> None:
    """Build, check, push, register, migrate and put into service; go back if it does not settle."""
    patience = services.Patience(seconds=wait)
    Release(Docker(docker), repository(), {"MODEL": model}, click.echo, registry, patience).deploy(
        name, dry_run=dry_run
    )


@release.command()
@click.argument("revision", type=int, required=False)
@click.option("--wait", default=900.0, show_default=True, help="Seconds to wait for the service.")
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@_stack
def rollback(name: str, revision: int | None, *, wait: float, dry_run: bool) -> None:
    """Put an earlier REVISION of the control service back; without one, the newest before the current."""
    patience = services.Patience(seconds=wait)
    Release(Docker(), Path(), {}, click.echo, patience=patience).rollback(name, revision, dry_run=dry_run)


@release.command()
@_stack
def status(name: str) -> None:
    """What is in service, what it runs, and which generator makes signals."""
    found = stack.find(name)
    now = services.look(found)
    control = revisions.describe(now.task_definition)
    state = "asleep" if not now.desired else "settled" if now.settled else now.rollout.lower() or "starting"
    click.echo(f"control   {control.arn.rsplit('/', 1)[1]}  {state}, {now.running} of {now.desired} running")
    click.echo(f"runs      {revisions.run_of(control.arn).rsplit('/', 1)[1]}")
    click.echo(f"image     {control.image}")
    click.echo(f"generator {stack.generator(found)}")


@release.command()
@click.argument("choice", type=click.Choice([each.value for each in Generator]))
@_stack
def generator(name: str, choice: str) -> None:
    """The emergency switch: what makes signals from the next run on, without a new image."""
    before = stack.set_generator(stack.find(name), choice)
    click.echo(f"signals are made by {choice} from the next run on; before: {before}")
