"""Dagster's own records that may be thrown away with age: runs that no partition's newest materialisation rests on."""

from datetime import datetime

import dagster as dg

ENDED = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def old_runs(instance: dg.DagsterInstance, before: datetime) -> tuple[str, ...]:
    """Ids of runs that ended and were made before the instant, but for those that hold what the UI shows of a window.

    Deleting a run deletes its events: a run stays as long as it is the newest that materialised some window.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=ENDED, created_before=before))
    needed = _needed(instance)
    return tuple(record.dagster_run.run_id for record in records if record.dagster_run.run_id not in needed)


def remove_runs(instance: dg.DagsterInstance, run_ids: tuple[str, ...]) -> None:
    """Delete runs with their events."""
    for run_id in run_ids:
        instance.delete_run(run_id)


def _needed(instance: dg.DagsterInstance) -> set[str]:
    storage, kind = instance.event_log_storage, dg.DagsterEventType.ASSET_MATERIALIZATION
    found: set[str] = set()
    for key in instance.all_asset_keys():
        newest = list(storage.get_latest_storage_id_by_partition(key, kind).values())
        for at in range(0, len(newest), 500):
            some = newest[at : at + 500]
            wanted = dg.AssetRecordsFilter(asset_key=key, storage_ids=some)
            found |= {record.run_id for record in instance.fetch_materializations(wanted, limit=len(some)).records}
    return found
