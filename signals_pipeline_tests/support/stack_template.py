"""Reading `deploy/stack.yaml` as CloudFormation does, as far as that template goes: intrinsic functions resolved."""

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.adapters.aws.template import parse

ACCOUNT, REGION = "123456789012", "us-east-1"
IMAGE = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/signals@sha256:{'0' * 64}"
# As after a first release, with all that there can be, and with the database that the stand-in can make: it knows no
# clusters in a template.
PARAMETERS = {
    "OperatorEmail": "operator@example.org",
    "ImageUri": IMAGE,
    "CandidateImageUri": IMAGE,
    "ProtectDatabase": "yes",
    "Dashboard": "yes",
    "HeartbeatAlarm": "yes",
    "DatabaseKind": "instance",
}
ARNS = {
    "AWS::ECR::Repository": f"arn:aws:ecr:{REGION}:{ACCOUNT}:repository/{{}}",
    "AWS::ECS::Cluster": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{{}}",
    "AWS::IAM::Role": f"arn:aws:iam::{ACCOUNT}:role/{{}}",
    "AWS::Logs::LogGroup": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{{}}",
    "AWS::Lambda::Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{}}",
    "AWS::S3::Bucket": "arn:aws:s3:::{}",
    "AWS::SQS::Queue": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{{}}",
}
ATTRIBUTES = {
    "Endpoint.Address": f"{{}}.aaaaaaaaaa.{REGION}.rds.amazonaws.com",  # as the stand-in names it
    "DomainName": "distribution.cloudfront.example",
    "FunctionARN": f"arn:aws:cloudfront::{ACCOUNT}:function/{{}}",
    "QueueName": "{}",
    "FunctionUrl": "https://function.lambda-url.example/",
    "RegionalDomainName": f"{{}}.s3.{REGION}.amazonaws.com",
    "RepositoryUri": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{{}}",
}


def text() -> str:
    """The template as it is."""
    return (repository() / "deploy" / "stack.yaml").read_text(encoding="utf-8")


@functools.cache  # a tenth of a second a time; `resolve` makes new values of it
def parsed(template: str) -> Mapping[str, Any]:
    """A template's text as nested values, its short forms written out."""
    return parse(template)


@dataclass(frozen=True)
class Template:
    """The template under a stack's name and parameters.

    Attributes:
        stack: Name of the stack.
        given: Parameters given; the others have their defaults.
        physical: Physical id by logical id, where a stack has been made.
    """

    stack: str = "signals"
    given: Mapping[str, str] = field(default_factory=lambda: PARAMETERS)
    physical: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, Any] = field(default_factory=lambda: parsed(text()))

    def of_type(self, kind: str) -> dict[str, dict[str, Any]]:
        """Resolved properties of all resources of a type that the stack has, by logical id."""
        found = {name: each for name, each in self.body["Resources"].items() if each["Type"] == kind}
        found = {
            name: each for name, each in found.items() if "Condition" not in each or self.condition(each["Condition"])
        }
        return {name: self.resolve(each.get("Properties", {})) for name, each in found.items()}

    def resolve(self, node: Any) -> Any:
        """A part of the template with every intrinsic function carried out."""
        if isinstance(node, list):
            resolved = [self.resolve(each) for each in node]
            return [each for each in resolved if each is not None]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            [(name, argument)] = node.items()
            if name == "Ref":
                return self._ref(argument)
            if name == "Condition":
                return self.condition(argument)
            if name.startswith("Fn::"):
                return getattr(self, "_" + name[4:].lower())(argument)
        return {name: value for name, each in node.items() if (value := self.resolve(each)) is not None}

    def condition(self, name: str) -> bool:
        """Whether a condition holds."""
        return bool(self.resolve(self.body["Conditions"][name]))

    def _ref(self, name: str) -> str | None:
        pseudo = {
            "AWS::StackName": self.stack,
            "AWS::Region": REGION,
            "AWS::AccountId": ACCOUNT,
            "AWS::Partition": "aws",
            "AWS::NoValue": None,
        }
        if name in pseudo:
            return pseudo[name]
        if name in self.body["Parameters"]:
            return self.given.get(name, self.body["Parameters"][name].get("Default"))
        return self.physical.get(name, f"{self.stack}-{name}")

    def _getatt(self, argument: list[str]) -> str:
        logical, attribute = argument
        if attribute == "Arn":
            # A queue is referred to by its address, which ends with its name.
            return ARNS[self.body["Resources"][logical]["Type"]].format(str(self._ref(logical)).rsplit("/", 1)[-1])
        if attribute == "Name":
            return str(self.body["Resources"][logical]["Properties"]["ServiceName"])
        return ATTRIBUTES[attribute].format(str(self._ref(logical)).rsplit("/", 1)[-1])

    def _sub(self, argument: str | list[Any]) -> str:
        template, variables = argument if isinstance(argument, list) else (argument, {})
        values = self.resolve(variables)

        def put(found: re.Match[str]) -> str:
            name = found[1]
            if name in values:
                return str(values[name])
            return str(self._getatt(name.split(".", 1)) if "." in name else self._ref(name))

        return re.sub(r"\$\{([^}]+)\}", put, template)

    def _if(self, argument: list[Any]) -> Any:
        return self.resolve(argument[1] if self.condition(argument[0]) else argument[2])

    def _equals(self, argument: list[Any]) -> bool:
        # CloudFormation compares texts: a number's parameter is given as one.
        left, right = (str(self.resolve(each)) for each in argument)
        return left == right

    def _and(self, argument: list[Any]) -> bool:
        return all(self.resolve(each) for each in argument)

    def _not(self, argument: list[Any]) -> bool:
        return not self.resolve(argument[0])

    def _select(self, argument: list[Any]) -> Any:
        return self.resolve(argument[1])[int(argument[0])]

    def _getazs(self, _argument: Any) -> list[str]:
        return [f"{REGION}{letter}" for letter in "abc"]

    def _split(self, argument: list[Any]) -> list[str]:
        return self.resolve(argument[1]).split(argument[0])

    def _join(self, argument: list[Any]) -> str:
        return str(argument[0]).join(self.resolve(argument[1]))

    def dashboard(self) -> dict[str, Any]:
        """The dashboard's body, parsed."""
        [properties] = self.of_type("AWS::CloudWatch::Dashboard").values()
        return json.loads(properties["DashboardBody"])
