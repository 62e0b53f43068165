"""Fixtures of the tests of `signals doctor`: a live deployment, and a server in place of its vendors."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from signals_pipeline.adapters.stores import migrations
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.doctor_settings import SOURCES
from signals_pipeline_tests.support.yahoo_server import Answer, YahooServer, named, recorded, yahoo_server


@pytest.fixture
def server() -> Iterator[YahooServer]:
    with yahoo_server() as running:
        running.says("SPY", Answer(named(recorded("AAPL"), "SPY")))
        running.pages[SOURCES] = Answer({"status": "ok"})
        running.date = "Tue, 10 Mar 2026 14:00:05 GMT"
        yield running


@pytest.fixture
def live(tmp_path: Path) -> Settings:
    """A live deployment with every setting, its database at head."""
    settings = Settings.checked(
        signals_deployment="local",
        signals_data_dir=tmp_path / "data",
        signals_watchlist="dow30",
        newsapi_key="planted-key",
        newsapi_plan="business",
        sentiment_model="compact",
        digest_recipients="ann@example.org",
        mail_transport="smtp",
        smtp_host="127.0.0.1",
        smtp_tls="none",
        dagster_home=tmp_path,
    )
    migrations.upgrade(settings.database_url)
    return settings
