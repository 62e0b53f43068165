"""The stack made in the stand-in, with the secrets that an operator puts there first."""

from signals_pipeline_tests.deploy.conftest import client
from signals_pipeline_tests.deploy.template import ACCOUNT, PARAMETERS, REGION, Template, text

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
    return {
        each["LogicalResourceId"]: each.get("PhysicalResourceId") or "" for each in found if "LogicalResourceId" in each
    }


def complete(stack: str = "signals") -> None:
    """Make from the template's own properties what the stand-in skips, and confirm the operator's mail."""
    made = Template(stack=stack, physical=resources(stack))
    for alarm in made.of_type("AWS::CloudWatch::Alarm").values():
        client("cloudwatch").put_metric_alarm(**alarm)
    [target] = made.of_type("AWS::ApplicationAutoScaling::ScalableTarget").values()
    actions = target.pop("ScheduledActions")
    scaling = client("application-autoscaling")
    scaling.register_scalable_target(**target)
    place = {name: target[name] for name in ("ServiceNamespace", "ScalableDimension", "ResourceId")}
    for action in actions:
        scaling.put_scheduled_action(**place, **action)
    [watch] = made.of_type("AWS::Scheduler::Schedule").values()
    goal = watch["Target"] | {"Arn": f"arn:aws:ecs:{REGION}:{ACCOUNT}:cluster/{stack}"}
    goal["EcsParameters"] = {**goal["EcsParameters"], "NetworkConfiguration": None}
    del goal["EcsParameters"]["NetworkConfiguration"]
    client("scheduler").create_schedule(Name=f"{stack}-Watch", **watch | {"Target": goal})
    [mail] = made.of_type("AWS::SNS::Subscription").values()
    client("sns").subscribe(**mail)
    [bucket] = made.of_type("AWS::S3::Bucket").values()
    closed = bucket["PublicAccessBlockConfiguration"]
    client("s3").put_public_access_block(Bucket=made.physical["Bucket"], PublicAccessBlockConfiguration=closed)
