"""The stack's template: clean, small enough, and its tasks, dashboard and settings held together."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.core.checks.metrics import KINDS
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import Knobs
from signals_pipeline_tests.support.stack_template import Template, text

TEMPLATE = Template()
TASKS = TEMPLATE.of_type("AWS::ECS::TaskDefinition")
FORWARD = "forward"  # the container that the port-forward goes through; it runs nothing of ours
CONTAINERS = [each for task in TASKS.values() for each in task["ContainerDefinitions"] if each["Name"] != FORWARD]
OF_THE_IMAGE = {"SIGNALS_DATA_DIR", "SIGNALS_MODELS_DIR", "DAGSTER_HOME"}
BY_DEFAULT = {  # what production has no reason to change; an installation that has one adds it to the template
    *("NEWS_TIMEOUT_SECONDS", "NEWS_SPACING_SECONDS", "NEWS_CONCURRENCY"),
    *("PRICES_TIMEOUT_SECONDS", "PRICES_SPACING_SECONDS", "PRICES_CONCURRENCY"),
    *("NEWSAPI_DAILY_CALLS", "NEWSAPI_GIVES_UP_FIRST"),
    "SIGNALS_REDIRECT_HOSTS",
    *("SIGNALS_NEWS_PATH", "NEWS_TIMEZONE", "SIGNALS_PRICES_PATH"),  # recorded input; production fetches its own
    *("SMTP_PORT", "SMTP_TLS"),  # the security group lets 587 out, with STARTTLS
    "QUIET_RUNS_ALERT",  # four, as the alarm NoSignals
    "SIGNALS_DATABASE_WAIT_SECONDS",  # two minutes in production
    *("SIGNALS_WEB_RATE", "SIGNALS_WEB_DATABASE_URL"),  # the pages listen on localhost, for operators
}


def test_cfn_lint_finds_nothing() -> None:
    path = repository() / "deploy" / "stack.yaml"
    lint = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", "us-east-1", "eu-central-1", "--", str(path)]
    done = subprocess.run(lint, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def test_the_template_is_what_cloudformation_takes_inline_and_uses_no_aliases() -> None:
    # Without the spaces of its layout: comments and indentation need not travel.
    assert len(json.dumps(TEMPLATE.body, separators=(",", ":"))) < 51_200
    assert not re.search(r"[:-] [&*][a-z]", text())


def test_the_dashboard_shows_every_metric_and_every_alarm() -> None:
    body = TEMPLATE.dashboard()
    metrics = [row for widget in body["widgets"] for row in widget["properties"].get("metrics", [])]
    assert {row[1] for row in metrics} == {kind.name for kind in KINDS}
    assert {tuple(row[2:4]) for row in metrics} == {("Stack", "signals")}
    alarms = {alarm["AlarmName"] for alarm in TEMPLATE.of_type("AWS::CloudWatch::Alarm").values()}
    shown = {arn.rsplit(":", 1)[1] for widget in body["widgets"] for arn in widget["properties"].get("alarms", [])}
    assert shown == alarms
    for widget in body["widgets"]:
        assert widget["x"] + widget["width"] <= 24
        assert "${" not in json.dumps(widget)


def test_every_variable_of_a_task_is_one_that_something_reads() -> None:
    known = {name.upper() for name in Settings.model_fields}
    instance = (repository() / "deploy" / "dagster.yaml").read_text(encoding="utf-8")
    known |= set(re.findall(r"env: (\w+)", instance)) | {"PGSSLMODE"}
    assert _given() <= known
    read = set(re.findall(r"env: (\w+)", instance))
    control = next(container for container in CONTAINERS if container["Name"] == "daemon")
    assert read <= {each["Name"] for each in (*control["Environment"], *control["Secrets"])}


def test_every_setting_that_production_needs_is_given_to_each_task() -> None:
    """A new setting belongs in the template, in the image, or, with a reason, among those left at their default."""
    settings = {name.upper() for name in Settings.model_fields} - {name.upper() for name in Knobs.model_fields}
    used = Template(given={"OperatorEmail": "o@example.org", "UseNewsApi": "yes", "UseSmtp": "yes"})
    dockerfile = (repository() / "Dockerfile").read_text(encoding="utf-8")
    assert all(f"{name}=" in dockerfile for name in OF_THE_IMAGE)
    assert not BY_DEFAULT - settings
    for task in used.of_type("AWS::ECS::TaskDefinition").values():
        for container in task["ContainerDefinitions"]:
            if container["Name"] == FORWARD:
                continue
            given = {each["Name"] for each in (*container["Environment"], *container["Secrets"])}
            assert settings - given == OF_THE_IMAGE | BY_DEFAULT, container["Name"]


def test_one_fault_is_one_mail_unless_the_operator_asks_for_more() -> None:
    """The topic tells every fault; mails with stage and reason go to whom `OperatorNotices` names."""
    notices = {"OperatorEmail": "o@example.org", "OperatorNotices": "desk@example.org"}
    for template, told in ((TEMPLATE, ""), (Template(given=notices), "desk@example.org")):
        [subscription] = template.of_type("AWS::SNS::Subscription").values()
        assert "@example.org" in subscription["Endpoint"]
        for task in template.of_type("AWS::ECS::TaskDefinition").values():
            for container in task["ContainerDefinitions"]:
                if container["Name"] == FORWARD:
                    continue
                assert {"Name": "OPERATOR_RECIPIENTS", "Value": told} in container["Environment"]


def _given() -> set[str]:
    return {each["Name"] for container in CONTAINERS for each in (*container["Environment"], *container["Secrets"])}


def test_secrets_that_are_not_used_are_not_asked_for() -> None:
    used = Template(given={"OperatorEmail": "o@example.org", "UseNewsApi": "yes", "UseSmtp": "yes"})
    names = {secret["Name"] for secret in _run_container(used)["Secrets"]}
    assert names - {secret["Name"] for secret in _run_container(TEMPLATE)["Secrets"]} == {
        "NEWSAPI_KEY",
        "SMTP_PASSWORD",
    }


def _run_container(template: Template) -> dict[str, Any]:
    [container] = template.of_type("AWS::ECS::TaskDefinition")["RunTask"]["ContainerDefinitions"]
    return container
