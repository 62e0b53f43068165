"""What the stand-in's CloudFormation leaves out, made through the services' interfaces from the template's properties.

Of the types in `SKIPPED` it makes nothing, and says CREATE_COMPLETE; of the others here it forgets properties.
"""

import json
from collections.abc import Callable

from signals_pipeline_tests.support.aws_clients import client
from signals_pipeline_tests.support.stack_template import ACCOUNT, Template
from signals_pipeline_tests.support.template_comparison import Properties, spelled


def alarm(_made: Template, _name: str, properties: Properties) -> None:
    client("cloudwatch").put_metric_alarm(**properties)


def scalable_target(_made: Template, _name: str, properties: Properties) -> None:
    scaling = client("application-autoscaling")
    target = {name: each for name, each in properties.items() if name != "ScheduledActions"}
    scaling.register_scalable_target(**target)
    place = {name: target[name] for name in ("ServiceNamespace", "ScalableDimension", "ResourceId")}
    for action in properties.get("ScheduledActions", ()):
        scaling.put_scheduled_action(**place, **action)


def schedule(made: Template, name: str, properties: Properties) -> None:
    target = properties["Target"]
    ecs = target["EcsParameters"]
    network = {
        "awsvpcConfiguration": ecs["NetworkConfiguration"]["AwsvpcConfiguration"]
    }  # the interface's one small letter
    target = target | {"EcsParameters": ecs | {"NetworkConfiguration": network}}
    client("scheduler").create_schedule(Name=f"{made.stack}-{name}", **properties | {"Target": target})


def subscription(_made: Template, _name: str, properties: Properties) -> None:
    client("sns").subscribe(**properties)


def topic_policy(_made: Template, _name: str, properties: Properties) -> None:
    for topic in properties["Topics"]:
        policy = json.dumps(properties["PolicyDocument"])
        client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)


def bucket_policy(_made: Template, _name: str, properties: Properties) -> None:
    client("s3").put_bucket_policy(Bucket=properties["Bucket"], Policy=json.dumps(properties["PolicyDocument"]))


def bucket(made: Template, name: str, properties: Properties) -> None:
    place = {"Bucket": made.physical[name]}
    s3 = client("s3")
    s3.put_public_access_block(**place, PublicAccessBlockConfiguration=properties["PublicAccessBlockConfiguration"])
    s3.put_bucket_ownership_controls(**place, OwnershipControls=properties["OwnershipControls"])
    rules = [
        {("ID" if key == "Id" else key): each for key, each in rule.items() if key != "ExpirationInDays"}
        | ({"Expiration": {"Days": rule["ExpirationInDays"]}} if "ExpirationInDays" in rule else {})
        for rule in properties["LifecycleConfiguration"]["Rules"]
    ]
    s3.put_bucket_lifecycle_configuration(
        **place, LifecycleConfiguration={"Rules": [{"Prefix": ""} | rule for rule in rules]}
    )


def repository(_made: Template, _name: str, properties: Properties) -> None:
    place = {"repositoryName": properties["RepositoryName"]}
    text = properties["LifecyclePolicy"]["LifecyclePolicyText"]
    client("ecr").put_lifecycle_policy(**place, lifecyclePolicyText=text)
    scanning = spelled(properties["ImageScanningConfiguration"])
    client("ecr").put_image_scanning_configuration(**place, imageScanningConfiguration=scanning)


def vpc(made: Template, name: str, properties: Properties) -> None:
    for attribute in ("EnableDnsHostnames", "EnableDnsSupport"):
        client("ec2").modify_vpc_attribute(VpcId=made.physical[name], **{attribute: {"Value": properties[attribute]}})


def association(_made: Template, _name: str, properties: Properties) -> None:
    client("ec2").associate_route_table(**properties)


def security_group(made: Template, name: str, properties: Properties) -> None:
    ec2, group = client("ec2"), made.physical[name]
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    for rule in rules:  # CloudFormation takes the default rule away, too
        revoke = ec2.revoke_security_group_egress if rule["IsEgress"] else ec2.revoke_security_group_ingress
        revoke(GroupId=group, SecurityGroupRuleIds=[rule["SecurityGroupRuleId"]])
    for rule in properties.get("SecurityGroupIngress", ()):
        ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[_permission(rule)])
    for rule in properties.get("SecurityGroupEgress", ()):
        ec2.authorize_security_group_egress(GroupId=group, IpPermissions=[_permission(rule)])


