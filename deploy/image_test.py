"""Build the image, run a window of the sample in it from a cold start at two sizes, and write down what it took.

Needs a Docker command line (an engine, or podman behind it): `make image-test`. The report is committed.
"""

import hashlib
import re
import runpy
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import requires
from pathlib import Path
from unittest.mock import patch

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "deploy" / "IMAGE_REPORT.md"
INPUTS = (".dockerignore", "Dockerfile", "deploy/trim.sh", "deploy/warm.py")
WINDOW = "2015-02-05-17:30"
SIZES = ("2g", "512m")
IMAGE = "signals:image-test"
RUN = f"""
import resource, subprocess, sys
done = subprocess.run(["signals", "run", "--window", "{WINDOW}"], stdout=subprocess.PIPE, text=True)
print(done.stdout[-600:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.exit(done.returncode)
"""


def fingerprint() -> str:
    """SHA-256 of what decides the image's layers below the code: the files, and the packages with their pins.

    A package that only developers install is no part of it.
    """
    digest = hashlib.sha256()
    for name in INPUTS:
        digest.update(name.encode() + b"\0" + (ROOT / name).read_bytes() + b"\0")
    digest.update("\n".join(pins()).encode())
    return digest.hexdigest()


def pins() -> list[str]:
    """Direct requirements of runs and of FinBERT's preparation, and the lock's line of all that runs pull in."""
    with patch("setuptools.setup"):
        lists = runpy.run_path(str(ROOT / "setup.py"))
    wanted, known = [Requirement(line) for line in lists["RUNTIME"]], set()
    while wanted:
        requirement = wanted.pop()
        key = (canonicalize_name(requirement.name), *sorted(requirement.extras))
        if key not in known:
            known.add(key)
            wanted += list(_pulled_in(requirement))
    names = {name for name, *_ in known}
    lock = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line[:1].isalnum()]
    locked = [line for line in lock if canonicalize_name(re.split("[=<>]", line)[0]) in names]
    return sorted([*lists["RUNTIME"], *lists["FINBERT"], *locked])


def _pulled_in(requirement: Requirement) -> Iterator[Requirement]:
    """What an installed package asks for, with the extras that are wanted of it."""
    for line in requires(requirement.name) or ():
        each = Requirement(line)
        if not each.marker or any(each.marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)):
            yield each


def docker(*arguments: str) -> str:
    """What the Docker command line says; a failure ends the test with its words."""
    done = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(
            f"docker {' '.join(arguments)}: exit code {done.returncode}\n{done.stdout[-2000:]}{done.stderr[-4000:]}"
        )
    return done.stdout


def build(model: str) -> float:
    """Build the image; seconds."""
    started = time.monotonic()
    docker("build", "--network", "host", "--build-arg", f"MODEL={model}", "--tag", IMAGE, str(ROOT))
    return time.monotonic() - started


def compressed_size() -> int:
    """Bytes of the image as a registry stores it, gzip at level 6."""
    packer, size = zlib.compressobj(6), 0
    with subprocess.Popen(["docker", "save", IMAGE], stdout=subprocess.PIPE) as saving:
        assert saving.stdout is not None
        while block := saving.stdout.read(1 << 20):
            size += len(packer.compress(block))
    return size + len(packer.flush())


def cold_run(memory: str) -> tuple[float, float]:
    """Materialise the window in a new container with half a CPU, without network and on a read-only root.

    Returns:
        Seconds from `docker run` to its end, and the run's peak resident memory in MB.
    """
    settings = ("--env", "SIGNALS_DEPLOYMENT=demo", "--env", "DAGSTER_HOME=")
    limits = ("--cpus", "0.5", "--memory", memory, "--memory-swap", memory, "--network", "none", "--read-only")
    started = time.monotonic()
    said = docker("run", "--rm", *limits, *settings, IMAGE, "python", "-c", RUN)
    seconds = time.monotonic() - started
    if f"{WINDOW.replace(':', '')}.html" not in said:
        sys.exit(f"the run at {memory} said nothing of a digest:\n{said}")
    return seconds, int(said.split()[-1]) / 1e6


def main() -> None:
    """Build, measure, write the report."""
    model = sys.argv[1] if len(sys.argv) > 1 else "finbert"
    built, rebuilt = build(model), build(model)
    size = compressed_size() / 1e6
    runs = [(memory, *cold_run(memory)) for memory in SIZES]
    checked = docker("run", "--rm", "--network", "none", "--read-only", IMAGE, "signals", "model", "check").strip()
    lines = [
        "# The image as last tested",
        "",
        f"`make image-test MODEL={model}` on {datetime.now(UTC):%Y-%m-%d}.",
        "The inputs' fingerprint is compared in CI: a changed Dockerfile, package or lock asks for a new test.",
        "",
        "| what | figure |",
        "|---|---|",
        f"| fingerprint of {', '.join(INPUTS)} and the packages with their pins | `{fingerprint()}` |",
        f"| model | {model}: {checked} |",
        f"| build; again with nothing changed | {built:.0f} s; {rebuilt:.0f} s |",
        f"| compressed size | {size:.0f} MB |",
        *(
            f"| window {WINDOW}, cold, 0.5 CPU, {memory} | {seconds:.0f} s, peak {peak:.0f} MB |"
            for memory, seconds, peak in runs
        ),
        "",
    ]
    REPORT.write_text("\n".join(lines), encoding="utf-8")
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
