"""The role that ECS itself needs in an account."""

from signals_pipeline.adapters.aws.stack import client

_SERVICE = "ecs.amazonaws.com"
_ROLE = "AWSServiceRoleForECS"


def ensure_service_linked_role() -> bool:
    """Make ECS's service-linked role where the account has none; a cluster with capacity providers fails without it.

    Returns:
        Whether it was made.
    """
    iam = client("iam")
    try:
        iam.get_role(RoleName=_ROLE)
    except iam.exceptions.NoSuchEntityException:
        try:
            iam.create_service_linked_role(AWSServiceName=_SERVICE)
        except iam.exceptions.InvalidInputException:
            # Somebody made it meanwhile ("has been taken"); anything else is a refusal.
            iam.get_role(RoleName=_ROLE)
            return False
        return True
    return False
