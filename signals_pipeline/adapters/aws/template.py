"""The templates of `deploy/` as CloudFormation takes them: minified JSON, as the YAML outgrows what fits inline."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from signals_pipeline.adapters.aws.files import MAIN
from signals_pipeline.adapters.aws.stack import DeployError

# CreateChangeSet's limit for TemplateBody.
MAX_BYTES = 51_200
# Parameters of the main stack that a release sets.
IMAGE, CANDIDATE, PROTECTED, HEARTBEAT = "ImageUri", "CandidateImageUri", "ProtectDatabase", "HeartbeatAlarm"
# Those that hold what the public stack has: each has the name of its output there.
FROM_PUBLIC = ("PublicUrl", "PagesBucket", "ReaderQueue", "ReaderQueueArn", "ConfigurationSet")
# The parameter of the public stack that names the main one.
MAIN_NAME = "Stack"
# What only a release can know, so that users can't set it.
_RELEASED = frozenset({IMAGE, CANDIDATE, *FROM_PUBLIC, MAIN_NAME})
# The task definition that migrates the database, and its condition.
_PREPARE_TASK, _HAS_CANDIDATE = "PrepareTask", "HasCandidate"

Template = dict[str, Any]


class _Loader(yaml.CSafeLoader):
    """YAML with CloudFormation's short forms: `!Ref X` is `{"Ref": "X"}`, `!Sub X` is `{"Fn::Sub": "X"}`."""


def _short_form(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    name = suffix if suffix in {"Ref", "Condition"} else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    # YAML has no fourth kind of node.
    return {name: loader.construct_mapping(cast("yaml.MappingNode", node), deep=True)}


cast("Any", _Loader).add_multi_constructor("!", _short_form)


def parse(text: str) -> Template:
    """A template from its YAML or JSON."""
    # JSON is YAML, but takes a YAML parser a hundred times as long.
    if text.lstrip().startswith("{"):
        return json.loads(text)
    return yaml.load(text, _Loader)  # noqa: S506  # a safe loader


def load(root: Path, name: str = MAIN) -> Template:
    """A template in a checkout.

    Args:
        root: The checkout.
        name: Its file, `files.MAIN` or `files.PUBLIC`.

    Raises:
        DeployError: it is not there.
    """
    path = root / "deploy" / name
    try:
        return parse(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DeployError(f"{path}: {error.strerror}; run this from a checkout of the project") from error


def minified(template: Mapping[str, Any]) -> str:
    """A template as JSON without whitespace.

    Raises:
        DeployError: it is longer than CloudFormation takes.
    """
    text = json.dumps(template, ensure_ascii=False, separators=(",", ":"))
    size = len(text.encode())
    if size > MAX_BYTES:
        raise DeployError(f"the template has {size} bytes as JSON, CloudFormation takes {MAX_BYTES}: shorten it")
    return text


def with_candidate(previous: Template, current: Template) -> Template:
    """The stack's present template with the new one's migration task, so that nothing else changes before it has run.

    Args:
        previous: The template that the stack has.
        current: The template of the release.
    """
    # Parameters and conditions that only the new task definition uses come along; unused ones do no harm.
    parameters = {**current["Parameters"], **previous["Parameters"]}
    conditions = {**current["Conditions"], **previous.get("Conditions", {})}
    resources = {**previous["Resources"], _PREPARE_TASK: current["Resources"][_PREPARE_TASK]}
    outputs = {**previous["Outputs"], _PREPARE_TASK: current["Outputs"][_PREPARE_TASK]}
    conditions[_HAS_CANDIDATE] = current["Conditions"][_HAS_CANDIDATE]
    return {
        **previous,
        "Parameters": parameters,
        "Conditions": conditions,
        "Resources": resources,
        "Outputs": outputs,
    }


def settable(template: Template, parameters: Mapping[str, str]) -> dict[str, str]:
    """Those parameters that the template has and that a user sets."""
    names = set(template["Parameters"]) - _RELEASED
    return {name: value for name, value in parameters.items() if name in names}


def check_parameters(templates: Iterable[Template], given: Mapping[str, str]) -> None:
    """Refuse parameters that no template has, or that only a release sets.

    Raises:
        DeployError: the first such parameter.
    """
    names: set[str] = set()
    for template in templates:
        names.update(template["Parameters"])
    for name in given:
        if name in {IMAGE, CANDIDATE}:
            raise DeployError(f"--set {name}: a release sets it; an earlier image comes back with `signals rollback`")
        if name in _RELEASED:
            raise DeployError(f"--set {name}: a release sets it, from the public stack")
        if name not in names:
            known = ", ".join(sorted(names - _RELEASED))
            raise DeployError(f"--set {name}: the stack has no such parameter; it has {known}")


def parameter_values(
    names: Iterable[str], previous: Mapping[str, str], sent: Mapping[str, str]
) -> list[dict[str, str | bool]]:
    """The parameters of a change set: those sent, else the stack's present value, else the template's default.

    Args:
        names: Names of the template's parameters.
        previous: The values that the stack has.
        sent: New values.
    """
    values: list[dict[str, str | bool]] = []
    for name in names:
        if name in sent:
            values.append({"ParameterKey": name, "ParameterValue": sent[name]})
        elif name in previous:
            values.append({"ParameterKey": name, "UsePreviousValue": True})
    return values
