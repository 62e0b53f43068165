"""CloudWatch's embedded metric format: metrics as one line of JSON on stdout, within AWS's own limits.

Format: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
Limits: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_MetricDatum.html
"""

import json
import math
import re
import resource
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TextIO

from signals_pipeline.core.checks.metrics import NAMESPACE, Metric

# Limits of AWS, see the second address above.
MAX_METRICS = 100  # per directive
MAX_DIMENSIONS = 30
MIN_VALUE, MAX_VALUE = 2.0**-360, 2.0**360  # of a value's size, other than 0
_SIZES = (
    "Bytes",
    "Kilobytes",
    "Megabytes",
    "Gigabytes",
    "Terabytes",
    "Bits",
    "Kilobits",
    "Megabits",
    "Gigabits",
    "Terabits",
)
_COUNTED = (*_SIZES, "Count")
UNITS = frozenset(
    ["Seconds", "Microseconds", "Milliseconds", "Percent", "None", *_COUNTED, *(f"{unit}/Second" for unit in _COUNTED)]
)
_NAMESPACE = re.compile(r"[0-9A-Za-z.\-_/# :]{1,256}")
_NAME = re.compile(r"[\x20-\x7e]{1,255}")
_DIMENSION_VALUE = re.compile(r"[\x20-\x7e]{1,1024}")


class MetricsError(ValueError):
    """CloudWatch would refuse or silently drop these metrics; the message is one line."""


def emf_line(
    metrics: Sequence[Metric], *, dimensions: Mapping[str, str], at: datetime, namespace: str = NAMESPACE
) -> str:
    """The metrics as one line of JSON that CloudWatch Logs turns into metrics.

    Args:
        metrics: 1 to 100, each name once.
        dimensions: Value by name; together they identify the metric, so each combination is billed as a metric.
        at: Aware instant of the measurement.
        namespace: Where they appear in CloudWatch.

    Raises:
        MetricsError: a limit of AWS is exceeded.
    """
    check(metrics, dimensions=dimensions, namespace=namespace)
    directive = {
        "Namespace": namespace,
        "Dimensions": [list(dimensions)],
        "Metrics": [{"Name": metric.name, "Unit": metric.unit} for metric in metrics],
    }
    stamp = int(at.astimezone(UTC).timestamp() * 1000)
    values = {metric.name: metric.value for metric in metrics}
    return json.dumps({"_aws": {"Timestamp": stamp, "CloudWatchMetrics": [directive]}, **dimensions, **values})


def check(metrics: Sequence[Metric], *, dimensions: Mapping[str, str], namespace: str) -> None:
    """Check metrics against what CloudWatch accepts.

    Raises:
        MetricsError: the first limit that is exceeded.
    """
    if not _NAMESPACE.fullmatch(namespace) or namespace.startswith(("AWS/", ":")):
        raise MetricsError(f"namespace {namespace!r}: 1 to 256 letters, digits or .-_/#: and not AWS's own AWS/")
    if not 1 <= len(metrics) <= MAX_METRICS:
        raise MetricsError(f"{len(metrics)} metrics: a line has 1 to {MAX_METRICS}")
    # Metrics, dimensions and AWS's own block are keys of one JSON object.
    names = [*(metric.name for metric in metrics), *dimensions]
    if len({*names, "_aws"}) != len(names) + 1:
        raise MetricsError(f"a name occurs twice among {', '.join(names)}; each must be unique")
    if len(dimensions) > MAX_DIMENSIONS:
        raise MetricsError(f"{len(dimensions)} dimensions: the maximum is {MAX_DIMENSIONS}")
    for name, value in dimensions.items():
        _check_dimension(name, value)
    for metric in metrics:
        _check_metric(metric)


def write(
    metrics: Sequence[Metric], *, dimensions: Mapping[str, str], at: datetime, stream: TextIO | None = None
) -> None:
    """Write metrics as one line to stdout (or another stream) and flush it, so that none is lost with the process.

    Raises:
        MetricsError: a limit of AWS is exceeded; nothing is written.
    """
    target = sys.stdout if stream is None else stream
    target.write(emf_line(metrics, dimensions=dimensions, at=at) + "\n")
    target.flush()


def peak_memory() -> int:
    """Peak resident memory of this process in bytes."""
    # Linux reports KiB.
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _check_dimension(name: str, value: str) -> None:
    if not _NAME.fullmatch(name) or name.startswith(":") or not name.strip():
        raise MetricsError(f"dimension {name!r}: 1 to 255 printable ASCII characters, no colon at the start")
    if not _DIMENSION_VALUE.fullmatch(value) or not value.strip():
        raise MetricsError(f"dimension {name}={value!r}: 1 to 1024 printable ASCII characters, not only spaces")


def _check_metric(metric: Metric) -> None:
    if not _NAME.fullmatch(metric.name):
        raise MetricsError(f"metric {metric.name!r}: 1 to 255 printable ASCII characters")
    if metric.unit not in UNITS:
        raise MetricsError(f"metric {metric.name}: CloudWatch has no unit {metric.unit!r}")
    size = abs(metric.value)
    if not math.isfinite(size) or (size and not MIN_VALUE <= size <= MAX_VALUE):
        raise MetricsError(f"metric {metric.name}={metric.value}: CloudWatch takes 0 and sizes from 2^-360 to 2^360")
