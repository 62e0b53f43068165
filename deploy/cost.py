"""Print the monthly AWS bill of deploy/stack.yaml and deploy/public.yaml, line by line: `python deploy/cost.py`.

The bill is what the templates make, used as the options say, times the dated list prices of `deploy/prices.yaml`.
Sizes, hours, alarms and the kind of database are read from the templates; a resource whose price is not known here is
an error. Nothing here asks AWS; what an account really spent is in its Cost Explorer. The section What it costs of
`docs/deployment.md` quotes the results.
"""

import functools
import json
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console
from rich.table import Table

from signals_pipeline.core.checks.metrics import KINDS
from signals_pipeline.core.errors import SignalsError

PRICES = Path(__file__).with_name("prices.yaml")
TEMPLATE = Path(__file__).with_name("stack.yaml")
# Made beside it where its parameter Public is yes.
PUBLIC_TEMPLATE = Path(__file__).with_name("public.yaml")
WIDTH = 110  # characters per printed line

HOURS_PER_MONTH = 730.0  # as AWS calculates: 8760 / 12
DAYS_PER_MONTH = 365 / 12
WEEKDAYS_PER_MONTH = 261 / 12
DAY_MINUTES = 24 * 60
WATCH_MINUTES = 2.0  # one `signals watch`, with the wait for a database that sleeps
S3_REQUESTS_PER_RUN = 40  # reads, and as many writes, of frames and rendered digests
LOG_GB_PER_RUN = 0.002  # about 2 MB
LOG_GB_PER_CONTROL_HOUR = 0.001
MAIL_GB = 0.0002  # one digest, with its charts
PAGE_GB = 0.0002  # one page, with its charts
OPERATOR_MAILS_PER_MONTH = 20  # alarm notifications
FUNCTION_SECONDS = 1.0  # one call of the Lambda function; a warm one takes a tenth of that
LOG_GB_PER_CALL = 0.000001  # the lines that Lambda itself writes about a call
# Aurora scales by load while it is awake. Idle connections and a daemon that polls stay at the least that it bills; a
# resume and a run are counted at the maximum.
LEAST_CAPACITY = 0.5
STOPPED_START_MINUTES = 15.0  # per use of an instance that is stopped in between
BUSY_MINUTES_PER_WINDOW = 5.0


class CostError(SignalsError, ValueError):
    """The template, the price table or the usage is invalid; the message is one line."""


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per unit, and the units per month that are always free.

    Attributes:
        name: What AWS sells.
        unit: What is counted.
        price: US dollars per unit.
        free: Units per month.
        source: The page on aws.amazon.com.
        read: When the price was compared with that page; None: not yet.
    """

    name: str
    unit: str
    price: float
    free: float
    source: str = ""
    read: date | None = None


@dataclass(frozen=True, slots=True)
class PriceTable:
    """List prices of one region on one day."""

    region: str
    dated: date
    items: Mapping[str, Price]


@dataclass(frozen=True, slots=True)
class Usage:
    """How an installation is used in a month, as far as the template does not say.

    Attributes:
        runs: Digest runs; two per day.
        run_minutes: Duration of one run, including the start of its task.
        readers: Recipients of each digest.
        page_views: Requests to the public pages and their API.
        storage_gb: Frames and logs on S3.
        pages_gb: Published pages on S3; those of a year are less than half of the default.
        database_gb: Tables and indexes; an instance is billed for the disk that it has.
        database_io: Million reads and writes of the database's storage.
        image_gb: Compressed images in the registry.

    Raises:
        CostError: a value is negative or NaN.
    """

    runs: float = 60
    run_minutes: float = 5
    readers: float = 3
    page_views: float = 5_000
    storage_gb: float = 2
    pages_gb: float = 1
    database_gb: float = 1
    database_io: float = 1
    image_gb: float = 1

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            # Not `value < 0`: NaN must be rejected, too.
            if not value >= 0:
                raise CostError(f"{name.replace('_', ' ')} must be 0 or more, not {value}")


class Database(StrEnum):
    """Ways to run the database; the stack's parameter DatabaseKind chooses the first or the second."""

    SERVERLESS = "serverless"
    INSTANCE = "instance"
    STOPPED = "stopped"


