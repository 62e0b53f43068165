"""What a soak has left, against a run that nothing happened to: rows, digests, mails, and what its processes held."""

import json
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import sqlalchemy as sa

from benchmarks.results import machine, table
from benchmarks.soak.watching import WATCHED
from signals_pipeline.adapters.database import engine_for
from signals_pipeline_tests.adapters.histories import rows
from signals_pipeline_tests.desk import TestDesk
from signals_pipeline_tests.years import Year

REPORT = Path(__file__).parent.parent / "SOAK.md"
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


def faultless(folder: Path, year: Year) -> dict[str, Any]:
    """The same windows in one run of one process, over a database of its own."""
    sources = {
        "signals_deployment": "local", "signals_news_path": year.news, "signals_prices_path": year.prices,
        "signals_watchlist": year.watchlist,
    }  # fmt: skip
    with TestDesk.open(folder, **sources) as desk:
        assert desk.run(year.windows).success
        return state(desk.settings.database_url)


def kept(folder: Path, name: str, make: Any) -> Any:  # noqa: ANN401 - JSON
    """What a file of the folder holds; made and written where it is not there."""
    path = folder / f"{name}.json"
    if not path.exists():
        path.write_text(json.dumps(make(), default=str, sort_keys=True), encoding="utf-8")
    return json.loads(path.read_text(encoding="utf-8"))


def posted(url: str) -> dict[str, int]:
    """Mails by kind and state."""
    engine = engine_for(url)
    with engine.connect() as connection:
        found = connection.execute(sa.text("SELECT kind, state, count(*) FROM delivery GROUP BY 1, 2")).all()
    engine.dispose()
    return {f"{kind} {state}": count for kind, state, count in found}


def judged(folder: Path, year: Year, seed: int) -> int:
    """Write the report; 0 where everything is as it must be, else 1."""
    faulty = kept(folder, "state", dict)
    whole = kept(folder, "faultless", lambda: faultless(folder / "faultless", year))
    lines = [json.loads(line) for line in (folder / "windows.jsonl").read_text(encoding="utf-8").splitlines()]
    mails = [json.loads(line) for line in (folder / "mails.jsonl").read_text(encoding="utf-8").splitlines()]
    differing = {name: _differing(faulty["rows"][name], whole[name]) for name in TABLES}
    differing["digest"] = digests_differing(faulty["rows"]["digest"], whole["digest"])
    twice = [name for name, count in Counter((each["recipient"], each["id"]) for each in mails).items() if count > 1]
    compared = [(name, len(whole[name]), count) for name, count in differing.items()]
    faults = Counter(line["fault"] or "none" for line in lines)
    body = [
        f"`python -m benchmarks.soak --windows {len(lines)} --seed {seed}` on {machine()}, {datetime.now(UTC).date()}",
        f"{len(lines)} windows by the schedule in {sum(line['seconds'] for line in lines) / 60:.0f} minutes.",
        f"Runs that hung until run monitoring ended them: {sum(line['hung'] for line in lines)}.",
        table(("fault", "windows"), sorted(faults.items())),
        "Final state against the same windows in one run that nothing happened to:",
        table(("rows", "there", "that differ"), compared),
        f"Mails that the server read whole: {len(mails)}; sent twice: {len(twice)}. The outbox at the end:",
        table(("mails", "count"), sorted(faulty["mails"].items())),
        "Memory and open files over the windows, the first tenth left out:",
        table(
            ("process", "MiB at first", "MiB at last", "MiB per 100 windows", "files", "files per 100"), _held(lines)
        ),
    ]
    REPORT.write_text("# Soak\n\n" + "\n\n".join(body) + "\n", encoding="utf-8")
    print(REPORT.read_text(encoding="utf-8"))
    return int(any(differing.values()) or bool(twice))


def _differing(some: list[Any], others: list[Any]) -> int:
    """How many rows are in one and not in the other."""
    one, other = (Counter(json.dumps(each, sort_keys=True, default=str) for each in rows) for rows in (some, others))
    return (one - other).total() + (other - one).total()


def _held(lines: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    rows = []
    for name in WATCHED:
        newest = lines[-1][name]["pid"]
        of_it = [line[name] for line in lines if line[name]["pid"] == newest]
        of_it = of_it[len(of_it) // 10 :]
        mib, files = ([each[what] for each in of_it] for what in ("mib", "files"))
        slopes = [100 * np.polyfit(range(len(each)), each, 1)[0] if len(each) > 1 else 0.0 for each in (mib, files)]
        rows.append((name, mib[0], mib[-1], f"{slopes[0]:+.1f}", f"{min(files)} to {max(files)}", f"{slopes[1]:+.1f}"))
    return rows
