"""What the Dagster UI asks of its web server."""

from dataclasses import dataclass
from typing import Any

import requests

from signals_pipeline.core.windows import Window
from signals_pipeline.defs.partitions import MODE_TAG, RANGE_END_TAG, RANGE_START_TAG

ENDED = {"SUCCESS", "FAILURE", "CANCELED"}
REPOSITORY = {"repositoryName": "__repository__", "repositoryLocationName": "signals_pipeline"}


@dataclass(frozen=True)
class Event:
    """One event of a run: its type (STEP_START, ...), step, text and second (Unix)."""

    kind: str
    step: str
    text: str
    at: float


@dataclass(frozen=True)
class Webserver:
    """Dagster's GraphQL at an address."""

    address: str

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """Data of one query or mutation."""
        body = {"query": query, "variables": variables}
        answer = requests.post(f"{self.address}/graphql", json=body, timeout=60).json()
        assert "errors" not in answer, answer["errors"]
        return answer["data"]

    def ready(self) -> bool:
        """Whether it answers and has loaded the code location."""
        try:
            found = self.ask("{ repositoriesOrError { ... on RepositoryConnection { nodes { name } } } }")
        except requests.RequestException:
            return False
        return bool(found["repositoriesOrError"].get("nodes"))

    def launch(self, first: Window, last: Window, tags: dict[str, str] | None = None) -> str:
        """Launch `digest_job` over a range, as a backfill unless `tags` say otherwise; the run's id."""
        ranged = {MODE_TAG: "backfill", RANGE_START_TAG: first.key, RANGE_END_TAG: last.key, **(tags or {})}
        params = {
            "selector": {**REPOSITORY, "pipelineName": "digest_job"},
            "mode": "default",
            "runConfigData": {},
            "executionMetadata": {"tags": [{"key": key, "value": value} for key, value in ranged.items()]},
        }
        answer = self.ask(_LAUNCH, params=params)["launchRun"]
        assert answer["__typename"] == "LaunchRunSuccess", answer
        return answer["run"]["runId"]

    def backfill(self, keys: list[str]) -> str:
        """Launch a backfill of the whole job over these windows; its id."""
        chosen = {"partitionSetName": "digest_job_partition_set", "repositorySelector": REPOSITORY}
        answer = self.ask(_BACKFILL, params={"selector": chosen, "partitionNames": keys})["launchPartitionBackfill"]
        assert "backfillId" in answer, answer
        return answer["backfillId"]

    def take_up(self, run_id: str) -> str:
        """Run what a failed run left undone; the new run's id."""
        params = {"parentRunId": run_id, "strategy": "FROM_FAILURE"}
        answer = self.ask(_TAKE_UP, params=params)["launchRunReexecution"]
        assert "run" in answer, answer
        return answer["run"]["runId"]

    def limit(self, pool: str, most: int) -> None:
        """Let so many steps into a pool at a time."""
        assert self.ask(_LIMIT, pool=pool, most=most)["setConcurrencyLimit"]

    def switch_on(self, schedule: str) -> None:
        """Start a schedule, as the UI's switch does."""
        selector = {**REPOSITORY, "scheduleName": schedule}
        answer = self.ask(_SWITCH_ON, selector=selector)["startSchedule"]
        assert answer["scheduleState"]["status"] == "RUNNING", answer

    def run(self, run_id: str) -> dict[str, Any]:
        """Status, tags and times of a run."""
        return _plain(self.ask(_RUN, id=run_id)["runOrError"])

    def runs(self, **tags: str) -> list[dict[str, Any]]:
        """All runs with these tags (`mode` and the like), the newest first."""
        wanted = [{"key": key, "value": value} for key, value in tags.items()]
        return [_plain(run) for run in self.ask(_RUNS, tags=wanted)["runsOrError"]["results"]]

    def events(self, run_id: str) -> list[Event]:
        """A run's whole log, oldest first."""
        found = self.ask(_EVENTS, id=run_id)["logsForRun"]["events"]
        return [
            Event(each.get("eventType") or "", each["stepKey"] or "", each["message"], float(each["timestamp"]) / 1_000)
            for each in found
        ]


def _plain(run: dict[str, Any]) -> dict[str, Any]:
    return run | {"tags": {tag["key"]: tag["value"] for tag in run["tags"]}}


_LAUNCH = (
    "mutation($params: ExecutionParams!) { launchRun(executionParams: $params) {"
    " __typename ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"
)
_BACKFILL = (
    "mutation($params: LaunchBackfillParams!) { launchPartitionBackfill(backfillParams: $params) {"
    " ... on LaunchBackfillSuccess { backfillId } ... on PythonError { message } } }"
)
_TAKE_UP = (
    "mutation($params: ReexecutionParams!) { launchRunReexecution(reexecutionParams: $params) {"
    " ... on LaunchRunSuccess { run { runId } } ... on PythonError { message } } }"
)
_SWITCH_ON = (
    "mutation($selector: ScheduleSelector!) { startSchedule(scheduleSelector: $selector) {"
    " ... on ScheduleStateResult { scheduleState { status } } ... on PythonError { message } } }"
)
_LIMIT = "mutation($pool: String!, $most: Int!) { setConcurrencyLimit(concurrencyKey: $pool, limit: $most) }"
_PARTS = "runId status startTime endTime parentRunId stepKeysToExecute tags { key value }"
_RUN = f"query($id: ID!) {{ runOrError(runId: $id) {{ ... on Run {{ {_PARTS} }} }} }}"
_RUNS = (
    "query($tags: [ExecutionTag!]) { runsOrError(filter: {tags: $tags}) { ... on Runs {"
    f" results {{ {_PARTS} }} }} }} }}"
)
_EVENTS = (
    "query($id: ID!) { logsForRun(runId: $id) { ... on EventConnection { events {"
    " ... on MessageEvent { message timestamp stepKey eventType } } } } }"
)
