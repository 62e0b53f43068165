"""Every setting that was ever tried, in a file: who tries again tomorrow has tried them all."""

import json
import os
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.research.replay import Setting


class TriedError(SignalsError, ValueError):
    """The file of tried settings can't be read; the message is one line."""


def tried_settings(path: Path) -> tuple[Setting, ...]:
    """The settings in the file, none where there is no file.

    Raises:
        TriedError: it holds something else.
    """
    if not path.exists():
        return ()
    try:
        return tuple(Setting(**each) for each in json.loads(path.read_text(encoding="utf-8")))
    except (ValueError, TypeError) as error:
        raise TriedError(
            f"{path}: no list of settings ({error}); mend it, or delete it to count from nothing"
        ) from error


def keep_tried(path: Path, settings: Iterable[Setting]) -> None:
    """Write the settings in place of what the file holds, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    part.write_text(json.dumps([asdict(each) for each in settings], indent=1) + "\n", encoding="utf-8")
    part.rename(path)
