"""The mail of a digest as its recipient's program reads it, and hostile text in every field that reaches it."""

import io
import re
from collections import Counter
from dataclasses import replace
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from signals_pipeline.adapters.mail.envelope import Links
from signals_pipeline.adapters.mail.message import MAX_MESSAGE_BYTES, digest_message, failure_message, trial_message
from signals_pipeline.adapters.rendering.digest import MAX_HTML_BYTES, render_html, render_text
from signals_pipeline.adapters.rendering.drawings import brief_span
from signals_pipeline.core.digest.links import (
    LinkKeyError,
    recipient_hash,
    verify_feedback_link,
    verify_unsubscribe_link,
)
from signals_pipeline_tests.support.digest_examples import WINDOWS
from signals_pipeline_tests.support.digest_pages import NOW, Page, everything, hostile_cards, titled
from signals_pipeline_tests.support.mails import ENVELOPE, KEY, LINKS, SENT, body, mail_of, read, shape


def pictures(mail: EmailMessage) -> dict[str, bytes]:
    found = [part for part in mail.walk() if part.get_content_maintype() == "image"]
    return {str(part["Content-ID"]).strip("<>"): part.get_content() for part in found}


def test_text_html_and_pictures_in_the_order_that_readers_expect() -> None:
    mail = mail_of(everything())
    kinds = ["multipart/alternative", "text/plain", "multipart/related", "text/html", "image/png", "image/png"]
    assert shape(mail) == [*kinds, "image/png"][: len(shape(mail))]
    assert len(shape(mail)) >= 5
    assert mail["From"] == "Signals <signals@example.org>"
    assert mail["To"] == "ann@example.org"
    assert mail["Message-ID"] == "<digest.1@example.org>"
    assert mail["Subject"] == everything().subject
    assert mail["Date"].datetime == SENT
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail.defects == []


def test_every_picture_is_shown_once_with_its_words() -> None:
    mail = mail_of(everything())
    shown = [attributes for tag, attributes in Page(body(mail, "html")).tags if tag == "img"]
    assert [str(each["src"]) for each in shown] == [f"cid:{name}" for name in pictures(mail)]
    cards = (*everything().new, *everything().changed, *everything().from_missed)
    assert len(shown) == sum(bool(card.closes) for card in cards)
    assert {each["alt"] for each in shown} == {"Chart of these prices with the headline and the signal marked"}
    said = Page(body(mail, "html")).text
    assert all(brief_span(card) in said for card in cards if card.closes)
    for content in pictures(mail).values():
        picture = Image.open(io.BytesIO(content))
        assert (picture.size, picture.format) == ((1088, 112), "PNG")


def test_the_same_arguments_give_the_same_bytes() -> None:
    assert digest_message(everything(), ENVELOPE, LINKS) == digest_message(everything(), ENVELOPE, LINKS)


