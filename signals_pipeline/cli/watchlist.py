"""`signals watchlist`: check the file that says whom to follow, and start from a preset."""

import shutil
from pathlib import Path

import click

from signals_pipeline import sample
from signals_pipeline.adapters.watchlist import WatchlistError, load_watchlist, mistakes_in, presets
from signals_pipeline.core.watchlist import Watchlist
from signals_pipeline.settings import Settings


@click.group()
def watchlist() -> None:
    """Check the watchlist, list the presets, copy one."""


@watchlist.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
def check(file: Path | None) -> None:
    """Say what FILE follows, or each mistake with its line; without FILE the one of SIGNALS_WATCHLIST."""
    path = file or Settings.checked().signals_watchlist or sample.WATCHLIST
    found = mistakes_in(path)
    if found:
        raise WatchlistError("\n".join(found))
    click.echo(f"{path}: {summary(load_watchlist(path))}")


@watchlist.command("presets")
def list_presets() -> None:
    """Name the watchlists that come with the package."""
    for name, path in presets().items():
        click.echo(f"{name:<16} {summary(load_watchlist(path))}")


@watchlist.command()
@click.argument("preset")
@click.argument("file", type=click.Path(path_type=Path))
def copy(preset: str, file: Path) -> None:
    """Copy PRESET to FILE, to be changed; an existing file is left as it is."""
    if preset not in presets():
        raise WatchlistError(f"no preset {preset!r}; there are {', '.join(presets())}")
    if file.exists():
        raise WatchlistError(f"{file} is there already; remove it or name another file")
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(presets()[preset], file)
    click.echo(f"{file}: {summary(load_watchlist(file))}; next: SIGNALS_WATCHLIST={file}")


def summary(followed: Watchlist) -> str:
    """How many companies and names are followed, in one line."""
    clear = sum(1 + len(company.aliases) for company in followed)
    ambiguous = sum(len(company.ambiguous_aliases) for company in followed)
    filers = sum(bool(company.cik) for company in followed)
    return f"{len(followed)} companies, {clear} clear names, {ambiguous} ambiguous ones, {filers} with a CIK"
