"""Values that a file refers to by the name of a variable, so that no secret stands in the file."""

import io
import os
from pathlib import Path

from dotenv import dotenv_values

PREFIX = "env:"
"""What a reference begins with, as in `env:SLACK_DESK_URL`."""


def referenced_value(name: str, variables: str = "", env_file: Path = Path(".env")) -> str:
    """The value of a variable: of the environment, of `.env`, or of lines `NAME=value`; empty where none has it.

    `Settings.checked` has refused an `.env` that can't be read before.

    Args:
        name: The variable's name.
        variables: CHANNELS_VARIABLES.
        env_file: The file `.env`.
    """
    if os.environ.get(name):
        return os.environ[name]
    # Without interpolation: a dollar sign in a secret is a dollar sign.
    in_file = dotenv_values(env_file, interpolate=False).get(name)
    if in_file:
        return in_file
    return dotenv_values(stream=io.StringIO(variables), interpolate=False).get(name) or ""
