"""Checks of a stack on AWS: from outside through Amazon's API, and from inside by a task of the deployed image."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from signals_pipeline.adapters.aws import inventory, revisions, services
from signals_pipeline.adapters.aws.services import Patience
from signals_pipeline.adapters.aws.stack import (
    DeployError,
    Stack,
    confirm_and_release,
    how_to_make,
    missing_parameters,
)
from signals_pipeline.adapters.probes.findings import Probe, ProbeResult, fail, ok, warn
from signals_pipeline.cli.scheduling import ScheduleState

# 90 seconds: half a vCPU imports slowly.
INSIDE_COMMAND = ["signals", "doctor", "--json", "--seconds", "90"]
SILENT = timedelta(hours=18)  # as the alarm HeartbeatMissing
SHOWN_DIGEST = len("sha256:") + 12  # characters of an image's digest, as Docker shows it
# The guide's success criteria: a digest in less than 35 seconds, in less than 2 GB.
DIGEST_SECONDS = 35
MEMORY_MEGABYTES = 2000  # millions of bytes; the task ends at 2,147
ERRORS_ALERT_PERCENT = 5  # as the alarm Errors
# From Friday's second digest to Tuesday's first one, after a holiday.
RUN_DAYS = 4
LOG_HOURS = 24
ERROR_WORDS = ("ERROR", "CRITICAL", "Traceback")
SHOWN_LINE = 160  # characters of a log's line
HEARTBEAT_ALARM = "HeartbeatMissing"
_RELEASE = "signals deploy"
_UPDATE = "update the stack: signals deploy"


def outside_probes(stack: Stack, now: Callable[[], datetime]) -> dict[str, Probe]:
    """The checks from outside, by name.

    Args:
        stack: The installation.
        now: The clock.
    """
    return {
        "service": partial(service, stack),
        "task revision": partial(task_revision, stack),
        "image": partial(image, stack),
        "secrets": partial(secrets, stack),
        "exposure": partial(exposure, stack),
        "bucket": partial(bucket, stack),
        "operator": partial(operator, stack),
        "alarms": partial(alarms, stack),
        "heartbeat": partial(heartbeat, stack, now),
        "watch": partial(watch, stack),
        "digest time": partial(of_newest_run, digest_time, "SignalGenerationTime", stack, now),
        "run memory": partial(of_newest_run, run_memory, "MemoryUsed", stack, now),
        "run errors": partial(of_newest_run, run_errors, "ErrorRate", stack, now),
        "logs": partial(logs, stack),
        "log errors": partial(log_errors, stack, now),
    }


def service(stack: Stack) -> ProbeResult:
    """Whether the control service runs as it should, or sleeps and will be woken."""
    current = services.look(stack)
    name = _short(current.task_definition)
    if current.rollout == "FAILED":
        return fail(f"{name} does not start", f"signals rollback; its log is in CloudWatch, /{stack.name}/control")
    # A release or a scheduled action is under way.
    if not current.settled:
        return warn(
            f"{name}: {current.running} of {current.desired} tasks are running", "wait a few minutes, then check again"
        )
    unhealthy = inventory.unhealthy_containers(stack)
    if unhealthy:
        return fail(f"{name}: {', '.join(unhealthy)} is unhealthy", f"its log is in CloudWatch, /{stack.name}/control")
    if current.desired:
        return ok(f"{name} is running and healthy")
    wakes = inventory.wakes(stack)
    if not wakes:
        return fail(f"{name} sleeps and nothing wakes it", _UPDATE)
    return ok(f"{name} sleeps; {len(wakes)} scheduled actions wake and stop it")


def task_revision(stack: Stack) -> ProbeResult:
    """Whether control service and runs use the same released image, and the newest revisions."""
    control, run = _in_service(stack)
    names = f"{_short(control.arn)} launches {_short(run.arn)}"
    for revision in (control, run):
        if revision.status != "ACTIVE":
            return fail(f"{names}: {_short(revision.arn)} is INACTIVE", _RELEASE)
    if control.image != run.image:
        return fail(f"{names}, which has another image", _RELEASE)
    newest = revisions.describe(stack.control_family)
    if newest.number != control.number:
        return warn(f"{names}; {_short(newest.arn)} is newer", f"expected after a rollback, otherwise {_RELEASE}")
    return ok(names)


def image(stack: Stack) -> ProbeResult:
    """Whether the deployed image is in the registry, is the newest one there, and is what tasks run."""
    control, _ = _in_service(stack)
    if not control.image.startswith(f"{stack.repository}@"):
        return warn(f"{control.image} is not in the stack's registry", f"{_RELEASE} puts one there")
    digest = control.image.partition("@")[2]
    short = digest[:SHOWN_DIGEST]
    pushed = inventory.images(stack)
    if digest not in pushed:
        return fail(f"{short} is no longer in the registry", f"no new task can start: {_RELEASE}")
    # Tasks started before the release may still run the old image.
    others = inventory.running_images(stack) - {digest}
    if others:
        return fail(f"a task runs {min(others)[:SHOWN_DIGEST]}, but {short} is deployed", _RELEASE)
    newest = pushed[0]
    if newest != digest:
        return warn(
            f"{short} is deployed, but {newest[:SHOWN_DIGEST]} was pushed last",
            f"expected after a rollback, otherwise {_RELEASE}",
        )
    return ok(f"{short} is deployed and was released last")


def secrets(stack: Stack) -> ProbeResult:
    """Whether every parameter that the tasks in service need exists."""
    _, run = _in_service(stack)
    needed = set()
    for container in run.containers:
        for secret in container.get("secrets", ()):
            if secret:
                needed.add(secret["valueFrom"])
    missing = missing_parameters(needed)
    if missing:
        return fail(f"{', '.join(missing)} missing: no task starts", how_to_make(missing[0]))
    return ok(f"{len(needed)} parameters exist")


def exposure(stack: Stack) -> ProbeResult:
    """Whether UI, pages or database can be reached from the internet."""
    ways_in = []
    for revision in _in_service(stack):
        for way in inventory.ways_in(stack, revision.containers):
            if way not in ways_in:
                ways_in.append(way)
    if ways_in:
        return fail("; ".join(ways_in), f"close it, or {_UPDATE}")
    return ok("no inbound rule, no published port, no public database: the UI is reached by port forwarding only")


def bucket(stack: Stack) -> ProbeResult:
    """Whether the bucket exists and can't be made public."""
    if not inventory.bucket_is_closed(stack.bucket):
        return fail(f"{stack.bucket} can be made public", f"block all public access, or {_UPDATE}")
    return ok(f"{stack.bucket} exists and is not public")


