"""Digest windows as Dagster partitions, and the mode of a run over them: live, catch-up, backfill or manual."""

from collections.abc import Callable, Mapping

import dagster as dg

from signals_pipeline.adapters.stores.tables import Mode
from signals_pipeline.core.windows import DIGEST_CRON, KEY_FORMAT, Window, window_for_key

FIRST_WINDOW = "2015-01-02-08:30"  # the first session of the year in which the bundled sample lies

# Tags of a run. Those of this project:
MODE_TAG = "signals/mode"
DEPLOYMENT_TAG = "signals/deployment"
# Dagster's own: the run of the highest priority is the next to leave the queue, and the next in a pool.
PRIORITY_TAG = "dagster/priority"
# Dagster's own, which its UI and its backfills set:
BACKFILL_TAG = "dagster/backfill"
PARTITION_TAG = "dagster/partition"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"

_PRIORITIES = {"live": "10", "manual": "0", "backfill": "-10"}


def mode_tags(mode: str) -> dict[str, str]:
    """Tags of a run in this mode: the mode, and its priority over runs in others."""
    return {MODE_TAG: mode, PRIORITY_TAG: _PRIORITIES[mode]}


def digest_windows(first: str = FIRST_WINDOW, end: str | None = None) -> dg.TimeWindowPartitionsDefinition:
    """Partitions that start at 08:30 and 17:30 New York time on weekdays; the key is the window's start.

    Args:
        first: Key of the first window.
        end: Key of the window after the last one; None for all windows until now.
    """
    return dg.TimeWindowPartitionsDefinition(
        cron_schedule=DIGEST_CRON, timezone="America/New_York", fmt=KEY_FORMAT, start=first, end=end
    )


DIGEST_WINDOWS = digest_windows()
# A window's signals depend on those of the window before it, which may still be active.
PREVIOUS_WINDOW = dg.TimeWindowPartitionMapping(start_offset=-1, end_offset=-1)


def windows_of(context: dg.AssetExecutionContext) -> tuple[Window, ...]:
    """Windows of this run, oldest first; a backfill is one run over many of them."""
    return tuple(sorted(window_for_key(key) for key in context.partition_keys))


def windows_to_mail(context: dg.AssetExecutionContext, windows: tuple[Window, ...]) -> tuple[Window, ...] | None:
    """Windows whose waiting mails a run may send.

    Returns:
        None (all windows) in a live run, the run's own windows in a manual one, none in a backfill.

    Raises:
        Failure: as `modes_of`.
    """
    mode = _checked_mode(context)
    if mode == "live":
        return None
    return windows if mode == "manual" else ()


def first_and_last_key(tags: Mapping[str, str]) -> tuple[str, str]:
    """The keys of a run's first and last window by its tags; both empty for a run without windows."""
    first = tags.get(RANGE_START_TAG) or tags.get(PARTITION_TAG, "")
    return first, tags.get(RANGE_END_TAG, first)


def run_mode(tags: Mapping[str, str]) -> str:
    """Mode of a run by its tags; a run launched from the UI has no mode tag and is a backfill or a manual run."""
    has_range = BACKFILL_TAG in tags or RANGE_START_TAG in tags
    return tags.get(MODE_TAG, "backfill" if has_range else "manual")


def modes_of(
    context: dg.AssetExecutionContext,
    windows: tuple[Window, ...],
    *,
    overridden: bool = False,
    is_too_late: Callable[[Window], bool],
) -> dict[Window, Mode]:
    """Mode of each window of a run: in a live run the newest window is `live`, earlier ones are `catch_up`.

    The newest one is `catch_up` as well where its mails would be too old to be sent: the next digest then reports its
    signals. This is asked once, when the window is decided. The mode is stored with the decision, and the digest has it
    from there.

    Args:
        context: The run's context; its tags hold the run's mode.
        windows: The run's windows, oldest first.
        overridden: Whether the run has other knobs than the deployment. Such a run is `manual` whatever its tags say:
            its signals are not those that the deployment would give.
        is_too_late: Whether the mails of a window would be too old now.

    Raises:
        Failure: the tag holds anything but live, backfill or manual.
    """
    mode = _checked_mode(context)
    if overridden or mode == "manual":
        return dict.fromkeys(windows, "manual")
    if mode == "backfill":
        return dict.fromkeys(windows, "backfill")
    modes: dict[Window, Mode] = dict.fromkeys(windows, "catch_up")
    newest = windows[-1]
    if is_too_late(newest):
        context.log.warning("window %s is run too late for its mails: the next digest reports its signals", newest.key)
    else:
        modes[newest] = "live"
    return modes


def _checked_mode(context: dg.AssetExecutionContext) -> str:
    mode = run_mode(context.run.tags)
    if mode not in {"live", "backfill", "manual"}:
        raise dg.Failure(f"tag {MODE_TAG}={mode!r}: must be live, backfill or manual; correct the tag")
    return mode
