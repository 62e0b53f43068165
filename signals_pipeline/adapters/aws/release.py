"""A release from source to service, and its rollback. The stack holds the only state: both are a change of `ImageUri`.

ECS's deployment circuit breaker and CloudFormation's rollback take a failed release back. Every step fails before it
changes what the next one needs, and can be repeated.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from signals_pipeline.adapters.aws import change_sets, images, revisions, roles, services, stack, template
from signals_pipeline.adapters.aws.errors import one_line_errors
from signals_pipeline.adapters.aws.services import Patience
from signals_pipeline.adapters.aws.stack import DeployError, Stack
from signals_pipeline.adapters.aws.template import CANDIDATE, IMAGE, PROTECTED, Template
from signals_pipeline.core.control_hours import desired_count

PREPARE = ["signals", "prepare"]
# Run in the former image: its own code says whether it runs on the database as it is.
SCHEMA_CHECK = ["signals", "migrate", "--check"]
# Resources whose change replaces the task of the control service.
_CONTROL = {"ControlTask", "Control"}
PLAN = (
    "build {context} with {docker} for " + images.PLATFORM,
    "check the model with the network off",
    "make ECS's service-linked role and the stack's secrets, where they are missing",
    "create the stack {name} without an image, where there is none",
    "push to the stack's repository, unless that has the image",
    "migrate the database: `" + " ".join(PREPARE) + "` in a task of its own, before anything in service changes",
    "update the stack with the image; CloudFormation goes back to the former one if no task becomes healthy",
    "leave the control service awake or asleep, as its schedule wants it then",
)
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
        current = template.load(self.context)
        template.check_parameters(current, given)
        if dry_run:
            for step in PLAN:
                self.say("would " + step.format(context=self.context, docker=self.docker.program, name=name))
            return
        with one_line_errors():
            before = self._before(name)
            self._require_secrets(name, before, given)
            tag, image_id = self._build(name)
            for parameter in stack.make_missing_secrets(name):
                self.say(f"made the secret {parameter}, at random")
            target = before or self._create(name, current, given)
            image = self._push(target, tag, image_id)
            if image != target.image:
                target = self._migrate(target, current, image)
            # From the first release on there is something to lose.
            protected = {} if target.image else {PROTECTED: "yes"}
            self._switch(target, current, {IMAGE: image, **protected, **given})
            if not target.parameters.get("OperatorEmail") and not given.get("OperatorEmail"):
                self.say("nobody receives alarms: name an operator with --set OperatorEmail=you@example.org")

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

    def _before(self, name: str) -> Stack | None:
        """The stack before the release, once nothing else runs on it; None where it is still to be made."""
        described = change_sets.wait_for_rest(name, self.patience)
        if described is None:
            return None
        status = described["StackStatus"]
        stack.require_deployable(name, status)
        return stack.read(name) if status in stack.SETTLED else None

    def _require_secrets(self, name: str, before: Stack | None, given: Mapping[str, str]) -> None:
        """Refuse what only the user can make good: a vendor's key, and the password that an existing database has."""
        parameters = {**(before.parameters if before else {}), **given}
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

    def _create(self, name: str, current: Template, given: Mapping[str, str]) -> Stack:
        """Make the stack: all but what needs an image."""
        if roles.ensure_service_linked_role():
            self.say("made ECS's service-linked role, which this account did not have")
        described = stack.describe(name)
        sent = dict(given)
        if described is not None and described["StackStatus"] == stack.FAILED_CREATE:
            self.say(f"delete what is left of {name}, whose first creation failed")
            sent = {**template.settable(current, stack.parameters_of(described)), **given}
            change_sets.delete(name, self.patience)
        self.say(f"create the stack {name}; its database takes some minutes")
        change_set = change_sets.create(name, current, None, sent, self.patience)
        if change_set is None:
            raise DeployError(f"stack {name}: CloudFormation finds nothing to create in deploy/stack.yaml")
        return change_sets.execute(change_set, self.patience)

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
            target = change_sets.execute(change_set, self.patience)
        self.say("migrate the database")
        services.run_once(target, target.prepare_task, PREPARE, self.patience)
        return target

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
            after = change_sets.execute(change_set, self.patience)
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
                after = change_sets.execute(change_set, self.patience)
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
