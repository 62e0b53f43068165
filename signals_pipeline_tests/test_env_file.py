"""`.env`: a line that would be skipped or misread is one line with its number, whatever the file holds."""

import io
from pathlib import Path

import pytest
from dotenv import dotenv_values
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from signals_pipeline.settings import Settings
from signals_pipeline.settings.env_file import MAX_BYTES, check_env_file
from signals_pipeline.settings.strategy import SettingsError

GOOD = b"""# comment

MAX_SIGNALS=7
export SMTP_HOST='mail'
SMTP_PASSWORD="two
lines"
SMTP_USER=
SMTP_PORT=25 # why
"""
MISTAKES = {
    "no equals sign": (b"MAX_SIGNALS=7\n\n\nsecret\n", 4, "has no `=`; write NAME=value, or # before a comment"),
    "no equals sign, Windows": (b"MAX_SIGNALS=7\r\n\r\nsecret\r\n", 3, "has no `=`"),
    "exported without a value": (b"export MAX_SIGNALS\n", 1, "has no `=`"),
    "open quote": (b"MAX_SIGNALS=7\nSMTP_USER='secret\n", 2, "can't be read; write NAME=value, or quote the value"),
    "text after a quote": (b'SMTP_USER="secret" secret\n', 1, "can't be read"),
    "spaces in a name": (b"# a\nMAX SIGNALS=7\n", 2, "can't be read"),
    "prose": (b"These are my settings:\n", 1, "can't be read"),
    "NUL": (b"MAX_SIGNALS=7\nSMTP_USER=se\0cret\n", 2, "has a NUL character; remove it"),
    "Latin-1": (
        "MAX_SIGNALS=7\n\nSMTP_USER=secret\u00e9\n".encode("latin-1"),
        3,
        "is not UTF-8; save the file as UTF-8",
    ),
    "UTF-16": ("MAX_SIGNALS=7\n".encode("utf-16"), 1, "is not UTF-8; save the file as UTF-8"),
    "a database": (b"SQLite format 3\0" + b"\0" * 84, 1, "has a NUL character"),
}


@pytest.fixture
def env_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setitem(Settings.model_config, "env_file", ".env")
    monkeypatch.chdir(tmp_path)
    return tmp_path / ".env"


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_names_its_line_and_repeats_no_secret(env_file: Path, mistake: str) -> None:
    content, line, words = MISTAKES[mistake]
    env_file.write_bytes(content)
    with pytest.raises(SettingsError) as caught:
        Settings.checked()
    message = str(caught.value)
    assert message.startswith(f".env line {line}: ")
    assert words in message
    assert "secret" not in message
    assert "\n" not in message


def test_what_the_format_allows_is_read(env_file: Path) -> None:
    env_file.write_bytes(GOOD)
    read = Settings.checked()
    assert (read.max_signals, read.smtp_host, read.smtp_port) == (7, "mail", 25)
    assert read.smtp_password is not None
    assert read.smtp_password.get_secret_value() == "two\nlines"


def test_a_byte_order_mark_does_not_hide_the_first_variable(env_file: Path) -> None:
    env_file.write_bytes(b"\xef\xbb\xbfMAX_SIGNALS=7\n")
    assert Settings.checked().max_signals == 7


def test_a_huge_file_is_refused_without_reading_it(env_file: Path) -> None:
    with env_file.open("wb") as file:
        file.truncate(10**12)
    with pytest.raises(SettingsError, match=r"^.env: larger than 100,000 bytes; keep only NAME=value lines$"):
        Settings.checked()


def test_a_folder_is_one_line_and_a_missing_file_is_none(env_file: Path) -> None:
    assert Settings.checked().max_signals == 25
    env_file.mkdir()
    with pytest.raises(SettingsError, match=r"^.env: can't be read \(Is a directory\); correct or remove it$"):
        Settings.checked()


def test_a_long_value_is_cut_in_the_message(env_file: Path) -> None:
    env_file.write_text(f"MAX_SIGNALS={'9x' * 40_000}\n")
    with pytest.raises(SettingsError) as caught:
        Settings.checked()
    assert str(caught.value).startswith("MAX_SIGNALS='9x9x")
    assert len(str(caught.value)) < 400


LINES = st.sampled_from(
    [b"A=1", b"B='", b'C="', b"export D", b"E", b"#", b"=", b"F= # g", b"\\", b"\0", b"\xff", b"\r", b""]
)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES | st.binary(max_size=12), max_size=12))
def test_a_file_is_read_whole_or_is_one_line_about_one_of_its_lines(tmp_path: Path, lines: list[bytes]) -> None:
    path = tmp_path / ".env"
    content = b"\n".join(lines)
    path.write_bytes(content)
    try:
        check_env_file(path)
    except SettingsError as error:
        message = str(error)
    else:
        # Nothing of it is skipped: every variable that the library reads has a value.
        values = dotenv_values(stream=io.StringIO(content.decode()), interpolate=False)
        assert None not in values.values()
        return
    number = int(message.removeprefix(f"{path} line ").partition(":")[0])
    assert 1 <= number <= len(content.replace(b"\r", b"\n").split(b"\n"))
    assert len(content) <= MAX_BYTES
