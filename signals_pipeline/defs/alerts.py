"""Operator alerts by mail: failed runs, mails that wait for an operator, an overdue digest, windows without a signal.

An alert is handed to the mail server at once and is not in the outbox: one that arrives twice does no harm. Mails to
readers are in `sensors` and `dispatch`.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg

from signals_pipeline.adapters.aws.metrics import write
from signals_pipeline.adapters.mail.envelope import Envelope
from signals_pipeline.adapters.stores.signals import signal_counts
from signals_pipeline.core.checks.metrics import empty_streak, waiting_metric
from signals_pipeline.core.digest.delivery import REPEAT_NOTICE_AFTER, Mail, NotSent, Unanswered, message_id
from signals_pipeline.core.windows import newest_complete
from signals_pipeline.defs.checks import newest_present
from signals_pipeline.defs.dispatch import Mailing
from signals_pipeline.defs.failed_runs import LOOK_SECONDS, handle_failed_runs, step_failures
from signals_pipeline.defs.metrics import STREAK_WINDOWS
from signals_pipeline.defs.partitions import MODE_TAG, first_and_last_key
from signals_pipeline.defs.resources import Store
from signals_pipeline.defs.sensors import RETRIED_TAG, failure_reason

INTERVAL_SECONDS = 600  # often enough for windows that end twice a day
WAITING_INTERVAL_SECONDS = 120  # with the ten minutes of a claim less than NOTIFY_WITHIN
MAXIMUM_LISTED = 50  # mails named in one alert
REPORTED_CAUSE_TAG = "signals/reported_cause"  # of a failed run of which the operators were told


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


@dg.sensor(
    minimum_interval_seconds=LOOK_SECONDS,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Mails the operators when a run of any job fails, with the reason; one cause once in eight hours.",
)
def operator_told(context: dg.SensorEvaluationContext, mailing: dg.ResourceParam[Mailing]) -> dg.SkipReason:
    """Send one alert per failed run that Dagster does not retry, unless the same failure was reported lately."""
    return handle_failed_runs(context, lambda run: _report_failure(context, mailing, run))


def _report_failure(context: dg.SensorEvaluationContext, mailing: Mailing, run: dg.DagsterRun) -> bool:
    """Tell the operators of a failed run; whether there is nothing left to tell them."""
    if not mailing.operators or run.tags.get(RETRIED_TAG) == "true" or REPORTED_CAUSE_TAG in run.tags:
        return True
    cause = failure_cause(context.instance, run)
    if was_reported(context.instance, cause):
        return True
    windows, mode = windows_named(run.tags), run.tags.get(MODE_TAG, "launched by hand")
    alert = Alert(
        run.run_id,
        f"Run failed: {run.job_name}, {windows}" if windows else f"Run failed: {run.job_name}",
        [
            failure_reason(context.instance, run),
            f"Run {run.run_id} of {run.job_name}, {mode}, windows: {windows or 'none'}.",
            "Its log is in the Dagster UI under Runs. The next scheduled run also runs live windows that were missed.",
            "To run this one now, choose Re-execute from failure, or use `signals run --window KEY`.",
            "More than three hours after a window's end, mail its digest with `signals send KEY --release`.",
        ],
    )
    problems = send_alert(mailing, alert)
    for problem in problems:
        context.log.error(problem)
    if len(problems) == len(mailing.operators):
        return False
    context.instance.add_run_tags(run.run_id, {REPORTED_CAUSE_TAG: cause})
    return True


def failure_cause(instance: dg.DagsterInstance, run: dg.DagsterRun) -> str:
    """What failed: the job, its windows, the stage and the class of the exception, as one tag."""
    stage, exception = "", ""
    for event in step_failures(instance, run):
        error = event.step_failure_data.error_source and event.step_failure_data.error
        stage, exception = event.step_key or "", (error.cls_name or "") if error else ""
        break
    return "/".join((run.job_name, windows_named(run.tags), stage, exception))


def was_reported(instance: dg.DagsterInstance, cause: str) -> bool:
    """Whether a run with the same cause was reported within REPEAT_NOTICE_AFTER."""
    # Dagster dates runs by the machine's clock or the database's, whatever clock the mails go by.
    since = datetime.now(UTC) - REPEAT_NOTICE_AFTER
    return bool(instance.get_runs_count(dg.RunsFilter(tags={REPORTED_CAUSE_TAG: cause}, updated_after=since)))


def waiting_sensor(*, stack: str | None) -> dg.SensorDefinition:
    """A sensor that tells the operators of the mails that wait for them, until each is released or abandoned.

    Args:
        stack: Where metrics are written, the name of the stack: its alarm tells the operators, too. None: nowhere.
    """

    @dg.sensor(
        name="mails_waiting",
        minimum_interval_seconds=WAITING_INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Tells the operators which mails wait for them: too old, held by a check, given up, or unknown.",
    )
    def mails_waiting(
        context: dg.SensorEvaluationContext, store: dg.ResourceParam[Store], mailing: dg.ResourceParam[Mailing]
    ) -> dg.SkipReason:
        waiting, problems = report_waiting_mails(store, mailing, has_alarm=stack is not None)
        for problem in problems:
            context.log.error(problem)
        # While mails wait, and once more when none does, which ends the alarm.
        if stack is not None and (waiting or context.cursor):
            write(waiting_metric(waiting), dimensions={"Stack": stack}, at=mailing.now())
        context.update_cursor("waiting" if waiting else "")
        return dg.SkipReason(f"mails that wait for an operator: {waiting}")

    return mails_waiting


def report_waiting_mails(store: Store, mailing: Mailing, *, has_alarm: bool = False) -> tuple[int, list[str]]:
    """Tell the operators of mails that stay where they are until somebody decides.

    Args:
        store: The database with the outbox.
        mailing: How alerts are sent, and to whom.
        has_alarm: Whether an alarm on the number of such mails tells the operators as well.

    Returns:
        How many such mails there are, and one line per alert that may not have arrived.
    """
    now = mailing.now()
    waiting = [mail for mail in store.outbox.open() if mail.needs_operator(now)]
    if any(mail.is_claim_expired(now) for mail in waiting):
        store.outbox.expire_claims(now)
        waiting = [mail for mail in store.outbox.open() if mail.needs_operator(now)]
    unreported = [mail for mail in waiting if mail.needs_notice(now)]
    if not unreported:
        return len(waiting), []
    if not mailing.operators and not has_alarm:
        return len(waiting), ["OPERATOR_RECIPIENTS is empty: nobody is told of the mails that wait for an operator"]

    problems = send_alert(mailing, _waiting_alert(unreported, now))
    # If no operator can have heard of them, the alert is sent again at the next evaluation.
    if has_alarm or len(problems) < len(mailing.operators):
        store.outbox.mark_notified(unreported, now)
    return len(waiting), problems


def _waiting_alert(mails: Sequence[Mail], now: datetime) -> Alert:
    """The alert for mails that wait; the key differs from that of an earlier alert for the same mails."""
    lines = [
        f"Mail {mail.id}, {mail.window_key}, {mail.state}: {mail.explanation(now)}." for mail in mails[:MAXIMUM_LISTED]
    ]
    if len(mails) > MAXIMUM_LISTED:
        lines.append(f"And {len(mails) - MAXIMUM_LISTED} more.")
    return Alert(
        f"mails/{mails[0].id}-{mails[-1].id}/{now:%Y%m%d%H%M}",
        f"Mails wait for you: {len(mails)}",
        [
            *lines,
            "See them with `signals deliveries`; then `signals deliveries release` or `signals deliveries abandon`.",
            "A mail that is `unknown` may have arrived: ask its recipient first.",
            "If a digest reached no reader at all, the next one reports its signals.",
        ],
    )


def windows_named(tags: Mapping[str, str]) -> str:
    """The windows of a run by its tags: a key, `first to last`, or an empty string."""
    first, last = first_and_last_key(tags)
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
