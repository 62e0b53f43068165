"""A reader's edition of a digest: the same signals filtered, and nothing else changed."""

import json
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.digest.editions import (
    EditionError,
    edit,
    edition_note,
    edition_summary,
    parse_edition,
    shown_time,
    stored_edition,
    with_unfollowed,
)
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.digest.readers import WHOLE_EDITION, Clock, Edition, TimeStyle
from signals_pipeline_tests.support.digest_pages import busy, everything, four_signals

DIGESTS = {"everything": everything(), "busy": busy(25), "four": four_signals()}
FILTERED = ("new", "changed", "from_missed", "still_active", "expired", "corrected")
# What follows from the filtered parts; everything else stays the digest's.
DERIVED = {"kind", "subject", "preheader", "near_misses", *FILTERED}
SYMBOLS = sorted({line.symbol for digest in DIGESTS.values() for name in FILTERED for line in getattr(digest, name)})

digests = st.sampled_from(sorted(DIGESTS)).map(DIGESTS.__getitem__)
SYMBOLS_AND_OTHERS = {*SYMBOLS, *(miss.symbol for digest in DIGESTS.values() for miss in digest.near_misses)}

choices = st.none() | st.lists(st.sampled_from([*SYMBOLS, "ZZZ"]), unique=True).map(sorted).map(tuple)
styles = st.builds(
    TimeStyle, st.sampled_from(["America/New_York", "Europe/London", "Asia/Singapore"]), st.sampled_from(Clock)
)
editions = st.builds(Edition, choices, st.floats(0, 1), styles, st.just(()))


@given(digests, editions)
def test_an_edition_has_exactly_the_signals_that_its_reader_asked_for(digest: Digest, edition: Edition) -> None:
    edited = edit(digest, edition)
    companies = SYMBOLS_AND_OTHERS if edition.symbols is None else edition.symbols
    for name in FILTERED:
        expected = [
            line
            for line in getattr(digest, name)
            if line.symbol in companies and abs(line.combined_score) >= edition.least_score
        ]
        assert list(getattr(edited, name)) == expected
    assert list(edited.near_misses) == [miss for miss in digest.near_misses if miss.symbol in companies]
    for field in fields(Digest):
        if field.name not in DERIVED:
            assert getattr(edited, field.name) == getattr(digest, field.name)


@given(digests, editions)
def test_an_edition_is_a_digest_that_can_be_stored_and_editing_it_again_changes_nothing(
    digest: Digest, edition: Edition
) -> None:
    edited = edit(digest, edition)
    assert Digest.from_json(edited.to_json()) == edited
    assert edit(edited, edition) == edited


@pytest.mark.parametrize("name", ["everything", "four"])
def test_an_edition_that_asks_for_every_company_by_name_is_the_digest_itself(name: str) -> None:
    digest = DIGESTS[name]
    symbols = tuple(sorted({*SYMBOLS, *(miss.symbol for miss in digest.near_misses)}))
    assert edit(digest, Edition(symbols)) == digest
    assert edit(digest, WHOLE_EDITION) is digest


def test_without_a_signal_of_its_companies_a_digest_is_quiet_and_a_degraded_one_stays_degraded() -> None:
    digest = replace(four_signals(), kind="full")
    quiet = edit(digest, Edition(("ZZZ",)))
    assert (quiet.kind, quiet.new, quiet.coverage) == ("quiet", (), digest.coverage)
    assert "Quiet: no new signals" in quiet.subject
    assert digest.new[0].symbol not in quiet.preheader

    degraded = edit(replace(digest, kind="degraded"), Edition(("ZZZ",)))
    assert degraded.kind == "degraded"
    assert "Degraded (" in degraded.subject


def test_a_note_says_what_an_edition_leaves_out() -> None:
    digest = four_signals()
    first = digest.new[0]
    count = sum(len(getattr(digest, name)) for name in ("new", "changed", "from_missed"))
    assert edition_note(digest, WHOLE_EDITION) == ""
    assert edition_note(digest, Edition((first.symbol,))) == (
        f"Your selection: 1 company; {count - 1} other new or changed signals not shown."
    )
    assert edition_note(digest, Edition(least_score=0.01)).endswith("0.01 either way; none is left out.")
    unknown = tuple(f"Z{number}" for number in range(7))
    note = edition_note(digest, Edition(unknown, unfollowed=unknown))
    assert note.endswith("No news is collected about Z0, Z1, Z2, Z3, Z4 and 2 more: not on the watchlist.")


def test_companies_that_are_not_followed_are_named_and_stay_in_the_edition() -> None:
    edition = with_unfollowed(Edition(("AAA", "ZZZ")), {"AAA"})
    assert edition == Edition(("AAA", "ZZZ"), unfollowed=("ZZZ",))
    assert "No news is collected about ZZZ: not" in edition_note(four_signals(), edition)
    assert with_unfollowed(WHOLE_EDITION, {"AAA"}) == WHOLE_EDITION
    assert edition_summary(WHOLE_EDITION) == "every company"


@given(editions)
def test_an_edition_survives_its_stored_form(edition: Edition) -> None:
    text = stored_edition(edition)
    assert parse_edition(text) == edition
    assert (text is None) is (edition == WHOLE_EDITION)
    if text is not None:
        later = json.dumps({**json.loads(text), "added": 1})
        assert parse_edition(later) == edition


@pytest.mark.parametrize("text", ["", "[]", "{", '{"symbols": 3}', '{"times": {"clock": "13h"}}'])
def test_a_damaged_edition_is_one_line(text: str) -> None:
    with pytest.raises(EditionError, match=r"^stored edition is malformed at .*; abandon the mail$") as raised:
        parse_edition(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        (TimeStyle(), "Mon 16 Feb 08:30 ET"),
        (TimeStyle(clock=Clock.HOURS_12), "Mon 16 Feb 8:30 am ET"),
        (TimeStyle("Europe/London"), "Mon 16 Feb 13:30 GMT"),
        (TimeStyle("Europe/London", Clock.HOURS_12), "Mon 16 Feb 1:30 pm GMT"),
        (TimeStyle("Asia/Singapore"), "Mon 16 Feb 21:30 UTC+08"),
        (TimeStyle("Pacific/Auckland", Clock.HOURS_12), "Tue 17 Feb 2:30 am NZDT"),
    ],
)
def test_times_are_written_as_the_reader_wants_them(style: TimeStyle, expected: str) -> None:
    assert shown_time(datetime(2015, 2, 16, 13, 30, tzinfo=UTC), style) == expected


def test_midnight_and_noon_are_twelve_o_clock() -> None:
    style = TimeStyle("UTC", Clock.HOURS_12)
    shown = [shown_time(datetime(2015, 2, 16, hour, 5, tzinfo=UTC), style) for hour in (0, 12)]
    assert shown == ["Mon 16 Feb 12:05 am UTC", "Mon 16 Feb 12:05 pm UTC"]
