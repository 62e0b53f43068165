"""A bench for releases: the stack in the stand-in, a local registry, a Docker command line, and what runs tasks."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from signals_pipeline.adapters.aws import revisions, services, stack
from signals_pipeline.adapters.aws.images import Docker
from signals_pipeline.adapters.aws.release import Release
from signals_pipeline.adapters.aws.services import Patience
from signals_pipeline_tests.support import docker_stand_in
from signals_pipeline_tests.support.image_registry import registry
from signals_pipeline_tests.support.stack_setup import create
from signals_pipeline_tests.support.stack_template import ACCOUNT, REGION


@dataclass
class Fargate:
    """What runs tasks behind the stand-in's interface: it is asked whenever a release waits.

    Attributes:
        exit_code: With which one-off tasks end.
        broken: Images whose service never settles; `gives_up` says whether AWS's circuit breaker ends that.
    """

    exit_code: int = 0
    broken: set[str] = field(default_factory=set)
    gives_up: bool = False
    waited: float = 0

    @property
    def backend(self) -> Any:
        from moto.ecs.models import ecs_backends

        return ecs_backends[ACCOUNT][REGION]

    @property
    def service(self) -> Any:
        return self.backend.services["signals:control"]

    def unsettle(self) -> None:
        """As AWS says it right after an update."""
        self.service.deployments[0]["rolloutState"] = "IN_PROGRESS"

    def pause(self, seconds: float) -> None:
        self.waited += seconds
        for task in self.backend.tasks.get("signals", {}).values():
            for container in task.containers:
                container.exitCode = self.exit_code
        if not self.service.desired_count:
            return
        if revisions.describe(self.service.task_definition).image not in self.broken:
            self.service.deployments[0]["rolloutState"] = "COMPLETED"
        else:
            self.service.deployments[0]["rolloutState"] = "FAILED" if self.gives_up else "IN_PROGRESS"


@dataclass
class Bench:
    """A stack, a registry, a source folder, and everything that a release said."""

    release: Release
    fargate: Fargate
    source: Path
    state: Path
    said: list[str]
    outputs: dict[str, str]
    manifests: dict[str, str]

    def deploy(self, change: str = "") -> str:
        """Release the source, changed; the image that is in service then."""
        (self.source / "Dockerfile").write_text(f"FROM python\n# {change}\n")
        self.release.deploy("signals")
        return self.in_service.image

    @property
    def in_service(self) -> revisions.Revision:
        return revisions.describe(services.look(stack.find("signals")).task_definition)

    def commands(self) -> list[str]:
        log = self.state / "log"
        return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def bench(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bench]:  # noqa: ARG001
    state, source = tmp_path / "state", tmp_path / "source"
    state.mkdir()
    source.mkdir()
    program = tmp_path / "docker"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{docker_stand_in.__file__}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("DOCKER_STATE", str(state))
    said: list[str] = []
    fargate = Fargate()

    def say(line: str) -> None:
        said.append(line)
        if line.startswith(("go back", "put ")):
            fargate.unsettle()

    patience = Patience(seconds=100, poll_seconds=10, pause=fargate.pause)
    outputs = create()
    with registry() as server:
        release = Release(Docker(str(program)), source, {"MODEL": "compact"}, say, server.repository, patience)
        yield Bench(release, fargate, source, state, said, outputs, server.manifests)
