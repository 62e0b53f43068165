"""The stack's template: clean, small enough, and its tasks, dashboard and settings held together."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.adapters.aws.stack import DeployError
from signals_pipeline.adapters.aws.template import minified, parse, with_candidate
from signals_pipeline.core.checks.metrics import KINDS
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import Knobs
from signals_pipeline_tests.support.stack_template import PARAMETERS, Template, text

TEMPLATE = Template()
TASKS = TEMPLATE.of_type("AWS::ECS::TaskDefinition")
FORWARD = "forward"  # the container that the port-forward goes through; it runs nothing of ours
CONTAINERS = [each for task in TASKS.values() for each in task["ContainerDefinitions"] if each["Name"] != FORWARD]
ALL_SECRETS = PARAMETERS | {"UseNewsApi": "yes", "UseTiingo": "yes", "UseSmtp": "yes", "UseChannels": "yes"}
OF_THE_IMAGE = {"SIGNALS_DATA_DIR", "SIGNALS_MODELS_DIR", "DAGSTER_HOME"}
BY_DEFAULT = {  # what production has no reason to change; an installation that has one adds it to the template
    *("NEWS_TIMEOUT_SECONDS", "NEWS_SPACING_SECONDS", "NEWS_CONCURRENCY"),
    *("PRICES_TIMEOUT_SECONDS", "PRICES_SPACING_SECONDS", "PRICES_CONCURRENCY"),
    *("NEWSAPI_DAILY_CALLS", "NEWSAPI_GIVES_UP_FIRST"),
    "SIGNALS_REDIRECT_HOSTS",
    *("EARNINGS_SOURCE", "SIGNALS_EARNINGS_PATH"),  # live dates
    *("SIGNALS_NEWS_PATH", "NEWS_TIMEZONE", "SIGNALS_PRICES_PATH"),  # recorded input; production fetches its own
    *("SMTP_PORT", "SMTP_TLS"),  # the security group lets 587 out, with STARTTLS
    "SIGNALS_READERS",  # the image names it where it holds a readers file
    "CHANNELS_PRIVATE_HOSTS",  # no channel of production leads into its own network
    "QUIET_RUNS_ALERT",  # four, as the alarm NoSignals
    *("SIGNALS_DATABASE_ROLES", "SIGNALS_WRITER_PASSWORD", "SIGNALS_READER_PASSWORD"),  # of `signals prepare` alone
    "SIGNALS_DATABASE_WAIT_SECONDS",  # two minutes in production
    *("SIGNALS_WEB_RATE", "SIGNALS_WEB_DATABASE_URL"),  # the pages listen on localhost, for operators
}


def test_cfn_lint_finds_nothing() -> None:
    path = repository() / "deploy" / "stack.yaml"
    lint = [str(Path(sys.executable).with_name("cfn-lint")), "--regions", "us-east-1", "eu-central-1", "--", str(path)]
    done = subprocess.run(lint, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def test_the_template_is_what_cloudformation_takes_inline_and_uses_no_aliases() -> None:
    """As the release sends it: without comments and indentation, as JSON."""
    sent = minified(parse(text()))
    assert len(sent.encode()) < 51_200
    assert json.loads(sent) == parse(text())
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


def test_an_alarm_that_is_not_made_is_not_on_the_dashboard() -> None:
    template = Template(given=PARAMETERS | {"HeartbeatAlarm": "no", "DatabaseKind": "serverless"})
    shown = [arn for widget in template.dashboard()["widgets"] for arn in widget["properties"].get("alarms", [])]
    assert (
        len(shown)
        == len(template.of_type("AWS::CloudWatch::Alarm"))
        == len(TEMPLATE.of_type("AWS::CloudWatch::Alarm")) - 3
    )
    assert not [arn for arn in shown if arn.endswith("HeartbeatMissing") or "Database" in arn]


def test_no_log_line_of_a_container_that_writes_metrics_may_be_dropped() -> None:
    """A metric is a line of the log, and since June 2025 ECS's default is to drop lines rather than to wait.

    https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_LogConfiguration.html
    """
    writers = [each for each in CONTAINERS if {"Name": "SIGNALS_METRICS", "Value": "emf"} in each["Environment"]]
    assert {"run", "code"} <= {each["Name"] for each in writers}
    for container in writers:
        assert container["LogConfiguration"]["LogDriver"] == "awslogs"
        assert container["LogConfiguration"]["Options"].get("mode") == "blocking", container["Name"]


def test_every_variable_of_a_task_is_one_that_something_reads() -> None:
    known = {name.upper() for name in Settings.model_fields}
    instance = (repository() / "deploy" / "dagster.yaml").read_text(encoding="utf-8")
    known |= set(re.findall(r"env: (\w+)", instance)) | {"PGSSLMODE"}
    assert _given() <= known
    read = set(re.findall(r"env: (\w+)", instance))
    for name, given in _variables(TEMPLATE).items():
        if name.removeprefix("ControlTask.") in {"code", "daemon", "ui"}:
            assert read <= given, name


def test_the_database_is_the_one_of_its_certificate() -> None:
    """For the pipeline's URL and for Dagster's, which knows only libpq's variables; the image has the authorities."""
    dockerfile = (repository() / "Dockerfile").read_text(encoding="utf-8")
    assert "PGSSLROOTCERT=/opt/rds-ca.pem" in dockerfile
    for container in CONTAINERS:
        given = {each["Name"]: each["Value"] for each in container["Environment"]}
        if "SIGNALS_DATABASE_URL" in given:
            assert given["SIGNALS_DATABASE_URL"].endswith("?sslmode=verify-full"), container["Name"]
        if "DAGSTER_DATABASE_HOST" in given:
            assert given["PGSSLMODE"] == "verify-full", container["Name"]


