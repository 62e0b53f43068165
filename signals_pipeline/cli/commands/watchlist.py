"""`signals watchlist`: check the file with the companies to follow, and start one from a preset."""

import shutil
from pathlib import Path

import click

from signals_pipeline import sample
from signals_pipeline.adapters.watchlist import WatchlistError, load_watchlist, mistakes_in, presets
from signals_pipeline.core.watchlist import Watchlist
from signals_pipeline.settings import Settings


@click.group()
def watchlist() -> None:
    """Check the watchlist, list presets, copy one."""


@watchlist.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
def check(file: Path | None) -> None:
    """Summarise FILE, or list its mistakes by line; without FILE, the watchlist of SIGNALS_WATCHLIST."""
    path = file or Settings.checked().signals_watchlist or sample.WATCHLIST
    mistakes = mistakes_in(path)
    if mistakes:
        raise WatchlistError("\n".join(mistakes))
    click.echo(f"{path}: {summary(load_watchlist(path))}")


@watchlist.command("presets")
def list_presets() -> None:
    """List the watchlists that come with the package."""
    for name, path in presets().items():
        click.echo(f"{name:<16} {summary(load_watchlist(path))}")


@watchlist.command()
@click.argument("preset")
@click.argument("file", type=click.Path(path_type=Path))
def copy(preset: str, file: Path) -> None:
    """Copy PRESET to FILE, to be edited; an existing file is not overwritten."""
    if preset not in presets():
        raise WatchlistError(f"no preset {preset!r}; there are {', '.join(presets())}")
    if file.exists():
        raise WatchlistError(f"{file} already exists; delete it or choose another name")
    file.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(presets()[preset], file)
    click.echo(f"{file}: {summary(load_watchlist(file))}; next: SIGNALS_WATCHLIST={file}")


def summary(companies: Watchlist) -> str:
    """How many companies and names a watchlist has, in one line."""
    clear = sum(1 + len(company.aliases) for company in companies)  # 1: the company's own name
    ambiguous = sum(len(company.ambiguous_aliases) for company in companies)
    with_cik = sum(bool(company.cik) for company in companies)
    return f"{len(companies)} companies, {clear} clear names, {ambiguous} ambiguous ones, {with_cik} with a CIK"
