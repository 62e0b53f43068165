"""Earnings dates end to end: from a recorded file or Yahoo to mail, page, API and the record."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from signals_pipeline.adapters.rendering.digest import mail_parts
from signals_pipeline.adapters.rendering.personal import PAGE
from signals_pipeline.adapters.stores.earnings import EarningsRepository
from signals_pipeline.cli.record import with_evidence
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.prices.earnings import ReportTime
from signals_pipeline.core.record.slices import EARNINGS, slice_record
from signals_pipeline.core.windows import window_for_key
from signals_pipeline.definitions import build_definitions, build_resources
from signals_pipeline.defs.earnings_source import LiveEarningsResource
from signals_pipeline.defs.partitions import MODE_TAG
from signals_pipeline.defs.research_data import open_inputs
from signals_pipeline.defs.resources import open_store, store_resource
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS, TestPipeline
from signals_pipeline_tests.support.web_site import site
from signals_pipeline_tests.support.yahoo_prices import cache_dir, server
from signals_pipeline_tests.support.yahoo_server import Answer, YahooServer, calendar_of

__all__ = ["cache_dir", "server"]

# Ends on Tuesday 24 February 2015 at 08:30; it has a signal of HD.
WINDOW = window_for_key("2015-02-23-17:30")
DAYS = tuple(window for window in SAMPLE_WINDOWS if WINDOW.key <= window.key < "2015-03-05")
LATER = datetime(2015, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestPipeline]:
    """Some days of the sample with a calendar in which HD reports on the evening after its signal."""
    folder = tmp_path_factory.mktemp("reported")
    path = folder / "earnings.csv"
    path.write_text(
        "symbol,date,session,first_seen_at\n"
        "HD,2015-02-26,before_open,2015-01-05T12:00:00Z\n"
        "HD,2015-02-24,after_close,2015-02-10T12:00:00Z\n"
        # Seen after the digest: the window's readers were told of the 24th.
        "HD,2015-05-19,before_open,2015-02-25T12:00:00Z\n",
        encoding="utf-8",
    )
    with TestPipeline.open(folder, signals_earnings_path=path) as pipeline:
        assert pipeline.run(DAYS).success
        yield pipeline


def test_a_report_tonight_is_in_the_mail_on_the_page_and_in_the_api(reported: TestPipeline) -> None:
    digest = Digest.from_json(open_store(reported.settings.database_url).digests.content(WINDOW))
    mail = next(mail_parts(digest, PAGE))
    for rendering in (mail.html, mail.text):
        text = " ".join(rendering.split())
        assert "reports tonight" in text
        assert "Reports Tue 24 Feb after the close" in text
    with site(reported.settings.database_url) as client:
        page = client.get(f"/digests/{WINDOW.key}").text
        assert page.count("reports tonight") == 2  # in the summary, and as the card's flag
        assert "Reports Tue 24 Feb after the close" in page
        answer = client.get("/api/v1/digest", params={"window": WINDOW.key}).json()
    (card,) = [item for item in answer["items"] if item["symbol"] == "HD"]
    assert card["earnings"] == {
        "status": "announced", "day": "2015-02-24", "time": "after_close", "estimated": False, "flag": "tonight",
    }  # fmt: skip
    assert answer["earnings_source"] == "recorded"
    assert "HD" not in answer["earnings_unknown"]
    assert any(note.startswith("Earnings dates are unknown for ") for note in answer["notes"])


def test_the_record_is_cut_by_reports_while_held(reported: TestPipeline) -> None:
    with open_inputs(build_resources(reported.settings)) as inputs:
        rows = with_evidence(inputs.store, inputs.earnings, LATER)
    of_hd = rows[(rows["symbol"] == "HD") & (rows["window_start"] == WINDOW.start)]
    # Held for one session the shares are sold before the report.
    assert dict(zip(of_hd["horizon"], of_hd["earnings"], strict=True)) == {
        1: "no report while held", 3: "report while held",
    }  # fmt: skip
    cut = {each.line.label for each in slice_record(rows, 3).slices if each.dimension == EARNINGS}
    assert "report while held" in cut


def test_a_sample_without_a_calendar_says_so_once_on_the_page(pipeline: TestPipeline) -> None:
    assert pipeline.run([WINDOW]).success
    digest = Digest.from_json(open_store(pipeline.settings.database_url).digests.content(WINDOW))
    mail = next(mail_parts(digest, PAGE))
    assert "earnings calendar" not in mail.html + mail.text
    with site(pipeline.settings.database_url) as client:
        page = client.get(f"/digests/{WINDOW.key}").text
    assert page.count("There is no earnings calendar for the sample") == 1
    assert page.count("Next report") == 0


def test_a_run_collects_live_dates_for_later_digests_and_changes_none_before(
    pipeline: TestPipeline, server: YahooServer, cache_dir: Path
) -> None:
    settings = pipeline.settings
    server.announces("HD", Answer(calendar_of("2035-02-20T11:00Z")))
    server.announces("XOM", Answer(status=404, body=b"gone", kind="text/plain"))
    live = LiveEarningsResource(
        store=store_resource(settings.database_url),
        cache_dir=str(cache_dir),
        spacing_seconds=0,
        base_url=server.url,
    )
    job = build_definitions(settings, resource_overrides={"earnings": live}).resolve_job_def("digest_job")
    config = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    result = job.execute_in_process(
        instance=pipeline.instance, partition_key=WINDOW.key, tags={MODE_TAG: "backfill"}, run_config=config
    )
    assert result.success
    order = [event.step_key for event in result.get_step_success_events()]
    assert order.index("earnings") > order.index("delivery")

    metadata = pipeline.metadata(result, "earnings")
    assert (metadata["source"], metadata["answered"]) == ("yahoo", 1)
    assert "| HD | 2035-02-20 | before_open | False |" in metadata["changes"]
    assert "XOM: " in metadata["problems"]
    calendar = EarningsRepository(open_store(settings.database_url).engine).calendar("yahoo", ["HD", "XOM"])
    row = calendar.newest("HD", datetime.now(UTC))
    assert row is not None
    assert (row.day, row.time) == (date(2035, 2, 20), ReportTime.BEFORE_OPEN)

    # A window from before the first visit: unknown, never none.
    digest = Digest.from_json(open_store(settings.database_url).digests.content(WINDOW))
    assert "Earnings dates are unknown: none were recorded before this digest." in digest.notes
