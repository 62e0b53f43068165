"""The folder of a soak, from which it goes on wherever it was stopped: nothing in it is half written."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

_LINES = threading.RLock()  # the mail server's thread adds lines while others are read


@dataclass(frozen=True)
class Folder:
    """Files below `root`, the deployment's in `home`; `claim` it before anything else."""

    root: Path

    @property
    def home(self) -> Path:
        """`DAGSTER_HOME` of its processes."""
        return self.root / "deployment"

    def claim(self, **asked: object) -> None:
        """Keep what the soak was asked for, since its year and its faults follow from that.

        Raises:
            SystemExit: it was begun with something else, in one line.
        """
        self.root.mkdir(parents=True, exist_ok=True)
        begun = self.once("asked", lambda: asked)
        if begun != asked:
            given = " ".join(f"--{name} {value}" for name, value in begun.items() if value)
            raise SystemExit(f"{self.root} was begun with {given}: go on with these, or take another folder")

    def once(self, name: str, make: Callable[[], Any]) -> Any:  # noqa: ANN401 - JSON
        """What `<name>.json` holds; made, and written whole or not at all, where it is not there."""
        path = self.root / f"{name}.json"
        if not path.exists():
            fresh = path.with_suffix(".new")
            fresh.write_text(json.dumps(make(), default=str, sort_keys=True), encoding="utf-8")
            fresh.replace(path)
        return json.loads(path.read_text(encoding="utf-8"))

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The whole lines of `<name>.jsonl`; one that was cut short is taken off."""
        path = self.root / f"{name}.jsonl"
        if not path.exists():
            return []
        with _LINES:
            content = path.read_bytes()
            whole = content[: content.rfind(b"\n") + 1]
            if whole != content:
                path.write_bytes(whole)
        return [json.loads(line) for line in whole.splitlines()]

    def add(self, name: str, line: dict[str, Any]) -> None:
        """Append a line to `<name>.jsonl`."""
        with _LINES, (self.root / f"{name}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")

    def clear(self) -> None:
        """End processes that a soak in this folder left behind when it was killed."""
        left = [each for each in psutil.process_iter() if belongs(each, self.home)]
        for process in left:
            process.kill()
        psutil.wait_procs(left, timeout=20)


def belongs(process: psutil.Process, home: Path) -> bool:
    """Whether a process is one of the deployment with this home; not where it has ended or is somebody else's."""
    try:
        return process.environ().get("DAGSTER_HOME") == str(home)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return False
