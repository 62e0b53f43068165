"""Build the image, run a window of the sample in it from a cold start with two memory limits, and write a report.

It needs the Docker command line: `make image-test MODELS="finbert compact"`. The report is committed. More arguments,
such as `--build-arg TORCH_INDEX=...`, are passed to `docker build`. Rebuild times are those of Docker's own builder,
BuildKit (set DOCKER_BUILDKIT=1 if Docker is older than 23). podman works as well, but copies everything from other
stages again in each build.
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
INPUTS = (
    *(".dockerignore", "Dockerfile"),
    *("deploy/requirements.txt", "deploy/rds-ca.pem", "deploy/sbom.py", "deploy/trim.sh", "deploy/warm.py"),
)
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
    """SHA-256 of everything that determines the image's layers below the code: files, and packages with their pins.

    Packages that only developers install are not part of it.
    """
    digest = hashlib.sha256()
    for name in INPUTS:
        digest.update(name.encode() + b"\0" + (ROOT / name).read_bytes() + b"\0")
    digest.update("\n".join(pins()).encode())
    return digest.hexdigest()


def pins() -> list[str]:
    """Direct requirements of runs and of FinBERT's preparation, and the lock's lines of all that runs depend on."""
    # setup.py run as a script, with its call of setup() disabled.
    with patch("setuptools.setup"):
        setup = runpy.run_path(str(ROOT / "setup.py"))

    # Follow the dependencies of installed packages, each combination of package and extras once.
    pending = [Requirement(line) for line in setup["RUNTIME"]]
    visited = set()
    while pending:
        requirement = pending.pop()
        key = (canonicalize_name(requirement.name), *sorted(requirement.extras))
        if key not in visited:
            visited.add(key)
            pending.extend(_dependencies(requirement))
    names = {name for name, *_ in visited}

    locked = []
    for line in (ROOT / "constraints.txt").read_text().splitlines():
        is_pin = line[:1].isalnum()  # not a comment or an empty line
        if is_pin and canonicalize_name(re.split("[=<>]", line)[0]) in names:
            locked.append(line)
    return sorted([*setup["RUNTIME"], *setup["FINBERT"], *locked])


def _dependencies(requirement: Requirement) -> Iterator[Requirement]:
    """What an installed package requires here, with the extras that are required of it."""
    for line in requires(requirement.name) or ():
        dependency = Requirement(line)
        marker = dependency.marker
        if marker is None or any(marker.evaluate({"extra": extra}) for extra in ("", *requirement.extras)):
            yield dependency


def docker(*arguments: str) -> str:
    """Run the Docker command line; its output. A failure ends the test with the end of the output."""
    process = subprocess.run(["docker", *arguments], capture_output=True, text=True, check=False)
    if process.returncode:
        output = f"{process.stdout[-2000:]}{process.stderr[-4000:]}"
        sys.exit(f"docker {' '.join(arguments)}: exit code {process.returncode}\n{output}")
    return process.stdout


def engine() -> str:
    """Name and version of the container engine, such as "Docker Engine 28.1"."""
    component = "(index .Server.Components 0)"
    template = f"{{{{{component}.Name}}}} {{{{{component}.Version}}}}"
    version = docker("version", "--format", template).strip()
    return f"Docker {version}" if version.startswith("Engine") else version


def build(model: str, given: list[str]) -> float:
    """Build the image; the seconds that it took."""
    started = time.monotonic()
    docker(
        "build", "--network", "host", "--build-arg", f"MODEL={model}", *given, "--tag", f"signals:{model}", str(ROOT)
    )
    return time.monotonic() - started


@contextmanager
def changed_code() -> Iterator[None]:
    """Add a module to the package for the duration of the block."""
    module = ROOT / "signals_pipeline" / "image_test_change.py"
    module.write_text(f'"""Written at {datetime.now(UTC)}."""\n')
    try:
        yield
    finally:
        module.unlink()


def compressed_size(image: str) -> int:
    """Bytes of the image as a registry stores it, gzip at level 6."""
    packer = zlib.compressobj(6)
    size = 0
    with subprocess.Popen(["docker", "save", image], stdout=subprocess.PIPE) as saving:
        assert saving.stdout is not None
        while block := saving.stdout.read(1 << 20):
            size += len(packer.compress(block))
    return size + len(packer.flush())


def cold_run(image: str, memory: str) -> str:
    """Run the window from a cold start.

    Returns:
        Seconds from `docker run` to its end, and the run's peak resident memory in MB.
    """
    started = time.monotonic()
    output = run_limited(image, memory, "", RUN)
    seconds = time.monotonic() - started
    if f"{WINDOW.replace(':', '')}.html" not in output:
        sys.exit(f"the run with {memory} printed no digest:\n{output}")
    peak_bytes = int(output.split()[-1])  # the last line that RUN prints
    return f"{seconds:.0f} s, peak {peak_bytes / 1e6:.0f} MB"


def run_limited(image: str, memory: str, home: str, script: str) -> str:
    """Run a script in a new container with half a CPU, without network and with a read-only root; its output.

    Args:
        image: Name of the image.
        memory: Memory limit, as Docker writes it.
        home: DAGSTER_HOME.
        script: Python code.
    """
    settings = ("--env", "SIGNALS_DEPLOYMENT=demo", "--env", f"DAGSTER_HOME={home}")
    limits = ("--cpus", "0.5", "--memory", memory, "--memory-swap", memory, "--network", "none", "--read-only")
    return docker("run", "--rm", *limits, *settings, image, "python", "-c", script)


def control(image: str) -> str:
    """Start all processes of the control service in one container: when each listens, and their total peak memory."""
    output = " ".join(run_limited(image, "2g", "/data/home", CONTROL).split())
    if "peak" not in output:
        sys.exit(f"the control service did not start:\n{output}")
    return output


def measured(model: str, given: list[str]) -> dict[str, str]:
    """The figures of one model's image, by their names in the report."""
    image = f"signals:{model}"
    first = build(model, given)
    again = build(model, given)
    with changed_code():
        after = build(model, given)
    check = docker("run", "--rm", "--network", "none", "--read-only", image, "signals", "model", "check").strip()
    return {
        "model": check,
        "build; again with nothing changed; after a change of code": f"{first:.0f} s; {again:.0f} s; {after:.0f} s",
        "compressed size": f"{compressed_size(image) / 1e6:.0f} MB",
        **{f"window {WINDOW}, cold, 0.5 CPU, {memory}": cold_run(image, memory) for memory in SIZES},
        "control service, 0.5 CPU, 2g": control(image),
    }


