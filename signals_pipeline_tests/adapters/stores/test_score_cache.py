"""The score cache returns exactly what was put, one score per text and model revision."""

import hashlib
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import DatabaseError, engine_for, write_transaction
from signals_pipeline.adapters.stores.score_cache import ScoreCache
from signals_pipeline.adapters.stores.tables import headline_score
from signals_pipeline.core.sentiment.tone import LABELS
from signals_pipeline_tests.support.databases import PROCESSES

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)


def frame(values: dict[str, list[float]], event: str = "") -> pd.DataFrame:
    index = pd.Index(list(values), dtype="str", name="text_hash")
    array = np.array(list(values.values()), dtype=np.float32).reshape(len(values), 3)
    scores = pd.DataFrame(array, index=index, columns=list(LABELS))
    scores["event"] = pd.Series([event] * len(values), index=index, dtype="str")
    return scores


def digests(count: int) -> list[str]:
    return [hashlib.sha256(str(number).encode()).hexdigest() for number in range(count)]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(values=st.dictionaries(st.text("abcdef", min_size=1), st.lists(FLOATS, min_size=3, max_size=3)))
def test_logits_are_returned_to_the_last_bit(engine: Engine, values: dict[str, list[float]]) -> None:
    with write_transaction(engine) as connection:
        connection.execute(sa.delete(headline_score))
    cache = ScoreCache(engine)
    cache.put(frame(values), "m")
    pd.testing.assert_frame_equal(
        cache.get([*values, *values, "zz"], "m"), frame(values).sort_index(), check_exact=True
    )
    assert cache.get(values, "another revision").empty


def test_without_a_hit_the_frame_is_empty_and_has_the_same_columns(engine: Engine) -> None:
    pd.testing.assert_frame_equal(ScoreCache(engine).get([], "m"), frame({}))
    pd.testing.assert_frame_equal(ScoreCache(engine).get(["a"], "m"), frame({}))


def test_a_cached_score_stays(engine: Engine) -> None:
    cache = ScoreCache(engine)
    cache.put(frame({"a": [1, 2, 3]}), "m")
    cache.put(frame({"a": [7, 7, 7], "b": [4, 5, 6]}), "m")
    cache.put(frame({"a": [9, 9, 9]}), "n")
    assert cache.get(["a", "b"], "m")[list(LABELS)].to_numpy().tolist() == [[1, 2, 3], [4, 5, 6]]
    assert cache.get(["a"], "n")[list(LABELS)].to_numpy().tolist() == [[9, 9, 9]]


def test_an_event_is_returned_as_put_and_a_missing_one_as_no_text(engine: Engine) -> None:
    cache = ScoreCache(engine)
    cache.put(frame({"a": [1, 2, 3]}, "guidance"), "compact")
    cache.put(frame({"a": [1, 2, 3]}), "finbert")
    assert cache.get(["a"], "compact")["event"].tolist() == ["guidance"]
    assert cache.get(["a"], "finbert")["event"].tolist() == [""]
    with engine.connect() as connection:
        stored = connection.execute(sa.select(headline_score.c.event).order_by(headline_score.c.event)).scalars().all()
    assert set(stored) == {"guidance", None}


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_logits_that_are_not_finite_are_refused_whole(engine: Engine, bad: float) -> None:
    cache = ScoreCache(engine)
    with pytest.raises(ValueError, match="model m: the logits of text b are not finite"):
        cache.put(frame({"a": [1, 2, 3], "b": [0, bad, 0]}), "m")
    assert cache.get(["a", "b"], "m").empty


def test_more_texts_than_one_statement_can_have_parameters(engine: Engine) -> None:
    hashes, cache = digests(25_000), ScoreCache(engine)
    cache.put(frame({each: [0.1, 0.2, 0.3] for each in hashes[:15_000]}), "m")
    assert cache.get(hashes, "m").index.tolist() == sorted(hashes[:15_000])


def put_shuffled(url: str, seed: int, start: Barrier, failures: "Queue[str | None]") -> None:
    engine = engine_for(url)
    hashes = digests(2_000)
    np.random.default_rng(seed).shuffle(hashes)
    values = frame({each: [len(each), 0.5, -1.0] for each in hashes})
    start.wait()
    try:
        for first in range(0, len(values), 200):
            ScoreCache(engine).put(values.iloc[first : first + 200], "m")
        failures.put(None)
    except DatabaseError as error:
        failures.put(str(error))


def test_two_processes_may_put_the_same_texts_at_once(engine: Engine, database_url: str) -> None:
    start, failures = PROCESSES.Barrier(2), PROCESSES.Queue()
    workers = [PROCESSES.Process(target=put_shuffled, args=(database_url, seed, start, failures)) for seed in (1, 2)]
    for worker in workers:
        worker.start()
    assert [failures.get(timeout=60) for _ in workers] == [None, None]
    for worker in workers:
        worker.join()
    assert len(ScoreCache(engine).get(digests(2_000), "m")) == 2_000
