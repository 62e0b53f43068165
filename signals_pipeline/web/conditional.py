"""Conditional requests (RFC 9110, section 13): a client that has a representation already gets 304 without a body."""

from dataclasses import dataclass
from hashlib import sha256

from starlette.requests import Request
from starlette.responses import Response

JSON = "application/json"
HTML = "text/html; charset=utf-8"
CSV = "text/csv; charset=utf-8"
PARQUET = "application/vnd.apache.parquet"
ATOM = "application/atom+xml"


@dataclass(frozen=True, slots=True)
class Representation:
    """The bytes of a response, and the ETag that names them."""

    body: bytes
    etag: str

    @classmethod
    def from_body(cls, body: bytes, name: str | None = None) -> "Representation":
        """Return the representation with this body; its ETag is `name`, or the body's SHA-256."""
        return cls(body, f'"{name or sha256(body).hexdigest()}"')


def conditional_response(request: Request, representation: Representation, media_type: str) -> Response:
    """Return the representation, or 304 where the request's If-None-Match names it."""
    # "no-cache": a client may store the response but must revalidate it each time.
    headers = {"etag": representation.etag, "cache-control": "private, no-cache"}
    if _matches(request.headers.get("if-none-match", ""), representation.etag):
        return Response(status_code=304, headers=headers)
    return Response(representation.body, headers=headers, media_type=media_type)


def _matches(if_none_match: str, etag: str) -> bool:
    """Whether If-None-Match names an ETag, by weak comparison."""
    if if_none_match.strip() == "*":
        return True
    names = [name.strip().removeprefix("W/") for name in if_none_match.split(",")]
    return etag in names
