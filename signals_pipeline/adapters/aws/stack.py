# pyright: reportMissingTypeStubs=false
# Neither boto3 nor botocore has type stubs.
"""A CloudFormation stack of ours in AWS: its outputs, secrets and parameters, and the clients to reach them."""

import hashlib
import json
import secrets
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
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
# SSM parameters that the command makes where they are missing: CloudFormation can't make encrypted ones.
SECRETS = ("database-password", "writer-password", "reader-password", "link-key", "web-token")
# The database takes its password when it is made: a new value later would shut everybody out.
FIXED_SECRETS = ("database-password",)
# Parameters of the stack that ask for a vendor's key, and the SSM parameter that holds it.
VENDOR_KEYS = {
    "UseNewsApi": "newsapi-key",
    "UseTiingo": "tiingo-key",
    "UseSmtp": "smtp-password",
    "UseChannels": "channels",
}
SECRET_BYTES = 24
SETTLED = frozenset({"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"})
# A change set was made for a stack that does not exist yet.
REVIEW = "REVIEW_IN_PROGRESS"
# What is left of a stack whose first creation failed; it holds nothing and can only be deleted.
FAILED_CREATE = "ROLLBACK_COMPLETE"
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
        control_task: ARN of the control revision in service; empty before the first release.
        run_task: ARN of the revision of runs that it launches; empty before the first release.
        prepare_task: ARN of the task definition that migrates the database; empty before there is a candidate.
        parameters: The stack's parameters.
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
    control_task: str = ""
    run_task: str = ""
    prepare_task: str = ""
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def image(self) -> str:
        """The image in service, by digest; empty before the first release."""
        return self.parameters.get("ImageUri", "")


def client(service: str) -> Any:  # noqa: ANN401
    """A boto3 client for the account and region of the environment.

    Raises:
        DeployError: there is no region or no credential.
    """
    from botocore.exceptions import BotoCoreError

    session = _session()
    if not session.region_name:
        raise DeployError("no AWS region: set AWS_REGION, or name one in your AWS profile")
    if session.get_credentials() is None:
        raise DeployError("no AWS credentials: sign in (aws sso login), or set AWS_PROFILE")
    try:
        with _CLIENT_LOCK:
            return _cached_client(session, service)
    except BotoCoreError as error:
        raise DeployError(f"AWS {service}: {error}") from error


def region() -> str:
    """The region of the environment; empty where it names none."""
    return _session().region_name or ""


def has_access() -> bool:
    """Whether the environment names a region and credentials; nothing is asked of AWS."""
    session = _session()
    return bool(session.region_name) and session.get_credentials() is not None


def _session() -> Any:  # noqa: ANN401
    """The process's one session, which caches the service descriptions that it has read."""
    import boto3

    untyped_boto3 = cast("Any", boto3)
    if untyped_boto3.DEFAULT_SESSION is None:
        untyped_boto3.setup_default_session()
    return untyped_boto3.DEFAULT_SESSION


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
    described = describe(name)
    if described is None:
        raise DeployError(
            f"no stack {name!r} in {region()}: correct AWS_REGION, or create it with `signals deploy`,"
            " see docs/deployment.md"
        )
    status = described["StackStatus"]
    if status not in SETTLED:
        raise DeployError(f"stack {name} is {status}: {_remedy(name, status)}")
    return from_description(name, described)


def describe(name: str) -> dict[str, Any] | None:
    """What CloudFormation says of a stack, by its name or id; None where it has none."""
    from botocore.exceptions import ClientError

    try:
        [described] = client("cloudformation").describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        # CloudFormation answers every question that it can't answer with the same code.
        if "does not exist" not in str(error):
            raise
        return None
    return described


def require_deployable(name: str, status: str) -> None:
    """Refuse a stack that nothing but a hand can bring back.

    Raises:
        DeployError: it is half-made; the message has the command.
    """
    if status not in {*SETTLED, REVIEW, FAILED_CREATE}:
        raise DeployError(f"stack {name} is {status}: {_remedy(name, status)}")


def _remedy(name: str, status: str) -> str:
    """What to do about a stack in this state."""
    if status == "UPDATE_ROLLBACK_FAILED":
        return f"repair it with `aws cloudformation continue-update-rollback --stack-name {name}`, then deploy again"
    if status in {"ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"}:
        return (
            f"delete what is left of it with `aws cloudformation delete-stack --stack-name {name}`"
            " (its events say what resists), then deploy again"
        )
    if status in {REVIEW, FAILED_CREATE}:
        return "it was never made: `signals deploy` makes it"
    if status.endswith("IN_PROGRESS"):
        return "wait until that has ended, then run this again"
    return "repair it in CloudFormation's console, then deploy again"


def from_description(name: str, described: Mapping[str, Any]) -> Stack:
    """The stack that CloudFormation describes.

    Raises:
        DeployError: it lacks an output, so it is not one of ours.
    """
    outputs = outputs_of(described)
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
        control_task=outputs.get("ControlTask", ""),
        run_task=outputs.get("RunTask", ""),
        prepare_task=outputs.get("PrepareTask", ""),
        parameters=parameters_of(described),
    )


def parameters_of(described: Mapping[str, Any]) -> dict[str, str]:
    """The parameters that a described stack has."""
    return {each["ParameterKey"]: each["ParameterValue"] for each in described.get("Parameters", ())}


def outputs_of(described: Mapping[str, Any]) -> dict[str, str]:
    """The outputs that a described stack has."""
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", ())}


def template_of(name: str) -> str:
    """The template that a stack has, as text."""
    body = client("cloudformation").get_template(StackName=name)["TemplateBody"]
    # boto3 reads a template that is JSON.
    return body if isinstance(body, str) else json.dumps(body)


def make_missing_secrets(name: str) -> list[str]:
    """Make the secrets of a stack that are missing, each at random.

    Returns:
        The names of those made.
    """
    missing = missing_parameters([f"/{name}/{secret}" for secret in SECRETS])
    for parameter in missing:
        value = secrets.token_hex(SECRET_BYTES)
        client("ssm").put_parameter(Name=parameter, Value=value, Type="SecureString")
    return missing


def missing_parameters(names: Collection[str]) -> list[str]:
    """Which of these SSM parameters don't exist, by name; no value is decrypted."""
    ssm = client("ssm")
    ordered = sorted(names)
    missing: list[str] = []
    # AWS takes at most 10 names per call.
    for start in range(0, len(ordered), 10):
        missing += ssm.get_parameters(Names=ordered[start : start + 10])["InvalidParameters"]
    return sorted(missing)


def secret_hash(name: str, secret: str) -> str:
    """The SHA-256 of a stack's secret, as hexadecimal digits."""
    answer = client("ssm").get_parameter(Name=f"/{name}/{secret}", WithDecryption=True)
    return hashlib.sha256(str(answer["Parameter"]["Value"]).encode()).hexdigest()


def how_to_make(parameter: str) -> str:
    """The command that creates a secret."""
    return f"aws ssm put-parameter --type SecureString --name {parameter} --value ..."


def confirm_and_release(operator: str) -> str:
    """What makes the alarm HeartbeatMissing, for lines that say that it is not there."""
    return f"once {operator} has followed the link in the mail from AWS Notifications, run `signals deploy` again"


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
