"""A release from source to service, and its rollback: each step fails before it changes what the next one needs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from signals_pipeline.adapters.aws import images, revisions, services, stack
from signals_pipeline.adapters.aws.stack import DeployError, Stack

PREPARE = ["signals", "prepare"]


@dataclass(frozen=True, slots=True)
class Release:
    """How to release.

    Attributes:
        docker: The Docker command line.
        context: Folder with the Dockerfile.
        arguments: Build arguments.
        say: Reports each step before it is taken.
        registry: Repository to push to instead of the stack's own, without a login.
        patience: How to wait for tasks and the service.
    """

    docker: images.Docker
    context: Path
    arguments: dict[str, str]
    say: Callable[[str], None]
    registry: str = ""
    patience: services.Patience = field(default_factory=services.Patience)

    def deploy(self, name: str, *, dry_run: bool = False) -> None:
        """Build, check, push by digest, register, migrate, put into service and wait; roll back if that fails.

        Idempotent: with the same source, a second deployment changes nothing.

        Raises:
            DeployError: a step failed; the message says which, and what is in service now.
        """
        target = stack.find(name)
        before = services.look(target)
        revisions.describe(before.task_definition)
        if dry_run:
            self._tell(target, before)
            return
        image = self._image(target)
        self.say(f"register {image}")
        run, control = revisions.register(target, image)
        if control.arn == before.task_definition and before.settled:
            self.say(f"{control.arn.rsplit('/', 1)[1]} is in service already")
            return
        self.say("migrate the database")
        services.run_once(target, run.arn, PREPARE, self.patience)
        self._into_service(target, control, before)

    def rollback(self, name: str, number: int | None, *, dry_run: bool = False) -> None:
        """Put an earlier control revision, and the run task that it names, back into service.

        Raises:
            DeployError: there is no such revision, it is INACTIVE, or it does not settle.
        """
        target = stack.find(name)
        before = services.look(target)
        chosen = revisions.target(target, number, before.task_definition)
        step = f"put {chosen.arn.rsplit('/', 1)[1]} in service in place of {before.task_definition.rsplit('/', 1)[1]}"
        if dry_run:
            self.say(f"would {step}")
            return
        self.say(step)
        services.replace(target, chosen.arn, self.patience)
        self.say(f"{chosen.arn.rsplit('/', 1)[1]} is in service")

    def _image(self, target: Stack) -> str:
        tag = f"{target.name}:candidate"
        self.say(f"build {self.context}")
        image_id = self.docker.build(self.context, tag, self.arguments)
        self.say("check the model with the network off")
        self.say(f"  {self.docker.check_model(tag)}")
        repository = self.registry or target.repository
        label = image_id.removeprefix("sha256:")[:16]
        self.say(f"push {repository}:{label}")
        if not self.registry:
            self.docker.login(repository.split("/")[0], *images.registry_login())
        return self.docker.push(tag, repository, label)

    def _into_service(self, target: Stack, control: revisions.Revision, before: services.Service) -> None:
        name, old = control.arn.rsplit("/", 1)[1], before.task_definition
        self.say(f"put {name} in service")
        try:
            services.replace(target, control.arn, self.patience)
        except DeployError as error:
            if "@sha256:" not in revisions.describe(old).image:
                raise DeployError(f"{error}; there is no earlier image to go back to") from error
            self.say(f"go back to {old.rsplit('/', 1)[1]}")
            services.replace(target, old, self.patience)
            raise DeployError(f"{error}; {old.rsplit('/', 1)[1]} is in service again") from error
        self.say(f"{name} is in service")

    def _tell(self, target: Stack, before: services.Service) -> None:
        repository = self.registry or target.repository
        for step in (
            f"build {self.context} with {self.docker.program}",
            "check the model with the network off",
            f"push to {repository}, by digest",
            f"register revisions of {target.run_family} and {target.control_family}",
            f"migrate the database: `{' '.join(PREPARE)}` in a task of its own",
            f"put the new revision in service in place of {before.task_definition.rsplit('/', 1)[1]}, or go back to it",
        ):
            self.say(f"would {step}")
