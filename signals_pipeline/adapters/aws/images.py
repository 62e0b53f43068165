"""Build the image, check it, push it unless its repository has it; with the Docker command line."""

import base64
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

from signals_pipeline.adapters.aws.stack import DeployError, client

TAIL = 15  # lines of a failed command that an error message shows
# What Fargate runs, as the template's task definitions say (RuntimePlatform).
PLATFORM = "linux/amd64"
# A provenance attestation would give the image of a containerd store another id at every build of the same source;
# BuildKit knows the variable, other builders make none.
_BUILD_ENVIRONMENT = {"BUILDX_NO_DEFAULT_ATTESTATIONS": "1"}


@dataclass(frozen=True, slots=True)
class Docker:
    """The Docker command line; an engine or podman's service may be behind it.

    Attributes:
        program: Its name or path.
    """

    program: str = "docker"

    def build(self, context: Path, tag: str, arguments: dict[str, str]) -> str:
        """Build the image of a folder for Fargate's platform.

        Returns:
            Its id, sha256:... (of its configuration; with a containerd image store of its manifest).

        Raises:
            DeployError: the build failed, or made an image for another platform.
        """
        build_arguments: list[str] = []
        for name, value in arguments.items():
            build_arguments += ["--build-arg", f"{name}={value}"]
        self.run("build", "--platform", PLATFORM, *build_arguments, "--tag", tag, str(context))
        platform = self.run("image", "inspect", "--format", "{{.Os}}/{{.Architecture}}", tag).strip()
        if platform != PLATFORM:
            raise DeployError(
                f"{tag} is for {platform}, Fargate runs {PLATFORM}: build with a Docker that can (docker buildx, QEMU)"
            )
        return self.run("image", "inspect", "--format", "{{.Id}}", tag).strip()

    def check_model(self, tag: str) -> str:
        """The output of the image's own model check, run without a network and on a read-only root.

        Raises:
            DeployError: it failed or printed nothing.
        """
        # No output is a failure: podman behind Docker's command line loses a container's exit code.
        output = self.run(
            *("run", "--rm", "--platform", PLATFORM, "--network", "none", "--read-only"),
            *(tag, "signals", "model", "check"),
        ).strip()
        if not output:
            raise DeployError(
                f"the model check of {tag} printed nothing; try {self.program} run --rm {tag} signals model check"
            )
        return output

    def push(self, tag: str, name: str) -> None:
        """Push an image under another name.

        Raises:
            DeployError: a command failed.
        """
        self.run("tag", tag, name)
        self.run("push", name)

    def login(self, registry: str, user: str, password: str) -> None:
        """Log in to a registry; the password goes through standard input, where no process list shows it."""
        self.run("login", "--username", user, "--password-stdin", registry, stdin=password)

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run a command and return its standard output.

        Raises:
            DeployError: the program is missing or failed; the message has the last lines of its output.
        """
        try:
            process = subprocess.run(  # noqa: S603
                [self.program, *arguments],
                input=stdin,
                capture_output=True,
                text=True,
                check=False,
                env={**os.environ, **_BUILD_ENVIRONMENT},
            )
        except OSError as error:
            raise DeployError(
                f"{self.program}: {error.strerror}; install Docker, or name another program with --docker"
            ) from error
        if process.returncode:
            lines = (process.stdout + process.stderr).strip().splitlines()
            tail = "\n".join(lines[-TAIL:])
            raise DeployError(f"{self.program} {arguments[0]} failed with exit code {process.returncode}:\n{tail}")
        return process.stdout


def pushed_digest(repository: str, label: str, image_id: str) -> str | None:
    """The digest by which a repository has an image; None where it does not have it.

    Its tags are immutable: to push a tag again is refused, even with the same image.

    Args:
        repository: ECR repository, without a tag.
        label: The tag under which a release pushes the image.
        image_id: Its local id, which with a containerd image store is its digest.
    """
    ecr = client("ecr")
    name = repository.split("/", 1)[1]
    for wanted in ({"imageTag": label}, {"imageDigest": image_id}):
        try:
            [found] = ecr.describe_images(repositoryName=name, imageIds=[wanted])["imageDetails"]
        except ecr.exceptions.ImageNotFoundException:
            continue
        return str(found["imageDigest"])
    return None


def registry_login() -> tuple[str, str]:
    """User and password for the account's registry, valid for twelve hours."""
    [granted] = client("ecr").get_authorization_token()["authorizationData"]
    user, password = base64.b64decode(granted["authorizationToken"]).decode().split(":", 1)
    return user, password
