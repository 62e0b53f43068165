"""The stack's network as the stand-in's interface tells it, in the template's words."""

from signals_pipeline_tests.support.aws_clients import client
from signals_pipeline_tests.support.template_comparison import Properties, Told, only


def vpc(identity: str, _properties: Properties) -> Told:
    ec2 = client("ec2")
    found = ec2.describe_vpcs(VpcIds=[identity])["Vpcs"][0]
    for name in ("EnableDnsHostnames", "EnableDnsSupport"):
        attribute = ec2.describe_vpc_attribute(VpcId=identity, Attribute=name[0].lower() + name[1:])
        found[name] = attribute[name]["Value"]
    return found | {"Tags": [tag for tag in found["Tags"] if not tag["Key"].startswith("aws:")]}


def gateway(identity: str, _properties: Properties) -> Properties:
    return client("ec2").describe_internet_gateways(InternetGatewayIds=[identity])["InternetGateways"][0]


def attachment(_identity: str, properties: Properties) -> Told:
    found = gateway(properties["InternetGatewayId"], {})
    return {**found["Attachments"][0], "InternetGatewayId": found["InternetGatewayId"]}


def routes(identity: str, _properties: Properties) -> Properties:
    return client("ec2").describe_route_tables(RouteTableIds=[identity])["RouteTables"][0]


def route(_identity: str, properties: Properties) -> Told:
    table = properties["RouteTableId"]
    found = only(routes(table, {})["Routes"], DestinationCidrBlock=properties["DestinationCidrBlock"])
    return found and {**found, "RouteTableId": table}


def association(_identity: str, properties: Properties) -> Told:
    return only(routes(properties["RouteTableId"], {})["Associations"], SubnetId=properties["SubnetId"])


def subnet(identity: str, _properties: Properties) -> Told:
    return client("ec2").describe_subnets(SubnetIds=[identity])["Subnets"][0]


def endpoint(identity: str, _properties: Properties) -> Told:
    return client("ec2").describe_vpc_endpoints(VpcEndpointIds=[identity])["VpcEndpoints"][0]


def security_group(identity: str, properties: Properties) -> Told:
    ec2 = client("ec2")
    [found] = ec2.describe_security_groups(GroupIds=[identity])["SecurityGroups"]
    rules = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [identity]}])
    told: Properties = {"GroupDescription": found["Description"], "VpcId": found["VpcId"]}
    for name, out in (("SecurityGroupIngress", False), ("SecurityGroupEgress", True)):
        kept = [_rule(rule) for rule in rules["SecurityGroupRules"] if rule["IsEgress"] == out]
        order = [rule["Description"] for rule in properties.get(name, ())]
        told[name] = sorted(
            kept, key=lambda rule: order.index(rule["Description"]) if rule["Description"] in order else -1
        )
    return told


def _rule(rule: Properties) -> Properties:
    other = rule.get("ReferencedGroupInfo", {}).get("GroupId")
    return {"Description": "", **rule, "CidrIp": rule.get("CidrIpv4"), "SourceSecurityGroupId": other}
