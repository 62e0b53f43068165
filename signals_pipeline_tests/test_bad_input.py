"""Bad input end to end: each kind is one line or a counted drop, and the rest of the run continues."""

import gzip
import json
from pathlib import Path

import dagster as dg
import pandas as pd
import pytest

from signals_pipeline import sample
from signals_pipeline.adapters.rendering.files import digest_paths
from signals_pipeline.adapters.stores import migrations
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.windows import window_for_key
from signals_pipeline.defs.resources import open_store
from signals_pipeline_tests.support.pipeline import TestPipeline

WINDOW = window_for_key("2015-02-03-08:30")
AT = "2015-02-03T15:00:00Z"

GOOD = {"published_at": AT, "symbol": "MSFT", "title": "$MSFT Microsoft beats estimates and raises outlook"}
BAD = {
    "no time": {"published_at": "", "symbol": "MSFT", "title": "$MSFT Microsoft surges on record profit"},
    "unreadable time": {"published_at": "yesterday", "symbol": "MSFT", "title": "$MSFT Microsoft surges"},
    "in the future": {"published_at": "2035-01-01T00:00:00Z", "symbol": "MSFT", "title": "$MSFT Microsoft collapses"},
    "no title": {"published_at": AT, "symbol": "MSFT", "title": ""},
    "removed": {"published_at": AT, "symbol": "MSFT", "title": "[Removed]"},
    "long": {"published_at": AT, "symbol": "MSFT", "title": "$MSFT Microsoft " + "very " * 2_000 + "good"},
    "emoji": {"published_at": AT, "symbol": "AAPL", "title": "$AAPL Apple 🚀🚀 shares jump 👩‍🚀"},
    "html": {"published_at": AT, "symbol": "GE", "title": "<script>alert(1)</script>$GE General Electric <b>wins</b>"},
    "nul": {"published_at": AT, "symbol": "CVX", "title": "$CVX Chevron\x00 profit\x00 falls"},
    "unknown symbol": {"published_at": AT, "symbol": "ZZZZ", "title": "$ZZZZ Zebra Zones doubles revenue"},
}


def write_news(path: Path, rows: list[dict[str, str]]) -> Path:
    path.write_text("".join(json.dumps({"source": "s", "url": "https://example.org/a", **row}) + "\n" for row in rows))
    return path


def test_bad_headlines_are_counted_or_cleaned_and_the_good_one_is_used(tmp_path: Path) -> None:
    news = write_news(tmp_path / "news.jsonl", [GOOD, *BAD.values()])
    with TestPipeline.open(tmp_path, signals_news_path=news) as pipeline:
        result = pipeline.run([WINDOW])
        digest = _digest(pipeline)
        dropped = pipeline.metadata(result, "headlines")["dropped"]
        html = digest_paths(WINDOW.key, pipeline.settings.digests_dir).html.read_text()
    assert dropped["no_time"] == 2
    assert dropped["no_title"] == 1
    assert dropped["removed"] == 1
    assert dropped["truncated"] == 1
    assert digest.coverage.drops["no_title"] == 1
    assert digest.coverage.headlines == 6  # good, long, emoji, html, nul, unknown symbol; nothing from the future
    assert digest.funnel["headlines_relevant"] >= 4
    assert "<script" not in html
    assert "\x00" not in html


