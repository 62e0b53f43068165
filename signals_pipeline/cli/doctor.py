"""`signals doctor`: one line a look, what is wrong and what to do, in less than ten seconds."""

import json
from collections.abc import Mapping

from signals_pipeline.adapters.probes import Finding, fail, look
from signals_pipeline.cli.checkup import probes_of, today
from signals_pipeline.cli.failures import told
from signals_pipeline.settings import Settings, SettingsError

SECONDS = 6.0


def examine() -> dict[str, Finding]:
    """What each look found, by name; where the settings can't be read, only that."""
    try:
        settings = Settings.checked()
    except SettingsError as error:
        return {"settings": fail("; ".join(str(error).splitlines()), "correct the environment or .env")}
    return look(probes_of(settings, today), seconds=SECONDS, told=told)


def healthy(found: Mapping[str, Finding]) -> bool:
    """Whether nothing is broken."""
    return all(finding.status != "fail" for finding in found.values())


def lines(found: Mapping[str, Finding]) -> list[str]:
    """A line a look: status, name, what was seen, what to do."""
    width = max(len(name) for name in found)
    return [
        f"{finding.status:<4}  {name:<{width}}  {finding.text}" + (f": {finding.remedy}" if finding.remedy else "")
        for name, finding in found.items()
    ]


def document(found: Mapping[str, Finding]) -> str:
    """The same as JSON."""
    checks = [
        {"check": name, "status": finding.status, "text": finding.text, "remedy": finding.remedy}
        for name, finding in found.items()
    ]
    return json.dumps({"healthy": healthy(found), "checks": checks}, indent=2)
