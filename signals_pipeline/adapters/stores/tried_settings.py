"""Every setting that tuning ever tried, in a file.

Multiple testing counts all of them: trying again tomorrow must not make today's trials free.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

from signals_pipeline.adapters.atomic_write import write_text
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.research.replay import ParameterSet


class TriedSettingsError(SignalsError, ValueError):
    """The file of tried settings can't be read; the message is one line."""


def read_tried_settings(path: Path) -> tuple[ParameterSet, ...]:
    """The settings in the file, none where there is no file.

    Raises:
        TriedError: the file holds something else.
    """
    if not path.exists():
        return ()
    try:
        records = json.loads(path.read_text(encoding="utf-8"))
        return tuple(ParameterSet(**record) for record in records)
    except (ValueError, TypeError) as error:
        raise TriedSettingsError(
            f"{path}: no list of settings ({error}); repair it, or delete it to start counting from zero"
        ) from error


def write_tried_settings(path: Path, settings: Iterable[ParameterSet]) -> None:
    """Write the settings in place of what the file holds, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    records = [asdict(setting) for setting in settings]
    write_text(path, json.dumps(records, indent=1) + "\n")
