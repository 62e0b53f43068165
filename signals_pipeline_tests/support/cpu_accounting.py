"""A pytest plugin that writes the CPU seconds of every test, its fixtures and its ended children, to a file.

Use it with `-p signals_pipeline_tests.support.cpu_accounting --cpu-seconds FILE`; a line holds CPU seconds, wall-clock
seconds and the test. What a fixture of a module or session costs is in its first test (set-up) and last test (its end).
A child counts once it was waited for, so that a server of a whole file is in the file's last test.
"""

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Declare the option that names the file."""
    parser.addoption("--cpu-seconds", type=Path, help="append CPU and wall-clock seconds of every test to this file")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Append the test's line after its fixtures have ended."""
    report: Path | None = item.config.getoption("--cpu-seconds")
    cpu_before, wall_before = _cpu_seconds(), time.monotonic()
    result = yield
    if report:
        cpu, wall = _cpu_seconds() - cpu_before, time.monotonic() - wall_before
        with report.open("a", encoding="utf-8") as lines:  # one short write in append mode: workers share the file
            lines.write(f"{cpu:.2f}\t{wall:.2f}\t{item.nodeid}\n")
    return result


def _cpu_seconds() -> float:
    own = resource.getrusage(resource.RUSAGE_SELF)
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + children.ru_utime + children.ru_stime
