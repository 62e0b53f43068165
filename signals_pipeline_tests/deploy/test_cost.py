"""`deploy/cost.py`: the bill adds up, the free tier only subtracts, the promised totals hold."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from deploy.cost import OLDER_GUIDE, Architecture, CostError, Price, PriceTable, Usage, bill, cost, price_table

TABLE = price_table()
ARCHITECTURES = st.sampled_from(Architecture)
USAGES = st.builds(
    Usage,
    runs=st.floats(0, 5_000),
    run_minutes=st.floats(0, 600),
    control_hours=st.floats(0, 24),
    readers=st.floats(0, 10_000),
    storage_gb=st.floats(0, 5_000),
)


def test_the_default_stack_costs_at_most_seventeen_dollars() -> None:
    month = bill(TABLE, Usage(), Architecture.WINDOWED, free_tier=True)
    assert month.total <= 17
    assert month.part("scoring runs") < 0.20
    assert month.part("database") > 0
    assert month.part("control service") > 0


def test_without_the_free_tier_it_is_the_dashboard_that_exceeds_the_promise() -> None:
    """The database and one dashboard at list price are $16.98 alone."""
    with_dashboard = bill(TABLE, Usage(dashboards=1), Architecture.WINDOWED, free_tier=False).total
    without = bill(TABLE, Usage(dashboards=0), Architecture.WINDOWED, free_tier=False).total

    assert 17 < with_dashboard < 20
    assert without <= 17
    assert with_dashboard - without == pytest.approx(3)


def test_a_run_is_billed_for_half_a_vcpu_and_its_memory() -> None:
    """0.5 vCPU and 2 GB are $0.02913 an hour; sixty runs of five minutes are five hours."""
    month = bill(TABLE, Usage(), Architecture.SCHEDULER, free_tier=False)
    fargate = sum(line.cost for line in month.lines if line.part == "scoring runs" and "Fargate" in line.item)
    assert fargate == pytest.approx(5 * 0.02913, abs=1e-4)


@given(USAGES, ARCHITECTURES)
def test_the_total_is_the_sum_of_lines_and_parts_and_the_free_tier_only_subtracts(
    usage: Usage, architecture: Architecture
) -> None:
    free = bill(TABLE, usage, architecture, free_tier=True)
    full = bill(TABLE, usage, architecture, free_tier=False)

    parts = {line.part for line in full.lines}
    assert full.total == pytest.approx(sum(full.part(name) for name in parts))
    assert free.total <= full.total + 1e-9
    assert all(0 <= line.free <= line.quantity for line in free.lines)
    assert all(line.free == 0 for line in full.lines)
    assert all(line.quantity > 0 for line in full.lines)


@given(USAGES, ARCHITECTURES, st.sampled_from(["runs", "run_minutes", "run_gb", "storage_gb", "readers"]))
def test_more_use_never_costs_less(usage: Usage, architecture: Architecture, name: str) -> None:
    more = replace(usage, **{name: getattr(usage, name) * 2 + 1})

    before = bill(TABLE, usage, architecture, free_tier=True).total
    after = bill(TABLE, more, architecture, free_tier=True).total

    assert after >= before - 1e-9


def test_an_allowance_is_shared_by_the_lines_of_one_item() -> None:
    """Processor hours of runs, watch and control service are one item: what is free is free once."""
    items = {**TABLE.items, "fargate_vcpu": Price("processor", "vCPU-hour", 1.0, 3.0)}
    month = bill(PriceTable("r", date(2026, 1, 1), items), Usage(), Architecture.WINDOWED, free_tier=True)
    assert sum(line.free for line in month.lines if line.item == "processor") == 3.0


def test_a_run_shorter_than_a_minute_is_billed_a_minute() -> None:
    short = bill(TABLE, Usage(run_minutes=0.2), Architecture.SCHEDULER, free_tier=False)
    minute = bill(TABLE, Usage(run_minutes=1), Architecture.SCHEDULER, free_tier=False)

    assert short.total == minute.total


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"runs": -1}, "runs must be 0 or more, not -1"),
        ({"control_hours": 25}, "control hours must be 24 or less, not 25"),
        ({"run_gb": float("nan")}, "run gb must be 0 or more, not nan"),
    ],
)
def test_impossible_usage_is_rejected_in_one_line(values: dict[str, float], message: str) -> None:
    with pytest.raises(CostError, match=message):
        Usage(**values)


def test_a_table_that_lacks_an_item_is_rejected() -> None:
    items = {name: price for name, price in TABLE.items.items() if name != "rds_instance"}
    with pytest.raises(CostError, match="lacks rds_instance"):
        bill(PriceTable("r", date(2026, 1, 1), items), Usage(), Architecture.WINDOWED, free_tier=True)


def test_the_bill_and_the_three_architectures_are_shown() -> None:
    shown = CliRunner().invoke(cost).output
    assert "RDS db.t4g.micro" in shown
    assert "15.46" in shown
    assert all(each.value in shown for each in Architecture)
    assert str(price_table().dated) in shown
    assert " ".join(shown.split()).endswith(" ".join(OLDER_GUIDE.split()))


def test_the_cost_of_the_dashboard_is_stated() -> None:
    shown = CliRunner().invoke(cost).output
    assert "Without any free allowance: $19.80, of which $3.00 for the dashboard; $16.80 with Dashboard=no." in shown
    assert "Dashboard=no" not in CliRunner().invoke(cost, ["--no-dashboard"]).output


def test_one_architecture_can_be_shown_with_other_usage_and_without_the_free_tier() -> None:
    shown = CliRunner().invoke(cost, ["--architecture", "scheduler", "--no-free-tier", "--runs", "0"]).output
    assert "without the free tier" in shown
    assert "scoring runs" not in shown
    assert "windowed" not in shown


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "not a price table"),
        ("items: [1]", "not a price table"),
        ("region: x\ndated: today\nitems: {}", "'today' is not a date"),
        ("items: {a: {price: 1}}", "not a price table"),
    ],
)
def test_a_broken_price_table_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "prices.yaml"
    path.write_text(text)
    result = CliRunner().invoke(cost, ["--prices", str(path)])
    assert result.exit_code == 2
    assert said in result.output
    assert result.output.count("\n") == 1


def test_impossible_usage_is_one_line_on_the_command_line() -> None:
    result = CliRunner().invoke(cost, ["--control-hours", "30"])
    assert (result.exit_code, result.output) == (2, "cost: control hours must be 24 or less, not 30.0\n")


def test_the_prices_are_dated_and_none_is_negative() -> None:
    table = price_table()
    assert isinstance(table.dated, date)
    assert all(item.price > 0 and item.free >= 0 for item in table.items.values())
