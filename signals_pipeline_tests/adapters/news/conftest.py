"""The server in place of vendors."""

from collections.abc import Iterator

import pytest

from signals_pipeline_tests.adapters.news.vendors import Vendor, vendor


@pytest.fixture
def house() -> Iterator[Vendor]:
    """A server that a test gives its answers."""
    with vendor() as opened:
        yield opened
