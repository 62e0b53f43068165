"""The log of the production instance: one JSON object a line, by which a run and its windows can be searched for."""

import json
import logging
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from signals_pipeline.defs.json_logging import JsonLines
from signals_pipeline.defs.partitions import DIGEST_WINDOWS, MODE_TAG, PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG

DEPLOYED = Path(__file__).parents[2] / "deploy" / "dagster.yaml"
KEYS = ("2015-02-02-08:30", "2015-02-02-17:30")


@dg.asset(partitions_def=DIGEST_WINDOWS, backfill_policy=dg.BackfillPolicy.single_run())
def talkative(context: dg.AssetExecutionContext) -> None:
    """Says something by each of the two ways."""
    context.log.info("by the context: %s", "a line\nbreak")
    logging.getLogger("signals_pipeline.somewhere").info("by a logger of the package")


def lines(caught: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in caught.splitlines() if line.startswith("{")]


def test_every_line_tells_its_run_its_windows_and_its_stage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    logs = yaml.safe_load(DEPLOYED.read_text())["python_logs"]
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump({"python_logs": logs}))
    tags = {MODE_TAG: "backfill", RANGE_START_TAG: KEYS[0], RANGE_END_TAG: KEYS[1]}
    with dg.DagsterInstance.from_config(str(tmp_path)) as instance:
        run = dg.materialize([talkative], instance=instance, tags=tags)
    said = {line["message"]: line for line in lines(capsys.readouterr().err)}
    for text in ("by the context: a line\nbreak", "by a logger of the package"):
        line = said[text]
        assert (line["run_id"], line["stage"], line["mode"]) == (run.run_id, "talkative", "backfill")
        assert (line["first_window"], line["window"]) == KEYS
        assert line["level"] == "INFO"


def test_a_line_outside_a_run_and_an_error_are_told_too() -> None:
    caught = (ValueError, ValueError("what was wrong"), None)
    record = logging.LogRecord("web", logging.ERROR, __file__, 1, "failed: %s", ("why",), caught)
    line = json.loads(JsonLines().format(record))
    assert (line["message"], line["logger"], line["level"]) == ("failed: why", "web", "ERROR")
    assert "what was wrong" in line["error"]
    assert "run_id" not in line


def test_the_window_of_a_run_over_one_is_its_partition() -> None:
    record = logging.LogRecord("dagster", logging.INFO, __file__, 1, "x", (), None)
    record.dagster_meta = {"job_tags": {PARTITION_TAG: KEYS[0]}, "run_id": "r", "orig_message": "y"}
    assert json.loads(JsonLines().format(record))["window"] == KEYS[0]


def test_urls_of_other_libraries_are_redacted_in_messages_and_tracebacks() -> None:
    url = "https://desk:planted@feeds.example.org/rss?key=planted"
    record = logging.LogRecord("x", logging.ERROR, __file__, 1, "can't load %s", (url,), (OSError, OSError(url), None))
    line = json.loads(JsonLines().format(record))
    assert line["message"] == "can't load https://***@feeds.example.org/rss?***"
    assert "planted" not in line["error"]
