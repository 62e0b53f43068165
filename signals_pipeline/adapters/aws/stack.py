"""A stack's outputs, secrets and services as they are in AWS now."""

from dataclasses import dataclass
from typing import Any

NEEDED = (
    "Cluster",
    "Service",
    "Repository",
    "RunFamily",
    "ControlFamily",
    "Subnets",
    "SecurityGroup",
    "GeneratorParameter",
)
SECRETS = ("database-password", "link-key", "web-token")


class DeployError(RuntimeError):
    """A deployment can't go on; the message is one line: what, where, what to do."""


@dataclass(frozen=True, slots=True)
class Stack:
    """What a deployment needs to know of a stack.

    Attributes:
        name: The stack's name.
        cluster: ECS cluster.
        service: The control service.
        repository: ECR repository, without a tag.
        run_family: Task definitions of runs.
        control_family: Task definitions of the control service.
        subnets: Where tasks run.
        security_group: What they may reach.
        generator_parameter: SSM parameter with the signal generator.
    """

    name: str
    cluster: str
    service: str
    repository: str
    run_family: str
    control_family: str
    subnets: tuple[str, ...]
    security_group: str
    generator_parameter: str


def client(service: str) -> Any:  # noqa: ANN401
    """A boto3 client for the account and region of the environment.

    Raises:
        DeployError: there is no region or no credential.
    """
    import boto3
    from botocore.exceptions import BotoCoreError

    if boto3.DEFAULT_SESSION is None:
        boto3.setup_default_session()  # one for the process: it keeps what it has read of AWS's descriptions
    session: Any = boto3.DEFAULT_SESSION
    if not session.region_name:
        raise DeployError("no AWS region: set AWS_REGION, or name one in your AWS profile")
    if session.get_credentials() is None:
        raise DeployError("no AWS credentials: sign in (aws sso login), or set AWS_PROFILE")
    try:
        return session.client(service)
    except BotoCoreError as error:
        raise DeployError(f"AWS {service}: {error}") from error


def find(name: str) -> Stack:
    """The stack of this name.

    Raises:
        DeployError: it is not there, not in a good state, or not one of ours; or a secret that its tasks ask for is
            missing.
    """
    from botocore.exceptions import ClientError

    cloudformation = client("cloudformation")
    try:
        [described] = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" not in str(error):
            raise
        raise DeployError(f"no stack {name!r}: make it first, docs/deployment.md says how") from error
    if described["StackStatus"] not in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}:
        raise DeployError(f"stack {name} is {described['StackStatus']}: wait for it or mend it, then deploy again")
    said = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", ())}
    if missing := [key for key in NEEDED if key not in said]:
        raise DeployError(f"stack {name} has no output {missing[0]}: it is not made from deploy/stack.yaml")
    _require_secrets(name)
    return Stack(
        name=name,
        cluster=said["Cluster"],
        service=said["Service"],
        repository=said["Repository"],
        run_family=said["RunFamily"],
        control_family=said["ControlFamily"],
        subnets=tuple(said["Subnets"].split(",")),
        security_group=said["SecurityGroup"],
        generator_parameter=said["GeneratorParameter"],
    )


def _require_secrets(name: str) -> None:
    wanted = [f"/{name}/{secret}" for secret in SECRETS]
    missing = client("ssm").get_parameters(Names=wanted)["InvalidParameters"]
    if missing:
        raise DeployError(
            f"secret {min(missing)} is missing: aws ssm put-parameter --type SecureString --name "
            f"{min(missing)} --value ..."
        )


def generator(stack: Stack) -> str:
    """What makes signals in tasks that start now."""
    return str(client("ssm").get_parameter(Name=stack.generator_parameter)["Parameter"]["Value"])


def set_generator(stack: Stack, choice: str) -> str:
    """Turn the signal generator for every task that starts from now on.

    Returns:
        What it was before.
    """
    before = generator(stack)
    if before != choice:
        client("ssm").put_parameter(Name=stack.generator_parameter, Value=choice, Overwrite=True)
    return before
