"""A stand-in of the Hugging Face hub on a local port: the routes that its client asks for, answered from folders."""

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """What the hub has, and what it was asked for.

    Attributes:
        repositories: The folder of each repository by its name; its only commit is `COMMIT`, on the branch main.
        url: Address of the server.
        downloads: Names of the files that were downloaded.
    """

    repositories: dict[str, Path]
    url: str = ""
    downloads: list[str] = field(default_factory=list)


@contextmanager
def hub(repositories: dict[str, Path]) -> Iterator[Hub]:
    """Serve these repositories until the block ends."""
    state = Hub(repositories)

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Requests are no output of a test."""

        def do_GET(self) -> None:
            self._respond(with_body=True)

        def do_HEAD(self) -> None:
            self._respond(with_body=False)

        def _respond(self, *, with_body: bool) -> None:
            path = self.path.partition("?")[0].strip("/")
            for name, folder in state.repositories.items():
                for revision in ("main", COMMIT):
                    if path in {f"api/models/{name}", f"api/models/{name}/revision/{revision}"}:
                        self._send(json.dumps(_description(name, folder)).encode(), "", with_body=with_body)
                        return
                    if path == f"api/models/{name}/tree/{revision}":
                        self._send(json.dumps(_tree(folder)).encode(), "", with_body=with_body)
                        return
                    prefix = f"{name}/resolve/{revision}/"
                    if path.startswith(prefix) and (folder / path.removeprefix(prefix)).is_file():
                        content = (folder / path.removeprefix(prefix)).read_bytes()
                        if with_body:
                            state.downloads.append(path.removeprefix(prefix))
                        self._send(content, hashlib.sha256(content).hexdigest(), with_body=with_body)
                        return
            self.send_response(404)
            self.send_header("X-Error-Code", "RepoNotFound")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _send(self, content: bytes, etag: str, *, with_body: bool) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("X-Repo-Commit", COMMIT)
            if etag:
                self.send_header("ETag", f'"{etag}"')
            self.end_headers()
            if with_body:
                self.wfile.write(content)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _description(name: str, folder: Path) -> dict[str, object]:
    """What the hub says of a model's commit."""
    files = [{"rfilename": file.name, "size": file.stat().st_size} for file in sorted(folder.iterdir())]
    return {"id": name, "modelId": name, "sha": COMMIT, "private": False, "tags": [], "downloads": 0, "siblings": files}


def _tree(folder: Path) -> list[dict[str, object]]:
    """The files of a commit as the hub lists them."""
    files: list[dict[str, object]] = []
    for file in sorted(folder.iterdir()):
        object_id = hashlib.sha256(file.read_bytes()).hexdigest()
        files.append({"type": "file", "path": file.name, "size": file.stat().st_size, "oid": object_id})
    return files
