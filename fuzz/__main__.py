"""`python -m fuzz`: fuzz for some minutes, or try one kept input again and show its traceback."""

import random
from pathlib import Path

import click

from fuzz.driver import TARGETS, fuzz
from fuzz.worker import load


@click.command()
@click.option("--minutes", default=5.0, show_default=True, help="For all targets together.")
@click.option("--target", "targets", multiple=True, type=click.Choice(TARGETS), help="Only this one; repeat for more.")
@click.option("--seed", type=int, help="Of the inputs; a random one is printed otherwise.")
@click.option("--replay", type=click.Path(exists=True, path_type=Path), help="A file of corpus/TARGET/.")
def main(*, minutes: float, targets: tuple[str, ...], seed: int | None, replay: Path | None) -> None:
    """Try mutated inputs of every kind; exit with 1 if one is neither read nor refused in a clear line."""
    if replay is not None:
        with load(replay.parent.name).opened() as check:
            click.echo(check(_named(replay)))
        return

    seed = random.randrange(10**9) if seed is None else seed
    click.echo(f"seed {seed}")
    found = fuzz(targets or TARGETS, seconds=60 * minutes, seed=seed)
    click.echo(f"{'target':<14} {'runs':>8} {'outcomes':>10} {'failures':>10}")
    for findings in found:
        click.echo(findings.line)
    failures = [f"{findings.target}: {failure}" for findings in found for failure in findings.failures]
    for failure in failures:
        click.echo(failure, err=True)
    if failures:
        raise SystemExit(1)


def _named(kept: Path) -> Path:
    """The kept input in a folder of its own, under the name that it had."""
    import tempfile

    file = Path(tempfile.mkdtemp()) / kept.name.partition("-")[2]
    file.write_bytes(kept.read_bytes())
    return file


if __name__ == "__main__":
    main()
