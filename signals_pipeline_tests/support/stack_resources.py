"""Every type of resource of the stack as the services' own interfaces tell it, in the template's words."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from signals_pipeline_tests.support import stack_network
from signals_pipeline_tests.support.aws_clients import client
from signals_pipeline_tests.support.stack_template import ACCOUNT, Template
from signals_pipeline_tests.support.template_comparison import Properties, Told, by_name, only, parsed


@contextmanager
def _unless_missing() -> Iterator[None]:
    """S3's and ECR's interfaces answer with an error where there is nothing."""
    from botocore.exceptions import ClientError

    try:
        yield
    except ClientError as problem:
        if not re.search("^NoSuch|NotFound", problem.response["Error"]["Code"]):
            raise


def database_subnets(_identity: str, properties: Properties) -> Told:
    found = only(
        client("rds").describe_db_subnet_groups()["DBSubnetGroups"],
        DBSubnetGroupDescription=properties["DBSubnetGroupDescription"],
    )
    return found and {**found, "SubnetIds": [each["SubnetIdentifier"] for each in found["Subnets"]]}


def database(identity: str, _properties: Properties) -> Told:
    found = client("rds").describe_db_instances(DBInstanceIdentifier=identity)["DBInstances"][0]
    groups = [each["VpcSecurityGroupId"] for each in found["VpcSecurityGroups"]]
    return found | {"VpcSecurityGroups": groups, "DBSubnetGroupName": found["DBSubnetGroup"]["DBSubnetGroupName"]}


def database_cluster(_identity: str, properties: Properties) -> Told:
    found = only(client("rds").describe_db_clusters()["DBClusters"], DatabaseName=properties["DatabaseName"])
    if found is None:
        return None
    groups = [each["VpcSecurityGroupId"] for each in found["VpcSecurityGroups"]]
    return found | {"VpcSecurityGroupIds": groups, "DBSubnetGroupName": found["DBSubnetGroup"]}


def budget(_identity: str, properties: Properties) -> Told:
    budgets, place = client("budgets"), {"AccountId": ACCOUNT}
    wanted = properties["Budget"]["BudgetName"]
    found = only(budgets.describe_budgets(**place).get("Budgets", []), BudgetName=wanted)
    if found is None:
        return None
    told = budgets.describe_notifications_for_budget(**place, BudgetName=wanted)["Notifications"]
    return {"Budget": found, "NotificationsWithSubscribers": [{"Notification": each} for each in told]}


def bucket(identity: str, _properties: Properties) -> Told:
    s3, told = client("s3"), {}
    encryption = s3.get_bucket_encryption(Bucket=identity)["ServerSideEncryptionConfiguration"]["Rules"]
    told["BucketEncryption"] = {
        "ServerSideEncryptionConfiguration": [
            {"ServerSideEncryptionByDefault": rule["ApplyServerSideEncryptionByDefault"]} for rule in encryption
        ]
    }
    with _unless_missing():
        told |= s3.get_public_access_block(Bucket=identity)
    with _unless_missing():
        told |= s3.get_bucket_ownership_controls(Bucket=identity)
    with _unless_missing():
        rules = s3.get_bucket_lifecycle_configuration(Bucket=identity)["Rules"]
        told["LifecycleConfiguration"] = {
            "Rules": [rule | {"ExpirationInDays": rule.get("Expiration", {}).get("Days")} for rule in rules]
        }
    return told


def bucket_policy(_identity: str, properties: Properties) -> Told:
    with _unless_missing():
        policy = client("s3").get_bucket_policy(Bucket=properties["Bucket"])["Policy"]
        return {"Bucket": properties["Bucket"], "PolicyDocument": parsed(policy)}
    return None


def repository(identity: str, _properties: Properties) -> Told:
    [told] = client("ecr").describe_repositories(repositoryNames=[identity])["repositories"]
    with _unless_missing():
        told["LifecyclePolicy"] = client("ecr").get_lifecycle_policy(repositoryName=identity)
    return told


def log_group(identity: str, _properties: Properties) -> Told:
    return only(client("logs").describe_log_groups()["logGroups"], logGroupName=identity)


def parameter(identity: str, _properties: Properties) -> Told:
    found = only(client("ssm").describe_parameters()["Parameters"], Name=identity)
    return found and {**found, **client("ssm").get_parameter(Name=identity)["Parameter"]}


def role(identity: str, _properties: Properties) -> Told:
    iam = client("iam")
    names = iam.list_role_policies(RoleName=identity)["PolicyNames"]
    return iam.get_role(RoleName=identity)["Role"] | {
        "Policies": [iam.get_role_policy(RoleName=identity, PolicyName=name) for name in names]
    }


def cluster(identity: str, _properties: Properties) -> Told:
    return client("ecs").describe_clusters(clusters=[identity], include=["CONFIGURATIONS"])["clusters"][0]


def task_definition(_identity: str, properties: Properties) -> Told:
    return client("ecs").describe_task_definition(taskDefinition=properties["Family"])["taskDefinition"]


def service(_identity: str, properties: Properties) -> Told:
    place = {"cluster": properties["Cluster"], "services": [properties["ServiceName"]]}
    [found] = client("ecs").describe_services(**place)["services"]
    return found | {"cluster": found["clusterArn"].rsplit("/", 1)[1]}


def scalable_target(_identity: str, properties: Properties) -> Told:
    scaling, place = client("application-autoscaling"), {"ServiceNamespace": properties["ServiceNamespace"]}
    found = only(scaling.describe_scalable_targets(**place)["ScalableTargets"], ResourceId=properties["ResourceId"])
    actions = {
        each["ScheduledActionName"]: each for each in scaling.describe_scheduled_actions(**place)["ScheduledActions"]
    }
    wanted = [each["ScheduledActionName"] for each in properties["ScheduledActions"]]
    return found and {**found, "ScheduledActions": [actions.get(name) for name in wanted]}


def topic(identity: str, _properties: Properties) -> Told:
    arn = client("sns").get_topic_attributes(TopicArn=identity)["Attributes"]["TopicArn"]
    return {"TopicName": arn.rsplit(":", 1)[1]}


def subscription(_identity: str, properties: Properties) -> Told:
    return only(client("sns").list_subscriptions()["Subscriptions"], Endpoint=properties["Endpoint"])


def topic_policy(_identity: str, properties: Properties) -> Told:
    policy = parsed(client("sns").get_topic_attributes(TopicArn=properties["Topics"][0])["Attributes"]["Policy"])
    made = policy.get("Id") != "__default_policy_ID"
    return {"Topics": properties["Topics"], "PolicyDocument": policy} if made else None


def rule(identity: str, _properties: Properties) -> Told:
    found = client("events").describe_rule(Name=identity)
    targets = client("events").list_targets_by_rule(Rule=identity)["Targets"]
    return found | {"EventPattern": parsed(found["EventPattern"]), "Targets": by_name(targets, "Id")}


def schedule(_identity: str, properties: Properties) -> Told:
    scheduler = client("scheduler")
    for each in scheduler.list_schedules()["Schedules"]:
        found = scheduler.get_schedule(Name=each["Name"])
        if found["Description"] == properties["Description"]:
            return found
    return None


def alarm(_identity: str, properties: Properties) -> Told:
    return only(client("cloudwatch").describe_alarms()["MetricAlarms"], AlarmName=properties["AlarmName"])


def dashboard(identity: str, _properties: Properties) -> Told:
    return client("cloudwatch").get_dashboard(DashboardName=identity)


Reader = Callable[[str, Properties], Told]
READERS: dict[str, Reader] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": scalable_target,
    "AWS::Budgets::Budget": budget,
    "AWS::CloudWatch::Alarm": alarm,
    "AWS::CloudWatch::Dashboard": dashboard,
    "AWS::EC2::InternetGateway": stack_network.gateway,
    "AWS::EC2::Route": stack_network.route,
    "AWS::EC2::RouteTable": stack_network.routes,
    "AWS::EC2::SecurityGroup": stack_network.security_group,
    "AWS::EC2::Subnet": stack_network.subnet,
    "AWS::EC2::SubnetRouteTableAssociation": stack_network.association,
    "AWS::EC2::VPC": stack_network.vpc,
    "AWS::EC2::VPCEndpoint": stack_network.endpoint,
    "AWS::EC2::VPCGatewayAttachment": stack_network.attachment,
    "AWS::ECR::Repository": repository,
    "AWS::ECS::Cluster": cluster,
    "AWS::ECS::Service": service,
    "AWS::ECS::TaskDefinition": task_definition,
    "AWS::Events::Rule": rule,
    "AWS::IAM::Role": role,
    "AWS::Logs::LogGroup": log_group,
    "AWS::RDS::DBCluster": database_cluster,
    "AWS::RDS::DBInstance": database,
    "AWS::RDS::DBSubnetGroup": database_subnets,
    "AWS::S3::Bucket": bucket,
    "AWS::S3::BucketPolicy": bucket_policy,
    "AWS::SNS::Subscription": subscription,
    "AWS::SNS::Topic": topic,
    "AWS::SNS::TopicPolicy": topic_policy,
    "AWS::SSM::Parameter": parameter,
    "AWS::Scheduler::Schedule": schedule,
}


def read(made: Template, kind: str) -> dict[str, Told]:
    """What is there of each resource of a type; None where nothing is."""
    return {
        name: READERS[kind](made.physical.get(name, ""), properties) for name, properties in made.of_type(kind).items()
    }
