"""Log lines as JSON, one object per line, with the run, windows, mode and stage they belong to.

`deploy/dagster.yaml` names `JsonLines` as the formatter of Dagster's log handlers, for its own lines and ours.
"""

import json
import logging
from datetime import UTC, datetime
from typing import Any

from signals_pipeline.core.redaction import redact_urls_in
from signals_pipeline.defs.partitions import MODE_TAG, PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG


class JsonLines(logging.Formatter):
    """Formats a log record as one line of JSON; fields without a value are left out.

    URLs in messages and tracebacks are redacted: those of other libraries may hold a key.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line, even if its message has several."""
        meta: dict[str, Any] = getattr(record, "dagster_meta", None) or {}  # set by Dagster's log managers
        tags: dict[str, str] = meta.get("job_tags") or {}
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": redact_urls_in(meta.get("orig_message") or record.getMessage()),
            "run_id": meta.get("run_id"),
            "job": meta.get("job_name"),
            "stage": meta.get("step_key"),
            "window": tags.get(PARTITION_TAG) or tags.get(RANGE_END_TAG),
            "first_window": tags.get(RANGE_START_TAG),
            "mode": tags.get(MODE_TAG),
            "error": redact_urls_in(self.formatException(record.exc_info)) if record.exc_info else None,
        }
        return json.dumps({name: value for name, value in line.items() if value})
