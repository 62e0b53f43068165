"""`signals`: the pipeline from a terminal; thin, it calls the same code as the assets.

Commands import what they need when they run, so that `signals --help` answers at once.
"""

import sys
import warnings
from importlib import import_module
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
@click.option("--force", is_flag=True, help="Also run windows that have their digest already.")
@click.option("--parallel", default=0, help="Launch so many runs at a time through a Dagster webserver.")
@click.option("--at", "url", default="http://127.0.0.1:3000", show_default=True, help="That webserver's address.")
def backfill(first: str, last: str, *, force: bool, parallel: int, url: str) -> None:
    """Run past windows that are not done yet; nothing is mailed.

    Without --parallel the windows run in this process. With it a long history goes as several runs through Dagster's
    queue, and its limits hold.
    """
    from signals_pipeline.adapters.migrate import upgrade
    from signals_pipeline.cli import backfilling, report, runs

    settings = Settings.checked()
    windows = runs.windows_in_range(settings, first, last)
    upgrade(settings.database_url)
    ranges = backfilling.parts(windows, () if force else runs.windows_told(settings, windows), count=max(parallel, 1))
    backfilling.show_left(windows, ranges)
    if parallel:
        backfilling.Launcher(url.rstrip("/"), click.echo).run(ranges, parallel=parallel)
    else:
        for part in ranges:
            runs.execute(settings, part, mode="backfill")
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
@click.option("--window", "windows", multiple=True, required=True, help="A window's key; may be given several times.")
def audit(windows: tuple[str, ...]) -> None:
    """Make windows again from inputs cut, and from inputs poisoned, after their end: nothing known later may count.

    Ends with exit code 1 where anything differs.
    """
    from signals_pipeline.cli.audit import findings, line

    differs = False
    for window, found in findings(Settings.checked(), windows):
        click.echo(f"{window.key}  compared with the inputs cut at {window.as_of:%Y-%m-%d %H:%M} UTC:")
        for each in found:
            click.echo(line(each))
            differs |= each.difference is not None
    sys.exit(1 if differs else 0)


@main.command()
@click.argument("window")
@click.option("--to", "folder", type=click.Path(path_type=Path), help="Folder to write to; default: the digests' own.")
def preview(window: str, folder: Path | None) -> None:
    """Write the digest of WINDOW as HTML, text, JSON and as the mail (.eml), and say where; nothing is sent."""
    from signals_pipeline.cli import mail, report

    settings = Settings.checked()
    folder = folder or settings.digests_dir
    for path in (*report.write_preview(settings, window, folder), mail.write_mail(settings, window, folder)):
        click.echo(path)


@main.command()
@click.argument("window")
@click.option("--release", is_flag=True, help="Send it whatever its age, and also where it was backfilled.")
def send(window: str, *, release: bool) -> None:
    """Send the digest of WINDOW to every recipient who has not got it; nobody gets it twice."""
    from signals_pipeline.cli import mail

    for line in mail.send(Settings.checked(), window, release=release):
        click.echo(line)


@main.command("send-test")
@click.argument("address")
def send_test(address: str) -> None:
    """Send a short test mail to ADDRESS by way of MAIL_TRANSPORT."""
    from signals_pipeline.cli import mail

    click.echo(mail.send_test(Settings.checked(), address))


@main.command()
@click.option("--try", "tried", multiple=True, help="Values of a knob, SENTIMENT_WEIGHT=0.4,0.6; may be repeated.")
@click.option("--from", "first", help="First window's key.")
@click.option("--to", "last", help="Last window's key, included.")
@click.option("--windows", default=520, show_default=True, type=click.IntRange(1), help="The newest so many of them.")
@click.option("--horizon", default="5", show_default=True, type=click.Choice(["1", "3", "5", "10"]), help="Sessions.")
def tune(tried: tuple[str, ...], first: str | None, last: str | None, windows: int, horizon: str) -> None:
    """Replay past windows under other knobs and say whether the best is more than luck; nothing is scored or stored.

    Without --try a grid of 100 settings. Every setting ever tried is counted.
    """
    from datetime import UTC, datetime

    from signals_pipeline.cli.tune import choices_of, replayed

    replayed(Settings.checked(), choices_of(tried), (first, last, windows), int(horizon), datetime.now(UTC))


