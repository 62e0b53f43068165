"""Text about settings for people: the configuration table, and one line per invalid value."""

from collections.abc import Mapping
from enum import StrEnum
from typing import get_args

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

from signals_pipeline.core.redaction import redact_url
from signals_pipeline.settings.choices import HoldsUrls, split_list

# Attributes of pydantic's constraint objects, and how the table writes them.
_BOUND_SIGNS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}

_MAX_SHOWN = 200  # characters of a value in a message


def table(fields: Mapping[str, FieldInfo]) -> str:
    """The Markdown table of these settings: variable, default, bounds and description."""
    lines = ["| variable | default | bounds | meaning |", "|---|---|---|---|"]
    for name, field in fields.items():
        lines.append(f"| `{name.upper()}` | {_default(field)} | {_bounds(field)} | {field.description} |")
    return "\n".join(lines)


def _default(field: FieldInfo) -> str:
    """The default as a user would write it in the environment; empty if the setting is unset."""
    default = field.default
    if default in (None, ""):
        return ""
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, StrEnum):
        return f"`{default.value}`"
    return f"`{default}`"


def _bounds(field: FieldInfo) -> str:
    """The numeric bounds, such as `> 0 <= 96`."""
    bounds = []
    for constraint in field.metadata:
        for attribute, sign in _BOUND_SIGNS.items():
            if hasattr(constraint, attribute):
                bounds.append(f"{sign} {getattr(constraint, attribute)}")
    return " ".join(bounds)


def explain(error: ValidationError, fields: Mapping[str, FieldInfo]) -> str:
    """One line per problem: the variable, its value unless it is a secret, and what is allowed."""
    secrets = {name for name, field in fields.items() if _is_secret(field)}
    urls = {name for name, field in fields.items() if any(isinstance(mark, HoldsUrls) for mark in field.metadata)}
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"])
        if name.lower() in secrets:
            value = "(hidden)"
        elif name.lower() in urls:
            value = _shortened(",".join(redact_url(entry) for entry in split_list(str(problem["input"]))))
        else:
            value = _shortened(problem["input"])
        # pydantic's sentence as part of ours: "Input should be ..." and "Value error, use ..." go on in lower case.
        reason = problem["msg"].removeprefix("Value error, ")
        reason = reason[:1].lower() + reason[1:]
        lines.append(f"{name.upper()}={value}: {reason}; see the configuration table in README.md")
    return "\n".join(lines)


def _is_secret(field: FieldInfo) -> bool:
    """Whether its type is a secret, optional or not."""
    return field.annotation is SecretStr or SecretStr in get_args(field.annotation)


def _shortened(value: object) -> str:
    """The value as Python writes it, its end cut where it is long."""
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}..."
