"""Sending an answer with its ETag, or saying that the reader has it already (RFC 9110)."""

from starlette.requests import Request
from starlette.responses import Response

from signals_pipeline.web.response_cache import CachedResponse

JSON = "application/json"
HTML = "text/html; charset=utf-8"


def sent(request: Request, answer: CachedResponse, media_type: str) -> Response:
    """The answer, or 304 where the request's If-None-Match names it."""
    headers = {"etag": answer.etag, "cache-control": "private, no-cache"}  # keep it, but ask each time
    if _has(request.headers.get("if-none-match", ""), answer.etag):
        return Response(status_code=304, headers=headers)
    return Response(answer.body, headers=headers, media_type=media_type)


def _has(given: str, etag: str) -> bool:
    return given.strip() == "*" or any(each.strip().removeprefix("W/") == etag for each in given.split(","))
