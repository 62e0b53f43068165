"""The bill: it adds up, the free tier only takes off, the promised ceilings hold."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.aws.files import price_table
from signals_pipeline.core.costs import Architecture, CostError, Price, PriceTable, Usage, bill

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


def test_the_default_stack_and_its_runs_keep_the_promise() -> None:
    month = bill(TABLE, Usage(), Architecture.WINDOWED, free_tier=True)
    assert month.total <= 17
    assert month.part("scoring runs") < 0.20
    assert month.part("database") > 0
    assert month.part("control service") > 0


def test_where_the_free_allowances_are_used_up_already_it_is_the_dashboard_that_goes_beyond() -> None:
    """The database and one dashboard at list price are $16.98 alone."""
    with_it, without = (
        bill(TABLE, Usage(dashboards=each), Architecture.WINDOWED, free_tier=False).total for each in (1, 0)
    )
    assert 17 < with_it < 20
    assert without <= 17
    assert with_it - without == pytest.approx(3)


def test_a_run_costs_half_a_processor_and_its_memory() -> None:
    """0.5 vCPU and 2 GB are $0.02913 an hour; sixty runs of five minutes are five hours."""
    month = bill(TABLE, Usage(), Architecture.SCHEDULER, free_tier=False)
    fargate = sum(line.cost for line in month.lines if line.part == "scoring runs" and "Fargate" in line.item)
    assert fargate == pytest.approx(5 * 0.02913, abs=1e-4)


@given(USAGES, ARCHITECTURES)
def test_the_total_is_the_sum_of_lines_and_parts_and_the_free_tier_only_takes_off(
    usage: Usage, architecture: Architecture
) -> None:
    free, full = (bill(TABLE, usage, architecture, free_tier=each) for each in (True, False))
    parts = {line.part for line in full.lines}
    assert full.total == pytest.approx(sum(full.part(name) for name in parts))
    assert free.total <= full.total + 1e-9
    assert all(0 <= line.free <= line.quantity for line in free.lines)
    assert all(line.free == 0 for line in full.lines)
    assert all(line.quantity > 0 for line in full.lines)


@given(USAGES, ARCHITECTURES, st.sampled_from(["runs", "run_minutes", "run_gb", "storage_gb", "readers"]))
def test_more_use_never_costs_less(usage: Usage, architecture: Architecture, name: str) -> None:
    more = replace(usage, **{name: getattr(usage, name) * 2 + 1})
    before, after = (bill(TABLE, each, architecture, free_tier=True).total for each in (usage, more))
    assert after >= before - 1e-9


def test_an_allowance_is_shared_by_the_lines_of_one_item() -> None:
    """Processor hours of runs, watch and control service are one item: what is free is free once."""
    items = {**TABLE.items, "fargate_vcpu": Price("processor", "vCPU-hour", 1.0, 3.0)}
    month = bill(PriceTable("r", date(2026, 1, 1), items), Usage(), Architecture.WINDOWED, free_tier=True)
    assert sum(line.free for line in month.lines if line.item == "processor") == 3.0


def test_a_run_shorter_than_a_minute_is_billed_a_minute() -> None:
    short, minute = (bill(TABLE, Usage(run_minutes=each), Architecture.SCHEDULER, free_tier=False) for each in (0.2, 1))
    assert short.total == minute.total


@pytest.mark.parametrize(
    ("values", "said"),
    [({"runs": -1}, "runs -1"), ({"control_hours": 25}, "a day has 24"), ({"run_gb": float("nan")}, "run gb nan")],
)
def test_impossible_use_is_refused_in_one_line(values: dict[str, float], said: str) -> None:
    with pytest.raises(CostError, match=said):
        Usage(**values)


def test_a_table_without_an_item_is_refused() -> None:
    items = {name: price for name, price in TABLE.items.items() if name != "rds_instance"}
    with pytest.raises(CostError, match="lacks rds_instance"):
        bill(PriceTable("r", date(2026, 1, 1), items), Usage(), Architecture.WINDOWED, free_tier=True)
