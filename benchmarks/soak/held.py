"""What the processes of a soak held over its windows: memory and open files, and whether they grow."""

from collections.abc import Sequence
from itertools import groupby
from statistics import median
from typing import Any

import numpy as np

from benchmarks.results import table

Lines = Sequence[dict[str, Any]]
PARTS = 10
TOO_FEW = "too few windows"
ENOUGH = 30  # windows in the judged half below which a slope says nothing
# Growth over 100 windows, ten weeks of a deployment, up to which a process counts as flat.
MEMORY = 0.05  # share of what it holds
FILES = 10.0  # a file left open in every tenth run; their number swings by more than that between two collections

MEANS = (
    f"Flat: by a line fitted to the second half of a process's windows (the first fills caches), 100 windows add less"
    f" than {MEMORY:.0%} of its memory and fewer than {FILES:.0f} open files. Every window is one sample, taken when"
    " its run and its mails are over; open files swing by what waits for Python's collector."
)


def lives(lines: Lines, name: str) -> list[Lines]:
    """The windows of each process that had this name: a soak that was stopped starts new ones."""
    return [[*windows] for _, windows in groupby(lines, key=lambda line: line[name]["pid"])]


def growth(life: Lines, name: str) -> tuple[float, float]:
    """MiB and files per 100 windows, by a line fitted to the second half, of two windows at least."""
    later = [line[name] for line in life[len(life) // 2 :]]
    mib, files = (100 * float(np.polyfit(range(len(later)), [each[what] for each in later], 1)[0])
                  for what in ("mib", "files"))  # fmt: skip
    return mib, files


def verdict(life: Lines, name: str) -> str:
    """`flat`, `grows` or `too few windows`."""
    if len(life) - len(life) // 2 < ENOUGH:
        return TOO_FEW
    mib, files = growth(life, name)
    return "flat" if mib < MEMORY * life[-1][name]["mib"] and files < FILES else "grows"


def grows(lines: Lines, names: Sequence[str]) -> bool:
    """Whether any of the processes was found growing."""
    return any(verdict(life, name) == "grows" for name in names for life in lives(lines, name))


def report(lines: Lines, names: Sequence[str]) -> str:
    """Markdown: medians over the windows, each process with its growth, and what flat means."""
    heads = [f"{name}, {unit}" for name in names for unit in ("MiB", "files")]
    return "\n\n".join((
        table(("windows", *heads), _over_time(lines, names)),
        table(("process", "windows", "MiB at first, half, last", "MiB per 100", "files, least to most",
               "files per 100", ""), _processes(lines, names)),
        MEANS,
    ))  # fmt: skip


def _over_time(lines: Lines, names: Sequence[str]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for part in np.array_split(np.arange(len(lines)), min(PARTS, len(lines))):
        samples = [[lines[at][name][what] for at in part] for name in names for what in ("mib", "files")]
        rows.append((f"{part[0] + 1} to {part[-1] + 1}", *(f"{median(each):g}" for each in samples)))
    return rows


def _processes(lines: Lines, names: Sequence[str]) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for name in names:
        for life in lives(lines, name):
            said = verdict(life, name)
            slopes = ("", "") if said == TOO_FEW else (f"{slope:+.1f}" for slope in growth(life, name))
            memory = " ".join(f"{life[at][name]['mib']:g}" for at in (0, len(life) // 2, -1))
            opened = [line[name]["files"] for line in life]
            span = f"{min(opened)} to {max(opened)}"
            mib, files = slopes
            rows.append((name, len(life), memory, mib, span, files, said))
    return rows
