"""Lines, headings and rank correlation of a track record against hand-worked figures."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.record.information_coefficient import newey_west_error
from signals_pipeline.core.record.origin import Provenance
from signals_pipeline.core.record.outcomes import HORIZONS
from signals_pipeline.core.record.track_record import (
    RecordLine,
    rank_ic,
    record_section,
    records_by_origin,
    track_record,
)
from signals_pipeline.core.tables import OUTCOMES
from signals_pipeline_tests.support.digest_examples import MODEL, outcome_rows


def test_a_line_in_words() -> None:
    rows = outcome_rows(31)
    line = {each.horizon: each for each in track_record(rows, label="all")}[5]
    assert (line.n, line.hits, line.n_dates, line.enough) == (31, 15, 31, True)
    assert line.text == "5 sessions: 15 of 31 (48%, 95% interval 32 to 65%), base rate 50%"
    assert line.net_text == "mean net −0.03% ± 0.36%"


def test_under_thirty_is_too_few() -> None:
    line = track_record(outcome_rows(29), label="all")[0]
    assert (line.text, line.net_text) == ("1 session: too few (n = 29)", "")


def test_a_rate_too_good_for_news_is_called_look_ahead() -> None:
    rows = outcome_rows(60)
    rows = rows.assign(hit=rows.groupby("horizon").cumcount() % 4 > 0)
    line = {each.horizon: each for each in track_record(rows, label="all")}
    assert [line[each].suspect for each in HORIZONS] == [True, True, True, False]
    assert line[5].text == (
        "5 sessions: 45 of 60 (75%, 95% interval 63 to 84%), base rate 50%; look-ahead until proven otherwise"
    )
    assert not track_record(rows.assign(base_rate=0.7), label="all")[0].suspect
    assert not track_record(rows[rows["entry_session"] < rows["entry_session"].unique()[20]], label="all")[0].suspect


def test_ten_signals_of_one_day_do_not_count_as_ten() -> None:
    rows = outcome_rows(40)
    crowded = rows.assign(entry_session=rows["entry_session"].dt.floor("10D"))
    apart, together = (
        track_record(each, label="all")[0]
        for each in (rows, crowded.assign(hit=crowded["entry_session"].dt.day % 2 > 0))
    )
    assert together.n == apart.n
    assert together.n_dates < apart.n_dates
    assert together.high - together.low > 1.5 * (apart.high - apart.low)


def test_thirty_on_one_day_have_no_error() -> None:
    day = pd.Timestamp("2023-05-01", tz="UTC")
    rows = outcome_rows(30).assign(entry_session=day)
    line = track_record(rows, label="all")[0]
    assert (line.n_dates, line.clustered_se, line.net_text) == (1, None, "")
    assert line.text.startswith("1 session: 15 of 30 (50%")


def test_nothing_known_is_said_with_numbers_that_exist() -> None:
    for line, horizon in zip(track_record(OUTCOMES.empty(), label="all"), HORIZONS, strict=True):
        assert (line.horizon, line.n, line.hit_rate, line.mean_net_return) == (horizon, 0, None, None)
        assert (line.low, line.high) == (0.0, 1.0)
        assert "too few (n = 0)" in line.text


def test_a_group_with_enough_outcomes_has_a_heading_and_all_its_lines() -> None:
    lines = track_record(outcome_rows(31), label="new BUY signals, backfilled")

    assert record_section(lines) == ("New BUY signals, backfilled, net of the market", lines)


def test_a_group_with_too_few_outcomes_has_a_heading_alone() -> None:
    heading, rows = record_section(track_record(outcome_rows(29), label="BUY signals, live"))

    assert heading == "BUY signals, live: too few to judge (n = 29, 29, 29, 29 after 1, 3, 5, 10 sessions)"
    assert rows == ()


def test_the_heading_counts_only_horizons_with_outcomes() -> None:
    early = outcome_rows(2).iloc[:5]  # of the second signal only the shortest horizon
    first = outcome_rows(1).iloc[:1]
    third = outcome_rows(1).iloc[2:3]

    assert record_section(track_record(early, label="BUY signals, live"))[0].endswith(
        "(n = 2, 1, 1, 1 after 1, 3, 5, 10 sessions)"
    )
    assert record_section(track_record(first, label="BUY signals, live"))[0].endswith("(n = 1 after 1 session)")
    assert record_section(track_record(third, label="BUY signals, live"))[0].endswith("(n = 1 after 5 sessions)")


@pytest.mark.parametrize(
    ("provenance", "signal_group", "heading"),
    [
        ("live", None, "No live record yet."),
        ("backfilled", None, "No backfilled record yet."),
        ("live", "SELL signals", "No record of SELL signals yet."),
        (None, None, "Some label: no outcomes yet."),
    ],
)
def test_without_outcomes_the_heading_follows_from_the_typed_fields_whatever_the_label(
    provenance: Provenance | None, signal_group: str | None, heading: str
) -> None:
    lines = track_record(OUTCOMES.empty(), label="some label", provenance=provenance, signal_group=signal_group)

    assert record_section(lines) == (heading, ())


def test_a_line_stored_before_provenance_was_kept_can_still_be_read() -> None:
    line = track_record(outcome_rows(31), label="All signals, live")[0]
    stored_before = asdict(line)
    del stored_before["provenance"], stored_before["signal_group"]

    assert RecordLine(**stored_before) == line


def ranked(days: list[list[tuple[float, float]]]) -> pd.DataFrame:
    """Outcomes of one horizon from (score, excess return) pairs a day."""
    first = pd.Timestamp("2023-03-01", tz="UTC")
    rows = [
        {
            "symbol": f"S{place}",
            "combined_score": score,
            "raw_return": excess,
            "benchmark_return": 0.0,
            "entry_session": first + pd.Timedelta(days=day),
            "window_start": first + pd.Timedelta(days=day),
        }
        for day, pairs in enumerate(days)
        for place, (score, excess) in enumerate(pairs)
    ]
    other = outcome_rows(1).iloc[0].to_dict()
    return OUTCOMES.conform(pd.DataFrame([{**other, **row} for row in rows]))


RISING = [(-0.5, -0.1), (0.3, 0.0), (0.5, 0.2), (0.9, 0.4)]
FALLING = [(score, -excess) for score, excess in RISING]
SWAPPED = [(-0.5, 0.0), (0.3, -0.1), (0.5, 0.2), (0.9, 0.4)]  # one swap of neighbours in four: 1 - 6 x 2 / 60 = 0.8


def test_rank_ic_by_hand() -> None:
    found = rank_ic(ranked([RISING, FALLING, SWAPPED, RISING]), 1)
    assert (found.n, found.n_dates) == (16, 4)
    assert found.mean == pytest.approx((1 - 1 + 0.8 + 1) / 4)
    daily = np.array([1, -1, 0.8, 1])
    assert found.t == pytest.approx(daily.mean() / (newey_west_error(daily, 1) or 0))


def test_days_that_cannot_be_ranked_do_not_count() -> None:
    level = [(0.5, 0.1), (0.5, 0.2), (0.5, 0.3)]
    even = [(0.1, 0.0), (0.2, 0.0), (0.3, 0.0)]
    found = rank_ic(ranked([RISING, level, even, RISING[:2]]), 1)
    assert (found.n_dates, found.mean, found.t) == (1, pytest.approx(1.0), None)
    assert rank_ic(ranked([RISING]), 5).mean is None


def test_overlapping_horizons_widen_the_error() -> None:
    days = [*[RISING] * 7, *[SWAPPED] * 7, *[FALLING] * 7]
    rows = ranked(days)
    short, long = (rank_ic(rows.assign(horizon=horizon), horizon) for horizon in (1, 3))
    assert short.mean == long.mean
    assert short.t is not None
    assert long.t is not None
    assert abs(long.t) < abs(short.t)


def test_a_correlation_that_never_moves_has_no_t() -> None:
    assert rank_ic(ranked([RISING, RISING, RISING]), 1).t is None


@settings(max_examples=25, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(-9, 9), st.integers(-9, 9)), min_size=1, max_size=6), min_size=1, max_size=8
    )
)
def test_rank_ic_is_spearman_and_looks_at_order_only(days: list[list[tuple[int, int]]]) -> None:
    rows = ranked([[(score / 10, excess / 100) for score, excess in pairs] for pairs in days])
    daily = []
    for pairs in days:
        score, excess = (pd.Series(column).rank() for column in zip(*pairs, strict=True))
        if len(pairs) >= 3 and score.nunique() > 1 and excess.nunique() > 1:
            daily.append(np.corrcoef(score, excess)[0, 1])
    found = rank_ic(rows, 1)
    assert found.n_dates == len(daily)
    assert found.mean == (pytest.approx(np.mean(daily), abs=1e-9) if daily else None)
    assert rank_ic(rows.assign(combined_score=rows["combined_score"] ** 3), 1).mean == pytest.approx(found.mean)


def test_a_rate_is_suspect_by_the_outcomes_of_its_own_origin() -> None:
    good = outcome_rows(60, generator="technical", model="none", net_return=0.01, hit=True)
    poor = outcome_rows(60, symbol="B", net_return=-0.01, hit=False)

    records = records_by_origin(pd.concat([good, poor], ignore_index=True))

    suspect = {origin.generation.generator: lines[0].suspect for origin, lines in records.items()}
    assert suspect == {"technical": True, "news_driven_ml": False}
    assert [lines[0].label for lines in records.values()] == [
        f"All signals, backfilled, {MODEL}",
        "All signals, backfilled, technical generator",
    ]
