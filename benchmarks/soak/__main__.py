"""A soak: windows by the schedule at accelerated time with random faults, compared with a run that nothing happened to.

`python -m benchmarks.soak --setup postgres|sqlite [--windows 200] [--seed 1] [--folder DIR]`. `postgres` is
production's instance with its daemon over a PostgreSQL of its own; `sqlite` is the local instance without a daemon, run
by lines of a crontab. Stopped or killed, and started again with the same line, it goes on with the window in which it
was. It ends with benchmarks/SOAK-<setup>.md, and exit code 1 where something is not as it must be. `--until N` ends and
judges after N of the windows: name some more than are done, as the last four are calm. `--only KIND` plays that fault
in each window; several are taken in turn.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from benchmarks.soak.faults import OFF, OPERATOR, POSTGRES_ONLY, SHARES, Fault, MoodyInbox
from benchmarks.soak.folder import Folder
from benchmarks.soak.judging import ended, judged, publish
from benchmarks.soak.setup import READERS, Setup
from signals_pipeline.core.windows import Window
from signals_pipeline_tests.support.fake_clock import Clock
from signals_pipeline_tests.support.mail_servers import mail_server
from signals_pipeline_tests.support.synthetic_year import Year, make_year

SYMBOLS, HEADLINES_PER_WINDOW = 12, 12
CALM = 4  # windows at the end in which nothing goes wrong, so that the last missed ones are healed
CALM_AFTER_CHOSEN = 1  # as many where faults are chosen by --only
SETUPS = ("postgres", "sqlite")


def fault_of(folder: Folder, seed: int, at: int, windows: Sequence[Window]) -> Fault:
    """The fault of a window; none in the last ones."""
    asked = folder.once("asked", dict)
    kinds = frozenset(asked["only"] or (SHARES if asked["setup"] == "postgres" else set(SHARES) - POSTGRES_ONLY))
    calm = Fault.named("", "any", seed)
    last = len(windows) - (CALM_AFTER_CHOSEN if asked["only"] else CALM)
    if at >= last:
        return calm
    fault = Fault.drawn(seed, at, kinds)
    if asked["only"]:
        fault = Fault.named(asked["only"][at % len(asked["only"])], fault.moment, seed)
    # A system that is off until after the last window would be judged by nothing.
    is_too_late = windows[at].end + OFF.get(fault.name, timedelta()) >= windows[last].end
    return calm if fault.name in OFF and is_too_late else fault


def soak(setup: Setup, seed: int) -> None:
    """All windows that are not done yet, one after the other."""
    folder, windows = setup.folder, setup.windows
    at = begun_with(folder, windows)
    began, first = time.monotonic(), at
    while at < len(windows):
        fault = fault_of(folder, seed, at, windows)
        started, hands = time.monotonic(), len(setup.hands)
        played = setup.play(at, fault)
        line = {
            "window": windows[played.newest].key,
            "windows": played.newest - at + 1,
            "fault": fault.name,
            "moment": fault.moment,
            "struck": played.struck,
            "seconds": round(time.monotonic() - started, 1),
            "silence": round(setup.judge.longest, 1),
            "violations": played.violations,
            "hands": setup.hands[hands:],
            **setup.sample(),
        }
        folder.add("windows", line)
        at = played.newest + 1
        left = (time.monotonic() - began) / (at - first) * (len(windows) - at)
        print(f"{at}/{len(windows)} {json.dumps(line)} about {left / 60:.0f} min left", flush=True)


def begun_with(folder: Folder, windows: Sequence[Window]) -> int:
    """How many windows are done."""
    lines = folder.lines("windows")
    keys = [window.key for window in windows]
    return keys.index(lines[-1]["window"]) + 1 if lines else 0


@contextmanager
def opened(
    name: str, folder: Folder, inbox: MoodyInbox, windows: Sequence[Window], variables: dict[str, str]
) -> Iterator[Setup]:
    """A set-up until the end of the block, at the first window that is not done."""
    start = windows[begun_with(folder, windows)].start + timedelta(seconds=1)
    folder.home.mkdir(exist_ok=True)
    if name == "sqlite":
        from benchmarks.soak.without_daemon import WithoutDaemon

        clock = Clock(folder.home, start)
        inbox.now = lambda: clock.now
        setup = WithoutDaemon(folder, inbox, windows, clock, variables)
        try:
            yield setup
        finally:
            setup.close()
        return

    from benchmarks.soak.with_daemon import with_daemon

    with with_daemon(folder, inbox, windows, start, variables) as setup:
        yield setup


def sources(year: Year, port: int) -> dict[str, str]:
    """Variables of a deployment over a made-up year, with a mail server at a port."""
    return {
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "SIGNALS_NEWS_PATH": str(year.news), "SIGNALS_PRICES_PATH": str(year.prices),
        "SIGNALS_WATCHLIST": str(year.watchlist), "DIGEST_RECIPIENTS": ",".join(READERS),
        "OPERATOR_RECIPIENTS": OPERATOR, "MAIL_TRANSPORT": "smtp", "SMTP_HOST": "127.0.0.1", "SMTP_PORT": str(port),
        "SMTP_TLS": "none", "DAGSTER_EVENT_BATCH_SIZE": "100",
    }  # fmt: skip


def asked() -> argparse.Namespace:
    """The command line."""
    known = argparse.ArgumentParser(prog="python -m benchmarks.soak")
    known.add_argument("--setup", choices=SETUPS, default="postgres")
    known.add_argument("--windows", type=int, default=200)
    known.add_argument("--seed", type=int, default=1)
    known.add_argument("--folder", type=Path)
    known.add_argument("--until", type=int, default=0, help="end and judge after so many windows; 0: after all")
    known.add_argument("--only", action="append", choices=sorted(SHARES), help="this fault in each window")
    return known.parse_args()


def main() -> None:
    """Soak, compare, report."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped: the same line goes on"))  # and ends what it started
    given = asked()
    folder = Folder((given.folder or Path("var") / f"soak-{given.setup}").absolute())
    folder.claim(setup=given.setup, windows=given.windows, seed=given.seed, only=given.only or [])
    status = soaked(folder, until=given.until)
    if not given.folder and not given.only:
        publish(folder)
    sys.exit(status)


def soaked(folder: Folder, *, until: int = 0) -> int:
    """The soak that a folder was claimed for; 0 where everything is as it must be, else 1."""
    asked = folder.once("asked", dict)
    folder.clear()
    count, name = asked["windows"], asked["setup"]
    year = make_year(folder.root / "year", symbols=SYMBOLS, headlines=count * HEADLINES_PER_WINDOW, windows=count)
    windows = year.windows[: until or count]
    inbox = MoodyInbox(kept=folder)
    if begun_with(folder, windows) < len(windows):
        with (
            mail_server(inbox) as port,
            opened(name, folder, inbox, windows, sources(year, port)) as setup,
        ):
            soak(setup, asked["seed"])
    state = folder.once(f"state after {len(windows)}", lambda: ended(folder, windows))
    return judged(folder, year, windows, state)


if __name__ == "__main__":
    main()
