"""Damage and checks: what happened to an earlier window never holds a window's mail, its own damage does."""

import logging
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import dagster as dg
import pyarrow.parquet as pq
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.core.checks.data_quality import Finding
from signals_pipeline.core.news.feeds import PriceSource, SourceError
from signals_pipeline.core.tables import STAGES
from signals_pipeline.core.windows import Window
from signals_pipeline.definitions import build_resources
from signals_pipeline.defs.checks import BLOCKING, CHECKS, CheckEvaluation
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline.defs.resources import MarketContext, open_store
from signals_pipeline_tests.support.frame_damage import DAMAGES
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS, TestPipeline

WINDOWS = SAMPLE_WINDOWS[2:9]
NEWEST = WINDOWS[-1]
ASSETS = {*CHECKS}

# What may happen to the rows of a window; the placeholder is the window's start.
ROW_DAMAGES = {
    "coverage that is no JSON": "UPDATE coverage SET content = '{' WHERE window_start = ?",
    "coverage of another shape": "UPDATE coverage SET content = '{\"headlines\": []}' WHERE window_start = ?",
    "coverage lost": "DELETE FROM coverage WHERE window_start = ?",
    "signals lost": "DELETE FROM signal_history WHERE window_start = ?",
    "signals with an unreadable time": "UPDATE signal_history SET expires_at = 'soon' WHERE window_start = ?",
    "signals with text in a number": "UPDATE signal_history SET combined_score = 'high' WHERE window_start = ?",
    "signals of no type": "UPDATE signal_history SET signal_type = 'HOLD' WHERE window_start = ?",
    "outcomes with text in a number": "UPDATE signal_outcome SET net_return = 'good' WHERE window_start = ?",
    "a digest that is none": "UPDATE digest SET content = '' WHERE window_start = ?",
    "a run without knobs": "UPDATE window_run SET knobs = '[]' WHERE window_start = ?",
}


@dataclass(frozen=True, repr=False)
class Finished:
    """A pipeline that ran the windows."""

    folder: Path
    market: MarketContext
    prices: PriceSource


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Finished]:
    folder = tmp_path_factory.mktemp("finished")
    with TestPipeline.open(folder) as pipeline:
        assert pipeline.run(WINDOWS).success
        resources = build_resources(pipeline.settings)
        with dg.build_resources({name: resources[name] for name in ("market", "prices")}) as built:
            yield Finished(folder / "data", built.market, built.prices)


class Copy:
    """A copy of the pipeline's data, to be damaged."""

    def __init__(self, finished: Finished, folder: Path) -> None:
        self._finished = finished
        self.data = folder / "data"
        shutil.copytree(finished.folder, self.data)

    def file(self, stage: str, window: Window) -> Path:
        return self.data / "frames" / stage / f"{window.key.replace(':', '')}.parquet"

    def has_rows(self, stage: str, window: Window) -> bool:
        return bool(pq.ParquetFile(self.file(stage, window)).metadata.num_rows)

    def has_signals(self, window: Window) -> bool:
        (database,) = self.data.glob("*.db")
        with closing(sqlite3.connect(database)) as connection:
            query = "SELECT count(*) FROM signal_history WHERE window_start = ?"
            return bool(connection.execute(query, [stored_start(window)]).fetchone()[0])

    def damage_row(self, window: Window, kind: str) -> None:
        (database,) = self.data.glob("*.db")
        with closing(sqlite3.connect(database)) as connection:
            # As a disk does it: no constraint is asked.
            connection.execute("PRAGMA ignore_check_constraints = ON")
            damaged = connection.execute(ROW_DAMAGES[kind], [stored_start(window)]).rowcount
            assert damaged or "signals" in kind or "outcomes" in kind
            connection.commit()

    def evaluation(self, windows: Sequence[Window], **changes: Any) -> CheckEvaluation:
        (database,) = self.data.glob("*.db")
        options = {
            "frames": WindowFrames(base=str(self.data / "frames")),
            "store": open_store(f"sqlite:///{database}"),
            "market": self._finished.market,
            "prices": self._finished.prices,
            "log": logging.getLogger(__name__),
            "may_retry": False,
        }
        return CheckEvaluation(windows, **options | changes)

    def findings(self, windows: Sequence[Window], **changes: Any) -> dict[str, list[tuple[Window, Finding]]]:
        found = self.evaluation(windows, **changes).findings(ASSETS)
        return {f"{asset}/{name}": of_check for (asset, name), of_check in found.items()}