MEANING = {
    Database.SERVERLESS: "Aurora that pauses at 0 ACU; the first connection resumes it in about 15 s",
    Database.INSTANCE: "RDS db.t4g.micro around the clock",
    Database.STOPPED: "the same, stopped between digests: minutes to start, by itself after seven days; not offered",
}


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill.

    Attributes:
        part: The part of the installation that it is for.
        item: What AWS sells.
        unit: The unit of `quantity` and `free`.
        quantity: Units per month.
        free: Units of `quantity` that are free.
        price: US dollars per unit.
    """

    part: str
    item: str
    unit: str
    quantity: float
    free: float
    price: float

    @property
    def cost(self) -> float:
        """US dollars per month."""
        return (self.quantity - self.free) * self.price


@dataclass(frozen=True, slots=True)
class Bill:
    """All lines of a month."""

    lines: tuple[Line, ...]

    @property
    def total(self) -> float:
        """US dollars per month."""
        return sum(line.cost for line in self.lines)

    @property
    def parts(self) -> list[str]:
        """The parts of the installation, in the order of their first lines."""
        return list(dict.fromkeys(line.part for line in self.lines))

    def part(self, name: str) -> float:
        """US dollars per month for one part of the installation."""
        return sum(line.cost for line in self.lines if line.part == name)


def price_table(path: Path = PRICES) -> PriceTable:
    """Read a dated table of prices.

    Raises:
        CostError: the file is not a price table.
    """
    try:
        loaded: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
        items = {name: Price(**entry) for name, entry in loaded["items"].items()}
        dated, region = loaded["dated"], loaded["region"]
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise CostError(f"{path}: not a price table ({reason}); use deploy/prices.yaml as a template") from error
    if not isinstance(dated, date):
        raise CostError(f"{path}: dated: {dated!r} is not a date; write YYYY-MM-DD")
    return PriceTable(str(region), dated, items)


# --- the template ---------------------------------------------------------------------------------------------------


class _Loader(yaml.CSafeLoader):
    """Reads CloudFormation's short forms: `!If [...]` as `{"If": [...]}`."""


def _short_form(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        return {name: loader.construct_scalar(node)}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    assert isinstance(node, yaml.MappingNode)
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _short_form)
_NO_VALUE = "AWS::NoValue"


@functools.cache
def _template(path: Path) -> Any:  # noqa: ANN401 - whatever the file holds
    return yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe loader


# Parameters of a stack that is in service.
_IN_SERVICE = {
    "ImageUri": "released",
    "CandidateImageUri": "released",
    "OperatorEmail": "operator",
    "HeartbeatAlarm": "yes",
    "Public": "yes",
}


