"""An item counts as it was first delivered, however often and from wherever it is delivered again."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.news.deliveries import first_deliveries
from signals_pipeline.core.news.normalisation import RawHeadline

AT = datetime(2026, 3, 4, 15, tzinfo=UTC)
DAY = timedelta(days=1)
ITEM = RawHeadline(AT, "Acme wins", "https://n.example/1", "Wire", "a", None, ("ACME",), AT + timedelta(hours=1))


def delivered_later(item: RawHeadline, days: int, **changes: object) -> RawHeadline:
    assert item.first_seen_at is not None
    return replace(item, **{"first_seen_at": item.first_seen_at + days * DAY, **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"title": "ACME <b>wins</b>"},
        {"url": "https://n.example/1?utm_source=x"},
        {"url": "https://other.example/2"},
        {"url": None},
        {"source": "Another"},
        {"published_at": AT + 5 * DAY},
        {"feed": "b", "summary": "A lead."},
        {"tags": ()},
    ],
)
def test_an_item_delivered_again_is_left_out(changes: dict[str, object]) -> None:
    assert first_deliveries([ITEM, delivered_later(ITEM, 20, **changes)]) == [ITEM]


@pytest.mark.parametrize(
    "changes",
    [
        {"title": "Acme wins twice"},
        {"tags": ("ACME", "XOM")},
        {"url": "https://other.example/2", "source": "Another"},
        {"url": "https://other.example/2", "published_at": AT + DAY},
        {"first_seen_at": None, "published_at": AT + DAY},
    ],
)
def test_an_edit_a_new_tag_and_another_item_stay(changes: dict[str, object]) -> None:
    later = delivered_later(ITEM, 1, **changes)

    assert first_deliveries([ITEM, later]) == [ITEM, later]


def test_a_text_that_returns_to_an_earlier_wording_is_the_earlier_one() -> None:
    edited = delivered_later(ITEM, 1, title="Acme loses")

    assert first_deliveries([ITEM, edited, delivered_later(ITEM, 2)]) == [ITEM, edited]


@given(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.sampled_from(["One", "Two", "Three"]),
            st.sampled_from([None, "https://n.example/1", "https://n.example/2"]),
            st.sampled_from([(), ("ACME",), ("XOM",)]),
        ),
        max_size=8,
        unique=True,
    ),
    st.integers(0, 6),
)
def test_a_collector_that_appends_every_poll_gives_the_first_deliveries(
    rows: list[tuple[int, str, str | None, tuple[str, ...]]], polls: int
) -> None:
    items = [
        RawHeadline(AT + hours * timedelta(hours=1), title, url, "Wire", "a", None, tags, AT + DAY)
        for hours, title, url, tags in rows
    ]
    again = [delivered_later(item, poll + 1) for poll in range(polls) for item in items]

    assert first_deliveries([*items, *again]) == first_deliveries(items)


@pytest.mark.parametrize("changes", [{"source": None}, {"title": None}, {"title": "<b></b>"}, {"published_at": None}])
def test_an_item_that_nothing_identifies_is_never_left_out(changes: dict[str, object]) -> None:
    item = replace(ITEM, **{"url": None, **changes})

    assert first_deliveries([item, delivered_later(item, 1)]) == [item, delivered_later(item, 1)]
