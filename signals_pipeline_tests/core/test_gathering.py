"""However the work on a range is shared out, its evidence is the same."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import hypothesis.strategies as st
import pandas as pd
from hypothesis import given, settings

from signals_pipeline.core.clauses import REASONS
from signals_pipeline.core.feeds import RawHeadline
from signals_pipeline.core.gathering import gather
from signals_pipeline.core.normalising import normalise
from signals_pipeline.core.spread import HERE, Spread
from signals_pipeline_tests.core.deliveries import MODES, START, WATCHLIST, WINDOWS, deliveries, raw

Given_ = TypeVar("Given_")
Made = TypeVar("Made")


@dataclass(frozen=True)
class Shares:
    """So many shares, worked on here, the last one first."""

    count: int

    def shares(self, items: Sequence[Given_], /) -> Sequence[Sequence[Given_]]:
        ends = [len(items) * at // self.count for at in range(self.count + 1)]
        return [items[first:end] for first, end in pairwise(ends)]

    def each(self, work: Callable[[Given_], Made], given: Sequence[Given_], /) -> list[Made]:
        return [work(one) for one in reversed(given)][::-1]


def evidence(
    items: Sequence[RawHeadline], mode: tuple[float, bool], spread: Spread
) -> tuple[pd.DataFrame, dict[str, int]]:
    normalised = normalise(items, spread)
    return gather(normalised.items, WATCHLIST, WINDOWS, lookback_hours=mode[0], strict=mode[1], spread=spread)


@settings(max_examples=10, deadline=None)
@given(deliveries(), MODES, st.integers(2, 4))
def test_shares_leave_no_trace(items: list[RawHeadline], mode: tuple[float, bool], count: int) -> None:
    alone, shared = normalise(items), normalise(items, Shares(count))
    pd.testing.assert_frame_equal(shared.items, alone.items)
    assert (shared.drops, shared.judged) == (alone.drops, alone.judged)
    whole, parts = evidence(items, mode, HERE), evidence(items, mode, Shares(count))
    pd.testing.assert_frame_equal(parts[0], whole[0])
    assert parts[1] == whole[1]


def test_every_reason_for_no_tone_is_counted_over_all_shares() -> None:
    title = "Microsoft beats Walmart in groceries"
    items = [raw(title, START + pd.Timedelta(days=day, hours=15)) for day in range(1, 8)]
    frame, without_tone = evidence(items, (6.0, False), Shares(3))
    assert set(without_tone) == set(REASONS)
    assert sum(without_tone.values()) == int(((frame["relevance"] > 0) & (frame["text"] == "")).sum()) > 0
