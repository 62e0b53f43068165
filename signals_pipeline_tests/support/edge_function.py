"""CloudFront as far as the published pages need it: its function in Node, and files behind it over HTTP."""

import hashlib
import json
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from signals_pipeline.adapters.aws.files import repository
from signals_pipeline_tests.support.loopback import Quiet, serving

TOKEN = "a token of the readers, long enough"  # noqa: S105 - of the tests
_HARNESS = """
const lines = require('readline').createInterface({input: process.stdin});
let handler;
lines.on('line', function (line) {
  if (!handler) handler = new Function('require', JSON.parse(line) + '; return handler')(require);
  else console.log(JSON.stringify(handler(JSON.parse(line))));
});
"""
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".csv": "text/csv; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".parquet": "application/vnd.apache.parquet",
    ".svg": "image/svg+xml",
    ".xml": "application/atom+xml",
}


def token_hash(token: str = TOKEN) -> str:
    """The value of the parameter PageAccess for a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def event(target: str, headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """The event of a GET request: query and cookies are split and nothing is decoded, as CloudFront does it."""
    path, _, query = target.partition("?")
    given = {name.lower(): value for name, value in (headers or {}).items()}
    cookies = given.pop("cookie", "")
    return {
        "request": {
            "method": "GET",
            "uri": path,
            "querystring": _pairs(query.split("&")),
            "headers": {name: {"value": value} for name, value in given.items()},
            "cookies": _pairs(cookie.strip() for cookie in cookies.split(";")),
        }
    }


def _pairs(texts: Iterable[str]) -> dict[str, Any]:
    """Texts name=value by name; a name that comes again has all of its values."""
    pairs: dict[str, Any] = {}
    for name, _, value in (text.partition("=") for text in texts if text):
        if name in pairs:
            pairs[name].setdefault("multiValue", [{"value": pairs[name]["value"]}]).append({"value": value})
        else:
            pairs[name] = {"value": value}
    return pairs


class EdgeFunction:
    """The function of `deploy/public_pages.js` in a process of its own."""

    def __init__(self, access: str) -> None:
        code = (repository() / "deploy" / "public_pages.js").read_text(encoding="utf-8")
        self._process = subprocess.Popen(
            ["node", "-e", _HARNESS], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._lock = threading.Lock()
        self._write(code.replace("${PageAccess}", access))

    def __call__(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The request as it goes on to the files, or the answer to it."""
        with self._lock:
            self._write(asked)
            assert self._process.stdout is not None
            return json.loads(self._process.stdout.readline())

    def _write(self, value: object) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(value) + "\n")
        self._process.stdin.flush()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._process.stdout.close()


@contextmanager
def edge_function(access: str) -> Iterator[EdgeFunction]:
    """The function with this value of PageAccess."""
    opened = EdgeFunction(access)
    try:
        yield opened
    finally:
        opened.close()


@contextmanager
def served_files(folder: Path, access: str = "open") -> Iterator[str]:
    """The address of a folder's files behind the function."""
    with edge_function(access) as function:

        class Handler(Quiet):
            def do_GET(self) -> None:  # noqa: N802 - the base class calls it
                answer = function(event(self.path, dict(self.headers)))
                if "statusCode" in answer:
                    headers = {name: each["value"] for name, each in answer["headers"].items()}
                    for name, each in answer.get("cookies", {}).items():
                        headers["set-cookie"] = f"{name}={each['value']}; {each['attributes']}"
                    body = answer.get("body", {"data": ""})
                    self._send(answer["statusCode"], body["data"].encode(), headers)
                    return
                path = folder / unquote(answer["uri"]).removeprefix("/")
                status = 200
                if not path.is_file():
                    path, status = folder / "404.html", 404
                self._send(status, path.read_bytes(), {"content-type": _TYPES[path.suffix]})

            def _send(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        with serving(Handler) as address:
            yield address
