"""Mail to files: written atomically, one file per Message-ID."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.mail.files import FileTransport
from signals_pipeline.core.digest.delivery import NotSent

MAIL = b"Message-ID: <digest.2024-01-08-0830.abc@example.org>\r\nSubject: 1 new\r\n\r\nA line.\r\n"


def write(folder: Path, content: bytes) -> Path:
    with FileTransport(folder).offer("signals@example.org", "ann@example.org") as folder_open:
        return Path(folder_open.hand_over(content))


def test_a_mail_becomes_a_file_of_its_message_id(tmp_path: Path) -> None:
    path = write(tmp_path / "new" / "mail", MAIL)
    assert path == tmp_path / "new" / "mail" / "digest.2024-01-08-0830.abc.eml"
    assert path.read_bytes() == MAIL
    assert write(path.parent, MAIL) == path
    assert list(path.parent.iterdir()) == [path]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(name=st.text(st.characters(codec="utf-8", exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=400))
def test_no_message_id_leads_out_of_the_folder_or_is_too_long_for_a_name(tmp_path: Path, name: str) -> None:
    path = write(tmp_path / "mail", f"Message-ID: <{name}@example.org>\r\n\r\n".encode())
    assert path.resolve().parent == (tmp_path / "mail").resolve()


@pytest.mark.parametrize(("one", "other"), [("a_b", "ab"), ("A", "a"), ("x" * 150, "x" * 151), ("../a", "a")])
def test_two_message_ids_never_have_one_file(tmp_path: Path, one: str, other: str) -> None:
    paths = [write(tmp_path, f"Message-ID: <{name}@example.org>\r\n\r\n".encode()) for name in (one, other)]
    assert len({str(path).casefold() for path in paths}) == 2


def test_a_folder_that_can_not_be_written_leaves_the_mail_waiting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(NotSent, match="choose another SIGNALS_DATA_DIR") as raised:
        write(tmp_path / "file" / "mail", MAIL)
    assert not raised.value.permanent
    transport = FileTransport(tmp_path / "mail")
    with transport.offer("a@b", "c@d") as conversation:
        (tmp_path / "mail").rmdir()
        with pytest.raises(NotSent, match="free up space there"):
            conversation.hand_over(MAIL)
