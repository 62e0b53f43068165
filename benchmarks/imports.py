"""What `import signals_pipeline.definitions` costs, beside importing Dagster alone; CPU seconds of fresh processes."""

import resource
import statistics
import subprocess
import sys

from benchmarks.results import file_section, table

ROUNDS = 7
SUBJECTS = {
    "python -c pass": "pass",
    "import dagster": "import dagster",
    "import dagster, pandas": "import dagster, pandas",
    "import signals_pipeline.definitions": "import signals_pipeline.definitions",
}


def cpu_seconds(code: str) -> float:
    """User and system seconds of one fresh interpreter that runs `code`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", code], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    """Measure the subjects in turn, round by round, so that the machine's drift hits all alike."""
    samples: dict[str, list[float]] = {name: [] for name in SUBJECTS}
    for turn in range(ROUNDS + 1):
        for name, code in SUBJECTS.items():
            seconds = cpu_seconds(code)
            if turn:  # the first round warms the file cache
                samples[name].append(seconds)
    peer = statistics.median(samples["import dagster, pandas"])
    rows = [
        (f"`{name}`", f"{statistics.median(times):.2f}", f"{min(times):.2f} to {max(times):.2f}",
         f"{statistics.median(times) / peer:.2f}")
        for name, times in samples.items()
    ]  # fmt: skip
    file_section(
        "Import time of definitions",
        "python -m benchmarks.imports",
        table(("subject", "CPU s", "range", "ratio to dagster + pandas"), rows),
    )


if __name__ == "__main__":
    main()
