"""Whole windows end to end, through the real job: one run or many, in any order, again and again, the same rows."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from signals_pipeline.adapters.rendering.files import digest_paths
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline.core.tables import SCORES
from signals_pipeline.core.windows import window_for_key
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline.settings.strategy import Knobs
from signals_pipeline_tests.support.databases import new_database
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS, TestPipeline

WEEK = tuple(window for window in SAMPLE_WINDOWS if "2015-02-06" <= window.key < "2015-02-14")
DAYS = WEEK[:4]


@pytest.fixture(scope="module")
def week(store: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestPipeline]:
    """A pipeline that ran the week; only read it, or run the week again."""
    folder = tmp_path_factory.mktemp("week")
    with TestPipeline.open(folder, signals_database_url=new_database(store, folder)) as opened:
        assert opened.run(WEEK).success
        yield opened


def test_the_sample_makes_signals_and_no_signal_twice(pipeline: TestPipeline) -> None:
    result = pipeline.run(SAMPLE_WINDOWS)
    assert result.success
    history = pipeline.history()
    assert len(history) >= 15
    last: dict[str, Signal] = {}
    for signal in history:
        before = last.get(signal.symbol)
        if before is not None and before.signal_type == signal.signal_type and signal.lifecycle == "new":
            assert signal.decided_at - before.decided_at >= timedelta(days=7)
        last[signal.symbol] = signal
    assert {row["horizon"] for row in pipeline.rows("signal_outcome")} == {1, 3, 5, 10}
    assert len(pipeline.rows("digest")) == len(SAMPLE_WINDOWS)


def test_running_again_changes_nothing(week: TestPipeline) -> None:
    before, digests, stored = week.state(), week.files("digests"), week.rows("digest")
    again = week.run(WEEK)
    assert week.metadata(again, "sentiment")["texts_scored"] == 0
    assert week.metadata(again, "signals")["decided_again"] == "none"
    assert (week.state(), week.files("digests"), week.rows("digest")) == (before, digests, stored)


def test_one_run_many_runs_and_runs_in_any_order_leave_the_same(tmp_path: Path) -> None:
    orders = {
        "one run": [DAYS],
        "a run a window": [(window,) for window in DAYS],
        "newest first": [(window,) for window in reversed(DAYS)],
        "in halves, the later first": [DAYS[2:], DAYS[:2]],
    }
    states = {}
    for name, batches in orders.items():
        (tmp_path / name).mkdir()
        with TestPipeline.open(tmp_path / name) as pipeline:
            for batch in batches:
                pipeline.run(batch)
            pipeline.run(DAYS[-1:])  # what matured for a window that was filled in late
            states[name] = pipeline.state()
    first = states.pop("one run")
    assert first["signal_history"]
    for name, state in states.items():
        assert state == first, name


def test_adjacent_digests_tell_what_is_new_and_keep_what_is_active(week: TestPipeline) -> None:
    told: set[tuple[str, str]] = set()
    digests = [_digest(week, window.key) for window in WEEK]
    for digest in digests:
        fresh = {(card.symbol, card.signal_type) for card in digest.new}
        assert not fresh & told
        told |= fresh
    active = {line.symbol for line in digests[-1].still_active}
    assert active
    assert active <= {symbol for symbol, _ in told}


def test_contributions_in_frame_history_and_digest_add_up(week: TestPipeline) -> None:
    frames = WindowFrames(base=week.settings.frames_url)
    for window in WEEK:
        scores = frames.read(SCORES, window.key)
        for row in scores.itertuples():
            parts = json.loads(str(row.contributions))
            assert sum(part["contribution"] for part in parts) == pytest.approx(row.combined, abs=1e-12)
        digest = _digest(week, window.key)
        for card in (*digest.new, *digest.changed):
            total = sum(part["contribution"] for part in card.contributions)
            assert total == pytest.approx(card.combined_score, abs=1e-12)


def test_the_ledger_leaves_no_gap_between_neighbours_and_shows_one_where_a_window_is_missing(
    pipeline: TestPipeline,
) -> None:
    pipeline.run(DAYS[:1])
    pipeline.run(DAYS[2:])
    first, third, fourth = (_digest(pipeline, window.key).coverage for window in (DAYS[0], DAYS[2], DAYS[3]))
    assert (first.first_run, first.gap_minutes) == (True, 0)
    assert third.missing_windows == (DAYS[1].key,)
    assert third.gap_minutes == (DAYS[1].end - DAYS[1].start) / timedelta(minutes=1)
    assert (fourth.gap_minutes, fourth.missing_windows) == (0, ())


def test_a_file_without_headlines_is_degraded_and_not_quiet(tmp_path: Path) -> None:
    news = tmp_path / "none.csv"
    news.write_text("published_at,symbol,title,source,url\n")
    with TestPipeline.open(tmp_path, signals_news_path=news) as pipeline:
        assert pipeline.run(DAYS[:1]).success
        digest = _digest(pipeline, DAYS[0].key)
    assert (digest.kind, digest.new, digest.coverage.headlines) == ("degraded", (), 0)
    assert "no item in the last 90 days" in digest.coverage.reports[0].detail


def test_knobs_from_the_launchpad_are_used_and_stored_with_the_digest(pipeline: TestPipeline) -> None:
    pipeline.run(WEEK, knobs={"min_combined_score": 0.2, "max_signals": 1})
    per_window = pd.Series([row["window_start"] for row in pipeline.rows("signal_history")]).value_counts()
    assert per_window.max() == 1
    assert {key: _digest(pipeline, WEEK[0].key).knobs[key] for key in ("min_combined_score", "max_signals")} == {
        "min_combined_score": 0.2,
        "max_signals": 1,
    }


def test_a_run_with_knobs_of_its_own_is_marked_manual_whatever_its_tag_says(pipeline: TestPipeline) -> None:
    assert pipeline.run(DAYS[:1], mode="live", knobs={"max_signals": 7}).success
    assert _digest(pipeline, DAYS[0].key).mode == "manual"
    assert pipeline.run(DAYS[:1], mode="live", knobs={"max_signals": Knobs().max_signals}).success
    assert _digest(pipeline, DAYS[0].key).mode == "live"


def test_without_ml_the_technical_generator_signals_from_price_alone(pipeline: TestPipeline) -> None:
    """The model's folder is damaged beyond reading: nothing of it is touched."""
    broken = pipeline.settings.models_dir / "finbert"
    broken.mkdir(parents=True)
    (broken / "config.json").write_text("no JSON")
    assert "no model.onnx" in pipeline.refusal(DAYS[:1])
    result = pipeline.run(DAYS[:2], knobs={"signal_generator": "technical", "sentiment_model": "finbert"})
    history = pipeline.rows("signal_history")
    assert history
    assert {(row["source"], row["news_title"], row["known_at"]) for row in history} == {("technical", "", None)}
    assert pipeline.rows("headline_score") == []
    assert pipeline.metadata(result, "sentiment")["texts_scored"] == 0
    digest = _digest(pipeline, DAYS[0].key)
    assert digest.model == "none: technical generator"
    assert digest.notes[0].startswith("Based on price alone")
    assert {card.source for card in digest.new} == {"technical"}


def test_a_window_run_by_hand_says_so_and_a_scheduled_range_heals(pipeline: TestPipeline) -> None:
    pipeline.run(WEEK, mode="live")
    modes = [_digest(pipeline, window.key).mode for window in WEEK]
    assert modes == ["catch_up"] * (len(WEEK) - 1) + ["live"]


def test_signals_of_a_live_run_that_failed_before_its_digest_are_told_by_the_next(pipeline: TestPipeline) -> None:
    before, failed, after = WEEK[7:10]
    pipeline.run([before], mode="live")
    for stage in ("headlines", "sentiment", "technicals", "scores", "signals"):
        pipeline.run([failed], mode="live", only=stage)
    untold = {signal.symbol for signal in pipeline.history() if signal.decided_at == failed.end}
    assert untold
    pipeline.run([failed, after], mode="live")
    assert {card.symbol for card in _digest(pipeline, after.key).from_missed} == untold


def _digest(pipeline: TestPipeline, key: str) -> Digest:
    path = digest_paths(window_for_key(key).key, pipeline.settings.digests_dir).json
    return Digest.from_json(path.read_text())
