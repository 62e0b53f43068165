"""Build the image, run a window of the sample in it from a cold start at two sizes, and write down what it took.

Needs a Docker command line (an engine, or podman behind it): `make image-test`. The report is committed.
"""

import hashlib
import subprocess
import sys
import time
import zlib
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
REPORT = ROOT / "deploy" / "IMAGE_REPORT.md"
INPUTS = (".dockerignore", "Dockerfile", "constraints.txt", "deploy/trim.sh", "deploy/warm.py", "setup.py")
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
    """SHA-256 of the files that decide what the image's packages and layers are."""
    digest = hashlib.sha256()
    for name in INPUTS:
        digest.update(name.encode() + b"\0" + (ROOT / name).read_bytes() + b"\0")
    return digest.hexdigest()


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
        "The inputs' fingerprint is compared in CI: a changed Dockerfile or lock asks for a new test.",
        "",
        "| what | figure |",
        "|---|---|",
        f"| fingerprint of {', '.join(INPUTS)} | `{fingerprint()}` |",
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
