"""A group's record at an instant is the record of its rows known by then, whatever the rows' order."""

from dataclasses import asdict
from datetime import timedelta
from random import Random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.record.outcomes import HORIZONS, LIVE_MODES, PROVENANCES
from signals_pipeline.core.record.track_record import ANY, OutcomeIndex, RecordLine, track_record
from signals_pipeline.core.tables import OUTCOMES
from signals_pipeline_tests.support.digest_examples import outcome_rows

MODES = ("live", "catch_up", "backfill", "manual", None)
STEP = pd.Timedelta(days=1)


def drawn_outcomes(count: int, random: Random) -> pd.DataFrame:
    """Outcomes of drawn groups and returns, some horizons missing, known in an order of their own."""
    rows = outcome_rows(count)
    size = len(rows)
    changed = rows.assign(
        signal_type=[random.choice(("BUY", "SELL")) for _ in range(size)],
        lifecycle=[random.choice(("new", "stronger", "flipped")) for _ in range(size)],
        known_at=rows["known_at"] + pd.to_timedelta([random.randrange(4) for _ in range(size)], unit="D"),
        entry_session=rows["entry_session"].dt.floor("3D"),
        net_return=[random.uniform(-0.1, 0.1) for _ in range(size)],
    )
    kept = [at for at in range(size) if random.random() < 0.8]
    return OUTCOMES.conform(changed.assign(hit=changed["net_return"] > 0).iloc[kept])


def assert_same(found: tuple[RecordLine, ...], wanted: tuple[RecordLine, ...]) -> None:
    """Sums in another order differ in the last digit."""
    for one, other in zip(found, wanted, strict=True):
        assert asdict(one) == pytest.approx(asdict(other), abs=1e-12)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 40), st.integers(0, 50), st.randoms(use_true_random=False))
def test_it_is_the_record_of_the_rows_known_by_then(count: int, day: int, random: Random) -> None:
    rows = drawn_outcomes(count, random)
    starts = pd.DatetimeIndex(outcome_rows(40)["window_start"]).to_pydatetime()
    modes = {start: mode for start in sorted(set(starts)) if (mode := random.choice(MODES))}
    as_of = starts[0] + timedelta(days=day)
    mode_of = pd.Series([modes.get(start.to_pydatetime(), "backfill") for start in rows["window_start"]], dtype="str")
    outcome_index = OutcomeIndex.from_outcomes(rows, modes)
    known = (rows["known_at"] < pd.Timestamp(as_of)).to_numpy()
    groups = {
        (ANY, ANY): None,
        ("BUY", ANY): "BUY signals",
        ("SELL", ANY): "SELL signals",
        ("BUY", "new"): "new BUY signals",
        ("SELL", "flipped"): "flipped SELL signals",
    }
    for provenance in PROVENANCES:
        same_provenance = mode_of.isin(LIVE_MODES).to_numpy() == (provenance == "live")
        for (signal_type, lifecycle), words in groups.items():
            in_group = (rows["signal_type"] == signal_type).to_numpy() | (signal_type == ANY)
            in_group &= (rows["lifecycle"] == lifecycle).to_numpy() | (lifecycle == ANY)
            group_rows = rows[known & same_provenance & in_group]

            expected = track_record(group_rows, label="x", provenance=provenance, signal_group=words)

            assert_same(outcome_index.record(as_of, "x", provenance, signal_type, lifecycle), expected)
            assert outcome_index.known(as_of, provenance, signal_type, lifecycle) == expected[0].n


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 40), st.randoms(use_true_random=False))
def test_neither_order_nor_what_is_known_later_matters(count: int, random: Random) -> None:
    rows = drawn_outcomes(count, random)
    as_of = (outcome_rows(1)["window_start"].iloc[0] + 20 * STEP).to_pydatetime()
    shuffled = rows.iloc[random.sample(range(len(rows)), len(rows))]
    then = rows[rows["known_at"] < pd.Timestamp(as_of)]
    found = [OutcomeIndex.from_outcomes(each, {}).record(as_of, "x", "backfilled") for each in (rows, shuffled, then)]
    assert found[0] == found[1] == found[2]


def test_an_outcome_counts_only_after_the_instant_at_which_it_became_known() -> None:
    rows = outcome_rows(1).iloc[:1]
    at = rows["known_at"].iloc[0].to_pydatetime()
    outcome_index = OutcomeIndex.from_outcomes(rows, {})
    assert [outcome_index.known(at + timedelta(microseconds=n), "backfilled") for n in (-1, 0, 1)] == [0, 0, 1]
    assert [line.n for line in outcome_index.record(at + timedelta(hours=1), "x", "backfilled")] == [1, 0, 0, 0]


def test_a_group_that_does_not_occur_has_a_record_of_nothing() -> None:
    as_of = outcome_rows(1)["window_start"].iloc[0].to_pydatetime()
    lines = OutcomeIndex.from_outcomes(OUTCOMES.empty(), {}).record(as_of, "BUY signals, live", "live", "BUY", "new")
    assert [(line.label, line.horizon, line.n) for line in lines] == [
        ("BUY signals, live", each, 0) for each in HORIZONS
    ]
