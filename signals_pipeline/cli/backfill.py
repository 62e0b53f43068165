"""`signals backfill`: what is left of a range of windows, and running it as several Dagster runs.

Windows that already have a digest are left out. Runs are launched through the GraphQL API of a Dagster webserver, so
that Dagster's queue and limits apply; without a webserver, `runs.execute` runs each range in this process.
"""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import click
import requests

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.redaction import redact_url
from signals_pipeline.core.windows import Window
from signals_pipeline.defs.jobs import DIGEST_JOB
from signals_pipeline.defs.partitions import RANGE_END_TAG, RANGE_START_TAG, mode_tags

MAX_WINDOWS_PER_RUN = 260  # half a year, whose frames and events one process holds easily
POLL_SECONDS = 2.0
REQUEST_TIMEOUT_SECONDS = 60.0
FIRST_SERVER_ERROR = 500  # HTTP status codes from here on are the server's fault
SHOWN_BODY = 200  # characters of an unexpected response that an error message quotes
FINISHED_STATES = {"SUCCESS", "FAILURE", "CANCELED"}
# Assets that look back over earlier windows, which another run may still be filling.
LOOKING_BACK = ("outcomes", "digest")

Part = tuple[Window, ...]


class LaunchError(SignalsError, RuntimeError):
    """Dagster rejected a run, or a run did not succeed; the message is one line."""


def parts(
    windows: Sequence[Window], done: Iterable[Window], *, count: int = 1, longest: int = MAX_WINDOWS_PER_RUN
) -> list[Part]:
    """Split the windows that are left into ranges of consecutive windows.

    Args:
        windows: All windows of the backfill, oldest first.
        done: Windows to leave out.
        count: Concurrent runs: no range is longer than an even share of the windows that are left.
        longest: Maximum windows per range.

    Returns:
        Ranges, oldest first; every window that is left is in exactly one.
    """
    finished = set(done)
    left = [window for window in windows if window not in finished]
    even_share = math.ceil(len(left) / max(count, 1))
    size = max(1, min(longest, even_share))

    ranges: list[Part] = []
    for consecutive in joined((window,) for window in left):
        ranges.extend(consecutive[start : start + size] for start in range(0, len(consecutive), size))
    return ranges


def joined(ranges: Iterable[Part]) -> list[Part]:
    """Join ranges, given oldest first, that touch each other."""
    result: list[Part] = []
    for part in ranges:
        if result and result[-1][-1].end == part[0].start:
            result[-1] += part
        else:
            result.append(part)
    return result


def show_left(windows: Sequence[Window], ranges: Sequence[Part]) -> None:
    """Print how many windows are left to run."""
    left = sum(len(part) for part in ranges)
    done = len(windows) - left
    remark = f"; {done} already have a digest (--force runs them again)" if done else ""
    click.echo(f"windows to run: {left}{remark}")


