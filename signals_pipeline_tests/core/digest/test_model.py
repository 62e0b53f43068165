"""A digest's JSON round-trips exactly and holds no NaN."""

import json
from dataclasses import replace
from enum import StrEnum
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.core.digest.model import Digest, DigestError, _reader
from signals_pipeline.core.news.feeds import SourceReport
from signals_pipeline.core.signals.decision import NearMiss
from signals_pipeline_tests.support.digest_examples import (
    WINDOWS,
    component,
    coverage,
    digest_of,
    outcome_rows,
    signal,
    story,
)

NOW = WINDOWS[6]
title = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
share = st.floats(-1, 1)


@st.composite
def digests(draw: st.DrawFn) -> Digest:
    parts = [story(n, draw(share), draw(share), title=draw(title)) for n in range(draw(st.integers(1, 3)))]
    parts.append(component("rsi", draw(share)))
    technical = draw(st.none() | share)
    digest = digest_of(
        NOW,
        [signal("AAA", window=NOW, parts=parts, technical=technical, news_title=draw(title))],
        [signal("BBB", "SELL", WINDOWS[2]), signal("CCC", "BUY", WINDOWS[5])],
        modes={WINDOWS[2].start: "live", WINDOWS[5].start: "catch_up"},
        outcomes=outcome_rows(draw(st.sampled_from((0, 3, 31)))),
        coverage=coverage(NOW, reports=(SourceReport("wire", "degraded", 3, draw(title)),), status="degraded"),
    )
    near = NearMiss("DDD", "threshold", draw(share), draw(share), technical, draw(title), "combined +0.27, needs 0.30")
    return replace(digest, near_misses=(near,), notes=(draw(title),))


@settings(max_examples=12, deadline=None)
@given(digests())
def test_json_round_trips_exactly_and_is_stable(digest: Digest) -> None:
    text = digest.to_json()

    again = Digest.from_json(text)

    assert again == digest
    assert again.to_json() == text
    assert json.loads(text, parse_constant=pytest.fail)["version"] == 1
    assert list(json.loads(text)) == sorted(json.loads(text))


def test_the_reader_is_built_on_first_use_and_reads_the_same() -> None:
    text = digest_of(NOW, [signal(window=NOW)]).to_json()
    digest = Digest.from_json(text)

    _reader.cache_clear()

    assert Digest.from_json(text) == digest


def test_an_enum_is_written_as_its_value() -> None:
    class Deployment(StrEnum):
        LOCAL = "local"

    digest = digest_of(NOW, [signal(window=NOW)])

    text = replace(digest, deployment=Deployment.LOCAL).to_json()

    assert text == replace(digest, deployment="local").to_json()


def test_nan_is_refused() -> None:
    digest = digest_of(NOW, [signal(window=NOW)])
    broken = replace(digest, new=(replace(digest.new[0], tone=float("nan")),))

    with pytest.raises(ValueError, match="not JSON compliant"):
        broken.to_json()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "is not JSON"),
        ("[]", "version None, this code reads 1"),
        ('{"version": 99}', "version 99, this code reads 1; update this host"),
        ('{"version": 0}', "version 0, this code reads 1; compose the window again"),
    ],
)
def test_what_is_no_digest_is_refused_in_one_line(text: str, message: str) -> None:
    with pytest.raises(DigestError, match=message) as error:
        Digest.from_json(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("kind", "unheard of", "malformed at kind "),
        ("as_of", "yesterday", "malformed at as_of "),
        ("new", [{"symbol": "AAA"}], r"malformed at new\.0\.signal_type "),
        ("funnel", {"signals": "many"}, r"malformed at funnel\.signals "),
    ],
)
def test_a_malformed_digest_is_refused_in_one_line_that_names_the_field(
    field: str, value: object, message: str
) -> None:
    stored: dict[str, Any] = json.loads(digest_of(NOW).to_json())
    stored[field] = value

    with pytest.raises(DigestError, match=message) as error:
        Digest.from_json(json.dumps(stored))

    assert "\n" not in str(error.value)


def test_a_digest_of_an_earlier_version_of_the_code_loads() -> None:
    miss = NearMiss("DDD", "confident", 0.36, 0.1, 0.6, "A title", "0 of 2 relevant headlines", relevant=2)
    stored: dict[str, Any] = json.loads(replace(digest_of(NOW), near_misses=(miss,)).to_json())
    del stored["corrected"]
    assert "without_prices" not in stored
    del stored["near_misses"][0]["relevant"]

    digest = Digest.from_json(json.dumps(stored))

    assert (digest.corrected, digest.without_prices) == ((), ())
    assert digest.near_misses == (replace(miss, relevant=None),)


def test_fields_that_a_newer_release_added_are_left_out_wherever_they_are() -> None:
    miss = NearMiss("DDD", "confident", 0.36, 0.1, 0.6, "A title", "0 of 2 relevant headlines")
    digest = replace(digest_of(NOW, [signal(window=NOW)], outcomes=outcome_rows(31)), near_misses=(miss,))
    stored: dict[str, Any] = json.loads(digest.to_json())
    for value in (stored, stored["coverage"], *stored["coverage"]["reports"], *stored["new"], *stored["near_misses"]):
        value["of_a_newer_release"] = [{"any": "thing"}]
    for line in (*stored["record"], *stored["new"][0]["record"]):
        line["of_a_newer_release"] = 1

    assert Digest.from_json(json.dumps(stored)) == digest
    assert NearMiss.from_stored(stored["near_misses"][0]) == miss


def test_instants_are_utc_in_json() -> None:
    stored: dict[str, Any] = json.loads(digest_of(NOW, [signal(window=NOW)]).to_json())

    assert stored["as_of"] == "2024-01-11T22:30:00+00:00"
    assert stored["new"][0]["decided_at"].endswith("+00:00")
