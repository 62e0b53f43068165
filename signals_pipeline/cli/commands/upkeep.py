"""Commands that keep a deployment going."""

import click

from signals_pipeline.settings import Settings


@click.command()
@click.option("--check", is_flag=True, help="Only check that migrations and tables agree, on a database made for it.")
def migrate(*, check: bool) -> None:
    """Upgrade the pipeline's own database to the newest revision."""
    from signals_pipeline.adapters.stores import migrations

    if check:
        migrations.check_tables_match()
        click.echo(f"migrations and tables agree at revision {migrations.head()}")
        return
    settings = Settings.checked()
    migrations.upgrade(settings.database_url)
    click.echo(f"database at revision {migrations.head()}")


@click.command()
@click.option("--frames-days", default=400, show_default=True, help="Age of frames and rendered digest files.")
@click.option("--scores-days", default=400, show_default=True, help="Age of cached sentiment scores.")
@click.option("--runs-days", default=60, show_default=True, help="Age of Dagster runs and their events.")
@click.option("--yes", "act", is_flag=True, help="Remove; without it only the counts are shown.")
def prune(*, frames_days: int, scores_days: int, runs_days: int, act: bool) -> None:
    """Remove what is old and can be made again; signals, digests and mails stay."""
    from signals_pipeline.cli import prune as pruning

    days = {"frames_days": frames_days, "scores_days": scores_days, "runs_days": runs_days}
    pruning.prune(Settings.checked(), now=pruning.today(), **days, act=act)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=8000, show_default=True, help="Port to listen on.")
@click.option("--trust-proxy", "trusted", default="127.0.0.1", help="Proxies whose X-Forwarded-For is believed.")
def web(host: str, port: int, trusted: str) -> None:
    """Serve the digests as pages and as an API; reads the database, starts nothing."""
    from signals_pipeline.cli.web import serve

    serve(Settings.checked(), host, port, trusted)


@click.command()
def watch() -> None:
    """Look whether the digest that is due is there; beat, or fail."""
    from signals_pipeline.cli.watch import watch as look

    look(Settings.checked())


@click.command()
def prepare() -> None:
    """Bring the pipeline's tables and Dagster's own up to date, before a release."""
    from signals_pipeline.cli.watch import prepare as bring

    bring(Settings.checked())


COMMANDS: tuple[click.Command, ...] = (migrate, prune, web, watch, prepare)
