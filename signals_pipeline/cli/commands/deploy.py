"""`signals deploy`, `rollback`, `status`, `generator`: releases on AWS and the emergency switch."""

from pathlib import Path

import click

from signals_pipeline.adapters.aws import revisions, services, stack
from signals_pipeline.adapters.aws.errors import one_line_errors
from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.adapters.aws.images import Docker
from signals_pipeline.adapters.aws.release import Release
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import SignalGenerator

# A database alone takes a quarter of an hour to make.
WAIT_SECONDS = 3600.0


def _stack_name(_context: click.Context, _parameter: click.Parameter, given: str | None) -> str:
    return given or Settings.checked().signals_stack


_stack = click.option("--stack", "name", callback=_stack_name, help="Name of the stack; default: SIGNALS_STACK.")
_dry_run = click.option("--dry-run", is_flag=True, help="Only print what would be done.")


def _parameters(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """Parameters of the stack, given as Name=Value."""
    parameters: dict[str, str] = {}
    for pair in given:
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise click.BadParameter(f"{pair!r} is not Name=Value, as in --set OperatorEmail=you@example.org")
        parameters[name] = value
    return parameters


@click.command()
@click.option(
    "--model",
    type=click.Choice(["finbert", "local", "compact"]),
    default="finbert",
    show_default=True,
    help="Sentiment model of the image.",
)
@click.option("--docker", default="docker", show_default=True, help="Docker command.")
@click.option(
    "--set",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_parameters,
    help="Parameter of the stack; kept.",
)
@click.option("--wait", default=WAIT_SECONDS, show_default=True, help="Seconds to wait for each of AWS's steps.")
@_dry_run
@_stack
def deploy(name: str, *, model: str, docker: str, parameters: dict[str, str], wait: float, dry_run: bool) -> None:
    """Build, test and push an image, and put it into service.

    What fails is rolled back.

    Where there is no stack yet it is created, with the public stack that readers reach, unless --set Public=no.
    Parameters that are not set keep their values. --dry-run needs neither credentials nor a region.
    """
    patience = services.Patience(seconds=wait)
    release = Release(Docker(docker), repository(), {"MODEL": model}, click.echo, patience)
    release.deploy(name, parameters, dry_run=dry_run)


@click.command()
@click.argument("revision", type=int, required=False)
@click.option("--wait", default=WAIT_SECONDS, show_default=True, help="Seconds to wait for each of AWS's steps.")
@_dry_run
@_stack
def rollback(name: str, revision: int | None, *, wait: float, dry_run: bool) -> None:
    """Put an earlier REVISION back into service.

    Without REVISION it is the release before; only its image comes back. Its code is asked first whether it runs on the
    database's schema. --dry-run names the images, or without credentials and a region the steps alone.
    """
    patience = services.Patience(seconds=wait)
    release = Release(Docker(), Path(), {}, click.echo, patience)
    release.rollback(name, revision, dry_run=dry_run)


@click.command()
@_stack
@one_line_errors()
def status(name: str) -> None:
    """Show what is in service: revisions, image and generator."""
    target = stack.find(name)
    service = services.look(target)
    # A control revision names the run revision that it launches.
    control = revisions.describe(service.task_definition)
    runs = revisions.run_of(control.arn)
    click.echo(f"control   {_short(control.arn)}  {_state(service)}, {service.running} of {service.desired} running")
    click.echo(f"runs      {_short(runs)}")
    click.echo(f"image     {control.image}")
    click.echo(f"generator {stack.generator(target)}")


def _state(service: services.Service) -> str:
    if not service.desired:
        return "asleep"
    if service.settled:
        return "settled"
    return service.rollout.lower() or "starting"


def _short(arn: str) -> str:
    """Family and revision of a task definition."""
    return arn.rsplit("/", 1)[1]


@click.command()
@click.argument("choice", type=click.Choice([generator.value for generator in SignalGenerator]))
@_stack
@one_line_errors()
def generator(name: str, choice: str) -> None:
    """Switch the signal generator, without a new image.

    It takes effect with the next run. `technical` is the emergency switch: it needs no sentiment model.
    """
    before = stack.set_generator(stack.find(name), choice)
    click.echo(f"the next runs use the generator {choice}; before: {before}")
