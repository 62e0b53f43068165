"""Which signals a request asks for: the parameters of the API's lists of signals, and of the agents' tools.

A parameter that does not exist is refused instead of ignored: a misspelled filter would return all signals.
"""

import re
from collections.abc import Mapping
from datetime import date
from functools import cached_property, lru_cache
from typing import Annotated, Any, TypeVar, cast, get_origin

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError, ValidationInfo, field_validator
from starlette.datastructures import QueryParams

from signals_pipeline.adapters.stores.signals import SignalFilter, SignalKey
from signals_pipeline.adapters.stores.tables import Mode
from signals_pipeline.core.event_types import EventType
from signals_pipeline.core.signal_fields import Lifecycle, SignalType
from signals_pipeline.web.errors import QueryError, parameter_problems
from signals_pipeline.web.permalinks import SIGNAL_PATTERN, SYMBOL_PATTERN, parse_signal_id
from signals_pipeline.web.safe import plain

# Items per page where a request names no limit, and the most that it may name, which bounds the size of a response.
DEFAULT_LIMIT, MAXIMUM_LIMIT = 50, 200

# Values of one filter in one request.
_MAXIMUM_VALUES = 50

# Query strings whose parameters are kept.
_MAXIMUM_QUERIES = 256

_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _parse_day(value: object) -> object:
    """Return the day of a text; pydantic alone would take numbers and times for days as well."""
    if not isinstance(value, str):
        return value
    try:
        day = date.fromisoformat(value) if _DAY.fullmatch(value) else None
    except ValueError:
        # Such as 30 February.
        day = None
    if day is None:
        raise ValueError("give a day, such as 2015-02-02")
    return day


Day = Annotated[date, BeforeValidator(_parse_day)]
# The history has capitals; readers write as they like.
Symbol = Annotated[str, Field(pattern=SYMBOL_PATTERN), AfterValidator(str.upper)]


class SignalConditions(BaseModel, frozen=True, extra="forbid"):
    """Which signals are wanted: those that meet every condition; of a repeated parameter any of its values."""

    first_day: Day | None = Field(
        default=None, alias="from", description="Decided on this day or later, New York time", examples=["2015-02-02"]
    )
    last_day: Day | None = Field(
        default=None, alias="to", description="Decided on this day or earlier", examples=["2015-02-27"]
    )
    symbol: list[Symbol] = Field(
        default=[],
        max_length=_MAXIMUM_VALUES,
        description="Of this company, in upper or lower case",
        examples=[["XOM"]],
    )
    signal_type: list[SignalType] = Field(default=[], max_length=_MAXIMUM_VALUES, description="In this direction")
    lifecycle: list[Lifecycle] = Field(default=[], max_length=_MAXIMUM_VALUES, description="With this lifecycle")
    mode: list[Mode] = Field(default=[], max_length=_MAXIMUM_VALUES, description="Decided by a run of this mode")
    event: list[EventType] = Field(
        default=[], max_length=_MAXIMUM_VALUES, description="Whose leading story has this event type"
    )

    @field_validator("last_day")
    @classmethod
    def _not_before_first_day(cls, last_day: date | None, info: ValidationInfo) -> date | None:
        first_day = info.data.get("first_day")
        if first_day is not None and last_day is not None and last_day < first_day:
            raise ValueError(f"{last_day} is before from, {first_day}; give from the earlier day")
        return last_day

    @cached_property
    def wanted(self) -> SignalFilter:
        """The filter of the history. Two requests for the same signals have the same one."""
        return SignalFilter(
            first_day=self.first_day,
            last_day=self.last_day,
            symbols=tuple(sorted(set(self.symbol))),
            signal_types=tuple(sorted(set(self.signal_type))),
            lifecycles=tuple(sorted(set(self.lifecycle))),
            modes=tuple(sorted(set(self.mode))),
            events=tuple(sorted(set(self.event))),
        )


class SignalPage(SignalConditions, frozen=True, extra="forbid"):
    """A page of the signals that are wanted."""

    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=MAXIMUM_LIMIT, description="Maximum items per page")
    after: str | None = Field(
        default=None, pattern=SIGNAL_PATTERN, description="The last signal of the previous page: its `next`"
    )

    @property
    def last(self) -> SignalKey | None:
        """The last signal of the previous page.

        Raises:
            NotFoundError: No window has its key.
        """
        return parse_signal_id(self.after) if self.after else None


def signal_conditions(values: Mapping[str, object]) -> SignalConditions:
    """Return the conditions of a command, by the names that the API has for them.

    Raises:
        QueryError: A value is not valid.
    """
    return _validated(SignalConditions, values)


def signal_page(values: Mapping[str, object]) -> SignalPage:
    """Return the page that a tool asks for, as `signal_conditions`."""
    return _validated(SignalPage, values)


# FastAPI's own reading of so many parameters takes a fifth of a request that is answered from memory.
@lru_cache(maxsize=_MAXIMUM_QUERIES)
def parse_conditions(query: bytes) -> SignalConditions:
    """Return the conditions of a request's query string.

    Raises:
        QueryError: A parameter or a value is not valid.
    """
    return _validated(SignalConditions, _values(SignalConditions, query))


@lru_cache(maxsize=_MAXIMUM_QUERIES)
def parse_page(query: bytes) -> SignalPage:
    """Return the page that a request's query string asks for, as `parse_conditions`."""
    return _validated(SignalPage, _values(SignalPage, query))


@lru_cache(maxsize=_MAXIMUM_QUERIES)
def parse_form(query: bytes) -> SignalPage:
    """Return the page that a form asks for, as `parse_page`: a field that was left empty is no condition."""
    values: dict[str, object] = {}
    for name, given in _values(SignalPage, query).items():
        if isinstance(given, list):
            filled: object = [value.strip() for value in cast("list[str]", given) if value.strip()]
        else:
            filled = given
        if filled:
            values[name] = filled
    return _validated(SignalPage, values)


def openapi_parameters(model: type[SignalConditions]) -> dict[str, Any]:
    """Return what the API's description says of the parameters."""
    schema = model.model_json_schema()
    definitions: dict[str, Any] = schema.get("$defs", {})
    parameters: list[dict[str, Any]] = []
    for name, field in schema["properties"].items():
        described = dict(field)
        items = described.get("items", {})
        if "$ref" in items:
            described["items"] = definitions[items["$ref"].rpartition("/")[2]]
        description = described.pop("description")
        parameters.append({"name": name, "in": "query", "description": description, "schema": described})
    return {"parameters": parameters}


def _values(model: type[SignalConditions], query: bytes) -> dict[str, object]:
    """The values of a query string: lists of those that may be repeated."""
    parameters = QueryParams(query.decode("latin-1"))
    lists = {name for name, field in model.model_fields.items() if get_origin(field.annotation) is list}
    values: dict[str, object] = {}
    for name in parameters:
        given = parameters.getlist(name)
        if name not in lists and len(given) > 1:
            raise QueryError(plain(f"{name}: give it once"))
        values[name] = given if name in lists else given[0]
    return values


_Conditions = TypeVar("_Conditions", bound=SignalConditions)


def _validated(model: type[_Conditions], values: Mapping[str, object]) -> _Conditions:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = error.errors()
        for problem in problems:
            problem["loc"] = ("query", *problem["loc"])
        raise QueryError(parameter_problems(problems)) from error