@dataclass(frozen=True, slots=True)
class Launcher:
    """Launches runs through a Dagster webserver.

    Attributes:
        url: URL of the webserver.
        report: Receives progress lines.
        pause: Waits so many seconds between two polls.
    """

    url: str
    report: Callable[[str], None]
    pause: Callable[[float], None] = time.sleep

    def run(self, ranges: Sequence[Part], *, parallel: int) -> None:
        """Launch one run per range, then repeat the assets that look back over all ranges.

        Args:
            ranges: Oldest first.
            parallel: Maximum unfinished runs at a time.

        Raises:
            LaunchError: Dagster can't be reached or rejects a run, or a run did not succeed.
        """
        started = time.monotonic()
        total = sum(len(part) for part in ranges)
        done = 0
        waiting = list(ranges)
        running: dict[str, Part] = {}
        while waiting or running:
            while waiting and len(running) < parallel:
                part = waiting.pop(0)
                running[self._launch(part, None)] = part
            self.pause(POLL_SECONDS)

            finished = [run_id for run_id, part in running.items() if self._has_finished(run_id, part)]
            for run_id in finished:
                done += len(running.pop(run_id))
                rate = done / (time.monotonic() - started)
                seconds_left = (total - done) / rate
                self.report(
                    f"{done} of {total} windows done, {rate:.1f} per second, about {seconds_left:.0f} s remaining"
                )
        if len(ranges) > 1:
            self._repeat_looking_back(joined(ranges))

    def _repeat_looking_back(self, ranges: Sequence[Part]) -> None:
        """Outcomes and digests again: a range looked back while earlier ranges were still being filled."""
        for part in ranges:
            run_id = self._launch(part, LOOKING_BACK)
            while not self._has_finished(run_id, part):
                self.pause(POLL_SECONDS)
        self.report("outcomes and digests now include all earlier windows")

    def _launch(self, part: Part, assets: Sequence[str] | None) -> str:
        """Launch a run of the job, or of some of its assets, over a range; the run's id."""
        selector: dict[str, Any] = {
            "repositoryName": "__repository__",
            "repositoryLocationName": "signals_pipeline",
            "pipelineName": DIGEST_JOB.name,
        }
        if assets:
            selector["assetSelection"] = [{"path": [name]} for name in assets]
        tags = {
            **mode_tags("backfill"),
            RANGE_START_TAG: part[0].key,
            RANGE_END_TAG: part[-1].key,
        }
        params = {
            "selector": selector,
            "mode": "default",
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in tags.items()]},
        }

        result = self._query(_LAUNCH, {"params": params})["launchRun"]

        if result["__typename"] != "LaunchRunSuccess":
            reason = result.get("message") or result["__typename"]
            raise LaunchError(f"Dagster rejects {_named(part)}: {reason.splitlines()[0]}")
        run_id = result["run"]["runId"]
        self.report(f"launched {part[0].key} to {part[-1].key}, windows: {len(part)}, run {run_id[:8]}")
        return run_id

    def _has_finished(self, run_id: str, part: Part) -> bool:
        """Whether a run has succeeded; False while it goes on.

        Raises:
            LaunchError: it failed, was canceled or does not exist.
        """
        run = self._query(_STATUS, {"id": run_id})["runOrError"]
        if run["__typename"] != "Run":
            raise LaunchError(
                f"Dagster at {redact_url(self.url)} no longer knows the run of {_named(part)} ({run['__typename']}):"
                " run the backfill again"
            )
        status = run["status"]
        if status in FINISHED_STATES and status != "SUCCESS":
            raise LaunchError(
                f"{_named(part)} ended as {status}: see {redact_url(self.url)}/runs/{run_id}; run the backfill again"
            )
        return status == "SUCCESS"

    def _query(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Send a GraphQL query; the data of the response.

        Raises:
            LaunchError: there is no webserver, or it is not Dagster's, or it reports an error.
        """
        body = {"query": query, "variables": variables}
        try:
            response = requests.post(f"{self.url}/graphql", json=body, timeout=REQUEST_TIMEOUT_SECONDS)
        except requests.RequestException as error:
            raise LaunchError(
                f"no Dagster webserver answers at {redact_url(self.url)} ({type(error).__name__}):"
                " start it, or run without --parallel"
            ) from error
        return _data(redact_url(self.url), response)


def _named(part: Part) -> str:
    """A range as messages name it."""
    return f"windows {part[0].key} to {part[-1].key}"


def _data(url: str, response: requests.Response) -> dict[str, Any]:
    """The data of a GraphQL response of the server at this address, which messages show.

    Dagster reports errors as JSON, too, with status 400 or 500.
    """
    content = _json(response)
    if errors := content.get("errors"):
        raise LaunchError(f"Dagster at {url}: {errors[0]['message'].splitlines()[0]}")
    if data := content.get("data"):
        return data

    # Not GraphQL: another server, or a proxy in front of Dagster.
    text = response.text.strip()
    quoted = f" ({text.splitlines()[0][:SHOWN_BODY]})" if text else ""
    problem = f"the web server at {url} responds {response.status_code} {response.reason}{quoted}"
    if response.status_code >= FIRST_SERVER_ERROR:
        raise LaunchError(f"{problem}: see its log, then run the backfill again")
    raise LaunchError(f"{problem} and is not Dagster: pass the address of Dagster's webserver with --at")


def _json(response: requests.Response) -> dict[str, Any]:
    """The JSON object of a response; empty if it is something else."""
    try:
        content = response.json()
    except requests.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}


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
