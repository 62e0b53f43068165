"""Feedback: one rating per signal and reader, the last one counts, and only of signals that are in the history."""

from datetime import UTC, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import read_transaction
from signals_pipeline.adapters.stores.feedback import FeedbackRepository
from signals_pipeline.adapters.stores.signal_history import SignalHistory
from signals_pipeline.adapters.stores.tables import feedback
from signals_pipeline.core.record.engagement import Rating
from signals_pipeline_tests.support.digest_examples import WINDOWS, component, signal, story
from signals_pipeline_tests.support.history_builders import run_with

NOW = datetime(2026, 3, 2, tzinfo=UTC)
START = WINDOWS[0].start


def rows(engine: Engine) -> list[tuple[str, datetime]]:
    with read_transaction(engine) as connection:
        query = sa.select(feedback.c.verdict, feedback.c.created_at).order_by(feedback.c.id)
        return [(row.verdict, row.created_at) for row in connection.execute(query)]


def test_the_same_rating_again_changes_nothing_and_another_replaces_it(engine: Engine) -> None:
    repository = FeedbackRepository(engine)
    key = (START, "AAA", "BUY", "reader")
    assert repository.record(*key, useful=True, at=NOW) == "recorded"
    assert repository.record(*key, useful=True, at=NOW + timedelta(days=1)) == "unchanged"
    assert rows(engine) == [("useful", NOW)]
    assert repository.record(*key, useful=False, at=NOW + timedelta(days=2)) == "changed"
    assert rows(engine) == [("not_useful", NOW + timedelta(days=2))]


def test_a_rating_that_a_queue_delivers_late_or_twice_does_not_replace_a_newer_one(engine: Engine) -> None:
    repository = FeedbackRepository(engine)
    key = (START, "AAA", "BUY", "reader")
    assert repository.record(*key, useful=False, at=NOW + timedelta(days=1)) == "recorded"
    assert repository.record(*key, useful=True, at=NOW) == "outdated"
    assert repository.record(*key, useful=False, at=NOW) == "unchanged"
    assert rows(engine) == [("not_useful", NOW + timedelta(days=1))]


def test_ratings_of_readers_and_signals_are_separate(engine: Engine) -> None:
    repository = FeedbackRepository(engine)
    for key in (("AAA", "BUY", "one"), ("AAA", "BUY", "two"), ("AAA", "SELL", "one"), ("BBB", "BUY", "one")):
        assert repository.record(START, *key, useful=True, at=NOW) == "recorded"
    assert len(rows(engine)) == 4


def test_a_rating_counts_for_the_publisher_of_the_leading_story(engine: Engine) -> None:
    parts = [story(1, 0.1, 0.4, source="Other"), story(2, 0.4, 0.1, source="Leading")]
    led = signal("AAA", parts=parts, story_id=story(2, 0, 0)["story_id"])
    bare = signal("BBB", parts=[component("rsi", 0.5)], source="technical")
    SignalHistory(engine).record_window(WINDOWS[0], [led.candidate, bare.candidate], run_with())
    repository = FeedbackRepository(engine)
    for symbol in ("AAA", "BBB", "GONE"):
        repository.record(START, symbol, "BUY", "reader", useful=symbol == "AAA", at=NOW)
    assert repository.ratings() == [Rating("AAA", "Leading", useful=True), Rating("BBB", "", useful=False)]
