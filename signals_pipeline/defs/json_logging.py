"""Log lines as JSON, one object a line, with the run, the windows, the mode and the stage that each belongs to.

`deploy/dagster.yaml` names `JsonLines` for Dagster's log handlers: every line of Dagster's own and of ours passes it.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from signals_pipeline.defs.partitions import MODE_TAG, PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG


class JsonLines(logging.Formatter):
    """Formats a record as one line of JSON; what isn't known of it is left out."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line, whatever its message holds."""
        said: dict[str, Any] = getattr(record, "dagster_meta", None) or {}
        tags: dict[str, str] = said.get("job_tags") or {}
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": said.get("orig_message") or record.getMessage(),
            "run_id": said.get("run_id"),
            "job": said.get("job_name"),
            "stage": said.get("step_key"),
            "window": tags.get(PARTITION_TAG) or tags.get(RANGE_END_TAG),
            "first_window": tags.get(RANGE_START_TAG),
            "mode": tags.get(MODE_TAG),
            "error": self.formatException(record.exc_info) if record.exc_info else None,
        }
        return json.dumps({name: value for name, value in line.items() if value})
