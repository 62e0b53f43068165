"""A signal's fields are read from their declaration as columns and responses need them."""

from dataclasses import dataclass
from datetime import datetime

from signals_pipeline.core.signal_fields import (
    CandidateFields,
    DecisionFields,
    SignalFields,
    SignalSummary,
    declared_fields,
    field_values,
)
from signals_pipeline.core.tables import SIGNALS
from signals_pipeline.core.units import OneOf, Range


def test_a_number_is_declared_with_its_bounds_and_meaning() -> None:
    field = declared_fields(SignalFields)["confidence_score"]
    assert (field.value_type, field.nullable, field.bounds) == (float, False, Range(0, 1))
    assert field.description == "Tone confidence; not a probability of profit"


def test_a_literal_is_a_text_with_its_values_and_length() -> None:
    field = declared_fields(DecisionFields)["lifecycle"]
    assert (field.value_type, field.values, field.max_length) == (str, ("new", "stronger", "flipped"), 16)


def test_a_field_that_may_be_none_is_nullable() -> None:
    nullable = [field.name for field in declared_fields(CandidateFields).values() if field.nullable]
    assert nullable == ["event", "reaction", "technical", "known_at"]
    assert declared_fields(CandidateFields)["known_at"].value_type is datetime


def test_every_field_has_a_description() -> None:
    for kind in (CandidateFields, DecisionFields):
        assert all(field.description for field in declared_fields(kind).values())


def test_columns_of_frames_have_the_bounds_of_the_declaration() -> None:
    units = {column.name: column.unit for column in SIGNALS.columns}
    assert units["tone"] == declared_fields(SignalFields)["tone"].bounds
    assert units["signal_type"] == OneOf(declared_fields(SignalFields)["signal_type"].values)
    assert units["symbol"] == "ticker"


def test_values_are_read_from_an_object_that_has_more_fields() -> None:
    @dataclass(frozen=True, kw_only=True)
    class Line(SignalSummary):
        company: str

    line = Line(symbol="AAA", signal_type="BUY", combined_score=0.5, company="Alpha")
    assert field_values(SignalSummary, line) == {"symbol": "AAA", "signal_type": "BUY", "combined_score": 0.5}
