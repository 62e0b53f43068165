"""Retention of Dagster's own records: old runs that hold no partition's newest materialisation may be deleted."""

from datetime import datetime

import dagster as dg

QUERY_IDS = 500  # ids per query; SQLite takes 999 parameters at most in older versions
ENDED_STATUSES = [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]


def old_runs(instance: dg.DagsterInstance, before: datetime) -> tuple[str, ...]:
    """Ids of ended runs that were created before an instant and may be deleted.

    Deleting a run deletes its events, so a run stays as long as it is the newest that materialised some window: the UI
    shows the window by it.
    """
    records = instance.get_run_records(dg.RunsFilter(statuses=ENDED_STATUSES, created_before=before))
    needed = _needed(instance)
    return tuple(record.dagster_run.run_id for record in records if record.dagster_run.run_id not in needed)


def remove_runs(instance: dg.DagsterInstance, run_ids: tuple[str, ...]) -> None:
    """Delete runs and their events."""
    for run_id in run_ids:
        instance.delete_run(run_id)


def _needed(instance: dg.DagsterInstance) -> set[str]:
    """Ids of the runs that hold the newest materialisation of a partition of an asset."""
    storage = instance.event_log_storage
    run_ids: set[str] = set()
    for key in instance.all_asset_keys():
        newest_by_partition = storage.get_latest_storage_id_by_partition(key, dg.DagsterEventType.ASSET_MATERIALIZATION)
        storage_ids = list(newest_by_partition.values())
        for first in range(0, len(storage_ids), QUERY_IDS):
            chunk = storage_ids[first : first + QUERY_IDS]
            ids_filter = dg.AssetRecordsFilter(asset_key=key, storage_ids=chunk)
            records = instance.fetch_materializations(ids_filter, limit=len(chunk)).records
            run_ids.update(record.run_id for record in records)
    return run_ids
