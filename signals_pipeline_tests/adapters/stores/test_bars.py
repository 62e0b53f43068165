"""The bar repository on both databases: what was first seen stays, and how far back was asked is stored."""

from datetime import UTC, date, datetime, timedelta
from threading import Barrier, Thread

import pandas as pd
import pytest
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.bars import BarRepository, Span
from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.core.prices.adjustment import no_actions
from signals_pipeline.core.prices.corrections import bars_as_of, no_corrections
from signals_pipeline_tests.support.digest_examples import bars_of, weekday_sessions
from signals_pipeline_tests.support.price_builders import actions_of

SESSIONS = weekday_sessions(count=10)
BARS = bars_of(SESSIONS, {name: [(10.0 + day, 11.0 + day) for day in range(10)] for name in ("AAA", "BBB", "B.C")})
ACTIONS = actions_of(("AAA", "2024-01-04", "split", 2.0), ("AAA", "2024-01-04", "dividend", 0.5))
FIRST, LAST = date(2024, 1, 2), date(2024, 1, 15)
NOON = datetime(2024, 2, 1, 12, tzinfo=UTC)


@pytest.fixture
def repository(engine: Engine) -> BarRepository:
    return BarRepository(engine)


def put_bars(
    repository: BarRepository, bars: pd.DataFrame, actions: pd.DataFrame = ACTIONS, asked: date = FIRST
) -> int:
    return repository.put(
        bars, actions, asked=dict.fromkeys(bars["symbol"].unique(), asked), source="test", seen_at=NOON
    )


def test_bars_and_actions_are_returned_as_put_in_the_order_of_a_price_source(repository: BarRepository) -> None:
    assert put_bars(repository, BARS.sample(frac=1, random_state=1)) == 30
    columns = ["symbol", "session", "open", "high", "low", "close", "volume"]
    pd.testing.assert_frame_equal(
        repository.bars(["AAA", "BBB", "B.C"], FIRST, LAST),
        BARS[columns].sort_values(["symbol", "session"], ignore_index=True),
    )
    two_sessions = repository.bars(["BBB"], date(2024, 1, 3), date(2024, 1, 4))
    assert two_sessions["session"].dt.strftime("%Y-%m-%d").tolist() == ["2024-01-03", "2024-01-04"]
    expected = ACTIONS.sort_values(["symbol", "session", "kind"], ignore_index=True)
    pd.testing.assert_frame_equal(repository.actions(["AAA"], FIRST, LAST), expected)
    assert repository.actions(["AAA"], FIRST, date(2024, 1, 3)).empty


def test_nothing_stored_is_an_empty_frame_of_the_same_types(repository: BarRepository) -> None:
    put_bars(repository, BARS)
    for full, empty in (
        (repository.bars(["AAA"], FIRST, LAST), repository.bars(["ZZZ"], FIRST, LAST)),
        (repository.actions(["AAA"], FIRST, LAST), repository.actions(["ZZZ"], FIRST, LAST)),
    ):
        assert empty.empty
        assert empty.dtypes.to_dict() == full.dtypes.to_dict()


def test_what_was_first_seen_stays(repository: BarRepository) -> None:
    put_bars(repository, BARS.iloc[:5])
    later = BARS.assign(close=99.0)
    assert put_bars(repository, later, ACTIONS.assign(value=9.0)) == 25
    assert repository.bars(["AAA"], FIRST, LAST)["close"].tolist()[:5] == [11.0, 12.0, 13.0, 14.0, 15.0]
    assert repository.actions(["AAA"], FIRST, LAST)["value"].tolist() == [0.5, 2.0]


def test_a_correction_is_a_row_of_its_own_with_when_it_was_first_seen(repository: BarRepository) -> None:
    put_bars(repository, BARS)
    assert repository.corrections(["AAA"], FIRST, LAST).dtypes.to_dict() == no_corrections().dtypes.to_dict()
    later = [NOON + timedelta(days=days) for days in (1, 2)]
    for close, seen in zip((99.0, 98.0), later, strict=True):
        corrected = BARS.iloc[:2].assign(close=close)
        repository.put(BARS, no_actions(), corrections=corrected, asked={}, source="test", seen_at=seen)
    found = repository.corrections(["AAA"], FIRST, date(2024, 1, 2))
    assert found["close"].tolist() == [99.0, 98.0]
    assert found["first_seen_at"].tolist() == later
    assert repository.corrections(["BBB"], FIRST, LAST).empty
    assert repository.bars(["AAA"], FIRST, LAST)["close"].tolist()[:2] == [11.0, 12.0]
    known = bars_as_of(repository.bars(["AAA"], FIRST, LAST), repository.corrections(["AAA"], FIRST, LAST), later[1])
    assert known["close"].tolist()[:3] == [99.0, 99.0, 13.0]


def test_how_far_back_each_symbol_was_asked_for_only_moves_back(repository: BarRepository) -> None:
    assert repository.spans(["AAA"]) == {}
    put_bars(repository, BARS)
    put_bars(repository, BARS.iloc[:0], no_actions())
    assert repository.spans(["AAA", "ZZZ"]) == {"AAA": Span(FIRST, LAST)}
    repository.put(BARS.iloc[:0], no_actions(), asked={"AAA": date(2023, 1, 1), "NEW": FIRST}, source="t", seen_at=NOON)
    repository.put(BARS.iloc[:0], no_actions(), asked={"AAA": LAST}, source="t", seen_at=NOON)
    assert repository.spans(["AAA", "NEW"]) == {"AAA": Span(date(2023, 1, 1), LAST), "NEW": Span(FIRST, None)}


def test_a_version_changes_with_every_bar_correction_and_action(repository: BarRepository) -> None:
    put_bars(repository, BARS)
    assert repository.versions(LAST) == {"AAA": (LAST, 2), "BBB": (LAST, 0), "B.C": (LAST, 0)}
    assert repository.versions(FIRST)["BBB"] == (FIRST, 0)
    corrected = BARS[BARS["symbol"] == "BBB"].iloc[:1].assign(close=99.0)
    repository.put(BARS, no_actions(), corrections=corrected, asked={}, source="test", seen_at=NOON)
    assert repository.versions(LAST)["BBB"] == (LAST, 1)


def test_an_impossible_bar_rejects_its_whole_delivery(repository: BarRepository) -> None:
    with pytest.raises(DatabaseError):
        put_bars(repository, pd.concat([BARS, BARS.iloc[:1].assign(low=-1.0, symbol="BAD")]))
    assert repository.bars(["AAA", "BAD"], FIRST, LAST).empty
    assert repository.spans(["AAA"]) == {}


def test_two_concurrent_deliveries_store_each_bar_once(engine: Engine) -> None:
    ready = Barrier(2)
    added: list[int] = []

    def put() -> None:
        ready.wait(10)
        added.append(put_bars(BarRepository(engine), BARS))

    threads = [Thread(target=put) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(added) == [0, 30]
    assert len(BarRepository(engine).bars(["AAA", "BBB", "B.C"], FIRST, LAST)) == 30
