"""Ratings by source and symbol: every one is counted once, with its interval."""

from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.intervals import wilson_interval
from signals_pipeline.core.record.engagement import NO_SOURCE, Rating, by_source, by_symbol

RATINGS = st.lists(
    st.builds(Rating, st.sampled_from(["AAA", "BBB"]), st.sampled_from(["", "Wire", "Post"]), st.booleans())
)


def test_groups_by_hand() -> None:
    ratings = [Rating("AAA", "Wire", useful=True), Rating("AAA", "", useful=False), Rating("BBB", "Wire", useful=True)]
    wire, none = by_source(ratings)
    assert (wire.name, wire.n, wire.useful, wire.share) == ("Wire", 2, 2, 1.0)
    assert (none.name, none.n, none.useful) == (NO_SOURCE, 1, 0)
    assert wire.text == "2 of 2 (100%, 95% interval 34 to 100%)"
    assert [line.name for line in by_symbol(ratings)] == ["AAA", "BBB"]
    assert by_source([]) == ()


@given(RATINGS)
def test_every_rating_is_counted_once_and_the_largest_group_comes_first(ratings: list[Rating]) -> None:
    for lines in (by_source(ratings), by_symbol(ratings)):
        assert sum(line.n for line in lines) == len(ratings)
        assert sum(line.useful for line in lines) == sum(each.useful for each in ratings)
        assert [line.n for line in lines] == sorted((line.n for line in lines), reverse=True)
        assert all((line.low, line.high) == wilson_interval(line.useful, line.n) for line in lines)
        assert all(line.low - 1e-12 <= line.share <= line.high + 1e-12 for line in lines)
