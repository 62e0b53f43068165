"""Task definitions: register a revision with another image, and find one to roll back to."""

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


def register(stack: Stack, image: str) -> tuple[Revision, Revision]:
    """Revisions of the run and control tasks with this image; the newest ones where they have it already.

    Args:
        stack: Where.
        image: By digest.

    Returns:
        The run task's and the control task's, which names the former.
    """
    run = _with_image(stack.run_family, image, {})
    return run, _with_image(stack.control_family, image, {RUN_VARIABLE: run.arn})


def target(stack: Stack, number: int | None, current: str) -> Revision:
    """The control revision to go back to.

    Args:
        stack: Where.
        number: The revision's; None: the newest ACTIVE one before the current.
        current: ARN of the revision that is in service.

    Raises:
        DeployError: there is none, it is the current one, it has no image, or it or its run task is INACTIVE.
    """
    running = int(current.rsplit(":", 1)[1])
    if number is None:
        arns = client("ecs").list_task_definitions(familyPrefix=stack.control_family, status="ACTIVE", sort="DESC")
        numbers = [int(arn.rsplit(":", 1)[1]) for arn in arns["taskDefinitionArns"]]
        earlier = [
            candidate
            for candidate in numbers
            if candidate < running and _has_image(f"{stack.control_family}:{candidate}")
        ]
        if not earlier:
            raise DeployError(f"{stack.control_family}:{running} is the first revision: there is none to go back to")
        number = max(earlier)
    if number == running:
        raise DeployError(f"{stack.control_family}:{number} is in service already")
    control = describe(f"{stack.control_family}:{number}")
    for required in (control, describe(run_of(control.arn))):
        if required.status != "ACTIVE":
            raise DeployError(f"{required.arn.rsplit('/', 1)[1]} is {required.status}: choose another revision")
    if "@sha256:" not in control.image:
        raise DeployError(f"{stack.control_family}:{number} has no image: it is the stack's own, before a deployment")
    return control


def run_of(control: str) -> str:
    """ARN of the run task that a control revision launches."""
    for container in _definition(control)["containerDefinitions"]:
        for variable in container.get("environment", ()):
            if variable["name"] == RUN_VARIABLE:
                return str(variable["value"])
    raise DeployError(f"{control.rsplit('/', 1)[-1]} names no run task: it was not created from deploy/stack.yaml")


def _has_image(name: str) -> bool:
    """Whether a revision was deployed: the stack's own has a placeholder image, by tag."""
    return "@sha256:" in describe(name).image


def _definition(name: str) -> dict[str, Any]:
    from botocore.exceptions import ClientError  # pyright: ignore[reportMissingTypeStubs]  # it has none

    try:
        return client("ecs").describe_task_definition(taskDefinition=name)["taskDefinition"]
    except ClientError as error:
        raise DeployError(
            f"no task definition {name.rsplit('/', 1)[-1]}: `signals status` lists those that exist"
        ) from error


def _with_image(family: str, image: str, variables: dict[str, str]) -> Revision:
    """The family's newest revision if it has this image and these variables already, else a new one."""
    ecs = client("ecs")
    current = _definition(family)
    containers: list[dict[str, Any]] = current["containerDefinitions"]
    wanted = [_container(container, image, variables) for container in containers]
    # Both sides go through `_container`, because ECS adds and omits empty fields.
    if wanted == [_container(container, container["image"], {}) for container in containers]:
        return describe(current["taskDefinitionArn"])
    # A description has fields, such as its ARN, that a registration doesn't accept.
    accepted = ecs.meta.service_model.shape_for("RegisterTaskDefinitionRequest").members
    request = {name: current[name] for name in accepted if current.get(name) is not None}
    request["containerDefinitions"] = wanted
    registered = ecs.register_task_definition(**request)["taskDefinition"]
    return describe(registered["taskDefinitionArn"])


def _container(container: dict[str, Any], image: str, variables: dict[str, str]) -> dict[str, Any]:
    """A container's definition with this image; variables that it has are set, others are not added."""
    environment: list[dict[str, str]] = []
    for variable in container.get("environment", ()):
        name = str(variable["name"])
        value = variables.get(name, str(variable["value"]))
        environment.append({"name": name, "value": value})
    secrets = [secret for secret in container.get("secrets", ()) if secret]
    return container | {"image": image, "environment": environment, "secrets": secrets}
