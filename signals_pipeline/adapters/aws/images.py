"""Building the image, checking its model without a network, pushing it by digest; through the Docker command line."""

import base64
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from signals_pipeline.adapters.aws.stack import DeployError, client

TAIL = 15  # lines of a failed command that are shown


@dataclass(frozen=True, slots=True)
class Docker:
    """The Docker command line; an engine or podman's service may be behind it.

    Attributes:
        program: Its name or path.
    """

    program: str = "docker"

    def build(self, context: Path, tag: str, arguments: dict[str, str]) -> str:
        """Build the image of a folder.

        Returns:
            Its id, sha256:...
        """
        given = [part for name, value in arguments.items() for part in ("--build-arg", f"{name}={value}")]
        self.run("build", *given, "--tag", tag, str(context))
        return self.run("image", "inspect", "--format", "{{.Id}}", tag).strip()

    def check_model(self, tag: str) -> str:
        """What the image's own model check says, run without a network and on a read-only root.

        Raises:
            DeployError: it failed, or said nothing: podman behind Docker's command line loses a container's exit code.
        """
        said = self.run("run", "--rm", "--network", "none", "--read-only", tag, "signals", "model", "check").strip()
        if not said:
            raise DeployError(
                f"the model check of {tag} said nothing; {self.program} run --rm {tag} signals model check"
            )
        return said

    def push(self, tag: str, repository: str, label: str) -> str:
        """Push under a label and give the image's name by digest.

        The digest is what the push says that the registry has; the image may be kept here under another.

        Raises:
            DeployError: a command failed, or the push says no digest.
        """
        name = f"{repository}:{label}"
        self.run("tag", tag, name)
        found = re.search(r"\bdigest: (sha256:[0-9a-f]{64})\b", self.run("push", name))
        if found is None:
            raise DeployError(
                f"{name} was pushed, but {self.program} said no digest of it; push with Docker's own command"
            )
        return f"{repository}@{found[1]}"

    def login(self, registry: str, user: str, password: str) -> None:
        """Sign in at a registry; the password goes through standard input."""
        self.run("login", "--username", user, "--password-stdin", registry, given=password)

    def run(self, *arguments: str, given: str | None = None) -> str:
        """Standard output of a command.

        Raises:
            DeployError: it isn't there or it failed; the last lines that it wrote are part of the message.
        """
        try:
            done = subprocess.run(  # noqa: S603
                [self.program, *arguments], input=given, capture_output=True, text=True, check=False
            )
        except OSError as error:
            raise DeployError(
                f"{self.program}: {error.strerror}; install Docker, or name another by --docker"
            ) from error
        if done.returncode:
            said = "\n".join((done.stdout + done.stderr).strip().splitlines()[-TAIL:])
            raise DeployError(f"{self.program} {arguments[0]} failed with exit code {done.returncode}:\n{said}")
        return done.stdout


def registry_login() -> tuple[str, str]:
    """User and password for the account's registry, good for twelve hours."""
    [granted] = client("ecr").get_authorization_token()["authorizationData"]
    user, password = base64.b64decode(granted["authorizationToken"]).decode().split(":", 1)
    return user, password
