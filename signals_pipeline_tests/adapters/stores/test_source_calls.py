"""The budget of calls: never more than all limits allow, in however many processes."""

from datetime import UTC, datetime, timedelta
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Barrier
from uuid import UUID

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.source_calls import SourceCallLedger
from signals_pipeline.core.news.quotas import Limit
from signals_pipeline_tests.support.databases import PROCESSES

NOW = datetime(2026, 3, 4, 11, 30, tzinfo=UTC)
DAY, HALF = Limit(100), Limit(50, 12)


def test_a_day_and_its_halves_have_separate_budgets(engine: Engine) -> None:
    calls = SourceCallLedger(engine)
    assert calls.reserve("v", [DAY, HALF], NOW, 60) == 50
    assert calls.reserve("v", [DAY, HALF], NOW) == 0
    afternoon = NOW + timedelta(hours=1)
    assert calls.reserve("v", [DAY, HALF], afternoon, 60) == 50
    assert calls.spent("v", DAY, afternoon) == 100
    assert calls.spent("v", HALF, NOW) == 50
    assert calls.spent("v", HALF, afternoon) == 50
    assert calls.reserve("w", [DAY], NOW, 3) == 3
    assert calls.reserve("v", [DAY, HALF], NOW + timedelta(days=1)) == 1


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(1, 40), max_size=12), st.uuids())
def test_calls_are_granted_until_none_is_left(engine: Engine, wanted: list[int], vendor: UUID) -> None:
    calls = SourceCallLedger(engine)
    left = DAY.calls - calls.spent(str(vendor), DAY, NOW)
    for count in wanted:
        granted = calls.reserve(str(vendor), [DAY], NOW, count)
        assert granted == min(count, left)
        left -= granted
    assert calls.spent(str(vendor), DAY, NOW) == DAY.calls - left


def test_the_forecast_is_of_the_tightest_limit(engine: Engine) -> None:
    calls = SourceCallLedger(engine)
    calls.reserve("newsapi", [DAY, HALF], NOW, 40)
    forecast = calls.forecast("newsapi", [DAY, HALF], NOW, "NewsAPI")
    assert forecast.text == "NewsAPI: 10 left"
    calls.reserve("newsapi", [DAY, HALF], NOW, 9)
    assert calls.forecast("newsapi", [DAY, HALF], NOW - timedelta(hours=6)).text == "newsapi: 1 left, runs out 00:36 ET"


def reserve_all(url: str, start: Barrier, results: "Queue[int]") -> None:
    engine = engine_for(url)
    calls = SourceCallLedger(engine)
    start.wait(30)
    results.put(sum(calls.reserve("v", [DAY, HALF], NOW) for _ in range(26)))
    engine.dispose()


def test_two_processes_share_one_budget(database_url: str) -> None:
    start, results = PROCESSES.Barrier(2), PROCESSES.Queue()
    workers = [PROCESSES.Process(target=reserve_all, args=(database_url, start, results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    granted = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(30)
    assert sum(granted) == HALF.calls
