"""The API does what its description says, and the description's examples are valid responses."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.schemas import BaseSchema
from starlette.testclient import TestClient

from signals_pipeline.web import digest_schemas, examples, schemas
from signals_pipeline_tests.support.web_server import served

TABLES = ["/api/v1/signals.csv", "/api/v1/signals.parquet"]
ASKED = ["/api/v1/digest", "/api/v1/digests", "/api/v1/signals", "/api/v1/signals/{name}", *TABLES]
PATHS = [*ASKED, "/api/v1/digests/{window}/revisions", "/api/v1/record", "/healthz", "/readyz"]

EXAMPLES = [
    (digest_schemas.DigestResponse, examples.DIGEST),
    (schemas.DigestList, examples.DIGESTS),
    (schemas.RevisionList, examples.REVISIONS),
    (schemas.SignalList, examples.SIGNALS),
    (schemas.SignalResponse, examples.SIGNAL),
    (schemas.RecordResponse, examples.RECORD),
]


@pytest.mark.parametrize(("model", "example"), EXAMPLES)
def test_an_example_is_an_answer(model: type[schemas.BaseModel], example: dict[str, Any]) -> None:
    assert model.model_validate(example).model_dump(mode="json") == example


def test_every_address_of_the_api_is_described_with_what_can_go_wrong(client: TestClient) -> None:
    described = client.get("/openapi.json").json()
    assert set(described["paths"]) == set(PATHS)
    for path, methods in described["paths"].items():
        assert set(methods) == {"get"}
        assert methods["get"]["description"]
        health = {"/healthz": {"200"}, "/readyz": {"200", "503"}}
        expected = health.get(path, {"200", "401", "404", "422", "429", "503"})
        if path == "/api/v1/digest":
            expected = expected | {"501"}  # of a digest that another release stored
        assert set(methods["get"]["responses"]) == expected
    assert "security" not in described["paths"]["/api/v1/digest"]["get"]


@pytest.mark.parametrize("path", [path for path in PATHS if path not in TABLES])
def test_the_description_carries_an_example_of_each_answer_that_fits_its_schema(client: TestClient, path: str) -> None:
    whole = client.get("/openapi.json").json()
    for status, response in whole["paths"][path]["get"]["responses"].items():
        schema = response["content"]["application/json"]["schema"]
        held = whole["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        validator = Draft202012Validator({**schema, "components": whole["components"]})
        sentences = held["properties"].get("detail", {}).get("examples", [])
        shown = held.get("examples", []) if status == "200" else [{"detail": text} for text in sentences]
        assert shown, (path, status)
        for example in shown:
            assert list(validator.iter_errors(example)) == []


@pytest.mark.parametrize("path", ["/api/v1/digest", "/api/v1/signals", "/api/v1/signals/{name}"])
def test_an_example_of_a_signal_adds_up(client: TestClient, path: str) -> None:
    whole = client.get("/openapi.json").json()
    schema = whole["paths"][path]["get"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    (example,) = whole["components"]["schemas"][schema.rpartition("/")[2]]["examples"]
    for each in example.get("items", [example]):
        assert sum(part["contribution"] for part in each["contributions"]) == pytest.approx(each["combined_score"])


@pytest.fixture(scope="module")
def described(filled_url: str) -> Iterator[BaseSchema]:
    """The description of a site, as its server gives it."""
    with served(filled_url) as address:
        yield schemathesis.openapi.from_url(f"{address}/openapi.json")


@pytest.mark.parametrize(
    ("path", "mode"),
    [*((path, GenerationMode.POSITIVE) for path in PATHS), *((path, GenerationMode.NEGATIVE) for path in ASKED)],
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_nothing_is_found_that_contradicts_the_description(
    described: BaseSchema, path: str, mode: GenerationMode, data: st.DataObject
) -> None:
    case = data.draw(described[path]["GET"].as_strategy(generation_mode=mode))
    # A description can't say that one parameter must not be before another.
    asked = case.query or {}
    assume(mode is GenerationMode.NEGATIVE or "to" not in asked or str(asked.get("from", "")) <= str(asked["to"]))
    case.call_and_validate()
