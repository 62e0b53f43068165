"""Looks of `signals doctor` at a live deployment whose vendors are one local server."""

from datetime import UTC, datetime

from signals_pipeline.adapters.probes.findings import ProbeResult, run_probes
from signals_pipeline.adapters.stores.digests import DigestRepository
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.cli.doctor.local import local_probes, sequential
from signals_pipeline.cli.errors import user_message
from signals_pipeline.core.windows import Window
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.yahoo_server import YahooServer

NOW = datetime(2026, 3, 10, 14, tzinfo=UTC)
SOURCES = "/v2/top-headlines/sources"


def examined(settings: Settings, server: YahooServer) -> dict[str, ProbeResult]:
    probes = local_probes(settings, lambda: NOW, newsapi=server.url, yahoo=server.url, time_from=server.url)
    return run_probes(probes, seconds=60, describe_error=user_message, in_turn=sequential(settings))


def put_digest(settings: Settings, window: Window) -> None:
    engine = engine_for(settings.database_url)
    DigestRepository(engine).put(window, "{}", kind="quiet", mode="backfill", subject="nothing new")
    engine.dispose()
