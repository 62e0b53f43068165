"""`signals doctor`: check a deployment."""

import click

from signals_pipeline.cli.doctor import DEFAULT_SECONDS
from signals_pipeline.settings import Settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of lines.")
@click.option("--seconds", default=DEFAULT_SECONDS, show_default=True, help="Time limit for all checks together.")
@click.option("--production", is_flag=True, help="Check the stack on AWS: the checklist of docs/deployment.md.")
@click.option("--stack", help="Name of that stack; default: SIGNALS_STACK.")
@click.option("--outside", is_flag=True, help="Skip the task that checks from inside the stack.")
@click.pass_context
def doctor(
    context: click.Context, *, as_json: bool, seconds: float, production: bool, stack: str | None, outside: bool
) -> None:
    """Check everything that a run needs, and say what to do.

    The exit code is 1 if something is broken.
    """
    import atexit

    from signals_pipeline.cli.doctor.checkup import (
        document,
        examine,
        examine_production,
        exit_if_unfinished,
        healthy,
        lines,
    )

    if production:
        results = examine_production(stack or Settings.checked().signals_stack, inside=not outside)
    else:
        results = examine(seconds)
    click.echo(document(results) if as_json else "\n".join(lines(results)))
    code = 0 if healthy(results) else 1
    # Exit handlers run in reverse order: this one before those of the libraries that the checks have imported.
    atexit.register(exit_if_unfinished, code)
    context.exit(code)
