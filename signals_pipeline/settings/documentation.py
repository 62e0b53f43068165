"""What people read of settings: the configuration table, and one line for each problem."""

from collections.abc import Mapping
from enum import StrEnum

from pydantic import SecretStr, ValidationError
from pydantic.fields import FieldInfo

_BOUNDS = {"gt": ">", "ge": ">=", "lt": "<", "le": "<="}


def table(fields: Mapping[str, FieldInfo]) -> str:
    """The Markdown table of these variables, their defaults, bounds and meaning."""
    lines = ["| variable | default | bounds | meaning |", "|---|---|---|---|"]
    for name, field in fields.items():
        bounds = " ".join(
            f"{sign} {getattr(mark, key)}"
            for mark in field.metadata
            for key, sign in _BOUNDS.items()
            if hasattr(mark, key)
        )
        default = field.default.value if isinstance(field.default, StrEnum) else field.default
        shown = "" if default in (None, "") else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        lines.append(f"| `{name.upper()}` | {shown} | {bounds} | {field.description} |")
    return "\n".join(lines)


def explain(error: ValidationError, fields: Mapping[str, FieldInfo]) -> str:
    """One line a problem: the variable, the value given unless it is a secret, and what is allowed."""
    secrets = {name.upper() for name, field in fields.items() if field.annotation == SecretStr | None}
    lines = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"]).upper()
        given = "(hidden)" if name in secrets else repr(problem["input"])
        lines.append(f"{name}={given}: {problem['msg'].lower()}; see the configuration table in README.md")
    return "\n".join(lines)
