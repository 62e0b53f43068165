"""Text from outside made harmless: on one line, without control and direction characters, links http(s) or none."""

import re
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import TypeVar
from urllib.parse import urlsplit

_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_DIRECTION_MARKS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_UNSAFE_IN_LINK = re.compile(r"[\s<>\"'`\\{}|^]")
_NUMBERS = (int, float, datetime)
_Value = TypeVar("_Value")


def clean_line(text: str) -> str:
    """The text on one line, free of control, direction and unpaired surrogate characters."""
    return text if _is_clean(text) else _clean(text)


def scrubbed(value: _Value, longest: int | None = None) -> _Value:
    """The value with every string as `clean_line` gives it, cut to `longest` characters where that is given."""
    if isinstance(value, str):
        return clean_line(value[:longest])  # pyright: ignore[reportReturnType]
    if value is None or isinstance(value, _NUMBERS):
        return value
    if isinstance(value, tuple):
        return tuple(scrubbed(item, longest) for item in value)  # pyright: ignore[reportReturnType]
    if isinstance(value, dict):
        return {scrubbed(key, longest): scrubbed(item, longest) for key, item in value.items()}  # pyright: ignore[reportReturnType]
    if is_dataclass(value) and not isinstance(value, type):
        return replace(value, **{field.name: scrubbed(getattr(value, field.name), longest) for field in fields(value)})
    return value


def link(url: str, longest: int = 1000) -> str:
    """The URL where it is an http(s) link without characters that have no place in one, else an empty string."""
    if len(url) > longest or _UNSAFE_IN_LINK.search(url):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in {"http", "https"} and parts.netloc else ""


def _is_clean(text: str) -> bool:
    """Whether `_clean` would change nothing, told without its regular expressions: nearly every string is."""
    return text.isprintable() and "  " not in text and text == text.strip()


def _clean(text: str) -> str:
    return " ".join(_CONTROLS.sub(" ", _DIRECTION_MARKS.sub("", text)).split())
