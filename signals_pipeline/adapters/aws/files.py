"""The files of `deploy/`: the stack's template, the instance's configuration, the price table."""

import re
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from signals_pipeline.core.costs import CostError, Price, PriceTable
from signals_pipeline.core.errors import SignalsError

_CHECKOUT = Path(__file__).resolve().parents[3]


class DeployFilesError(SignalsError, RuntimeError):
    """A file of `deploy/` is not there; the message is one line."""


def repository() -> Path:
    """The folder with the Dockerfile and `deploy/`: the package's own checkout, else the working directory.

    Raises:
        DeployFilesError: neither has them.
    """
    for root in (_CHECKOUT, Path.cwd()):
        if (root / "deploy" / "stack.yaml").is_file():
            return root
    raise DeployFilesError(f"no deploy/ in {_CHECKOUT} or {Path.cwd()}: run this from a checkout of the project")


def alarm_names() -> tuple[str, ...]:
    """Names of the alarms in `deploy/stack.yaml`; in AWS each has the stack's name and a hyphen before it.

    Raises:
        DeployFilesError: there is no `deploy/`.
    """
    template = (repository() / "deploy" / "stack.yaml").read_text(encoding="utf-8")
    return tuple(re.findall(r"^  (\w+):\n    Type: AWS::CloudWatch::Alarm$", template, re.MULTILINE))


def price_table(path: Path | None = None) -> PriceTable:
    """Read the dated table of prices.

    Args:
        path: The file; None: `deploy/prices.yaml`.

    Raises:
        CostError: the file is not a price table.
        DeployFilesError: there is no `deploy/`.
    """
    source = path or repository() / "deploy" / "prices.yaml"
    try:
        loaded: Any = yaml.safe_load(source.read_text(encoding="utf-8"))
        items = {name: Price(**entry) for name, entry in loaded["items"].items()}
        dated, region = loaded["dated"], loaded["region"]
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise CostError(f"{source}: no price table ({reason}); use deploy/prices.yaml as a template") from error
    if not isinstance(dated, date):
        raise CostError(f"{source}: dated: {dated!r} is not a date; write YYYY-MM-DD")
    return PriceTable(str(region), dated, items)
