"""Rounds of live news at once, and hostile text: no row twice, no window changed."""

from collections.abc import Sequence
from datetime import timedelta
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.headline_archive import HeadlineArchive
from signals_pipeline_tests.support.databases import PROCESSES
from signals_pipeline_tests.support.live_pipeline import DAY, HOUR, NIGHT, SECONDS, LivePipeline, titles
from signals_pipeline_tests.support.scripted_feeds import Tape, on_time


def test_two_rounds_at_once_leave_no_row_twice_and_change_no_window(engine: Engine) -> None:
    aired = [on_time(DAY.start + HOUR, "a"), on_time(DAY.end + timedelta(seconds=4), "b")]
    first, second = LivePipeline(engine, Tape("one", aired[:1])), LivePipeline(engine, Tape("one", aired))
    extent = HeadlineArchive(engine).extent()
    told = first.run(DAY)
    # The other process began before the first one was done, and knows nothing of its round.
    second.now = DAY.end + 2 * SECONDS
    second.news._collect(DAY.end - 72 * HOUR, DAY.end, extent)  # noqa: SLF001
    assert first.run(DAY).headlines == told.headlines
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM headline_item")) == 2
    assert titles(first.run(NIGHT), NIGHT) == ["b"]


def test_the_archives_titles_are_in_the_order_in_which_they_were_known(engine: Engine) -> None:
    aired = [on_time(DAY.start + 2 * HOUR, "later"), on_time(DAY.start + HOUR, "earlier")]
    LivePipeline(engine, Tape("one", aired)).run(DAY)
    assert HeadlineArchive(engine).titles() == ["earlier", "later"]


def collect(url: str, start: Barrier, results: "Queue[list[str | None]]") -> None:
    engine = engine_for(url)
    aired = [on_time(DAY.start + timedelta(minutes=at), f"item {at}") for at in range(200)]
    pipeline = LivePipeline(engine, Tape("one", aired), Tape("two", aired[:50]))
    start.wait(30)
    results.put(titles(pipeline.run(DAY), DAY))
    engine.dispose()


def test_two_processes_that_collect_at_once_read_the_same(database_url: str, engine: Engine) -> None:
    start, results = PROCESSES.Barrier(2), PROCESSES.Queue()
    workers = [PROCESSES.Process(target=collect, args=(database_url, start, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    first, second = (results.get(timeout=60) for _ in workers)
    for worker in workers:
        worker.join(30)
    assert first == second
    assert len(first) == len(set(first)) == 200
    with engine.connect() as connection:
        assert connection.scalar(sa.text("SELECT count(*) FROM headline_item")) == 200


def test_hostile_text_is_kept_and_harms_nothing(engine: Engine) -> None:
    hostile: Sequence[str] = ("nul \0 here", "lone \ud800 surrogate", "<script>alert(1)</script>", "x" * 1_000_000)
    pipeline = LivePipeline(
        engine,
        Tape(
            "one", [on_time(DAY.start + HOUR, text, url=f"https://n.example/{at}") for at, text in enumerate(hostile)]
        ),
    )
    assert len(pipeline.run(DAY).headlines) == 4
    assert len(pipeline.run(NIGHT).headlines) == 4
