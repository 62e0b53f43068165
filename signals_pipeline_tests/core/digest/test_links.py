"""Signed links: only what we signed, for its purpose, until its day; forged, changed and expired ones are refused."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from signals_pipeline.core.digest import links
from signals_pipeline.core.digest.links import FeedbackFields, LinkError, LinkKeyError

KEY = "0123456789abcdef" * 4
OTHER = "fedcba9876543210" * 4
AS_OF = datetime(2026, 3, 2, 13, 30, tzinfo=UTC)
LAST = date(2026, 4, 1)
FIELDS = st.dictionaries(st.text(max_size=8), st.text(max_size=40), max_size=5)
PURPOSES = st.sampled_from(["unsubscribe", "feedback"])
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=~%"


def verified(purpose: links.LinkPurpose, token: str, *, as_of: datetime = AS_OF, key: str = KEY) -> dict[str, str]:
    return links.verify_link(purpose, token, as_of=as_of, key=key)


@given(PURPOSES, FIELDS, st.dates(date(2026, 3, 2), date(2100, 1, 1)))
def test_what_was_signed_comes_back(purpose: links.LinkPurpose, fields: dict[str, str], last: date) -> None:
    token = links.sign_link(purpose, fields, expires_on=last, key=KEY)

    assert verified(purpose, token) == fields
    assert token == links.sign_link(purpose, dict(reversed(fields.items())), expires_on=last, key=KEY)
    assert set(token) <= set(ALPHABET[:65])  # needs no quoting in a URL, a header or HTML


@given(FIELDS, st.data())
def test_no_changed_character_passes(fields: dict[str, str], data: st.DataObject) -> None:
    token = links.sign_link("feedback", fields, expires_on=LAST, key=KEY)
    at = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from(ALPHABET))
    assume(token[at] != other)
    for forged in (token[:at] + other + token[at + 1 :], token[:at], token[:at] + token[at + 1 :], token + other):
        with pytest.raises(LinkError, match="not valid here"):
            verified("feedback", forged)


@given(st.text(max_size=80))
def test_no_text_from_anywhere_passes(token: str) -> None:
    with pytest.raises(LinkError):
        verified("unsubscribe", token)


@given(FIELDS, PURPOSES)
def test_a_link_serves_one_purpose_and_one_key(fields: dict[str, str], purpose: links.LinkPurpose) -> None:
    token = links.sign_link(purpose, fields, expires_on=LAST, key=KEY)
    other: links.LinkPurpose = "feedback" if purpose == "unsubscribe" else "unsubscribe"
    with pytest.raises(LinkError, match="made for something else"):
        verified(other, token)
    with pytest.raises(LinkError):
        verified(purpose, token, key=OTHER)


def test_a_link_of_one_recipient_is_no_link_of_another() -> None:
    mine, yours = (
        links.sign_link("unsubscribe", {"r": each}, expires_on=LAST, key=KEY) for each in ("a@b.example", "c@d.example")
    )
    with pytest.raises(LinkError):
        verified("unsubscribe", f"{yours.partition('.')[0]}.{mine.partition('.')[2]}")


def test_it_works_through_its_last_day_in_utc_and_then_says_until_when() -> None:
    token = links.sign_link("feedback", {}, expires_on=LAST, key=KEY)
    after = datetime(2026, 4, 2, tzinfo=UTC)
    assert verified("feedback", token, as_of=after - timedelta(microseconds=1)) == {}
    assert verified("feedback", token, as_of=datetime(2026, 4, 2, 1, tzinfo=timezone(timedelta(hours=2)))) == {}
    with pytest.raises(LinkError, match=r"^This link worked until Wed 1 Apr 2026 and has expired\.$"):
        verified("feedback", token, as_of=after)


@pytest.mark.parametrize("key", ["", "short", "x" * 31])
def test_a_short_key_is_refused_without_being_repeated(key: str) -> None:
    for use in (
        lambda: links.sign_link("feedback", {}, expires_on=LAST, key=key),
        lambda: links.verify_link("feedback", "a.b", as_of=AS_OF, key=key),
        lambda: links.recipient_hash("a@b.example", key=key),
    ):
        with pytest.raises(LinkKeyError, match=r"^SIGNALS_LINK_KEY needs at least 32 characters") as raised:
            use()
        assert not key or key not in str(raised.value)


@given(st.emails())
def test_a_recipient_is_hashed_the_same_however_it_is_written(address: str) -> None:
    hashed = links.recipient_hash(address, key=KEY)
    assert hashed == links.recipient_hash(f" {address.upper().lower()} ", key=KEY)
    assert len(hashed) == 32
    assert hashed != links.recipient_hash(address, key=OTHER)
    assert hashed != links.recipient_hash("x" + address, key=KEY)


@given(st.emails(), st.sampled_from(["https://s.example", "https://s.example/", "http://127.0.0.1:8000/signals/"]))
def test_an_unsubscribe_url_leads_back_to_its_recipient(address: str, base: str) -> None:
    url = links.unsubscribe_url(base, address, as_of=AS_OF, key=KEY)
    path, token = url.rsplit("/", 1)
    assert path == f"{base.rstrip('/')}/unsubscribe"
    assert (
        links.verify_unsubscribe_link(token, as_of=AS_OF + timedelta(days=links.UNSUBSCRIBE_DAYS), key=KEY) == address
    )
    with pytest.raises(LinkError, match="has expired"):
        links.verify_unsubscribe_link(token, as_of=AS_OF + timedelta(days=links.UNSUBSCRIBE_DAYS + 1), key=KEY)


def test_a_feedback_url_leads_back_to_its_signal_and_holds_no_address() -> None:
    fields = FeedbackFields("2026-02-27-17:30", "BRK.B", "SELL", links.recipient_hash("a@b.example", key=KEY))
    url = links.feedback_url("https://s.example", fields, "not_useful", as_of=AS_OF, key=KEY)
    token = url.removeprefix("https://s.example/feedback/").removesuffix("?verdict=not_useful")
    assert links.verify_feedback_link(token, as_of=AS_OF + timedelta(days=30), key=KEY) == fields
    assert len(url) < 230  # two a card, 25 cards: the mail has to stay under 90 KB
    with pytest.raises(LinkError, match="has expired"):
        links.verify_feedback_link(token, as_of=AS_OF + timedelta(days=31), key=KEY)
    with pytest.raises(LinkError, match="something else"):
        links.verify_unsubscribe_link(token, as_of=AS_OF, key=KEY)
