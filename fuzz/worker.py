"""Try inputs of one target in this process, with limits on time and memory, and report each violation once.

Started by `driver`, which ends it where it does not return. Reports are JSON lines on stdout.
"""

import hashlib
import importlib
import json
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Generator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol, cast

from fuzz.inputs import Case, mutated
from fuzz.invariants import InvariantError, kind_of, require

CASE_SECONDS = 20  # no input takes longer
MEMORY_BYTES = 1 << 30  # more than after the examples, which load what is loaded once
MINIMISE_SECONDS = 15.0
CURRENT = "current"  # prefix of the file with the input that is being tried

Check = Callable[[Path], str]


class Target(Protocol):
    """A module of `fuzz.targets`."""

    TOKENS: Sequence[bytes]
    """Words of the format."""

    def examples(self) -> Sequence[Case]:
        """Valid inputs."""
        ...

    def opened(self) -> AbstractContextManager[Check]:
        """The check of one input, a file: returns the kind of its outcome, raises where the invariant is violated."""
        ...


class TooSlowError(BaseException):
    """An input took longer than its limit. No handler of `Exception` may swallow it."""


def load(name: str) -> Target:
    """The target of this name, or of this module."""
    module = name if "." in name else f"fuzz.targets.{name}"
    return cast("Target", importlib.import_module(module))


def attempt(check: Check, case: Case, folder: Path, *, seconds: float = CASE_SECONDS) -> tuple[str, str | None]:
    """Try one input in an empty folder, for so many seconds at most; call it from the main thread.

    Returns:
        The kind of outcome, and the signature of the violation; None where there is none.
    """
    place = folder / "input"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    file = place / case.name
    file.write_bytes(case.content)
    try:
        with _time_limit(seconds):
            outcome = check(file)
        left = sorted(path.name for path in place.iterdir())
        require(left == [case.name], f"left behind: {left}")
    except (Exception, TooSlowError) as error:  # noqa: BLE001 - whatever it raises is the finding
        return "violation", signature_of(error)
    return outcome, None


@contextmanager
def _time_limit(seconds: float) -> Generator[None]:
    """Raise TooSlowError in the block once its time is up."""

    def ring(_number: int, _frame: object) -> None:
        raise TooSlowError(f"more than {seconds:g} s")

    # Without a handler the alarm would end the process.
    previous = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, previous)


def signature_of(error: BaseException) -> str:
    """What went wrong and where in our own code, the same for all inputs that fail alike."""
    ours = [frame for frame in traceback.extract_tb(error.__traceback__) if "/signals_pipeline/" in frame.filename]
    place = f"{Path(ours[-1].filename).name}:{ours[-1].name}" if ours else "outside"
    words = kind_of(str(error).splitlines()[0]) if isinstance(error, InvariantError) else ""
    return f"{type(error).__name__} in {place}{': ' if words else ''}{words}"


def minimised(check: Check, case: Case, signature: str, folder: Path) -> Case:
    """The case without whatever can be left out of it, as far as that is found within MINIMISE_SECONDS."""
    end = time.monotonic() + MINIMISE_SECONDS
    size = len(case.content) // 2
    while size:
        start = 0
        while start < len(case.content):
            if time.monotonic() > end:
                return case
            smaller = replace(case, content=case.content[:start] + case.content[start + size :])
            if attempt(check, smaller, folder)[1] == signature:
                case = smaller
            else:
                start += size
        size //= 2
    return case


def case_of(path: Path) -> Case:
    """A case as it is kept: its file's name after the hash."""
    return Case(path.name.partition("-")[2], path.read_bytes())


def kept_name(case: Case) -> str:
    """The name of the file in which a case is kept; `case_of` reads it."""
    return f"{hashlib.sha256(case.content).hexdigest()[:10]}-{case.name}"


def main(name: str, seed: int, seconds: float, corpus: Path, folder: Path) -> None:
    """Try the kept inputs, then mutations until the time is over."""
    end = time.monotonic() + seconds
    target = load(name)
    outcomes: Counter[str] = Counter()
    signatures: set[str] = set()
    kept_files = sorted(corpus.glob("*-*"))
    kept = [case_of(path) for path in kept_files]
    with target.opened() as check:

        def run(case: Case, origin: str) -> None:
            for stale in folder.glob(f"{CURRENT}-*"):
                stale.unlink()
            (folder / f"{CURRENT}-{case.name}").write_bytes(case.content)
            outcome, signature = attempt(check, case, folder)
            outcomes[outcome] += 1
            if signature is None or signature in signatures:
                return
            signatures.add(signature)
            smallest = minimised(check, case, signature, folder)
            kept = corpus / kept_name(smallest)
            corpus.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(smallest.content)
            _report(event="failure", signature=signature, origin=origin, file=str(kept))

        examples = list(target.examples())
        for case in examples:
            run(case, "an example")
        _limit_memory()
        for path, case in zip(kept_files, kept, strict=True):
            run(case, f"the corpus: {path.name}")
        turn = 0
        while time.monotonic() < end:
            turn += 1
            chance = random.Random(f"{seed}/{turn}")
            run(mutated(chance, chance.choice([*examples, *kept]), target.TOKENS), f"seed {seed}, input {turn}")
    _report(event="end", outcomes=dict(outcomes))


def _limit_memory() -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    limit = pages * resource.getpagesize() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def _report(**fields: Any) -> None:  # noqa: ANN401
    sys.__stdout__.write(json.dumps(fields) + "\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        _, chosen, first_seed, budget, corpus_folder, *rest = sys.argv
        main(chosen, int(first_seed), float(budget), Path(corpus_folder), Path(rest[0] if rest else scratch))
