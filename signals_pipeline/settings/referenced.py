"""Values that a file refers to by the name of a variable, so that no secret stands in the file."""

import os
from pathlib import Path

from dotenv import dotenv_values

PREFIX = "env:"
"""What a reference begins with, as in `env:SLACK_DESK_URL`."""


def referenced_value(name: str, env_file: Path = Path(".env")) -> str:
    """The value of a variable of the environment or of `.env`, in this order; empty where neither has it.

    `Settings.checked` has refused an `.env` that can't be read before.
    """
    return os.environ.get(name) or dotenv_values(env_file, interpolate=False).get(name) or ""
