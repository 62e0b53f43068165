"""What a database reports of its tables, and which differences would break code written for the former ones."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Engine


def described(engine: Engine) -> dict[str, dict[str, Any]]:
    """Columns and constraints of every table, by name."""
    inspector = sa.inspect(engine)
    tables: dict[str, dict[str, Any]] = {}
    for table in inspector.get_table_names():
        tables[table] = {
            "columns": {
                each["name"]: {"type": str(each["type"]), "nullable": each["nullable"], "default": each["default"]}
                for each in inspector.get_columns(table)
            },
            "key": inspector.get_pk_constraint(table)["constrained_columns"],
            "checks": {str(each["name"]): each["sqltext"] for each in inspector.get_check_constraints(table)},
            "unique": {str(each["name"]): each["column_names"] for each in inspector.get_unique_constraints(table)},
            "foreign": {str(each["name"]) for each in inspector.get_foreign_keys(table)},
            "unique indexes": {str(each["name"]) for each in inspector.get_indexes(table) if each["unique"]},
        }
    return tables


def breaking_changes(before: dict[str, dict[str, Any]], after: dict[str, dict[str, Any]]) -> list[str]:
    """What code that was written for the tables `before` could not live with, one line per change."""
    changes: list[str] = []
    for table, old in before.items():
        new = after.get(table)
        if new is None:
            changes.append(f"{table}: dropped or renamed")
            continue
        for name, column in old["columns"].items():
            changed = new["columns"].get(name)
            if changed is None:
                changes.append(f"{table}.{name}: dropped or renamed")
            elif changed["type"] != column["type"]:
                changes.append(f"{table}.{name}: {column['type']} became {changed['type']}")
            elif changed["nullable"] != column["nullable"]:
                changes.append(f"{table}.{name}: NULL is {'allowed' if changed['nullable'] else 'refused'} now")
        for name in new["columns"].keys() - old["columns"].keys():
            added = new["columns"][name]
            if not added["nullable"] and added["default"] is None:
                changes.append(f"{table}.{name}: added NOT NULL without a default")
        parts = ("key", "checks", "unique", "foreign", "unique indexes")
        changes += [f"{table}: its {part} differ" for part in parts if new[part] != old[part]]
    return changes
