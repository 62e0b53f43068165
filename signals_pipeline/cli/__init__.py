"""`signals`: the pipeline from a terminal; thin, it calls the same code as the assets."""

import sys
import warnings

import click

from signals_pipeline.cli import lazy
from signals_pipeline.cli.commands import mails, results, upkeep, windows


class OneLine(click.Group):
    """A command group that tells what went wrong in plain lines instead of a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command.

        A failure that the pipeline foresaw ends with its own message and exit code 2, Ctrl-C with 130 as shells expect.
        """
        warnings.filterwarnings("ignore", message=".* is currently in beta")  # Dagster's, of APIs pinned in setup.py
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except BaseException as error:
            from signals_pipeline.cli.errors import interrupted, user_message

            if interrupted(error):
                click.echo("signals: interrupted; what was finished is kept, run again for the rest", err=True)
                sys.exit(130)
            message = user_message(error)
            if message is None:
                raise
            click.echo(f"signals: {message}", err=True)
            sys.exit(2)


@click.group(cls=OneLine, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="signals_pipeline")
def main() -> None:
    """News headlines become trading signals, mailed as a digest twice a day."""


for _module in (windows, mails, results, upkeep, lazy):
    for _command in _module.COMMANDS:
        main.add_command(_command)
