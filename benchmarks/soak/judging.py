"""What a soak has left, against a run that nothing happened to: rows, digests, mails, and what its processes held."""

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
from benchmarks.soak.folder import Folder
from benchmarks.soak.watching import WATCHED
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.core.windows import Window
from signals_pipeline_tests.support.history_builders import rows
from signals_pipeline_tests.support.pipeline import TestPipeline
from signals_pipeline_tests.support.postgres import server
from signals_pipeline_tests.support.synthetic_year import Year

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


def faultless(folder: Path, year: Year, windows: Sequence[Window]) -> dict[str, Any]:
    """The same windows in one run of one process, over a database of its own."""
    shutil.rmtree(folder, ignore_errors=True)  # a run that was stopped
    sources = {
        "signals_deployment": "local", "signals_news_path": year.news, "signals_prices_path": year.prices,
        "signals_watchlist": year.watchlist,
    }  # fmt: skip
    with TestPipeline.open(folder, **sources) as market:
        assert market.run(windows).success
        return state(market.settings.database_url)


def ended(folder: Folder) -> dict[str, Any]:
    """What a soak has left in its database, when its deployment is over."""
    with server(folder.root / "postgres") as postgres:
        url = postgres.create("signals")
        return {"rows": state(url), "mails": posted(url)}


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
    lines, mails = folder.lines("windows"), folder.lines("mails")
    differing = {name: _differing(faulty["rows"][name], whole[name]) for name in TABLES}
    differing["digest"] = digests_differing(faulty["rows"]["digest"], whole["digest"])
    twice = [name for name, count in Counter((each["recipient"], each["id"]) for each in mails).items() if count > 1]
    compared = [(name, len(whole[name]), count) for name, count in differing.items()]
    body = [
        f"`{_command(folder, len(windows))}` on {machine()}, {datetime.now(UTC).date()}",
        f"{len(lines)} windows by the schedule in {sum(line['seconds'] for line in lines) / 60:.0f} minutes.",
        f"Runs that hung until run monitoring ended them: {sum(line['hung'] for line in lines)}.",
        table(("fault", "windows"), sorted(Counter(line["fault"] or "none" for line in lines).items())),
        "Final state against the same windows in one run that nothing happened to:",
        table(("rows", "there", "that differ"), compared),
        f"Mails that the server read whole: {len(mails)}; sent twice: {len(twice)}. The outbox at the end:",
        table(("mails", "count"), sorted(faulty["mails"].items())),
        "## Memory and open files of the daemon and the code server",
        held.report(lines, WATCHED),
    ]
    REPORT.write_text("# Soak\n\n" + "\n\n".join(body) + "\n", encoding="utf-8")
    print(REPORT.read_text(encoding="utf-8"))
    return int(any(differing.values()) or bool(twice) or held.grows(lines, WATCHED))


def _command(folder: Folder, windows: int) -> str:
    """The line that makes the same soak."""
    begun = folder.once("asked", dict)
    until = "" if windows == begun["windows"] else f" --until {windows}"
    return f"python -m benchmarks.soak --windows {begun['windows']} --seed {begun['seed']}{until}"


def _differing(some: list[Any], others: list[Any]) -> int:
    """How many rows are in one and not in the other."""
    one, other = (Counter(json.dumps(each, sort_keys=True, default=str) for each in rows) for rows in (some, others))
    return (one - other).total() + (other - one).total()
