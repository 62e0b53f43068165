"""The whole stack in the stand-in: each of its resources is made and told as the template has it, by whom is said here.

Three kinds: what the stand-in's CloudFormation makes; what it makes of, but forgets properties of (`FORGOTTEN`,
`REPLACED`); and what it silently skips (`SKIPPED`). The last two are made from the template's own properties.
"""

import pytest

from signals_pipeline_tests.support.aws_clients import client
from signals_pipeline_tests.support.missing_resources import FORGOTTEN, REPLACED, SKIPPED, make
from signals_pipeline_tests.support.stack_resources import READERS, read
from signals_pipeline_tests.support.stack_setup import complete, create, resources
from signals_pipeline_tests.support.stack_template import PARAMETERS, Template
from signals_pipeline_tests.support.template_comparison import gaps

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse")  # the stand-in names what it skips
# The kind of database that the stand-in makes of no template.
SERVERLESS = PARAMETERS | {"DatabaseKind": "serverless"}
TYPES = sorted(
    {
        kind
        for each in Template().body["Resources"].values()
        for given in (PARAMETERS, SERVERLESS)
        if Template(given=given).of_type(kind := each["Type"])
    }
)
UNTOLD = {  # what is given and no interface of the stand-in tells: each is tested in the template alone
    # The stand-in does not tell subscribers.
    "Budget": [f"NotificationsWithSubscribers[{place}].Subscribers" for place in range(2)],
    "Database": ["MasterUserPassword"],  # nor does AWS's
    "DatabaseSecurityGroup": ["SecurityGroupIngress[0].Description"],
    "Control": [
        "EnableExecuteCommand",
        *(f"DeploymentConfiguration.{name}" for name in ("MinimumHealthyPercent", "MaximumPercent")),
        *(f"DeploymentConfiguration.DeploymentCircuitBreaker.{name}" for name in ("Enable", "Rollback")),
    ],
}


def untold(made: Template, kinds: list[str]) -> dict[str, list[str]]:
    """By resource, the properties that are told differently or not at all; a resource that is not there, whole."""
    found = {}
    for kind in kinds:
        told = read(made, kind)
        for name, properties in made.of_type(kind).items():
            here = told[name]
            found[name] = ["all of it"] if here is None else list(gaps(properties, here))
    return {name: paths for name, paths in found.items() if paths}


def test_every_type_of_the_template_is_read_back_and_no_other() -> None:
    assert sorted(READERS) == TYPES
    assert not {*SKIPPED, *FORGOTTEN, *REPLACED} - set(TYPES)


def test_the_stand_in_makes_every_type_but_those_named_as_skipped_or_forgotten(aws: str) -> None:  # noqa: ARG001
    outputs = create()
    stack = client("cloudformation").describe_stacks(StackName="signals")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert set(outputs) >= {"Cluster", "Service", "Repository", "RunFamily", "ControlFamily", "GeneratorParameter"}
    made = Template(physical=resources())
    assert untold(made, [kind for kind in TYPES if kind not in {*SKIPPED, *FORGOTTEN, *REPLACED}]) == {}
    skipped = untold(made, list(SKIPPED))  # a stand-in that learns one of these needs no help with it any more
    assert skipped == {name: ["all of it"] for kind in SKIPPED for name in made.of_type(kind)}
    forgotten = untold(made, [*FORGOTTEN, *REPLACED])
    assert set(forgotten) == {name for kind in (*FORGOTTEN, *REPLACED) for name in made.of_type(kind)}


def test_with_what_it_skips_and_forgets_made_every_property_reads_back_as_written(aws: str) -> None:  # noqa: ARG001
    create()
    made = complete()
    make(made, REPLACED)
    assert untold(made, TYPES) == UNTOLD
    cluster = Template(given=SERVERLESS, physical=made.physical)
    make(cluster, {kind: maker for kind, maker in SKIPPED.items() if kind == "AWS::RDS::DBCluster"})
    assert untold(cluster, ["AWS::RDS::DBCluster"]) == {"DatabaseCluster": ["MasterUserPassword"]}
    assert [each["DeletionProtection"] for each in client("rds").describe_db_clusters()["DBClusters"]] == [True]


def test_what_no_interface_tells_is_as_it_must_be() -> None:
    service = Template().of_type("AWS::ECS::Service")["Control"]
    deployment = service["DeploymentConfiguration"]
    assert deployment["DeploymentCircuitBreaker"] == {"Enable": True, "Rollback": True}
    assert (deployment["MinimumHealthyPercent"], deployment["MaximumPercent"]) == (0, 100)  # one daemon at a time
    assert service["EnableExecuteCommand"] is True  # the port-forward
    password = Template().of_type("AWS::RDS::DBInstance")["Database"]["MasterUserPassword"]
    assert password == "{{resolve:ssm-secure:/signals/database-password}}"  # noqa: S105


def test_the_stack_keeps_its_data_and_its_logs_for_a_while(aws: str) -> None:  # noqa: ARG001
    """The values themselves: the other tests hold the template to what is told, whatever that is."""
    create()
    complete()
    [database] = client("rds").describe_db_instances()["DBInstances"]
    assert (database["DBInstanceClass"], database["PubliclyAccessible"], database["StorageEncrypted"]) == (
        "db.t4g.micro",
        False,
        True,
    )
    assert database["DeletionProtection"]
    groups = client("logs").describe_log_groups()["logGroups"]
    assert {group["logGroupName"]: group["retentionInDays"] for group in groups} == {
        "/signals/control": 30,
        "/signals/run": 30,
    }
