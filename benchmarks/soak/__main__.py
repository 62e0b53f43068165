"""A soak: windows by the schedule at accelerated time with random faults, compared with a run that nothing happened to.

`python -m benchmarks.soak [--windows 200] [--seed 1] [--folder DIR]`. Stopped or killed, and started again with the
same line, it goes on with the window in which it was. It ends with benchmarks/SOAK.md, and exit code 1 where something
is not as it must be. `--until N` ends and judges after N of the windows: name some more than are done, as the last four
are calm.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from benchmarks.soak.faults import SUDDEN, MoodyInbox, before, drawn, strike
from benchmarks.soak.folder import Folder
from benchmarks.soak.judging import ended, judged
from benchmarks.soak.watching import Watch
from signals_pipeline.core.windows import Window
from signals_pipeline_tests.support.deployment import Deployment, running
from signals_pipeline_tests.support.mail_servers import mail_server
from signals_pipeline_tests.support.synthetic_year import make_year

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


def soak(folder: Folder, windows: Sequence[Window], variables: dict[str, str], seed: int, inbox: MoodyInbox) -> None:
    """All windows that are not done yet, one after the other."""
    done = len(folder.lines("windows"))
    if done >= len(windows):
        return
    start = windows[done].start + timedelta(seconds=1)
    database = folder.root / "postgres"
    for each in (folder.home, database):
        each.mkdir(exist_ok=True)
    with running(
        folder.home, start, schedule="digest_schedule", programs=PROGRAMS, database=database, **variables
    ) as deployment:
        watch = Watch(deployment)
        watch.give_up()
        began = time.monotonic()
        for at in range(done, len(windows)):
            chance = drawn(seed, at) if at < len(windows) - CALM else ("", None)
            started = time.monotonic()
            one(deployment, inbox, watch, windows[at], chance)
            took = time.monotonic() - started
            line = {"window": windows[at].key, "fault": chance[0], "seconds": round(took, 1), **watch.sample()}
            folder.add("windows", line)
            left = (time.monotonic() - began) / (at - done + 1) * (len(windows) - at - 1)
            print(f"{at + 1}/{len(windows)} {json.dumps(line)} about {left / 60:.0f} min left", flush=True)


def asked() -> argparse.Namespace:
    """The command line."""
    known = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    known.add_argument("--windows", type=int, default=200)
    known.add_argument("--seed", type=int, default=1)
    known.add_argument("--folder", type=Path, default=Path("var/soak"))
    known.add_argument("--until", type=int, default=0, help="end and judge after so many windows; 0: after all")
    return known.parse_args()


def main() -> None:
    """Soak, compare, report."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped: the same line goes on"))  # and ends what it started
    given = asked()
    folder = Folder(given.folder.absolute())
    folder.claim(windows=given.windows, seed=given.seed)
    folder.clear()
    year = make_year(
        folder.root / "year", symbols=SYMBOLS, headlines=given.windows * HEADLINES_A_WINDOW, windows=given.windows
    )
    windows = year.windows[: given.until or given.windows]
    inbox = MoodyInbox(kept=folder)
    with mail_server(inbox) as port:
        variables = {
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "SIGNALS_NEWS_PATH": str(year.news), "SIGNALS_PRICES_PATH": str(year.prices),
            "SIGNALS_WATCHLIST": str(year.watchlist), "DIGEST_RECIPIENTS": READERS, "MAIL_TRANSPORT": "smtp",
            "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port), "SMTP_TLS": "none", "DAGSTER_EVENT_BATCH_SIZE": "100",
        }  # fmt: skip
        soak(folder, windows, variables, given.seed, inbox)
    state = folder.once(f"state after {len(windows)}", lambda: ended(folder))
    sys.exit(judged(folder, year, windows, state))


if __name__ == "__main__":
    main()
