"""What docs/deployment.md says is what the template, the doctor and the bill say."""

import re
from dataclasses import fields
from typing import Any

from deploy.cost import TEMPLATE as STACK_FILE
from deploy.cost import Bill, Database, Stack, Usage, bill, database_bill, highest_bill, price_table
from signals_pipeline.adapters.aws import stack
from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.adapters.clock import utc_now
from signals_pipeline.cli.doctor.local import local_probes
from signals_pipeline.cli.doctor.production import (
    DIGEST_SECONDS,
    ERRORS_ALERT_PERCENT,
    MEMORY_MEGABYTES,
    outside_probes,
)
from signals_pipeline.settings import Settings
from signals_pipeline_tests.support.stack_template import Template, parsed

GUIDE = (repository() / "docs" / "deployment.md").read_text(encoding="utf-8")
TEMPLATE = Template()


def row(first: str) -> list[str]:
    """The cells of the guide's one table row that begins with this cell."""
    [line] = [line for line in GUIDE.splitlines() if line.startswith(f"| {first} |")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_every_parameter_that_it_names_is_the_template_s() -> None:
    named = set(re.findall(r"\b([A-Z][a-z]+[A-Za-z]*)=(?!=)", GUIDE))
    assert {"OperatorEmail", "Dashboard", "ControlHours", "OperatorNotices"} <= named
    public = parsed((repository() / "deploy" / "public.yaml").read_text(encoding="utf-8"))
    assert named <= {*TEMPLATE.body["Parameters"], *public["Parameters"]}


def test_the_thresholds_are_the_alarms() -> None:
    alarms = {each["MetricName"]: each for each in TEMPLATE.of_type("AWS::CloudWatch::Alarm").values()}
    beat = alarms.pop("Heartbeat")
    assert row("Heartbeat")[2].startswith(f"none for {beat['Period'] * beat['EvaluationPeriods'] // 3600} hours")
    words = {
        "GreaterThanThreshold": "over {}",
        "LessThanThreshold": "under {}",
        "GreaterThanOrEqualToThreshold": "{} or more",
    }
    for name, alarm in alarms.items():
        assert row(name)[2].startswith(words[alarm["ComparisonOperator"]].format(alarm["Threshold"])), name


def test_the_costs_are_the_bill_s() -> None:
    def month(*, free_tier: bool, **parameters: str) -> Bill:
        return bill(price_table(), Stack.read(STACK_FILE, **parameters), Usage(), free_tier=free_tier)

    rows = {
        "default": {},
        "`Dashboard=yes`": {"Dashboard": "yes"},
        "`DatabaseKind=instance`": {"DatabaseKind": "instance"},
        "`ControlHours=always` `DatabaseKind=instance`": {"ControlHours": "always", "DatabaseKind": "instance"},
    }
    for first, parameters in rows.items():
        totals = [month(free_tier=free, **parameters).total for free in (False, True)]
        assert row(first)[1:] == [f"${total:.2f}" for total in totals], first
    for part, first in (("database", "the database"), ("scoring runs", "all scoring runs")):
        costs = [f"${month(free_tier=free).part(part):.2f}" for free in (False, True)]
        assert row(f"{first}, part of the default")[1:] == costs
    assert f"It costs {row('default')[1]} per month without any free tier" in " ".join(GUIDE.split())
    highest = highest_bill(price_table(), Stack.read(), Usage()).total
    assert f"the bill would be ${highest:.2f};" in " ".join(GUIDE.split())


def test_the_ways_to_run_the_database_cost_what_the_tool_says() -> None:
    lines = [line for line in GUIDE.splitlines() if line.startswith(("| Aurora", "| RDS"))]
    shown = [line.split("|")[2].strip() for line in lines]
    kinds = (Database.SERVERLESS, Database.STOPPED, Database.INSTANCE)
    assert shown == [f"${database_bill(price_table(), kind, Usage()):.2f}" for kind in kinds]


def table(header: str) -> dict[str, str]:
    """The second cell of each row of the guide's table with this header, by the first one."""
    rows = GUIDE.partition(f"| {header} |")[2].partition("\n\n")[0].splitlines()[2:]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return {first: second for first, second, *_ in cells}


def test_the_lines_of_the_doctor_are_listed_and_the_criteria_of_success_are_among_them() -> None:
    nothing: Any = dict.fromkeys((field.name for field in fields(stack.Stack)), "")
    outside = ["stack", *outside_probes(stack.Stack(**nothing), utc_now)]
    inside = local_probes(Settings.checked(signals_deployment="local", signals_frames_url="s3://frames"), utc_now)

    *listed, within = table("check")
    assert listed == outside
    assert within.startswith("inside: ")
    assert set(within.removeprefix("inside: ").removesuffix(" and the others").split(", ")) <= set(inside)

    criteria = table("criterion")
    assert len(criteria) == 7
    for lines in criteria.values():
        assert set(re.findall("`([^`]+)`", lines)) <= {*outside, *inside}
    assert f"less than {DIGEST_SECONDS} s" in table("check")["digest time"]
    assert f"less than {MEMORY_MEGABYTES:,} MB" in table("check")["run memory"]
    assert f"over {ERRORS_ALERT_PERCENT}%" in table("check")["run errors"]


def test_the_knobs_have_the_defaults_that_it_names_and_take_the_other_values() -> None:
    rows = [line for line in GUIDE.partition("## Tuning")[2].splitlines() if re.match(r"\| `[A-Z]+_", line)]
    assert len(rows) == 4
    for line in rows:
        name = re.findall("`([A-Z_]+)`", line)[0].lower()
        default, more, fewer = (cell.strip() for cell in line.strip("|").split("|")[1:])
        assert getattr(Settings.checked(), name) == float(default)
        # Of the values for fewer signals one needs a second setting.
        value, *beside = re.split(r" with `|=|`", fewer)
        others = {beside[0].lower(): beside[1]} if beside else {}
        for each in (more, value):
            assert getattr(Settings.checked(**{name: each}, **others), name) == float(each)