def stored_start(window: Window) -> str:
    """A window's start as SQLite stores it."""
    return window.start.isoformat(timespec="microseconds")


def failed(findings: dict[str, list[tuple[Window, Finding]]]) -> dict[str, str]:
    """The lines of the checks that did not pass."""
    lines = {
        name: "; ".join(finding.text for _, finding in found if not finding.passed) for name, found in findings.items()
    }
    assert not any("\n" in line for line in lines.values())
    return {name: line for name, line in lines.items() if line}


EARLIER = st.sampled_from(WINDOWS[:-1])
FILE_DAMAGE = st.tuples(st.sampled_from(sorted(STAGES)), EARLIER, st.sampled_from(sorted(DAMAGES)))
ROW_DAMAGE = st.tuples(EARLIER, st.sampled_from(sorted(ROW_DAMAGES)))


def damaged_row(damage: tuple[Window, str]) -> tuple[Window, str]:
    """The window and the table of a damage: a second one to the same rows might find none left."""
    window, kind = damage
    return window, ROW_DAMAGES[kind].partition(" SET ")[0].partition(" WHERE ")[0].split()[-1]


# Not shrunk: an example is a folder of files, and the first that fails says enough.
@settings(max_examples=30, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(
    files=st.lists(FILE_DAMAGE, max_size=4, unique_by=lambda damage: damage[:2]),
    rows=st.lists(ROW_DAMAGE, max_size=3, unique_by=damaged_row),
    count=st.integers(1, len(WINDOWS)),
)
def test_no_damage_to_an_earlier_window_changes_whether_the_newest_is_fit_to_send(
    finished: Finished, files: list[tuple[str, Window, str]], rows: list[tuple[Window, str]], count: int
) -> None:
    windows = WINDOWS[-count:]
    with tempfile.TemporaryDirectory() as name:
        copy = Copy(finished, Path(name))
        with_rows = {(stage, window) for stage, window, _ in files if copy.has_rows(stage, window)}
        for stage, window, kind in files:
            DAMAGES[kind](copy.file(stage, window))
        for window, kind in rows:
            copy.damage_row(window, kind)
        found = copy.findings(windows)

        ((window, fit),) = found[f"digest/{BLOCKING}"]
        assert (window, fit.passed, fit.text) == (NEWEST, True, "nothing serious found")
        # Whatever is wrong in the run's own range is named with the command that makes it anew.
        lines = failed(found)
        for stage, window in with_rows:
            if window in windows:
                line = lines.get(f"{stage}/schema", "") + lines.get(f"{stage}/no_duplicates", "")
                assert f"run `signals run --window {window.key}`" in line


# A window that was pruned has no frame either, and the comparison does not read the column `symbol`.
UNSEEN = {"missing", "a link to nowhere", "rows twice"}
UNSEEN |= {"a column missing", "a column of another type", "a nested column", "a flipped bit"}


@pytest.mark.parametrize("damage", sorted(DAMAGES))
def test_damage_to_an_earlier_frame_is_named_by_the_check_that_reads_it(
    finished: Finished, tmp_path: Path, damage: str
) -> None:
    copy = Copy(finished, tmp_path)
    DAMAGES[damage](copy.file("sentiment", WINDOWS[0]))
    lines = failed(copy.findings([NEWEST]))
    if damage in UNSEEN:
        assert lines == {}
        return
    assert set(lines) == {"sentiment/tone_drift"}
    assert lines["sentiment/tone_drift"].startswith(
        f"compared without 1 of the last 20 windows: sentiment of window {WINDOWS[0].key} "
    )
    assert lines["sentiment/tone_drift"].endswith(f"run `signals run --window {WINDOWS[0].key}`")


@settings(max_examples=20, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(stage=st.sampled_from(sorted(STAGES)), kind=st.sampled_from(sorted(DAMAGES)), count=st.integers(1, 3))
def test_damage_to_the_windows_own_frame_holds_its_mail_with_one_line(
    finished: Finished, stage: str, kind: str, count: int
) -> None:
    with tempfile.TemporaryDirectory() as name:
        copy = Copy(finished, Path(name))
        assert copy.has_rows(stage, NEWEST)
        DAMAGES[kind](copy.file(stage, NEWEST))
        lines = failed(copy.findings(WINDOWS[-count:]))
        assert f"{stage}/schema" in lines or f"{stage}/no_duplicates" in lines
        assert lines[f"digest/{BLOCKING}"].endswith(f"run `signals run --window {NEWEST.key}`")
        assert lines[f"digest/{BLOCKING}"].count("signals run") == 1


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("coverage that is no JSON", "could not be made: JSONDecodeError in the check"),
        ("coverage of another shape", "run the window again"),
        ("coverage lost", "has stored no coverage; run `signals run --window"),
        ("signals with an unreadable time", "could not be made: ValueError in the check"),
        ("signals of no type", "signal_type: "),
    ],
)
def test_damage_to_the_windows_own_rows_holds_its_mail_with_one_line(
    finished: Finished, tmp_path: Path, kind: str, said: str
) -> None:
    copy = Copy(finished, tmp_path)
    with_signals = [window for window in WINDOWS if copy.has_signals(window)]
    own = with_signals[-1]
    copy.damage_row(own, kind)
    lines = failed(copy.findings([own]))
    assert said in lines[f"digest/{BLOCKING}"]
    # The same as an earlier window of the run.
    if own != NEWEST:
        assert f"digest/{BLOCKING}" not in failed(copy.findings(WINDOWS[WINDOWS.index(own) :]))


