"""Consoles and tables for terminals, shared by the commands that print tables."""

import sys
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table

WIDTH = 120  # characters per line when the output is not a terminal


def console(width: int = WIDTH) -> Console:
    """A console as wide as the terminal, or of this width when the output is a pipe or a file."""
    return Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else width)


def table(title: str, *, left: Iterable[str] = (), right: Iterable[str] = (), expand: bool = False) -> Table:
    """A table without rows.

    Args:
        title: Title, above the table on the left.
        left: Names of the left-aligned columns, which come first.
        right: Names of the right-aligned columns.
        expand: Make the table as wide as the console.
    """
    empty = Table(title=title, title_justify="left", expand=expand)
    for name in left:
        empty.add_column(name)
    for name in right:
        empty.add_column(name, justify="right")
    return empty
