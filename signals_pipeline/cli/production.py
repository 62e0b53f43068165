"""What `signals doctor --production` looks at: an installation in AWS from outside, and from a task inside it."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from signals_pipeline.adapters.aws import inventory, revisions, services
from signals_pipeline.adapters.aws.services import Patience
from signals_pipeline.adapters.aws.stack import DeployError, Stack, how_to_make, missing_parameters
from signals_pipeline.adapters.probes.findings import Probe, ProbeResult, fail, ok, warn

INSIDE = ["signals", "doctor", "--json", "--seconds", "90"]  # half a processor imports slowly
SILENT = timedelta(hours=18)  # as the alarm HeartbeatMissing
_RELEASE = "signals deploy"
_UPDATE = "update the stack: aws cloudformation deploy, docs/deployment.md"


def probes_of(stack: Stack, now: Callable[[], datetime]) -> dict[str, Probe]:
    """The looks from outside, by name.

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
        "logs": partial(logs, stack),
    }


def service(stack: Stack) -> ProbeResult:
    """Whether the control service runs what it should, or sleeps and will be woken."""
    seen = services.look(stack)
    name = seen.task_definition.rsplit("/", 1)[1]
    if seen.rollout == "FAILED":
        return fail(f"{name} does not start", f"signals rollback; its log is in CloudWatch, /{stack.name}/control")
    if not seen.settled:
        return warn(f"{name}: {seen.running} of {seen.desired} tasks run", "wait some minutes, then look again")
    actions = inventory.wakes(stack)
    if not seen.desired and not actions:
        return fail(f"{name} sleeps and nothing wakes it", _UPDATE)
    return ok(f"{name} " + ("runs" if seen.desired else f"sleeps; {len(actions)} scheduled actions wake and stop it"))


def task_revision(stack: Stack) -> ProbeResult:
    """Whether control service and runs have one and the same released image, and are the newest revisions."""
    control, run = _in_service(stack)
    names = f"{control.arn.rsplit('/', 1)[1]} launches {run.arn.rsplit('/', 1)[1]}"
    if "@sha256:" not in control.image:
        return fail(f"{names}: no image was released yet", _RELEASE)
    if gone := [each.arn.rsplit("/", 1)[1] for each in (control, run) if each.status != "ACTIVE"]:
        return fail(f"{names}: {gone[0]} is INACTIVE", _RELEASE)
    if control.image != run.image:
        return fail(f"{names}, which has another image", _RELEASE)
    newest = revisions.describe(stack.control_family)
    if newest.number != control.number:
        return warn(f"{names}; {newest.arn.rsplit('/', 1)[1]} is newer", f"right after a rollback; else {_RELEASE}")
    return ok(names)


def image(stack: Stack) -> ProbeResult:
    """Whether what is deployed is in the registry, is what was released last, and is what tasks run."""
    control, _ = _in_service(stack)
    digest = control.image.partition("@")[2]
    short = digest[:19]
    if not control.image.startswith(f"{stack.repository}@"):
        return warn(f"{control.image} is not in the stack's registry", "release without --registry to keep it there")
    kept = inventory.images(stack)
    if digest not in kept:
        return fail(f"{short} is not in the registry any more", f"no new task can start: {_RELEASE}")
    if others := inventory.running_images(stack) - {digest}:
        return fail(f"a task runs {min(others)[:19]}, deployed is {short}", _RELEASE)
    if kept[0] != digest:
        return warn(f"{short} is deployed, {kept[0][:19]} was pushed last", f"right after a rollback; else {_RELEASE}")
    return ok(f"{short} is deployed and was released last")


def secrets(stack: Stack) -> ProbeResult:
    """Whether every parameter that the tasks in service ask for is there."""
    _, run = _in_service(stack)
    asked = {each["valueFrom"] for part in run.containers for each in part.get("secrets", ()) if each}
    if missing := missing_parameters(asked):
        return fail(f"{', '.join(missing)} missing: no task starts", how_to_make(missing[0]))
    return ok(f"{len(asked)} parameters are there")


def exposure(stack: Stack) -> ProbeResult:
    """Whether the world can reach anything: UI, pages, database."""
    found = [way for each in _in_service(stack) for way in inventory.ways_in(stack, each.containers)]
    if found:
        return fail("; ".join(dict.fromkeys(found)), f"close it, or {_UPDATE}")
    return ok("no inbound rule, no published port, no public database: the UI is reached by port-forward alone")


def bucket(stack: Stack) -> ProbeResult:
    """Whether the bucket is there and closed."""
    if not inventory.bucket_is_closed(stack.bucket):
        return fail(f"{stack.bucket} may be made public", f"block all public access, or {_UPDATE}")
    return ok(f"{stack.bucket} is there and closed to the public")


