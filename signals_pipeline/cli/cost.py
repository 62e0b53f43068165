"""`signals cost`: what a month on AWS costs, line by line."""

from dataclasses import replace
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from signals_pipeline.adapters.aws.files import price_table
from signals_pipeline.core.costs import MEANING, OLDER_GUIDE, Architecture, Bill, PriceTable, Usage, bill

_DEFAULTS = Usage()
WIDTH = 110


@click.command()
@click.option(
    "--architecture", type=click.Choice([each.value for each in Architecture]), help="Only this one, by line."
)
@click.option(
    "--free-tier/--no-free-tier", default=True, show_default=True, help="What every account has free for good."
)
@click.option("--runs", type=float, default=_DEFAULTS.runs, show_default=True, help="Runs a month.")
@click.option(
    "--minutes", type=float, default=_DEFAULTS.run_minutes, show_default=True, help="Minutes a run, its start included."
)
@click.option("--vcpu", type=float, default=_DEFAULTS.run_vcpu, show_default=True, help="Processor of a run.")
@click.option("--memory", type=float, default=_DEFAULTS.run_gb, show_default=True, help="Memory of a run in GB.")
@click.option(
    "--control-hours", type=float, default=_DEFAULTS.control_hours, show_default=True, help="Hours a weekday with UI."
)
@click.option("--dashboard/--no-dashboard", default=True, show_default=True, help="The stack's parameter Dashboard.")
@click.option("--readers", type=float, default=_DEFAULTS.readers, show_default=True, help="Recipients of a digest.")
@click.option("--prices", type=click.Path(path_type=Path), help="Another price table than deploy/prices.yaml.")
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
    prices: Path | None,
) -> None:
    """What a month on AWS costs, from a dated price table."""
    usage = Usage(
        runs=runs,
        run_minutes=minutes,
        run_vcpu=vcpu,
        run_gb=memory,
        control_hours=control_hours,
        dashboards=float(dashboard),
        readers=readers,
    )
    table = price_table(prices)
    console = Console(highlight=False, markup=False, width=WIDTH)
    chosen = Architecture(architecture) if architecture else Architecture.WINDOWED
    console.print(lines_table(bill(table, usage, chosen, free_tier=free_tier)))
    if architecture is None:
        console.print(comparison([_both(table, usage, each) for each in Architecture]))
    free = "with" if free_tier else "without"
    console.print(f"List prices of {table.region}, of {table.dated}, {free} the free tier, before tax.")
    if dashboard:
        console.print(dashboard_line(table, usage, chosen))
    console.print(OLDER_GUIDE)


def lines_table(month: Bill) -> Table:
    """The lines of a bill, their parts' sums and the total."""
    table = Table(title=f"{month.architecture}: {MEANING[month.architecture]}", title_justify="left")
    for name in ("part", "item", "quantity", "free", "unit", "$ a unit", "$ a month"):
        table.add_column(name, justify="right" if name in {"quantity", "free", "$ a unit", "$ a month"} else "left")
    for line in month.lines:
        row = (f"{line.quantity:,.2f}", f"{line.free:,.2f}" if line.free else "", line.unit)
        table.add_row(line.part, line.item, *row, f"{line.price:g}", f"{line.cost:.2f}")
    table.add_section()
    for part in dict.fromkeys(line.part for line in month.lines):
        table.add_row(part, "", "", "", "", "", f"{month.part(part):.2f}")
    table.add_section()
    table.add_row("total", "", "", "", "", "", f"{month.total:.2f}")
    return table


def dashboard_line(table: PriceTable, usage: Usage, architecture: Architecture) -> str:
    """What the line costs that an account pays only where its allowances are used up, and the bill without it."""
    full, without = (
        bill(table, each, architecture, free_tier=False).total for each in (usage, replace(usage, dashboards=0))
    )
    return (
        f"Where no allowance is left: ${full:.2f}, ${full - without:.2f} of it for the dashboard; "
        f"${without:.2f} with Dashboard=no."
    )


def comparison(bills: list[tuple[Bill, Bill]]) -> Table:
    """The architectures side by side, with the free tier and without it."""
    table = Table(title="$ a month by architecture", title_justify="left")
    table.add_column("architecture")
    table.add_column("what stays up", overflow="fold")
    table.add_column("free tier", justify="right")
    table.add_column("without", justify="right")
    for free, full in bills:
        name = free.architecture
        table.add_row(name.value, MEANING[name], f"{free.total:.2f}", f"{full.total:.2f}")
    return table


def _both(table: PriceTable, usage: Usage, architecture: Architecture) -> tuple[Bill, Bill]:
    free, full = (bill(table, usage, architecture, free_tier=each) for each in (True, False))
    return free, full
