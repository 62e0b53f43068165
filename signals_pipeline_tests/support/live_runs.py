"""Live runs of the real job over the recorded weeks, mailing to a server on this machine."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from signals_pipeline import sample
from signals_pipeline.adapters.mail.smtp import SmtpTransport
from signals_pipeline.core.windows import Window, window_for_key, windows_between
from signals_pipeline.definitions import build_definitions
from signals_pipeline.defs.dispatch import Mailing
from signals_pipeline.defs.partitions import MODE_TAG, PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG
from signals_pipeline.defs.resources import Store, open_store
from signals_pipeline.defs.sensors import delivery_retry, digest_failed
from signals_pipeline_tests.support.outbox_processes import WHO, At
from signals_pipeline_tests.support.pipeline import TestPipeline

DAYS = windows_between(window_for_key("2015-02-02-08:30").start, window_for_key("2015-02-04-08:30").start)
NEWEST = DAYS[-1]
RECORDED: dict[str, Any] = {"signals_news_path": sample.HEADLINES, "signals_prices_path": sample.PRICES}


@pytest.fixture
def live(tmp_path: Path) -> Iterator[TestPipeline]:
    """A deployment with live runs, over the recorded weeks."""
    with TestPipeline.open(tmp_path, signals_deployment="local", **RECORDED) as opened:
        yield opened


@pytest.fixture
def store(live: TestPipeline) -> Iterator[Store]:
    """Its database."""
    opened = open_store(live.settings.database_url)
    yield opened
    opened.engine.dispose()


def mailing(port: int, after: timedelta = timedelta(minutes=1), **options: Any) -> Mailing:
    """Mail to a server on this machine, so long after the newest window's end."""
    transport = SmtpTransport("127.0.0.1", port, "none", step_seconds=10, **options)
    return Mailing("Signals <signals@example.org>", WHO, transport, now=At(NEWEST.end + after))


def run(
    pipeline: TestPipeline,
    windows: Sequence[Window],
    by: Mailing,
    *,
    mode: str | None = "live",
    job: str = "digest_job",
    selection: Sequence[dg.AssetKey] | None = None,
    **tags: str,
) -> dg.ExecuteInProcessResult:
    """One Dagster run, of all its assets or those of the selection, with further tags; it may fail."""
    definitions = build_definitions(
        pipeline.settings, resource_overrides={"mailing": dg.ResourceDefinition.hardcoded_resource(by)}
    )
    ranged = {RANGE_START_TAG: windows[0].key, RANGE_END_TAG: windows[-1].key}
    ours = {PARTITION_TAG: windows[-1].key} if job != "digest_job" else ranged  # as schedule and sensor ask
    ours |= {MODE_TAG: mode} if mode else {}
    return definitions.resolve_job_def(job).execute_in_process(
        instance=pipeline.instance,
        tags=ours | tags,
        asset_selection=selection,
        raise_on_error=False,
        run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
    )


def announce_failures(pipeline: TestPipeline, store: Store, by: Mailing) -> None:
    """One tick of the sensor that mails of live runs that failed; it has no cursor yet."""
    digest_failed(dg.build_sensor_context(pipeline.instance, resources={"store": store, "mailing": by}))


def asked_again(pipeline: TestPipeline, store: Store, by: Mailing) -> Any:
    """What the retrying sensor answers."""
    context = dg.build_sensor_context(pipeline.instance, resources={"store": store, "mailing": by})
    return delivery_retry(context)
