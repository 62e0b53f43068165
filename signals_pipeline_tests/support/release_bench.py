"""A bench for releases: an account as unkind as AWS's, a source folder, a Docker command line."""

import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from signals_pipeline.adapters.aws import revisions, stack
from signals_pipeline.adapters.aws.files import repository
from signals_pipeline.adapters.aws.images import Docker
from signals_pipeline.adapters.aws.release import Release
from signals_pipeline.adapters.aws.services import Patience
from signals_pipeline.core.windows import NEW_YORK
from signals_pipeline_tests.support import docker_stand_in
from signals_pipeline_tests.support.stack_setup import SECRETS
from signals_pipeline_tests.support.unkind_cloud import Cloud, StackState, installed

NIGHT = datetime(2026, 3, 9, 22, 0, tzinfo=NEW_YORK)  # a Monday; the control service sleeps


@dataclass
class Bench:
    """An account, a source folder, and everything that a release said."""

    release: Release
    cloud: Cloud
    source: Path
    state: Path
    said: list[str]

    def deploy(self, change: str = "", **parameters: str) -> str:
        """Release the source, changed; the image that is in service then."""
        (self.source / "Dockerfile").write_text(f"FROM python\n# {change}\n")
        self.release.deploy("signals", parameters)
        return self.image

    def read(self) -> stack.Stack:
        """The stack once no look is stale any more."""
        for _ in range(2):
            self.cloud.pass_time(1)
        return stack.read("signals")

    @property
    def image(self) -> str:
        return self.in_service.image

    @property
    def in_service(self) -> revisions.Revision:
        """The revision that the control service runs."""
        assert self.cloud.service is not None
        return revisions.describe(self.cloud.service.definition)

    @property
    def healthy(self) -> list[str]:
        """Definitions of the healthy tasks of the service."""
        return [task.definition for task in self.cloud.tasks if task.health == "HEALTHY" and task.status == "RUNNING"]

    @property
    def desired(self) -> int:
        assert self.cloud.service is not None
        return self.cloud.service.desired

    def stack(self, name: str = "signals") -> StackState:
        """A stack of the account, the newest of its name."""
        return [each for each in self.cloud.stacks.values() if each.name == name][-1]

    @property
    def migrations(self) -> int:
        return len([task for task in self.cloud.tasks if task.command == ("signals", "prepare")])

    @property
    def secrets(self) -> list[str]:
        """The secrets that are missing."""
        return stack.missing_parameters([f"/signals/{name}" for name in SECRETS])

    def commands(self) -> list[str]:
        log = self.state / "log"
        return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


@pytest.fixture
def bench(aws: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bench:  # noqa: ARG001
    state, source = tmp_path / "state", tmp_path / "source"
    state.mkdir()
    (source / "deploy").mkdir(parents=True)
    (source / "Dockerfile").write_text("FROM python\n")
    for name in ("stack.yaml", "public.yaml"):
        (source / "deploy" / name).write_bytes((repository() / "deploy" / name).read_bytes())
    program = tmp_path / "docker"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "{docker_stand_in.__file__}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("DOCKER_STATE", str(state))
    said: list[str] = []
    cloud = installed(Cloud(NIGHT), monkeypatch)
    patience = Patience(seconds=600, poll_seconds=10, pause=cloud.pass_time)
    docker = Docker(str(program))
    release = Release(docker, source, {"MODEL": "compact"}, said.append, patience, lambda: cloud.now)
    return Bench(release, cloud, source, state, said)
