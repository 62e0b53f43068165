"""Exceptions as responses in plain words: JSON for the API, a page for readers. Neither shows internals."""

import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from signals_pipeline.adapters.stores.engine import DatabaseError, DatabaseProblem
from signals_pipeline.core.digest.links import LinkError
from signals_pipeline.core.digest.model import DigestError, DigestProblem
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.web.permalinks import NotFoundError
from signals_pipeline.web.safe import plain
from signals_pipeline.web.schemas import Problem

_LOG = logging.getLogger("signals_pipeline.web")

# What to write in a parameter that does not match its pattern.
_WINDOW_HINT = "give a window's key, its start in New York, such as 2015-02-02-17:30"
_SIGNAL_HINT = "give a signal's name, such as 2015-02-02-17:30-XOM-SELL"
_HINTS = {
    "window": _WINDOW_HINT,
    "before": _WINDOW_HINT,
    "after": _SIGNAL_HINT,
    "name": _SIGNAL_HINT,
    "symbol": "give a ticker of letters, digits, dot or hyphen, such as BRK-B",
}
_HTTP_DETAILS = {404: "Nothing exists at this address.", 405: "This address does not support that method."}

# Seconds of Retry-After.
_SOON = 5
_A_MINUTE = 60
# Of problems that are over soon.
_DATABASE_DETAILS = {DatabaseProblem.POOL_EXHAUSTED: f"The server is busy; try again in {_SOON} s."}

# What readers are told of a digest that this release can't read, and what they can do. The log has the exact reason.
DIGEST_NOTICES = {
    DigestProblem.NEWER: (
        "A newer release of this software wrote this digest, and this server can't read it yet. Nothing is lost: a mail"
        " that was sent says everything, signals have pages of their own, and the digest appears here when the server"
        " is updated."
    ),
    DigestProblem.OLDER: (
        "An earlier release of this software wrote this digest in a form that is no longer read. A mail that was sent"
        " says everything, signals have pages of their own, and the operator can compose the digest again."
    ),
    DigestProblem.DAMAGED: (
        "What is stored of this digest is damaged. A mail that was sent says everything, signals have pages of their"
        " own, and the operator can compose the digest again."
    ),
}
# Not 500: nothing is wrong with the request or the program. Not 503: to ask again soon does not help.
UNREADABLE_DIGEST = HTTPStatus.NOT_IMPLEMENTED

# For the API's description.
RESPONSES = {
    401: {"model": Problem, "description": "A token is required"},
    404: {"model": Problem, "description": "Not found"},
    422: {"model": Problem, "description": "A parameter is not valid"},
    429: {"model": Problem, "description": "Too many requests; see Retry-After"},
    503: {"model": Problem, "description": "The database is not responding, or the server is busy; see Retry-After"},
}
UNREADABLE_RESPONSE = {"model": Problem, "description": "This release can't read the stored digest"}

# Makes a page of status and detail.
ErrorPage = Callable[[int, str], Response]


class QueryError(SignalsError, ValueError):
    """A parameter does not exist or has a value that it can't have; the message is one line."""


class NotReadyError(SignalsError):
    """The database has not answered a health check in time, or can't be used; the message is for everybody."""


def add_error_handlers(app: FastAPI, error_page: ErrorPage) -> None:
    """Answer every exception of an application with its status and one sentence.

    Args:
        app: The application.
        error_page: Makes the page for readers.
    """

    async def handle(request: Request, error: Exception) -> Response:
        status, detail = _status_and_detail(error)
        headers: dict[str, str] = dict(getattr(error, "headers", None) or {})
        if status == HTTPStatus.SERVICE_UNAVAILABLE:
            headers["retry-after"] = str(_retry_after(error))
        elif status == UNREADABLE_DIGEST:
            # RFC 9110 lets caches keep a 501; this one ends with an update.
            headers["cache-control"] = "no-store"
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        if path.startswith(("/api/", "/healthz", "/readyz", "/openapi.json")):
            response: Response = JSONResponse({"detail": detail}, status)
        else:
            response = error_page(status, detail)
        # Such as Allow of a 405.
        response.headers.update(headers)
        return response

    # Each by name: Starlette re-raises what only the handler of `Exception` catches.
    for error_type in (
        NotFoundError,
        LinkError,
        RequestValidationError,
        QueryError,
        HTTPException,
        DatabaseError,
        DigestError,
        NotReadyError,
    ):
        app.add_exception_handler(error_type, handle)
    app.add_exception_handler(Exception, handle)


def _status_and_detail(error: Exception) -> tuple[int, str]:
    """Return the HTTP status and the sentence of an exception, and log what is only for the operator."""
    match error:
        case NotFoundError():
            return 404, plain(str(error))
        case LinkError():
            return 403, str(error)
        case RequestValidationError():
            return 422, parameter_problems(error.errors())
        case QueryError():
            return 422, str(error)
        case HTTPException():
            return error.status_code, _HTTP_DETAILS.get(error.status_code, HTTPStatus(error.status_code).phrase)
        case DatabaseError():
            # The message hides the password, but names the host: it is for the operator.
            _LOG.error("%s", error)
            return 503, _DATABASE_DETAILS.get(error.problem, "The database is not responding; try again in a minute.")
        case NotReadyError():
            _LOG.error("%s", error)
            return 503, str(error)
        case DigestError():
            _LOG.error("%s", error)
            return UNREADABLE_DIGEST, DIGEST_NOTICES[error.problem]
        case _:
            return 500, "Something went wrong on this server; the operator can find the details in its log."


def _retry_after(error: Exception) -> int:
    """Return the seconds after which a request that failed with 503 may be repeated."""
    is_soon = isinstance(error, DatabaseError) and error.problem in _DATABASE_DETAILS
    return _SOON if is_soon else _A_MINUTE


def parameter_problems(problems: Iterable[ErrorDetails]) -> str:
    """Return what is wrong with the parameters of a request, on one line.

    Args:
        problems: pydantic's errors; the first part of each `loc` says where the parameter was.
    """
    return plain("; ".join(_parameter_problem(problem) for problem in problems))


def _parameter_problem(problem: ErrorDetails) -> str:
    """Return `window: give a window's key ...`, or pydantic's message where the parameter has no hint."""
    # ("query", "symbol", 0) is the first value of the parameter `symbol`.
    name = str(problem["loc"][1])
    match problem["type"]:
        case "string_pattern_mismatch" if name in _HINTS:
            return f"{name}: {_HINTS[name]}"
        case "extra_forbidden":
            return f"{name}: this address has no such parameter; /docs lists those that it has"
        case "value_error":
            # One of our own validators: its message without pydantic's "Value error".
            return f"{name}: {problem.get('ctx', {})['error']}"
        case _:
            message = problem["msg"]
            return f"{name}: {message[:1].lower()}{message[1:]}"
