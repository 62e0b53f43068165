"""Makes text from outside harmless: on one line, without control and direction characters, with http(s) links only.

Escaping for HTML is the templates' part; `core.text` has cleaned titles before, but a digest may come from anywhere.
"""

import re
from dataclasses import fields, is_dataclass, replace
from datetime import datetime
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

# C0 and C1 controls, line and paragraph separators, unpaired surrogates.
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
# Marks, embeddings, overrides and isolates that change the direction of text (Unicode Annex 9).
_DIRECTION_MARKS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
# Characters that RFC 3986 does not allow in a URL, and that may end an attribute.
_UNSAFE_IN_LINK = re.compile(r"[\s<>\"'`\\{}|^]")
_MAX_LINK = 1000
_NUMBERS = (int, float, datetime)
_Value = TypeVar("_Value")


def clean_line(text: str) -> str:
    """The text on one line, free of control, direction and unpaired surrogate characters."""
    return text if _is_clean(text) else _clean(text)


def clean_strings(value: _Value, max_length: int) -> _Value:
    """The value with every string in it cleaned by `clean_line` and cut to `max_length` characters.

    Args:
        value: A string, a number, an instant, None, or dataclasses, tuples and dictionaries of these.
        max_length: Characters of one string.
    """
    return cast("_Value", _cleaned(value, max_length))


def _cleaned(value: object, max_length: int) -> object:
    if isinstance(value, str):
        return clean_line(value[:max_length])
    if value is None or isinstance(value, _NUMBERS):
        return value
    if isinstance(value, tuple):
        items = cast("tuple[object, ...]", value)
        return tuple(_cleaned(item, max_length) for item in items)
    if isinstance(value, dict):
        entries = cast("dict[object, object]", value)
        return {_cleaned(key, max_length): _cleaned(item, max_length) for key, item in entries.items()}
    if is_dataclass(value) and not isinstance(value, type):
        changes: dict[str, Any] = {}
        for field in fields(value):
            changes[field.name] = _cleaned(getattr(value, field.name), max_length)
        return replace(value, **changes)
    return value


def link(url: str, longest: int = _MAX_LINK) -> str:
    """The URL if it is an http(s) link of allowed characters and length, otherwise an empty string."""
    if len(url) > longest or _UNSAFE_IN_LINK.search(url):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:  # a malformed host
        return ""
    is_web_link = parts.scheme in {"http", "https"} and bool(parts.netloc)
    return url if is_web_link else ""


def _is_clean(text: str) -> bool:
    """Whether `_clean` would change nothing; faster than its regular expressions, and true of nearly every string."""
    return text.isprintable() and "  " not in text and text == text.strip()


def _clean(text: str) -> str:
    without_marks = _DIRECTION_MARKS.sub("", text)
    words = _CONTROLS.sub(" ", without_marks).split()
    return " ".join(words)
