"""What the checks say of real runs: quiet on the sample, one line where a frame is wrong, mail kept back for cause."""

import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from signals_pipeline.core.tables import HEADLINES, SCORES, SENTIMENT, STAGES, TECHNICALS, Table
from signals_pipeline.core.windows import Window
from signals_pipeline.definitions import build_definitions
from signals_pipeline.defs.checks import CHECKS, HEALTH_GRACE, newest_present
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline.defs.partitions import RANGE_END_TAG, RANGE_START_TAG
from signals_pipeline.defs.resources import open_store
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS, TestPipeline
from signals_pipeline_tests.support.stored_rows import write_row

WINDOWS = SAMPLE_WINDOWS[6:9]


NAMES = [f"{asset}/{name}" for asset, names in CHECKS.items() for name in names]


def answers(pipeline: TestPipeline, result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """The run's check results by `asset/name`."""
    records = pipeline.instance.all_logs(result.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    found = [entry.get_dagster_event().asset_check_evaluation_data for entry in records]
    return {f"{each.asset_key.path[-1]}/{each.check_name}": each for each in found}


def judge(pipeline: TestPipeline, windows: Sequence[Window]) -> dg.ExecuteInProcessResult:
    """A run of the checks alone."""
    keys = [dg.AssetCheckKey(dg.AssetKey(asset), name) for asset, names in CHECKS.items() for name in names]
    only = dg.Definitions(jobs=[dg.define_asset_job("judge", selection=dg.AssetSelection.checks(*keys))])
    job = dg.Definitions.merge(build_definitions(pipeline.settings), only).resolve_job_def("judge")
    tags = {RANGE_START_TAG: windows[0].key, RANGE_END_TAG: windows[-1].key}
    return job.execute_in_process(instance=pipeline.instance, tags=tags, raise_on_error=False)


@pytest.fixture
def pipeline(tmp_path: Path) -> Iterator[TestPipeline]:
    with TestPipeline.open(tmp_path) as pipeline:
        yield pipeline


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a pipeline that ran the windows; only copied."""
    folder = tmp_path_factory.mktemp("finished")
    with TestPipeline.open(folder) as pipeline:
        assert pipeline.run(WINDOWS).success
    return folder


@pytest.fixture
def ran(finished: Path, tmp_path: Path) -> Iterator[TestPipeline]:
    """A pipeline that ran the windows."""
    shutil.copytree(finished, tmp_path, dirs_exist_ok=True)
    with TestPipeline.joined(tmp_path, "dagster") as pipeline:
        yield pipeline


def test_a_range_is_judged_in_one_step_and_its_mail_may_go(pipeline: TestPipeline) -> None:
    found = answers(pipeline, pipeline.run(WINDOWS))
    assert sorted(found) == sorted(NAMES)
    assert found["digest/fit_to_send"].passed
    assert found["digest/fit_to_send"].blocking
    assert found["signals/no_repeats"].passed
    assert all(each.description for each in found.values())
    wrong = [name for name, each in found.items() if not each.passed]
    assert wrong == []


def test_a_check_tells_the_window_that_it_failed_in(ran: TestPipeline) -> None:
    frames = WindowFrames(base=ran.settings.frames_url)
    key = WINDOWS[1].key
    unsure = pd.concat([frames.read(SENTIMENT, key)] * 40, ignore_index=True).assign(confidence=0.4)
    unsure["headline_id"] = [f"{at:016x}" for at in range(len(unsure))]
    path = Path(ran.settings.frames_url) / "sentiment" / f"{key.replace(':', '')}.parquet"
    SENTIMENT.conform(unsure).to_parquet(path)
    found = answers(ran, judge(ran, WINDOWS))
    assert not found["sentiment/confidence"].passed
    assert found["sentiment/confidence"].severity is dg.AssetCheckSeverity.WARN
    assert f"{key}: mean tone confidence 0.40" in (found["sentiment/confidence"].description or "")
    assert found["digest/fit_to_send"].passed


def test_what_a_reader_would_be_told_wrongly_keeps_the_mail_back(ran: TestPipeline) -> None:
    store = open_store(ran.settings.database_url)
    told = store.history.between(WINDOWS[0].start, datetime(2100, 1, 1, tzinfo=UTC))
    assert told
    later = replace(told[0], decided_at=told[0].decided_at + timedelta(minutes=1))
    write_row(store, later, WINDOWS[-1])
    result = judge(ran, WINDOWS)
    found = answers(ran, result)
    assert not found["signals/no_repeats"].passed
    assert not found["digest/fit_to_send"].passed
    assert told[0].symbol in (found["digest/fit_to_send"].description or "")
    assert not result.success


BROKEN: list[tuple[Table, str, Callable[[pd.DataFrame], pd.DataFrame], str]] = [
    (HEADLINES, "schema", lambda rows: rows.drop(columns="novelty"), "missing column novelty"),
    (SENTIMENT, "schema", lambda rows: rows.drop(columns="confidence"), "missing column confidence"),
    (TECHNICALS, "schema", lambda rows: rows.drop(columns="stale"), "missing column stale"),
    (SENTIMENT, "schema", lambda rows: rows.assign(score=7.0), "outside [-1, 1], such as 7.0"),
    (TECHNICALS, "no_duplicates", lambda rows: pd.concat([rows, rows.iloc[:1]]), "duplicate: "),
    (SCORES, "schema", lambda rows: rows.assign(n_stories="many"), "n_stories is str, not int64"),
]
# Checks that can't be made of a frame whose columns are not those of its stage.
LEFT_OUT = {"sentiment": {"sentiment/confidence", "sentiment/tone_drift"}, "technicals": {"technicals/prices_fresh"}}


@pytest.mark.parametrize(("table", "check", "change", "said"), BROKEN, ids=lambda value: getattr(value, "name", None))
def test_a_broken_frame_is_named_with_its_window_and_holds_the_mail_of_its_window_alone(
    ran: TestPipeline, table: Table, check: str, change: Callable[[pd.DataFrame], pd.DataFrame], said: str
) -> None:
    key, frames = WINDOWS[1].key, WindowFrames(base=ran.settings.frames_url)
    path = Path(ran.settings.frames_url) / table.name / f"{key.replace(':', '')}.parquet"
    change(frames.read(table, key)).to_parquet(path, index=False)
    expected = {f"{table.name}/{check}"}
    if "outside" not in said and check == "schema":
        expected |= {f"{table.name}/no_duplicates"} | LEFT_OUT.get(table.name, set())

    # As one of the earlier windows of a run it advises.
    result = judge(ran, WINDOWS)
    broken = {name: each for name, each in answers(ran, result).items() if not each.passed}
    assert set(broken) == expected
    assert all(
        (each.description or "").startswith(f"{key}: ") and said in (each.description or "") for each in broken.values()
    )
    assert all(f"run `signals run --window {key}`" in (each.description or "") for each in broken.values())
    assert result.success

    # As the run's own it holds the mail.
    result = judge(ran, WINDOWS[:2])
    broken = {name: each for name, each in answers(ran, result).items() if not each.passed}
    assert set(broken) == expected | {"digest/fit_to_send"}
    assert said in (broken["digest/fit_to_send"].description or "")
    assert not result.success


def test_an_emptied_frame_of_an_earlier_window_lets_the_next_window_run_to_its_end(ran: TestPipeline) -> None:
    path = Path(ran.settings.frames_url) / "sentiment" / f"{WINDOWS[0].key.replace(':', '')}.parquet"
    whole = path.read_bytes()
    path.write_bytes(b"")

    result = ran.run([SAMPLE_WINDOWS[9]], mode="manual")

    found = answers(ran, result)
    assert result.success
    assert {name for name, each in found.items() if not each.passed} == {"sentiment/tone_drift"}
    line = found["sentiment/tone_drift"].description or ""
    assert f"sentiment of window {WINDOWS[0].key} is damaged at {path} (0 bytes)" in line
    # The command that the line names makes the frame anew.
    assert line.endswith(f"run `signals run --window {WINDOWS[0].key}`")
    assert ran.run([WINDOWS[0]], mode="manual").success
    assert path.read_bytes() == whole


def test_each_frame_is_read_once(pipeline: TestPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    pipeline.run(SAMPLE_WINDOWS[4:9])
    read, opened = Path.read_bytes, Counter[str]()

    def counted(path: Path) -> bytes:
        content = read(path)  # raises where there is no such file
        opened[f"{path.parent.name} {path.stem}"] += path.suffix == ".parquet"
        return content

    monkeypatch.setattr(Path, "read_bytes", counted)
    assert judge(pipeline, WINDOWS).success
    run = {f"{table.name} {window.key.replace(':', '')}" for table in STAGES.values() for window in WINDOWS}
    before = {f"sentiment {window.key.replace(':', '')}" for window in SAMPLE_WINDOWS[4:6]}
    assert +opened == Counter(run | before)


def test_only_the_newest_window_counts_as_present(pipeline: TestPipeline) -> None:
    store = open_store(pipeline.settings.database_url)
    now = WINDOWS[-1].end + timedelta(hours=1)
    assert newest_present(store, now) == (
        False,
        f"the digest of window {WINDOWS[-1].key} is due, and there is no digest yet",
    )
    pipeline.run(WINDOWS[:-1])
    assert not newest_present(store, now)[0]
    assert newest_present(store, WINDOWS[-1].end + HEALTH_GRACE - timedelta(seconds=1))[0]
    pipeline.run(WINDOWS)
    assert newest_present(store, now)[0]
