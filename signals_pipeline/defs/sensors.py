"""Sensors of runs and of the outbox: the mail that a digest has failed, and retries of mails that wait.

Alerts to the operators are in `alerts`; the sending itself is in `dispatch`.
"""

from collections.abc import Iterator, Mapping

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from signals_pipeline.core.digest.delivery import MAX_ATTEMPTS
from signals_pipeline.core.windows import Window, newest_complete, window_for_key
from signals_pipeline.defs.dispatch import Mailing, send_due
from signals_pipeline.defs.jobs import DIGEST_JOB
from signals_pipeline.defs.leases import leasing_executor
from signals_pipeline.defs.partitions import MODE_TAG, PARTITION_TAG, RANGE_END_TAG
from signals_pipeline.defs.resources import Store

RETRIED_TAG = "dagster/will_retry"
_UNSUCCESSFUL = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
# Exceptions whose messages are written in this package and may be shown to readers.
_OWN_EXCEPTIONS = ("signals_pipeline.", "dagster._core.definitions.events.Failure")

DELIVERY_JOB = dg.define_asset_job(
    "delivery_job",
    selection=dg.AssetSelection.assets("delivery"),
    executor_def=leasing_executor,
    description="Sends the mails in the outbox that are due, and runs no other stage.",
)


@dg.run_failure_sensor(
    monitored_jobs=[DIGEST_JOB],
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Mails the readers when a live window has no digest, with the reason.",
)
def digest_failed(
    context: dg.RunFailureSensorContext, store: dg.ResourceParam[Store], mailing: dg.ResourceParam[Mailing]
) -> dg.SkipReason | None:
    """Send one mail per window and recipient when a live run ends without a digest and Dagster does not retry it."""
    window = failed_live_window(context.dagster_run.tags)
    if window is None:
        return dg.SkipReason("not a live run, or Dagster retries it")
    reason = failure_reason(context)
    added = store.outbox.announce_failure(
        window, mailing.mail_recipients(window, "failed"), detail=reason, now=mailing.now()
    )
    if not added:
        return dg.SkipReason(f"window {window.key} has a digest, or there are no recipients, or they have got the mail")
    for problem in send_due(store, mailing, (window,)).problems:
        context.log.warning(problem)
    return None


@dg.sensor(
    job=DELIVERY_JOB,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Retries mails that a server did not accept, and sends those that a failed run left in the outbox.",
)
def delivery_retry(
    context: dg.SensorEvaluationContext,
    store: dg.ResourceParam[Store],
    mailing: dg.ResourceParam[Mailing],
) -> dg.RunRequest | dg.SkipReason:
    """Request one run per attempt for the mails that are due, and another one if that run failed."""
    now = mailing.now()
    due = [mail for mail in store.outbox.due(now) if mail.attempts or failed_in_delivery(context.instance, mail.window)]
    if not due:
        return dg.SkipReason("no mail is due for another attempt")

    # Dagster launches a run key once: it names the mails with their attempts, and the runs that have failed so far.
    attempts = sum(MAX_ATTEMPTS * mail.id + mail.attempts for mail in due)
    newest = newest_complete(now)
    unsuccessful = dg.RunsFilter(job_name=DELIVERY_JOB.name, tags={PARTITION_TAG: newest.key}, statuses=_UNSUCCESSFUL)
    run_key = f"{newest.key}/{attempts}/{context.instance.get_runs_count(unsuccessful)}"
    return dg.RunRequest(run_key=run_key, partition_key=newest.key, tags={MODE_TAG: "live"})


def failed_in_delivery(instance: dg.DagsterInstance, window: Window) -> bool:
    """Whether the newest run of a window failed after it had started to send its mails.

    Such mails have passed the checks, and nothing else sends them. A run that still goes on sends them itself; one that
    failed earlier may have found the digest unfit; and whoever cancels a run does not want its mails either.
    """
    records: list[dg.RunRecord] = []
    for tag in (PARTITION_TAG, RANGE_END_TAG):
        runs_of_window = dg.RunsFilter(job_name=DIGEST_JOB.name, tags={tag: window.key})
        records += instance.get_run_records(runs_of_window, limit=1)
    if not records:
        return False
    run = max(records, key=lambda record: record.create_timestamp).dagster_run
    if run.status is not dg.DagsterRunStatus.FAILURE or run.tags.get(RETRIED_TAG) == "true":
        return False
    return any(step.start_time for step in instance.get_run_step_stats(run.run_id, ["delivery"]))


def failed_live_window(tags: Mapping[str, str]) -> Window | None:
    """The live window of a failed run; None if the run was not live, or Dagster retries it."""
    key = tags.get(RANGE_END_TAG) or tags.get(PARTITION_TAG)
    if tags.get(MODE_TAG) != "live" or tags.get(RETRIED_TAG) == "true" or key is None:
        return None
    return window_for_key(key)


def failure_reason(context: dg.RunFailureSensorContext) -> str:
    """Which stage of a run failed and why, for readers.

    Only messages written in this package are shown: those of libraries may hold addresses or keys.
    """
    for event in context.get_step_failure_events():
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
