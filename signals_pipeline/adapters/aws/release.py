"""A release from source to service, and its rollback. The stack holds the only state: both are a change of `ImageUri`.

ECS's deployment circuit breaker and CloudFormation's rollback take a failed release back. Every step fails before it
changes what the next one needs, and can be repeated.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from signals_pipeline.adapters.aws import (
    change_sets,
    images,
    inventory,
    revisions,
    roles,
    services,
    stack,
    template,
)
from signals_pipeline.adapters.aws.errors import one_line_errors
from signals_pipeline.adapters.aws.files import PUBLIC
from signals_pipeline.adapters.aws.public_stack import PublicStack
from signals_pipeline.adapters.aws.services import Patience
from signals_pipeline.adapters.aws.stack import DeployError, Stack
from signals_pipeline.adapters.aws.template import CANDIDATE, HEARTBEAT, IMAGE, PROTECTED, Template
from signals_pipeline.core.control_hours import desired_count

PREPARE = ["signals", "prepare"]
# Run in the former image: its own code says whether it runs on the database as it is.
SCHEMA_CHECK = ["signals", "migrate", "--check"]
# Parameters of the main stack that users set.
_IS_PUBLIC, _OPERATOR, _DATABASE_KIND = "Public", "OperatorEmail", "DatabaseKind"
# The kind of database that stacks have which are older than the parameter.
_FIRST_KIND = "instance"
# Resources whose change replaces the task of the control service.
_CONTROL = {"ControlTask", "Control"}
PLAN = (
    "build {context} with {docker} for " + images.PLATFORM,
    "check the model with the network off",
    "make ECS's service-linked role and the stack's secrets, where they are missing",
    "make or update the stack {name}-public: pages, links of mails, bounces (Public={public})",
    "create the stack {name} without an image, where there is none",
    "push to the stack's repository, unless that has the image",
    "migrate the database: `" + " ".join(PREPARE) + "` in a task of its own, before anything in service changes",
    "update the stack with the image; CloudFormation goes back to the former one if no task becomes healthy",
    "leave the control service awake or asleep, as its schedule wants it then",
)
# What {public} of the plan is, by the parameter Public as it is given.
_PUBLIC_PLAN = {
    None: "as the stack has it; yes for a new one",
    "yes": "yes",
    "no": "no: left out",
}
ROLLBACK_PLAN = (
    "find {revision} of the stack {name}, and refuse it where its image is in service or it is INACTIVE",
    "ask that revision's code whether it runs on the database's schema: `" + " ".join(SCHEMA_CHECK) + "`",
    "update the stack with that revision's image; CloudFormation goes back if no task becomes healthy",
    "leave the control service awake or asleep, as its schedule wants it then",
)


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Release:
    """How to release.

    Attributes:
        docker: The Docker command line.
        context: Folder with the Dockerfile and `deploy/`.
        arguments: Build arguments.
        say: Reports each step before it is taken.
        patience: How to wait for CloudFormation, tasks and the service.
        now: The clock.
    """

    docker: images.Docker
    context: Path
    arguments: dict[str, str]
    say: Callable[[str], None]
    patience: Patience = field(default_factory=Patience)
    now: Callable[[], datetime] = _now

    def deploy(self, name: str, given: Mapping[str, str] | None = None, *, dry_run: bool = False) -> None:
        """Build, check, push, migrate, put into service and wait.

        Idempotent: with the same source and parameters, a second deployment changes nothing.

        Args:
            name: The stack's name.
            given: Parameters of the stack to set; the others keep their values.
            dry_run: Only report the steps; needs neither credentials nor a region.

        Raises:
            DeployError: a step failed; the message says which.
        """
        given = given or {}
        current, wanted_public = template.load(self.context), template.load(self.context, PUBLIC)
        template.check_parameters((current, wanted_public), given)
        if dry_run:
            public_plan = _PUBLIC_PLAN.get(given.get(_IS_PUBLIC), given.get(_IS_PUBLIC))
            place = {"context": self.context, "docker": self.docker.program, "name": name, "public": public_plan}
            for step in PLAN:
                self.say("would " + step.format(**place))
            return
        public = PublicStack(name, self.say, self.patience)
        with one_line_errors():
            before, parameters = self._before(name, current, given)
            if before is None:
                # Before the build, which takes minutes: a wrong region is seen in time.
                self.say(f"there is no stack {name} in {stack.region()}: this release makes it")
            self._require_database_kind(before, parameters, current)
            self._require_secrets(name, parameters, before)
            is_public = parameters[_IS_PUBLIC] == "yes"
            if is_public:
                public.require_deployable()
            else:
                for parameter in given.keys() - current["Parameters"].keys():
                    raise DeployError(f"--set {parameter}: it is of the public stack; add --set {_IS_PUBLIC}=yes")
            tag, image_id = self._build(name)
            for parameter in stack.make_missing_secrets(name):
                self.say(f"made the secret {parameter}, at random")
            # First, as the main stack's tasks need its address and queue, and it needs nothing of theirs.
            from_public = public.update(wanted_public, given) if is_public else {}
            sent = {**template.settable(current, given), _IS_PUBLIC: parameters[_IS_PUBLIC], **from_public}
            target = before or self._create(name, current, {**template.settable(current, parameters), **sent})
            image = self._push(target, tag, image_id)
            if image != target.image:
                target = self._migrate(target, current, image)
            if HEARTBEAT not in given:
                sent |= self._heartbeat_alarm(target, parameters)
            # From the first release on there is something to lose.
            protected = {} if target.image else {PROTECTED: "yes"}
            self._switch(target, current, {IMAGE: image, **protected, **sent})
            self._say_what_is_left(target, {**parameters, **sent}, public)

    def rollback(self, name: str, number: int | None, *, dry_run: bool = False) -> None:
        """Put the image of an earlier control revision back into service; everything else of the stack stays.

        Args:
            name: The stack's name.
            number: The revision's; None: that of the release before.
            dry_run: Only report what would be done: with these images where there are credentials and a region, in
                general terms without.

        Raises:
            DeployError: there is no such revision, it is INACTIVE, its code does not run on the database's schema, or
                it does not become healthy.
        """
        with one_line_errors():
            if dry_run and not stack.has_access():
                revision = "the newest revision of the release before" if number is None else f"revision {number}"
                for step in ROLLBACK_PLAN:
                    self.say("would " + step.format(revision=revision, name=name))
                return
            target = stack.read(name)
            chosen = revisions.earlier(target, number)
            former, current = _short(chosen.arn), _short(target.control_task)
            check = f"ask the code of {former} whether it runs on the database's schema"
            switch = f"put {chosen.image} of {former} in service in place of {target.image} of {current}"
            if dry_run:
                self.say(f"would {check}")
                self.say(f"would {switch}")
                return
            self.say(check)
            services.run_once(target, revisions.run_of(chosen.arn), SCHEMA_CHECK, self.patience)
            self.say(switch)
            self._switch(target, None, {IMAGE: chosen.image})

    def _before(self, name: str, current: Template, given: Mapping[str, str]) -> tuple[Stack | None, dict[str, str]]:
        """The stack before the release, once nothing else runs on it, and the parameters that it is to have.

        Returns:
            The stack, None where it is still to be made; and the parameters that users set: those given, else those
            that the stack has, or that its failed first creation had. Public is always among them.
        """
        described = change_sets.wait_for_rest(name, self.patience)
        previous: dict[str, str] = {}
        before: Stack | None = None
        if described is not None:
            stack.require_deployable(name, described["StackStatus"])
            previous = stack.parameters_of(described)
            if described["StackStatus"] in stack.SETTLED:
                before = stack.read(name)
        # Readers reach a new stack; one that is older than the parameter stays as it is.
        public = {_IS_PUBLIC: "yes" if before is None else "no"}
        return before, {**public, **template.settable(current, {**previous, **given})}

    def _require_database_kind(self, before: Stack | None, parameters: Mapping[str, str], current: Template) -> None:
        """Refuse another kind of database for one that is in use: CloudFormation would make a new, empty one."""
        # Before the first release there is nothing in it.
        if before is None or not before.image:
            return
        kind = before.parameters.get(_DATABASE_KIND, _FIRST_KIND)
        wanted = parameters.get(_DATABASE_KIND, current["Parameters"][_DATABASE_KIND]["Default"])
        if wanted != kind:
            raise DeployError(
                f"{_DATABASE_KIND}={wanted} would put a new, empty database in place of the one that {before.name} has"
                f" ({kind}): make a second stack with it and move the data there (docs/deployment.md, Another kind of"
                f" database), or keep this one with --set {_DATABASE_KIND}={kind}"
            )

    def _require_secrets(self, name: str, parameters: Mapping[str, str], before: Stack | None) -> None:
        """Refuse what only the user can make good: a vendor's key, and the password that an existing database has."""
        for switch, secret in stack.VENDOR_KEYS.items():
            missing = stack.missing_parameters([f"/{name}/{secret}"]) if parameters.get(switch) == "yes" else []
            if missing:
                raise DeployError(f"{switch}=yes, but {missing[0]} is missing: {stack.how_to_make(missing[0])}")
        if before is None:
            return
        for parameter in stack.missing_parameters([f"/{name}/{secret}" for secret in stack.FIXED_SECRETS]):
            raise DeployError(
                f"secret {parameter} is missing, which the database in {name} still has: {stack.how_to_make(parameter)}"
            )

    def _build(self, name: str) -> tuple[str, str]:
        """Build the image and check it.

        Returns:
            Its local tag and its id.
        """
        tag = f"{name}:candidate"
        self.say(f"build {self.context}")
        image_id = self.docker.build(self.context, tag, self.arguments)
        self.say("check the model with the network off")
        self.say(f"  {self.docker.check_model(tag)}")
        return tag, image_id

    def _create(self, name: str, current: Template, sent: Mapping[str, str]) -> Stack:
        """Make the stack: all but what needs an image."""
        if roles.ensure_service_linked_role():
            self.say("made ECS's service-linked role, which this account did not have")
        described = stack.describe(name)
        if described is not None and described["StackStatus"] == stack.FAILED_CREATE:
            self.say(f"delete what is left of {name}, whose first creation failed")
            change_sets.delete(name, self.patience)
        self.say(f"create the stack {name}; its database takes some minutes")
        change_set = change_sets.create(name, current, None, sent, self.patience)
        if change_set is None:
            raise DeployError(f"stack {name}: CloudFormation finds nothing to create in deploy/stack.yaml")
        return self._execute(change_set)

    def _push(self, target: Stack, tag: str, image_id: str) -> str:
        """Push the image unless the repository has it.

        Returns:
            Its name by digest.
        """
        label = image_id.removeprefix("sha256:")[:16]
        name = f"{target.repository}:{label}"
        digest = images.pushed_digest(target.repository, label, image_id)
        if digest is not None:
            self.say(f"{name} is in the repository already")
            return f"{target.repository}@{digest}"
        self.say(f"push {name}")
        self.docker.login(target.repository.split("/")[0], *images.registry_login())
        self.docker.push(tag, name)
        for _ in self.patience.looks():
            digest = images.pushed_digest(target.repository, label, image_id)
            if digest is not None:
                return f"{target.repository}@{digest}"
        raise DeployError(f"{name} was pushed, but the repository does not show it: run this again")

    def _migrate(self, target: Stack, current: Template, image: str) -> Stack:
        """Migrate the database with the new image; nothing in service changes.

        Returns:
            The stack with the migration's task definition.
        """
        previous = template.parse(stack.template_of(target.name))
        with_task = template.with_candidate(previous, current)
        change_set = change_sets.create(target.name, with_task, target.parameters, {CANDIDATE: image}, self.patience)
        if change_set is not None:
            self.say(f"register the migration's task with {image}")
            target = self._execute(change_set)
        self.say("migrate the database")
        services.run_once(target, target.prepare_task, PREPARE, self.patience)
        return target

    def _heartbeat_alarm(self, target: Stack, parameters: Mapping[str, str]) -> dict[str, str]:
        """The parameter that makes the alarm HeartbeatMissing, once the operator has confirmed the subscription.

        Without data it alarms in its first minute, and tells that once: made before, it would never be heard.
        """
        operator = parameters.get(_OPERATOR, "").casefold()
        if not operator or parameters.get(HEARTBEAT) == "yes":
            return {}
        subscriptions = inventory.subscriptions(target.operator_topic)
        confirmed = {address.casefold() for address, is_confirmed in subscriptions.items() if is_confirmed}
        if operator not in confirmed:
            return {}
        self.say(f"{operator} has confirmed the subscription: make the alarm HeartbeatMissing")
        return {HEARTBEAT: "yes"}

    def _say_what_is_left(self, before: Stack, parameters: Mapping[str, str], public: PublicStack) -> None:
        """Say what the user has yet to do."""
        operator = parameters.get(_OPERATOR, "")
        if not operator:
            self.say("nobody receives alarms: name an operator with --set OperatorEmail=you@example.org")
        elif parameters.get(HEARTBEAT) != "yes":
            self.say(f"the alarm HeartbeatMissing is not made yet: {stack.confirm_and_release(operator)}")
        if before.parameters.get(_IS_PUBLIC) == "yes" and parameters[_IS_PUBLIC] != "yes":
            left_behind = public.left_behind()
            if left_behind is not None:
                self.say(left_behind)

    def _execute(self, change_set: change_sets.ChangeSet) -> Stack:
        """Carry out a change set of the main stack; the stack as it is then."""
        return stack.from_description(change_set.stack, change_sets.execute(change_set, self.patience))

    def _switch(self, before: Stack, wanted: Template | None, sent: Mapping[str, str]) -> None:
        """Update the stack, and wait until a task of the control revision in service is healthy.

        Args:
            before: The stack.
            wanted: The template to apply; None: the one that it has.
            sent: Parameters with new values.
        """
        change_set = change_sets.create(before.name, wanted, before.parameters, sent, self.patience)
        if change_set is None:
            self.say(f"nothing to change: {_short(before.control_task)} is in service already")
            self._follow_schedule(before)
            return
        self.say(f"update the stack {before.name}")
        if before.control_task and change_set.changed & _CONTROL:
            # Asleep, the service would settle without a task that shows whether the new revision works.
            services.set_desired(before, 1)
        try:
            after = self._execute(change_set)
        except change_sets.UnfinishedError:
            raise
        except DeployError:
            if before.control_task:
                self._follow_schedule(before)
            raise
        if after.control_task != before.control_task:
            self._wait_until_healthy(before, after)
        self._follow_schedule(after)
        self.say(f"{_short(after.control_task)} is in service")

    def _wait_until_healthy(self, before: Stack, after: Stack) -> None:
        """Wait for a healthy task, which the service's schedule may have kept CloudFormation from waiting for."""
        try:
            services.wait_until_healthy(after, after.control_task, self.patience)
        except DeployError as error:
            if not before.image or before.image == after.image:
                self._follow_schedule(after)
                raise
            self.say("go back to the former image")
            sent = {IMAGE: before.image}
            change_set = change_sets.create(after.name, None, after.parameters, sent, self.patience)
            if change_set is not None:
                after = self._execute(change_set)
            self._follow_schedule(after)
            raise DeployError(f"{error}; the former image is in service again") from error

    def _follow_schedule(self, target: Stack) -> None:
        """Leave the control service awake or asleep, as its schedule wants it now."""
        always = target.parameters.get("ControlHours") == "always"
        while True:
            wanted = desired_count(self.now(), always=always)
            services.set_desired(target, wanted)
            # The schedule may have turned meanwhile.
            if desired_count(self.now(), always=always) == wanted:
                return


def _short(arn: str) -> str:
    """Family and revision of a task definition."""
    return arn.rsplit("/", 1)[-1]
