"""The monthly AWS bill of an installation, line by line, from a dated table of prices."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from signals_pipeline.core.checks.metrics import KINDS
from signals_pipeline.core.errors import SignalsError

HOURS = 730.0  # a month, as AWS reckons
WEEKDAYS = 261 / 12  # a month
WATCHES = 60  # looks a month, two every day

OLDER_GUIDE = (
    "An older guide takes $0.04048 for an hour of the scoring task. That is the price of a whole vCPU-hour, and "
    "memory comes on top: 0.5 vCPU x $0.04048 + 2 GB x $0.004445 = $0.02913 an hour. Billing is by the second from "
    "one minute up, so that a run of five minutes costs $0.0024, and sixty of them $0.15 a month. What costs is what "
    "stays up: the database, addresses, a control service that never sleeps."
)


class CostError(SignalsError, ValueError):
    """The price table or the usage can't be reckoned with; the message is one line."""


class Architecture(StrEnum):
    """What stays up between digests."""

    WINDOWED = "windowed"
    EC2 = "ec2"
    SCHEDULER = "scheduler"


MEANING = {
    Architecture.WINDOWED: "RDS, a control service (UI, daemon) on Fargate around the digests, runs on Fargate",
    Architecture.EC2: "one small EC2 machine with the control service and PostgreSQL at all hours, runs on Fargate",
    Architecture.SCHEDULER: "no control service: a schedule starts the runs on Fargate; RDS, no UI",
}


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for one unit, and the units a month that every account has free for good."""

    name: str
    unit: str
    price: float
    free: float


@dataclass(frozen=True, slots=True)
class PriceTable:
    """Prices of one region as written down on a day."""

    region: str
    dated: date
    items: Mapping[str, Price]


@dataclass(frozen=True, slots=True)
class Usage:
    """How an installation is used in a month.

    Attributes:
        runs: Digest runs; two a day.
        run_minutes: How long one takes, the start of its task included.
        run_vcpu: Its task's processor.
        run_gb: Its task's memory.
        control_hours: Hours a weekday that the control service is up.
        control_vcpu: Its processor.
        control_gb: Its memory.
        readers: Recipients of each digest.
        storage_gb: Frames and logs kept on S3.
        database_gb: Disk of the database; RDS begins at 20.
        image_gb: Compressed images kept in the registry.
        alarms: Alarms.
        dashboards: Dashboards; the stack can be made without its one.
    """

    runs: float = 60
    run_minutes: float = 5
    run_vcpu: float = 0.5
    run_gb: float = 2
    control_hours: float = 1.5
    control_vcpu: float = 0.5
    control_gb: float = 2
    readers: float = 3
    storage_gb: float = 2
    database_gb: float = 20
    image_gb: float = 1
    alarms: float = 7
    dashboards: float = 1

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if not getattr(self, name) >= 0:
                raise CostError(f"{name.replace('_', ' ')} {getattr(self, name)}: give 0 or more")
        if not self.control_hours <= 24:
            raise CostError(f"control hours {self.control_hours}: a day has 24")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the bill.

    Attributes:
        part: What of the installation it is for.
        item: What AWS sells.
        unit: In which unit.
        quantity: Units a month.
        free: Of these, how many are free.
        price: US dollars a unit.
    """

    part: str
    item: str
    unit: str
    quantity: float
    free: float
    price: float

    @property
    def cost(self) -> float:
        """US dollars a month."""
        return (self.quantity - self.free) * self.price


@dataclass(frozen=True, slots=True)
class Bill:
    """All lines of a month."""

    architecture: Architecture
    lines: tuple[Line, ...]

    @property
    def total(self) -> float:
        """US dollars a month."""
        return sum(line.cost for line in self.lines)

    def part(self, name: str) -> float:
        """US dollars a month for one part of the installation."""
        return sum(line.cost for line in self.lines if line.part == name)


def bill(table: PriceTable, usage: Usage, architecture: Architecture, *, free_tier: bool) -> Bill:
    """What a month costs.

    Args:
        table: Prices.
        usage: How the installation is used.
        architecture: What stays up.
        free_tier: Take off what every account has free for good.

    Raises:
        CostError: the table lacks an item.
    """
    left = {name: item.free if free_tier else 0.0 for name, item in table.items.items()}
    lines = []
    for part, name, quantity in _quantities(usage, architecture):
        if name not in table.items:
            raise CostError(f"the price table of {table.dated} lacks {name}: add it to prices.yaml")
        item = table.items[name]
        free = min(quantity, left[name])
        left[name] -= free
        lines.append(Line(part, item.name, item.unit, quantity, free, item.price))
    return Bill(architecture, tuple(lines))


def _quantities(usage: Usage, architecture: Architecture) -> list[tuple[str, str, float]]:
    """Part, item and units of a month."""
    run_hours = usage.runs * max(usage.run_minutes, 1) / 60
    watch_hours = WATCHES / 60  # a minute each
    # A custom metric is billed for the hours in which it is told, not for the whole month; the watch tells one.
    metric_hours = len(KINDS) * usage.runs + WATCHES
    found = [
        *_task("scoring runs", run_hours, usage.run_vcpu, usage.run_gb),
        *_task("watch", watch_hours, 0.25, 0.5),
        *_standing(usage, architecture),
        ("storage", "s3_storage", usage.storage_gb),
        ("storage", "s3_writes", usage.runs * 40 / 1000),
        ("storage", "s3_reads", usage.runs * 40 / 1000),
        ("storage", "ecr_storage", usage.image_gb),
        ("monitoring", "metrics", metric_hours / HOURS),
        ("monitoring", "alarms", usage.alarms),
        ("monitoring", "dashboards", usage.dashboards),
        ("monitoring", "logs_ingested", usage.runs * 0.002),
        ("monitoring", "logs_stored", usage.runs * 0.002),
        ("monitoring", "sns_mail", 0.02),
        ("delivery", "scheduler", (usage.runs + WATCHES) / 1e6),
        ("delivery", "ses_mail", usage.runs * usage.readers / 1000),
        ("delivery", "transfer_out", usage.runs * usage.readers * 0.0002),
    ]
    return [line for line in found if line[2]]


def _standing(usage: Usage, architecture: Architecture) -> list[tuple[str, str, float]]:
    """What stays up between the runs."""
    if architecture is Architecture.EC2:
        return [
            ("control service", "ec2_instance", HOURS),
            ("control service", "public_ipv4", HOURS),
            ("database", "ebs_storage", usage.database_gb),
        ]
    database = [("database", "rds_instance", HOURS), ("database", "rds_storage", usage.database_gb)]
    if architecture is Architecture.SCHEDULER:
        return database
    hours = usage.control_hours * WEEKDAYS
    return [*database, *_task("control service", hours, usage.control_vcpu, usage.control_gb)]


def _task(part: str, hours: float, vcpu: float, memory: float) -> list[tuple[str, str, float]]:
    return [
        (part, "fargate_vcpu", hours * vcpu),
        (part, "fargate_memory", hours * memory),
        (part, "public_ipv4", hours),
    ]
