"""Files that appear whole or not at all."""

from pathlib import Path

import pytest

from signals_pipeline.adapters.atomic_write import write_bytes, write_text


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


def test_a_write_that_fails_leaves_the_former_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "digest.json"
    write_bytes(path, b"former")

    def fail(_path: Path, _content: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(OSError, match="No space left"):
        write_bytes(path, b"new")

    assert path.read_bytes() == b"former"