def operator(stack: Stack) -> ProbeResult:
    """Whether somebody receives alarms, and nobody receives them twice: by topic and by mail of the control service."""
    subscriptions = inventory.subscriptions(stack.operator_topic)
    if not subscriptions:
        return fail("nobody receives alarms", _UPDATE)
    unconfirmed = [address for address, confirmed in subscriptions.items() if not confirmed]
    if unconfirmed:
        return fail(f"{', '.join(unconfirmed)} has not confirmed", "follow the link in the mail from AWS Notifications")
    control, _ = _in_service(stack)
    operator_recipients = _variables(control).get("OPERATOR_RECIPIENTS", "")
    mailed = {address.strip().casefold() for address in operator_recipients.split(",")}
    # E-mail addresses are compared without case.
    twice = sorted(mailed & {address.casefold() for address in subscriptions})
    if twice:
        return warn(
            f"{', '.join(twice)} is notified twice, by alarm and by mail", "update the stack with OperatorNotices="
        )
    return ok(f"alarms go to {', '.join(subscriptions)}")


def alarms(stack: Stack) -> ProbeResult:
    """Whether each alarm exists, can notify, and is quiet."""
    found = inventory.alarms(stack)
    if found.missing == (HEARTBEAT_ALARM,):
        operator = stack.parameters.get("OperatorEmail") or "an operator"
        return fail(f"{HEARTBEAT_ALARM} is not there yet", confirm_and_release(operator))
    if found.missing:
        return fail(f"missing: {', '.join(found.missing)}", _UPDATE)
    active = [name for name, state in found.states.items() if state == "ALARM"]
    if active:
        return fail(f"{', '.join(active)} in alarm", f"docs/deployment.md, Monitoring; the log is in /{stack.name}/run")
    if found.silent:
        return warn(f"{', '.join(found.silent)} would notify nobody", "aws cloudwatch enable-alarm-actions")
    # Alarms of a new stack have no data before the first run.
    without_data = sum(state == "INSUFFICIENT_DATA" for state in found.states.values())
    remark = f", {without_data} of them without data yet" if without_data else ""
    return ok(f"{len(found.states)} quiet{remark}")


def heartbeat(stack: Stack, now: Callable[[], datetime]) -> ProbeResult:
    """When a run or the watch last reported that the digest that was due exists."""
    checked_at = now()
    beat = inventory.newest_value(stack, "Heartbeat", checked_at, days=1)
    if beat is None:
        return fail(
            "none in 24 hours", "expected in a new stack until the next 09:00 or 18:00 New York, otherwise see the runs"
        )
    beat_at, value = beat
    time = _time(beat_at)
    if not value:
        return fail(f"at {time} the digest that was due was missing", "see why its run failed in the UI")
    if checked_at - beat_at > SILENT:
        return fail(f"none since {time}", "see the runs in the UI")
    return ok(f"last at {time}")


def watch(stack: Stack) -> ProbeResult:
    """Whether the schedule of `signals watch` is on."""
    is_on = inventory.watch_is_on(stack)
    if is_on is None:
        return fail("there is no schedule", _UPDATE)
    if not is_on:
        return fail("the schedule is off", _UPDATE)
    return ok("on: it checks every day at 09:00 and 18:00 New York")


def of_newest_run(
    judge: Callable[[Stack, str, float], ProbeResult], metric: str, stack: Stack, now: Callable[[], datetime]
) -> ProbeResult:
    """A figure of the newest run, judged by its stack, the run in words and its value."""
    found = inventory.newest_value(stack, metric, now(), RUN_DAYS)
    if found is None:
        return warn(
            f"no run in {RUN_DAYS} days", "expected in a new stack until its first digest, otherwise see the runs"
        )
    at, value = found
    return judge(stack, f"the run that ended at {_time(at)}", value)