def test_every_setting_that_production_needs_is_given_to_runs_and_sensors() -> None:
    """A new setting belongs in the template, in the image, or, with a reason, among those left at their default."""
    settings = {name.upper() for name in Settings.model_fields} - {name.upper() for name in Knobs.model_fields}
    used = Template(given=ALL_SECRETS)
    dockerfile = (repository() / "Dockerfile").read_text(encoding="utf-8")
    assert all(f"{name}=" in dockerfile for name in OF_THE_IMAGE)
    assert not BY_DEFAULT - settings
    given = _variables(used)
    assert settings - given["RunTask.run"] == OF_THE_IMAGE | BY_DEFAULT
    # Only runs fetch prices.
    assert settings - given["ControlTask.code"] == OF_THE_IMAGE | BY_DEFAULT | {"TIINGO_KEY"}


def test_containers_that_send_no_mail_and_fetch_no_news_get_neither_addresses_nor_vendors_keys() -> None:
    used = Template(given=ALL_SECRETS)
    for name, given in _variables(used).items():
        if name not in {"RunTask.run", "ControlTask.code"}:
            assert not {
                each
                for each in given
                if re.search("RECIPIENTS|MAIL|SMTP|SES_|NEWSAPI|TIINGO|CHANNELS|FEEDS|CONTACT|PUBLISH|QUEUE", each)
            }, name
            assert ("SIGNALS_DATABASE_PASSWORD" in given) is (name != f"ControlTask.{FORWARD}"), name


def _variables(template: Template) -> dict[str, set[str]]:
    """Names of a container's variables and secrets, by task and container."""
    found: dict[str, set[str]] = {}
    for task, properties in template.of_type("AWS::ECS::TaskDefinition").items():
        for container in properties["ContainerDefinitions"]:
            names = {each["Name"] for each in (*container.get("Environment", ()), *container.get("Secrets", ()))}
            found[f"{task}.{container['Name']}"] = names
    return found


def test_every_task_says_its_architecture_and_a_replaced_one_stays_for_rollbacks() -> None:
    for name, task in TASKS.items():
        assert task["RuntimePlatform"] == {"CpuArchitecture": "X86_64", "OperatingSystemFamily": "LINUX"}, name
    kept = {name for name in TASKS if TEMPLATE.body["Resources"][name].get("UpdateReplacePolicy") == "Retain"}
    assert kept == {"RunTask", "ControlTask"}


def test_no_update_can_send_a_desired_count_or_an_empty_image() -> None:
    [service] = TEMPLATE.of_type("AWS::ECS::Service").values()
    assert "DesiredCount" not in service
    needs_image = {"RunTask", "ControlTask", "Control", "ControlTarget", "Watch"}
    resources = TEMPLATE.body["Resources"]
    assert {resources[name]["Condition"] for name in needs_image} == {"HasImage"}
    assert ":none" not in text()


def test_the_migration_s_task_comes_before_anything_else_of_a_new_template() -> None:
    previous, current = parse(text()), parse(text())
    current["Resources"]["PrepareTask"]["Properties"]["Cpu"] = {"Ref": "NewParameter"}
    current["Parameters"]["NewParameter"] = {"Type": "String", "Default": "1024"}
    current["Resources"]["RunTask"]["Properties"]["Cpu"] = "1024"
    del current["Resources"]["Board"]
    sent = with_candidate(previous, current)
    assert sent["Resources"]["PrepareTask"] == current["Resources"]["PrepareTask"]
    assert "NewParameter" in sent["Parameters"]
    same = {name: each for name, each in sent["Resources"].items() if name != "PrepareTask"}
    assert same == {name: each for name, each in previous["Resources"].items() if name != "PrepareTask"}


def test_a_template_that_outgrows_cloudformation_is_one_line() -> None:
    with pytest.raises(DeployError, match=r"^the template has 51214 bytes as JSON, CloudFormation takes 51200"):
        minified({"Metadata": "x" * (51_200 - 1)})


def test_one_fault_is_one_mail_unless_the_operator_asks_for_more() -> None:
    """The topic tells every fault; mails with stage and reason go to whom `OperatorNotices` names."""
    notices = PARAMETERS | {"OperatorNotices": "desk@example.org"}
    for template, told in ((TEMPLATE, ""), (Template(given=notices), "desk@example.org")):
        [subscription] = template.of_type("AWS::SNS::Subscription").values()
        assert "@example.org" in subscription["Endpoint"]
        tasks = template.of_type("AWS::ECS::TaskDefinition")
        senders = [tasks[name]["ContainerDefinitions"][0] for name in ("RunTask", "ControlTask")]
        for container in senders:
            assert {"Name": "OPERATOR_RECIPIENTS", "Value": told} in container["Environment"]


def _given() -> set[str]:
    return {
        each["Name"]
        for container in CONTAINERS
        for each in (*container.get("Environment", ()), *container.get("Secrets", ()))
    }


def test_secrets_that_are_not_used_are_not_asked_for() -> None:
    used = Template(given=ALL_SECRETS)
    names = {secret["Name"] for secret in _run_container(used)["Secrets"]}
    assert names - {secret["Name"] for secret in _run_container(TEMPLATE)["Secrets"]} == {
        "NEWSAPI_KEY",
        "SMTP_PASSWORD",
        "TIINGO_KEY",
        "CHANNELS_VARIABLES",
    }


def _run_container(template: Template) -> dict[str, Any]:
    [container] = template.of_type("AWS::ECS::TaskDefinition")["RunTask"]["ContainerDefinitions"]
    return container