def test_rows_that_are_not_whole_are_said_by_ledger_digest_check_and_metric(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    # A title with a comma that nobody quoted: its second half stands where the source should.
    rows = [
        f"{AT[:14]}{minute:02}:00Z,MSFT,Microsoft gains, again,s,https://example.org/{minute}" for minute in range(35)
    ]
    news = tmp_path / "news.csv"
    news.write_text("\n".join(["published_at,symbol,title,source,url", *rows]), encoding="utf-8")
    with TestPipeline.open(tmp_path, signals_news_path=news, signals_metrics="emf") as pipeline:
        result = pipeline.run([WINDOW], mode="manual")
        coverage = _digest(pipeline).coverage
        entry = open_store(pipeline.settings.database_url).coverage.get(WINDOW)
    assert entry is not None
    assert (coverage.status, entry.status) == ("degraded", "degraded")
    named = "35 rows not whole, of which only a part is used; news.csv: 35 of 35 rows not whole (first: line 2 has too"
    for report in (coverage.reports[0], entry.reports[0]):
        assert named in report.detail
    (check,) = [each for each in result.get_asset_check_evaluations() if each.check_name == "feeds_answered"]
    assert (check.passed, check.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert named in (check.description or "")
    (metrics,) = [json.loads(line) for line in capfd.readouterr().out.splitlines() if '"_aws"' in line]
    assert metrics["ErrorRate"] > 0


def test_bad_bars_are_dropped_or_reported_by_symbol_and_the_rest_is_used(tmp_path: Path) -> None:
    bars = pd.read_csv(sample.PRICES)
    chosen = bars[bars["symbol"].isin(["MSFT", "AAPL", "GE", "CVX"])].copy()
    day = "2015-01-20"
    at = chosen["date"] == day
    chosen.loc[at & (chosen["symbol"] == "MSFT"), "high"] = 1.0  # below the low
    chosen.loc[at & (chosen["symbol"] == "AAPL"), "close"] = float("nan")
    chosen.loc[at & (chosen["symbol"] == "GE"), "volume"] = 0
    gap = (chosen["symbol"] == "CVX") & chosen["date"].between("2014-12-01", "2014-12-10")
    chosen = chosen[~gap]
    jump = (chosen["symbol"] == "GE") & (chosen["date"] >= "2014-11-03")
    for column in ("open", "high", "low", "close", "adj_close"):
        chosen.loc[jump, column] /= 2
    shuffled = pd.concat([chosen, chosen.tail(3)]).sample(frac=1, random_state=1)
    path = tmp_path / "prices.csv.gz"
    with gzip.open(path, "wt") as file:
        shuffled.to_csv(file, index=False)
    news = write_news(tmp_path / "news.jsonl", [GOOD])
    with TestPipeline.open(tmp_path, signals_news_path=news, signals_prices_path=path) as pipeline:
        result = pipeline.run([WINDOW])
        metadata = pipeline.metadata(result, "technicals")
        scored = pipeline.metadata(result, "scores")
    notes = metadata["price_notes"]
    assert "MSFT 2015-01-20" in notes
    assert "AAPL 2015-01-20" in notes
    assert "GE 2014-11-03" in notes
    assert "no bars recorded" in notes
    assert "XOM" in metadata["without_technicals"]
    assert "MSFT" not in metadata["without_technicals"]
    assert scored["symbols_with_tone"] == 1


def test_a_missing_news_file_is_one_line_and_writes_nothing(tmp_path: Path) -> None:
    with TestPipeline.open(tmp_path, signals_news_path=tmp_path / "nowhere.csv") as pipeline:
        message = pipeline.refusal([WINDOW])
        assert "nowhere.csv" in message
        assert "\n" not in message
        assert pipeline.rows("window_run") == pipeline.rows("signal_history") == pipeline.rows("coverage") == []
        assert pipeline.files("digests") == {}


def test_a_news_file_without_offsets_fails_the_run_and_is_read_once_its_zone_is_set(tmp_path: Path) -> None:
    news = write_news(tmp_path / "news.jsonl", [GOOD | {"published_at": "2015-02-03T10:00:00"}] * 3)
    with TestPipeline.open(tmp_path, signals_news_path=news) as pipeline:
        message = pipeline.refusal([WINDOW])
        assert "3 of 3 rows have no readable time; line 1: published_at '2015-02-03T10:00:00' has no UTC off" in message
        assert "NEWS_TIMEZONE" in message
        assert "\n" not in message
        assert pipeline.rows("coverage") == []
    (tmp_path / "zone").mkdir()
    with TestPipeline.open(tmp_path / "zone", signals_news_path=news, news_timezone="America/New_York") as pipeline:
        pipeline.run([WINDOW])
        assert _digest(pipeline).coverage.headlines == 1


def test_a_database_at_an_older_revision_is_rejected_in_one_line(tmp_path: Path) -> None:
    with TestPipeline.open(tmp_path) as pipeline:
        migrations.downgrade(pipeline.settings.database_url, "001")
        message = pipeline.refusal([WINDOW])
    assert "001" in message
    assert "signals migrate" in message


def test_a_read_only_database_is_one_line(tmp_path: Path) -> None:
    with TestPipeline.open(tmp_path) as pipeline:
        file = Path(pipeline.settings.database_url.removeprefix("sqlite:///"))
    settings = pipeline.settings.model_copy(update={"signals_database_url": f"sqlite:///file:{file}?mode=ro&uri=true"})
    (tmp_path / "second").mkdir()
    with dg.DagsterInstance.local_temp(str(tmp_path / "second")) as instance:
        message = TestPipeline(settings, instance).refusal([WINDOW])
    assert str(file) in message
    assert "readonly" in message or "read-only" in message
    assert "\n" not in message


def test_a_knob_out_of_bounds_in_the_launchpad_is_one_line_and_runs_nothing(tmp_path: Path) -> None:
    with TestPipeline.open(tmp_path) as pipeline:
        message = pipeline.refusal([WINDOW], knobs={"max_signals": 0})
        assert message.startswith("MAX_SIGNALS=0: ")
        assert pipeline.rows("window_run") == []


def test_the_error_for_a_missing_frame_names_the_asset_and_window_to_materialise(tmp_path: Path) -> None:
    with TestPipeline.open(tmp_path) as pipeline:
        pipeline.run([WINDOW])
        (pipeline.settings.signals_data_dir / "frames" / "sentiment" / "2015-02-03-0830.parquet").unlink()
        message = pipeline.refusal([WINDOW], only="scores")
    assert message.startswith("sentiment of window 2015-02-03-08:30 is missing at ")
    assert message.endswith(": run `signals run --window 2015-02-03-08:30`")


def _digest(pipeline: TestPipeline) -> Digest:
    return Digest.from_json(digest_paths(WINDOW.key, pipeline.settings.digests_dir).json.read_text())
