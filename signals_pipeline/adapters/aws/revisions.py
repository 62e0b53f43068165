"""Task definitions: what a revision has, and which one to roll back to. CloudFormation registers them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from signals_pipeline.adapters.aws.stack import DeployError, Stack, client

RUN_VARIABLE = "SIGNALS_RUN_TASK_DEFINITION"


@dataclass(frozen=True, slots=True)
class Revision:
    """A registered task definition.

    Attributes:
        arn: Its ARN.
        image: The image of its containers, by digest.
        status: ACTIVE or INACTIVE.
        containers: Its container definitions as ECS has them.
    """

    arn: str
    image: str
    status: str
    containers: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]], repr=False)

    @property
    def number(self) -> int:
        """Its number in the family."""
        return int(self.arn.rsplit(":", 1)[1])


def describe(name: str) -> Revision:
    """A revision by ARN, family:number, or (the newest ACTIVE one) family.

    Raises:
        DeployError: there is none.
    """
    definition = _definition(name)
    containers = definition["containerDefinitions"]
    arn, status = str(definition["taskDefinitionArn"]), str(definition["status"])
    return Revision(arn, str(containers[0]["image"]), status, containers)


def earlier(stack: Stack, number: int | None) -> Revision:
    """The control revision whose image a rollback brings back.

    Args:
        stack: Where.
        number: The revision's; None: the newest of the release before the one in service.

    Raises:
        DeployError: there is none, its image is in service already, or it or its run task is INACTIVE.
    """
    family = stack.control_family
    if not stack.control_task:
        raise DeployError(f"stack {stack.name} has no release yet: there is none to go back to")
    current = describe(stack.control_task)
    if number is None:
        number = _before(stack, current)
    chosen = describe(f"{family}:{number}")
    if chosen.image == current.image:
        raise DeployError(f"the image of {family}:{number} is in service already")
    for required in (chosen, describe(run_of(chosen.arn))):
        if required.status != "ACTIVE":
            raise DeployError(f"{required.arn.rsplit('/', 1)[1]} is {required.status}: choose another revision")
    return chosen


def _before(stack: Stack, current: Revision) -> int:
    """Number of the newest revision with the image that was released before the current one."""
    pages = (
        client("ecs")
        .get_paginator("list_task_definitions")
        .paginate(familyPrefix=stack.control_family, status="ACTIVE", sort="ASC")
    )
    revisions = [describe(arn) for page in pages for arn in page["taskDefinitionArns"]]
    image = image_before([revision.image for revision in revisions if revision.number <= current.number])
    if image is None:
        raise DeployError(
            f"{stack.control_family}:{current.number} is of the first release: there is none to go back to"
        )
    return max(revision.number for revision in revisions if revision.image == image)


def image_before(images: Sequence[str]) -> str | None:
    """The image before the last one, where an image that comes again is a return to that release.

    Args:
        images: Of a family's revisions, oldest first.

    Returns:
        It; None where the last image is that of the first release.
    """
    releases: list[str] = []
    for image in images:
        if image in releases:
            # A rollback, or a revision that changed something else: what was released after it is undone.
            del releases[releases.index(image) + 1 :]
        else:
            releases.append(image)
    return releases[-2] if len(releases) > 1 else None


def run_of(control: str) -> str:
    """ARN of the run task that a control revision launches."""
    for container in _definition(control)["containerDefinitions"]:
        for variable in container.get("environment", ()):
            if variable["name"] == RUN_VARIABLE:
                return str(variable["value"])
    raise DeployError(f"{control.rsplit('/', 1)[-1]} names no run task: it was not created from deploy/stack.yaml")


def _definition(name: str) -> dict[str, Any]:
    from botocore.exceptions import ClientError  # pyright: ignore[reportMissingTypeStubs]  # it has none

    try:
        return client("ecs").describe_task_definition(taskDefinition=name)["taskDefinition"]
    except ClientError as error:
        raise DeployError(
            f"no task definition {name.rsplit('/', 1)[-1]}: `signals status` lists those that exist"
        ) from error
