"""What docs/deployment.md says is what the template, the doctor and the bill say."""

import re

from deploy.cost import Architecture, Usage, bill, price_table
from signals_pipeline.adapters.aws.files import repository
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
    def dollars(*, dashboards: float, free_tier: bool) -> str:
        month = bill(price_table(), Usage(dashboards=dashboards), Architecture.WINDOWED, free_tier=free_tier)
        return f"${month.total:.2f}"

    assert row("default")[1:] == [dollars(dashboards=1, free_tier=free) for free in (True, False)]
    assert row("`Dashboard=no`")[1:] == [dollars(dashboards=0, free_tier=free) for free in (True, False)]
    months = [bill(price_table(), Usage(), Architecture.WINDOWED, free_tier=free) for free in (True, False)]
    assert row("all scoring runs, part of these")[1:] == [f"${month.part('scoring runs'):.2f}" for month in months]
