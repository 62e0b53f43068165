"""AWS's command line, as far as the project's guide goes: `aws SERVICE OPERATION --options`, held to botocore's models.

Options are those of the operation's model, and botocore itself checks names, types and what is required. Then the call
goes to the session's endpoint; an operation that the stand-ins do not have is only checked. `logs tail`, `s3 rm` and
`cloudformation deploy`, which the command line makes of several calls, are made of the same ones here. Stricter than
the original: a `--query` that finds nothing is an error, not the text `None`.
"""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import jmespath
from botocore import xform_name
from botocore.exceptions import ClientError, ParamValidationError
from botocore.model import ListShape, MapShape, Shape
from botocore.validate import ParamValidator

USAGE = 252  # its exit code for a command that it does not understand
REFUSED = 254  # and for one that AWS refuses
# What no stand-in carries out, and why that is so.
CHECKED_ONLY = {
    ("ssm", "start-session"): "a session needs Session Manager's agent in a task; see `require_session`",
    ("sesv2", "delete-suppressed-destination"): "moto has no list of suppressed addresses",
    ("cloudformation", "continue-update-rollback"): "moto has no rollback that fails",
}


class UsageError(Exception):
    """The command line would refuse this command."""


class CommandLine:
    """Carries out commands with boto3's default session.

    Attributes:
        pause: Lets time pass between two looks.
        calls: Every operation, with its parameters.
    """

    def __init__(self, pause: Callable[[float], None]) -> None:
        self.pause = pause
        self.calls: list[tuple[str, str, dict[str, Any]]] = []

    def run(self, service: str, operation: str, *rest: str) -> str:
        """Carry out one command.

        Returns:
            What it prints.

        Raises:
            UsageError: it does not exist, or its options are wrong.
            ClientError: AWS refuses it.
        """
        high_level = {
            ("logs", "tail"): self._tail,
            ("s3", "rm"): self._remove,
            ("cloudformation", "deploy"): self._deploy,
        }
        if (service, operation) in high_level:
            return high_level[service, operation](*rest)

        options = _options(rest)
        query, form = _only(options.pop("query", None)), _only(options.pop("output", ["json"]))
        client = self._client(service)
        names = {xform_name(name, "-"): name for name in client.meta.service_model.operation_names}
        if operation not in names:
            raise UsageError(f"aws {service} has no {operation}")
        shape = client.meta.service_model.operation_model(names[operation]).input_shape
        members = {xform_name(name, "-"): name for name in shape.members} if shape else {}
        parameters: dict[str, Any] = {}
        for name, words in options.items():
            if name not in members:
                raise UsageError(f"aws {service} {operation}: unknown option --{name}")
            parameters[members[name]] = _value(shape.members[members[name]], words)

        self.calls.append((service, operation, parameters))
        if (service, operation) in CHECKED_ONLY:
            _check(client, names[operation], parameters)
            return ""
        try:
            answer = getattr(client, xform_name(names[operation]))(**parameters)
        except ParamValidationError as error:
            raise UsageError(f"aws {service} {operation}: {error}") from error
        answer.pop("ResponseMetadata", None)
        return _shown(answer, query, form or "json")

    @staticmethod
    def _client(service: str) -> Any:
        session = boto3.DEFAULT_SESSION
        assert session is not None
        if service not in session.get_available_services():
            raise UsageError(f"aws has no service {service}")
        return session.client(service)

    def _tail(self, group: str, *rest: str) -> str:
        """`aws logs tail`, see https://docs.aws.amazon.com/cli/latest/reference/logs/tail.html."""
        unknown = set(_options(rest)) - {"since", "follow", "format"}
        if unknown:
            raise UsageError(f"aws logs tail: unknown option --{unknown.pop()}")
        [since] = _options(rest).get("since", ["10m"])
        if not re.fullmatch(r"\d+[smhdw]", since):
            raise UsageError(f"aws logs tail --since {since}: a number and s, m, h, d or w")
        events = self._client("logs").filter_log_events(logGroupName=group)["events"]
        self.calls.append(("logs", "tail", {"logGroupName": group}))
        return "".join(f"{event['logStreamName']} {event['message']}\n" for event in events)

    def _remove(self, *rest: str) -> str:
        """`aws s3 rm --recursive`."""
        if len(rest) != 2 or rest[0] != "--recursive" or not rest[1].startswith("s3://"):
            raise UsageError("aws s3 rm: --recursive s3://BUCKET")
        client, bucket = self._client("s3"), rest[1].removeprefix("s3://").rstrip("/")
        self.calls.append(("s3", "rm", {"Bucket": bucket}))
        for found in client.list_objects_v2(Bucket=bucket).get("Contents", []):
            client.delete_object(Bucket=bucket, Key=found["Key"])
        return ""

    def _deploy(self, *rest: str) -> str:
        """`aws cloudformation deploy`: a change set with the parameters that are not overridden as they were."""
        options = _options(rest)
        unknown = set(options) - {"stack-name", "template-file", "capabilities", "parameter-overrides"}
        if unknown:
            raise UsageError(f"aws cloudformation deploy: unknown option --{unknown.pop()}")
        [name], [path] = options["stack-name"], options["template-file"]
        client = self._client("cloudformation")
        given = dict(pair.split("=", 1) for pair in options["parameter-overrides"])
        try:
            [former] = client.describe_stacks(StackName=name)["Stacks"]
            former_names = [each["ParameterKey"] for each in former["Parameters"] if each["ParameterKey"] not in given]
        except ClientError:
            former_names = None
        kept = [{"ParameterKey": each, "UsePreviousValue": True} for each in former_names or ()]
        change_set = client.create_change_set(
            StackName=name,
            ChangeSetName="awscli-cloudformation-package-deploy",
            ChangeSetType="CREATE" if former_names is None else "UPDATE",
            TemplateBody=Path(path).read_text(encoding="utf-8"),
            Capabilities=options["capabilities"],
            Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()] + kept,
        )["Id"]
        self.calls.append(("cloudformation", "deploy", {"StackName": name, **given}))
        for _ in range(4):  # looks until the change set is ready
            self.pause(10)
        client.execute_change_set(ChangeSetName=change_set, ClientRequestToken="deploy")
        for _ in range(4):
            self.pause(10)
        return "Successfully created/updated stack\n"


