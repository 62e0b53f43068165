"""The file `.env`, checked before its values are read.

pydantic-settings skips a line that it can't read and ends with a traceback on bytes that are no text. Here each is one
line with the number of the line in the file; its text is not repeated, since it may hold a password.
"""

import io
from pathlib import Path

from dotenv.parser import Binding, parse_stream

from signals_pipeline.settings.strategy import SettingsError

MAX_BYTES = 100_000  # every setting with its description takes a tenth of it


def check_env_file(path: Path) -> None:
    """Refuse a file of variables with anything in it that would be skipped or misread; a missing file is fine.

    Raises:
        SettingsError: the file can't be read, is too large, is not UTF-8, or has a line that sets no variable; the
            message is about the first mistake.
    """
    text = _read(path)
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise SettingsError(f"{path} line {line}: has a NUL character; remove it")
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            raise SettingsError(f"{path} line {_line(binding)}: can't be read; write NAME=value, or quote the value")
        if binding.key is not None and binding.value is None:
            raise SettingsError(f"{path} line {_line(binding)}: has no `=`; write NAME=value, or # before a comment")


def _read(path: Path) -> str:
    """The text of the file; empty where there is none."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise SettingsError(f"{path}: can't be read ({error.strerror}); correct or remove it") from error
    if len(content) > MAX_BYTES:
        raise SettingsError(f"{path}: larger than {MAX_BYTES:,} bytes; keep only NAME=value lines")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise SettingsError(f"{path} line {line}: is not UTF-8; save the file as UTF-8") from error


def _line(binding: Binding) -> int:
    """The line of a variable, counted from 1; the parser counts the blank lines before it as its own."""
    text = binding.original.string
    blank = text[: len(text) - len(text.lstrip())]
    return binding.original.line + blank.replace("\r\n", "\n").replace("\r", "\n").count("\n")
