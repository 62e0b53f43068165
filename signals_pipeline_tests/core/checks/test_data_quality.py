"""What the findings promise: quiet where all is well, one line where it is not, and mail kept back only for cause."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from numpy.typing import NDArray

from signals_pipeline.core.checks import data_quality
from signals_pipeline.core.checks.data_quality import DRIFT, ENOUGH_HEADLINES, Finding
from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.news.feeds import SourceReport
from signals_pipeline.core.record.track_record import RecordLine
from signals_pipeline.core.tables import to_arrays
from signals_pipeline.core.windows import windows_between
from signals_pipeline_tests.support.signal_builders import WINDOWS, signal

START = datetime(2024, 3, 4, 13, 30, tzinfo=UTC)
SIXTY = RecordLine("live", 1, 400, 100, 240, 0.6, 0.55, 0.65, 0.5, 0.001, 0.0005, enough=True)


def entry(**changes: Any) -> Coverage:
    one = Coverage(
        window_key="2024-03-04-08:30",
        label="Mon 08:30 to 17:30 ET",
        evidence_start=START,
        evidence_end=START + timedelta(hours=9),
        gap_minutes=0,
        overlap_minutes=0,
        missing_windows=(),
        reports=(SourceReport("rss", "ok", 60), SourceReport("yahoo", "ok", 40)),
        headlines=100,
        relevant=40,
        stories=30,
        symbols=12,
        reconstructed=0,
        drops={"no_time": 2},
        status="ok",
        first_run=False,
    )
    return replace(one, **changes)


def passed_by_check(findings: tuple[Finding, ...]) -> dict[str, bool]:
    assert all("\n" not in finding.text and finding.text for finding in findings)
    return {finding.check: finding.passed for finding in findings}


def headline_findings(coverage: Coverage) -> tuple[Finding, ...]:
    return tuple(check(coverage) for check in data_quality.HEADLINE_CHECKS.values())


def tone_findings_of(frame: pd.DataFrame, usual: NDArray[np.float64]) -> tuple[Finding, ...]:
    rows = to_arrays(frame)
    return data_quality.confidence_finding(rows), data_quality.drift_finding(data_quality.tone_counts(rows), usual)


def tones(counts: tuple[int, int, int], confidence: float = 0.8) -> pd.DataFrame:
    classes = np.repeat(np.eye(3), counts, axis=0)
    frame = pd.DataFrame(classes, columns=["p_negative", "p_neutral", "p_positive"])
    return frame.assign(headline_id=[str(at) for at in range(len(frame))], confidence=confidence)


def closes(*prices: float) -> pd.Series:
    return pd.Series(prices, index=pd.bdate_range("2024-03-04", periods=len(prices)), dtype="float64")


def test_a_window_with_everything_in_order_is_quiet() -> None:
    assert passed_by_check(headline_findings(entry())) == {
        "dated": True,
        "linked": True,
        "feeds_answered": True,
        "sources_moving": True,
        "accounted": True,
    }


@pytest.mark.parametrize(
    ("changes", "check", "said"),
    [
        ({"drops": {"no_time": 20}}, "dated", "20% of 100 items"),
        ({"relevant": 1}, "linked", "99% of 100 headlines"),
        ({"reports": (SourceReport("rss", "ok", 100), SourceReport("yahoo", "ok", 0))}, "feeds_answered", "yahoo"),
        (
            {"reports": (SourceReport("rss", "ok", 100), SourceReport("x", "failed", 0, "401"))},
            "feeds_answered",
            "x (401)",
        ),
        (
            {"reports": (SourceReport("rss", "ok", 60), SourceReport("csv", "degraded", 40, "35 rows not whole"))},
            "feeds_answered",
            "incomplete: csv (35 rows not whole)",
        ),
        (
            {"reports": (SourceReport("rss", "degraded", 9, "no item since Monday", covered_to=START),)},
            "sources_moving",
            "rss: no item since Monday",
        ),
        ({"delivered": 103, "drops": {"no_time": 2}}, "accounted", "1 items are neither kept nor dropped"),
    ],
)
def test_each_trouble_of_the_feeds_has_its_own_line(changes: dict[str, object], check: str, said: str) -> None:
    findings = headline_findings(entry(**changes))
    assert [finding.check for finding in findings if not finding.passed] == [check]
    assert said in next(finding.text for finding in findings if finding.check == check)


def test_the_age_of_the_newest_headline_is_given() -> None:
    newest = entry(newest_at=START + timedelta(hours=8, minutes=20))
    ages = {finding.check: finding for finding in headline_findings(newest)}
    assert "the newest headline became known 40 min before the end" in ages["sources_moving"].text
    assert ages["sources_moving"].value == pytest.approx(2 / 3)
    unknown = {finding.check: finding for finding in headline_findings(entry())}
    assert unknown["sources_moving"].text == "no headline within the look-back"


def test_items_that_are_not_accounted_for_hold_the_mail_back() -> None:
    lost = entry(delivered=103, drops={"no_time": 2, "unaccounted": 1})
    findings = headline_findings(lost)
    (serious,) = [finding for finding in findings if finding.serious]
    assert "103 delivered = 100 kept + 3 dropped (2 no time, 1 unaccounted)" in serious.text
    assert not data_quality.fit_to_send(lost, findings).passed
    assert entry(delivered=102).unaccounted == 0


def test_items_that_a_live_feed_lost_on_the_way_to_the_archive_hold_the_mail_back() -> None:
    reports = (SourceReport("rss", "degraded", 60, "2 of 62 items", lost=2), SourceReport("yahoo", "ok", 42))
    lost = entry(delivered=102, reports=reports)
    findings = headline_findings(lost)
    (serious,) = [finding for finding in findings if finding.serious]
    assert serious.text.startswith("2 items are neither kept nor dropped for a reason: 102 delivered = 100 kept + 2 ")
    assert "; 2 more items lost on the way to the archive; report this as a bug" in serious.text
    assert not data_quality.fit_to_send(lost, findings).passed


def test_a_share_of_few_headlines_says_nothing() -> None:
    few = entry(reports=(SourceReport("rss", "ok", 3),), headlines=3, relevant=0, drops={"no_time": 2})
    assert all(passed_by_check(headline_findings(few)).values())
    assert all(passed_by_check(headline_findings(entry(headlines=0, relevant=0))).values())


@pytest.mark.parametrize(("confidence", "passed"), [(0.8, True), (0.5, True), (0.49, False)])
def test_mean_confidence_is_watched(confidence: float, passed: bool) -> None:
    frame = tones((10, 20, 10), confidence)
    assert passed_by_check(tone_findings_of(frame, data_quality.tone_counts(to_arrays(frame))))["confidence"] is passed
    assert passed_by_check(tone_findings_of(frame.iloc[:0], np.zeros(3)))["confidence"]


def test_a_model_that_turns_neutral_is_drift_and_the_usual_mixture_is_not() -> None:
    usual = 20 * data_quality.tone_counts(to_arrays(tones((20, 50, 30))))
    assert passed_by_check(tone_findings_of(tones((9, 26, 15)), usual))["tone_drift"]
    assert not passed_by_check(tone_findings_of(tones((0, 50, 0)), usual))["tone_drift"]
    assert passed_by_check(tone_findings_of(tones((0, 20, 0)), usual))["tone_drift"]  # too few to tell


def test_a_headline_of_two_companies_counts_once() -> None:
    frame = tones((1, 2, 3))
    assert data_quality.tone_counts(to_arrays(pd.concat([frame, frame]))).tolist() == [1, 2, 3]


@given(st.tuples(*[st.integers(0, 400)] * 3), st.integers(1, 9))
def test_one_distribution_has_no_distance_from_itself(counts: tuple[int, int, int], times: int) -> None:
    one = np.array(counts, dtype=float)
    assert data_quality.homogeneity(one, one * times) == pytest.approx(0, abs=1e-6)


@given(st.integers(0, 2**32))
def test_chance_alone_is_drift_about_once_in_a_thousand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    draws = rng.multinomial([100, 2_000], [0.2, 0.5, 0.3], size=(200, 2)).astype(float)
    drifts = sum(data_quality.homogeneity(one, other) >= DRIFT for one, other in draws)
    assert drifts <= 6  # P(more) is about 2e-9 at one in 1,000


def test_homogeneity_by_hand() -> None:
    one, other = np.array([30.0, 10.0, 0.0]), np.array([20.0, 20.0, 0.0])
    assert data_quality.homogeneity(one, other) == pytest.approx(5.3333333)


def test_stale_prices_are_named() -> None:
    sessions = pd.DatetimeIndex(["2024-03-01", "NaT", "2024-03-04", "2024-03-04", "2024-03-04"])
    frame = pd.DataFrame({"symbol": list("ABCDE"), "session": sessions, "stale": [True, True, False, False, False]})
    finding = data_quality.price_finding(to_arrays(frame))
    assert not finding.passed
    assert "2 of 5" in finding.text
    assert "A, B; the newest bar is from 2024-03-04; check" in finding.text
    assert "there are no bars" in data_quality.price_finding(to_arrays(frame.iloc[1:2])).text
    assert data_quality.price_finding(to_arrays(frame.iloc[1:])).value == 0.25
    assert data_quality.price_finding(to_arrays(frame.iloc[2:])).passed
    assert data_quality.price_finding(to_arrays(frame.iloc[:0])).passed


@pytest.mark.parametrize("ratio", [0.5, 2, 1 / 3, 4, 0.1, 100, 0.01])
def test_a_jump_by_a_split_s_ratio_is_named(ratio: float) -> None:
    finding = data_quality.split_finding({"NVDA": closes(100, 101, 101 * ratio, 101 * ratio), "A": closes(5, 5)})
    assert not finding.passed
    assert "NVDA 2024-03-06" in finding.text


@given(st.lists(st.floats(-0.3, 0.3), min_size=1, max_size=20))
def test_ordinary_moves_are_no_split(moves: list[float]) -> None:
    assert data_quality.split_finding({"NVDA": closes(*np.exp(np.cumsum(moves)))}).passed


def test_a_repeat_of_an_active_signal_is_serious() -> None:
    first, second, week_later = WINDOWS[0], WINDOWS[1], windows_between(WINDOWS[0].end, WINDOWS[-1].end)[-1]
    (own,) = data_quality.signal_findings([signal(second), signal(first)], second.start)
    assert (own.passed, own.serious, own.value) == (False, True, 1)
    for history in (
        [signal(first), signal(second, lifecycle="stronger")],
        [signal(first), signal(second, combined=-0.5, lifecycle="flipped")],
        [signal(first), signal(second, symbol="AMD")],
        [signal(first), signal(week_later)],
        [],
    ):
        assert data_quality.signal_findings(history, second.start)[0].passed


def test_a_repeat_of_an_earlier_window_and_a_flip_of_a_lost_signal_advise() -> None:
    first, second, third, newest = WINDOWS[:4]
    history = [signal(first), signal(second), signal(newest, symbol="AMD", lifecycle="flipped")]
    history.append(signal(third, symbol="AMD"))
    (earlier,) = data_quality.signal_findings(history, newest.start)
    assert (earlier.passed, earlier.serious, earlier.value) == (False, False, 2)
    both = data_quality.signal_findings([*history, signal(newest)], newest.start)
    assert [(finding.serious, finding.value) for finding in both] == [(False, 2), (True, 1)]
    assert data_quality.fit_to_send(entry(), both).text == both[1].text


def test_a_check_that_can_not_be_made_is_a_finding_without_a_number() -> None:
    finding = data_quality.not_made("confidence", "no frame; run it again")
    assert finding == Finding("confidence", passed=False, text="could not be made: no frame; run it again", value=None)
    twice = [data_quality.not_made(name, "no row", serious=True) for name in ("schema", "no_duplicates")]
    assert data_quality.fit_to_send(entry(), [finding, *twice]).text == "could not be made: no row"


def test_a_hit_rate_too_good_for_news_asks_for_an_audit() -> None:
    finding = data_quality.record_finding([SIXTY])
    assert not finding.passed
    assert "signals audit" in finding.text
    assert data_quality.record_finding([replace(SIXTY, hit_rate=0.52, low=0.49)]).passed
    assert data_quality.record_finding([]).passed


def test_mail_is_kept_back_for_what_is_serious_alone() -> None:
    warning, serious = Finding("a", False, "a warning", 1), Finding("b", False, "wrong", 1, serious=True)
    assert data_quality.fit_to_send(entry(), [warning]).passed
    assert not data_quality.fit_to_send(entry(), [warning, serious]).passed
    assert data_quality.fit_to_send(entry(), [warning, serious]).text == "wrong"
    assert not data_quality.fit_to_send(entry(status="failed"), []).passed
    assert ENOUGH_HEADLINES >= 30
