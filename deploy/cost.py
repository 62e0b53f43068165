"""Print the monthly AWS bill of an installation, line by line: `python deploy/cost.py`.

The bill is the usage that the options describe times the dated list prices of `deploy/prices.yaml`, for three
architectures. Nothing here asks AWS; what an account really spent is in its Cost Explorer. The section What it costs of
`docs/deployment.md` quotes the results.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Any

import click
import yaml
from rich.console import Console
from rich.table import Table

from signals_pipeline.core.checks.metrics import KINDS
from signals_pipeline.core.errors import SignalsError

PRICES = Path(__file__).with_name("prices.yaml")
WIDTH = 110  # characters per printed line

HOURS_PER_MONTH = 730.0  # as AWS calculates: 8760 / 12
WEEKDAYS_PER_MONTH = 261 / 12
WATCH_TASKS_PER_MONTH = 60  # `signals watch` runs twice a day
WATCH_VCPU, WATCH_GB = 0.25, 0.5  # the smallest task that Fargate offers
S3_REQUESTS_PER_RUN = 40  # reads, and as many writes, of frames and rendered digests
LOG_GB_PER_RUN = 0.002  # about 2 MB
MAIL_GB = 0.0002  # one digest, with its charts
OPERATOR_MAILS_PER_MONTH = 20  # alarm notifications

OLDER_GUIDE = (
    "An older guide takes $0.04048 as the price of one hour of the scoring task. That is the price of a whole "
    "vCPU-hour, and memory is charged in addition: 0.5 vCPU x $0.04048 + 2 GB x $0.004445 = $0.02913 per hour. Fargate "
    "bills by the second with a minimum of one minute, so a run of five minutes costs $0.0024, and sixty of them cost "
    "$0.15 per month. Most of the bill is for what is always up: the database, addresses, a control service that never "
    "sleeps."
)


class CostError(SignalsError, ValueError):
    """The price table or the usage is invalid; the message is one line."""


class Architecture(StrEnum):
    """What stays up between digests."""

    WINDOWED = "windowed"
    EC2 = "ec2"
    SCHEDULER = "scheduler"


MEANING = {
    Architecture.WINDOWED: "RDS, a control service (UI, daemon) on Fargate around the digests, runs on Fargate",
    Architecture.EC2: "one small EC2 instance for control service and PostgreSQL around the clock, runs on Fargate",
    Architecture.SCHEDULER: "no control service: a schedule starts the runs on Fargate; RDS, no UI",
}


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars per unit, and the units per month that are always free."""

    name: str
    unit: str
    price: float
    free: float


@dataclass(frozen=True, slots=True)
class PriceTable:
    """List prices of one region on one day."""

    region: str
    dated: date
    items: Mapping[str, Price]


