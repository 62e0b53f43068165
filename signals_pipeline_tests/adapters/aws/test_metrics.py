"""CloudWatch's embedded metric format: lines that AWS takes, and a refusal for each limit that it has."""

import io
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.aws.metrics import (
    MAX_DIMENSIONS,
    UNITS,
    MetricsError,
    check,
    emf_line,
    peak_memory,
    write,
)
from signals_pipeline.core.checks.metrics import KINDS, Metric

AT = datetime(2026, 3, 9, 12, 30, 1, 250_000, UTC)


@dataclass(frozen=True)
class Stray(Metric):
    """A metric that core has not declared."""

    stray_unit: str = "Count"

    @property
    def unit(self) -> str:
        return self.stray_unit


@given(values=st.lists(st.floats(0, 1e9), min_size=len(KINDS), max_size=len(KINDS)))
def test_a_line_is_what_the_specification_asks_for(values: list[float]) -> None:
    metrics = [Metric(kind.name, round(value, 3)) for kind, value in zip(KINDS, values, strict=True)]
    line = emf_line(metrics, dimensions={"Stack": "signals"}, at=AT)
    assert "\n" not in line
    told = json.loads(line)
    directive = told["_aws"]["CloudWatchMetrics"][0]
    assert told["_aws"]["Timestamp"] == 1_773_059_401_250
    assert (directive["Namespace"], directive["Dimensions"]) == ("MarketIntel", [["Stack"]])
    assert {each["Name"]: each["Unit"] for each in directive["Metrics"]} == {kind.name: kind.unit for kind in KINDS}
    assert {each["Unit"] for each in directive["Metrics"]} <= UNITS
    assert {name: told[name] for name in (kind.name for kind in KINDS)} == {each.name: each.value for each in metrics}
    assert told["Stack"] == "signals"


def test_the_instant_counts_whatever_its_zone() -> None:
    elsewhere = AT.astimezone(ZoneInfo("America/New_York"))
    metric = [Metric("Heartbeat", 1)]
    assert emf_line(metric, dimensions={}, at=AT) == emf_line(metric, dimensions={}, at=elsewhere)


GOOD = Metric("Heartbeat", 1.0)


@pytest.mark.parametrize(
    ("metrics", "dimensions", "namespace", "said"),
    [
        ([GOOD], {}, "AWS/Usage", "namespace"),
        ([GOOD], {}, "", "namespace"),
        ([GOOD], {}, "a" * 257, "namespace"),
        ([GOOD], {}, "Market|Intel", "namespace"),
        ([], {}, "MarketIntel", "0 metrics"),
        ([Stray(f"m{n}", 1.0) for n in range(101)], {}, "MarketIntel", "101 metrics"),
        ([GOOD, GOOD], {}, "MarketIntel", "twice"),
        ([GOOD], {"Heartbeat": "x"}, "MarketIntel", "twice"),
        ([GOOD], {"_aws": "x"}, "MarketIntel", "twice"),
        ([GOOD], {f"d{n}": "x" for n in range(MAX_DIMENSIONS + 1)}, "MarketIntel", "31 dimensions"),
        ([GOOD], {":stack": "x"}, "MarketIntel", "dimension ':stack'"),
        ([GOOD], {" ": "x"}, "MarketIntel", "dimension ' '"),
        ([GOOD], {"Stack": ""}, "MarketIntel", "dimension Stack="),
        ([GOOD], {"Stack": "  "}, "MarketIntel", "dimension Stack="),
        ([GOOD], {"Stack": "x" * 1025}, "MarketIntel", "dimension Stack="),
        ([GOOD], {"Stack": "Zürich"}, "MarketIntel", "dimension Stack="),
        ([Stray("", 1.0)], {}, "MarketIntel", "metric ''"),
        ([Stray("m", 1.0, "Gibibytes")], {}, "MarketIntel", "no unit"),
        ([Metric("Heartbeat", float("nan"))], {}, "MarketIntel", "Heartbeat=nan"),
        ([Metric("Heartbeat", float("-inf"))], {}, "MarketIntel", "Heartbeat=-inf"),
        ([Metric("Heartbeat", 1e-120)], {}, "MarketIntel", "2\\^-360"),
        ([Metric("Heartbeat", -1e110)], {}, "MarketIntel", "2\\^360"),
    ],
)
def test_each_limit_is_refused_in_one_line(
    metrics: list[Metric], dimensions: dict[str, str], namespace: str, said: str
) -> None:
    with pytest.raises(MetricsError, match=said) as refused:
        check(metrics, dimensions=dimensions, namespace=namespace)
    assert "\n" not in str(refused.value)


def test_no_line_is_longer_than_a_log_event() -> None:
    """CloudWatch Logs cuts at 256 KiB, and a cut line is no JSON."""
    long = [Stray("m" * 252 + f"{n:03}", 1e9 / 3, "Kilobytes/Second") for n in range(100)]
    wide = {f"d{n:02}" + "x" * 252: "y" * 1024 for n in range(30)}
    assert len(emf_line(long, dimensions=wide, at=AT)) < 256 * 1024


def test_writing_is_one_whole_line_and_a_refusal_writes_nothing() -> None:
    stream = io.StringIO()
    write([GOOD], dimensions={"Stack": "signals"}, at=AT, stream=stream)
    assert json.loads(stream.getvalue())["Heartbeat"] == 1.0
    assert stream.getvalue().endswith("}\n")
    before = stream.getvalue()
    with pytest.raises(MetricsError):
        write([], dimensions={}, at=AT, stream=stream)
    assert stream.getvalue() == before


def test_without_a_stream_it_is_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    write([GOOD], dimensions={}, at=AT)
    assert json.loads(capsys.readouterr().out)["Heartbeat"] == 1.0


def test_peak_memory_is_this_process_own() -> None:
    held = b"x" * 50_000_000
    assert peak_memory() > len(held)
