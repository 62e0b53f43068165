"""Runs of `signals run` in processes of their own that send themselves a signal at a chosen statement."""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from sqlalchemy import Engine, event

from signals_pipeline.cli import runs
from signals_pipeline.core.windows import window_for_key
from signals_pipeline.settings import Settings

INTERRUPTED = 130  # exit code of a process that ended its run by itself
UNHARMED = 3  # exit code of a process that never came to the chosen statement


def messages_of(folder: Path) -> Path:
    """The file with what the processes over a folder wrote to stderr."""
    return folder / "messages.txt"


def settings_in(folder: Path) -> Settings:
    """A demo that keeps everything, its Dagster instance included, in a folder."""
    home = folder / "dagster"
    home.mkdir(parents=True, exist_ok=True)
    return Settings.checked(signals_data_dir=folder / "data", dagster_home=home, _env_file=None)


class _SignalAt:
    """Sends the process a signal once, after the first statement that begins with the words and contains the table."""

    def __init__(self, words: str, table: str, number: int) -> None:
        self._words = words
        self._table = table
        self._number = number
        self._sent = False

    def __call__(self, _c: object, _cursor: object, sql: str, _p: object, _context: object, _many: object) -> None:
        if not self._sent and sql.startswith(self._words) and self._table in sql:
            self._sent = True
            os.kill(os.getpid(), self._number)


def run_until_signal(folder: Path, key: str, words: str, table: str, number: int) -> None:
    """Run one window, and receive the signal at the statement.

    The process ends by the signal, or with INTERRUPTED if the run ended because of it, or with UNHARMED. What it says
    is added to the file `messages_of`.
    """
    messages = os.open(messages_of(folder), os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.dup2(messages, sys.stderr.fileno())
    event.listen(Engine, "after_cursor_execute", _SignalAt(words, table, number))
    try:
        run_windows(folder, [key])
    except BaseException as error:
        from signals_pipeline.cli.errors import interrupted

        if interrupted(error):
            os._exit(INTERRUPTED)
        raise
    os._exit(UNHARMED)


def run_windows(folder: Path, keys: Sequence[str]) -> None:
    """Run neighbouring windows, as `signals run --window` and `signals backfill` do."""
    runs.execute(settings_in(folder), tuple(window_for_key(key) for key in keys), mode="backfill")
