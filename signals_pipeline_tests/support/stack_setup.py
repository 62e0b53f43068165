"""The stack made in the stand-in, with the secrets that an operator puts there first."""

from signals_pipeline_tests.support.aws_clients import client
from signals_pipeline_tests.support.missing_resources import FORGOTTEN, SKIPPED, make
from signals_pipeline_tests.support.stack_template import PARAMETERS, Template, text

SECRETS = ("database-password", "link-key", "web-token")


def create(stack: str = "signals", **parameters: str) -> dict[str, str]:
    """Make the stack and give its outputs."""
    for name in SECRETS:
        client("ssm").put_parameter(Name=f"/{stack}/{name}", Value="s" * 40, Type="SecureString")
    given = [{"ParameterKey": name, "ParameterValue": value} for name, value in (PARAMETERS | parameters).items()]
    cloudformation = client("cloudformation")
    cloudformation.create_stack(StackName=stack, TemplateBody=text(), Parameters=given, Capabilities=["CAPABILITY_IAM"])
    made = cloudformation.describe_stacks(StackName=stack)["Stacks"][0]
    return {output["OutputKey"]: output["OutputValue"] for output in made["Outputs"]}


def resources(stack: str = "signals") -> dict[str, str]:
    """Physical id by logical id."""
    found = client("cloudformation").describe_stack_resources(StackName=stack)["StackResources"]
    known = {
        each["LogicalResourceId"]: each.get("PhysicalResourceId") or "" for each in found if "LogicalResourceId" in each
    }
    [subnets] = client("rds").describe_db_subnet_groups()[
        "DBSubnetGroups"
    ]  # of which CloudFormation tells no name here
    return known | {"DatabaseSubnets": subnets["DBSubnetGroupName"]}


def complete(stack: str = "signals") -> Template:
    """Make from the template's own properties what the stand-in skips and forgets; that template, made."""
    made = Template(stack=stack, physical=resources(stack))
    make(made, SKIPPED | FORGOTTEN)
    return made
