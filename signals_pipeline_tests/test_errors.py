"""Which failures are a user's to act on: all of the project's own, but for those that never reach one."""

import importlib
import inspect
import pkgutil

import signals_pipeline
from signals_pipeline.core.errors import SignalsError

# Handled before they reach a user: retried, answered as a page, or refused by the type system of the database.
INTERNAL = {"LinkError", "MetricsError", "NaiveDatetimeError", "TimeLimitError", "TransientError"}


def test_every_error_class_is_user_facing_or_known_to_be_handled() -> None:
    found = set[str]()
    for module in pkgutil.walk_packages(signals_pipeline.__path__, "signals_pipeline."):
        if module.name.endswith("__main__"):
            continue
        for name, value in inspect.getmembers(importlib.import_module(module.name), inspect.isclass):
            if name.endswith("Error") and value.__module__ == module.name and not issubclass(value, SignalsError):
                found.add(name)
    assert found == INTERNAL
