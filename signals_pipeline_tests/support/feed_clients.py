"""How the tests of RSS, Atom and EDGAR ask: a quick client towards a local server, and the line of a refusal."""

from datetime import timedelta

import pytest

from signals_pipeline.adapters.http_client.client import HttpClient
from signals_pipeline.adapters.news.edgar import SEC_ORIGIN
from signals_pipeline.adapters.news.rss import YAHOO_FEEDS_ORIGIN
from signals_pipeline.core.news.feeds import NewsSource, SourceError
from signals_pipeline_tests.support.feed_documents import NOW
from signals_pipeline_tests.support.vendor_server import QUICK, Vendor

START = NOW - timedelta(hours=9)


def client(house: Vendor) -> HttpClient:
    """A client for whom Yahoo and the SEC are this server."""
    return HttpClient(
        QUICK, user_agent="tests a@b.example", origins={YAHOO_FEEDS_ORIGIN: house.origin, SEC_ORIGIN: house.origin}
    )


def refusal(source: NewsSource) -> str:
    """The one line with which a source refuses; nothing that was planted in an address is in it."""
    with pytest.raises(SourceError) as refused:
        source.fetch(START, NOW)
    line = str(refused.value)
    assert "\n" not in line
    assert "planted" not in line
    return line
