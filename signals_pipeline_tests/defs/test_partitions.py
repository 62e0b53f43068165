"""Windows of a run, and what a run is to each of them."""

from collections.abc import Mapping

import dagster as dg
import pytest

from signals_pipeline.core.windows import Window, window_for_key, windows_between
from signals_pipeline.defs.partitions import (
    BACKFILL_TAG,
    DIGEST_WINDOWS,
    MODE_TAG,
    RANGE_END_TAG,
    RANGE_START_TAG,
    digest_windows,
    modes_of,
    windows_of,
)

# From a Friday over the end of summer time to the Tuesday after it.
WINDOWS = windows_between(window_for_key("2024-11-01-08:30").start, window_for_key("2024-11-05-08:30").start)
SEEN: list[dict[Window, str]] = []
TOO_LATE: set[Window] = set()


@dg.asset(partitions_def=DIGEST_WINDOWS, backfill_policy=dg.BackfillPolicy.single_run())
def looked_at(context: dg.AssetExecutionContext) -> None:
    """Keeps what the two functions say inside a real run."""
    SEEN.append({**modes_of(context, windows_of(context), is_too_late=TOO_LATE.__contains__)})


@pytest.fixture(autouse=True)
def _nothing_seen() -> None:
    SEEN.clear()
    TOO_LATE.clear()


def ran(tags: Mapping[str, str], key: str | None = None) -> dict[Window, str]:
    assert dg.materialize([looked_at], partition_key=key, tags=dict(tags)).success
    return SEEN.pop()


def over(windows: tuple[Window, ...], **tags: str) -> dict[str, str]:
    named = {"mode": MODE_TAG, "backfill": BACKFILL_TAG}
    extra = {named[name]: value for name, value in tags.items()}
    return {RANGE_START_TAG: windows[0].key, RANGE_END_TAG: windows[-1].key, **extra}


def test_a_range_run_has_all_its_windows_oldest_first() -> None:
    assert list(ran(over(WINDOWS))) == list(WINDOWS)
    assert list(ran({}, WINDOWS[2].key)) == [WINDOWS[2]]


def test_only_the_newest_window_of_a_scheduled_run_is_live() -> None:
    assert list(ran(over(WINDOWS[:3], mode="live")).values()) == ["catch_up", "catch_up", "live"]
    assert ran({MODE_TAG: "live"}, WINDOWS[0].key) == {WINDOWS[0]: "live"}


def test_a_scheduled_run_that_is_too_late_for_mails_only_catches_up() -> None:
    TOO_LATE.update(WINDOWS)
    assert list(ran(over(WINDOWS[:3], mode="live")).values()) == ["catch_up"] * 3
    assert ran({MODE_TAG: "live"}, WINDOWS[0].key) == {WINDOWS[0]: "catch_up"}
    assert ran({}, WINDOWS[0].key) == {WINDOWS[0]: "manual"}


def test_a_run_from_the_ui_is_by_hand_and_a_backfill_is_one() -> None:
    assert ran({}, WINDOWS[0].key) == {WINDOWS[0]: "manual"}
    assert ran({BACKFILL_TAG: "abcdefgh"}, WINDOWS[0].key) == {WINDOWS[0]: "backfill"}
    assert set(ran(over(WINDOWS)).values()) == {"backfill"}
    assert set(ran(over(WINDOWS, backfill="abcdefgh")).values()) == {"backfill"}


@pytest.mark.parametrize("mode", ["manual", "backfill"])
def test_what_a_run_says_of_itself_wins_over_how_it_was_launched(mode: str) -> None:
    assert set(ran(over(WINDOWS[:2], mode=mode)).values()) == {mode}
    assert set(ran(over(WINDOWS[:1], mode=mode)).values()) == {mode}


@pytest.mark.parametrize("mode", ["Live", "catch_up", ""])
def test_a_mode_that_no_run_has_is_refused_in_one_line(mode: str) -> None:
    with pytest.raises(dg.Failure) as refused:
        dg.materialize([looked_at], partition_key=WINDOWS[0].key, tags={MODE_TAG: mode})
    assert refused.value.description == (
        f"tag signals/mode={mode!r}: must be live, backfill or manual; correct the tag"
    )
    assert SEEN == []


def test_windows_may_begin_late_and_end_early() -> None:
    keys = digest_windows(WINDOWS[1].key, WINDOWS[3].key).get_partition_keys()
    assert keys == [window.key for window in WINDOWS[1:3]]
