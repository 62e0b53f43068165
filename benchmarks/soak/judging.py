"""What a soak has left, against a run that nothing happened to: rows, digests, mails, and what its processes held."""

import hashlib
import json
import shutil
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from benchmarks.results import machine, table
from benchmarks.soak import held
from benchmarks.soak.faults import OPERATOR, STEPS, SUDDEN
from benchmarks.soak.folder import Folder
from benchmarks.soak.oracle import SILENCE, signals_until, untold_signals
from benchmarks.soak.watching import WATCHED
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.core.windows import Window
from signals_pipeline_tests.support.history_builders import rows
from signals_pipeline_tests.support.pipeline import TestPipeline
from signals_pipeline_tests.support.postgres import server
from signals_pipeline_tests.support.synthetic_year import Year

REPORTS = Path(__file__).parent.parent
TITLES = {"postgres": "PostgreSQL with a daemon", "sqlite": "SQLite without a daemon"}
AT_MOMENTS = {*SUDDEN, *STEPS, "sender suspended 4 h"}
TABLES = ("signal_candidate", "signal_history", "signal_outcome")
# What a digest says of the run that made it: live, caught up or a backfill.
OF_THE_RUN = {"mode", "subject", "preheader", "record", "notes", "from_missed"}
# What moves between the sections of a digest that tells of missed windows.
OF_MISSED = {"kind", "still_active"}


def state(url: str) -> dict[str, Any]:
    """Signals, candidates, outcomes and digests, without what tells when and by which run they were made."""
    engine = engine_for(url)
    found: dict[str, Any] = {name: rows(engine)[name] for name in TABLES}
    with engine.connect() as connection:
        kept = connection.execute(sa.text("SELECT content FROM digest ORDER BY window_start")).scalars().all()
    engine.dispose()
    found["digest"] = [json.loads(each) for each in kept]
    return found


def digests_differing(some: list[Any], others: list[Any]) -> int:
    """Digests that say something else, but for what they say of the run that made them, or that one side lacks."""
    one, other = ({each["window_key"]: each for each in digests} for digests in (some, others))
    common = [(one[key], other[key]) for key in one.keys() & other.keys()]
    unlike = 0
    for left, right in common:
        without = OF_THE_RUN | (OF_MISSED if left["from_missed"] or right["from_missed"] else set())
        unlike += _without(left, without) != _without(right, without)
    return unlike + len(one.keys() ^ other.keys())


def _without(value: Any, names: set[str]) -> Any:  # noqa: ANN401 - JSON
    if isinstance(value, dict):
        return {name: _without(each, names) for name, each in value.items() if name not in names}
    return [_without(each, names) for each in value] if isinstance(value, list) else value


def faultless(folder: Path, year: Year, windows: Sequence[Window]) -> dict[str, Any]:
    """The same windows in one run of one process, over a database of its own."""
    shutil.rmtree(folder, ignore_errors=True)  # a run that was stopped
    sources = {
        "signals_deployment": "local", "signals_news_path": year.news, "signals_prices_path": year.prices,
        "signals_watchlist": year.watchlist,
    }  # fmt: skip
    with TestPipeline.open(folder, **sources) as market:
        assert market.run(windows).success
        return {
            "rows": state(market.settings.database_url),
            "frames": frames(market.settings.signals_data_dir / "frames"),
        }


def ended(folder: Folder, windows: Sequence[Window]) -> dict[str, Any]:
    """What a soak has left in its database and folders, when its deployment is over."""
    if folder.once("asked", dict)["setup"] == "sqlite":
        return _left(folder, f"sqlite:///{folder.home / 'data' / 'signals.db'}", windows)
    with server(folder.root / "postgres") as postgres:
        return _left(folder, postgres.create("signals"), windows)


def _left(folder: Folder, url: str, windows: Sequence[Window]) -> dict[str, Any]:
    read = Counter((line["recipient"], line["id"]) for line in folder.lines("mails"))
    untold, told_twice = untold_signals(url, read, signals_until(url, windows[-1].end))
    return {
        "rows": state(url),
        "frames": frames(folder.home / "data" / "frames"),
        "mails": posted(url),
        "untold": untold,
        "told twice": told_twice,
    }


def frames(root: Path) -> dict[str, str]:
    """SHA-256 of every frame, by its path."""
    files = sorted(root.rglob("*.parquet"))
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def posted(url: str) -> dict[str, int]:
    """Mails by kind and state."""
    engine = engine_for(url)
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT kind, state, count(*) FROM delivery GROUP BY 1, 2")).all()
    engine.dispose()
    return {f"{kind} {state}": count for kind, state, count in found}