def test_one_click_unsubscribe_over_https_only() -> None:
    mail = mail_of(everything())
    address = str(mail["List-Unsubscribe"]).strip("<>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert address.startswith("https://desk.example/unsubscribe/")
    assert verify_unsubscribe_link(address.rpartition("/")[2], as_of=SENT, key=KEY) == "ann@example.org"
    assert address in Page(body(mail, "html")).links
    assert address in body(mail, "plain")
    plain = mail_of(everything(), Links("http://localhost:8000", KEY))
    assert plain["List-Unsubscribe-Post"] is None
    assert plain["List-Unsubscribe"] is not None


@pytest.mark.parametrize("links", [Links(), Links("", KEY), Links("https://desk.example")])
def test_without_address_or_key_the_mail_says_how_to_leave(links: Links) -> None:
    mail = mail_of(everything(), links)
    assert mail["List-Unsubscribe"] is None
    for kind in ("html", "plain"):
        said = " ".join(body(mail, kind).split())
        assert "reply to this one with the word unsubscribe" in said
        assert "/feedback/" not in said
        assert ("https://desk.example/digests/" in said) == bool(links.base_url)
        assert ("https://desk.example/glossary" in said) == bool(links.base_url)


def test_a_key_that_is_too_short_is_said_before_anything_is_sent() -> None:
    with pytest.raises(LinkKeyError):
        mail_of(everything(), Links("https://desk.example", "short"))


def test_every_card_can_be_called_useful_or_not_by_its_own_link() -> None:
    digest = everything()
    cards = (*digest.new, *digest.changed, *digest.from_missed)
    mail = mail_of(digest)
    for kind in ("html", "plain"):
        found = re.findall(r"https://desk\.example/feedback/([\w.-]+)\?verdict=(\w+)", body(mail, kind))
        about = [(verify_feedback_link(token, as_of=SENT, key=KEY), verdict) for token, verdict in found]
        said = [(each.symbol, each.signal_type, verdict) for each, verdict in about]
        wanted = [(card.symbol, card.signal_type, verdict) for card in cards for verdict in ("useful", "not_useful")]
        assert said == wanted
        assert {each.recipient_hash for each, _ in about} == {recipient_hash("ann@example.org", key=KEY)}
    missed = next(each for each, _ in about if each.symbol == "CCC")
    assert missed.window_key == WINDOWS[5].key  # the window that decided it, not the one that tells it


def test_the_text_says_as_much_as_a_page_does() -> None:
    digest = everything()
    said, methods, _ = render_text(digest).partition("What passed each test")
    kept = [line for line in said.splitlines() if line.strip()]
    assert methods
    assert set(kept) <= set(body(mail_of(digest), "plain").splitlines())


def test_gates_and_settings_are_on_the_page_where_there_is_one() -> None:
    digest = everything()
    with_pages = mail_of(digest)
    for part in ("html", "plain"):
        text = " ".join(body(with_pages, part).split())
        assert text.count("Tests, settings and method") == 1
        assert "Tone half-life" not in text
    for rendering in (render_text(digest), render_html(digest)):
        assert "Tone half-life" in rendering


def test_a_page_has_neither_pictures_nor_links_of_a_recipient() -> None:
    said = render_text(everything())
    assert "unsubscribe" not in said.lower()


def test_a_long_digest_keeps_the_html_part_under_the_limit() -> None:
    mail = mail_of(hostile_cards(25))
    html = body(mail, "html")
    assert len(html.encode()) <= MAX_HTML_BYTES
    assert set(re.findall(r"cid:([^\"]+)", html)) == set(pictures(mail))  # a card left out takes its picture with it


def test_twelve_ordinary_cards_fit_with_pictures_and_questions() -> None:
    digest = everything()
    cards = tuple(replace(digest.new[0], symbol=f"SYM{n}") for n in range(12))
    content = digest_message(replace(digest, new=cards), ENVELOPE, LINKS)
    mail = read(content)
    html = body(mail, "html")
    assert len(content) <= MAX_MESSAGE_BYTES
    assert all(f"<b>{card.symbol}</b>" in html for card in cards)
    assert len(pictures(mail)) == 12 + 1  # the flip and the twelve; the missed one has no prices
    asked = Counter(re.findall(r"/feedback/[\w.-]+\?verdict=(\w+)", html))
    assert asked == {"useful": 14, "not_useful": 14}


def test_a_failure_says_what_it_means_and_what_to_do() -> None:
    mail = read(failure_message(NOW, "Stage headlines: all sources down", ENVELOPE, LINKS))
    assert shape(mail) == ["multipart/alternative", "text/plain", "text/html"]
    assert mail["Subject"] == f"Failed: no digest for {NOW.label}"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    for kind in ("html", "plain"):
        said = " ".join(body(mail, kind).split())
        assert "Stage headlines: all sources down" in said
        assert "No news is lost" in said
        assert "whoever operates the pipeline can send a later one" in said
        # Commands are for operators, who are told in a mail of their own.
        assert "--release" not in said
        assert "`" not in said


def test_a_trial_mail_is_plain() -> None:
    mail = read(trial_message(ENVELOPE))
    assert shape(mail) == ["text/plain"]
    assert mail["To"] == "ann@example.org"


HOSTILE = st.text(max_size=200) | st.text("<>&\"'\r\n\0\u202e\u2066:;,@ =?utf8", max_size=80)


@settings(max_examples=20)
@given(title=HOSTILE)
def test_no_text_adds_a_header_a_part_or_markup(title: str) -> None:
    plain, hostile = (
        mail_of(replace(titled(text), subject=text, preheader=text)) for text in ("A title", title or "A title")
    )
    assert hostile.keys() == plain.keys()
    assert shape(hostile) == shape(plain)
    assert Page(body(hostile, "html")).open == []
    assert not re.search("[\r\n\0\u202a-\u202e\u2066-\u2069]", hostile["Subject"])


@pytest.mark.parametrize(
    "attack",
    [
        "1 new\r\nBcc: everyone@example.org",
        "1 new\nContent-Type: text/html\n\n<script>alert(1)</script>",
        "1 new =?utf-8?q?=0d=0aBcc:_x=40y.example?=",
        "\u202e gpj.exe",
        "x" * 1_000_000,
    ],
)
def test_known_attacks_on_headers(attack: str) -> None:
    content = digest_message(replace(titled(attack), subject=attack, preheader=attack), ENVELOPE, LINKS)
    mail = read(content)
    assert mail["Bcc"] is None
    assert mail.get_content_type() == "multipart/alternative"
    assert len(str(mail["Subject"])) <= 160
    head = content.partition(b"\r\n\r\n")[0]
    assert max(map(len, head.split(b"\r\n"))) < 998
    assert len(body(mail, "html").encode()) <= MAX_HTML_BYTES
    assert len(content) <= MAX_MESSAGE_BYTES
    assert "<script" not in body(mail, "html")
    failed = read(failure_message(NOW, attack, ENVELOPE, LINKS))
    assert "<script" not in body(failed, "html")
    assert failed["Bcc"] is None
