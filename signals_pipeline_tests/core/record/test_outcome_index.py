"""A group's record at an instant is the record of its rows known by then, whatever the rows' order."""

from dataclasses import asdict
from datetime import timedelta
from random import Random

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.record.origin import PROVENANCES, Generation, Origin, rows_by_origin
from signals_pipeline.core.record.outcomes import HORIZONS
from signals_pipeline.core.record.track_record import ANY, OutcomeIndex, RecordLine, track_record
from signals_pipeline.core.tables import KNOWN_OUTCOMES
from signals_pipeline_tests.support.digest_examples import MODEL, outcome_rows

GENERATIONS = (
    Generation("news_driven_ml", MODEL),
    Generation("news_driven_ml", "finbert int8 @fedcba987654"),
    Generation("technical", "none: technical generator"),
)
ORIGINS = [Origin(provenance, generation) for provenance in PROVENANCES for generation in GENERATIONS]
BACKFILLED = Origin("backfilled", GENERATIONS[0])
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
        **origin_columns([random.choice(ORIGINS) for _ in range(size)]),
    )
    kept = [at for at in range(size) if random.random() < 0.8]
    return KNOWN_OUTCOMES.conform(changed.assign(hit=changed["net_return"] > 0).iloc[kept])


def origin_columns(origins: list[Origin]) -> dict[str, list[str]]:
    return {
        "provenance": [origin.provenance for origin in origins],
        "generator": [origin.generation.generator for origin in origins],
        "model": [origin.generation.model for origin in origins],
    }


def assert_same(found: tuple[RecordLine, ...], wanted: tuple[RecordLine, ...]) -> None:
    """Sums in another order differ in the last digit."""
    for one, other in zip(found, wanted, strict=True):
        assert asdict(one) == pytest.approx(asdict(other), abs=1e-12)


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 40), st.integers(0, 50), st.randoms(use_true_random=False))
def test_it_is_the_record_of_the_rows_known_by_then(count: int, day: int, random: Random) -> None:
    rows = drawn_outcomes(count, random)
    as_of = outcome_rows(1)["window_start"].iloc[0].to_pydatetime() + timedelta(days=day)
    outcome_index = OutcomeIndex.from_outcomes(rows)
    known = (rows["known_at"] < pd.Timestamp(as_of)).to_numpy()
    groups = {
        (ANY, ANY): None,
        ("BUY", ANY): "BUY signals",
        ("SELL", ANY): "SELL signals",
        ("BUY", "new"): "new BUY signals",
        ("SELL", "flipped"): "flipped SELL signals",
    }
    for origin in ORIGINS:
        of_origin = (
            (rows["provenance"] == origin.provenance)
            & (rows["generator"] == origin.generation.generator)
            & (rows["model"] == origin.generation.model)
        )
        for (signal_type, lifecycle), words in groups.items():
            in_group = (rows["signal_type"] == signal_type).to_numpy() | (signal_type == ANY)
            in_group &= (rows["lifecycle"] == lifecycle).to_numpy() | (lifecycle == ANY)
            group_rows = rows[known & of_origin.to_numpy() & in_group]

            expected = track_record(group_rows, label="x", provenance=origin.provenance, signal_group=words)

            assert_same(outcome_index.record(as_of, "x", origin, signal_type, lifecycle), expected)
            assert outcome_index.known(as_of, origin, signal_type, lifecycle) == expected[0].n


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 40), st.randoms(use_true_random=False))
def test_neither_order_nor_what_is_known_later_matters(count: int, random: Random) -> None:
    rows = drawn_outcomes(count, random)
    as_of = (outcome_rows(1)["window_start"].iloc[0] + 20 * STEP).to_pydatetime()
    shuffled = rows.iloc[random.sample(range(len(rows)), len(rows))]
    then = rows[rows["known_at"] < pd.Timestamp(as_of)]
    found = [OutcomeIndex.from_outcomes(each).record(as_of, "x", BACKFILLED) for each in (rows, shuffled, then)]
    assert found[0] == found[1] == found[2]


def test_an_outcome_counts_only_after_the_instant_at_which_it_became_known() -> None:
    rows = outcome_rows(1).iloc[:1]
    at = rows["known_at"].iloc[0].to_pydatetime()
    outcome_index = OutcomeIndex.from_outcomes(rows)
    assert [outcome_index.known(at + timedelta(microseconds=n), BACKFILLED) for n in (-1, 0, 1)] == [0, 0, 1]
    assert [line.n for line in outcome_index.record(at + timedelta(hours=1), "x", BACKFILLED)] == [1, 0, 0, 0]


def test_a_group_that_does_not_occur_has_a_record_of_nothing() -> None:
    as_of = outcome_rows(1)["window_start"].iloc[0].to_pydatetime()
    live = Origin("live", GENERATIONS[0])
    outcome_index = OutcomeIndex.from_outcomes(KNOWN_OUTCOMES.empty())
    lines = outcome_index.record(as_of, "BUY signals, live", live, "BUY", "new")
    assert [(line.label, line.horizon, line.n) for line in lines] == [
        ("BUY signals, live", each, 0) for each in HORIZONS
    ]


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 40), st.randoms(use_true_random=False))
def test_every_outcome_is_in_the_record_of_one_origin_and_of_no_other(count: int, random: Random) -> None:
    rows = drawn_outcomes(count, random)
    later = (outcome_rows(1)["window_start"].iloc[0] + 200 * STEP).to_pydatetime()
    outcome_index = OutcomeIndex.from_outcomes(rows)

    counted = {origin: outcome_index.record(later, "x", origin) for origin in ORIGINS}

    for position, horizon in enumerate(HORIZONS):
        assert sum(lines[position].n for lines in counted.values()) == (rows["horizon"] == horizon).sum()
    for generation in GENERATIONS:
        others = [origin for origin in ORIGINS if origin.generation != generation]
        expected = sum(outcome_index.known(later, origin) for origin in others)
        assert outcome_index.known_of_others(later, generation) == expected


def test_origins_are_live_first_and_then_those_with_most_outcomes() -> None:
    counts = {ORIGINS[0]: 1, ORIGINS[2]: 2, ORIGINS[3]: 5, ORIGINS[4]: 4}
    parts: list[pd.DataFrame] = []
    for position, (origin, count) in enumerate(counts.items()):
        part = outcome_rows(count, symbol=f"S{position}")
        parts.append(part.assign(**{name: values[0] for name, values in origin_columns([origin]).items()}))

    found = rows_by_origin(pd.concat(parts, ignore_index=True))

    assert list(found) == [ORIGINS[2], ORIGINS[0], ORIGINS[3], ORIGINS[4]]
    assert [len(rows) for rows in found.values()] == [8, 4, 20, 16]


def test_an_origin_in_words_and_the_generation_of_a_run() -> None:
    assert Origin("live", Generation.of_run("technical", "none")).words == "live, technical generator"
    assert Origin("backfilled", Generation.of_run("news_driven", MODEL)).words == f"backfilled, {MODEL}"
    with pytest.raises(ValueError, match="unknown generator 'guess'; choose news_driven or technical"):
        Generation.of_run("guess", MODEL)