def _options(words: tuple[str, ...]) -> dict[str, list[str]]:
    """The words of each option, by its name without hyphens."""
    options: dict[str, list[str]] = {}
    name = ""
    for word in words:
        if word.startswith("--"):
            name = word.removeprefix("--")
            if name in options:
                raise UsageError(f"--{name} twice")
            options[name] = []
        elif not name:
            raise UsageError(f"unknown argument {word!r}")
        else:
            options[name].append(word)
    return options


def _only(words: list[str] | None) -> str | None:
    if words is None:
        return None
    if len(words) != 1:
        raise UsageError(f"one value, not {words}")
    return words[0]


def _value(shape: Shape, words: list[str]) -> Any:
    """An option's words as its parameter: shorthand or JSON, as the command line has them."""
    if shape.type_name == "boolean":
        if words:
            raise UsageError(f"a flag takes no value: {words}")
        return True
    if isinstance(shape, ListShape):
        member: Any = shape.member
        return [_value(member, [word]) for word in words]
    [word] = words if len(words) == 1 else [""]
    if not word:
        raise UsageError(f"one value, not {words}")
    if word[:1] in "[{":
        return json.loads(word)
    if isinstance(shape, MapShape):
        pairs = dict(pair.split("=", 1) for pair in word.split(","))
        return {key: [value] if isinstance(shape.value, ListShape) else value for key, value in pairs.items()}
    if shape.type_name in {"integer", "long"}:
        if not word.lstrip("-").isdigit():
            raise UsageError(f"a whole number, not {word}")
        return int(word)
    return word


def _check(client: Any, operation: str, parameters: dict[str, Any]) -> None:
    """Have botocore check a request that is not sent.

    Raises:
        UsageError: it would not send it.
    """
    model = client.meta.service_model.operation_model(operation)
    report = ParamValidator().validate(parameters, model.input_shape)
    if report.has_errors():
        raise UsageError(report.generate_report())


def _shown(answer: dict[str, Any], query: str | None, form: str) -> str:
    found = answer if query is None else jmespath.search(query, answer)
    if found is None or found == []:
        raise UsageError(f"--query {query!r} finds nothing in {answer}")
    if form == "text":
        return "\t".join(str(each) for each in found) + "\n" if isinstance(found, list) else f"{found}\n"
    return json.dumps(found, indent=4, default=str) + "\n"
