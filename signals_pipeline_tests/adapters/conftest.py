"""Databases for the adapters' tests, and a server in place of vendors."""

from collections.abc import Iterator

import pytest

from signals_pipeline_tests.support.databases import database_url, empty_url, engine, store
from signals_pipeline_tests.support.vendor_server import Vendor, vendor

__all__ = ["database_url", "empty_url", "engine", "store"]


@pytest.fixture
def house() -> Iterator[Vendor]:
    """A server that a test gives its answers."""
    with vendor() as opened:
        yield opened
