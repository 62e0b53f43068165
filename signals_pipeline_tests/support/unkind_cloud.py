"""CloudFormation and ECS as unkind as AWS's own, behind boto3's own clients; everything else is the local stand-in's.

moto's CloudFormation makes no conditional resources on an update, does not roll back, and shows everything at once.
Here:

- a change set takes a look to be made; an empty one fails; parameters are held to the template;
- a cluster with capacity providers fails without ECS's service-linked role, a database without its password;
- a failed update is taken back, a failed first creation leaves ROLLBACK_COMPLETE, or ROLLBACK_FAILED if the database is
  protected from deletion;
- what was just changed is MISSING, or shown as it was, at the first look;
- an assertion of the template's rules that does not hold refuses the change set;
- an address that subscribes to a topic is pending until it confirms;
- the service's tasks take time, its circuit breaker gives up after three, and Application Auto Scaling changes its
  desired count whenever the scheduled actions of the template say so.

Time passes in `pass_time`, which a test gives as the pause between two looks.
"""

import copy
import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import boto3
import pytest

from signals_pipeline.adapters.aws.template import parse
from signals_pipeline_tests.support.aws_clients import client
from signals_pipeline_tests.support.stack_template import ACCOUNT, REGION, Template
from signals_pipeline_tests.support.template_comparison import spelled

Properties = dict[str, Any]
# What depends on what: runs before the control service that names them.
# What refers to others comes after them, as CloudFormation makes it.
ORDER = {"Cluster": -1, "RunTask": 1, "PrepareTask": 1, "ControlTask": 2, "Watch": 2, "Control": 3, "ControlTarget": 4}
TASK_DEFINITION, SERVICE = "AWS::ECS::TaskDefinition", "AWS::ECS::Service"
GIVES_UP_AFTER = 3  # tasks that did not become healthy: the circuit breaker's smallest threshold
NOTHING = "The submitted information didn't contain changes. Submit different information to create a change set."


