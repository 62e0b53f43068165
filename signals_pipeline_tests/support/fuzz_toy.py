"""A target of the fuzzer whose inputs name what they do."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fuzz.inputs import Case
from fuzz.invariants import outcome_of
from fuzz.worker import Check
from signals_pipeline.core.errors import SignalsError

TOKENS = (b"fail",)
CRASH = Case("toy.txt", b"crash")


def examples() -> Sequence[Case]:
    """One input for each outcome, all but the crash."""
    inputs = (b"read", b"refuse", b"two lines", b"xxxx fail xxxx", b"fail again", b"leave a file")
    return tuple(Case("toy.txt", content) for content in inputs)


@contextmanager
def opened() -> Iterator[Check]:
    """Do what the input says."""
    yield lambda file: outcome_of(lambda: _act(file))


def _act(file: Path) -> str:
    content = file.read_bytes()
    if b"refuse" in content:
        raise SignalsError("toy.txt line 7: 'value' is wrong; correct it")
    if b"two lines" in content:
        raise SignalsError("wrong\nand wrong again")
    if b"fail" in content:
        raise KeyError(content)
    if b"leave" in content:
        file.with_name("left").touch()
    if b"crash" in content:
        os._exit(3)
    return "read"
