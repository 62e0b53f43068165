"""What goes wrong, in plain words: JSON for the API, a page for readers."""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.core.digest.links import LinkError
from signals_pipeline.core.digest.model import DigestError
from signals_pipeline.web.permalinks import UnknownError
from signals_pipeline.web.safe import plain
from signals_pipeline.web.schemas import Problem

_LOG = logging.getLogger("signals_pipeline.web")
_WINDOW_FORM = "give a window's key, its start in New York, such as 2015-02-02-17:30"
_SIGNAL_FORM = "give a signal's name, such as 2015-02-02-17:30-XOM-SELL"
_FORMS = {
    "window": _WINDOW_FORM,
    "before": _WINDOW_FORM,
    "after": _SIGNAL_FORM,
    "name": _SIGNAL_FORM,
    "symbol": "give a ticker of letters, digits, dot or hyphen, such as BRK-B",
}
_WORDS = {404: "There is nothing at this address.", 405: "This address does not take that method."}

RESPONSES = {
    401: {"model": Problem, "description": "A token is needed"},
    404: {"model": Problem, "description": "It is not there"},
    422: {"model": Problem, "description": "A parameter has another form"},
    429: {"model": Problem, "description": "Too many requests; see Retry-After"},
    503: {"model": Problem, "description": "The database does not answer"},
}

Page = Callable[[Request, int, str], Response]


def answer_problems(app: FastAPI, page: Page) -> None:
    """Have an application tell its problems; `page` makes a reader's page of status and sentence."""

    async def told(request: Request, error: Exception) -> Response:
        status, detail = next(tell(error) for kind, tell in _TOLD.items() if isinstance(error, kind))
        path = request.url.path.removeprefix(request.scope.get("root_path", ""))
        as_json = path.startswith(("/api/", "/healthz", "/openapi.json"))
        response = JSONResponse({"detail": detail}, status) if as_json else page(request, status, detail)
        response.headers.update(getattr(error, "headers", None) or {})
        return response

    for kind in _TOLD:
        app.add_exception_handler(kind, told)


def _unreadable(error: Exception) -> tuple[int, str]:
    problems = error.errors() if isinstance(error, RequestValidationError) else ()
    return 422, plain("; ".join(_words_of(str(each["loc"][-1]), each) for each in problems))


def _words_of(name: str, problem: dict[str, Any]) -> str:
    """`window: give a window's key ...`, or what the type says where the name has no form of its own."""
    if problem["type"] == "string_pattern_mismatch" and name in _FORMS:
        return f"{name}: {_FORMS[name]}"
    return f"{name}: {problem['msg'][:1].lower()}{problem['msg'][1:]}"


def _http(error: Exception) -> tuple[int, str]:
    status = error.status_code if isinstance(error, HTTPException) else 500
    return status, _WORDS.get(status, HTTPStatus(status).phrase)


def _database(error: Exception) -> tuple[int, str]:
    _LOG.error("%s", error)  # its message hides the password
    return 503, "The database does not answer; try again in a minute."


def _stored(error: Exception) -> tuple[int, str]:
    _LOG.error("%s", error)
    return 500, plain(str(error))


_TOLD: dict[type[Exception], Callable[[Exception], tuple[int, str]]] = {
    UnknownError: lambda error: (404, plain(str(error))),
    LinkError: lambda error: (403, str(error)),
    RequestValidationError: _unreadable,
    HTTPException: _http,
    DatabaseError: _database,
    DigestError: _stored,
    Exception: lambda _error: (500, "Something broke here; the operator finds it in the log."),
}
