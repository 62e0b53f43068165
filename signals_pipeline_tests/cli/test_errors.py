"""The line of a failure: what the operator's machine refuses is named with its file, and what to do."""

import errno
import os
from pathlib import Path

import pytest

from signals_pipeline.adapters.atomic_write import write_bytes
from signals_pipeline.cli.errors import REFUSALS, user_message
from signals_pipeline.core.errors import SignalsError
from signals_pipeline_tests.support.small_disks import filled, small_disk


def test_a_full_disk_is_named_with_the_file_that_was_to_be_written(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size="1m") as disk:
        path = disk / "digest.html"
        write_bytes(path, b"former")
        with filled(disk, free=8_192), pytest.raises(OSError, match="No space left") as caught:
            write_bytes(path, b"x" * 100_000)
        assert path.read_bytes() == b"former"
        assert [each.name for each in disk.iterdir()] == ["digest.html"]
    assert user_message(caught.value) == (
        f"{path}: No space left on device; free space there and run again; nothing is half-written"
    )


@pytest.mark.parametrize("number", sorted(REFUSALS))
def test_whatever_the_machine_refuses_is_one_line(number: int) -> None:
    refused = OSError(number, os.strerror(number), "a/file")
    line = user_message(refused)
    assert line == f"a/file: {os.strerror(number)}; {REFUSALS[number]}"
    unnamed = user_message(OSError(number, os.strerror(number)))
    assert unnamed == f"a file: {os.strerror(number)}; {REFUSALS[number]}"


def test_a_cause_further_down_is_found_and_a_bug_keeps_its_traceback() -> None:
    outer = RuntimeError("step failed")
    outer.__cause__ = SignalsError("what, where, what to do")
    assert user_message(outer) == "what, where, what to do"
    assert user_message(OSError(errno.ENOENT, "No such file", "a")) is None
    assert user_message(ValueError("a bug")) is None
