"""Commands that look at how signals did, and at what a run needs."""

import click

from signals_pipeline.settings import Settings


@click.command()
@click.option("--from", "first", help="First window's key.")
@click.option("--to", "last", help="Last window's key, included.")
@click.option("--windows", default=520, show_default=True, type=click.IntRange(1), help="The newest so many of them.")
@click.option("--horizon", default="5", show_default=True, type=click.Choice(["1", "3", "5", "10"]), help="Sessions.")
def record(first: str | None, last: str | None, windows: int, horizon: str) -> None:
    """How signals did: hit rates, rank correlation, calibration and slices, with figures as PNG."""
    from datetime import UTC, datetime

    from signals_pipeline.cli.record import show

    show(Settings.checked(), (first, last, windows), int(horizon), datetime.now(UTC))


@click.command()
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


@click.command()
def feedback() -> None:
    """What readers said of signals, useful or not, by news source and by symbol."""
    from signals_pipeline.cli.web import show_feedback

    show_feedback(Settings.checked())


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON document instead of lines.")
@click.option("--seconds", default=8.0, show_default=True, help="All looks together are not waited for longer.")
@click.option("--production", is_flag=True, help="Look at the stack in AWS: the checklist of docs/deployment.md.")
@click.option("--stack", help="That stack; default: SIGNALS_STACK.")
@click.option("--outside", is_flag=True, help="Without the task that looks from inside the stack.")
@click.pass_context
def doctor(
    context: click.Context, *, as_json: bool, seconds: float, production: bool, stack: str | None, outside: bool
) -> None:
    """Look at everything that a run needs; exit code 1 where something is broken."""
    import atexit

    from signals_pipeline.cli.doctor import document, examine, examine_production, healthy, leave, lines

    if production:
        found = examine_production(stack or Settings.checked().signals_stack, inside=not outside)
    else:
        found = examine(seconds)
    click.echo(document(found) if as_json else "\n".join(lines(found)))
    code = 0 if healthy(found) else 1
    atexit.register(leave, code)
    context.exit(code)


COMMANDS: tuple[click.Command, ...] = (record, tune, feedback, doctor)
