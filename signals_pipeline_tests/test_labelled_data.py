"""The hand-labelled headlines are well-formed: what judges the rules must not be wrong itself."""

from collections import Counter, defaultdict

from signals_pipeline.core.event_types import EventType
from signals_pipeline.core.linking.roles import Role
from signals_pipeline_tests.support.labelled_data import PARTS, labelled_headlines, rows

HEADLINES = labelled_headlines()


def test_a_headline_is_labelled_once_per_company() -> None:
    labels = Counter((headline.title, headline.symbol) for headline in HEADLINES)

    assert [label for label, count in labels.items() if count > 1] == []


def test_every_row_has_a_title_a_company_and_a_source() -> None:
    for headline in HEADLINES:
        assert headline.title.strip()
        assert headline.symbol
        assert headline.company
        assert headline.source in ("sentfin", "stocknet")


def test_tone_is_one_of_three_values() -> None:
    assert {headline.tone for headline in HEADLINES} == {-1, 0, 1}


def test_only_a_subject_or_an_affected_company_has_tone() -> None:
    toned_roles = {headline.role for headline in HEADLINES if headline.tone != 0}

    assert toned_roles == {Role.SUBJECT, Role.AFFECTED}


def test_all_labels_of_a_title_are_in_one_part() -> None:
    parts = defaultdict(set)
    for headline in HEADLINES:
        parts[headline.title].add(headline.part)

    assert set(PARTS) == {headline.part for headline in HEADLINES}
    assert [title for title, seen in parts.items() if len(seen) > 1] == []


def test_a_title_is_in_the_same_part_as_in_the_linking_labels() -> None:
    linking_parts = {row["title"]: row["part"] for row in rows("linking_gold.csv")}

    moved = [
        headline.title for headline in HEADLINES if linking_parts.get(headline.title, headline.part) != headline.part
    ]

    assert moved == []


def test_every_event_type_is_labelled() -> None:
    assert {headline.event for headline in HEADLINES} == set(EventType)


def test_agreed_says_where_two_readers_gave_the_same_labels() -> None:
    # The count that the notice beside the file states.
    assert sum(headline.agreed for headline in HEADLINES) == 765
    assert {row["agreed"] for row in rows("headline_gold.csv")} == {"0", "1"}