def operator(stack: Stack) -> ProbeResult:
    """Whether somebody is told of alarms, and nobody twice: by the topic and by the mails of the control service."""
    told = inventory.subscriptions(stack.operator_topic)
    if not told:
        return fail("nobody is told of alarms", _UPDATE)
    if waiting := [who for who, confirmed in told.items() if not confirmed]:
        return fail(f"{', '.join(waiting)} has not confirmed", "follow the link in the mail from AWS Notifications")
    control, _ = _in_service(stack)
    mailed = _variables(control).get("OPERATOR_RECIPIENTS", "").split(",")
    if twice := sorted({who.casefold() for who in told} & {who.strip().casefold() for who in mailed}):
        return warn(f"{', '.join(twice)} is told twice, by alarm and by mail", "make the stack with OperatorNotices=")
    return ok(f"alarms go to {', '.join(told)}")


def alarms(stack: Stack) -> ProbeResult:
    """Whether each alarm is there, can tell, and is quiet."""
    found = inventory.alarms(stack)
    if found.missing:
        return fail(f"{', '.join(found.missing)} not there", _UPDATE)
    if on := [name for name, state in found.states.items() if state == "ALARM"]:
        return fail(f"{', '.join(on)} in alarm", f"docs/deployment.md, Monitoring; the log is in /{stack.name}/run")
    if found.silent:
        return warn(f"{', '.join(found.silent)} would tell nobody", "aws cloudwatch enable-alarm-actions")
    new = sum(state == "INSUFFICIENT_DATA" for state in found.states.values())
    return ok(f"{len(found.states)} quiet" + (f", {new} of them without data yet" if new else ""))


def heartbeat(stack: Stack, now: Callable[[], datetime]) -> ProbeResult:
    """When a run or the watch last found the digest that was due."""
    at = now()
    beat = inventory.last_beat(stack, at)
    if beat is None:
        return fail(
            "none in 24 hours", "right in a new stack until the next 09:00 or 18:00 New York; else see the runs"
        )
    when, value = beat
    said = f"{when:%Y-%m-%d %H:%M} UTC"
    if not value:
        return fail(f"at {said} the digest that was due was not there", "see the run's failure in the UI")
    return ok(f"last at {said}") if at - when <= SILENT else fail(f"none since {said}", "see the runs in the UI")


def watch(stack: Stack) -> ProbeResult:
    """Whether somebody looks for the digest every day."""
    on = inventory.watch_is_on(stack)
    if on:
        return ok("on: looks every day at 09:00 and 18:00 New York")
    return fail("the schedule is off" if on is not None else "there is no schedule", _UPDATE)


def logs(stack: Stack) -> ProbeResult:
    """Whether logs are there and don't grow for ever."""
    kept = inventory.retention(stack)
    if missing := [name for name in inventory.LOG_GROUPS if name not in kept]:
        return fail(f"/{stack.name}/{missing[0]} is not there", _UPDATE)
    if endless := [name for name, days in kept.items() if days is None]:
        return warn(f"/{stack.name}/{endless[0]} is kept for ever", "aws logs put-retention-policy")
    return ok(", ".join(f"/{stack.name}/{name} {days} days" for name, days in kept.items()))


def inside(stack: Stack, patience: Patience) -> dict[str, ProbeResult]:
    """What `signals doctor` finds in a task of the deployed image, where database, schedule and feeds can be reached.

    Raises:
        DeployError: the task can't start, doesn't end, or says nothing.
    """
    _, run = _in_service(stack)
    task = services.run_to_end(stack, run.arn, INSIDE, patience)
    for _ in patience.looks():  # CloudWatch has a task's last lines some seconds after its end
        said = services.log_of(stack, task)
        if (start := said.find("{\n")) >= 0 and (end := said.rfind("\n}")) > start:
            checks = json.loads(said[start : end + 2])["checks"]
            found = {each["check"]: ProbeResult(each["status"], each["text"], each["remedy"]) for each in checks}
            return _asleep(stack, found)
    why = task.get("stoppedReason") or "no reason given"
    raise DeployError(f"`{' '.join(INSIDE)}` said nothing in /{stack.name}/run: {why}")


def _asleep(stack: Stack, found: dict[str, ProbeResult]) -> dict[str, ProbeResult]:
    """A schedule that is on needs no living daemon while the control service sleeps."""
    seen = found.get("schedule")
    if seen and seen.text.startswith("on, but no daemon") and not services.look(stack).desired:
        found["schedule"] = ok("on; the daemon sleeps with the control service")
    return found


def _variables(revision: revisions.Revision) -> dict[str, str]:
    """The variables of its first container."""
    return {each["name"]: each["value"] for each in revision.containers[0]["environment"]}


def _in_service(stack: Stack) -> tuple[revisions.Revision, revisions.Revision]:
    """The control revision in service, and the run revision that it launches."""
    control = revisions.describe(services.look(stack).task_definition)
    return control, revisions.describe(revisions.run_of(control.arn))
