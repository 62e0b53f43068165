"""`signals`: the pipeline from a terminal; thin, it calls the same code as the assets.

Commands import what they need when they run, so that `signals --help` answers at once.
"""

import sys
import warnings
from pathlib import Path

import click

from signals_pipeline.settings import Settings


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
            from signals_pipeline.cli.failures import interrupted, told

            if interrupted(error):
                click.echo("signals: interrupted; what was finished is kept, run again for the rest", err=True)
                sys.exit(130)
            message = told(error)
            if message is None:
                raise
            click.echo(f"signals: {message}", err=True)
            sys.exit(2)


@click.group(cls=OneLine, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="signals_pipeline")
def main() -> None:
    """News headlines become trading signals, mailed as a digest twice a day."""


@main.command()
@click.option("--window", help="One window by its key, the start in New York: 2015-02-02-17:30.")
def run(window: str | None) -> None:
    """Upgrade the database, run the job, show the newest digest.

    Without --window the demo runs all windows of its sample, any other deployment the newest complete window.
    """
    from signals_pipeline.adapters.migrate import upgrade
    from signals_pipeline.cli import report, runs

    settings = Settings.checked()
    windows = runs.windows_to_run(settings, window)
    upgrade(settings.database_url)
    runs.execute(settings, windows, mode="manual" if window else runs.default_mode(settings))
    report.show(settings, windows)


@main.command()
@click.option("--from", "first", required=True, help="First window's key.")
@click.option("--to", "last", required=True, help="Last window's key, included.")
def backfill(first: str, last: str) -> None:
    """Run a range of past windows in one run; nothing is mailed."""
    from signals_pipeline.adapters.migrate import upgrade
    from signals_pipeline.cli import report, runs

    settings = Settings.checked()
    windows = runs.windows_in_range(settings, first, last)
    upgrade(settings.database_url)
    runs.execute(settings, windows, mode="backfill")
    report.show(settings, windows)


@main.command()
@click.option("--check", is_flag=True, help="Only check that migrations and tables agree, on a database made for it.")
def migrate(*, check: bool) -> None:
    """Upgrade the pipeline's own database to the newest revision."""
    from signals_pipeline.adapters import migrate as migrations

    if check:
        migrations.check_tables_match()
        click.echo(f"migrations and tables agree at revision {migrations.head()}")
        return
    settings = Settings.checked()
    migrations.upgrade(settings.database_url)
    click.echo(f"database at revision {migrations.head()}")


@main.command()
@click.argument("window")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Folder to write to; default: the digests' own.")
def preview(window: str, folder: Path | None) -> None:
    """Write the digest of WINDOW as HTML, text and JSON and say where; nothing is sent."""
    from signals_pipeline.cli import report

    settings = Settings.checked()
    for path in report.write_preview(settings, window, folder or settings.digests_dir):
        click.echo(path)


@main.command(add_help_option=False, context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
@click.pass_context
def model(context: click.Context) -> None:
    """Fetch, export, verify and list sentiment models."""
    from signals_pipeline.cli.model import model as group

    group.main(context.args, prog_name="signals model", standalone_mode=False)
