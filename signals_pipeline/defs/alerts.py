"""Operator alerts by mail: failed runs, an overdue digest, a streak of windows without a signal.

An alert is handed to the mail server at once and is not in the outbox: one that arrives twice does no harm. Mails to
readers are in `sensors` and `dispatch`.
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

INTERVAL_SECONDS = 600  # often enough for windows that end twice a day


@dataclass(frozen=True, slots=True)
class Alert:
    """A mail to the operators.

    Attributes:
        key: Identifies the alert, such as a run's id; part of its Message-ID.
        subject: Subject of the mail.
        lines: Text of the mail.
    """

    key: str
    subject: str
    lines: Sequence[str]


def send_alert(mailing: Mailing, alert: Alert) -> list[str]:
    """Mail an alert to each operator.

    Returns:
        One line per mail that may not have arrived.
    """
    from signals_pipeline.adapters.mail import message  # noqa: PLC0415 - loads the template engine, which most processes never need

    problems = []
    for operator in mailing.operators:
        mail_id = message_id("notice", alert.key, operator, mailing.domain)
        envelope = Envelope(mailing.sender, operator, mail_id, mailing.now())
        try:
            with mailing.transport.offer(mailing.address, operator) as conversation:
                conversation.hand_over(message.notice_message(alert.subject, alert.lines, envelope))
        except (NotSent, Unanswered) as problem:
            problems.append(f"alert {alert.subject!r} may not have reached an operator: {problem}")
    return problems


@dg.run_failure_sensor(
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Mails the operators when a run of any job fails, with the reason.",
)
def operator_told(context: dg.RunFailureSensorContext, mailing: dg.ResourceParam[Mailing]) -> dg.SkipReason | None:
    """Send one alert per failed run that Dagster does not retry."""
    run = context.dagster_run
    if not mailing.operators or run.tags.get(RETRIED_TAG) == "true":
        return dg.SkipReason("OPERATOR_RECIPIENTS is empty, or Dagster retries the run")
    windows, mode = windows_named(run.tags), run.tags.get(MODE_TAG, "launched by hand")
    alert = Alert(
        run.run_id,
        f"Run failed: {run.job_name}, {windows}" if windows else f"Run failed: {run.job_name}",
        [
            failure_reason(context),
            f"Run {run.run_id} of {run.job_name}, {mode}, windows: {windows or 'none'}.",
            "Its log is in the Dagster UI under Runs. The next scheduled run also runs live windows that were missed.",
            "To run this one now, choose Re-execute from failure, or use `signals run --window KEY`.",
        ],
    )
    for problem in send_alert(mailing, alert):
        context.log.error(problem)
    return None


def windows_named(tags: Mapping[str, str]) -> str:
    """The windows of a run by its tags: a key, `first to last`, or an empty string."""
    first = tags.get(RANGE_START_TAG) or tags.get(PARTITION_TAG, "")
    last = tags.get(RANGE_END_TAG, first)
    return first if first == last else f"{first} to {last}"


def silence_sensor(*, quiet_runs: int) -> dg.SensorDefinition:
    """A sensor that alerts the operators when signals or digests stop coming, once each time that this begins.

    It counts windows, not hours: a weekend or a holiday raises no alert.

    Args:
        quiet_runs: Number of consecutive windows without a signal that raises an alert; 0 for never.
    """

    @dg.sensor(
        name="silence",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Mails the operators when {quiet_runs} windows in a row had no signal, or a digest is overdue.",
    )
    def silence(
        context: dg.SensorEvaluationContext, store: dg.ResourceParam[Store], mailing: dg.ResourceParam[Mailing]
    ) -> dg.SkipReason:
        # The cursor holds the kinds of silence that last, and whether their alert was sent.
        sent: dict[str, bool] = json.loads(context.cursor or "{}")
        alerts = {alert.key.partition("/")[0]: alert for alert in silence_alerts(store, mailing, quiet_runs)}
        for kind, alert in alerts.items():
            if sent.get(kind):
                continue
            problems = send_alert(mailing, alert)
            # If no operator can have got it, it is sent again at the next evaluation.
            sent[kind] = len(problems) < max(len(mailing.operators), 1)
            for problem in problems:
                context.log.error(problem)
        context.update_cursor(json.dumps({kind: sent[kind] for kind in alerts}))
        return dg.SkipReason("; ".join(alert.subject for alert in alerts.values()) or "signals and digests keep coming")

    return silence


def silence_alerts(store: Store, mailing: Mailing, quiet_runs: int) -> list[Alert]:
    """Alerts for the kinds of silence that there are now: no signals, no digest."""
    now = mailing.now()
    newest = newest_complete(now)
    alerts: list[Alert] = []
    streak = empty_streak(signal_counts(store.engine, newest, STREAK_WINDOWS))
    if quiet_runs and streak >= quiet_runs:
        alerts.append(
            Alert(
                f"quiet/{newest.key}",
                f"No signals: {streak} windows in a row without a signal",
                [
                    f"The newest {streak} windows up to {newest.key} have no signal (QUIET_RUNS_ALERT={quiet_runs}).",
                    "In the Dagster UI, see the funnel of `signals` for the gate that lets nothing through, and",
                    "`headlines` for feeds that delivered nothing. `signals doctor` checks the sources.",
                ],
            )
        )
    present, line = newest_present(store, now)
    if not present and store.digests.list(limit=1):
        alerts.append(
            Alert(
                f"missing/{newest.key}",
                "Digest overdue: the newest digest is missing",
                [
                    f"{line[0].upper()}{line[1:]}.",
                    "Check in the Dagster UI that the daemon is running and `digest_schedule` is on.",
                ],
            )
        )
    return alerts
