"""What a run tells: values from facts, nothing told that isn't known."""

from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.checks.metrics import (
    KINDS,
    RunFacts,
    empty_streak,
    heartbeat_metric,
    metrics_of_failed_run,
    metrics_of_run,
    waiting_metric,
)

FACTS = RunFacts(seconds=31.5, memory_bytes=410_000_000, steps=8, failed_steps=0, feeds=4, failed_feeds=0)
ALL = RunFacts(
    seconds=31.5,
    memory_bytes=410_000_000,
    steps=8,
    failed_steps=1,
    feeds=4,
    failed_feeds=2,
    signals=3,
    confidences=[(0.9, 30), (0.6, 10)],
    empty_runs=0,
    quota_left=38,
    newest_headline_age=720.0,
    mails_waiting=2,
)


def values(facts: RunFacts) -> dict[str, float]:
    return {metric.name: metric.value for metric in metrics_of_run(facts)}


def test_everything_known_is_told_with_its_unit() -> None:
    assert values(ALL) == {
        "SignalGenerationTime": 31.5,
        "SignalsGenerated": 3.0,
        "MLConfidence": (0.9 * 30 + 0.6 * 10) / 40,
        "MemoryUsed": 410.0,
        "ErrorRate": 25.0,
        "ConsecutiveEmptyRuns": 0.0,
        "QuotaLeft": 38.0,
        "NewestHeadlineAge": 720.0,
        "MailsWaiting": 2.0,
    }
    units = {metric.name: metric.unit for metric in metrics_of_run(ALL)}
    assert (units["SignalGenerationTime"], units["MemoryUsed"], units["ErrorRate"]) == (
        "Seconds",
        "Megabytes",
        "Percent",
    )


def test_what_is_not_known_is_left_out_and_a_whole_run_beats() -> None:
    assert values(FACTS) == {
        "SignalGenerationTime": 31.5,
        "MemoryUsed": 410.0,
        "ErrorRate": 0.0,
        "Heartbeat": 1.0,
    }


@given(steps=st.integers(0, 9), feeds=st.integers(0, 9), data=st.data())
def test_the_error_rate_is_a_percentage_that_grows_with_failures(steps: int, feeds: int, data: st.DataObject) -> None:
    failed = data.draw(st.integers(0, steps)), data.draw(st.integers(0, feeds))
    facts = RunFacts(1, 1, steps, failed[0], feeds, failed[1])
    assert 0 <= facts.error_rate <= 100
    assert (facts.error_rate == 0) == (steps > 0 and failed == (0, 0))
    assert ("Heartbeat" in values(facts)) == (steps > 0 and failed[0] == 0)


@given(st.lists(st.integers(0, 2)))
def test_the_streak_counts_back_from_the_newest(counts: list[int]) -> None:
    streak = empty_streak(counts)
    assert not any(counts[:streak])
    assert streak == len(counts) or counts[streak] > 0


def test_a_dead_run_is_a_whole_error_and_the_watch_beats_only_when_the_digest_is_there() -> None:
    assert [(each.name, each.value) for each in metrics_of_failed_run()] == [("ErrorRate", 100.0)]
    assert [(each.name, each.value) for each in waiting_metric(3)] == [("MailsWaiting", 3.0)]
    assert [each.value for present in (True, False) for each in heartbeat_metric(digest_present=present)] == [1.0, 0.0]


def test_every_kind_says_what_it_means_once() -> None:
    assert len({kind.name for kind in KINDS}) == len(KINDS) == 10
    assert all(kind.meaning for kind in KINDS)