class RefusedError(Exception):
    """A call that AWS answers with an error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass
class Resource:
    """A resource that the stack has."""

    kind: str
    properties: Properties
    physical: str


@dataclass
class StackState:
    """A stack."""

    name: str
    arn: str
    status: str = "REVIEW_IN_PROGRESS"
    template: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    resources: dict[str, Resource] = field(default_factory=dict)
    events: list[Properties] = field(default_factory=list)
    hidden_for: int = 2  # steps of time in which no look sees it yet
    shown: Properties | None = None  # what a stale look sees
    stale_for: int = 0  # steps of time

    def resolved(self, template: str | None = None, parameters: Mapping[str, str] | None = None) -> Template:
        physical = {name: each.physical for name, each in self.resources.items()}
        given = self.parameters if parameters is None else parameters
        body = parse(self.template if template is None else template)
        return Template(stack=self.name, given=given, physical=physical, body=body)


@dataclass
class ChangeSetState:
    """A change set."""

    arn: str
    stack: StackState
    template: str
    parameters: dict[str, str]
    changed: set[str]
    status: str = "CREATE_PENDING"
    hidden: int = 1


@dataclass
class OperationState:
    """A change set that is being carried out."""

    change_set: ChangeSetState
    token: str
    drops_new: bool
    before: StackState
    registered: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    waits_for_service: bool = False
    ticks: int = 0


@dataclass
class TaskState:
    """A task."""

    arn: str
    definition: str
    command: tuple[str, ...] = ()
    of_service: bool = False
    status: str = "PROVISIONING"
    health: str = "UNKNOWN"
    exit_code: int | None = None
    hidden: int = 2
    ticks: int = 0


@dataclass
class ServiceState:
    """The control service."""

    definition: str
    desired: int
    previous: str = ""
    rollout: str = "IN_PROGRESS"
    failures: int = 0
    deployments: int = 1


@dataclass
class Cloud:
    """An account.

    Attributes:
        now: Its clock.
        failing: Logical ids of resources that can't be made or changed, with the reason.
        exit_codes: With which one-off tasks end, by command; the others end with 0.
        last_words: What they log, by command.
        confirmed: Addresses that have followed the link in SNS's mail.
        only_runs: The only images whose service becomes healthy; None: all.
        calls: Every call, in order.
        history: Every state of the desired count, in order.
    """

    now: datetime
    failing: dict[str, str] = field(default_factory=dict)
    exit_codes: dict[tuple[str, ...], int] = field(default_factory=dict)
    last_words: dict[tuple[str, ...], str] = field(default_factory=dict)
    confirmed: set[str] = field(default_factory=set)
    only_runs: set[str] | None = None
    errors: dict[str, RefusedError] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    history: list[int] = field(default_factory=list)
    stacks: dict[str, StackState] = field(default_factory=dict)
    change_sets: dict[str, ChangeSetState] = field(default_factory=dict)
    definitions: dict[str, list[Properties]] = field(default_factory=dict)
    tasks: list[TaskState] = field(default_factory=list)
    service: ServiceState | None = None
    stale: Properties | None = None
    operation: OperationState | None = None
    alarm: Callable[["Cloud"], None] | None = None
    has_ecs_role: bool = False

    # --- the calls -----------------------------------------------------------------------------------------------

    def remember(self, params: Properties, context: Properties, **_: Any) -> None:
        """Keep a call's parameters as the caller gave them."""
        context["given"] = params

    def answer(self, model: Any, context: Properties, **_: Any) -> Any:
        """Answer a call in the service's place; None leaves it to the local stand-in."""
        self.calls.append(model.name)
        handler = getattr(self, f"_{_snake(model.name)}", None)
        try:
            if model.name in self.errors:
                raise self.errors[model.name]
            if handler is None:
                return None
            given = {_snake(name): value for name, value in context["given"].items()}
            return SimpleNamespace(status_code=200), copy.deepcopy(handler(**given))
        except RefusedError as refused:
            return SimpleNamespace(status_code=400), {"Error": {"Code": refused.code, "Message": str(refused)}}

    # --- CloudFormation ------------------------------------------------------------------------------------------

    def _find(self, name: str) -> StackState:
        for stack in [*self.stacks.values()][::-1]:
            by_name = stack.name == name and stack.status != "DELETE_COMPLETE"
            if by_name or stack.arn == name:
                return stack
        raise RefusedError("ValidationError", f"Stack with id {name} does not exist")

    def _describe_stacks(self, stack_name: str) -> Properties:
        stack = self._find(stack_name)
        if stack.hidden_for:
            raise RefusedError("ValidationError", f"Stack with id {stack_name} does not exist")
        if stack.shown is not None and stack.stale_for:
            return {"Stacks": [stack.shown]}
        return {"Stacks": [self._shown(stack)]}

    def _shown(self, stack: StackState) -> Properties:
        shown = {"StackName": stack.name, "StackId": stack.arn, "StackStatus": stack.status, "CreationTime": self.now}
        if stack.template:
            template = stack.resolved()
            shown["Parameters"] = [
                {"ParameterKey": name, "ParameterValue": value} for name, value in stack.parameters.items()
            ]
            shown["Outputs"] = [
                {"OutputKey": name, "OutputValue": template.resolve(each["Value"])}
                for name, each in template.body["Outputs"].items()
                if "Condition" not in each or template.condition(each["Condition"])
            ]
        return shown

    def _get_template(self, stack_name: str) -> Properties:
        return {"TemplateBody": self._find(stack_name).template}

    def _create_change_set(
        self,
        *,
        stack_name: str,
        change_set_name: str,
        change_set_type: str,
        parameters: list[Properties],
        capabilities: list[str],
        template_body: str = "",
        use_previous_template: bool = False,
    ) -> Properties:
        known = [stack for stack in self.stacks.values() if stack.name == stack_name and stack.status[:6] != "DELETE"]
        stack = known[0] if known else None
        if change_set_type == "CREATE":
            if stack is not None and stack.status != "REVIEW_IN_PROGRESS":
                raise RefusedError(
                    "ValidationError", f"Stack [{stack_name}] already exists and cannot be created again"
                )
            if stack is None:
                arn = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{stack_name}/{len(self.stacks)}"
                stack = self.stacks[arn] = StackState(stack_name, arn)
        elif stack is None:
            raise RefusedError("ValidationError", f"Stack [{stack_name}] does not exist")
        elif stack.status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE"}:
            raise RefusedError(
                "ValidationError", f"Stack:{stack.arn} is in {stack.status} state and can not be updated."
            )
        body = stack.template if use_previous_template else template_body
        if len(body.encode()) > 51_200:
            raise RefusedError("ValidationError", "1 validation error detected: templateBody is too long")
        assert capabilities == ["CAPABILITY_IAM"]
        values = self._parameters(parse(body), stack.parameters, parameters)
        self._check_rules(stack.resolved(body, values))
        changed = self._changed(stack, body, values)
        arn = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet/{change_set_name}/{len(self.change_sets)}"
        self.change_sets[arn] = ChangeSetState(arn, stack, body, values, changed)
        return {"Id": arn, "StackId": stack.arn}

    @staticmethod
    def _parameters(body: Properties, previous: Mapping[str, str], given: list[Properties]) -> dict[str, str]:
        declared = body["Parameters"]
        values = {name: str(each["Default"]) for name, each in declared.items() if "Default" in each}
        for each in given:
            name = each["ParameterKey"]
            if name not in declared:
                raise RefusedError("ValidationError", f"Parameters: [{name}] do not exist in the template")
            if each.get("UsePreviousValue"):
                if name not in previous:
                    raise RefusedError(
                        "ValidationError",
                        f"Invalid input for parameter key {name}. Cannot specify "
                        "usePreviousValue as true for a parameter key not in the previous template",
                    )
                values[name] = previous[name]
            else:
                values[name] = each["ParameterValue"]
        for name, each in declared.items():
            if name not in values:
                raise RefusedError("ValidationError", f"Parameters: [{name}] must have values")
            allowed = [str(value) for value in each.get("AllowedValues", ())]
            if (allowed and values[name] not in allowed) or not re.search(each.get("AllowedPattern", ""), values[name]):
                raise RefusedError("ValidationError", f"Parameter '{name}' must match what is allowed")
        return values

    @staticmethod
    def _check_rules(template: Template) -> None:
        for rule in template.body.get("Rules", {}).values():
            if template.resolve(rule["RuleCondition"]):
                for assertion in rule["Assertions"]:
                    if not template.resolve(assertion["Assert"]):
                        said = f"Template format error: Rules: {assertion['AssertDescription']}"
                        raise RefusedError("ValidationError", said)

    def _changed(self, stack: StackState, body: str, parameters: Mapping[str, str]) -> set[str]:
        """Logical ids of what an update to this template would touch."""
        template = stack.resolved(body, parameters)
        physical = dict(template.physical)
        wanted = self._wanted(template)
        changed = set(stack.resources) - set(wanted)
        for name in sorted(wanted, key=lambda name: ORDER.get(name, 0)):
            resource = template.body["Resources"][name]
            properties = Template(stack.name, parameters, physical, template.body).resolve(
                resource.get("Properties", {})
            )
            before = stack.resources.get(name)
            if before is None or before.properties != properties:
                changed.add(name)
                if resource["Type"] == TASK_DEFINITION:
                    physical[name] = "known after the update"
        return changed

    @staticmethod
    def _wanted(template: Template) -> list[str]:
        """Logical ids of the resources whose condition holds."""
        return [
            name
            for name, each in template.body["Resources"].items()
            if "Condition" not in each or template.condition(each["Condition"])
        ]

    def _describe_change_set(self, change_set_name: str) -> Properties:
        change_set = self.change_sets[change_set_name]
        if change_set.hidden:
            change_set.hidden -= 1
            raise RefusedError("ChangeSetNotFound", f"ChangeSet [{change_set_name}] does not exist")
        changes = [
            {"Type": "Resource", "ResourceChange": {"LogicalResourceId": name}} for name in sorted(change_set.changed)
        ]
        reason = {"StatusReason": NOTHING} if change_set.status == "FAILED" else {}
        return {"Status": change_set.status, "Changes": changes, **reason}

    def _delete_change_set(self, change_set_name: str) -> Properties:
        del self.change_sets[change_set_name]
        return {}

    def _execute_change_set(
        self,
        *,
        change_set_name: str,
        client_request_token: str,
        retain_except_on_create: bool = False,
    ) -> Properties:
        change_set = self.change_sets[change_set_name]
        assert change_set.status == "CREATE_COMPLETE"
        assert self.operation is None
        stack = change_set.stack
        stack.shown, stack.stale_for = self._shown(stack), 2
        creates = stack.status == "REVIEW_IN_PROGRESS"
        self.operation = OperationState(change_set, client_request_token, retain_except_on_create, copy.deepcopy(stack))
        self._state(stack, "CREATE_IN_PROGRESS" if creates else "UPDATE_IN_PROGRESS")
        return {}

    def _delete_stack(self, stack_name: str) -> Properties:
        stack = self._find(stack_name)
        protected = [each for each in stack.resources.values() if each.properties.get("DeletionProtection") is True]
        stack.status = "DELETE_FAILED" if protected else "DELETE_COMPLETE"
        return {}

    def _describe_stack_events(self, stack_name: str) -> Properties:
        return {"StackEvents": self._find(stack_name).events[::-1]}

    def _state(self, stack: StackState, status: str) -> None:
        stack.status = status
        self._event(stack, stack.name, stack.arn, status)

    def _event(self, stack: StackState, logical: str, physical: str, status: str, reason: str = "") -> None:
        assert self.operation is not None
        event = {"LogicalResourceId": logical, "PhysicalResourceId": physical, "ResourceStatus": status}
        said = {"ResourceStatusReason": reason} if reason else {}
        stack.events.append(event | said | {"ClientRequestToken": self.operation.token, "Timestamp": self.now})

    # --- carrying out --------------------------------------------------------------------------------------------

    def _proceed(self) -> None:
        """One step of the operation that is under way."""
        operation = self.operation
        if operation is None:
            return
        operation.ticks += 1
        stack = operation.change_set.stack
        shown = self._shown(stack)
        try:
            if operation.ticks == 1:
                self._apply(operation, stack)
            if operation.waits_for_service and not self._service_is_stable():
                return
        except RefusedError as refused:
            self._take_back(operation, stack, refused)
        else:
            for arn in operation.replaced:
                self._definition(arn)["status"] = "INACTIVE"
            if stack.status == "UPDATE_IN_PROGRESS":
                self._state(stack, "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
            self._state(stack, "CREATE_COMPLETE" if stack.status == "CREATE_IN_PROGRESS" else "UPDATE_COMPLETE")
        self.operation = None
        stack.shown, stack.stale_for = shown, 2

    def _apply(self, operation: OperationState, stack: StackState) -> None:
        change_set = operation.change_set
        stack.template, stack.parameters = change_set.template, change_set.parameters
        wanted = self._wanted(stack.resolved())
        for name in sorted(wanted, key=lambda name: ORDER.get(name, 0)):
            if name not in change_set.changed:
                continue
            template = stack.resolved()
            resource = template.body["Resources"][name]
            kind, properties = resource["Type"], template.resolve(resource.get("Properties", {}))
            before = stack.resources.get(name)
            done = "UPDATE" if before else "CREATE"
            try:
                physical = self._make(operation, stack, name, kind, properties)
            except RefusedError as refused:
                self._event(stack, name, "", f"{done}_FAILED", str(refused))
                raise
            if kind == TASK_DEFINITION and before and resource.get("UpdateReplacePolicy") != "Retain":
                operation.replaced.append(before.physical)
            stack.resources[name] = Resource(kind, properties, physical)
            if kind != SERVICE:
                self._event(stack, name, physical, f"{done}_COMPLETE")

    def _make(self, operation: OperationState, stack: StackState, name: str, kind: str, properties: Properties) -> str:
        """Make or change one resource; its physical id."""
        if name in self.failing:
            raise RefusedError("", self.failing[name])
        if kind == "AWS::ECS::Cluster":
            if "CapacityProviders" in properties and not self.has_ecs_role:
                said = "Unable to assume the service linked role. Please verify that the ECS service linked role exists"
                raise RefusedError("InvalidParameterException", said)
            return properties["ClusterName"]
        # A database takes its password when it is made; a cluster's server has none of its own.
        if "MasterUserPassword" in properties and name not in stack.resources:
            secret = properties["MasterUserPassword"].removeprefix("{{resolve:ssm-secure:").removesuffix("}}")
            if client("ssm").get_parameters(Names=[secret])["InvalidParameters"]:
                raise RefusedError("ValidationError", f"Parameters: [ssm-secure:{secret}] cannot be found.")
        if kind == "AWS::ECR::Repository" and name not in stack.resources:
            made = {"repositoryName": properties["RepositoryName"]}
            client("ecr").create_repository(**made, imageTagMutability=properties["ImageTagMutability"])
            return properties["RepositoryName"]
        if kind == TASK_DEFINITION:
            arn = self._register(properties)
            operation.registered.append(arn)
            return arn
        if kind == SERVICE:
            self._update(properties, creates=name not in stack.resources)
            operation.waits_for_service = True
            return f"arn:aws:ecs:{REGION}:{ACCOUNT}:service/{properties['Cluster']}/{properties['ServiceName']}"
        if kind == "AWS::S3::Bucket":
            return f"{stack.name}-{name}".lower()
        if kind == "AWS::SNS::Topic":
            return f"arn:aws:sns:{REGION}:{ACCOUNT}:{properties.get('TopicName', f'{stack.name}-{name}')}"
        if kind == "AWS::SQS::Queue":
            return f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{stack.name}-{name}"
        return f"{stack.name}-{name}"

    def _update(self, properties: Properties, *, creates: bool) -> None:
        """What CloudFormation does to the service: a desired count in the template is sent again each time."""
        if creates or self.service is None:
            self.service = ServiceState(properties["TaskDefinition"], properties.get("DesiredCount", 1))
        else:
            self.stale = self._described_service()
            self.service.desired = properties.get("DesiredCount", self.service.desired)
            self._deploy_service(properties["TaskDefinition"])
        self.history.append(self.service.desired)

    def _deploy_service(self, definition: str) -> None:
        assert self.service is not None
        if definition != self.service.definition:
            self.service.previous, self.service.definition = self.service.definition, definition
            self.service.rollout, self.service.failures = "IN_PROGRESS", 0
            self.service.deployments += 1

    def _service_is_stable(self) -> bool:
        assert self.service is not None
        if self.service.rollout == "FAILED":
            raise RefusedError("", "Resource handler returned message: ECS Deployment Circuit Breaker was triggered.")
        return self.service.rollout == "COMPLETED"

    def _take_back(self, operation: OperationState, stack: StackState, refused: RefusedError) -> None:
        if operation.waits_for_service:
            self._event(stack, "Control", "control", "UPDATE_FAILED", str(refused))
        creates = stack.status == "CREATE_IN_PROGRESS"
        had_service = "Control" in stack.resources
        self._state(stack, "ROLLBACK_IN_PROGRESS" if creates else "UPDATE_ROLLBACK_IN_PROGRESS")
        if creates:
            protected = [each for each in stack.resources.values() if each.properties.get("DeletionProtection") is True]
            if "Repository" in stack.resources:
                client("ecr").delete_repository(repositoryName=stack.resources["Repository"].physical, force=True)
            self._state(stack, "ROLLBACK_FAILED" if protected else "ROLLBACK_COMPLETE")
            return
        former = operation.before
        stack.template, stack.parameters, stack.resources = former.template, former.parameters, former.resources
        if had_service and "Control" not in former.resources:
            self.service = None
        elif had_service and self.service is not None:
            self.service.desired = former.resources["Control"].properties.get("DesiredCount", self.service.desired)
            self._deploy_service(former.resources["ControlTask"].physical)
        for arn in operation.registered:
            # A replaced task definition is kept by its policy, unless the update says that new ones are not.
            if operation.drops_new:
                self._definition(arn)["status"] = "INACTIVE"
        self._state(stack, "UPDATE_ROLLBACK_COMPLETE")

    # --- IAM, of which moto makes the role under another name ------------------------------------------------------

    def _get_role(self, role_name: str) -> Properties:
        assert role_name == "AWSServiceRoleForECS"
        if not self.has_ecs_role:
            raise RefusedError("NoSuchEntity", f"The role with name {role_name} cannot be found.")
        return {"Role": {"RoleName": role_name}}

    def _create_service_linked_role(self, a_w_s_service_name: str) -> Properties:
        assert a_w_s_service_name == "ecs.amazonaws.com"
        if self.has_ecs_role:
            raise RefusedError("InvalidInput", "Service role name AWSServiceRoleForECS has been taken in this account")
        self.has_ecs_role = True
        return {"Role": {}}

    # --- SNS ------------------------------------------------------------------------------------------------------

    def _list_subscriptions_by_topic(self, topic_arn: str) -> Properties:
        addresses = [
            each.properties["Endpoint"]
            for stack in self.stacks.values()
            for each in stack.resources.values()
            if each.kind == "AWS::SNS::Subscription" and each.properties["TopicArn"] == topic_arn
        ]
        arns = [f"{topic_arn}:1" if each in self.confirmed else "PendingConfirmation" for each in addresses]
        return {
            "Subscriptions": [
                {"Endpoint": address, "SubscriptionArn": arn} for address, arn in zip(addresses, arns, strict=True)
            ]
        }

    # --- ECS -----------------------------------------------------------------------------------------------------

    def _register(self, properties: Properties) -> str:
        given = spelled(properties)
        family = self.definitions.setdefault(given["family"], [])
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task-definition/{given['family']}:{len(family) + 1}"
        family.append(given | {"taskDefinitionArn": arn, "status": "ACTIVE"})
        return arn

    def _definition(self, name: str) -> Properties:
        family, _, number = name.rsplit("/", 1)[-1].partition(":")
        known = self.definitions.get(family, [])
        if not number:
            known = [each for each in known if each["status"] == "ACTIVE"]
        elif int(number) <= len(known):
            return known[int(number) - 1]
        if number or not known:
            raise RefusedError("ClientException", "Unable to describe task definition.")
        return known[-1]

    def _describe_task_definition(self, task_definition: str) -> Properties:
        return {"taskDefinition": self._definition(task_definition)}

    def _list_task_definitions(self, family_prefix: str, status: str, sort: str) -> Properties:
        known = self.definitions.get(family_prefix, [])
        arns = [each["taskDefinitionArn"] for each in known if each["status"] == status]
        return {"taskDefinitionArns": arns if sort == "ASC" else arns[::-1]}

    def _deregister_task_definition(self, task_definition: str) -> Properties:
        self._definition(task_definition)["status"] = "INACTIVE"
        return {}

    def _described_service(self) -> Properties:
        assert self.service is not None
        up = [task for task in self.tasks if task.of_service and task.status == "RUNNING"]
        rollout = {"status": "PRIMARY", "rolloutState": self.service.rollout}
        return {
            "status": "ACTIVE",
            "taskDefinition": self.service.definition,
            "desiredCount": self.service.desired,
            "runningCount": len(up),
            "deployments": [rollout],
        }

    def _describe_services(self, **_place: Any) -> Properties:
        if self.service is None:
            return {"services": [], "failures": [{"reason": "MISSING"}]}
        if self.stale is not None:
            stale, self.stale = self.stale, None
            return {"services": [stale], "failures": []}
        return {"services": [self._described_service()], "failures": []}

    def _update_service(self, desired_count: int | None = None, **_place: Any) -> Properties:
        if self.service is None:
            raise RefusedError("ServiceNotFoundException", "Service not found.")
        self.stale = self._described_service()
        if desired_count is None:
            return {}
        self.service.desired = desired_count
        self.history.append(desired_count)
        return {}

    def _run_task(self, task_definition: str, overrides: Properties, **_place: Any) -> Properties:
        if self._definition(task_definition)["status"] != "ACTIVE":
            raise RefusedError("ClientException", "TaskDefinition is inactive")
        [override] = overrides["containerOverrides"]
        return {"tasks": [{"taskArn": self._start(task_definition, tuple(override["command"])).arn}], "failures": []}

    def _start(self, definition: str, command: tuple[str, ...] = (), *, of_service: bool = False) -> TaskState:
        arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}:task/signals/{len(self.tasks):032x}"
        self.tasks.append(TaskState(arn, definition, command, of_service))
        return self.tasks[-1]

    def _stop_task(self, task: str, **_why: Any) -> Properties:
        [found] = [each for each in self.tasks if each.arn == task]
        found.status = "STOPPED"
        return {}

    def _list_tasks(self, **_place: Any) -> Properties:
        return {"taskArns": [task.arn for task in self.tasks if task.of_service and task.status != "STOPPED"]}

    def _describe_tasks(self, tasks: list[str], **_place: Any) -> Properties:
        shown, failures = [], []
        for task in self.tasks:
            if task.arn not in tasks:
                continue
            if task.hidden:
                task.hidden -= 1
                failures.append({"arn": task.arn, "reason": "MISSING"})
                continue
            code = {} if task.exit_code is None else {"exitCode": task.exit_code}
            containers = []
            for container in self._definition(task.definition)["containerDefinitions"]:
                health = task.health if "healthCheck" in container else "UNKNOWN"
                runtime = f"{task.arn.rsplit('/', 1)[1]}-{len(containers)}"
                containers.append({"name": container["name"], "healthStatus": health, "runtimeId": runtime, **code})
            unknown = any(each["healthStatus"] == "UNKNOWN" for each in containers)
            shown.append(
                {
                    "taskArn": task.arn,
                    "taskDefinitionArn": task.definition,
                    "lastStatus": task.status,
                    # Of one essential container without a health check it is never known.
                    "healthStatus": "UNKNOWN" if unknown else task.health,
                    "containers": containers,
                    "stoppedReason": "Essential container in task exited" if task.status == "STOPPED" else "",
                }
            )
        return {"tasks": shown, "failures": failures}

    # --- time ----------------------------------------------------------------------------------------------------

    def pass_time(self, seconds: float) -> None:
        """Let so much time pass: each thing under way takes one step."""
        before, self.now = self.now, self.now + timedelta(seconds=seconds)
        if self.alarm is not None:
            self.alarm(self)
        for stack in self.stacks.values():
            stack.stale_for = max(0, stack.stale_for - 1)
            stack.hidden_for = max(0, stack.hidden_for - 1)
        for change_set in self.change_sets.values():
            if change_set.status == "CREATE_PENDING":
                change_set.status = "CREATE_COMPLETE" if self._has_changes(change_set) else "FAILED"
        self._scale(before)
        self._step_tasks()
        self._step_service()
        self._proceed()

    @staticmethod
    def _has_changes(change_set: ChangeSetState) -> bool:
        return bool(change_set.changed) or change_set.stack.status == "REVIEW_IN_PROGRESS"

    def _scale(self, before: datetime) -> None:
        """What Application Auto Scaling does by its schedule."""
        targets = [stack.resources.get("ControlTarget") for stack in self.stacks.values()]
        for target in filter(None, targets):
            for action in target.properties.get("ScheduledActions", ()):
                at = _fires(action, self.now)
                if self.service is not None and at is not None and before < at <= self.now:
                    self.service.desired = action["ScalableTargetAction"]["MaxCapacity"]
                    self.history.append(self.service.desired)

    def _step_tasks(self) -> None:
        for task in self.tasks:
            if task.of_service or task.status == "STOPPED":
                continue
            task.ticks += 1
            task.status = "RUNNING"
            if task.ticks >= 2:
                task.status, task.exit_code = "STOPPED", self.exit_codes.get(task.command, 0)
                self._log(task)

    def _log(self, task: TaskState) -> None:
        if task.command not in self.last_words:
            return
        logs, place = client("logs"), {"logGroupName": "/signals/run"}
        stream = place | {"logStreamName": f"run/run/{task.arn.rsplit('/', 1)[1]}"}
        if not logs.describe_log_groups(logGroupNamePrefix="/signals/run")["logGroups"]:
            logs.create_log_group(**place)
        logs.create_log_stream(**stream)
        events = [{"timestamp": int(datetime.now(UTC).timestamp() * 1000), "message": self.last_words[task.command]}]
        logs.put_log_events(**stream, logEvents=events)

    def _step_service(self) -> None:
        service = self.service
        if service is None:
            return
        running = [task for task in self.tasks if task.of_service and task.status != "STOPPED"]
        for task in running:
            if not service.desired or task.definition != service.definition:
                task.status, task.health = "STOPPED", "UNKNOWN"
        if not service.desired:
            if service.rollout == "IN_PROGRESS":
                service.rollout = "COMPLETED"  # nothing is wanted, and nothing runs: settled
            return
        current = [task for task in running if task.status != "STOPPED"]
        if not current:
            self._start(service.definition, of_service=True)
            return
        [task] = current
        task.ticks += 1
        task.status = "RUNNING"
        if task.ticks < 2:
            return
        image = self._definition(service.definition)["containerDefinitions"][0]["image"]
        if self.only_runs is None or image in self.only_runs:
            task.health = "HEALTHY"
            service.rollout = service.rollout if service.rollout == "FAILED" else "COMPLETED"
            return
        task.status = "STOPPED"
        service.failures += 1
        if service.rollout == "IN_PROGRESS" and service.failures >= GIVES_UP_AFTER:
            service.rollout = "FAILED"


