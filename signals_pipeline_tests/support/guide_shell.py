"""A shell for the commands of a guide: bash runs them, and this process carries out `aws`, `signals` and `psql`.

So variables, pipes and substitutions are bash's own, while AWS is the account of `unkind_cloud`, which lives in this
process. The release script runs as it is, but its interpreter is one of the forwarded programs; `docker` is the
stand-in of the releases.
"""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from signals_pipeline.adapters.aws.files import repository
from signals_pipeline_tests.support import forwarded_program


@dataclass(frozen=True)
class Request:
    """A command that bash has started."""

    program: str
    arguments: tuple[str, ...]
    input: str
    password: str


@dataclass(frozen=True)
class Reply:
    """What a command printed, and its exit code."""

    output: str
    code: int = 0
    error: str = ""


@dataclass
class GuideShell:
    """Runs scripts.

    Attributes:
        folder: For the socket and the programs; a short path, as a socket's has at most 107 characters.
        programs: What carries a program's commands out, by its name.
        done: Every command that was carried out, with its reply.
    """

    folder: Path
    programs: Mapping[str, Callable[[Request], Reply]]
    done: list[tuple[Request, Reply]] = field(default_factory=list)

    def run(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run a script in the repository's root until its end; its first command that fails ends it.

        Variables that it sets are there in the next script, as in one terminal.
        """
        path, kept = self.folder / "socket", self.folder / "variables"
        self._install()
        whole = f'set -a; if [ -f "{kept}" ]; then . "{kept}"; fi\n{script}\nexport -p > "{kept}"'
        environment = {
            "PATH": f"{self.folder}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.folder),
            "PYTHON": str(self.folder / "python"),
            "GUIDE_SOCKET": str(path),
            **variables,
        }
        with socket.socket(socket.AF_UNIX) as listener, (self.folder / "output").open("w+") as output:
            listener.bind(str(path))
            listener.listen()
            listener.settimeout(0.1)
            shell = subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", whole],
                cwd=repository(),
                env=environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
            )
            while shell.poll() is None:
                try:
                    connection, _ = listener.accept()
                except TimeoutError:
                    continue
                with connection:
                    connection.settimeout(None)
                    self._serve(connection)
            path.unlink()
            output.seek(0)
            return subprocess.CompletedProcess([], shell.returncode, output.read())

    def _install(self) -> None:
        for name in self.programs:
            program = self.folder / name
            forwarded = f'exec "{sys.executable}" -S "{forwarded_program.__file__}" {name} "$@"\n'
            program.write_text(f"#!/bin/sh\n{forwarded}")
            program.chmod(0o755)

    def _serve(self, connection: socket.socket) -> None:
        asked = json.loads(b"".join(iter(lambda: connection.recv(65_536), b"")))
        request = Request(asked["program"], tuple(asked["arguments"]), asked["input"], asked["password"])
        reply = self.programs[request.program](request)
        self.done.append((request, reply))
        answer = {"output": reply.output, "error": reply.error, "code": reply.code}
        connection.sendall(json.dumps(answer).encode())
