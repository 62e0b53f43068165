# pyright: reportMissingTypeStubs=false
# botocore has no type stubs.
"""CloudFormation change sets: make one, carry it out, wait for its end, and say why it failed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from signals_pipeline.adapters.aws import stack
from signals_pipeline.adapters.aws.errors import error_code
from signals_pipeline.adapters.aws.services import Patience
from signals_pipeline.adapters.aws.stack import DeployError, client
from signals_pipeline.adapters.aws.template import Template, minified, parameter_values

# CloudFormation fails an empty change set and tells it apart by these words alone; its own command line reads them too.
_EMPTY = ("The submitted information didn't contain changes", "No updates are to be performed")
_ENDED_WELL = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}


class UnfinishedError(DeployError):
    """A change did not end in time: CloudFormation goes on with it."""


@dataclass(frozen=True, slots=True)
class ChangeSet:
    """A change set that is ready.

    Attributes:
        arn: Its ARN.
        stack: The stack's name.
        stack_id: The stack's id, which also finds it after it was deleted.
        sent: The parameters that it changes.
        changed: Logical ids of the resources that it adds, changes or removes.
    """

    arn: str
    stack: str
    stack_id: str
    sent: Mapping[str, str]
    changed: frozenset[str]


def create(
    name: str,
    template: Template | None,
    previous: Mapping[str, str] | None,
    sent: Mapping[str, str],
    patience: Patience,
) -> ChangeSet | None:
    """Make a change set and wait until it is ready.

    Args:
        name: The stack's name.
        template: The template to apply; None: the one that the stack has.
        previous: The parameters that the stack has; None: there is no stack yet.
        sent: Parameters with new values; every other one keeps its own.
        patience: How to wait.

    Returns:
        It; None where there is nothing to change.

    Raises:
        DeployError: CloudFormation refuses it.
    """
    from botocore.exceptions import ClientError

    cloudformation = client("cloudformation")
    body: dict[str, Any] = {"UsePreviousTemplate": True} if template is None else {"TemplateBody": minified(template)}
    # A stack has a value for every parameter of its template.
    names = previous or {} if template is None else template["Parameters"]
    created = cloudformation.create_change_set(
        StackName=name,
        ChangeSetName=f"release-{uuid4().hex}",
        ChangeSetType="CREATE" if previous is None else "UPDATE",
        Capabilities=["CAPABILITY_IAM"],
        Parameters=parameter_values(names, previous or {}, sent),
        **body,
    )
    arn = str(created["Id"])
    for _ in patience.looks():
        try:
            pages = list(cloudformation.get_paginator("describe_change_set").paginate(ChangeSetName=arn))
        except ClientError as error:
            # Not visible yet.
            if error_code(error) != "ChangeSetNotFound":
                raise
            continue
        status, reason = pages[0]["Status"], str(pages[0].get("StatusReason", ""))
        if status == "CREATE_COMPLETE":
            changes = [change["ResourceChange"] for page in pages for change in page["Changes"]]
            changed = frozenset(str(change["LogicalResourceId"]) for change in changes)
            return ChangeSet(arn, name, str(created["StackId"]), sent, changed)
        if status == "FAILED":
            cloudformation.delete_change_set(ChangeSetName=arn)
            if reason.startswith(_EMPTY):
                return None
            raise DeployError(f"stack {name}: CloudFormation refuses the change: {reason}")
    raise DeployError(f"stack {name}: the change set was not ready in {patience.seconds:.0f} s; nothing was changed")


def execute(change_set: ChangeSet, patience: Patience) -> dict[str, Any]:
    """Carry out a change set and wait for its end.

    Returns:
        The stack as CloudFormation describes it then.

    Raises:
        UnfinishedError: it did not end in time.
        DeployError: it failed, and CloudFormation took it back.
    """
    name, token = change_set.stack, uuid4().hex
    # A failed update then removes the task definitions that it registered, though such are kept when replaced.
    client("cloudformation").execute_change_set(
        ChangeSetName=change_set.arn, ClientRequestToken=token, RetainExceptOnCreate=True
    )
    status = _end_of(change_set, token, patience)
    if status not in _ENDED_WELL:
        raise DeployError(f"stack {name} is {status}: {_cause(change_set, token)}")
    for _ in patience.looks():
        described = stack.describe(change_set.stack_id)
        # The first looks may show the stack as it was before.
        if described is None or described["StackStatus"] not in stack.SETTLED:
            continue
        if change_set.sent.items() <= stack.parameters_of(described).items():
            return described
    raise DeployError(f"stack {name} ended {status} but still shows its former parameters; run this again")


def wait_for_rest(name: str, patience: Patience) -> dict[str, Any] | None:
    """The stack as soon as no operation of CloudFormation's runs on it; None where there is none.

    Raises:
        DeployError: it is busy for too long.
    """
    for _ in patience.looks():
        described = stack.describe(name)
        if described is None or described["StackStatus"] == stack.REVIEW:
            return described
        if not described["StackStatus"].endswith("IN_PROGRESS"):
            return described
    raise DeployError(f"stack {name} has been busy for {patience.seconds:.0f} s: see its events in CloudFormation")


def delete(name: str, patience: Patience) -> None:
    """Delete what is left of a stack whose first creation failed.

    Raises:
        DeployError: it can't be deleted.
    """
    described = stack.describe(name)
    if described is None:
        return
    client("cloudformation").delete_stack(StackName=name)
    for _ in patience.looks():
        now = stack.describe(described["StackId"])
        if now is None or now["StackStatus"] == "DELETE_COMPLETE":
            return
        if now["StackStatus"] == "DELETE_FAILED":
            raise DeployError(
                f"stack {name} is DELETE_FAILED: {now.get('StackStatusReason', 'see its events in CloudFormation')}"
            )
    raise DeployError(f"stack {name} was not deleted in {patience.seconds:.0f} s: see its events in CloudFormation")


def _events(change_set: ChangeSet, token: str) -> list[dict[str, Any]]:
    """The events of one operation, the newest first; CloudFormation marks each with the operation's token."""
    found: list[dict[str, Any]] = []
    pages = client("cloudformation").get_paginator("describe_stack_events").paginate(StackName=change_set.stack_id)
    for page in pages:
        of_operation = [event for event in page["StackEvents"] if event.get("ClientRequestToken") == token]
        found += of_operation
        # Older pages are of older operations.
        if not of_operation:
            break
    return found


def _end_of(change_set: ChangeSet, token: str, patience: Patience) -> str:
    """The stack's state at the end of an operation.

    The state that DescribeStacks shows may still be that before the operation; the operation's own events can't be.
    """
    for _ in patience.looks():
        for event in _events(change_set, token):
            is_of_stack = event["PhysicalResourceId"] == change_set.stack_id
            if is_of_stack and not event["ResourceStatus"].endswith("IN_PROGRESS"):
                return str(event["ResourceStatus"])
    raise UnfinishedError(
        f"stack {change_set.stack} did not settle in {patience.seconds:.0f} s; CloudFormation goes on: run this again"
    )


def _cause(change_set: ChangeSet, token: str) -> str:
    """The first failure of an operation, which the others follow from."""
    for event in reversed(_events(change_set, token)):
        reason = str(event.get("ResourceStatusReason", ""))
        if event["ResourceStatus"].endswith("_FAILED") and reason:
            return f"{event['LogicalResourceId']}: {' '.join(reason.split())}"
    return "see its events in CloudFormation"
