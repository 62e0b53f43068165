"""A stack's outputs, secrets and services as they are in AWS now."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any

from signals_pipeline.core.errors import SignalsError

NEEDED = (
    "Cluster",
    "Service",
    "Repository",
    "RunFamily",
    "ControlFamily",
    "Subnets",
    "SecurityGroup",
    "GeneratorParameter",
    "Bucket",
    "OperatorTopic",
)
SECRETS = ("database-password", "link-key", "web-token")
_MAKING = Lock()  # a session makes its clients for one thread at a time


class DeployError(SignalsError, RuntimeError):
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
        bucket: S3 bucket of the frames.
        operator_topic: SNS topic of the alarms.
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
    bucket: str
    operator_topic: str


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
        with _MAKING:
            return _made(session, service)
    except BotoCoreError as error:
        raise DeployError(f"AWS {service}: {error}") from error


@lru_cache(maxsize=32)  # a client takes 30 ms to make, and a look at a stack asks for thirty
def _made(session: Any, service: str) -> Any:  # noqa: ANN401
    return session.client(service)


def find(name: str) -> Stack:
    """The stack of this name, ready for tasks.

    Raises:
        DeployError: as `read`; or a secret that its tasks ask for is missing.
    """
    found = read(name)
    if missing := missing_parameters([f"/{name}/{secret}" for secret in SECRETS]):
        raise DeployError(f"secret {missing[0]} is missing: {how_to_make(missing[0])}")
    return found


def read(name: str) -> Stack:
    """The stack of this name.

    Raises:
        DeployError: it is not there, not in a good state, or not one of ours.
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
        bucket=said["Bucket"],
        operator_topic=said["OperatorTopic"],
    )


def missing_parameters(names: Collection[str]) -> list[str]:
    """Which of these SSM parameters are not there, in order of their names; no value is read in clear."""
    ordered, ssm = sorted(names), client("ssm")
    batches = [ordered[start : start + 10] for start in range(0, len(ordered), 10)]  # so many a call
    return sorted(name for batch in batches for name in ssm.get_parameters(Names=batch)["InvalidParameters"])


def how_to_make(parameter: str) -> str:
    """The command that puts a secret there."""
    return f"aws ssm put-parameter --type SecureString --name {parameter} --value ..."


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
