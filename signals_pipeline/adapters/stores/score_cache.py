"""The sentiment score cache, addressed by content: no text is scored twice by the same model revision."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import headline_score
from signals_pipeline.adapters.stores.upsert import insert_or_ignore
from signals_pipeline.core.sentiment.tone import LABELS

_CHUNK_SIZE = 20_000  # hashes per query: about 1.3 MB of text in one parameter


class ScoreCache:
    """Logits and event types by text hash and model revision; `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, hashes: Iterable[str], model_revision: str) -> pd.DataFrame:
        """The scores that are in the cache.

        Args:
            hashes: `text_hash` of headlines; repeats and unknown ones are allowed.
            model_revision: The model's revision, exactly as it was put.

        Returns:
            Columns negative, neutral, positive (float32, exactly as put) and event (text, empty where the model has no
            event head), indexed by `text_hash`, sorted.
        """
        wanted = sorted(set(hashes))
        columns = [headline_score.c[name] for name in ("text_hash", *LABELS, "event")]
        of_revision = sa.select(*columns).where(headline_score.c.model_revision == model_revision)
        rows: list[sa.Row[Any]] = []
        with read_transaction(self._engine) as connection:
            for start in range(0, len(wanted), _CHUNK_SIZE):
                chunk = wanted[start : start + _CHUNK_SIZE]
                rows.extend(connection.execute(of_revision.where(_hash_is_in(chunk, self._engine))).all())
        index = pd.Index([row[0] for row in rows], dtype="str", name="text_hash")
        # The database has double precision, in which every float32 is exact.
        logits = np.array([row[1:-1] for row in rows], dtype=np.float32).reshape(len(rows), len(LABELS))
        scores = pd.DataFrame(logits, index=index, columns=list(LABELS))
        scores["event"] = pd.Series([row[-1] or "" for row in rows], index=index, dtype="str")
        return scores.sort_index()

    def put(self, scores: pd.DataFrame, model_revision: str) -> None:
        """Store scores; those already there stay as they are, also when another process puts them at the same time.

        Args:
            scores: Columns negative, neutral, positive and event, indexed by `text_hash`.
            model_revision: The model's revision.

        Raises:
            ValueError: a logit is not finite; nothing is stored.
        """
        values = scores[list(LABELS)].to_numpy(dtype=np.float64)
        is_finite = np.isfinite(values).all(axis=1)
        if not is_finite.all():
            text_hash = scores.index[int(np.argmin(is_finite))]
            raise ValueError(f"model {model_revision}: the logits of text {text_hash} are not finite; check the model")
        now = datetime.now(UTC)
        rows: list[dict[str, Any]] = []
        for text_hash, logits, event in zip(scores.index, values.tolist(), scores["event"].tolist(), strict=True):
            row = {"text_hash": str(text_hash), "model_revision": model_revision, "scored_at": now}
            rows.append(row | dict(zip(LABELS, logits, strict=True)) | {"event": event or None})
        if not rows:
            return
        # One order for everyone: two processes that put the same texts can't deadlock.
        rows.sort(key=lambda row: row["text_hash"])
        with write_transaction(self._engine) as connection:
            connection.execute(insert_or_ignore(connection, headline_score), rows)


def _hash_is_in(hashes: list[str], engine: Engine) -> sa.ColumnElement[bool]:
    """Whether the text hash is one of these, which go as one parameter.

    An IN list of thousands of parameters takes longer to compile than the query takes to run, and both databases limit
    its length.
    """
    if engine.dialect.name == "sqlite":
        values = sa.func.json_each(json.dumps(hashes)).table_valued("value")
        return headline_score.c.text_hash.in_(sa.select(values.c.value))
    return headline_score.c.text_hash == sa.any_(sa.literal(hashes, postgresql.ARRAY(sa.Text())))
