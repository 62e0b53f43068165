"""Comparing what a template says with what an interface tells, whose words differ in the case of letters alone."""

import json
from collections.abc import Iterator
from typing import Any

Properties = dict[str, Any]
Told = Properties | None


def spelled(node: Any) -> Any:
    """Properties as the interfaces of ECS spell them: `TaskRoleArn` is `taskRoleArn`; values stay."""
    if isinstance(node, list):
        return [spelled(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {name[:1].lower() + name[1:]: spelled(each) for name, each in node.items()}


def gaps(wanted: Any, told: Any, path: str = "") -> Iterator[str]:
    """Paths of what was wanted and is told differently, or not at all.

    Args:
        wanted: Properties as the template has them, intrinsic functions carried out.
        told: What the interface says; it may say more.
        path: Where both are from.
    """
    if isinstance(wanted, dict):
        known = {name.lower(): each for name, each in told.items()} if isinstance(told, dict) else {}
        for name, each in wanted.items():
            yield from gaps(each, known.get(name.lower()), f"{path}.{name}".lstrip("."))
    elif isinstance(wanted, list):
        if not isinstance(told, list) or len(told) != len(wanted):
            yield path
        else:
            for place, (each, other) in enumerate(zip(wanted, told, strict=True)):
                yield from gaps(each, other, f"{path}[{place}]")
    elif wanted != told and str(wanted) != str(told):
        yield path


def only(rows: list[Properties], **wanted: Any) -> Told:
    """The row with these values; None where there is none."""
    found = [row for row in rows if all(row.get(name) == value for name, value in wanted.items())]
    assert len(found) <= 1, found
    return found[0] if found else None


def by_name(rows: list[Properties], name: str) -> list[Properties]:
    """Rows in the order of one of their fields."""
    return sorted(rows, key=lambda row: str(row[name]))


def parsed(document: Any) -> Any:
    """A policy or pattern, which some interfaces tell as text."""
    return json.loads(document) if isinstance(document, str) else document
