"""The stack made in the stand-in, with the secrets that an operator puts there first."""

from signals_pipeline_tests.support.aws_clients import client
from signals_pipeline_tests.support.missing_resources import FORGOTTEN, SKIPPED, make
from signals_pipeline_tests.support.stack_template import PARAMETERS, Template, text
from signals_pipeline_tests.support.template_comparison import spelled

SECRETS = ("database-password", "writer-password", "reader-password", "link-key", "web-token")


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


def put_in_service(image: str, stack: str = "signals") -> None:
    """Register the run and control tasks with another image and put them in service, as a release's update does."""
    given = PARAMETERS | {"ImageUri": image}
    template = Template(stack=stack, given=given, physical=resources(stack))
    definitions = template.of_type("AWS::ECS::TaskDefinition")
    ecs = client("ecs")
    run = ecs.register_task_definition(**spelled(definitions["RunTask"]))["taskDefinition"]["taskDefinitionArn"]
    template = Template(stack=stack, given=given, physical={**template.physical, "RunTask": run})
    control = spelled(template.of_type("AWS::ECS::TaskDefinition")["ControlTask"])
    arn = ecs.register_task_definition(**control)["taskDefinition"]["taskDefinitionArn"]
    ecs.update_service(cluster=stack, service="control", taskDefinition=arn)