def _snake(name: str) -> str:
    """A name of AWS's interface as Python has it."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()


def _fires(action: Properties, now: datetime) -> datetime | None:
    """When a scheduled action fires on the day of an instant; None where it does not."""
    found = re.fullmatch(r"cron\((\d+) (\d+) \? \* MON-FRI \*\)", action["Schedule"])
    assert found is not None
    local = now.astimezone(ZoneInfo(action["Timezone"]))
    if local.weekday() > 4:
        return None
    return local.replace(hour=int(found[2]), minute=int(found[1]), second=0, microsecond=0)


def installed(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Cloud:
    """Put an account behind boto3's default session."""
    _INSTALLED[:] = [cloud]
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", _session())
    return cloud


_INSTALLED: list[Cloud] = []


def _remember(**call: Any) -> None:
    _INSTALLED[0].remember(**call)


def _answer(**call: Any) -> Any:
    return _INSTALLED[0].answer(**call)


@functools.cache  # its clients take a third of a second to make
def _session() -> boto3.Session:
    session = boto3.Session(region_name=REGION)
    for service in ("cloudformation", "ecs", "ecr", "iam", "sns", "ssm"):
        session.events.register(f"before-parameter-build.{service}", _remember)
        session.events.register(f"before-call.{service}", _answer)
    return session