@dataclass(frozen=True, slots=True)
class Usage:
    """How an installation is used in a month.

    Attributes:
        runs: Digest runs; two per day.
        run_minutes: Duration of one run, including the start of its task.
        run_vcpu: vCPUs of the run's task.
        run_gb: Memory of the run's task in GB.
        control_hours: Hours per weekday that the control service is up.
        control_vcpu: vCPUs of the control service.
        control_gb: Memory of the control service in GB.
        readers: Recipients of each digest.
        storage_gb: Frames and logs on S3.
        database_gb: Disk of the database; RDS starts at 20.
        image_gb: Compressed images in the registry.
        alarms: CloudWatch alarms.
        dashboards: CloudWatch dashboards; the stack can be created without its one.

    Raises:
        CostError: a value is negative or NaN, or the control service is up for more than 24 hours per day.
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
    alarms: float = 10
    dashboards: float = 1

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            # Not `value < 0`: NaN must be rejected, too.
            if not value >= 0:
                raise CostError(f"{name.replace('_', ' ')} must be 0 or more, not {value}")
        if not self.control_hours <= 24:
            raise CostError(f"control hours must be 24 or less, not {self.control_hours}")


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

    architecture: Architecture
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


def bill(table: PriceTable, usage: Usage, architecture: Architecture, *, free_tier: bool) -> Bill:
    """Calculate the bill of one month.

    Args:
        table: Prices.
        usage: How the installation is used.
        architecture: What stays up.
        free_tier: Subtract what is always free.

    Raises:
        CostError: the table lacks an item.
    """
    # Several parts may use one item, and share its free units.
    free_units = {name: item.free if free_tier else 0.0 for name, item in table.items.items()}
    lines = []
    for part, name, quantity in _quantities(usage, architecture):
        if name not in table.items:
            raise CostError(f"the price table of {table.dated} lacks {name}: add it to prices.yaml")
        item = table.items[name]
        free = min(quantity, free_units[name])
        free_units[name] -= free
        lines.append(Line(part, item.name, item.unit, quantity, free, item.price))
    return Bill(architecture, tuple(lines))


def _quantities(usage: Usage, architecture: Architecture) -> list[tuple[str, str, float]]:
    """Part, item and units per month of everything that is used at all."""
    # Fargate bills at least one minute per task.
    run_hours = usage.runs * max(usage.run_minutes, 1) / 60
    watch_hours = WATCH_TASKS_PER_MONTH / 60
    # A custom metric is billed for the hours in which it is reported: a run reports all, the watch one.
    metric_hours = len(KINDS) * usage.runs + WATCH_TASKS_PER_MONTH
    mails = usage.runs * usage.readers
    # S3 requests and mails are sold by the thousand, schedule invocations by the million.
    quantities = [
        *_task("scoring runs", run_hours, usage.run_vcpu, usage.run_gb),
        *_task("watch", watch_hours, WATCH_VCPU, WATCH_GB),
        *_always_up(usage, architecture),
        ("storage", "s3_storage", usage.storage_gb),
        ("storage", "s3_writes", usage.runs * S3_REQUESTS_PER_RUN / 1000),
        ("storage", "s3_reads", usage.runs * S3_REQUESTS_PER_RUN / 1000),
        ("storage", "ecr_storage", usage.image_gb),
        ("monitoring", "metrics", metric_hours / HOURS_PER_MONTH),
        ("monitoring", "alarms", usage.alarms),
        ("monitoring", "dashboards", usage.dashboards),
        ("monitoring", "logs_ingested", usage.runs * LOG_GB_PER_RUN),
        ("monitoring", "logs_stored", usage.runs * LOG_GB_PER_RUN),
        ("monitoring", "sns_mail", OPERATOR_MAILS_PER_MONTH / 1000),
        ("delivery", "scheduler", (usage.runs + WATCH_TASKS_PER_MONTH) / 1e6),
        ("delivery", "ses_mail", mails / 1000),
        ("delivery", "transfer_out", mails * MAIL_GB),
    ]
    return [line for line in quantities if line[2] > 0]


def _always_up(usage: Usage, architecture: Architecture) -> list[tuple[str, str, float]]:
    """Part, item and units per month of what is up between the runs."""
    if architecture is Architecture.EC2:
        return [
            ("control service", "ec2_instance", HOURS_PER_MONTH),
            ("control service", "public_ipv4", HOURS_PER_MONTH),
            ("database", "ebs_storage", usage.database_gb),
        ]
    database = [("database", "rds_instance", HOURS_PER_MONTH), ("database", "rds_storage", usage.database_gb)]
    if architecture is Architecture.SCHEDULER:
        return database
    control_hours = usage.control_hours * WEEKDAYS_PER_MONTH
    return [*database, *_task("control service", control_hours, usage.control_vcpu, usage.control_gb)]


def _task(part: str, hours: float, vcpu: float, memory: float) -> list[tuple[str, str, float]]:
    """Part, item and units of a Fargate task with a public address."""
    return [
        (part, "fargate_vcpu", hours * vcpu),
        (part, "fargate_memory", hours * memory),
        (part, "public_ipv4", hours),
    ]


_DEFAULTS = Usage()


@click.command(context_settings={"help_option_names": ["-h", "--help"], "show_default": True})
@click.option(
    "--architecture",
    type=click.Choice([architecture.value for architecture in Architecture]),
    help="Show only this architecture.",
)
@click.option("--free-tier/--no-free-tier", default=True, help="Subtract what is always free.")
@click.option("--runs", type=float, default=_DEFAULTS.runs, help="Runs per month.")
@click.option("--minutes", type=float, default=_DEFAULTS.run_minutes, help="Minutes per run, including its start.")
@click.option("--vcpu", type=float, default=_DEFAULTS.run_vcpu, help="vCPUs of a run.")
@click.option("--memory", type=float, default=_DEFAULTS.run_gb, help="Memory of a run in GB.")
@click.option("--control-hours", type=float, default=_DEFAULTS.control_hours, help="Hours per weekday with the UI.")
@click.option("--dashboard/--no-dashboard", default=True, help="The stack's parameter Dashboard.")
@click.option("--readers", type=float, default=_DEFAULTS.readers, help="Recipients of a digest.")
@click.option(
    "--prices", type=click.Path(path_type=Path), default=PRICES, show_default="deploy/prices.yaml", help="Price table."
)
def cost(
    *,
    architecture: str | None,
    free_tier: bool,
    runs: float,
    minutes: float,
    vcpu: float,
    memory: float,
    control_hours: float,
    dashboard: bool,
    readers: float,
    prices: Path,
) -> None:
    """Print what a month on AWS costs, from a dated price table."""
    try:
        table = price_table(prices)
        usage = Usage(
            runs=runs,
            run_minutes=minutes,
            run_vcpu=vcpu,
            run_gb=memory,
            control_hours=control_hours,
            dashboards=float(dashboard),
            readers=readers,
        )
        selected = Architecture(architecture) if architecture else Architecture.WINDOWED
        month = bill(table, usage, selected, free_tier=free_tier)
    except CostError as error:
        click.echo(f"cost: {error}", err=True)
        sys.exit(2)

    console = Console(highlight=False, markup=False, width=WIDTH)
    console.print(bill_table(month))
    if architecture is None:
        console.print(architecture_table(table, usage))
    free = "with" if free_tier else "without"
    console.print(f"List prices of {table.region}, as of {table.dated}, {free} the free tier, before tax.")
    if dashboard:
        console.print(dashboard_line(table, usage, selected))
    console.print(OLDER_GUIDE)


def bill_table(month: Bill) -> Table:
    """The lines of a bill, the sum of each part and the total."""
    table = Table(title=f"{month.architecture}: {MEANING[month.architecture]}", title_justify="left")
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


def architecture_table(prices: PriceTable, usage: Usage) -> Table:
    """The architectures side by side, with and without the free tier."""
    table = Table(title="$ per month by architecture", title_justify="left")
    table.add_column("architecture")
    table.add_column("what stays up", overflow="fold")
    table.add_column("free tier", justify="right")
    table.add_column("without", justify="right")
    for architecture in Architecture:
        with_free_tier = bill(prices, usage, architecture, free_tier=True)
        without = bill(prices, usage, architecture, free_tier=False)
        meaning = MEANING[architecture]
        table.add_row(architecture.value, meaning, f"{with_free_tier.total:.2f}", f"{without.total:.2f}")
    return table


def dashboard_line(prices: PriceTable, usage: Usage, architecture: Architecture) -> str:
    """What the dashboard costs in an account whose free units are used up, and the bill without it."""
    total = bill(prices, usage, architecture, free_tier=False).total
    without = bill(prices, replace(usage, dashboards=0), architecture, free_tier=False).total
    return (
        f"Without any free allowance: ${total:.2f}, of which ${total - without:.2f} for the dashboard; "
        f"${without:.2f} with Dashboard=no."
    )


if __name__ == "__main__":
    cost()
