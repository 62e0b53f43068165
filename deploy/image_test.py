"""Build the image, run a window of the sample in it from a cold start at two sizes, and write down what it took.

Needs a Docker command line: `make image-test MODELS="finbert compact"`. The report is committed. Further arguments, as
`--build-arg TORCH_INDEX=...`, go on to `docker build`. The figures of building again are those of Docker's own builder,
BuildKit (DOCKER_BUILDKIT=1 where Docker is older than 23). podman behind the command line works, but reads again at
each build all that is copied from another stage.
"""

import hashlib
import os
import re
import runpy
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
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
RUN = f"""
import resource, subprocess, sys
done = subprocess.run(["signals", "run", "--window", "{WINDOW}"], stdout=subprocess.PIPE, text=True)
print(done.stdout[-600:])
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
sys.exit(done.returncode)
"""
SERVICES = {  # as in deploy/stack.yaml, each with the port that it listens on; the daemon has none
    "code server": (
        "dagster api grpc --module-name=signals_pipeline.definitions --location-name=signals_pipeline"
        " --host=127.0.0.1 --port=4000"
    ),
    "daemon": "dagster-daemon run --workspace=/app/deploy/workspace.yaml",
    "UI": "dagster-webserver --host=127.0.0.1 --port=3000 --workspace=/app/deploy/workspace.yaml",
    "pages": "signals web --host=127.0.0.1 --port=8000",
}
CONTROL = f"""
import os, re, socket, subprocess, time
os.mkdir("/data/home")
open("/data/home/dagster.yaml", "w").close()
subprocess.run(["signals", "migrate"], check=True, stdout=subprocess.DEVNULL)
started, found = time.monotonic(), []
for name, command in {SERVICES!r}.items():
    process = subprocess.Popen(command.split(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    found.append(process)
    if port := re.search("--port=([0-9]+)", command):
        while socket.socket().connect_ex(("127.0.0.1", int(port[1]))):
            time.sleep(0.2)
        print(f"{{name}} after {{time.monotonic() - started:.0f}} s,")
time.sleep(30)
assert all(process.poll() is None for process in found)
peaks = [re.search("VmHWM:[^0-9]+([0-9]+)", open(f"/proc/{{process.pid}}/status").read()) for process in found]
print(f"peak {{sum(int(peak[1]) for peak in peaks) * 1024 / 1e6:.0f}} MB")
"""
MEANING = {
    "finbert": "fetched from the hub",
    "local": "a folder in the hub's layout",
    "compact": "bundled",
}


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


def engine() -> str:
    """Name and version of what builds and runs."""
    first = "(index .Server.Components 0)"
    said = docker("version", "--format", f"{{{{{first}.Name}}}} {{{{{first}.Version}}}}").strip()
    return f"Docker {said}" if said.startswith("Engine") else said


def build(model: str, given: list[str]) -> float:
    """Build the image; seconds."""
    started = time.monotonic()
    docker(
        "build", "--network", "host", "--build-arg", f"MODEL={model}", *given, "--tag", f"signals:{model}", str(ROOT)
    )
    return time.monotonic() - started


@contextmanager
def changed_code() -> Iterator[None]:
    """Meanwhile the package has one module more."""
    module = ROOT / "signals_pipeline" / "image_test_change.py"
    module.write_text(f'"""Written at {datetime.now(UTC)}."""\n')
    try:
        yield
    finally:
        module.unlink()


def compressed_size(image: str) -> int:
    """Bytes of the image as a registry stores it, gzip at level 6."""
    packer, size = zlib.compressobj(6), 0
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saving:
        assert saving.stdout is not None
        while block := saving.stdout.read(1 << 20):
            size += len(packer.compress(block))
    return size + len(packer.flush())


def cold_run(image: str, memory: str) -> str:
    """Materialise the window from a cold start.

    Returns:
        Seconds from `docker run` to its end, and the run's peak resident memory in MB.
    """
    started = time.monotonic()
    said = half_a_processor(image, memory, "", RUN)
    seconds = time.monotonic() - started
    if f"{WINDOW.replace(':', '')}.html" not in said:
        sys.exit(f"the run at {memory} said nothing of a digest:\n{said}")
    return f"{seconds:.0f} s, peak {int(said.split()[-1]) / 1e6:.0f} MB"


def half_a_processor(image: str, memory: str, home: str, script: str) -> str:
    """What a script says in a new container with half a CPU, without network and on a read-only root.

    Args:
        image: The image.
        memory: How much it may have, as Docker writes it.
        home: DAGSTER_HOME.
        script: Python.
    """
    settings = ("--env", "SIGNALS_DEPLOYMENT=demo", "--env", f"DAGSTER_HOME={home}")
    limits = ("--cpus", "0.5", "--memory", memory, "--memory-swap", memory, "--network", "none", "--read-only")
    return docker("run", "--rm", *limits, *settings, image, "python", "-c", script)


def control(image: str) -> str:
    """Start all that the control service is in one container: when each listens, and their peak memory together."""
    said = " ".join(half_a_processor(image, "2g", "/data/home", CONTROL).split())
    if "peak" not in said:
        sys.exit(f"the control service did not come up:\n{said}")
    return said


def measured(model: str, given: list[str]) -> dict[str, str]:
    """What one model's image took, by name of the figure."""
    image, built = f"signals:{model}", build(model, given)
    again = build(model, given)
    with changed_code():
        after = build(model, given)
    check = docker("run", "--rm", "--network", "none", "--read-only", image, "signals", "model", "check").strip()
    return {
        "model": check,
        "build; again with nothing changed; after a change of code": f"{built:.0f} s; {again:.0f} s; {after:.0f} s",
        "compressed size": f"{compressed_size(image) / 1e6:.0f} MB",
        **{f"window {WINDOW}, cold, 0.5 CPU, {memory}": cold_run(image, memory) for memory in SIZES},
        "control service, 0.5 CPU, 2g": control(image),
    }


def main(models: list[str], given: list[str]) -> None:
    """Build, measure, write the report."""
    found = {model: measured(model, given) for model in models}
    figures = next(iter(found.values()))
    lines = [
        "# The image as last tested",
        "",
        f'`make image-test MODELS="{" ".join(models)}"` on {datetime.now(UTC):%Y-%m-%d}.',
        "The inputs' fingerprint is compared in CI: a changed Dockerfile, package or lock asks for a new test.",
        f"Built and run by {engine()}.",
        f"Load of the machine at the end: {os.getloadavg()[1]:.1f} on {os.cpu_count()} processors, over 5 minutes.",
        "",
        f"Fingerprint of {', '.join(INPUTS)} and the packages of the image with their pins:",
        f"`{fingerprint()}`",
        "",
        f"| what | {' | '.join(f'{model} ({MEANING[model]})' for model in models)} |",
        f"|---|{'---|' * len(models)}",
        *(f"| {name} | {' | '.join(each[name] for each in found.values())} |" for name in figures),
        "",
    ]
    REPORT.write_text("\n".join(lines), encoding="utf-8")
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    chosen = [word for word in sys.argv[1:] if word in MEANING]
    main(chosen or ["finbert", "compact"], sys.argv[1 + len(chosen) :])
