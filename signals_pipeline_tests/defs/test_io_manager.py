"""The IO manager: a range of windows is split into files and read back whole, whatever the file system or the fault."""

import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from uuid import uuid4

import dagster as dg
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from upath import UPath

from signals_pipeline.core.tables import (
    COUNT,
    FLAG,
    HEADLINES,
    INSTANT,
    REAL,
    SCORES,
    SENTIMENT,
    STAGES,
    TEXT,
    SchemaError,
    Table,
)
from signals_pipeline.core.windows import Window, window_for_key, windows_between
from signals_pipeline.defs.io_manager import FrameError, WindowFrames
from signals_pipeline.defs.partitions import digest_windows
from signals_pipeline_tests.support.frame_damage import DAMAGES
from signals_pipeline_tests.support.permissions import unprivileged_folder

__all__ = ["unprivileged_folder"]

# The third is a weekend on which the clocks change.
WINDOWS = windows_between(window_for_key("2024-03-07-17:30").start, window_for_key("2024-03-11-17:30").start)
PARTITIONS = digest_windows(WINDOWS[0].key, window_for_key("2024-03-11-17:30").key)


def rows_of(table: Table, counts: Sequence[int], seed: int = 0) -> pd.DataFrame:
    """Rows of any stage, so many a window, keys distinct, values random, missing where they may be."""
    starts = [window.start for window, count in zip(WINDOWS, counts, strict=False) for _ in range(count)]
    random = np.random.default_rng(seed)
    size = len(starts)
    made = {
        INSTANT: lambda: pd.to_datetime(random.integers(0, 2**50, size), unit="us", utc=True),
        TEXT: lambda: [uuid4().hex for _ in range(size)],
        REAL: lambda: random.normal(size=size),
        COUNT: lambda: random.integers(0, 99, size),
        FLAG: lambda: random.random(size) < 0.5,
    }
    frame = pd.DataFrame({column.name: made[column.dtype]() for column in table.columns})
    frame["window_start"] = pd.Series(starts, dtype=INSTANT)
    for column in table.columns:
        if column.nullable:
            frame.loc[random.random(size) < 0.3, column.name] = None
    return table.conform(frame).sample(frac=1, random_state=seed)


def store(frames: WindowFrames, table: Table, frame: pd.DataFrame, windows: Sequence[Window]) -> None:
    keys = dg.PartitionKeyRange(windows[0].key, windows[-1].key)
    with dg.build_output_context(
        asset_key=table.name, asset_partitions_def=PARTITIONS, asset_partition_key_range=keys
    ) as context:
        frames.handle_output(context, frame)


def load(frames: WindowFrames, table: Table, windows: Sequence[Window]) -> pd.DataFrame:
    """As a run that has not written the frame itself."""
    return handed_on(WindowFrames(base=frames.base), table, windows)


def handed_on(frames: WindowFrames, table: Table, windows: Sequence[Window]) -> pd.DataFrame:
    keys = dg.PartitionKeyRange(windows[0].key, windows[-1].key)
    with dg.build_input_context(
        asset_key=table.name, asset_partitions_def=PARTITIONS, asset_partition_key_range=keys
    ) as context:
        return frames.load_input(context)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A bucket of a real HTTP server that stands in for S3."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    for name, value in (("ACCESS_KEY_ID", "k"), ("SECRET_ACCESS_KEY", "s"), ("DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(f"AWS_{name}", value)
    name = f"frames-{uuid4().hex}"
    UPath(f"s3://{name}").mkdir()
    yield name
    server.stop()


COUNTS = st.lists(st.integers(0, 4), min_size=len(WINDOWS), max_size=len(WINDOWS))


@settings(max_examples=15)
@given(table=st.sampled_from(list(STAGES.values())), counts=COUNTS, seed=st.integers(0, 9))
def test_what_a_range_stores_the_range_reads_back(table: Table, counts: list[int], seed: int) -> None:
    frame = rows_of(table, counts, seed)
    with tempfile.TemporaryDirectory() as folder:
        frames = WindowFrames(base=folder)
        store(frames, table, frame, WINDOWS)
        pd.testing.assert_frame_equal(load(frames, table, WINDOWS), table.conform(frame))
        pd.testing.assert_frame_equal(handed_on(frames, table, WINDOWS), table.conform(frame))
        for window, count in zip(WINDOWS, counts, strict=True):
            alone = frames.read(table, window.key)
            assert (len(alone), alone.dtypes.to_dict()) == (count, table.empty().dtypes.to_dict())


def test_what_a_run_has_written_its_later_stages_take_from_memory(tmp_path: Path) -> None:
    frames, frame = WindowFrames(base=str(tmp_path)), rows_of(HEADLINES, [2, 1, 3])
    store(frames, HEADLINES, frame, WINDOWS[:3])
    of_three = frame[frame["window_start"] == pd.Timestamp(WINDOWS[2].start)]
    store(WindowFrames(base=str(tmp_path)), HEADLINES, of_three.assign(title="another run's"), WINDOWS[2:3])
    for _ in range(2):
        taken = handed_on(frames, HEADLINES, WINDOWS[:3])
        pd.testing.assert_frame_equal(taken, HEADLINES.conform(frame))
        taken["title"] = "a stage's own"
    # Of other windows, and for another run, the files count.
    assert set(handed_on(frames, HEADLINES, WINDOWS[1:3])["title"][1:]) == {"another run's"}
    assert set(load(frames, HEADLINES, WINDOWS[:3])["title"][3:]) == {"another run's"}


