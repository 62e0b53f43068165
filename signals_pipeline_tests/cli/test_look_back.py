"""`signals tune` and `signals record` over the sample as it was really run."""

import csv
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import CliRunner

from signals_pipeline.cli import main
from signals_pipeline.cli.record import with_evidence
from signals_pipeline.cli.tune import GRID, choices_of, replayed
from signals_pipeline.core.prices.earnings import NoEarnings
from signals_pipeline.core.research.replay import ParameterSet, replay_signals
from signals_pipeline.core.research.tuning import parameter_grid
from signals_pipeline.core.windows import WindowError
from signals_pipeline.definitions import build_resources
from signals_pipeline.defs.research_data import open_inputs, read_research_data, setting_of, windows_run
from signals_pipeline.defs.resources import open_store
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import SettingsError
from signals_pipeline_tests.support.pipeline import SAMPLE_WINDOWS, TestPipeline

NOW = datetime(2015, 6, 1, tzinfo=UTC)
SOME = SAMPLE_WINDOWS[:30]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """Three weeks of the sample, run through the real job once for every test of this file."""
    with TestPipeline.open(tmp_path_factory.mktemp("past")) as pipeline:
        assert pipeline.run(SOME).success
        yield pipeline.settings


@pytest.fixture
def deployed(ran: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The same settings, in the environment of the commands."""
    monkeypatch.setenv("SIGNALS_DATA_DIR", str(ran.signals_data_dir))
    return ran


def test_the_replay_with_the_knobs_that_were_used_is_the_history(ran: Settings) -> None:
    used = setting_of(ran.knobs)
    other = replace(used, min_combined_score=0.1)
    with open_inputs(build_resources(ran)) as inputs:
        for first in (0, 7):
            past = read_research_data(inputs, SOME[first:], NOW)
            found = replay_signals(past.evidence, [used, other], past.before)
            assert len(past.stored) > 1
            assert past.compare(found, 0).is_same
            different = past.compare(found, 1)
            assert not different.is_same
            assert different.replayed == different.both + different.added
            assert len(past.stored) == different.both + different.gone
            assert past.weeks == pytest.approx((SOME[-1].end - SOME[first].start).total_seconds() / 604_800)


def test_returns_after_the_windows_are_those_of_the_stored_outcomes(ran: Settings) -> None:
    known = open_store(ran.database_url).outcomes.known(NOW)
    with open_inputs(build_resources(ran)) as inputs:
        past = read_research_data(inputs, SOME, NOW)
    places = {window.start: at for at, window in enumerate(SOME)}
    assert len(known) > 3
    for row in known.to_dict("records"):
        at, symbol = places[row["window_start"].to_pydatetime()], past.evidence.panel.symbols.index(row["symbol"])
        excess = past.forward.excess[row["horizon"]][at, symbol]
        assert (excess if row["signal_type"] == "BUY" else -excess) == pytest.approx(row["net_return"], abs=1e-12)


def test_windows_are_the_newest_of_those_that_were_run(ran: Settings) -> None:
    store = open_store(ran.database_url)
    assert windows_run(store, None, None, 5) == SOME[-5:]
    assert windows_run(store, SOME[2].key, SOME[4].key, 520) == SOME[2:5]
    with pytest.raises(WindowError, match="no window was run from the first to 2014-01-02-08:30: run some with"):
        windows_run(store, None, "2014-01-02-08:30", 5)


def test_tune_prints_counts_and_draws(deployed: Settings) -> None:
    first = CliRunner().invoke(main, ["tune", "--horizon", "1", "--try", "MIN_COMBINED_SCORE=0.2,0.3,0.4"])
    assert first.exit_code == 0, first.output
    assert "The replay of the setting in use reproduces the" in first.output
    assert "signals of the history." in first.output
    assert "3 settings tried; all of them count." in first.output
    assert "Too few to tell: none of 3 settings has 30 outcomes, or there are fewer than 40 sessions" in first.output
    again = CliRunner().invoke(main, ["tune", "--try", "max_signals=2", "--windows", "10"])
    assert "4 settings tried, 2 of them in earlier calls; all of them count." in again.output
    with (deployed.record_dir / "tuning.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["max_signals"] for row in rows] == ["25", "2", "25", "25"]
    assert (deployed.record_dir / "tuning.png").stat().st_size > 5_000


def test_tune_says_where_other_knobs_made_the_history(deployed: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MIN_COMBINED_SCORE", "0.15")
    found = CliRunner().invoke(main, ["tune", "--try", "max_signals=25"])
    output = " ".join(found.output.split())
    assert "were made with other knobs or an earlier release" in output
    assert re.search(r"With the setting in use there are \d+: \d+ in both, \d+ only now, \d+ only then\.", output)
    assert deployed.record_dir.exists()


def test_tune_varies_the_event_types_that_carry_tone(deployed: Settings) -> None:
    found = CliRunner().invoke(
        main, ["tune", "--try", "TONE_EVENTS=other,results+mna", "--try", "FLIP_COOLDOWN_DAYS=0,2"]
    )
    assert found.exit_code == 0, found.output
    with (deployed.record_dir / "tuning.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {"other", "results,mna"} <= {row["tone_events"] for row in rows}
    assert {"0.0", "2.0"} <= {row["flip_cooldown_days"] for row in rows}


def test_tune_refuses_an_unknown_event_type_in_one_line(deployed: Settings) -> None:
    assert deployed
    found = CliRunner().invoke(main, ["tune", "--try", "TONE_EVENTS=earnings"])
    assert found.exit_code != 0
    assert "TONE_EVENTS='earnings': unknown event type 'earnings'" in found.output
    assert deployed.record_dir.exists()


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("NEWS_LOOKBACK_HOURS=3", "a replay can change SENTIMENT_WEIGHT, MIN_COMBINED_SCORE"),
        ("max_signals=many", "write NAME=VALUE,VALUE"),
        ("SENTIMENT_WEIGHT=0.5,2", "SENTIMENT_WEIGHT=2.0: input should be less than or equal to 1"),
        ("SENTIMENT_WEIGHT", "write NAME=VALUE,VALUE"),
    ],
)
def test_what_cannot_be_tried_is_refused_in_a_line(deployed: Settings, text: str, line: str) -> None:
    with pytest.raises(SettingsError, match=line):
        replayed(deployed, choices_of([text]), (None, None, 5), 1, NOW)


def test_without_a_choice_a_hundred_settings(ran: Settings) -> None:
    used = setting_of(ran.knobs)
    assert len(parameter_grid(used, GRID)) == 100
    assert choices_of(["signal_generator=technical", "MAX_SIGNALS=1,2"]) == {
        "signal_generator": ("technical",),
        "max_signals": (1, 2),
    }
    assert isinstance(used, ParameterSet)


def test_record_prints_and_draws(deployed: Settings) -> None:
    found = CliRunner().invoke(main, ["record", "--horizon", "1"])
    assert found.exit_code == 0, found.output
    for said in (
        "30 windows, ",
        "All signals, backfilled",
        "By symbol, publisher, event, reaction and lifecycle, backfilled, compact int8 @",
        "Current generator and model: compact int8 @",
        "Rank IC of the combined score, all companies that have one, Newey-West t, backfilled, compact int8 @",
        "\n  1 session: mean daily IC",
        "not a probability of profit",
    ):
        assert said in found.output
    assert "live" not in found.output
    for name in ("hit_rates", "rank_ic", "calibration"):
        assert str(deployed.record_dir / f"{name}.png") in found.output
        assert (deployed.record_dir / f"{name}.png").stat().st_size > 5_000
    early = CliRunner().invoke(main, ["record", "--to", SOME[0].key])
    assert "1 windows" not in early.output
    assert "1 window, " in early.output


def test_evidence_tells_publisher_and_origin(ran: Settings) -> None:
    store = open_store(ran.database_url)
    rows = with_evidence(store, NoEarnings(), NOW)
    assert len(rows) == len(store.outcomes.known(NOW))
    assert set(rows["provenance"]) == {"backfilled"}
    assert rows["model"].str.startswith("compact").all()
    assert rows["publisher"].str.contains(".", regex=False).all()
    assert with_evidence(store, NoEarnings(), datetime(2014, 1, 1, tzinfo=UTC)).empty
    assert Path(ran.record_dir).name == "record"


def test_the_record_of_a_generator_stands_apart_from_that_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with TestPipeline.open(tmp_path) as pipeline:
        pipeline.run(SOME[:8], knobs={"signal_generator": "technical"})
        pipeline.run(SOME[8:20])
        monkeypatch.setenv("SIGNALS_DATA_DIR", str(pipeline.settings.signals_data_dir))
        known = open_store(pipeline.settings.database_url).outcomes.known(NOW)

    found = CliRunner().invoke(main, ["record", "--horizon", "1"])

    assert found.exit_code == 0, found.output
    technical = known[(known["generator"] == "technical") & (known["horizon"] == 1)]
    news = known[(known["generator"] == "news_driven_ml") & (known["horizon"] == 1)]
    assert len(technical) > 0
    assert len(news) > 0
    current, others = found.output.split("Other generators and models, never added to the record above:")
    assert f"n = {len(news)}" in current
    assert "technical generator" not in current.partition("\nRank IC")[0].partition("All signals")[2]
    assert f"backfilled, technical generator: too few to judge (n = {len(technical)}" in others or (
        "All signals, backfilled, technical generator, net of the market" in others
    )
    assert "Rank IC of tone alone" not in others
    assert "Newey-West t, backfilled, technical generator" in others

    tuned = CliRunner().invoke(main, ["tune", "--try", "MIN_COMBINED_SCORE=0.3"])
    assert "These windows were scored by 2 models (technical generator; compact int8 @" in tuned.output
