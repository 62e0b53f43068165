"""`/docs`: the API's description for people, rendered here from `/openapi.json`.

FastAPI's own pages load scripts from other hosts; this one needs none.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, FastAPI, Request
from markupsafe import Markup, escape
from starlette.responses import Response

from signals_pipeline.web.conditional import HTML, Representation, conditional_response
from signals_pipeline.web.templating import render

# Formats of JSON Schema in words.
_FORMATS = {"date": "a day, such as 2015-02-02", "date-time": "an instant"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an address.

    Attributes:
        name: Its name.
        kind: What it takes, in words, such as `BUY or SELL`.
        description: What it does; may be empty.
    """

    name: str
    kind: str
    description: str


@dataclass(frozen=True, slots=True)
class Operation:
    """What can be asked for at an address.

    Attributes:
        path: The address, its variable parts in braces.
        description: What it answers.
        parameters: In path and query.
        problems: HTTP status and meaning of each answer but 200.
        example: Lines of an answer as indented JSON; none where the answer is no JSON.
    """

    path: str
    description: str
    parameters: tuple[Parameter, ...]
    problems: tuple[tuple[str, str], ...]
    example: tuple[Markup, ...]


def router(app: FastAPI, root: str) -> APIRouter:
    """Return the route of the page.

    Args:
        app: The application with all of its routes: its description is made at the first request.
        root: Path below which the application is served.
    """
    routes = APIRouter(include_in_schema=False)

    @routes.get("/docs")
    def get_docs(request: Request) -> Response:
        page = render("api.html", root, here="docs", description=app.description, operations=operations(app.openapi()))
        return conditional_response(request, Representation.from_body(page), HTML)

    return routes


def operations(description: Mapping[str, Any]) -> list[Operation]:
    """Return the operations of an OpenAPI description, in its order."""
    schemas: Mapping[str, Any] = description["components"]["schemas"]
    found: list[Operation] = []
    for path, methods in description["paths"].items():
        asked = methods["get"]
        parameters = tuple(
            Parameter(each["name"], _kind(each["schema"]), each.get("description") or "")
            for each in asked.get("parameters", [])
        )
        answers: Mapping[str, Any] = asked["responses"]
        problems = tuple((status, answer["description"]) for status, answer in answers.items() if status != "200")
        example = _example(answers["200"], schemas)
        found.append(Operation(path, asked["description"], parameters, problems, example))
    return found


def _example(answer: Mapping[str, Any], schemas: Mapping[str, Any]) -> tuple[Markup, ...]:
    """Return the lines of an answer's example; none where it is no JSON."""
    content = answer.get("content", {}).get("application/json")
    if content is None:
        return ()
    examples = schemas[content["schema"]["$ref"].rpartition("/")[2]]["examples"]
    # Escaped here, because templates take the indentation from what is not markup.
    return tuple(escape(line) for line in json.dumps(examples[0], indent=2, ensure_ascii=False).splitlines())


def _kind(schema: Mapping[str, Any]) -> str:
    """Return in words what values a schema admits."""
    # `anyOf` a type and null: a parameter that may be left out.
    options: Sequence[Mapping[str, Any]] = schema.get("anyOf", [schema])
    [option] = [each for each in options if each.get("type") != "null"]
    if option.get("type") == "array":
        return f"{_kind(option['items'])}; may be repeated"
    if "enum" in option:
        *others, last = option["enum"]
        return f"{', '.join(others)} or {last}"
    if "minimum" in option and "maximum" in option:
        return f"a number from {option['minimum']} to {option['maximum']}"
    return _FORMATS.get(option.get("format", ""), "text")