def _permission(rule: Properties) -> Properties:
    permission = {name: rule[name] for name in ("IpProtocol", "FromPort", "ToPort")}
    if "CidrIp" in rule:
        return permission | {"IpRanges": [{"CidrIp": rule["CidrIp"], "Description": rule["Description"]}]}
    other = {"GroupId": rule["SourceSecurityGroupId"], "Description": rule["Description"]}
    return permission | {"UserIdGroupPairs": [other]}


def database(made: Template, name: str, properties: Properties) -> None:
    client("rds").modify_db_instance(
        DBInstanceIdentifier=made.physical[name],
        VpcSecurityGroupIds=properties["VPCSecurityGroups"],
        DeletionProtection=properties["DeletionProtection"],
    )


def database_cluster(made: Template, name: str, properties: Properties) -> None:
    client("rds").create_db_cluster(DBClusterIdentifier=f"{made.stack}-{name}", **properties)


def budget(_made: Template, _name: str, properties: Properties) -> None:
    limit = {name: str(each) for name, each in properties["Budget"]["BudgetLimit"].items()}  # a number in templates
    wanted = properties["Budget"] | {"BudgetLimit": limit}
    notifications = properties["NotificationsWithSubscribers"]
    client("budgets").create_budget(AccountId=ACCOUNT, Budget=wanted, NotificationsWithSubscribers=notifications)


def role(made: Template, name: str, properties: Properties) -> None:
    """Its policies again: those of a stack are told as Python writes them, not as JSON."""
    for policy in properties["Policies"]:
        document = json.dumps(policy["PolicyDocument"])
        place = {"RoleName": made.physical[name], "PolicyName": policy["PolicyName"]}
        client("iam").put_role_policy(**place, PolicyDocument=document)


def cluster(_made: Template, _name: str, properties: Properties) -> None:
    place, rest = (
        properties["ClusterName"],
        spelled({key: properties[key] for key in properties if key != "ClusterName"}),
    )
    client("ecs").update_cluster(cluster=place, configuration=rest.pop("configuration"))
    client("ecs").put_cluster_capacity_providers(cluster=place, **rest)


def task_definition(_made: Template, _name: str, properties: Properties) -> None:
    """A new revision; the stand-in's own has neither processor nor network."""
    client("ecs").register_task_definition(**spelled(properties))


def service(_made: Template, _name: str, properties: Properties) -> None:
    """In place of the stand-in's own, which knows neither network nor circuit breaker."""
    ecs, given = client("ecs"), spelled(properties)
    ecs.delete_service(cluster=given["cluster"], service=given["serviceName"], force=True)
    ecs.create_service(**given)


Maker = Callable[[Template, str, Properties], None]
SKIPPED: dict[str, Maker] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": scalable_target,
    "AWS::Budgets::Budget": budget,
    "AWS::CloudWatch::Alarm": alarm,
    "AWS::EC2::SubnetRouteTableAssociation": association,
    "AWS::RDS::DBCluster": database_cluster,
    "AWS::S3::BucketPolicy": bucket_policy,
    "AWS::SNS::Subscription": subscription,
    "AWS::SNS::TopicPolicy": topic_policy,
    "AWS::Scheduler::Schedule": schedule,
}
FORGOTTEN: dict[str, Maker] = {
    "AWS::EC2::VPC": vpc,
    "AWS::EC2::SecurityGroup": security_group,
    "AWS::ECR::Repository": repository,
    "AWS::ECS::Cluster": cluster,
    "AWS::IAM::Role": role,
    "AWS::RDS::DBInstance": database,
    "AWS::S3::Bucket": bucket,
}
REPLACED: dict[str, Maker] = {"AWS::ECS::TaskDefinition": task_definition, "AWS::ECS::Service": service}


def make(made: Template, makers: dict[str, Maker]) -> None:
    """Make what is left out of each of these types."""
    for kind, maker in makers.items():
        for name, properties in made.of_type(kind).items():
            maker(made, name, properties)
