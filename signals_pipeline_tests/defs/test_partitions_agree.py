"""The windows of `core` are the partitions that Dagster makes of the same cron expression."""

from datetime import UTC, datetime, timedelta

import dagster as dg

from signals_pipeline.core.windows import DIGEST_CRON, KEY_FORMAT, window_for_key, windows_between

FIRST, LAST = datetime(2013, 1, 1, 12, tzinfo=UTC), datetime(2028, 1, 1, 12, tzinfo=UTC)
PARTITIONS = dg.TimeWindowPartitionsDefinition(
    cron_schedule=DIGEST_CRON, timezone="America/New_York", fmt=KEY_FORMAT, start="2013-01-01-08:30"
)


def test_the_expression_is_the_one_that_the_comparison_is_about() -> None:
    assert (DIGEST_CRON, KEY_FORMAT) == ("30 8,17 * * 1-5", "%Y-%m-%d-%H:%M")


def test_fifteen_years_have_the_same_keys() -> None:
    windows = windows_between(FIRST, LAST)
    keys = PARTITIONS.get_partition_keys(current_time=windows[-1].end)
    assert keys == [window.key for window in windows]
    assert [window_for_key(key) for key in keys] == list(windows)


def test_spans_agree_at_every_clock_change_and_through_the_years() -> None:
    windows = windows_between(FIRST, LAST)
    changes = [window for window in windows if (window.end - window.start) / timedelta(hours=1) in {62, 64}]
    assert len(changes) == 30
    for window in (*changes, *windows[::97]):
        span = PARTITIONS.time_window_for_partition_key(window.key)
        assert (span.start, span.end) == (window.start, window.end)
