"""Asset `outcomes`: forward returns that are known at the end of the newest window."""

from pathlib import Path
from typing import Any

import yaml

from signals_pipeline import sample
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.resources import open_store
from signals_pipeline_tests.defs.assets.conftest import AssetRun
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS, TestPipeline


def test_outcomes_are_stored_as_soon_as_their_exit_session_has_closed(asset_run: AssetRun) -> None:
    known = asset_run.store.outcomes.known(asset_run.newest.as_of)

    assert len(known)
    assert (known["known_at"] < asset_run.newest.as_of).all()
    assert set(known["horizon"]) == {1}


def test_the_newest_window_reports_them_with_the_record(asset_run: AssetRun) -> None:
    known = asset_run.store.outcomes.known(asset_run.newest.as_of)
    entries = asset_run.metadata("outcomes")[asset_run.newest.key]

    assert entries["matured"] == entries["known"] == len(known)
    assert entries["without_bars"] == "none"
    assert entries["record"].startswith("- ")


def test_companies_that_leave_the_watchlist_keep_their_outcomes_and_open_signals(tmp_path: Path) -> None:
    before, after = SAMPLE_WINDOWS[:14], SAMPLE_WINDOWS[14:30]
    with TestPipeline.open(tmp_path / "whole") as whole:
        whole.run(before)
        whole.run(after)
        earlier = {signal.symbol for signal in whole.history() if signal.decided_at <= before[-1].end}
        expected = _outcomes(whole, before[-1])
        open_then = [signal.symbol for signal in whole.history() if signal.decided_at == before[-1].end]
    assert len(earlier) > 2
    assert open_then

    # Every company that had a signal leaves.
    watchlist = yaml.safe_load(sample.WATCHLIST.read_text(encoding="utf-8"))
    left = [company for company in watchlist if company["symbol"] not in earlier]
    path = tmp_path / "watchlist.yaml"
    path.write_text(yaml.safe_dump(left), encoding="utf-8")
    with TestPipeline.open(tmp_path / "reduced") as first:
        first.run(before)
        settings = first.settings
    with TestPipeline.joined(tmp_path / "reduced", "dagster", signals_watchlist=path) as reduced:
        assert reduced.settings.database_url == settings.database_url
        result = reduced.run(after)
        found = _outcomes(reduced, before[-1])
        digest = Digest.from_json(open_store(settings.database_url).digests.content(after[8]))

    assert found == expected
    assert len({row["symbol"] for row in found}) == len(earlier)
    assert set(reduced.metadata(result, "outcomes")["off_watchlist"].split(", ")) <= earlier
    # Their open signals are still listed, with the outcome that has become known since.
    lines = {line.symbol: line for line in (*digest.still_active, *digest.expired)}
    assert {symbol for symbol in open_then if lines[symbol].horizon is not None} == set(open_then)


def _outcomes(pipeline: TestPipeline, last: Window) -> list[dict[str, Any]]:
    """The outcomes of the signals up to and including this window."""
    return [row for row in pipeline.rows("signal_outcome") if row["window_start"] <= last.start]