@main.command()
@click.option("--from", "first", help="First window's key.")
@click.option("--to", "last", help="Last window's key, included.")
@click.option("--windows", default=520, show_default=True, type=click.IntRange(1), help="The newest so many of them.")
@click.option("--horizon", default="5", show_default=True, type=click.Choice(["1", "3", "5", "10"]), help="Sessions.")
def record(first: str | None, last: str | None, windows: int, horizon: str) -> None:
    """How signals did: hit rates, rank correlation, calibration and slices, with figures as PNG."""
    from datetime import UTC, datetime

    from signals_pipeline.cli.record import show

    show(Settings.checked(), (first, last, windows), int(horizon), datetime.now(UTC))


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option("--trust-proxy", "trusted", default="127.0.0.1", help="Proxies whose X-Forwarded-For is believed.")
def web(host: str, port: int, trusted: str) -> None:
    """Serve the digests as pages and as an API; reads the database, starts nothing."""
    from signals_pipeline.cli.web import serve

    serve(Settings.checked(), host, port, trusted)


@main.command()
def feedback() -> None:
    """What readers said of signals, useful or not, by news source and by symbol."""
    from signals_pipeline.cli.web import show_feedback

    show_feedback(Settings.checked())


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of lines.")
@click.pass_context
def doctor(context: click.Context, *, as_json: bool) -> None:
    """Look at everything that a run needs; exit code 1 where something is broken."""
    from signals_pipeline.cli.doctor import document, examine, healthy, lines

    found = examine()
    click.echo(document(found) if as_json else "\n".join(lines(found)))
    context.exit(0 if healthy(found) else 1)


@main.command()
@click.option("--frames-days", default=400, show_default=True, help="Age of frames and rendered digest files.")
@click.option("--scores-days", default=400, show_default=True, help="Age of cached sentiment scores.")
@click.option("--runs-days", default=60, show_default=True, help="Age of Dagster runs and their events.")
@click.option("--yes", "act", is_flag=True, help="Remove; without it only the counts are shown.")
def prune(*, frames_days: int, scores_days: int, runs_days: int, act: bool) -> None:
    """Remove what is old and can be made again; signals, digests and mails stay."""
    from signals_pipeline.cli import prune as pruning

    days = {"frames_days": frames_days, "scores_days": scores_days, "runs_days": runs_days}
    pruning.prune(Settings.checked(), now=pruning.today(), **days, act=act)


@main.command()
def watch() -> None:
    """Look whether the digest that is due is there; beat, or fail."""
    from signals_pipeline.cli.watch import watch as look

    look(Settings.checked())


@main.command()
def prepare() -> None:
    """Bring the pipeline's tables and Dagster's own up to date, before a release."""
    from signals_pipeline.cli.watch import prepare as bring

    bring(Settings.checked())


def _passed_on(name: str, told: str, attribute: str, *, module: str, first: tuple[str, ...] = ()) -> None:
    """Add a command whose arguments are read by one of another module, which is imported only when it is run.

    Args:
        name: What is typed after `signals`.
        told: What `signals --help` says of it.
        attribute: Name of the other command.
        module: Where it stands, below `signals_pipeline.cli`.
        first: Arguments that it is given before those typed.
    """

    @main.command(name, help=told, add_help_option=False, context_settings=dict(_PASSED_ON))
    @click.pass_context
    def pass_on(context: click.Context) -> None:
        command = getattr(import_module(f"signals_pipeline.cli.{module}"), attribute)
        prog_name = "signals" if first else f"signals {name}"
        command.main([*first, *context.args], prog_name=prog_name, standalone_mode=False)


_PASSED_ON: dict[str, bool] = {"ignore_unknown_options": True, "allow_extra_args": True}
_RELEASES = {
    "deploy": "Release on AWS: build, check, push, migrate, put into service; back if it does not settle.",
    "rollback": "Put an earlier revision back into service on AWS.",
    "status": "What is in service on AWS.",
    "generator": "The emergency switch on AWS: technical, and back to news_driven.",
}
_GROUPS = {
    "deliveries": "List the mails that were not sent; release, abandon or send them.",
    "model": "Fetch, export, verify and list sentiment models.",
    "cost": "What a month on AWS costs, line by line.",
    "watchlist": "Check the watchlist, list the presets, copy one.",
}
for _name, _told in _GROUPS.items():
    _passed_on(_name, _told, _name, module=_name)
for _name, _told in _RELEASES.items():
    _passed_on(_name, _told, "release", module="deploy", first=(_name,))
