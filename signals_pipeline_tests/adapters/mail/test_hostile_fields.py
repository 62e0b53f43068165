"""An attack in every field of a digest at once: the mail has the same parts, tags and headers as a harmless one."""

import re
from email.message import EmailMessage

import pytest

from signals_pipeline.adapters.mail.message import MAX_MESSAGE_BYTES, digest_message, failure_message, notice_message
from signals_pipeline_tests.support.digest_pages import NOW, Page
from signals_pipeline_tests.support.hostile_input import ATTACKS, HIDDEN, SCHEMES, poisoned
from signals_pipeline_tests.support.mails import ENVELOPE, LINKS, body, read, shape

TAGS = {"html", "head", "meta", "title", "style", "body", "div", "table", "tbody", "tr", "td", "h1", "h2", "p", "b"}
TAGS |= {"span", "br", "a", "img"}


def mail_of(attack: str, link: str = "https://news.example/1") -> EmailMessage:
    return read(digest_message(poisoned(attack, link), ENVELOPE, LINKS))


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_an_attack_in_every_field_changes_neither_headers_nor_parts_nor_markup(attack: str) -> None:
    plain, mail = mail_of("A title"), mail_of(attack)
    assert mail.keys() == plain.keys()
    assert set(shape(mail)) <= set(shape(plain))  # a symbol that is none has no chart
    assert mail.get_content_type() == "multipart/alternative"
    assert mail.defects == []
    html, text = body(mail, "html"), body(mail, "plain")
    page = Page(html)
    assert page.open == []
    assert {tag for tag, _ in page.tags} <= TAGS
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    sources = {str(attributes["src"]).partition(":")[0] for tag, attributes in page.tags if tag == "img"}
    assert sources <= {"cid"}
    assert len(html.encode()) + len(text.encode()) <= MAX_MESSAGE_BYTES
    for part in (html, text, *(str(value) for value in mail.values())):
        assert not HIDDEN.search(part)
    if "script" in attack:
        assert "<script>alert(1)</script>" in page.text  # as text


@pytest.mark.parametrize("link", SCHEMES)
def test_a_link_that_is_none_is_in_neither_part(link: str) -> None:
    mail = mail_of("A title", link)
    targets = [str(target) for target in Page(body(mail, "html")).links]
    assert targets
    assert all(target.startswith("https://desk.example/") for target in targets)
    assert link not in body(mail, "plain")


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=ATTACKS)
def test_so_of_the_mails_to_whoever_runs_it(attack: str) -> None:
    for content in (failure_message(NOW, attack, ENVELOPE, LINKS), notice_message(attack, [attack], ENVELOPE)):
        mail = read(content)
        assert {"Bcc", "bcc"} & set(mail.keys()) == set()
        assert len(str(mail["Subject"])) <= 160
        for part in mail.walk():
            if not part.is_multipart():
                assert not HIDDEN.search(part.get_content())
        assert not re.search("\n\nBcc|\nBcc", content.decode().replace("\r", ""))
