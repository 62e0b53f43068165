"""Mails of one edition share a rendering: each is the same bytes as alone, and holds nothing of another reader."""

import re
from dataclasses import replace

import pytest

from signals_pipeline.adapters.mail.envelope import Envelope, Links
from signals_pipeline.adapters.mail.message import MAX_MESSAGE_BYTES, EditionMail, digest_message
from signals_pipeline.core.digest.readers import WHOLE_EDITION, Clock, Edition, TimeStyle
from signals_pipeline_tests.support.digest_pages import busy, everything, four_signals, hostile_cards
from signals_pipeline_tests.support.mails import ENVELOPE, KEY, LINKS, body, read

DIGESTS = {
    "four": four_signals,
    "everything": everything,
    "full": lambda: busy(25),
    "hostile": lambda: hostile_cards(8),
}
LONG = f"{'x' * 60}@{'example.' * 20}org"
READERS = ("ann@example.org", LONG, "b@c.de")


def envelope(recipient: str, number: int) -> Envelope:
    return replace(ENVELOPE, recipient=recipient, message_id=f"<digest.{number}@example.org>")


@pytest.mark.parametrize("name", DIGESTS)
@pytest.mark.parametrize("links", [LINKS, Links(), Links("https://a.example/x&y", KEY, has_preferences=True)])
def test_a_mail_is_the_same_bytes_alone_and_as_one_of_many(name: str, links: Links) -> None:
    digest = DIGESTS[name]()
    shared = EditionMail(digest, WHOLE_EDITION, links)
    for number, reader in enumerate((*READERS, READERS[0])):
        alone = digest_message(digest, envelope(reader, number), links)
        assert shared.content(envelope(reader, number)) == alone
        assert len(alone) <= MAX_MESSAGE_BYTES


def test_a_mail_holds_the_links_of_its_own_reader_alone() -> None:
    links = Links("https://desk.example", KEY, has_preferences=True)
    digest = four_signals()
    shared = EditionMail(digest, WHOLE_EDITION, links)
    for number, reader in enumerate(READERS):
        html = body(read(shared.content(envelope(reader, number))), "html")
        cards = (*digest.new, *digest.changed, *digest.from_missed)
        own = links.personal(reader, digest.as_of, cards)
        others = [links.personal(other, digest.as_of, cards) for other in READERS if other != reader]
        assert own.unsubscribe in html
        assert own.preferences in html
        assert all(other.unsubscribe not in html and other.preferences not in html for other in others)


def test_a_mail_shows_the_edition_of_its_reader_and_says_so() -> None:
    digest = four_signals()
    first, *rest = (card.symbol for card in digest.new)
    edition = Edition((first,), times=TimeStyle("Europe/London", Clock.HOURS_12))

    mail = read(digest_message(digest, ENVELOPE, LINKS, edition))

    for kind in ("html", "plain"):
        text = " ".join(body(mail, kind).split())
        assert "Your selection: 1 company;" in text
        assert not [symbol for symbol in rest if f" {symbol} " in text]
        assert re.search(r"\d:\d\d [ap]m(\u00a0|&nbsp;| )GMT", text)
    assert first in str(mail["Subject"])
    assert not [symbol for symbol in rest if symbol in str(mail["Subject"]).split()]


def test_a_reader_without_a_signal_gets_a_quiet_mail_that_tells_coverage_and_what_is_not_followed() -> None:
    digest = replace(four_signals(), kind="full")
    edition = Edition(("ZZZ",), unfollowed=("ZZZ",))

    mail = read(digest_message(digest, ENVELOPE, LINKS, edition))

    assert "Quiet: no new signals" in str(mail["Subject"])
    for kind in ("html", "plain"):
        text = " ".join(body(mail, kind).split())
        assert "Nothing new about your selection" in text
        assert "No news is collected about ZZZ: not on the watchlist." in text
        assert f"{digest.coverage.headlines} headline" in text
