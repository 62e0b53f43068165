"""Task definitions: registering a revision with another image, finding one to go back to."""

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
    containers: list[dict[str, Any]] = field(default_factory=list, repr=False)

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
        number: Of the revision; None takes the newest ACTIVE one before the current.
        current: ARN of the revision that is in service.

    Raises:
        DeployError: there is none, it is the current one, it has no image, or it or its run task is INACTIVE.
    """
    running = int(current.rsplit(":", 1)[1])
    if number is None:
        arns = client("ecs").list_task_definitions(familyPrefix=stack.control_family, status="ACTIVE", sort="DESC")
        numbers = [int(arn.rsplit(":", 1)[1]) for arn in arns["taskDefinitionArns"]]
        earlier = [each for each in numbers if each < running and _deployed(f"{stack.control_family}:{each}")]
        if not earlier:
            raise DeployError(f"{stack.control_family}:{running} is the first revision: there is none to go back to")
        number = max(earlier)
    if number == running:
        raise DeployError(f"{stack.control_family}:{number} is in service already")
    found = describe(f"{stack.control_family}:{number}")
    for each in (found, describe(run_of(found.arn))):
        if each.status != "ACTIVE":
            raise DeployError(f"{each.arn.rsplit('/', 1)[1]} is {each.status}: choose another revision")
    if "@sha256:" not in found.image:
        raise DeployError(f"{stack.control_family}:{number} has no image: it is the stack's own, before a deployment")
    return found


def run_of(control: str) -> str:
    """ARN of the run task that a control revision launches."""
    for container in _definition(control)["containerDefinitions"]:
        for variable in container.get("environment", ()):
            if variable["name"] == RUN_VARIABLE:
                return str(variable["value"])
    raise DeployError(f"{control.rsplit('/', 1)[-1]} names no run task: it is not made from deploy/stack.yaml")


def _deployed(name: str) -> bool:
    return "@sha256:" in describe(name).image


def _definition(name: str) -> dict[str, Any]:
    from botocore.exceptions import ClientError

    try:
        return client("ecs").describe_task_definition(taskDefinition=name)["taskDefinition"]
    except ClientError as error:
        raise DeployError(
            f"no task definition {name.rsplit('/', 1)[-1]}: signals status lists what there is"
        ) from error


def _with_image(family: str, image: str, variables: dict[str, str]) -> Revision:
    """The family's newest revision if it is like this already, else a new one."""
    ecs = client("ecs")
    current = _definition(family)
    wanted = [_container(container, image, variables) for container in current["containerDefinitions"]]
    if wanted == [_container(each, each["image"], {}) for each in current["containerDefinitions"]]:
        return describe(current["taskDefinitionArn"])
    accepted = ecs.meta.service_model.shape_for("RegisterTaskDefinitionRequest").members
    kept = {name: current[name] for name in accepted if current.get(name) is not None}
    made = ecs.register_task_definition(**kept | {"containerDefinitions": wanted})["taskDefinition"]
    return describe(made["taskDefinitionArn"])


def _container(container: dict[str, Any], image: str, variables: dict[str, str]) -> dict[str, Any]:
    """A container's definition with this image; variables it has are set, others are not added."""
    environment = [
        {"name": each["name"], "value": variables.get(each["name"], each["value"])}
        for each in container.get("environment", ())
    ]
    secrets = [each for each in container.get("secrets", ()) if each]
    return container | {"image": image, "environment": environment, "secrets": secrets}
