"""One live source down or drifting, in a whole run: it goes on, and ledger, digest, check and metric all say so."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from signals_pipeline import sample
from signals_pipeline.core.windows import newest_complete
from signals_pipeline.defs.resources import open_store
from signals_pipeline_tests.support.feed_documents import NOW, Item, rss
from signals_pipeline_tests.support.pipeline import TestPipeline
from signals_pipeline_tests.support.vendor_server import XML, Reply, vendor

WINDOW = newest_complete(datetime.now(UTC))  # live feeds are asked now: the window must be the newest one
# Minutes before the documents' clock at which an item was published half an hour before the window's end.
RECENTLY = (NOW - WINDOW.end) / timedelta(minutes=1) + 30
GOOD = rss([Item("Microsoft opens an office", RECENTLY)])
TROUBLES = {
    "down": (Reply(b"", "text/html", 403), "returned HTTP 403"),
    "drifting": (Reply(GOOD.replace(b"item>", b"record>"), XML), "its format has changed"),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_one_source_in_trouble_is_said_by_ledger_digest_check_and_metric(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], trouble: str
) -> None:
    reply, said = TROUBLES[trouble]
    with vendor() as house:
        house.routes |= {"/good.xml": [Reply(GOOD, XML)], "/bad.xml": [reply]}
        live = {"signals_deployment": "local", "signals_feeds": f"{house.origin}/good.xml,{house.origin}/bad.xml"}
        with TestPipeline.open(tmp_path, **live, signals_prices_path=sample.PRICES, signals_metrics="emf") as pipeline:
            result = pipeline.run([WINDOW], mode="manual")
            url, (digest,) = pipeline.settings.database_url, pipeline.rows("digest")
    assert result.success
    entry = open_store(url).coverage.get(WINDOW)
    assert entry is not None
    assert entry.status == "degraded"
    assert [said in report.detail for report in entry.reports] == [False, True]
    assert digest["kind"] == "degraded"
    assert "Degraded (1 of 2 sources complete)" in digest["subject"]
    (check,) = [each for each in result.get_asset_check_evaluations() if each.check_name == "feeds_answered"]
    assert not check.passed
    assert said in (check.description or "")
    (told,) = [json.loads(line) for line in capfd.readouterr().out.splitlines() if '"_aws"' in line]
    assert told["ErrorRate"] > 0