def judged(folder: Folder, year: Year, windows: Sequence[Window], faulty: dict[str, Any]) -> int:
    """Write the report; 0 where everything is as it must be, else 1."""
    whole = folder.once(f"faultless after {len(windows)}", lambda: faultless(folder.root / "faultless", year, windows))
    lines, mails, touched = folder.lines("windows"), folder.lines("mails"), folder.lines("touched")
    poisoned = {line["digest"] for line in touched if "digest" in line}
    damaged = {line["frame"] for line in touched if "frame" in line}

    # Rows and frames against the undisturbed run, but for what the soak itself has damaged for good.
    differing = {name: _differing(faulty["rows"][name], whole["rows"][name]) for name in TABLES}
    digests = [
        [each for each in rows if each.get("window_key") not in poisoned]
        for rows in ([_named(each, poisoned) for each in faulty["rows"]["digest"]], whole["rows"]["digest"])
    ]
    differing["digest"] = digests_differing(digests[0], digests[1])
    paths = (faulty["frames"].keys() | whole["frames"].keys()) - damaged
    differing["frames"] = sum(faulty["frames"].get(path) != whole["frames"].get(path) for path in paths)
    compared = [(name, len((whole["rows"] | whole)[name]), count) for name, count in differing.items()]

    to_readers = Counter((line["recipient"], line["id"]) for line in mails if line["recipient"] != OPERATOR)
    twice = [name for name, count in to_readers.items() if count > 1]
    violations = [each for line in lines for each in line["violations"]]
    hands = [each for line in lines for each in line["hands"]]
    promised = sum(faulty["mails"].values())
    silence = max((line["silence"] for line in lines), default=0.0)
    figures = [
        ("mails promised", promised),
        *sorted((name, count) for name, count in faulty["mails"].items()),
        ("read by the server, to readers", sum(to_readers.values())),
        ("sent twice", len(twice)),
        ("lost: not sent, not waiting, and nobody told", len(violations)),
        ("signals that no reader was told of", len(faulty["untold"])),
        ("signals told by two digests", len(faulty["told twice"])),
        ("longest time without anybody told, minutes awake", silence),
        ("what an operator had to do", len(hands)),
    ]
    setup = folder.once("asked", dict)["setup"]
    seconds = sum(line["seconds"] for line in lines)
    body = [
        f"`{_command(folder, len(windows))}` on {machine()}, {datetime.now(UTC).date()}",
        f"{sum(line['windows'] for line in lines)} windows in {seconds / 60:.0f} minutes.",
        table(("fault", "tried", "struck", "at"), _faults(lines)),
        "Mails, by the outbox at the end, the mail server's log and the operator's mailbox:",
        table(("", ""), figures),
        "Final state against the same windows in one run that nothing happened to:",
        table(("rows", "there", "that differ"), compared),
        *(
            ["Not as it must be:", "\n".join(f"- {each}" for each in [*violations, *hands])]
            if violations or hands
            else []
        ),
    ]
    if setup == "postgres":
        hung = sum(line["hung"] for line in lines)
        body += [
            f"Runs that hung until run monitoring ended them: {hung}.",
            "## Memory and open files of the daemon and the code server",
            held.report(lines, WATCHED),
        ]
    text = f"# Soak on {TITLES[setup]}\n\n" + "\n\n".join(body) + "\n"
    (folder.root / "report.md").write_text(text, encoding="utf-8")
    print(text)
    wrong = [*differing.values(), len(twice), len(violations), len(hands), len(faulty["untold"])]
    wrong += [len(faulty["told twice"]), silence > SILENCE.total_seconds() / 60]
    grows = setup == "postgres" and held.grows(lines, WATCHED)
    return int(any(wrong) or grows)


def publish(folder: Folder) -> None:
    """Put the report among the benchmarks' results."""
    setup = folder.once("asked", dict)["setup"]
    shutil.copy(folder.root / "report.md", REPORTS / f"SOAK-{setup}.md")


def _faults(lines: Sequence[dict[str, Any]]) -> list[tuple[object, ...]]:
    """Windows, those in which the fault met what it was to meet, and the moments, by fault."""
    found: list[tuple[object, ...]] = []
    for name in sorted({line["fault"] for line in lines}):
        windows = [line for line in lines if line["fault"] == name]
        moments = Counter(line["moment"] for line in windows) if name in AT_MOMENTS else {}
        at = ", ".join(f"{moment} {count}" for moment, count in sorted(moments.items()))
        found.append((name or "none", len(windows), sum(line["struck"] for line in windows) if name else "", at))
    return found


def _named(content: dict[str, Any], poisoned: set[str]) -> dict[str, Any]:
    """A stored digest; one that the soak has poisoned has lost its key, and is left out by an arbitrary one of them."""
    return content if "window_key" in content else {"window_key": next(iter(poisoned), "")}


def _command(folder: Folder, windows: int) -> str:
    """The line that makes the same soak."""
    begun = folder.once("asked", dict)
    until = "" if windows == begun["windows"] else f" --until {windows}"
    only = "".join(f" --only '{name}'" for name in begun["only"])
    given = f"--setup {begun['setup']} --windows {begun['windows']} --seed {begun['seed']}"
    return f"python -m benchmarks.soak {given}{until}{only}"


def _differing(some: list[Any], others: list[Any]) -> int:
    """How many rows are in one and not in the other."""
    one, other = (Counter(json.dumps(each, sort_keys=True, default=str) for each in rows) for rows in (some, others))
    return (one - other).total() + (other - one).total()
