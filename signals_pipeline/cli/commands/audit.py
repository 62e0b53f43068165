"""`signals audit`: check windows for look-ahead."""

import sys

import click

from signals_pipeline.settings import Settings


@click.command()
@click.option("--window", "windows", multiple=True, required=True, help="Key of a window; can be repeated.")
def audit(windows: tuple[str, ...]) -> None:
    """Check that data after a window's end changes nothing in it.

    Each window is computed anew from inputs that end at its end, and from inputs that are poisoned after it. The exit
    code is 1 if anything differs.
    """
    from signals_pipeline.cli.audit import audit_windows, line

    differs = False
    for window, comparisons in audit_windows(Settings.checked(), windows):
        click.echo(f"{window.key}  compared with inputs that end at {window.as_of:%Y-%m-%d %H:%M} UTC:")
        for comparison in comparisons:
            click.echo(line(comparison))
            if comparison.difference is not None:
                differs = True
    sys.exit(1 if differs else 0)
