"""Readers: which digests they get, and which of their three sources counts."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.digest.readers import (
    WHOLE_EDITION,
    Clock,
    DigestTimes,
    Edition,
    Origin,
    Reader,
    ReaderChoice,
    ReaderError,
    check_channel_name,
    merged_readers,
    parse_clock,
    parse_digest_times,
    parse_least_score,
    reader_key,
    unknown_symbols,
)
from signals_pipeline.core.time_zones import TimeZoneError, check_zone
from signals_pipeline.core.windows import NEW_YORK, window_containing, window_for_key

MORNING = window_for_key("2015-02-13-17:30")  # its digest is due at 08:30
EVENING = window_for_key("2015-02-17-08:30")
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
APPLE = Edition(("AAPL",))

texts = st.text(max_size=60)
addresses = st.from_regex(r"[a-zA-Z]{1,3}@example\.org", fullmatch=True)


@pytest.mark.parametrize(
    ("named", "morning", "evening"),
    [
        (["morning"], True, False),
        (["evening"], False, True),
        (["both"], True, True),
        (["all"], True, True),
        (["morning", "evening"], True, True),
        (["08:30"], True, False),
        (["17:30", "17:30"], False, True),
        (["09:00"], False, False),
    ],
)
def test_a_reader_gets_the_digests_that_they_name(named: list[str], morning: bool, evening: bool) -> None:
    times = parse_digest_times(named)
    assert (times.includes(MORNING), times.includes(EVENING)) == (morning, evening)


@given(st.integers(0, 40_000 * 24))
def test_morning_and_evening_share_every_window(hours: int) -> None:
    window = window_containing(datetime(1980, 1, 1, tzinfo=UTC) + timedelta(hours=hours))
    halves = [parse_digest_times([half]).includes(window) for half in ("morning", "evening")]
    assert sorted(halves) == [False, True]
    assert halves[0] is (window.end.astimezone(NEW_YORK).time() < time(12))
    assert DigestTimes().includes(window)


def test_the_digests_of_a_reader_are_told_in_words() -> None:
    assert parse_digest_times(["morning", "17:30"]).text == "morning, 17:30"
    assert DigestTimes().text == "every digest"


@pytest.mark.parametrize("named", [[], ["noon"], ["8:30"], ["24:00"], ["morning", ""], ["Morning"]])
def test_unknown_digests_are_one_line(named: list[str]) -> None:
    with pytest.raises(ReaderError, match="use morning, evening, both, or times such as 08:30"):
        parse_digest_times(named)


@given(st.floats(0, 1))
def test_a_least_score_is_a_number_from_0_to_1(score: float) -> None:
    assert parse_least_score(str(score)) == score


@given(texts | st.floats().filter(lambda score: not 0 <= score <= 1).map(str))
def test_any_other_least_score_clock_zone_or_name_of_a_channel_is_one_line(text: str) -> None:
    messages: list[str] = []
    for parse in (parse_least_score, parse_clock, check_zone, check_channel_name):
        try:
            parse(text)
        except (ReaderError, TimeZoneError) as error:
            messages.append(str(error))
    assert all(len(message.splitlines()) == 1 and "use " in message for message in messages)


def test_clocks_zones_and_channels_are_accepted_as_written() -> None:
    assert [parse_clock(text) for text in ("24h", "12h")] == [Clock.HOURS_24, Clock.HOURS_12]
    assert check_zone("Europe/London") == "Europe/London"
    assert check_channel_name("desk-1_eu") == "desk-1_eu"


def test_only_an_edition_without_a_filter_is_whole() -> None:
    assert WHOLE_EDITION.is_whole
    assert not APPLE.is_whole
    assert not Edition(least_score=0.4).is_whole


def test_a_channel_is_a_recipient_without_an_at_sign() -> None:
    assert Reader("slack:desk").is_channel
    assert not Reader("ann@example.org").is_channel


def test_a_choice_counts_before_the_file_and_the_file_before_the_setting() -> None:
    choice = ReaderChoice("Ann@example.org", APPLE, DigestTimes(("morning",)), subscribed=False, changed_at=NOON)
    listed = [Reader("ann@example.org", "Ann"), Reader("bob@example.org", "Bob", Edition(least_score=0.4))]
    ann, bob, cat = merged_readers(listed, ["BOB@example.org", "cat@example.org"], {"ann@example.org": choice})
    assert ann == Reader("ann@example.org", "Ann", APPLE, DigestTimes(("morning",)), Origin.LINK)
    assert (bob.recipient, bob.edition.least_score, bob.origin) == ("bob@example.org", 0.4, Origin.FILE)
    assert (cat.edition, cat.origin) == (WHOLE_EDITION, Origin.SETTING)


@given(st.lists(addresses), st.lists(addresses), st.dictionaries(addresses.map(reader_key), st.booleans()))
def test_every_reader_is_there_once_and_nobody_else(
    listed: list[str], everything: list[str], subscribed: dict[str, bool]
) -> None:
    choices = {
        key: ReaderChoice(key, APPLE, DigestTimes(), subscribed=confirmed, changed_at=NOON)
        for key, confirmed in subscribed.items()
    }
    merged = merged_readers([Reader(address) for address in listed], everything, choices)
    keys = [reader_key(reader.recipient) for reader in merged]
    confirmed = {key for key, is_confirmed in subscribed.items() if is_confirmed}
    assert sorted(keys) == sorted({*map(reader_key, listed), *map(reader_key, everything), *confirmed})
    for reader in merged:
        has_choice = reader_key(reader.recipient) in subscribed
        assert (reader.edition == APPLE) is has_choice
        assert (reader.origin is Origin.LINK) is has_choice


def test_symbols_that_are_not_followed_are_named_in_order() -> None:
    assert unknown_symbols(["B", "A", "C"], ["A"]) == ("B", "C")
