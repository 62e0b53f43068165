"""Files that appear whole or not at all."""

import os
from pathlib import Path

import pytest

from signals_pipeline.adapters.atomic_write import write_bytes, write_text
from signals_pipeline_tests.support.small_disks import filled, small_disk


def test_a_file_replaces_the_former_one_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "digest.json"
    write_bytes(path, b"former")

    write_bytes(path, b"new")

    assert path.read_bytes() == b"new"
    assert [each.name for each in tmp_path.iterdir()] == ["digest.json"]


def test_text_is_utf_8_with_its_line_ends_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "digest.txt"

    write_text(path, "5 % – “up”\r\nend\n")

    assert path.read_bytes() == "5 % – “up”\r\nend\n".encode()


def test_a_write_that_fails_leaves_the_former_file_names_it_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "digest.json"
    path.mkdir()

    with pytest.raises(IsADirectoryError) as caught:
        write_bytes(path, b"new")

    assert (caught.value.filename, caught.value.filename2) == (str(path), None)
    assert [each.name for each in tmp_path.iterdir()] == ["digest.json"]


def test_a_full_disk_leaves_the_former_file_and_nothing_else(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", size="1m") as disk:
        path = disk / "digest.json"
        write_bytes(path, b"former")

        with filled(disk, free=8_192), pytest.raises(OSError, match="No space left") as caught:
            write_bytes(path, b"x" * 100_000)

        assert caught.value.filename == str(path)
        assert path.read_bytes() == b"former"
        assert [each.name for each in disk.iterdir()] == ["digest.json"]


def test_the_content_is_on_the_disk_before_its_name_and_the_name_before_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "digest.json"
    write_bytes(path, b"former")
    former = path.stat().st_ino
    usual, synced = os.fsync, []

    def noted(descriptor: int) -> None:
        found = os.fstat(descriptor)
        synced.append((found.st_ino, found.st_size, path.stat().st_ino == former))
        usual(descriptor)

    monkeypatch.setattr(os, "fsync", noted)

    write_bytes(path, b"new one")

    # The whole new file while the name is still the former one's, then the folder that has the new name.
    assert synced[0] == (path.stat().st_ino, len(b"new one"), True)
    assert [(inode, is_former) for inode, _, is_former in synced[1:]] == [(tmp_path.stat().st_ino, False)]
