"""Backfills of any length: what is done is left out, and long histories go as several runs through Dagster's queue."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import click
import requests

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.jobs import DIGEST_JOB
from signals_pipeline.defs.partitions import MODE_TAG, RANGE_END_TAG, RANGE_START_TAG

LONGEST = 260  # windows a run: half a year, whose frames and events one process holds easily
POLL_SECONDS = 2.0
SERVER_FAULT = 500  # HTTP: from here on the fault is the server's
ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
TELLING = ("outcomes", "digest")  # assets that look back over windows which another run may still be filling

Part = tuple[Window, ...]


class LaunchError(SignalsError, RuntimeError):
    """Dagster did not take or finish a run; the message is one line."""


def parts(windows: Sequence[Window], done: Iterable[Window], *, count: int = 1, longest: int = LONGEST) -> list[Part]:
    """The windows that are left to run, as ranges of neighbours.

    Args:
        windows: The range asked for, oldest first.
        done: Windows to leave out.
        count: Runs side by side: no range is longer than an even share of them.
        longest: Windows a range has at most.

    Returns:
        Ranges, oldest first; every window that is not done is in exactly one.
    """
    finished = set(done)
    left = [window for window in windows if window not in finished]
    size = max(1, min(longest, -(-len(left) // max(count, 1))))
    return [run[at : at + size] for run in joined((window,) for window in left) for at in range(0, len(run), size)]


def joined(ranges: Iterable[Part]) -> list[Part]:
    """Ranges, oldest first, with those that touch as one."""
    found: list[Part] = []
    for part in ranges:
        if found and found[-1][-1].end == part[0].start:
            found[-1] += part
        else:
            found.append(part)
    return found


@dataclass(frozen=True, slots=True)
class Launcher:
    """Runs launched through a Dagster webserver, so that its queue and limits hold.

    Attributes:
        url: Address of the webserver.
        say: Where progress goes.
        pause: Waits between two looks at the runs.
    """

    url: str
    say: Callable[[str], None]
    pause: Callable[[float], None] = time.sleep

    def run(self, ranges: Sequence[Part], *, parallel: int) -> None:
        """Launch a run a range, at most `parallel` unfinished at a time, then one that tells over all of them.

        Raises:
            LaunchError: Dagster can't be reached or refuses a run, or a run did not succeed.
        """
        started = time.monotonic()
        waiting, running, total = list(ranges), dict[str, Part](), sum(len(part) for part in ranges)
        done = 0
        while waiting or running:
            while waiting and len(running) < parallel:
                part = waiting.pop(0)
                running[self._launch(part, None)] = part
            self.pause(POLL_SECONDS)
            ended = [run_id for run_id in running if self._ended(run_id, running[run_id])]
            for run_id in ended:
                done += len(running.pop(run_id))
                rate = done / (time.monotonic() - started)
                self.say(
                    f"{done} of {total} windows done, {rate:.1f} a second, about {(total - done) / rate:.0f} s left"
                )
        if len(ranges) > 1:
            self._tell(joined(ranges))

    def _tell(self, ranges: Sequence[Part]) -> None:
        """Outcomes and digests again: a range looked back while the ranges before it were being filled."""
        for part in ranges:
            run_id = self._launch(part, TELLING)
            while not self._ended(run_id, part):
                self.pause(POLL_SECONDS)
        self.say("outcomes and digests rest on all windows before them")

    def _launch(self, part: Part, assets: Sequence[str] | None) -> str:
        tags = {MODE_TAG: "backfill", RANGE_START_TAG: part[0].key, RANGE_END_TAG: part[-1].key}
        selector: dict[str, Any] = {
            "repositoryName": "__repository__",
            "repositoryLocationName": "signals_pipeline",
            "pipelineName": DIGEST_JOB.name,
        }
        if assets:
            selector["assetSelection"] = [{"path": [name]} for name in assets]
        params = {
            "selector": selector,
            "mode": "default",
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }
        answer = self._ask(_LAUNCH, {"params": params})["launchRun"]
        if answer["__typename"] != "LaunchRunSuccess":
            reason = answer.get("message") or answer["__typename"]
            raise LaunchError(f"Dagster refuses windows {part[0].key} to {part[-1].key}: {reason.splitlines()[0]}")
        self.say(f"launched {part[0].key} to {part[-1].key}: {len(part)} windows, run {answer['run']['runId'][:8]}")
        return answer["run"]["runId"]

    def _ended(self, run_id: str, part: Part) -> bool:
        which, found = f"windows {part[0].key} to {part[-1].key}", self._ask(_STATUS, {"id": run_id})["runOrError"]
        if found["__typename"] != "Run":
            raise LaunchError(
                f"Dagster at {self.url} does not know the run of {which} any more ({found['__typename']}):"
                " run the backfill again"
            )
        if (status := found["status"]) in ENDED and status != "SUCCESS":
            where = f"{self.url}/runs/{run_id}"
            raise LaunchError(f"{which} ended as {status}: see {where}; run the backfill again")
        return status == "SUCCESS"

    def _ask(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        try:
            answer = requests.post(f"{self.url}/graphql", json={"query": query, "variables": variables}, timeout=60)
        except requests.RequestException as error:
            raise LaunchError(
                f"no Dagster webserver answers at {self.url} ({type(error).__name__}):"
                " start it, or leave out --parallel"
            ) from error
        return _data(self.url, answer)


def _data(url: str, answer: requests.Response) -> dict[str, Any]:
    """What GraphQL found; Dagster tells faults as JSON, too, with a status of 400 or 500."""
    found = _json(answer)
    if errors := found.get("errors"):
        raise LaunchError(f"Dagster at {url}: {errors[0]['message'].splitlines()[0]}")
    if data := found.get("data"):
        return data
    body = f" ({answer.text.strip().splitlines()[0][:200]})" if answer.text.strip() else ""
    said = f"the web server at {url} answers {answer.status_code} {answer.reason}{body}"
    if answer.status_code >= SERVER_FAULT:
        raise LaunchError(f"{said}: read its log, then run the backfill again")
    raise LaunchError(f"{said}, which is not Dagster's: name Dagster's webserver by --at")


def _json(answer: requests.Response) -> dict[str, Any]:
    """The answer's JSON object; empty where it is none."""
    try:
        found = answer.json()
    except requests.JSONDecodeError:
        return {}
    return found if isinstance(found, dict) else {}


_LAUNCH = """
mutation($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on InvalidSubsetError { message }
    ... on PresetNotFoundError { message }
  }
}
"""
_STATUS = "query($id: ID!) { runOrError(runId: $id) { __typename ... on Run { status } } }"


def show_left(windows: Sequence[Window], ranges: Sequence[Part]) -> None:
    """Say how much is left of what was asked for."""
    left = sum(len(part) for part in ranges)
    done = len(windows) - left
    remark = f"; {done} have their digest already (--force runs them again)" if done else ""
    click.echo(f"{left} windows to run{remark}")
