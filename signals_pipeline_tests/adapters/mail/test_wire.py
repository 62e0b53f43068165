"""Mails as bytes: two independent readers find the same fields, and a mail program can unsubscribe with one click."""

import shutil
from dataclasses import replace
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.utils import parseaddr
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.mail.envelope import Envelope, Links
from signals_pipeline.adapters.mail.headers import HeaderError, header_lines
from signals_pipeline.adapters.mail.message import digest_message, failure_message, notice_message, trial_message
from signals_pipeline.adapters.stores.engine import engine_for, read_transaction
from signals_pipeline.adapters.stores.tables import suppression
from signals_pipeline.core.digest.addresses import parse_sender
from signals_pipeline.core.digest.links import verify_unsubscribe_link
from signals_pipeline.core.text import shorten
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import SettingsError
from signals_pipeline_tests.support import web_site
from signals_pipeline_tests.support.databases import migrated_template
from signals_pipeline_tests.support.digest_pages import NOW, everything, titled
from signals_pipeline_tests.support.mails import ENVELOPE, KEY, LINKS, SENT
from signals_pipeline_tests.support.strict_mail import StrictPart, read_strictly
from signals_pipeline_tests.support.web_server import served

LONG_URL = "https://desk.example/" + "path/" * 90 + "end"
LONGEST_ADDRESS = f"{'l' * 64}@{'d' * 60}.{'d' * 60}.{'d' * 60}.example"[:254]
LONG_ENVELOPE = Envelope(
    f"Signals <signals@{'d' * 60}.{'e' * 60}.{'f' * 60}.example>",
    LONGEST_ADDRESS,
    f"<digest.2024-01-08-0830.{'0' * 20}@{'d' * 60}.{'e' * 60}.{'f' * 60}.example>",
    SENT,
)


def header_line(raw: bytes, name: str) -> bytes:
    """The line on which a header begins."""
    head = raw.partition(b"\r\n\r\n")[0]
    (line,) = [each for each in head.split(b"\r\n") if each.lower().startswith(f"{name.lower()}:".encode())]
    return line


def unsubscribe_address(raw: bytes) -> str:
    """What a mail program takes from List-Unsubscribe."""
    return read_strictly(raw).headers["list-unsubscribe"].removeprefix("<").removesuffix(">")


@pytest.mark.parametrize("base_url", ["https://desk.example", LONG_URL])
def test_list_unsubscribe_leaves_whole_on_one_line_and_not_encoded(base_url: str) -> None:
    raw = digest_message(everything(), LONG_ENVELOPE, Links(base_url, KEY))

    line = header_line(raw, "List-Unsubscribe")

    assert line.startswith(f"List-Unsubscribe: <{base_url}/unsubscribe/".encode())
    assert line.endswith(b">")
    assert header_line(raw, "List-Unsubscribe-Post") == b"List-Unsubscribe-Post: List-Unsubscribe=One-Click"
    token = unsubscribe_address(raw).rpartition("/")[2]
    assert verify_unsubscribe_link(token, as_of=SENT, key=KEY) == LONG_ENVELOPE.recipient


def test_a_long_address_is_neither_encoded_nor_cut_in_any_header() -> None:
    raw = digest_message(everything(), LONG_ENVELOPE, LINKS)

    mail = read_strictly(raw)

    domain = LONG_ENVELOPE.sender.rpartition("@")[2].removesuffix(">")
    assert mail.headers["from"] == LONG_ENVELOPE.sender
    assert mail.headers["to"] == LONG_ENVELOPE.recipient
    assert mail.headers["message-id"] == LONG_ENVELOPE.message_id
    assert mail.headers["list-id"] == f"Signals digest <digest.{domain}>"
    pictures = [part for part in mail.walk() if part.media_type == "image/png"]
    assert len(pictures) == 2
    for picture in pictures:
        content_id = picture.headers["content-id"].strip("<>")
        assert f"cid:{content_id}" in html_of(mail)


def html_of(mail: StrictPart) -> str:
    (part,) = [part for part in mail.walk() if part.media_type == "text/html"]
    return part.content.decode()


def test_one_click_on_the_address_in_the_bytes_unsubscribes_on_the_real_site(tmp_path: Path) -> None:
    url = f"sqlite:///{shutil.copy(migrated_template('sqlite'), tmp_path / 'signals.db')}"
    # RFC 8058, 3.1: a POST over HTTPS with this body, no cookies, and no redirect followed.
    with served(url) as address:
        links = Links(address.replace("http://", "https://"), web_site.KEY)
        envelope = replace(ENVELOPE, date=web_site.NOW)
        raw = digest_message(replace(everything(), as_of=web_site.NOW), envelope, links)
        assert header_line(raw, "List-Unsubscribe-Post").partition(b": ")[2] == b"List-Unsubscribe=One-Click"
        # TLS ends before the application, as it does behind a load balancer.
        target = unsubscribe_address(raw).replace("https://", "http://")
        answer = httpx.post(
            target,
            content=b"List-Unsubscribe=One-Click",
            headers={"content-type": "application/x-www-form-urlencoded"},
            follow_redirects=False,
        )
    assert answer.status_code == 200
    engine = engine_for(url)
    with read_transaction(engine) as connection:
        assert connection.execute(sa.select(suppression.c.recipient)).scalars().all() == ["ann@example.org"]
    engine.dispose()


