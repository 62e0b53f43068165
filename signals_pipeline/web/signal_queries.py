"""Which signals a request asks for: the parameters of the API's lists of signals, and of the agents' tools.

A parameter that does not exist is refused instead of ignored: a misspelled filter would return all signals.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Annotated, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, ValidationError, ValidationInfo, field_validator

from signals_pipeline.adapters.stores.signals import SignalFilter
from signals_pipeline.adapters.stores.tables import Mode
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.event_types import EventType
from signals_pipeline.core.signal_fields import Lifecycle, SignalType
from signals_pipeline.web.errors import parameter_problems
from signals_pipeline.web.permalinks import SIGNAL_PATTERN, SYMBOL_PATTERN

# Items per page where a request names no limit.
DEFAULT_LIMIT = 50

# Values of one filter in one request.
_MAXIMUM_VALUES = 50

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
        default=[], max_length=_MAXIMUM_VALUES, description="Of this company, in any case", examples=[["XOM"]]
    )
    signal_type: list[SignalType] = Field(default=[], max_length=_MAXIMUM_VALUES, description="In this direction")
    lifecycle: list[Lifecycle] = Field(default=[], max_length=_MAXIMUM_VALUES, description="With this lifecycle")
    mode: list[Mode] = Field(default=[], max_length=_MAXIMUM_VALUES, description="Decided by a run of this mode")
    event: list[EventType] = Field(
        default=[], max_length=_MAXIMUM_VALUES, description="Led by a story of this event type"
    )

    @field_validator("last_day")
    @classmethod
    def _not_before_first_day(cls, last_day: date | None, info: ValidationInfo) -> date | None:
        first_day = info.data.get("first_day")
        if first_day is not None and last_day is not None and last_day < first_day:
            raise ValueError(f"{last_day} is before from, {first_day}; give from the earlier day")
        return last_day

    @property
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

    # The maximum bounds the size of a response.
    limit: int = Field(default=DEFAULT_LIMIT, ge=1, le=200, description="Maximum items per page")
    after: str | None = Field(
        default=None, pattern=SIGNAL_PATTERN, description="The last signal of the previous page: its `next`"
    )


class QueryError(SignalsError, ValueError):
    """A filter has a value that it can't have; the message is one line."""


def signal_conditions(values: Mapping[str, object]) -> SignalConditions:
    """Return the conditions of a command or tool, by the names that the API has for them.

    Raises:
        QueryError: A value is not valid.
    """
    return _validated(SignalConditions, values)


def signal_page(values: Mapping[str, object]) -> SignalPage:
    """Return the page that a tool asks for, as `signal_conditions`."""
    return _validated(SignalPage, values)


_Conditions = TypeVar("_Conditions", bound=SignalConditions)


def _validated(model: type[_Conditions], values: Mapping[str, object]) -> _Conditions:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        located = [problem | {"loc": ("query", *problem["loc"])} for problem in error.errors()]
        raise QueryError(parameter_problems(located)) from error
