"""Filing a measurement: every benchmark owns one section of RESULTS.md and rewrites just that."""

import os
import platform
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

RESULTS = Path(__file__).parent / "RESULTS.md"
HEADER = (
    "# Results\n\nEach section is rewritten by the command it names; times are medians, ratios are of the same run.\n"
)


def machine() -> str:
    """Processors, their instructions for products, memory and Python of this machine, as quoted beside each figure."""
    cpus = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    known = f"{platform.machine()} ({', '.join(instructions()) or 'no vectors known'})"
    return f"{cpus} CPUs, {memory:.0f} GiB, {known}, Python {platform.python_version()}"


def instructions(listed: Path = Path("/proc/cpuinfo")) -> list[str]:
    """What decides how fast products are: the vector and int8 instructions that this CPU has, as Linux names them."""
    flags = next((line for line in listed.read_text().splitlines() if line.startswith("flags")), "").split()
    return [flag for flag in ("avx2", "avx512f", "avx_vnni", "avx512_vnni", "avx512_bf16", "amx_int8") if flag in flags]


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join([*lines, *("| " + " | ".join(str(cell) for cell in row) + " |" for row in rows)])


def file_section(title: str, command: str, body: str) -> None:
    """Put a section into RESULTS.md in place of the one with the same title, and print it."""
    stamp = f"{datetime.now(UTC):%Y-%m-%d}"
    section = f"## {title}\n\n`{command}` on {machine()}, {stamp}\n\n{body.strip()}\n"
    print(section)
    text = RESULTS.read_text() if RESULTS.exists() else HEADER
    pattern = re.compile(rf"^## {re.escape(title)}\n.*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
    known = pattern.search(text)
    text = pattern.sub(lambda _: section + "\n", text) if known else f"{text.rstrip()}\n\n{section}"
    RESULTS.write_text(text.rstrip() + "\n")
