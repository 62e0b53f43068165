"""Figures: a PNG of the size that was looked at, the same bytes each time, whatever number is missing."""

import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from signals_pipeline.adapters.rendering import charts
from signals_pipeline.core.record.calibration import Reliability, reliability
from signals_pipeline.core.record.information_coefficient import RankCorrelation
from signals_pipeline.core.record.track_record import track_record
from signals_pipeline.core.research.replay import ParameterSet
from signals_pipeline.core.research.tuning import Trial, TuningResult
from signals_pipeline.core.tables import OUTCOMES
from signals_pipeline_tests.support.digest_examples import outcome_rows

SETTING = ParameterSet(0.6, 0.3, 0.6, 6.0, 7.0, 25)
TRIAL = Trial(SETTING, 120, 4.0, 100, 60, 53, 0.53, 0.43, 0.63, 0.5, 0.6)
DAYS = np.busday_offset(np.datetime64("2024-01-08"), np.arange(120))


def assert_drawn(path: Path) -> None:
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG")
    assert struct.unpack(">II", content[16:24]) == (960, 576)


def test_hit_rates_of_several_groups_and_of_none(tmp_path: Path) -> None:
    lines = [
        track_record(outcome_rows(40), label="All signals, live"),
        track_record(outcome_rows(5), label="backfilled"),
    ]
    assert_drawn(charts.hit_rates(tmp_path / "new" / "two.png", lines))
    assert_drawn(charts.hit_rates(tmp_path / "one.png", lines[:1]))
    assert_drawn(charts.hit_rates(tmp_path / "none.png", []))
    assert_drawn(charts.hit_rates(tmp_path / "empty.png", [track_record(OUTCOMES.empty(), label="All signals, live")]))
    again = charts.hit_rates(tmp_path / "again.png", lines[:1])
    assert again.read_bytes() == (tmp_path / "one.png").read_bytes()


def test_coefficients_of_many_days_and_of_few(tmp_path: Path) -> None:
    daily = pd.Series(np.sin(np.arange(120)), index=DAYS)
    summary = RankCorrelation(5, 1000, 120, 0.01, 0.4)
    assert_drawn(charts.coefficients(tmp_path / "many.png", daily, summary, score="tone"))
    none = RankCorrelation(1, 0, 0, None, None)
    assert_drawn(charts.coefficients(tmp_path / "none.png", daily.iloc[:0], none, score="tone"))


def test_calibration_with_groups_and_without(tmp_path: Path) -> None:
    rows = pd.DataFrame({"day": DAYS, "confidence": 0.65, "agreed": np.arange(120) % 2 > 0, "base_rate": 0.5})
    rows.loc[:9, "confidence"] = 0.95
    assert_drawn(charts.calibration(tmp_path / "some.png", reliability(rows)))
    assert_drawn(charts.calibration(tmp_path / "none.png", Reliability((), (), 0, 0, None, None, None)))


def test_tuning_with_a_best_and_without(tmp_path: Path) -> None:
    better = replace(TRIAL, setting=replace(SETTING, max_signals=5), a_week=2.0, hit_rate=0.6, low=0.5, high=0.7, t=1.5)
    assert_drawn(charts.tuning(tmp_path / "best.png", TuningResult(5, 60, (TRIAL, better), better, 0.3, 2.2)))
    few = replace(TRIAL, n=0, hit_rate=None, base_rate=None, t=None)
    assert_drawn(charts.tuning(tmp_path / "few.png", TuningResult(5, 60, (few,), None, 1.0, float("inf"))))
