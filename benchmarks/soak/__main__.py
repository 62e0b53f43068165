"""A soak: windows by the schedule at accelerated time with random faults, compared with a run that nothing happened to.

`python -m benchmarks.soak [--windows 200] [--seed 1] [--folder DIR]`. Stopped and started again with the same folder it
goes on where it was. It ends with benchmarks/SOAK.md.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.soak.faults import SUDDEN, MoodyInbox, before, drawn, strike
from benchmarks.soak.judging import judged, kept, posted, state
from benchmarks.soak.watching import Watch
from signals_pipeline.core.windows import Window
from signals_pipeline_tests.mail_servers import mail_server
from signals_pipeline_tests.operation.deployment import Deployment, running
from signals_pipeline_tests.years import make_year

SYMBOLS, HEADLINES_A_WINDOW = 12, 12
CALM = 4  # windows at the end in which nothing goes wrong, so that the last missed ones are healed
WITHIN = 6.0  # seconds of a run's life in which something sudden happens
READERS = "ann@example.org,bob@example.org"
HURRIED = ("python", "-m", "benchmarks.soak.hurried")
PROGRAMS = {"code": (*HURRIED, "code", "api", "grpc"), "daemon": (*HURRIED, "daemon", "run")}


def one(deployment: Deployment, inbox: MoodyInbox, watch: Watch, window: Window, chance: tuple[str, Any]) -> None:
    """One window: its tick, its fault, its run, what Dagster repeats, and the mails that wait."""
    fault, rng = chance
    with before(fault, deployment, inbox):
        deployment.clock.put(max(deployment.clock.now, window.end + timedelta(seconds=1)))
        if fault in SUDDEN:
            worker = watch.worker(window)
            time.sleep(rng.uniform(0, WITHIN))
            strike(fault, deployment, worker)
        watch.settled(window)
    watch.posted(window)


def soak(folder: Path, windows: Sequence[Window], variables: dict[str, str], seed: int, inbox: MoodyInbox) -> None:
    """All windows that are not done yet, one after the other."""
    log = folder / "windows.jsonl"
    done = len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0
    if done >= len(windows):
        return
    start = windows[done].start + timedelta(seconds=1)
    home, database = folder / "deployment", folder / "postgres"
    for each in (home, database):
        each.mkdir(exist_ok=True)
    with running(
        home, start, schedule="digest_schedule", programs=PROGRAMS, database=database, **variables
    ) as deployment:
        watch = Watch(deployment)
        began = time.monotonic()
        for at in range(done, len(windows)):
            chance = drawn(seed, at) if at < len(windows) - CALM else ("", None)
            started = time.monotonic()
            one(deployment, inbox, watch, windows[at], chance)
            took = time.monotonic() - started
            line = {"window": windows[at].key, "fault": chance[0], "seconds": round(took, 1), **watch.sample()}
            with log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(line) + "\n")
            left = (time.monotonic() - began) / (at - done + 1) * (len(windows) - at - 1)
            print(f"{at + 1}/{len(windows)} {json.dumps(line)} about {left / 60:.0f} min left", flush=True)
        url = deployment.database_url
        kept(folder, "state", lambda: {"rows": state(url), "mails": posted(url)})


def main() -> None:
    """Soak, compare, report."""
    asked = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    asked.add_argument("--windows", type=int, default=200)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--folder", type=Path, default=Path("var/soak"))
    given = asked.parse_args()
    folder = given.folder.absolute()
    year = make_year(
        folder / "year", symbols=SYMBOLS, headlines=given.windows * HEADLINES_A_WINDOW, windows=given.windows
    )
    inbox = MoodyInbox(kept=folder / "mails.jsonl")
    with mail_server(inbox) as port:
        variables = {
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "SIGNALS_NEWS_PATH": str(year.news), "SIGNALS_PRICES_PATH": str(year.prices),
            "SIGNALS_WATCHLIST": str(year.watchlist), "DIGEST_RECIPIENTS": READERS, "MAIL_TRANSPORT": "smtp",
            "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port), "SMTP_TLS": "none", "DAGSTER_EVENT_BATCH_SIZE": "100",
        }  # fmt: skip
        soak(folder, year.windows, variables, given.seed, inbox)
    sys.exit(judged(folder, year, given.seed))


if __name__ == "__main__":
    main()