@pytest.mark.parametrize(
    "raw",
    [
        failure_message(NOW, "Stage headlines: all sources down\r\nBcc: x@y.example", LONG_ENVELOPE, LINKS),
        notice_message("Subject with a line\r\nend and a tab\tin it", ["A line.", "A line\x0bof two"], LONG_ENVELOPE),
        trial_message(LONG_ENVELOPE),
        digest_message(titled("日本語の見出し " * 30), LONG_ENVELOPE, LINKS),
    ],
    ids=["failure", "notice", "trial", "titled"],
)
def test_every_kind_of_mail_is_read_by_a_strict_reader(raw: bytes) -> None:
    mail = read_strictly(raw)
    assert mail.headers["to"] == LONG_ENVELOPE.recipient
    assert "bcc" not in mail.headers


NAMES = st.text(st.characters(categories=["L", "N", "P", "S", "Zs"]), max_size=60) | st.sampled_from(
    [
        "",
        "Signals",
        "Signals, Inc.",
        'The "Desk"',
        "back\\slash",
        "J. Smith",
        "Müller & Söhne",
        "日本語" * 20,
        "👩‍👩‍👧",
        "=?x?=",
    ]
)
ATOMS = st.text("abcXYZ019!#$%&'*+/=?^_`{|}~-.", max_size=66)
LABELS = st.text("abcXYZ019-.", max_size=70)
ADDRESSES = st.builds("{}@{}".format, ATOMS, LABELS) | st.just("signals@example.org")
HOSTILE = st.text(max_size=40) | st.text('a@b."<>()\\,:;=?utf8q \r\n\x0b\x85\u2028\u202e\x00é', max_size=60)


def senders() -> st.SearchStrategy[str]:
    def in_quotes(name: str) -> str:
        escaped = name.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'

    named = st.builds("{} <{}>".format, NAMES | NAMES.map(in_quotes) | HOSTILE, ADDRESSES)
    return ADDRESSES | named | HOSTILE


def accepted(**values: str) -> Settings | None:
    """The settings, or None where they refuse a value in one line that names it."""
    try:
        return Settings.checked(**values)
    except SettingsError as error:
        message = str(error)
        assert message.isprintable()
        assert message.partition("=")[0].lower() in values
        return None


@settings(max_examples=60, deadline=None)
@given(
    sender=senders(),
    recipient=ADDRESSES | HOSTILE,
    base_url=st.sampled_from(["https://desk.example", LONG_URL, "https://desk.example:8443/a,b/(c)"])
    | st.text("htps:/.%é a\x0b<>,;", max_size=40).map(lambda tail: f"https://desk.example/{tail}"),
    subject=st.text(max_size=200) | HOSTILE,
    company=st.text(max_size=80),
)
def test_what_settings_accept_is_what_independent_readers_find(
    sender: str, recipient: str, base_url: str, subject: str, company: str
) -> None:
    checked = accepted(mail_from=sender)
    sender = checked.mail_from if checked else "Signals <signals@example.org>"
    checked = accepted(digest_recipients=recipient)
    recipients = checked.recipients if checked else ()
    recipient = recipients[0] if recipients else "ann@example.org"
    checked = accepted(signals_base_url=base_url)
    base_url = checked.signals_base_url if checked and checked.signals_base_url else "https://desk.example"
    digest = everything()
    digest = replace(digest, subject=subject, new=(replace(digest.new[0], company=company),))
    mailbox = parse_sender(sender)
    envelope = Envelope(sender, recipient, f"<digest.1@{mailbox.domain}>", SENT)

    raw = digest_message(digest, envelope, Links(base_url, KEY))

    # The strict reader.
    strict = read_strictly(raw)
    shown_sender = f"{mailbox.name} <{mailbox.address}>" if mailbox.name else mailbox.address
    assert strict.headers["from"] == shown_sender
    assert strict.headers["to"] == recipient
    assert strict.headers["message-id"] == envelope.message_id
    assert strict.headers["list-unsubscribe"].startswith(f"<{base_url.rstrip('/')}/unsubscribe/")
    # The standard library's two parsers, old and new.
    old = message_from_bytes(raw)
    name, address = parseaddr(str(old["From"]))
    assert (str(make_header(decode_header(name))), address) == (mailbox.name, mailbox.address)
    assert parseaddr(str(old["To"]))[1] == recipient
    assert str(make_header(decode_header(old["Subject"]))) == strict.headers["subject"]
    new = message_from_bytes(raw, policy=policy.SMTP)
    (parsed,) = new["From"].addresses
    assert parsed.addr_spec == mailbox.address
    # Before Python 3.13.2 this parser leaves a space between two encoded words of a name (python/cpython#128110).
    assert parsed.display_name.replace(" ", "") == mailbox.name.replace(" ", "")
    assert [each.addr_spec for each in new["To"].addresses] == [recipient]
    assert new["List-Unsubscribe"] == strict.headers["list-unsubscribe"]
    assert new["Subject"] == strict.headers["subject"]
    assert [part.get_content_type() for part in new.walk()] == [part.media_type for part in strict.walk()]
    assert new.defects == []


PRINTABLE = st.text(st.characters(categories=["L", "M", "N", "P", "S"], include_characters=" ="), max_size=160)


@settings(max_examples=60, deadline=None)
@given(subject=PRINTABLE.map(lambda text: " ".join(text.split())) | st.just("1 new =?utf-8?q?=41?= and =?x"))
def test_a_printable_subject_is_read_as_it_was_written(subject: str) -> None:
    read = read_strictly(trial_like(subject))
    assert read.headers["subject"] == shorten(f"Signals: {subject}".strip(), 150)


def trial_like(subject: str) -> bytes:
    return notice_message(subject, ["A line."], ENVELOPE)


@pytest.mark.parametrize("value", ["<a b>", "é", "a\r\nBcc: x@y.example", "", "x" * 999])
def test_a_header_that_would_break_the_message_is_refused_in_one_line(value: str) -> None:
    with pytest.raises(HeaderError) as refused:
        header_lines("Message-ID", [value])
    assert str(refused.value).isprintable()
