"""A card's bar of contributions and its prices, as drawn and in words."""

from dataclasses import replace

from signals_pipeline.adapters.rendering.drawings import (
    bar,
    brief_span,
    headline_close_index,
    line_chart,
    price_span,
    shown_stories,
    spark,
)
from signals_pipeline_tests.support.digest_examples import digest_of, signal, story
from signals_pipeline_tests.support.digest_pages import NOW, everything


def test_the_bar_adds_up() -> None:
    for card in (*everything().new, *everything().changed):
        parts = bar(card, 3)
        assert abs(sum(percent for _, percent in parts) - 100) <= len(parts)


def test_prices_as_characters() -> None:
    assert spark((1.0, 2.0, 3.0, 4.0, 5.0)) == "▁▅█"
    assert spark((7.0, 7.0, 7.0)) == "▁▁"
    assert spark((7.0,)) == "▁"


def test_a_chart_of_a_page_is_a_line_with_a_ring_at_the_headline_and_a_dot_at_the_signal() -> None:
    card = replace(everything().new[0], traded_closes=(100.0, 104.0, 102.0), closes=(98.0, 103.0, 102.0))
    card = replace(card, sessions=("2024-01-09", "2024-01-10", "2024-01-11"), headline_session="2024-01-10")
    chart = line_chart(card)
    # The box is 544 by 56 with a margin of 6: highest price at the top, dates evenly from left to right.
    assert 'points="6,50 272,6 538,28"' in chart
    assert '<circle cx="272" cy="6" r="4" fill="none"' in chart
    assert '<circle cx="538" cy="28" r="4" fill="#2d7de1"/>' in chart
    unknown = line_chart(replace(card, headline_session="2023-01-03"))
    assert unknown.count("<circle") == 1
    assert headline_close_index(replace(card, headline_session="")) is None


def test_stories_that_add_nothing_and_those_beyond_the_limit_are_only_counted() -> None:
    parts = [story(1, 0.3, 0.0), story(2, 0.004, 0.2), *(story(n, 0.02, 0.2) for n in range(3, 9))]
    card = digest_of(NOW, [signal(window=NOW, parts=parts)]).new[0]
    told, others = shown_stories(card, 5)
    assert [part["contribution"] for part, _ in told] == [0.3, 0.02, 0.02, 0.02, 0.02]
    assert told[0][1] == card.without[0]
    assert len(told) + len(others) == len(parts)
    assert 0.004 in [part["contribution"] for part in others]


def test_prices_in_words() -> None:
    text = price_span(everything().new[0])

    assert text == "8 sessions +6.9%: low 101.00, high 108.00, last 108.00 on Thu 11 Jan"


def test_prices_in_words_are_traded_ones_with_the_change_of_adjusted_ones() -> None:
    card = replace(everything().new[0], closes=(98.0, 102.0), traded_closes=(100.0, 102.0))
    assert brief_span(card) == "2 sessions +4.1%: low 100.00, high 102.00"
    older = replace(card, traded_closes=())
    assert brief_span(older) == "2 sessions +4.1%: low 98.00, high 102.00, adjusted for dividends"
