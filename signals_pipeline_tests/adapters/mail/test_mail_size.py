"""A mail has at most 90,000 bytes whatever its digest holds, and what it leaves out is counted."""

import re
from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.mail.envelope import Links
from signals_pipeline.adapters.mail.message import MAX_MESSAGE_BYTES, digest_message, failure_message, notice_message
from signals_pipeline.core.digest.model import Card, Digest
from signals_pipeline_tests.support.digest_pages import NOW, Page, busy, hostile_cards
from signals_pipeline_tests.support.mails import ENVELOPE, KEY, LINKS
from signals_pipeline_tests.support.strict_mail import StrictPart, read_strictly

PAGES = Links("https://desk.example")
NO_PAGES = Links()
LONG_PAGES = Links("https://desk.example/" + "path/" * 90 + "end", KEY)


def part_of(mail: StrictPart, media_type: str) -> str:
    (part,) = [part for part in mail.walk() if part.media_type == media_type]
    return part.content.decode()


def shown_and_counted(part: str) -> tuple[set[str], int]:
    """The symbols of SYM0, SYM1, ... that a part shows as signals, and how many more it counts."""
    shown = set(re.findall(r"[▲▼]\s+BUY\s+(SYM\d+)\b", part))
    counted = sum(int(count) for count in re.findall(r"\b(\d+) more signals?\b", part))
    return shown, counted


def check(digest: Digest, links: Links) -> bytes:
    """Make the mail and check its size, its form and its counts; returns it."""
    raw = digest_message(digest, ENVELOPE, links)
    assert len(raw) <= MAX_MESSAGE_BYTES
    mail = read_strictly(raw)
    html, text = part_of(mail, "text/html"), part_of(mail, "text/plain")
    page = Page(html)
    assert page.open == []
    cards = (*digest.new, *digest.changed, *digest.from_missed)
    for part in (page.text, text):
        shown, counted = shown_and_counted(part)
        assert len(shown) + counted == len(cards)
    pictures = [part.headers["content-id"].strip("<>") for part in mail.walk() if part.media_type == "image/png"]
    assert sorted(pictures) == sorted(re.findall(r"cid:([^\"]+)", html))
    if "And " in text and links.base_url:
        assert links.page(f"digests/{digest.window_key}") in text
    return raw


@cache
def example(kind: str) -> Digest:
    return busy(1) if kind == "busy" else hostile_cards(1)


def numbered(card: Card, first: int, count: int, company: str) -> tuple[Card, ...]:
    return tuple(replace(card, symbol=f"SYM{first + n}", company=company) for n in range(count))


COUNTS = st.integers(0, 600) | st.integers(0, 30)


@settings(max_examples=15, deadline=None)
@given(
    kind=st.sampled_from(["busy", "hostile"]),
    counts=st.tuples(COUNTS, COUNTS, COUNTS),
    company=st.text(max_size=200) | st.sampled_from(["国際商業機械株式会社" * 20, "👩‍👩‍👧" * 100, "é" * 300]),
    notes=st.lists(st.text(max_size=500), max_size=50).map(tuple),
    links=st.sampled_from([LINKS, PAGES, NO_PAGES, LONG_PAGES]),
)
def test_any_digest_fits_and_what_is_left_out_is_counted(
    kind: str, counts: tuple[int, int, int], company: str, notes: tuple[str, ...], links: Links
) -> None:
    whole = example(kind)
    new, changed, missed = counts
    card = whole.new[0]
    digest = replace(
        whole,
        new=numbered(card, 0, new, company),
        changed=numbered(card, new, changed, company),
        from_missed=numbered(card, new + changed, missed, company),
        still_active=tuple(replace(whole.still_active[0], symbol=f"ACT{n}", company=company) for n in range(new)),
        expired=tuple(replace(whole.expired[0], symbol=f"EXP{n}", company=company) for n in range(missed)),
        notes=notes,
    )
    check(digest, links)


@pytest.mark.parametrize("links", [LINKS, NO_PAGES], ids=["with pages", "without pages"])
def test_five_hundred_signals_are_cards_then_lines_then_a_count(links: Links) -> None:
    raw = check(busy(500), links)
    html = Page(part_of(read_strictly(raw), "text/html"))
    text = part_of(read_strictly(raw), "text/plain")
    for part in (html.text, text):
        shown, counted = shown_and_counted(part)
        assert {"SYM0", "SYM15", "SYM99"} <= shown
        assert counted >= 300
        where = "on the web" if links.base_url else "for which this mail has no room"
        assert where in " ".join(part.split())
    assert ("https://desk.example/digests/2024-01-11-08:30" in html.links) == bool(links.base_url)


def test_every_string_of_emoji_still_fits() -> None:
    # Four bytes per character, twelve in quoted-printable: nothing makes a mail longer.
    emoji = "👩" * 3_000
    digest = hostile_cards(600)
    card = replace(
        digest.new[0],
        company=emoji,
        sentences=(emoji,) * 9,
        event=emoji,
        contributions=tuple(
            {**part, "title": emoji, "source": emoji} if part["kind"] == "story" else part
            for part in digest.new[0].contributions
        ),
    )
    check(
        replace(
            digest,
            new=numbered(card, 0, 600, emoji),
            subject=emoji,
            preheader=emoji,
            label=emoji,
            market=emoji,
            model=emoji,
            notes=(emoji,) * 100,
            knobs={**digest.knobs, emoji: emoji},
        ),
        LONG_PAGES,
    )


def test_other_mails_are_short_too() -> None:
    for raw in (
        failure_message(NOW, "x" * 1_000_000, ENVELOPE, LONG_PAGES),
        notice_message("x" * 1_000_000, ["👩" * 1_000_000] * 10, ENVELOPE),
    ):
        read_strictly(raw)
        assert len(raw) <= MAX_MESSAGE_BYTES
