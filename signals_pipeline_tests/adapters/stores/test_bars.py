"""The bar store on both databases: what was first seen stays, and what was asked for is remembered."""

from datetime import UTC, date, datetime
from threading import Barrier, Thread

import pandas as pd
import pytest
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.bars import BarStore, Span
from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.core.prices.adjustment import no_actions
from signals_pipeline_tests.core.prices.test_adjustment import actions_of
from signals_pipeline_tests.support.digest_examples import bars_of, weekday_sessions

SESSIONS = weekday_sessions(count=10)
BARS = bars_of(SESSIONS, {name: [(10.0 + day, 11.0 + day) for day in range(10)] for name in ("AAA", "BBB", "B.C")})
ACTIONS = actions_of(("AAA", "2024-01-04", "split", 2.0), ("AAA", "2024-01-04", "dividend", 0.5))
FIRST, LAST = date(2024, 1, 2), date(2024, 1, 15)
NOON = datetime(2024, 2, 1, 12, tzinfo=UTC)


@pytest.fixture
def shelf(engine: Engine) -> BarStore:
    return BarStore(engine)


def keep(shelf: BarStore, bars: pd.DataFrame, actions: pd.DataFrame = ACTIONS, asked: date = FIRST) -> int:
    return shelf.put(bars, actions, asked=dict.fromkeys(bars["symbol"].unique(), asked), source="test", seen_at=NOON)


def test_what_is_put_is_what_comes_back_in_the_order_of_a_price_source(shelf: BarStore) -> None:
    assert keep(shelf, BARS.sample(frac=1, random_state=1)) == 30
    columns = ["symbol", "session", "open", "high", "low", "close", "volume"]
    pd.testing.assert_frame_equal(
        shelf.bars(["AAA", "BBB", "B.C"], FIRST, LAST),
        BARS[columns].sort_values(["symbol", "session"], ignore_index=True),
    )
    some = shelf.bars(["BBB"], date(2024, 1, 3), date(2024, 1, 4))
    assert some["session"].dt.strftime("%Y-%m-%d").tolist() == ["2024-01-03", "2024-01-04"]
    wanted = ACTIONS.sort_values(["symbol", "session", "kind"], ignore_index=True)
    pd.testing.assert_frame_equal(shelf.actions(["AAA"], FIRST, LAST), wanted)
    assert shelf.actions(["AAA"], FIRST, date(2024, 1, 3)).empty


def test_nothing_stored_is_an_empty_frame_of_the_same_types(shelf: BarStore) -> None:
    keep(shelf, BARS)
    for full, empty in (
        (shelf.bars(["AAA"], FIRST, LAST), shelf.bars(["ZZZ"], FIRST, LAST)),
        (shelf.actions(["AAA"], FIRST, LAST), shelf.actions(["ZZZ"], FIRST, LAST)),
    ):
        assert empty.empty
        assert empty.dtypes.to_dict() == full.dtypes.to_dict()


def test_what_was_first_seen_stays(shelf: BarStore) -> None:
    keep(shelf, BARS.iloc[:5])
    later = BARS.assign(close=99.0)
    assert keep(shelf, later, ACTIONS.assign(value=9.0)) == 25
    assert shelf.bars(["AAA"], FIRST, LAST)["close"].tolist()[:5] == [11.0, 12.0, 13.0, 14.0, 15.0]
    assert shelf.actions(["AAA"], FIRST, LAST)["value"].tolist() == [0.5, 2.0]


def test_it_remembers_how_far_back_it_was_asked(shelf: BarStore) -> None:
    assert shelf.spans(["AAA"]) == {}
    keep(shelf, BARS)
    keep(shelf, BARS.iloc[:0], no_actions())
    assert shelf.spans(["AAA", "ZZZ"]) == {"AAA": Span(FIRST, LAST)}
    shelf.put(BARS.iloc[:0], no_actions(), asked={"AAA": date(2023, 1, 1), "NEW": FIRST}, source="t", seen_at=NOON)
    shelf.put(BARS.iloc[:0], no_actions(), asked={"AAA": LAST}, source="t", seen_at=NOON)
    assert shelf.spans(["AAA", "NEW"]) == {"AAA": Span(date(2023, 1, 1), LAST), "NEW": Span(FIRST, None)}


def test_a_bar_that_is_none_keeps_nothing_of_its_delivery(shelf: BarStore) -> None:
    with pytest.raises(DatabaseError):
        keep(shelf, pd.concat([BARS, BARS.iloc[:1].assign(low=-1.0, symbol="BAD")]))
    assert shelf.bars(["AAA", "BAD"], FIRST, LAST).empty
    assert shelf.spans(["AAA"]) == {}


def test_two_at_once_keep_each_bar_once(engine: Engine) -> None:
    ready, kept = Barrier(2), []

    def put() -> None:
        ready.wait(10)
        kept.append(keep(BarStore(engine), BARS))

    threads = [Thread(target=put) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(kept) == [0, 30]
    assert len(BarStore(engine).bars(["AAA", "BBB", "B.C"], FIRST, LAST)) == 30
