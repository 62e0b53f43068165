"""The sentiment score cache, addressed by content: no text is scored twice by the same model revision."""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import headline_score
from signals_pipeline.core.sentiment.tone import LABELS

_AT_ONCE = 20_000  # texts a look-up


class ScoreCache:
    """Logits by text hash and model revision. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def get(self, hashes: Iterable[str], model_revision: str) -> pd.DataFrame:
        """The logits that are known.

        Args:
            hashes: `text_hash` of headlines; repeats and unknown ones are welcome.
            model_revision: The model's revision, exactly as it was put.

        Returns:
            Columns negative, neutral, positive (float32, exactly as put), indexed by `text_hash`, sorted.
        """
        wanted = sorted(set(hashes))
        columns = [headline_score.c[name] for name in ("text_hash", *LABELS)]
        known = sa.select(*columns).where(headline_score.c.model_revision == model_revision)
        rows: list[Any] = []
        with read_transaction(self._engine) as connection:
            for first in range(0, len(wanted), _AT_ONCE):
                chunk = _among(wanted[first : first + _AT_ONCE], self._engine)
                rows.extend(connection.execute(known.where(chunk)).all())
        index, *logits = zip(*rows, strict=True) if rows else ((), (), (), ())
        array = np.array(logits, dtype=np.float64).T.astype(np.float32)
        named = pd.Index(index, dtype="str", name="text_hash")
        return pd.DataFrame(array, index=named, columns=list(LABELS)).sort_index()

    def put(self, logits: pd.DataFrame, model_revision: str) -> None:
        """Keep logits; those already known stay as they are, also when another process puts them at the same time.

        Args:
            logits: Columns negative, neutral, positive, indexed by `text_hash`.
            model_revision: The model's revision.

        Raises:
            ValueError: a logit is not finite; nothing is kept.
        """
        values = logits[list(LABELS)].to_numpy(dtype=np.float64)
        finite = np.isfinite(values).all(axis=1)
        if not finite.all():
            text = logits.index[int(np.argmin(finite))]
            raise ValueError(f"model {model_revision}: the logits of text {text} are not finite; check the model")
        now = datetime.now(UTC)
        named = (dict(zip(LABELS, row, strict=True)) for row in values.tolist())
        rows = [
            {"text_hash": str(text), "model_revision": model_revision, "scored_at": now, **row}
            for text, row in zip(logits.index, named, strict=True)
        ]
        if rows:
            # One order for everyone: two processes that put the same texts can't wait for each other in a circle.
            rows.sort(key=lambda row: row["text_hash"])
            insert = sqlite.insert if self._engine.dialect.name == "sqlite" else postgresql.insert
            with write_transaction(self._engine) as connection:
                connection.execute(insert(headline_score).on_conflict_do_nothing(), rows)


def _among(hashes: list[str], engine: Engine) -> sa.ColumnElement[bool]:
    """Hashes as one parameter: an IN list of thousands takes longer to write than to answer, and has a limit."""
    if engine.dialect.name == "sqlite":
        values = sa.func.json_each(json.dumps(hashes)).table_valued("value")
        return headline_score.c.text_hash.in_(sa.select(values.c.value))
    return headline_score.c.text_hash == sa.any_(sa.literal(hashes, postgresql.ARRAY(sa.Text())))
