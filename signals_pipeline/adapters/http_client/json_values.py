"""Type checks of parsed JSON, of which nothing is known before it is checked."""

from collections.abc import Mapping
from typing import TypeGuard


def is_object(value: object) -> TypeGuard[Mapping[str, object]]:
    """Whether a JSON value is an object, whose keys are strings."""
    return isinstance(value, dict)


def is_array(value: object) -> TypeGuard[list[object]]:
    """Whether a JSON value is an array."""
    return isinstance(value, list)


def text_or_none(value: object) -> str | None:
    """The value where it is text with at least one visible character, else None."""
    return value if isinstance(value, str) and value.strip() else None
