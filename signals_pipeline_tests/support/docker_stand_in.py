"""A program that takes Docker's commands as far as a release goes and pushes to a real registry over HTTP.

Its state lies in the folder DOCKER_STATE; DOCKER_FAIL names a command that is to fail, DOCKER_SILENT one
that is to say nothing; with DOCKER_FORGETS a push says no digest.
"""

import hashlib
import json
import os
import sys
from pathlib import Path

STATE = Path(os.environ.get("DOCKER_STATE", ""))


def main(command: str, *rest: str) -> str:
    """Carry out one command; what it prints."""
    with (STATE / "log").open("a") as log:
        log.write(" ".join([command, *rest]) + "\n")
    if os.environ.get("DOCKER_FAIL") == command:
        sys.stderr.write(f"the {command} went wrong\nfor a reason\n")
        sys.exit(17)
    if os.environ.get("DOCKER_SILENT") == command:
        return ""
    return {"build": build, "image": inspect, "run": run, "tag": tag, "push": push, "login": login}[command](*rest)


def build(*rest: str) -> str:
    dockerfile = (Path(rest[-1]) / "Dockerfile").read_bytes()
    identity = hashlib.sha256(dockerfile + " ".join(rest[:-3]).encode()).hexdigest()
    _images(rest[-2], f"sha256:{identity}")
    return "built\n"


def inspect(*rest: str) -> str:
    return json.loads((STATE / "images.json").read_text())[rest[-1]] + "\n"


def run(*rest: str) -> str:
    assert rest[rest.index("--network") + 1] == "none"
    return f"{rest[-1]} of {rest[-4]}: sound\n"


def tag(source: str, name: str) -> str:
    _images(name, json.loads((STATE / "images.json").read_text())[source])
    return ""


def push(name: str) -> str:
    import urllib.request

    repository, label = name.rsplit(":", 1)
    host, path = repository.split("/", 1)
    body = json.dumps({"config": json.loads((STATE / "images.json").read_text())[name]}).encode()
    request = urllib.request.Request(f"http://{host}/v2/{path}/manifests/{label}", body, method="PUT")
    with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
        digest = answer.headers["Docker-Content-Digest"]
    said = "" if "DOCKER_FORGETS" in os.environ else f"{label}: digest: {digest} size: {len(body)}\n"
    return f"The push refers to repository [{repository}]\n{said}"


def login(*rest: str) -> str:
    (STATE / "login").write_text(" ".join(rest) + "\n" + sys.stdin.read())
    return "Login Succeeded\n"


def _images(name: str, identity: str) -> None:
    path = STATE / "images.json"
    known = json.loads(path.read_text()) if path.exists() else {}
    path.write_text(json.dumps(known | {name: identity}))


if __name__ == "__main__":
    sys.stdout.write(main(*sys.argv[1:]))