@settings(max_examples=6)
@given(table=st.sampled_from(list(STAGES.values())), counts=COUNTS)
def test_one_run_over_many_windows_and_a_run_a_window_leave_the_same_bytes(table: Table, counts: list[int]) -> None:
    frame = rows_of(table, counts)
    with tempfile.TemporaryDirectory() as once, tempfile.TemporaryDirectory() as singly:
        store(WindowFrames(base=once), table, frame, WINDOWS)
        for window in reversed(WINDOWS):
            part = frame[frame["window_start"] == pd.Timestamp(window.start)]
            store(WindowFrames(base=singly), table, part, [window])
        assert contents(Path(once)) == contents(Path(singly))
        assert len(contents(Path(once))) == len(WINDOWS)


def test_a_window_without_rows_is_a_file_without_rows(tmp_path: Path) -> None:
    frames = WindowFrames(base=str(tmp_path))
    store(frames, HEADLINES, HEADLINES.empty(), WINDOWS)
    assert len(contents(tmp_path)) == len(WINDOWS)
    pd.testing.assert_frame_equal(load(frames, HEADLINES, WINDOWS), HEADLINES.empty())


@pytest.mark.parametrize("scheme", ["plain", "file", "memory"])
def test_any_file_system_will_do(tmp_path: Path, scheme: str) -> None:
    folder = tmp_path / "a folder with spaces"
    bases = {"plain": str(folder), "file": folder.as_uri(), "memory": f"memory://{uuid4().hex}/frames"}
    frames = WindowFrames(base=bases[scheme])
    frame = rows_of(HEADLINES, [3, 0, 2])
    store(frames, HEADLINES, frame, WINDOWS[:3])
    store(frames, HEADLINES, frame, WINDOWS[:3])  # in place of what is there
    pd.testing.assert_frame_equal(load(frames, HEADLINES, WINDOWS[:3]), HEADLINES.conform(frame))
    names = [path.name for path in (UPath(bases[scheme]) / "headlines").iterdir()]
    assert sorted(names) == ["2024-03-07-1730.parquet", "2024-03-08-0830.parquet", "2024-03-08-1730.parquet"]


@pytest.mark.parametrize("fault", ["column", "dtype", "missing value", "stray window"])
def test_a_faulty_frame_is_one_line_and_the_old_files_stay(tmp_path: Path, fault: str) -> None:
    frames = WindowFrames(base=str(tmp_path))
    good = rows_of(HEADLINES, [2, 2])
    store(frames, HEADLINES, good, WINDOWS[:2])
    before = contents(tmp_path)
    faulty = {
        "column": good.drop(columns="title"),
        "dtype": good.astype({"novelty": "object"}).assign(novelty="very"),
        "missing value": good.assign(relevance=float("nan")),
        "stray window": rows_of(HEADLINES, [2, 2, 1]),
    }
    with pytest.raises(SchemaError, match=r"^headlines") as refused:
        store(frames, HEADLINES, faulty[fault], WINDOWS[:2])
    assert "\n" not in str(refused.value)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_file_that_can_not_be_used_names_the_command_that_makes_it_anew(tmp_path: Path, damage: str) -> None:
    frames = WindowFrames(base=str(tmp_path))
    store(frames, SENTIMENT, rows_of(SENTIMENT, [2, 200, 3]), WINDOWS[:3])
    path = tmp_path / "sentiment" / "2024-03-08-0830.parquet"
    DAMAGES[damage](path)
    with pytest.raises(FrameError) as refused:
        load(frames, SENTIMENT, WINDOWS[:3])
    line = str(refused.value)
    assert line.startswith("sentiment of window 2024-03-08-08:30 ")
    assert line.endswith("run `signals run --window 2024-03-08-08:30`")
    assert "\n" not in line
    assert str(path) in line or damage == "rows twice"
    assert refused.value.missing is (damage in {"missing", "a link to nowhere"})

    # The others are read as before. Rows that are there twice are for the checks to find.
    assert len(frames.read(SENTIMENT, WINDOWS[0].key, WINDOWS[2].key)) == 5
    existing, errors = frames.existing(SENTIMENT, WINDOWS[:4], ["window_start", "symbol"])
    readable = [WINDOWS[0], WINDOWS[1], WINDOWS[2]] if damage == "rows twice" else [WINDOWS[0], WINDOWS[2]]
    assert [window for window, _ in existing] == readable
    is_reported = WINDOWS[1] not in readable and not refused.value.missing
    assert [error.window_key for error in errors] == [WINDOWS[1].key] * is_reported
    stored = frames.as_stored(SENTIMENT, WINDOWS[:3])
    grouped = {window for windows, _ in stored.groups for window in windows}
    assert grouped | {*stored.errors} == {*WINDOWS[:3]}
    assert not grouped & {*stored.errors}


