"""`deploy/cost.py`: the bill is the template's, adds up, and keeps what is promised; the free tier only subtracts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from deploy.cost import (
    COUNTERS,
    FREE,
    TEMPLATE,
    Bill,
    CostError,
    Database,
    Price,
    PriceTable,
    Stack,
    Usage,
    bill,
    cost,
    database_bill,
    highest_bill,
    hours,
    price_table,
)
from signals_pipeline.core.windows import DIGEST_CRON

TABLE = price_table()
STACK = Stack.read()
PARAMETERS = st.fixed_dictionaries(
    {
        "DatabaseKind": st.sampled_from(["serverless", "instance"]),
        "ControlHours": st.sampled_from(["windowed", "always"]),
        "Dashboard": st.sampled_from(["yes", "no"]),
        "BudgetLimit": st.sampled_from(["0", "12"]),
        "Public": st.sampled_from(["yes", "no"]),
    }
)
USAGES = st.builds(
    Usage,
    runs=st.floats(0, 5_000),
    run_minutes=st.floats(0, 600),
    readers=st.floats(0, 10_000),
    page_views=st.floats(0, 1e6),
    storage_gb=st.floats(0, 5_000),
)


def month(*, free_tier: bool = False, usage: Usage | None = None, **parameters: str) -> Bill:
    return bill(TABLE, Stack.read(TEMPLATE, **parameters), usage or Usage(), free_tier=free_tier)


def changed(tmp_path: Path, change: Callable[[str], str]) -> Stack:
    """The template with a change in its text."""
    path = tmp_path / f"stack-{len(list(tmp_path.iterdir()))}.yaml"
    text = TEMPLATE.read_text(encoding="utf-8")
    path.write_text(change(text), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != text
    return Stack.read(path)


def test_the_stack_as_it_is_made_costs_at_most_six_dollars_without_any_free_unit() -> None:
    total = month()
    assert total.total <= 6
    assert all(line.free == 0 for line in total.lines)
    for part in ("scoring runs", "control service", "database", "storage", "public pages", "monitoring", "delivery"):
        assert total.part(part) > 0, part


def test_without_public_pages_their_stack_costs_nothing() -> None:
    assert "public pages" not in month(Public="no").parts
    alarms = [[line.quantity for line in each.lines if line.item == "Alarms"] for each in (month(), month(Public="no"))]
    assert alarms == [[9], [8]]


def test_a_function_is_billed_for_its_memory_and_each_stack_for_its_own_bucket() -> None:
    lines = {(line.part, line.item): line.quantity for line in month(usage=Usage(page_views=1_000)).lines}
    assert lines["public pages", "Lambda time on Arm"] == 250  # 256 MB
    assert (lines["storage", "S3 storage"], lines["public pages", "S3 storage"]) == (2, 1)


def test_the_budget_s_alarm_is_at_twice_the_bill() -> None:
    limit = float(STACK.body["Parameters"]["BudgetLimit"]["Default"])
    assert limit == 2 * round(month().total)
    # A month in which the database is at its maximum whenever it is awake is no alarm.
    assert highest_bill(TABLE, STACK, Usage()).total < limit


def test_a_database_that_pauses_is_the_cheapest_and_one_that_is_always_up_the_dearest() -> None:
    costs = {kind: database_bill(TABLE, kind, Usage()) for kind in Database}
    assert costs[Database.SERVERLESS] < costs[Database.STOPPED] < costs[Database.INSTANCE]
    assert costs[Database.INSTANCE] == pytest.approx(730 * 0.016 + 20 * 0.115)
    assert costs[Database.SERVERLESS] == pytest.approx(month().part("database"))


def test_the_database_is_awake_while_somebody_is_connected_and_five_minutes_longer() -> None:
    """Two digests of 45 minutes, the watch that follows at once, and the watch of the weekend, each with the pause."""
    weekday = 2 * (45 + 2 + 5)
    weekend = 2 * (2 + 5)
    awake = (weekday * 261 + weekend * 104) / 12 / 60
    assert hours(STACK).awake(pause_minutes=5) == pytest.approx(awake)


def test_a_control_service_around_the_clock_never_lets_the_database_pause() -> None:
    always = month(ControlHours="always")
    [capacity] = [line for line in always.lines if line.item == "Aurora Serverless"]
    assert capacity.quantity >= 730 * 0.5
    assert always.part("database") > month(ControlHours="always", DatabaseKind="instance").part("database")


def test_a_longer_day_an_alarm_and_a_larger_task_cost_more(tmp_path: Path) -> None:
    """The bill follows the template."""
    longer = changed(tmp_path, lambda text: text.replace("cron(0 9 ? * MON-FRI *)", "cron(0 11 ? * MON-FRI *)"))
    assert hours(longer).control_hours == pytest.approx(hours(STACK).control_hours + 2 * 261 / 12)
    more = bill(TABLE, longer, Usage(), free_tier=False)
    assert more.part("database") > month().part("database")
    assert more.part("control service") > month().part("control service")

    alarm = "  Second: {Type: AWS::CloudWatch::Alarm}\n  Board:\n"
    another = changed(tmp_path, lambda text: text.replace("  Board:\n", alarm))
    alarms = [line.quantity for line in bill(TABLE, another, Usage(), free_tier=False).lines if line.item == "Alarms"]
    before = [line.quantity for line in month().lines if line.item == "Alarms"]
    assert alarms == [before[0] + 1]


def test_the_schedules_that_are_counted_are_those_around_the_digests() -> None:
    minute, digests, *_ = DIGEST_CRON.split()
    for hour, (wake, sleep) in zip(digests.split(","), hours(STACK).control, strict=True):
        assert wake < 60 * int(hour) + int(minute) < sleep


def test_a_resource_whose_price_is_not_known_is_refused(tmp_path: Path) -> None:
    unknown = changed(
        tmp_path, lambda text: text.replace("  Board:\n", "  Nat: {Type: AWS::EC2::NatGateway}\n  Board:\n")
    )
    with pytest.raises(CostError, match=r"^Nat is of type AWS::EC2::NatGateway, whose price is not known: add it to"):
        bill(TABLE, unknown, Usage(), free_tier=False)
    assert not FREE & set(COUNTERS)


def test_a_task_whose_hours_are_not_known_is_refused(tmp_path: Path) -> None:
    text = "  Third: {Type: AWS::ECS::TaskDefinition, Properties: {Cpu: 256, Memory: 512}}\n  Board:\n"
    with pytest.raises(CostError, match=r"^Third: deploy/cost\.py does not know how many hours its task runs"):
        bill(TABLE, changed(tmp_path, lambda whole: whole.replace("  Board:\n", text)), Usage(), free_tier=False)


def test_the_endpoint_of_the_network_is_of_the_kind_that_costs_nothing() -> None:
    endpoints = [properties for kind, properties in STACK.resources().values() if kind == "AWS::EC2::VPCEndpoint"]
    assert [each["VpcEndpointType"] for each in endpoints] == ["Gateway"]


def test_a_run_is_billed_for_half_a_vcpu_and_its_memory() -> None:
    """0.5 vCPU and 2 GB are $0.02913 an hour; sixty runs of five minutes are five hours."""
    fargate = sum(line.cost for line in month().lines if line.part == "scoring runs" and "Fargate" in line.item)
    assert fargate == pytest.approx(5 * 0.02913, abs=1e-4)


@given(USAGES, PARAMETERS)
def test_the_total_is_the_sum_of_lines_and_parts_and_the_free_tier_only_subtracts(
    usage: Usage, parameters: dict[str, str]
) -> None:
    free = month(free_tier=True, usage=usage, **parameters)
    full = month(free_tier=False, usage=usage, **parameters)

    assert full.total == pytest.approx(sum(full.part(name) for name in full.parts))
    assert free.total <= full.total + 1e-9
    assert all(0 <= line.free <= line.quantity for line in free.lines)
    assert all(line.quantity > 0 for line in full.lines)
    assert len({(line.part, line.item) for line in full.lines}) == len(full.lines)


@given(USAGES, PARAMETERS, st.sampled_from(["runs", "run_minutes", "storage_gb", "readers", "page_views"]))
def test_more_use_never_costs_less(usage: Usage, parameters: dict[str, str], name: str) -> None:
    more = replace(usage, **{name: getattr(usage, name) * 2 + 1})
    before, after = (month(free_tier=True, usage=each, **parameters).total for each in (usage, more))
    assert after >= before - 1e-9


def test_an_allowance_is_shared_by_the_lines_of_one_item() -> None:
    """Processor hours of runs, watch and control service are one item: what is free is free once."""
    items = {**TABLE.items, "fargate_vcpu": Price("processor", "vCPU-hour", 1.0, 3.0)}
    shared = bill(PriceTable("r", date(2026, 1, 1), items), STACK, Usage(), free_tier=True)
    assert sum(line.free for line in shared.lines if line.item == "processor") == 3.0


def test_a_run_shorter_than_a_minute_is_billed_a_minute() -> None:
    assert month(usage=Usage(run_minutes=0.2)).total == month(usage=Usage(run_minutes=1)).total


@pytest.mark.parametrize(
    ("values", "message"),
    [({"runs": -1}, "runs must be 0 or more, not -1"), ({"page_views": float("nan")}, "page views must be 0 or more")],
)
def test_impossible_usage_is_rejected_in_one_line(values: dict[str, float], message: str) -> None:
    with pytest.raises(CostError, match=message):
        Usage(**values)


def test_a_table_that_lacks_an_item_is_rejected() -> None:
    items = {name: price for name, price in TABLE.items.items() if name != "aurora_capacity"}
    with pytest.raises(CostError, match="lacks aurora_capacity"):
        bill(PriceTable("r", date(2026, 1, 1), items), STACK, Usage(), free_tier=True)


def test_the_bill_and_the_ways_to_run_the_database_are_shown() -> None:
    shown = CliRunner().invoke(cost).output
    assert f"{month().total:.2f}" in shown
    assert all(kind.value in shown for kind in Database)
    assert f"List prices of us-east-1, as of {TABLE.dated}, without the free tier, before tax." in shown
    assert f"At most ${highest_bill(TABLE, STACK, Usage()).total:.2f} without any free unit" in shown


def test_another_stack_can_be_shown_with_the_free_tier() -> None:
    arguments = ["--parameter", "DatabaseKind=instance", "--free-tier", "--runs", "0"]
    shown = CliRunner().invoke(cost, arguments).output
    assert "RDS db.t4g.micro" in shown
    assert "with the free tier" in shown
    assert "scoring runs" not in shown


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


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--runs", "-1"], "cost: runs must be 0 or more, not -1.0\n"),
        (["--parameter", "Databasekind=instance"], "no parameter Databasekind; it has BaseUrl, "),
    ],
)
def test_impossible_options_are_one_line(arguments: list[str], line: str) -> None:
    result = CliRunner().invoke(cost, arguments)
    assert (result.exit_code, line in result.output, result.output.count("\n")) == (2, True, 1)


def test_a_template_that_is_none_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "stack.yaml"
    path.write_text("Resources: {}")
    with pytest.raises(CostError, match="not the stack's template"):
        Stack.read(path)


def test_a_schedule_that_can_not_be_counted_is_refused(tmp_path: Path) -> None:
    odd = changed(tmp_path, lambda text: text.replace("cron(0 9 ? * MON-FRI *)", "rate(1 hour)"))
    with pytest.raises(CostError, match=r"schedule 'rate\(1 hour\)' is not one"):
        hours(odd)


def test_the_prices_have_a_source_and_a_date_and_none_is_negative() -> None:
    assert isinstance(TABLE.dated, date)
    for name, item in TABLE.items.items():
        assert item.price > 0, name
        assert item.free >= 0, name
        assert item.source.startswith("/"), name
        assert item.read is not None, name
        assert item.read <= TABLE.dated, name