def digest_time(_stack: Stack, run: str, seconds: float) -> ProbeResult:
    """How long the newest run took, from its process's start to its end."""
    described = f"{seconds:.1f} s in {run}"
    if seconds >= DIGEST_SECONDS:
        return warn(f"{described}, expected under {DIGEST_SECONDS} s", "docs/deployment.md, Troubleshooting, Slow")
    return ok(f"{described}, under {DIGEST_SECONDS} s")


def run_memory(_stack: Stack, run: str, megabytes: float) -> ProbeResult:
    """How much memory the newest run took at its peak."""
    described = f"peak of {megabytes:,.0f} MB in {run}"
    if megabytes >= MEMORY_MEGABYTES:
        remedy = "docs/deployment.md, Troubleshooting, Out of memory"
        return fail(f"{described}, expected under {MEMORY_MEGABYTES:,} MB", remedy)
    return ok(f"{described}, under {MEMORY_MEGABYTES:,} MB")


def run_errors(stack: Stack, run: str, percent: float) -> ProbeResult:
    """Whether a step or a feed of the newest run failed."""
    described = f"{percent:g}% of the steps and feeds of {run} failed"
    remedy = f"see the run in the UI, and its log in CloudWatch, /{stack.name}/run"
    if percent > ERRORS_ALERT_PERCENT:
        return fail(described, remedy)
    if percent:
        return warn(described, remedy)
    return ok(f"no step and no feed of {run} failed")


def log_errors(stack: Stack, now: Callable[[], datetime]) -> ProbeResult:
    """Whether the logs of runs and control service have errors."""
    found = inventory.log_lines(stack, ERROR_WORDS, now(), LOG_HOURS)
    if not found:
        return ok(f"none in {LOG_HOURS} hours")
    at, group, line = found[-1]
    shown = " ".join(line.split())[:SHOWN_LINE]
    return warn(
        f"{len(found)} lines in {LOG_HOURS} hours, the newest in {group} at {_time(at)}: {shown}", "read the log"
    )


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def logs(stack: Stack) -> ProbeResult:
    """Whether the log groups exist and have a retention."""
    retention = inventory.retention(stack)
    for name in inventory.LOG_GROUPS:
        if name not in retention:
            return fail(f"/{stack.name}/{name} is missing", _UPDATE)
    for name, days in retention.items():
        if days is None:
            return warn(f"/{stack.name}/{name} is kept forever", "aws logs put-retention-policy")
    return ok(", ".join(f"/{stack.name}/{name} {days} days" for name, days in retention.items()))


def inside_results(stack: Stack, patience: Patience) -> dict[str, ProbeResult]:
    """The results of `signals doctor` in a task of the deployed image, which reaches database, schedule and feeds.

    Raises:
        DeployError: the task can't start, does not end, or prints no results.
    """
    # The run revision: it has the secrets and network access of a run.
    _, run = _in_service(stack)
    task = services.run_to_end(stack, run.arn, INSIDE_COMMAND, patience)
    for _ in patience.looks():  # CloudWatch receives a task's last lines some seconds after its end
        results = read_document(services.log_of(stack, task))
        if results is not None:
            return accept_sleeping_daemon(stack, results)
    reason = services.end_of(task).reason
    raise DeployError(f"`{' '.join(INSIDE_COMMAND)}` printed nothing in /{stack.name}/run: {reason}")


def read_document(log: str) -> dict[str, ProbeResult] | None:
    """The results that `checkup.document` printed into a log; None if it is not complete yet."""
    start, end = log.find("{\n"), log.rfind("\n}")
    if start < 0 or end <= start:
        return None
    checks = json.loads(log[start : end + len("\n}")])["checks"]
    results = {}
    for check in checks:
        # An image from before the codes prints none.
        results[check["check"]] = ProbeResult(check["status"], check["text"], check["remedy"], check.get("code", ""))
    return results


def accept_sleeping_daemon(stack: Stack, results: dict[str, ProbeResult]) -> dict[str, ProbeResult]:
    """While the control service sleeps, a schedule that is on needs no daemon."""
    schedule = results.get("schedule")
    no_daemon = schedule is not None and schedule.code == ScheduleState.NO_DAEMON
    if no_daemon and not services.look(stack).desired:
        results["schedule"] = ok("on; the daemon sleeps with the control service")
    return results


def _short(arn: str) -> str:
    """Family and revision of a task definition."""
    return arn.rsplit("/", 1)[1]


def _variables(revision: revisions.Revision) -> dict[str, str]:
    """The environment variables of a revision's first container."""
    return {variable["name"]: variable["value"] for variable in revision.containers[0]["environment"]}


def _in_service(stack: Stack) -> tuple[revisions.Revision, revisions.Revision]:
    """The control revision in service, and the run revision that it launches."""
    control = revisions.describe(services.look(stack).task_definition)
    return control, revisions.describe(revisions.run_of(control.arn))