@dataclass(frozen=True)
class Stack:
    """The template under its parameters, as far as a bill needs it.

    Attributes:
        body: The template as it is written.
        parameters: Values given; the others have their defaults.
        public: The stack of the pages; None where readers reach nothing.
    """

    body: Mapping[str, Any]
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    public: "Stack | None" = None

    @classmethod
    def read(cls, path: Path = TEMPLATE, **parameters: str) -> "Stack":
        """The template of a file, with these parameters.

        Raises:
            CostError: the file is not a template, or it has no such parameter.
        """
        try:
            body = _template(path)
            known = set(body["Parameters"])
            _ = body["Resources"], body["Conditions"]
        except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
            reason = " ".join(str(error).split())
            raise CostError(f"{path}: not the stack's template ({reason})") from error
        unknown = sorted(set(parameters) - known)
        if unknown:
            raise CostError(f"{path}: no parameter {unknown[0]}; it has {', '.join(sorted(known))}")
        given = {name: value for name, value in _IN_SERVICE.items() if name in known} | parameters
        public = cls(_template(PUBLIC_TEMPLATE)) if given.get("Public") == "yes" else None
        return cls(body, given, public)

    def resources(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """Type and properties by logical id, of what is made under these parameters.

        Ids of the public stack have "Public" before them: both stacks have a bucket.
        """
        found: dict[str, tuple[str, dict[str, Any]]] = {}
        for name, resource in self.body["Resources"].items():
            if "Condition" not in resource or self._condition(resource["Condition"]):
                found[name] = (resource["Type"], self._resolved(resource.get("Properties", {})))
        if self.public is not None:
            found |= {f"Public{name}": resource for name, resource in self.public.resources().items()}
        return found

    def _condition(self, name: str) -> bool:
        return bool(self._resolved(self.body["Conditions"][name]))

    def _resolved(self, node: Any) -> Any:  # noqa: ANN401 - any part of a template
        """A part of the template with parameters and conditions put in; other functions stay as they are."""
        if isinstance(node, list):
            values = [self._resolved(each) for each in node]
            return [value for value in values if value != {"Ref": _NO_VALUE}]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            [(name, argument)] = node.items()
            match name.removeprefix("Fn::"):
                case "Ref" if argument in self.body["Parameters"]:
                    return self.parameters.get(argument, self.body["Parameters"][argument].get("Default"))
                case "If":
                    return self._resolved(argument[1] if self._condition(argument[0]) else argument[2])
                case "Condition":
                    return self._condition(argument)
                case "Equals":
                    left, right = (str(self._resolved(each)) for each in argument)
                    return left == right
                case "And":
                    return all(self._resolved(each) for each in argument)
                case "Not":
                    return not self._resolved(argument[0])
                case "Or":
                    return any(self._resolved(each) for each in argument)
        values = {name: self._resolved(value) for name, value in node.items()}
        return {name: value for name, value in values.items() if value != {"Ref": _NO_VALUE}}


# Minutes of a day, from and to.
Interval = tuple[float, float]


@dataclass(frozen=True)
class Hours:
    """When something of the stack is up.

    Attributes:
        control: The control service on a weekday.
        always: Whether it is up around the clock instead.
        watch: `signals watch`, on every day.
    """

    control: tuple[Interval, ...]
    always: bool
    watch: tuple[Interval, ...]

    @property
    def control_hours(self) -> float:
        """Hours per month of the control service."""
        if self.always:
            return HOURS_PER_MONTH
        return sum(end - start for start, end in self.control) / 60 * WEEKDAYS_PER_MONTH

    @property
    def windows(self) -> float:
        """How often per month the control service wakes."""
        return len(self.control) * WEEKDAYS_PER_MONTH

    def awake(self, pause_minutes: float) -> float:
        """Hours per month in which somebody is connected to the database, or it has not paused yet."""
        if self.always:
            return HOURS_PER_MONTH
        weekday = _minutes([*self.control, *self.watch], pause_minutes)
        weekend = _minutes(self.watch, pause_minutes)
        return (weekday * WEEKDAYS_PER_MONTH + weekend * (DAYS_PER_MONTH - WEEKDAYS_PER_MONTH)) / 60


def hours(stack: Stack) -> Hours:
    """The hours that the template's schedules give.

    Raises:
        CostError: a schedule is of another form.
    """
    made = stack.resources()
    [target] = [properties for kind, properties in made.values() if kind.endswith("::ScalableTarget")]
    switches: list[tuple[float, bool]] = []
    for action in target.get("ScheduledActions", ()):
        [minute] = _times(action["Schedule"], r"\? \* MON-FRI \*")
        switches.append((minute, bool(action["ScalableTargetAction"]["MaxCapacity"])))
    switches.sort()
    control = tuple((wake, sleep) for (wake, up), (sleep, _) in pairwise(switches) if up)
    watches: list[Interval] = []
    for kind, properties in made.values():
        if kind == "AWS::Scheduler::Schedule":
            watches += [
                (minute, minute + WATCH_MINUTES) for minute in _times(properties["ScheduleExpression"], r"\* \* \? \*")
            ]
    return Hours(control, not switches, tuple(watches))


def _times(schedule: str, days: str) -> list[float]:
    """Minutes of the day of a cron expression."""
    found = re.fullmatch(rf"cron\((\d+) ([\d,]+) {days}\)", schedule)
    if found is None:
        raise CostError(f"schedule {schedule!r} is not one that deploy/cost.py can count")
    return [60.0 * int(hour) + int(found[1]) for hour in found[2].split(",")]


def _minutes(intervals: Sequence[Interval], pause: float) -> float:
    """Minutes of a day that are in an interval, or less than `pause` after one."""
    total, reached = 0.0, 0.0
    for start, end in sorted(intervals):
        until = min(end + pause, DAY_MINUTES)
        total += max(0.0, until - max(start, reached))
        reached = max(reached, until)
    return total


# --- quantities -----------------------------------------------------------------------------------------------------

# Part of the installation, item of the price table, units per month.
Quantity = tuple[str, str, float]


@dataclass(frozen=True)
class _Month:
    """What the quantities of a resource depend on."""

    stack: Stack
    usage: Usage
    hours: Hours

    @property
    def run_hours(self) -> float:
        """Fargate bills at least one minute per task."""
        return self.usage.runs * max(self.usage.run_minutes, 1) / 60

    @property
    def watches(self) -> float:
        return len(self.hours.watch) * DAYS_PER_MONTH


def _task(part: str, hours_up: float, vcpu: float, memory: float) -> list[Quantity]:
    """A Fargate task with a public address."""
    return [
        (part, "fargate_vcpu", hours_up * vcpu),
        (part, "fargate_memory", hours_up * memory),
        (part, "public_ipv4", hours_up),
    ]


def _task_definition(month: _Month, name: str, properties: dict[str, Any]) -> list[Quantity]:
    hours_up = {"RunTask": month.run_hours, "ControlTask": month.hours.control_hours}
    parts = {"RunTask": "scoring runs", "ControlTask": "control service"}
    if name == "PrepareTask":
        return []  # a minute per release
    if name not in parts:
        raise CostError(f"{name}: deploy/cost.py does not know how many hours its task runs; add it there")
    return _task(parts[name], hours_up[name], float(properties["Cpu"]) / 1024, float(properties["Memory"]) / 1024)


def _schedule(month: _Month, _name: str, properties: dict[str, Any]) -> list[Quantity]:
    size = json.loads(properties["Target"]["Input"])
    hours_up = month.watches * max(WATCH_MINUTES, 1) / 60
    task = _task("watch", hours_up, float(size["cpu"]) / 1024, float(size["memory"]) / 1024)
    return [*task, ("watch", "scheduler", month.watches / 1e6)]


def _instance(_month: _Month, _name: str, properties: dict[str, Any]) -> list[Quantity]:
    if "DBClusterIdentifier" in properties:
        return []  # billed as the capacity of its cluster
    disk = float(properties["AllocatedStorage"])
    return [("database", "rds_instance", HOURS_PER_MONTH), ("database", "rds_storage", disk)]


def _cluster(month: _Month, _name: str, properties: dict[str, Any]) -> list[Quantity]:
    scaling = properties["ServerlessV2ScalingConfiguration"]
    least = max(float(scaling["MinCapacity"]), LEAST_CAPACITY)
    busy_hours = month.hours.windows * BUSY_MINUTES_PER_WINDOW / 60
    if scaling["MinCapacity"]:
        awake_hours = HOURS_PER_MONTH
    else:
        awake_hours = month.hours.awake(float(scaling["SecondsUntilAutoPause"]) / 60)
    capacity = awake_hours * least + busy_hours * (float(scaling["MaxCapacity"]) - least)
    # The first day's backups are free, and those of a database as small as this hardly grow.
    backups = month.usage.database_gb
    return [
        ("database", "aurora_capacity", capacity),
        ("database", "aurora_storage", month.usage.database_gb),
        ("database", "aurora_io", month.usage.database_io),
        ("database", "aurora_backup", backups),
    ]


def _bucket(month: _Month, name: str, _properties: dict[str, Any]) -> list[Quantity]:
    requests = month.usage.runs * S3_REQUESTS_PER_RUN / 1000
    if name == "PublicBucket":
        part, size, reads = "public pages", month.usage.pages_gb, month.usage.page_views / 1000
    else:
        part, size, reads = "storage", month.usage.storage_gb, requests
    return [(part, "s3_storage", size), (part, "s3_writes", requests), (part, "s3_reads", reads)]


def _logs(month: _Month, name: str, _properties: dict[str, Any]) -> list[Quantity]:
    written = month.usage.runs * LOG_GB_PER_RUN
    if name == "ControlLogs":
        written = month.hours.control_hours * LOG_GB_PER_CONTROL_HOUR
    elif name == "PublicLinkLogs":
        written = month.usage.page_views * LOG_GB_PER_CALL
    return [("monitoring", "logs_ingested", written), ("monitoring", "logs_stored", written)]


def _distribution(month: _Month, _name: str, _properties: dict[str, Any]) -> list[Quantity]:
    return [
        ("public pages", "cdn_requests", month.usage.page_views / 10_000),
        ("public pages", "cdn_transfer", month.usage.page_views * PAGE_GB),
    ]


def _function(month: _Month, _name: str, properties: dict[str, Any]) -> list[Quantity]:
    # As if every view were of a mail's link.
    calls = month.usage.page_views
    gigabytes = float(properties["MemorySize"]) / 1024
    return [
        ("public pages", "lambda_requests", calls / 1e6),
        ("public pages", "lambda_time", calls * FUNCTION_SECONDS * gigabytes),
    ]


def _topic(_month: _Month, name: str, _properties: dict[str, Any]) -> list[Quantity]:
    if name == "PublicMailEvents":
        return []  # to a queue SNS delivers for nothing, and it charges for a million bounces half a dollar
    return [("monitoring", "sns_mail", OPERATOR_MAILS_PER_MONTH / 1000)]


def _each(part: str, item: str, count: Callable[[_Month], float] = lambda _: 1.0) -> "Counter":
    """A resource that is one line of the bill."""
    return lambda month, _name, _properties: [(part, item, count(month))]


Counter = Callable[[_Month, str, dict[str, Any]], list[Quantity]]
COUNTERS: dict[str, Counter] = {
    "AWS::ECS::TaskDefinition": _task_definition,
    "AWS::Scheduler::Schedule": _schedule,
    "AWS::RDS::DBCluster": _cluster,
    "AWS::RDS::DBInstance": _instance,
    "AWS::S3::Bucket": _bucket,
    "AWS::ECR::Repository": _each("storage", "ecr_storage", lambda month: month.usage.image_gb),
    "AWS::CloudWatch::Alarm": _each("monitoring", "alarms"),
    "AWS::CloudWatch::Dashboard": _each("monitoring", "dashboards"),
    "AWS::Logs::LogGroup": _logs,
    "AWS::Logs::MetricFilter": _each("monitoring", "metrics"),
    "AWS::SNS::Topic": _topic,
    "AWS::CloudFront::Distribution": _distribution,
    "AWS::CloudFront::Function": _each("public pages", "cdn_functions", lambda month: month.usage.page_views / 1e6),
    "AWS::Lambda::Function": _function,
    # Each run and each command looks into it, and each call writes to it.
    "AWS::SQS::Queue": _each(
        "public pages", "queue_requests", lambda month: (month.usage.page_views + 10 * month.usage.runs) / 1e6
    ),
}
# What costs nothing by itself: what it lets through or starts is counted elsewhere.
FREE = {
    "AWS::ApplicationAutoScaling::ScalableTarget",
    "AWS::Budgets::Budget",  # without actions, /aws-cost-management/aws-budgets/pricing
    *(f"AWS::CloudFront::{kind}" for kind in ("CachePolicy", "OriginAccessControl", "OriginRequestPolicy")),
    "AWS::CloudFront::ResponseHeadersPolicy",
    *(
        f"AWS::EC2::{kind}"
        for kind in (
            *("InternetGateway", "Route", "RouteTable", "SecurityGroup", "SecurityGroupEgress"),
            *("SecurityGroupIngress", "Subnet", "SubnetRouteTableAssociation", "VPC", "VPCGatewayAttachment"),
            "VPCEndpoint",  # for S3, of the free kind, which a test holds it to
        )
    ),
    *("AWS::ECS::Cluster", "AWS::ECS::ClusterCapacityProviderAssociations", "AWS::ECS::Service"),
    *("AWS::Events::Rule", "AWS::Events::EventBusPolicy"),  # for events of AWS itself
    *("AWS::IAM::Role", "AWS::IAM::Policy"),
    *("AWS::Lambda::Permission", "AWS::Lambda::Url", "AWS::Lambda::EventSourceMapping"),
    *("AWS::RDS::DBClusterParameterGroup", "AWS::RDS::DBParameterGroup", "AWS::RDS::DBSubnetGroup"),
    "AWS::S3::BucketPolicy",
    *("AWS::SES::ConfigurationSet", "AWS::SES::ConfigurationSetEventDestination"),
    *("AWS::SNS::Subscription", "AWS::SNS::TopicPolicy", "AWS::SQS::QueuePolicy"),
    "AWS::SSM::Parameter",  # standard
}


def quantities(stack: Stack, usage: Usage) -> list[Quantity]:
    """Part, item and units per month of everything that is used at all.

    Raises:
        CostError: the template has a resource of a type that is in neither list.
    """
    month = _Month(stack, usage, hours(stack))
    found: list[Quantity] = []
    for name, (kind, properties) in stack.resources().items():
        if kind in COUNTERS:
            found += COUNTERS[kind](month, name, properties)
        elif kind not in FREE:
            raise CostError(f"{name} is of type {kind}, whose price is not known: add it to deploy/cost.py")
    # A custom metric is billed for the hours in which it is reported: a run reports all, the watch one.
    metric_hours = len(KINDS) * usage.runs + month.watches
    mails = usage.runs * usage.readers
    # Mails are sold by the thousand.
    found += [
        ("monitoring", "metrics", metric_hours / HOURS_PER_MONTH),
        ("delivery", "ses_mail", mails / 1000),
        ("delivery", "transfer_out", mails * MAIL_GB),
    ]
    return [line for line in found if line[2] > 0]


def bill(table: PriceTable, stack: Stack, usage: Usage, *, free_tier: bool) -> Bill:
    """Calculate the bill of one month.

    Args:
        table: Prices.
        stack: What is made.
        usage: How it is used.
        free_tier: Subtract what is always free.

    Raises:
        CostError: the table lacks an item, or the template has something unknown.
    """
    summed: dict[tuple[str, str], float] = {}
    for part, name, quantity in quantities(stack, usage):
        summed[part, name] = summed.get((part, name), 0.0) + quantity
    # Several parts may use one item, and share its free units.
    free_units = {name: item.free if free_tier else 0.0 for name, item in table.items.items()}
    lines: list[Line] = []
    for part, name in sorted(summed, key=lambda key: _PARTS.index(key[0])):
        quantity = summed[part, name]
        if name not in table.items:
            raise CostError(f"the price table of {table.dated} lacks {name}: add it to prices.yaml")
        item = table.items[name]
        free = min(quantity, free_units[name])
        free_units[name] -= free
        lines.append(Line(part, item.name, item.unit, quantity, free, item.price))
    return Bill(tuple(lines))


_PARTS = (
    *("scoring runs", "watch", "control service", "database", "storage", "public pages", "monitoring", "delivery"),
)


def database_bill(table: PriceTable, kind: Database, usage: Usage) -> float:
    """US dollars per month of the database, run in one of the ways."""
    if kind is not Database.STOPPED:
        stack = Stack.read(DatabaseKind=kind.value)
        return bill(table, stack, usage, free_tier=False).part("database")
    stack = Stack.read(DatabaseKind=Database.INSTANCE.value)
    always = bill(table, stack, usage, free_tier=False)
    up = hours(stack)
    up_hours = up.awake(STOPPED_START_MINUTES) if not up.always else HOURS_PER_MONTH
    # Its disk is billed while it is stopped.
    instance = table.items["rds_instance"].name
    lines = [replace(line, quantity=up_hours) if line.item == instance else line for line in always.lines]
    return Bill(tuple(lines)).part("database")


def highest_bill(table: PriceTable, stack: Stack, usage: Usage) -> Bill:
    """The bill, without free units, of a month in which a serverless database is always at its maximum while awake."""
    month = _Month(stack, usage, hours(stack))
    lines = list(bill(table, stack, usage, free_tier=False).lines)
    for kind, properties in stack.resources().values():
        if kind == "AWS::RDS::DBCluster":
            scaling = properties["ServerlessV2ScalingConfiguration"]
            awake = month.hours.awake(float(scaling["SecondsUntilAutoPause"]) / 60)
            capacity = awake * float(scaling["MaxCapacity"])
            item = table.items["aurora_capacity"].name
            lines = [replace(line, quantity=capacity) if line.item == item else line for line in lines]
    return Bill(tuple(lines))


_DEFAULTS = Usage()


def _parameters(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    parameters: dict[str, str] = {}
    for each in given:
        name, separator, value = each.partition("=")
        if not separator:
            raise click.BadParameter(f"{each!r}: write NAME=VALUE")
        parameters[name] = value
    return parameters


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--parameter",
    "parameters",
    multiple=True,
    metavar="NAME=VALUE",
    callback=_parameters,
    help="A parameter of the stack, such as ControlHours=always; several.",
)
@click.option("--free-tier/--no-free-tier", default=False, help="Subtract what is always free.")
@click.option("--runs", type=float, default=_DEFAULTS.runs, help="Runs per month.")
@click.option("--minutes", type=float, default=_DEFAULTS.run_minutes, help="Minutes per run, including its start.")
@click.option("--readers", type=float, default=_DEFAULTS.readers, help="Recipients of a digest.")
@click.option("--page-views", type=float, default=_DEFAULTS.page_views, help="Requests to the public pages per month.")
@click.option(
    "--prices", type=click.Path(path_type=Path), default=PRICES, show_default="deploy/prices.yaml", help="Price table."
)
def cost(
    *,
    parameters: dict[str, str],
    free_tier: bool,
    runs: float,
    minutes: float,
    readers: float,
    page_views: float,
    prices: Path,
) -> None:
    """Print what a month on AWS costs, from the stack's template and a dated price table."""
    try:
        table = price_table(prices)
        stack = Stack.read(TEMPLATE, **parameters)
        usage = Usage(runs=runs, run_minutes=minutes, readers=readers, page_views=page_views)
        month = bill(table, stack, usage, free_tier=free_tier)
        highest = highest_bill(table, stack, usage)
        databases = {kind: database_bill(table, kind, usage) for kind in Database}
    except CostError as error:
        click.echo(f"cost: {error}", err=True)
        sys.exit(2)

    console = Console(highlight=False, markup=False, width=WIDTH)
    console.print(bill_table(month))
    console.print(database_table(databases))
    free = "with" if free_tier else "without"
    console.print(f"List prices of {table.region}, as of {table.dated}, {free} the free tier, before tax.")
    console.print(
        f"At most ${highest.total:.2f} without any free unit: a database that is at its maximum while it is awake."
    )


def bill_table(month: Bill) -> Table:
    """The lines of a bill, the sum of each part and the total."""
    table = Table(title="$ per month", title_justify="left")
    numeric = {"quantity", "free", "$ per unit", "$ per month"}
    for name in ("part", "item", "quantity", "free", "unit", "$ per unit", "$ per month"):
        table.add_column(name, justify="right" if name in numeric else "left")

    for line in month.lines:
        quantity = f"{line.quantity:,.2f}"
        free = f"{line.free:,.2f}" if line.free else ""
        table.add_row(line.part, line.item, quantity, free, line.unit, f"{line.price:g}", f"{line.cost:.2f}")
    table.add_section()
    for part in month.parts:
        table.add_row(part, "", "", "", "", "", f"{month.part(part):.2f}")
    table.add_section()
    table.add_row("total", "", "", "", "", "", f"{month.total:.2f}")
    return table


def database_table(costs: Mapping[Database, float]) -> Table:
    """The ways to run the database, side by side, without free units."""
    table = Table(title="the database, $ per month", title_justify="left")
    table.add_column("kind")
    table.add_column("what it is", overflow="fold")
    table.add_column("$", justify="right")
    for kind, dollars in costs.items():
        table.add_row(kind.value, MEANING[kind], f"{dollars:.2f}")
    return table


if __name__ == "__main__":
    cost()
