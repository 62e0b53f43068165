"""Sensors of runs and of the outbox: the mail that a digest has failed, and runs for the mails that wait.

Alerts to the operators are in `alerts`; the sending itself is in `dispatch`.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from signals_pipeline.core.digest.delivery import CLAIM_LASTS, MAX_ATTEMPTS, Mail, retry_delay
from signals_pipeline.core.windows import Window, newest_complete, window_for_key
from signals_pipeline.defs.dispatch import Mailing, send_due
from signals_pipeline.defs.failed_runs import LOOK_SECONDS, handle_failed_runs, step_failures
from signals_pipeline.defs.jobs import DIGEST_JOB, NEWEST_PRESENT
from signals_pipeline.defs.leases import leasing_executor
from signals_pipeline.defs.partitions import MODE_TAG, PARTITION_TAG, RANGE_END_TAG
from signals_pipeline.defs.resources import Store

RETRIED_TAG = "dagster/will_retry"
ATTEMPTS_TAG = (
    "signals/attempts"  # of runs that the sensor requests: which mails they are for, and after which attempts
)
_UNSUCCESSFUL = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
# Exceptions whose messages are written in this package and may be shown to readers.
_OWN_EXCEPTIONS = ("signals_pipeline.", "dagster._core.definitions.events.Failure")

DELIVERY_JOB = dg.define_asset_job(
    "delivery_job",
    selection=dg.AssetSelection.assets("delivery"),
    executor_def=leasing_executor,
    description="Sends the mails in the outbox that are due, and runs no other stage.",
)

CHECKED_DELIVERY_JOB = dg.define_asset_job(
    "checked_delivery_job",
    selection=dg.AssetSelection.assets("delivery")
    | (dg.AssetSelection.all_asset_checks() - dg.AssetSelection.checks(NEWEST_PRESENT)),
    executor_def=leasing_executor,
    description="Finishes a window whose run ended between its digest and its mails: checks it, and sends them.",
)


@dg.sensor(
    minimum_interval_seconds=LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Mails the readers when a live window has no digest, with the reason.",
)
def digest_failed(
    context: dg.SensorEvaluationContext, store: dg.ResourceParam[Store], mailing: dg.ResourceParam[Mailing]
) -> dg.SkipReason:
    """Send one mail per window and recipient when a live run ends without a digest and Dagster does not retry it."""

    def announce(run: dg.DagsterRun) -> bool:
        window = failed_live_window(run.tags)
        # Of a window that ended too long ago for a mail, the operators hear by the failed run.
        if window is None or mailing.is_too_late(window):
            return True
        reason = failure_reason(context.instance, run)
        recipients = mailing.mail_recipients(store, window, "failed")
        if store.outbox.announce_failure(window, recipients, detail=reason, now=mailing.now()):
            # What is not sent now is in the outbox, and is tried again as every mail there.
            for problem in send_due(store, mailing, (window,)).problems:
                context.log.warning(problem)
        return True

    return handle_failed_runs(context, announce, job_name=DIGEST_JOB.name)


@dg.sensor(
    jobs=[DELIVERY_JOB, CHECKED_DELIVERY_JOB],
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Sends the mails that no run sends: to be retried, released, or left behind by a run that ended early.",
)
def delivery_retry(
    context: dg.SensorEvaluationContext,
    store: dg.ResourceParam[Store],
    mailing: dg.ResourceParam[Mailing],
) -> dg.RunRequest | dg.SkipReason:
    """Request one run per attempt for the mails that wait, and after a run that failed another one with backoff."""
    now = mailing.now()
    waiting = store.outbox.open()
    due = [mail for mail in waiting if mail.is_due(now)]
    unchecked = [mail for mail in waiting if mail.is_left_unchecked(now)]
    # Due mails go first: a window that can't be checked keeps no other window's mails.
    for job, mails in ((DELIVERY_JOB, due), (CHECKED_DELIVERY_JOB, unchecked)):
        request = _request(context.instance, job.name, mails, now)
        if request is not None:
            return request
    return dg.SkipReason("no mail is due, or a run for it has failed and is retried with backoff")


def _request(instance: dg.DagsterInstance, job_name: str, mails: Sequence[Mail], now: datetime) -> dg.RunRequest | None:
    """Request a run of a job for these mails; None without mails, and while a failed run for them backs off."""
    if not mails:
        return None
    # Names the mails with their attempts: a run that attempted any of them was not in vain, even if it failed.
    attempts = str(sum(MAX_ATTEMPTS * mail.id + mail.attempts for mail in mails))
    failures, failed_at = _failed_runs(instance, job_name, attempts)
    if failed_at is not None and timedelta() <= now - failed_at < retry_delay(failures):
        return None

    # Only the newest complete window is young enough to be left unchecked; a delivery run sends the mails of all.
    newest = newest_complete(now)
    # Dagster launches a run key once. It changes with the time: a run that never came to its mails can't keep them.
    period = int(now.timestamp() / CLAIM_LASTS.total_seconds())
    return dg.RunRequest(
        run_key=f"{job_name}/{newest.key}/{attempts}/{failures}/{period}",
        job_name=job_name,
        partition_key=newest.key,
        tags={MODE_TAG: "live", ATTEMPTS_TAG: attempts},
    )


def _failed_runs(instance: dg.DagsterInstance, job_name: str, attempts: str) -> tuple[int, datetime | None]:
    """How many runs of a job for the same attempts have failed, and when the last one did; None where none has."""
    unsuccessful = dg.RunsFilter(job_name=job_name, tags={ATTEMPTS_TAG: attempts}, statuses=_UNSUCCESSFUL)
    records = instance.get_run_records(unsuccessful)
    if not records:
        return 0, None
    return len(records), max(record.update_timestamp for record in records)


def failed_live_window(tags: Mapping[str, str]) -> Window | None:
    """The live window of a failed run; None if the run was not live, or Dagster retries it."""
    key = tags.get(RANGE_END_TAG) or tags.get(PARTITION_TAG)
    if tags.get(MODE_TAG) != "live" or tags.get(RETRIED_TAG) == "true" or key is None:
        return None
    return window_for_key(key)


def failure_reason(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """Which stage of a run failed and why, for readers.

    Only messages written in this package are shown: those of libraries may hold addresses or keys.
    """
    for event in step_failures(instance, run):
        # The causes come last: the first message of our own is the one nearest to the stage.
        messages = list(_messages(event.step_failure_data.error))
        for message in messages:
            exception, _, text = message.partition(": ")
            if exception.startswith(_OWN_EXCEPTIONS):
                return f"Stage {event.step_key}: {text}"
        exception = messages[-1].partition(":")[0] if messages else "without a name"
        return f"Stage {event.step_key}: an unexpected error ({exception}); see the run's log"
    return "The run ended without an error message: the machine stopped it, or it ran out of memory."


def _messages(error: SerializableErrorInfo | None) -> Iterator[str]:
    """Messages of an error and its causes, each as `Exception: text`."""
    while error is not None:
        yield error.message.strip()
        error = error.cause