def main(models: list[str], given: list[str]) -> None:
    """Build, measure, write the report."""
    figures = {model: measured(model, given) for model in models}
    header = [f"{model} ({MEANING[model]})" for model in models]
    rows = []
    for name in figures[models[0]]:
        cells = [figures[model][name] for model in models]
        rows.append(f"| {name} | {' | '.join(cells)} |")
    lines = [
        "# The image as last tested",
        "",
        f'`make image-test MODELS="{" ".join(models)}"` on {datetime.now(UTC):%Y-%m-%d}.',
        "CI compares the fingerprint of the inputs: a changed Dockerfile, package or lock requires a new test.",
        f"Built and run by {engine()}{', with ' + ' '.join(given) if given else ''}.",
        f"Load average at the end: {os.getloadavg()[1]:.1f} on {os.cpu_count()} processors, over 5 minutes.",
        "",
        f"Fingerprint of {', '.join(INPUTS)} and the packages of the image with their pins:",
        f"`{fingerprint()}`",
        "",
        f"| what | {' | '.join(header)} |",
        f"|---|{'---|' * len(models)}",
        *rows,
        "",
    ]
    REPORT.write_text("\n".join(lines), encoding="utf-8")
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    # Models come first; everything after them is for `docker build`.
    chosen = [word for word in sys.argv[1:] if word in MEANING]
    build_arguments = sys.argv[1 + len(chosen) :]
    main(chosen or ["finbert", "compact"], build_arguments)
