"""Digest windows as Dagster partitions, and what a run is to them: live, catch-up, backfill or by hand."""

from collections.abc import Mapping

import dagster as dg

from signals_pipeline.adapters.stores.tables import Mode
from signals_pipeline.core.windows import DIGEST_CRON, KEY_FORMAT, Window, window_for_key

FIRST_WINDOW = "2015-01-02-08:30"
MODE_TAG = "signals/mode"
DEPLOYMENT_TAG = "signals/deployment"
BACKFILL_TAG = "dagster/backfill"
PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"


def digest_windows(first: str = FIRST_WINDOW, end: str | None = None) -> dg.TimeWindowPartitionsDefinition:
    """Windows from 08:30 and 17:30 New York, weekdays; the key is the window's start, `end` is exclusive."""
    return dg.TimeWindowPartitionsDefinition(
        cron_schedule=DIGEST_CRON, timezone="America/New_York", fmt=KEY_FORMAT, start=first, end=end
    )


DIGEST_WINDOWS = digest_windows()
PREVIOUS_WINDOW = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)


def windows_of(context: dg.AssetExecutionContext) -> tuple[Window, ...]:
    """The windows of this run, oldest first; a backfill is one run over many."""
    return tuple(sorted(window_for_key(key) for key in context.partition_keys))


def mailable(context: dg.AssetExecutionContext, windows: tuple[Window, ...]) -> tuple[Window, ...] | None:
    """Whose waiting mails a run may send: every window's (None) in a live run, its own by hand, nobody's in a backfill.

    Raises:
        Failure: as `modes_of`.
    """
    modes = set(modes_of(context, windows).values())
    return None if "live" in modes else tuple(window for window in windows if "manual" in modes)


def said_mode(tags: Mapping[str, str]) -> str:
    """What a run's tags say that it is; one launched from the UI has no mode and is a backfill or by hand."""
    ranged = BACKFILL_TAG in tags or RANGE_START_TAG in tags
    return tags.get(MODE_TAG, "backfill" if ranged else "manual")


def modes_of(
    context: dg.AssetExecutionContext, windows: tuple[Window, ...], *, overridden: bool = False
) -> dict[Window, Mode]:
    """What each window's run is: only the newest window of a scheduled run is `live`, the rest heal what was missed.

    The run's own tags say what it is. One whose knobs are overridden is by hand whatever they say: its signals are not
    those that the deployment makes.

    Raises:
        Failure: the tag holds anything but live, backfill or manual.
    """
    said = said_mode(context.run.tags)
    match "manual" if overridden and said in {"live", "backfill"} else said:
        case "live":
            return {window: "live" if window == windows[-1] else "catch_up" for window in windows}
        case "backfill":
            return dict.fromkeys(windows, "backfill")
        case "manual":
            return dict.fromkeys(windows, "manual")
        case unknown:
            raise dg.Failure(f"tag {MODE_TAG}={unknown!r}: a run is live, backfill or manual; correct the tag")