def test_the_first_of_several_unusable_files_tells_how_many_there_are(tmp_path: Path) -> None:
    frames = WindowFrames(base=str(tmp_path))
    with pytest.raises(
        FrameError, match=r"^scores of window 2024-03-07-17:30 is missing .* \(the first of 3 such"
    ) as no:
        frames.columns(SCORES, [window.key for window in WINDOWS[:3]], ["window_start"])
    assert str(no.value).endswith(": run `signals run --window 2024-03-07-17:30`")


def test_a_file_without_permission_is_one_line(unprivileged_folder: Path) -> None:
    frames = WindowFrames(base=str(unprivileged_folder))
    store(frames, HEADLINES, rows_of(HEADLINES, [2]), WINDOWS[:1])
    path = unprivileged_folder / "headlines" / "2024-03-07-1730.parquet"
    path.chmod(0)
    with pytest.raises(FrameError) as refused:
        frames.read(HEADLINES, WINDOWS[0].key)
    assert str(refused.value) == (
        f"headlines of window 2024-03-07-17:30 can't be read at {path} (Permission denied):"
        " make it readable or move it away, then run `signals run --window 2024-03-07-17:30`"
    )


def test_files_of_other_releases_are_read(tmp_path: Path) -> None:
    """One with more columns than this release knows, in another order, and text in the smaller of Arrow's types."""
    frames = WindowFrames(base=str(tmp_path))
    frame = SCORES.conform(rows_of(SCORES, [3, 2]))
    store(frames, SCORES, frame, WINDOWS[:2])
    path = tmp_path / "scores" / "2024-03-07-1730.parquet"
    newer = pq.ParquetFile(path).read().append_column("mood", pa.array([["calm"]] * 3))
    reordered = newer.select(list(reversed(newer.column_names)))
    position = reordered.schema.get_field_index("symbol")
    pq.write_table(reordered.set_column(position, "symbol", reordered["symbol"].cast(pa.string())), path)

    pd.testing.assert_frame_equal(load(frames, SCORES, WINDOWS[:2]), frame)
    columns = ["window_start", "symbol", "tone"]
    keys = [window.key for window in WINDOWS[:2]]
    pd.testing.assert_frame_equal(frames.columns(SCORES, keys, columns), frame[columns])


def test_a_damaged_object_of_a_bucket_is_named_like_a_file(bucket: str) -> None:
    frames = WindowFrames(base=f"s3://{bucket}/frames")
    store(frames, SENTIMENT, rows_of(SENTIMENT, [2, 3]), WINDOWS[:2])
    assert len(load(frames, SENTIMENT, WINDOWS[:2])) == 5
    place = UPath(f"s3://{bucket}/frames/sentiment/2024-03-08-0830.parquet")
    for content, said in ((b"", "is damaged"), (place.read_bytes()[:-20], "is damaged"), (None, "is missing")):
        if content is None:
            place.unlink()
        else:
            place.write_bytes(content)
        with pytest.raises(FrameError, match=rf"^sentiment of window {WINDOWS[1].key} {said} at s3://{bucket}/frames"):
            load(frames, SENTIMENT, WINDOWS[:2])
        assert [window.key for window in frames.as_stored(SENTIMENT, WINDOWS[:2]).errors] == [WINDOWS[1].key]


WRITER = """
import os, sys
from pathlib import Path
from signals_pipeline.core.tables import HEADLINES
from signals_pipeline.defs.io_manager import FrameError, WindowFrames
from signals_pipeline_tests.defs.test_io_manager import WINDOWS, rows_of, store

pipe = Path(sys.argv[1]) / "headlines" / f".2024-03-07-1730.parquet.{os.getpid()}.part"
os.mkfifo(pipe)
print(pipe, flush=True)
store(WindowFrames(base=sys.argv[1]), HEADLINES, rows_of(HEADLINES, [5_000]), WINDOWS[:1])
"""


def test_a_process_killed_while_it_writes_leaves_the_old_file(tmp_path: Path) -> None:
    """The new file's place is a pipe that takes only its beginning, so the process is surely in the middle of it."""
    frames = WindowFrames(base=str(tmp_path))
    old = rows_of(HEADLINES, [3])
    store(frames, HEADLINES, old, WINDOWS[:1])
    before = contents(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE
    ) as writer:
        assert writer.stdout is not None
        pipe = Path(writer.stdout.readline().decode().strip())
        with pipe.open("rb") as end:
            assert end.read(4) == b"PAR1"
            writer.send_signal(signal.SIGKILL)
            assert writer.wait() == -signal.SIGKILL
    assert pipe.exists()
    assert contents(tmp_path) == before
    pd.testing.assert_frame_equal(load(frames, HEADLINES, WINDOWS[:1]), HEADLINES.conform(old))
    store(frames, HEADLINES, rows_of(HEADLINES, [4]), WINDOWS[:1])
    assert len(frames.read(HEADLINES, WINDOWS[0].key)) == 4
    assert (tmp_path / "headlines" / "2024-03-07-1730.parquet").is_file()
