"""`signals`: the pipeline on the command line.

The command `signals X` is `commands/X.py`: its arguments, and one call. What the call does is in the module of the same
name here, or, where several commands share it, in `runs`, `report`, `mail` and `doctor/`. Commands use the same code as
the Dagster assets.
"""

import sys
import warnings
from importlib import import_module

import click

from signals_pipeline.cli.commands import HEAVY_COMMANDS, LIGHT_COMMANDS, SECTIONS


class SignalsGroup(click.Group):
    """The command group of `signals`.

    It imports the modules of heavy commands only when they are run, so that `signals --help` answers at once, and shows
    failures that a user can act on as one line instead of a traceback.
    """

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands, in alphabetical order."""
        return sorted([*super().list_commands(ctx), *HEAVY_COMMANDS])

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name; its module is imported if it is a heavy one."""
        heavy = HEAVY_COMMANDS.get(cmd_name)
        if heavy is None:
            return super().get_command(ctx, cmd_name)
        module = import_module(f"signals_pipeline.cli.commands.{heavy.module}")
        return getattr(module, cmd_name)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """Write the commands by section, a line each, without importing the heavy ones."""
        for title, names in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name, self._summary(name)) for name in names])

    def _summary(self, name: str) -> str:
        """The first sentence of a command's help."""
        if name in HEAVY_COMMANDS:
            return HEAVY_COMMANDS[name].summary
        return self.commands[name].get_short_help_str(limit=200)

    def invoke(self, ctx: click.Context) -> object:
        """Run the command.

        A failure that the user can act on ends with its message and exit code 2, Ctrl-C with 130 as shells expect.
        """
        # Dagster warns of beta APIs at every import; setup.py pins its version.
        warnings.filterwarnings("ignore", message=".* is currently in beta")
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.exceptions.Exit):
            raise
        except BaseException as error:
            from signals_pipeline.cli.errors import interrupted, user_message

            if interrupted(error):
                click.echo("signals: interrupted; finished windows are kept, run it again for the rest", err=True)
                sys.exit(130)
            # Anything else is a bug and keeps its traceback.
            message = user_message(error)
            if message is None:
                raise
            click.echo(f"signals: {message}", err=True)
            sys.exit(2)


@click.group(cls=SignalsGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="signals_pipeline")
def main() -> None:
    """Turn news headlines into trading signals, mailed as a digest twice a day.

    `signals COMMAND -h` explains a command.
    """


for _command in LIGHT_COMMANDS:
    main.add_command(_command)
