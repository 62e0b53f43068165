"""Build the image, check its model without a network, push it by digest; with the Docker command line."""

import base64
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from signals_pipeline.adapters.aws.stack import DeployError, client

TAIL = 15  # lines of a failed command that an error message shows


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
        build_arguments: list[str] = []
        for name, value in arguments.items():
            build_arguments += ["--build-arg", f"{name}={value}"]
        self.run("build", *build_arguments, "--tag", tag, str(context))
        return self.run("image", "inspect", "--format", "{{.Id}}", tag).strip()

    def check_model(self, tag: str) -> str:
        """The output of the image's own model check, run without a network and on a read-only root.

        Raises:
            DeployError: it failed or printed nothing.
        """
        # No output is a failure: podman behind Docker's command line loses a container's exit code.
        output = self.run("run", "--rm", "--network", "none", "--read-only", tag, "signals", "model", "check").strip()
        if not output:
            raise DeployError(
                f"the model check of {tag} printed nothing; try {self.program} run --rm {tag} signals model check"
            )
        return output

    def push(self, tag: str, repository: str, label: str) -> str:
        """Push under a label, and return the image's name by digest.

        The digest is the registry's, as the push prints it; the local one may differ.

        Raises:
            DeployError: a command failed, or the push printed no digest.
        """
        name = f"{repository}:{label}"
        self.run("tag", tag, name)
        digest = re.search(r"\bdigest: (sha256:[0-9a-f]{64})\b", self.run("push", name))
        if digest is None:
            raise DeployError(
                f"{name} was pushed, but {self.program} printed no digest of it; push with Docker's own command"
            )
        return f"{repository}@{digest[1]}"

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
                [self.program, *arguments], input=stdin, capture_output=True, text=True, check=False
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


def registry_login() -> tuple[str, str]:
    """User and password for the account's registry, valid for twelve hours."""
    [granted] = client("ecr").get_authorization_token()["authorizationData"]
    user, password = base64.b64decode(granted["authorizationToken"]).decode().split(":", 1)
    return user, password
