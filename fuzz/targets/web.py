"""Requests to the pages and the API, signed links among them. A case is the request as text."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx2
from starlette.testclient import TestClient

from fuzz.inputs import Case
from fuzz.invariants import require
from fuzz.worker import Check
from signals_pipeline.core.digest import links
from signals_pipeline.core.digest.links import FeedbackFields
from signals_pipeline_tests.support.databases import new_database
from signals_pipeline_tests.support.web_site import KEY, NOW, TOLD, fill, site

TOKENS = (
    b"GET", b"POST", b"HEAD", b"DELETE", b"/api/v1/", b"/api/v1/signals", b"/api/v1/digest", b"/api/v1/record",
    b"/digests/", b"/unsubscribe/", b"/feedback/", b"?", b"&", b"=", b"%00", b"%ff", b"%2e%2e%2f", b"%0d%0a",
    b"limit=", b"window=", b"verdict=useful", b"If-None-Match: ", b"Content-Type: application/json", b"Accept: */*",
    b"2015-02-03-08:30", b"*", b"Host: evil.example", b"Content-Length: 99999999", b"Range: bytes=0-1", b".",
)  # fmt: skip

# What the client itself refuses.
_NOT_SENT = (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError, UnicodeEncodeError)


def examples() -> Sequence[Case]:
    """One request for each kind of page."""
    fields = FeedbackFields(TOLD.key, "AAA", "BUY", links.recipient_hash("reader@example.org", key=KEY))
    unsubscribe = links.unsubscribe_url("", "reader@example.org", as_of=NOW, key=KEY)
    feedback = links.feedback_url("", fields, "not_useful", as_of=NOW, key=KEY)
    paths = (
        "/", "/record", f"/digests/{TOLD.key}", "/signals/AAA", "/healthz", "/openapi.json",
        f"/api/v1/digest?window={TOLD.key}", "/api/v1/digests?limit=5&before=2024-01-01T00:00:00Z",
        "/api/v1/signals?symbol=AAA&since=2024-01-01&limit=3", "/api/v1/record", unsubscribe, feedback,
    )  # fmt: skip
    requests = [f"GET {path}\nAccept: text/html\n\n" for path in paths]
    requests += [f"POST {unsubscribe}\n\nList-Unsubscribe=One-Click", f"POST {feedback}\n\n"]
    return tuple(Case("request.txt", request.encode()) for request in requests)


@contextmanager
def opened() -> Iterator[Check]:
    """Send the request to the application over a filled database."""
    with tempfile.TemporaryDirectory() as folder:
        url = new_database("sqlite", Path(folder))
        fill(url)
        # An exception of the application is raised by the second client, not only answered with 500.
        with site(url) as quiet, TestClient(quiet.app, base_url="http://site.example") as client:
            yield lambda file: _send(client, file.read_bytes())


def _send(client: TestClient, content: bytes) -> str:
    head, _, body = content.partition(b"\n\n")
    first, *lines = head.decode("latin-1").split("\n")
    method, _, target = first.partition(" ")
    headers = [(name, value.strip()) for name, colon, value in (line.partition(":") for line in lines) if colon]
    try:
        response = client.request(method, target, headers=headers, content=body, follow_redirects=False)
    except _NOT_SENT:
        return "no request that a client sends"
    require(response.status_code < 500, f"status {response.status_code}")
    require("Traceback (most recent" not in response.text, "a traceback in the answer")
    if response.status_code >= 400 and response.headers.get("content-type", "").startswith("application/json"):
        detail = response.json()["detail"]
        require(isinstance(detail, str) and "\n" not in detail, f"no line: {detail!r}")
    return f"{method if method in {'GET', 'POST', 'HEAD'} else 'other'} {response.status_code}"
