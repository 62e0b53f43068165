# pyright: reportMissingTypeStubs=false
# Neither boto3 nor botocore has type stubs.
"""A CloudFormation stack of ours in AWS: its outputs, secrets and parameters, and the clients to reach them."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache
from threading import Lock
from typing import Any, cast

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
_CLIENT_LOCK = Lock()  # boto3 sessions are not thread-safe, clients are


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

    # One session per process: it caches the service descriptions that it has read.
    untyped_boto3 = cast("Any", boto3)
    if untyped_boto3.DEFAULT_SESSION is None:
        untyped_boto3.setup_default_session()
    session: Any = untyped_boto3.DEFAULT_SESSION
    if not session.region_name:
        raise DeployError("no AWS region: set AWS_REGION, or name one in your AWS profile")
    if session.get_credentials() is None:
        raise DeployError("no AWS credentials: sign in (aws sso login), or set AWS_PROFILE")
    try:
        with _CLIENT_LOCK:
            return _cached_client(session, service)
    except BotoCoreError as error:
        raise DeployError(f"AWS {service}: {error}") from error


# A client takes 30 ms to make, and one look at a stack needs thirty.
@lru_cache(maxsize=32)
def _cached_client(session: Any, service: str) -> Any:  # noqa: ANN401
    return session.client(service)


def find(name: str) -> Stack:
    """The stack of this name, ready for tasks.

    Raises:
        DeployError: as `read`; or a secret that its tasks ask for is missing.
    """
    stack = read(name)
    missing = missing_parameters([f"/{name}/{secret}" for secret in SECRETS])
    if missing:
        raise DeployError(f"secret {missing[0]} is missing: {how_to_make(missing[0])}")
    return stack


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
        raise DeployError(f"no stack {name!r}: create it first, see docs/deployment.md") from error
    if described["StackStatus"] not in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}:
        raise DeployError(f"stack {name} is {described['StackStatus']}: wait for it or repair it, then deploy again")
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", ())}
    missing = [key for key in NEEDED if key not in outputs]
    if missing:
        raise DeployError(f"stack {name} has no output {missing[0]}: it was not created from deploy/stack.yaml")
    return Stack(
        name=name,
        cluster=outputs["Cluster"],
        service=outputs["Service"],
        repository=outputs["Repository"],
        run_family=outputs["RunFamily"],
        control_family=outputs["ControlFamily"],
        subnets=tuple(outputs["Subnets"].split(",")),
        security_group=outputs["SecurityGroup"],
        generator_parameter=outputs["GeneratorParameter"],
        bucket=outputs["Bucket"],
        operator_topic=outputs["OperatorTopic"],
    )


def missing_parameters(names: Collection[str]) -> list[str]:
    """Which of these SSM parameters don't exist, by name; no value is decrypted."""
    ssm = client("ssm")
    ordered = sorted(names)
    missing: list[str] = []
    # AWS takes at most 10 names per call.
    for start in range(0, len(ordered), 10):
        missing += ssm.get_parameters(Names=ordered[start : start + 10])["InvalidParameters"]
    return sorted(missing)


def how_to_make(parameter: str) -> str:
    """The command that creates a secret."""
    return f"aws ssm put-parameter --type SecureString --name {parameter} --value ..."


def generator(stack: Stack) -> str:
    """The signal generator of tasks that start now."""
    return str(client("ssm").get_parameter(Name=stack.generator_parameter)["Parameter"]["Value"])


def set_generator(stack: Stack, choice: str) -> str:
    """Switch the signal generator for every task that starts from now on.

    Returns:
        The one before.
    """
    before = generator(stack)
    if before != choice:
        client("ssm").put_parameter(Name=stack.generator_parameter, Value=choice, Overwrite=True)
    return before