class Broken:
    """A price source that always fails like this."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        raise self._error


def test_whatever_one_check_raises_costs_that_check_alone_and_a_bug_is_logged_with_its_traceback(
    finished: Finished, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    copy = Copy(finished, tmp_path)
    lines = failed(copy.findings(WINDOWS, prices=Broken(ZeroDivisionError("by zero"))))
    assert lines == {
        "technicals/split_jumps": "could not be made: ZeroDivisionError in the check;"
        " report this as a bug, with the traceback in the run's log"
    }
    assert "Traceback (most recent call last)" in caplog.text
    assert "ZeroDivisionError: by zero" in caplog.text

    caplog.clear()
    lines = failed(copy.findings(WINDOWS, prices=Broken(SourceError("prices.csv: no such file; correct the path"))))
    assert lines == {"technicals/split_jumps": "could not be made: prices.csv: no such file; correct the path"}
    assert "Traceback" not in caplog.text


def test_a_transient_failure_is_left_to_the_retry_of_the_step(finished: Finished, tmp_path: Path) -> None:
    copy = Copy(finished, tmp_path)
    lost = Broken(DatabaseError("the server restarts", transient=True))
    with pytest.raises(DatabaseError, match="the server restarts"):
        copy.findings(WINDOWS, prices=lost, may_retry=True)
    assert set(failed(copy.findings(WINDOWS, prices=lost))) == {"technicals/split_jumps"}


def test_without_its_database_a_window_is_not_fit_to_send(finished: Finished, tmp_path: Path) -> None:
    copy = Copy(finished, tmp_path)
    store = open_store(f"sqlite:///{next(copy.data.glob('*.db'))}")
    lost: Any = Broken(DatabaseError("the disk is gone; mount it"))
    broken = replace(store, coverage=lost, history=lost, outcomes=lost)
    lines = failed(copy.findings([NEWEST], store=broken))
    assert set(lines.values()) == {"could not be made: the disk is gone; mount it"}
    assert {"digest/fit_to_send", "signals/schema", "headlines/linked", "outcomes/record_plausible"} <= set(lines)
    assert {"sentiment/tone_drift", "scores/schema", "technicals/prices_fresh"}.isdisjoint(lines)
