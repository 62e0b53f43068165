"""The stack of `deploy/public.yaml`, beside the main one: made and updated by a release before the main one needs it.

It needs nothing of the main stack but its name. The main stack gets what it has as parameters: an output that another
stack imports could never change, as the address does with a domain of one's own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from signals_pipeline.adapters.aws import change_sets, stack
from signals_pipeline.adapters.aws.services import Patience
from signals_pipeline.adapters.aws.stack import DeployError
from signals_pipeline.adapters.aws.template import FROM_PUBLIC, MAIN_NAME, Template, settable

# Who may read: the parameter, and the value by which a release puts in the hash of the secret of that name.
ACCESS, BY_TOKEN = "PageAccess", "token"
WEB_TOKEN = "web-token"  # noqa: S105 - the name of the secret
# Outputs.
_PAGES_BUCKET, _ADDRESS, _DISTRIBUTION = "PagesBucket", "PublicUrl", "DistributionDomain"


@dataclass(frozen=True, slots=True)
class PublicStack:
    """The public stack of a main stack.

    Attributes:
        main: Name of the main stack.
        say: Reports each step before it is taken.
        patience: How to wait for CloudFormation.
    """

    main: str
    say: Callable[[str], None]
    patience: Patience

    @property
    def name(self) -> str:
        """Its name."""
        return f"{self.main}-public"

    def require_deployable(self) -> None:
        """Refuse a stack that nothing but a hand can bring back.

        Raises:
            DeployError: it is half-made; the message has the command.
        """
        described = change_sets.wait_for_rest(self.name, self.patience)
        if described is not None:
            stack.require_deployable(self.name, described["StackStatus"])

    def update(self, wanted: Template, given: Mapping[str, str]) -> dict[str, str]:
        """Make it where there is none, else update it; nothing of the main stack changes.

        Args:
            wanted: Its template.
            given: Parameters that the user sets; the others keep their values.

        Returns:
            The main stack's parameters that hold what it has.

        Raises:
            DeployError: CloudFormation refuses it, or took it back.
        """
        described = stack.describe(self.name)
        exists = described is not None and described["StackStatus"] in stack.SETTLED
        try:
            after = self._update(wanted, given, described)
        except change_sets.UnfinishedError:
            raise
        except DeployError as error:
            advice = "" if exists else "; --set Public=no releases without public pages"
            raise DeployError(f"{error}; nothing of the stack {self.main} was changed{advice}") from error
        outputs = stack.outputs_of(after)
        missing = [name for name in FROM_PUBLIC if name not in outputs]
        if missing:
            raise DeployError(f"stack {self.name} has no output {missing[0]}: it is not of deploy/public.yaml")
        self._say_address(outputs)
        return {name: outputs[name] for name in FROM_PUBLIC}

    def left_behind(self) -> str | None:
        """Say that it is still there, and how to delete it; None where there is none."""
        described = stack.describe(self.name)
        if described is None:
            return None
        bucket = stack.outputs_of(described).get(_PAGES_BUCKET, "BUCKET")
        return (
            f"the stack {self.name} is kept, as links of mails that were sent lead to it; to delete it:"
            f" aws s3 rm --recursive s3://{bucket} && aws cloudformation delete-stack --stack-name {self.name}"
        )

    def _say_address(self, outputs: Mapping[str, str]) -> None:
        address, distribution = outputs[_ADDRESS], outputs.get(_DISTRIBUTION, "")
        # With a domain of one's own, CloudFront's name is where its DNS record leads.
        advice = "" if address.endswith(f"//{distribution}") else f"; its DNS record leads to {distribution}"
        self.say(f"the pages' address is {address}{advice}")

    def _update(
        self, wanted: Template, given: Mapping[str, str], described: Mapping[str, Any] | None
    ) -> Mapping[str, Any]:
        status = described["StackStatus"] if described is not None else None
        parameters = {MAIN_NAME: self.main, **settable(wanted, given)}
        previous: dict[str, str] | None = None
        if described is not None and status in stack.SETTLED:
            previous = stack.parameters_of(described)
        else:
            if described is not None and status == stack.FAILED_CREATE:
                self.say(f"delete what is left of {self.name}, whose first creation failed")
                parameters = {**settable(wanted, stack.parameters_of(described)), **parameters}
                change_sets.delete(self.name, self.patience)
            # Whoever has the token may read from the first digest on.
            parameters.setdefault(ACCESS, BY_TOKEN)
        if parameters.get(ACCESS) == BY_TOKEN:
            parameters[ACCESS] = stack.secret_hash(self.main, WEB_TOKEN)
        change_set = change_sets.create(self.name, wanted, previous, parameters, self.patience)
        if change_set is None:
            if described is None:
                raise DeployError(f"stack {self.name}: CloudFormation finds nothing to create in deploy/public.yaml")
            return described
        self.say(f"update the stack {self.name}" if previous else f"create the stack {self.name}")
        return change_sets.execute(change_set, self.patience)
