"""Share the time out over the targets, each in a process of its own, and report.

A process that is killed (a crash in native code, the kernel's limit) or does not come back is a violation of the input
that it was trying; another one goes on with the time that is left.
"""

import json
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.worker import CASE_SECONDS, CURRENT, MINIMISE_SECONDS, case_of, kept_name

CORPUS = Path(__file__).parent / "corpus"
TARGETS = tuple(sorted(path.stem for path in (Path(__file__).parent / "targets").glob("[a-z]*.py")))
# Imports, examples, and the last input with its minimisation.
_GRACE_SECONDS = 60 + 2 * CASE_SECONDS + MINIMISE_SECONDS
_MAX_CRASHES = 5


@dataclass
class Findings:
    """What came of one target.

    Attributes:
        target: Its name.
        outcomes: How many inputs had each kind of outcome.
        failures: One line for each violation: what, from which seed, and the file to try again.
    """

    target: str
    outcomes: Counter[str] = field(default_factory=Counter[str])
    failures: list[str] = field(default_factory=list[str])

    @property
    def line(self) -> str:
        """The row of the report."""
        runs = sum(self.outcomes.values())
        return f"{self.target:<14} {runs:>8,} {len(self.outcomes):>10} {len(self.failures):>10}"


def fuzz(targets: Sequence[str], *, seconds: float, seed: int, corpus: Path = CORPUS) -> list[Findings]:
    """Fuzz these targets, one after another, within this time altogether."""
    found: list[Findings] = []
    end = time.monotonic() + seconds
    for place, target in enumerate(targets):
        share = max(0.0, end - time.monotonic()) / (len(targets) - place)
        found.append(_fuzz_one(target, seconds=share, seed=seed, corpus=corpus / target.rpartition(".")[2]))
    return found


def _fuzz_one(target: str, *, seconds: float, seed: int, corpus: Path) -> Findings:
    findings = Findings(target)
    end = time.monotonic() + seconds
    for crashes in range(_MAX_CRASHES):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            left = max(0.0, end - time.monotonic())
            ending = _run_worker(target, seed + crashes, left, corpus, folder)
            is_over = _read_reports(folder / "log", findings)
            if is_over:
                return findings
            _keep_current(findings, corpus, folder, ending)
    return findings


def _run_worker(target: str, seed: int, seconds: float, corpus: Path, folder: Path) -> str:
    """Let a worker write its reports into the folder; how it ended, in words."""
    scratch = folder / "scratch"
    scratch.mkdir()
    command = [sys.executable, "-m", "fuzz.worker", target, str(seed), str(seconds), str(corpus), str(scratch)]
    with (folder / "log").open("w") as log, (folder / "errors").open("w") as errors:
        try:
            code = subprocess.run(  # noqa: S603
                command, stdout=log, stderr=errors, timeout=seconds + _GRACE_SECONDS, check=False
            ).returncode
        except subprocess.TimeoutExpired:
            return "did not come back"
    words = (folder / "errors").read_text(errors="replace").strip().splitlines()
    return f"ended with {code}: {words[-1][:200] if words else 'no message'}"


def _read_reports(log: Path, findings: Findings) -> bool:
    """Add the worker's reports; whether it came to its end."""
    is_over = False
    for line in log.read_text().splitlines():
        report = json.loads(line)
        if report["event"] == "failure":
            findings.failures.append(
                f"{report['signature']} ({report['origin']}): python -m fuzz --replay {report['file']}"
            )
        else:
            findings.outcomes.update(report["outcomes"])
            is_over = True
    return is_over


def _keep_current(findings: Findings, corpus: Path, folder: Path, ending: str) -> None:
    current = next((folder / "scratch").glob(f"{CURRENT}-*"), None)
    if current is None:
        findings.failures.append(f"the worker {ending}, before the first input")
        return
    case = case_of(current)
    corpus.mkdir(parents=True, exist_ok=True)
    kept = corpus / kept_name(case)
    kept.write_bytes(case.content)
    findings.failures.append(f"the worker {ending}: python -m fuzz --replay {kept}")
