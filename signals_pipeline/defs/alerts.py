"""What the operator is told by mail: runs that failed, a digest that stays away, windows in a row without a signal.

A notice is handed to the mail server at once and is in no outbox: an operator who gets one twice loses nothing.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import dagster as dg

from signals_pipeline.adapters.mail.envelope import Envelope
from signals_pipeline.adapters.stores.signals import signal_counts
from signals_pipeline.core.checks.metrics import empty_streak
from signals_pipeline.core.digest.delivery import NotSent, Unanswered, message_id
from signals_pipeline.core.windows import newest_complete
from signals_pipeline.defs.checks import newest_present
from signals_pipeline.defs.dispatch import Mailing
from signals_pipeline.defs.metrics import STREAK_WINDOWS
from signals_pipeline.defs.partitions import MODE_TAG, PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG
from signals_pipeline.defs.resources import Store
from signals_pipeline.defs.sensors import RETRIED_TAG, failure_reason

EVERY_SECONDS = 600


@dataclass(frozen=True, slots=True)
class Notice:
    """A mail to the operator.

    Attributes:
        about: What tells it from others, such as a run's id; part of its Message-ID.
        subject: Its subject.
        lines: Its text.
    """

    about: str
    subject: str
    lines: Sequence[str]


def tell(mailing: Mailing, notice: Notice) -> list[str]:
    """Hand a notice to each operator; what went wrong, one line a mail."""
    from signals_pipeline.adapters.mail import message  # noqa: PLC0415 - brings the template engine, which no import needs

    problems = []
    for operator in mailing.operators:
        name = message_id("notice", notice.about, operator, mailing.domain)
        envelope = Envelope(mailing.sender, operator, name, mailing.now())
        try:
            with mailing.transport.offer(mailing.address, operator) as conversation:
                conversation.hand_over(message.notice_message(notice.subject, notice.lines, envelope))
        except (NotSent, Unanswered) as problem:
            problems.append(f"notice {notice.subject!r} may not have reached an operator: {problem}")
    return problems


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Mails the operator that a run failed, whatever its job, and why.",
)
def operator_told(context: dg.RunFailureSensorContext, mailing: dg.ResourceParam[Mailing]) -> dg.SkipReason | None:
    """One notice a run that failed and is not retried by itself."""
    run = context.dagster_run
    if not mailing.operators or run.tags.get(RETRIED_TAG) == "true":
        return dg.SkipReason("nobody to tell (OPERATOR_RECIPIENTS), or Dagster tries the run again by itself")
    windows, mode = windows_named(run.tags), run.tags.get(MODE_TAG, "launched by hand")
    notice = Notice(
        run.run_id,
        f"Run failed: {run.job_name}{f', {windows}' if windows else ''}",
        [
            failure_reason(context),
            f"Run {run.run_id} of {run.job_name}, {mode}, windows: {windows or 'none'}.",
            "Dagster UI > Runs shows its log. A live window that is missed is healed by the next scheduled run;",
            "to heal it now: Re-execute from failure, or `signals run --window KEY`.",
        ],
    )
    for problem in tell(mailing, notice):
        context.log.error(problem)
    return None


def windows_named(tags: Mapping[str, str]) -> str:
    """The windows of a run by its tags: a key, `first to last`, or nothing."""
    first = tags.get(RANGE_START_TAG) or tags.get(PARTITION_TAG, "")
    last = tags.get(RANGE_END_TAG, first)
    return first if first == last else f"{first} to {last}"


def silence_sensor(*, quiet_runs: int) -> dg.SensorDefinition:
    """A sensor that tells the operator of silence, once each time that it begins.

    It counts windows, not hours: a weekend or a holiday is no silence.

    Args:
        quiet_runs: Windows in a row without a signal from which silence is told; 0: never.
    """

    @dg.sensor(
        name="silence",
        minimum_interval_seconds=EVERY_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Mails the operator when {quiet_runs} windows in a row gave no signal, or a digest stays away.",
    )
    def silence(
        context: dg.SensorEvaluationContext, store: dg.ResourceParam[Store], mailing: dg.ResourceParam[Mailing]
    ) -> dg.SkipReason:
        told: dict[str, bool] = json.loads(context.cursor or "{}")
        now_silent = {notice.about.partition("/")[0]: notice for notice in silent(store, mailing, quiet_runs)}
        for kind, notice in now_silent.items():
            if not told.get(kind):
                problems = tell(mailing, notice)
                told[kind] = len(problems) < max(len(mailing.operators), 1)  # where no server took it: again next time
                for problem in problems:
                    context.log.error(problem)
        context.update_cursor(json.dumps({kind: told[kind] for kind in now_silent}))
        return dg.SkipReason("; ".join(each.subject for each in now_silent.values()) or "no silence")

    return silence


def silent(store: Store, mailing: Mailing, quiet_runs: int) -> list[Notice]:
    """The silences that there are now."""
    now = mailing.now()
    newest = newest_complete(now)
    found = []
    streak = empty_streak(signal_counts(store.engine, newest, STREAK_WINDOWS))
    if quiet_runs and streak >= quiet_runs:
        found.append(
            Notice(
                f"quiet/{newest.key}",
                f"Quiet: {streak} windows in a row without a signal",
                [
                    f"The newest {streak} windows up to {newest.key} kept no signal (QUIET_RUNS_ALERT={quiet_runs}).",
                    "Look at the funnel of `signals` and at `headlines` in the Dagster UI: which gate is left empty,",
                    "and did every feed deliver? `signals doctor` looks at the sources.",
                ],
            )
        )
    present, said = newest_present(store, now)
    if not present and store.digests.list(limit=1):
        found.append(
            Notice(
                f"missing/{newest.key}",
                "Missing: the newest digest is not there",
                [
                    f"{said[0].upper()}{said[1:]}.",
                    "Is the daemon running and `digest_schedule` on? See Runs and Automation.",
                ],
            )
        )
    return found
