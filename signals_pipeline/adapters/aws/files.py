"""The files of `deploy/`: the checkout that holds them, and what the stack's template declares."""

import re
from pathlib import Path

from signals_pipeline.core.errors import SignalsError

# The templates of the main stack, and of the one beside it that readers reach.
MAIN, PUBLIC = "stack.yaml", "public.yaml"
_CHECKOUT = Path(__file__).resolve().parents[3]


class DeployFilesError(SignalsError, RuntimeError):
    """A file of `deploy/` is not there; the message is one line."""


def repository() -> Path:
    """The folder with the Dockerfile and `deploy/`: the package's own checkout, else the working directory.

    Raises:
        DeployFilesError: neither has them.
    """
    for root in (_CHECKOUT, Path.cwd()):
        if (root / "deploy" / MAIN).is_file():
            return root
    raise DeployFilesError(f"no deploy/ in {_CHECKOUT} or {Path.cwd()}: run this from a checkout of the project")


def alarm_names(template_name: str = MAIN) -> tuple[str, ...]:
    """Names of the alarms in a template; in AWS each has the main stack's name and a hyphen before it.

    Args:
        template_name: `MAIN` or `PUBLIC`.

    Raises:
        DeployFilesError: there is no `deploy/`.
    """
    template = (repository() / "deploy" / template_name).read_text(encoding="utf-8")
    return tuple(re.findall(r"^  (\w+):\n    Type: AWS::CloudWatch::Alarm$", template, re.MULTILINE))
