"""What watches runs and the outbox: the mail that says that there is no digest, and another try for mails that wait."""

from collections.abc import Iterator, Mapping

import dagster as dg
from dagster_shared.error import SerializableErrorInfo

from signals_pipeline.core.digest.delivery import MAX_ATTEMPTS
from signals_pipeline.core.windows import Window, newest_complete, window_for_key
from signals_pipeline.defs.dispatch import Mailing, send_due
from signals_pipeline.defs.jobs import DIGEST_JOB
from signals_pipeline.defs.partitions import MODE_TAG, PARTITION_TAG, RANGE_END_TAG
from signals_pipeline.defs.resources import Store

RETRIED_TAG = "dagster/will_retry"
_BROKEN = [dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED]
_OURS = ("signals_pipeline.", "dagster._core.definitions.events.Failure")  # whose messages are written here

DELIVERY_JOB = dg.define_asset_job(
    "delivery_job",
    selection=dg.AssetSelection.assets("delivery"),
    executor_def=dg.in_process_executor,
    description="Only the mails that wait in the outbox and are due.",
)


@dg.run_failure_sensor(
    monitored_jobs=[DIGEST_JOB],
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Mails the readers that a live window has no digest, and why.",
)
def digest_failed(
    context: dg.RunFailureSensorContext, store: dg.ResourceParam[Store], mailing: dg.ResourceParam[Mailing]
) -> dg.SkipReason | None:
    """One mail a window and recipient, for a live run that ended without a digest and is not retried by itself."""
    window = announced_window(context.dagster_run.tags)
    if window is None:
        return dg.SkipReason("not a live run, or one that is retried")
    reason = failure_reason(context)
    added = store.outbox.announce_failure(window, mailing.addressed(window, "failed"), detail=reason, now=mailing.now())
    if not added:
        return dg.SkipReason(f"window {window.key}: it has a digest, nobody to tell, or they were told")
    for problem in send_due(store, mailing, (window,)).problems:
        context.log.warning(problem)
    return None


@dg.sensor(
    job=DELIVERY_JOB,
    minimum_interval_seconds=60,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Tries again what a server did not take, and what a run that broke left, while its window is recent.",
)
def delivery_retry(
    context: dg.SensorEvaluationContext,
    store: dg.ResourceParam[Store],
    mailing: dg.ResourceParam[Mailing],
) -> dg.RunRequest | dg.SkipReason:
    """One run for the mails whose next attempt is due, asked for once an attempt; again where that run broke."""
    now = mailing.now()
    due = [mail for mail in store.outbox.due(now) if mail.attempts or left_behind(context.instance, mail.window)]
    if not due:
        return dg.SkipReason("no mail waits for another attempt")
    asked = sum(MAX_ATTEMPTS * mail.id + mail.attempts for mail in due)
    newest = newest_complete(now)
    ours = dg.RunsFilter(job_name=DELIVERY_JOB.name, tags={PARTITION_TAG: newest.key}, statuses=_BROKEN)
    key = f"{newest.key}/{asked}/{context.instance.get_runs_count(ours)}"
    return dg.RunRequest(run_key=key, partition_key=newest.key, tags={MODE_TAG: "live"})


def left_behind(instance: dg.DagsterInstance, window: Window) -> bool:
    """Whether the newest run of a window came as far as its mails and broke there.

    Then no check holds them back, and nobody else sends them. A run that goes on still sends them itself, and one that
    did not come so far may have found the digest unfit. Who cancels a run means its mails, too.
    """
    filters = [
        dg.RunsFilter(job_name=DIGEST_JOB.name, tags={tag: window.key}) for tag in (PARTITION_TAG, RANGE_END_TAG)
    ]
    records = [record for each in filters for record in instance.get_run_records(each, limit=1)]
    if not records:
        return False
    run = max(records, key=lambda record: record.create_timestamp).dagster_run
    broke = run.status is dg.DagsterRunStatus.FAILURE and run.tags.get(RETRIED_TAG) != "true"
    return broke and any(step.start_time for step in instance.get_run_step_stats(run.run_id, ["delivery"]))


def announced_window(tags: Mapping[str, str]) -> Window | None:
    """The live window of a run that failed; None where it was not live, or Dagster tries it again by itself."""
    key = tags.get(RANGE_END_TAG) or tags.get(PARTITION_TAG)
    if tags.get(MODE_TAG) != "live" or tags.get(RETRIED_TAG) == "true" or key is None:
        return None
    return window_for_key(key)


def failure_reason(context: dg.RunFailureSensorContext) -> str:
    """Which stage failed and why, in our own words: what a library says may hold what readers must not see."""
    for event in context.get_step_failure_events():
        messages = list(_messages(event.step_failure_data.error))
        for message in messages:
            kind, _, said = message.partition(": ")
            if kind.startswith(_OURS):
                return f"Stage {event.step_key}: {said}"
        kind = messages[-1].partition(":")[0] if messages else "without a name"
        return f"Stage {event.step_key}: an unforeseen error ({kind}); the run tells more"
    return "The run ended without a word: the machine stopped it, or it ran out of memory."


def _messages(error: SerializableErrorInfo | None) -> Iterator[str]:
    """What an error and its causes said, `Kind: words` each."""
    while error is not None:
        yield error.message.strip()
        error = error.cause
