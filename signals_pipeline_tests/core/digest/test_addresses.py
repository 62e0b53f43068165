"""Addresses: what is accepted reads back as it is, everything else is refused in one line that says what to do."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.core.digest.addresses import AddressError, Mailbox, check_address, parse_sender

LABEL = "d" * 63


@pytest.mark.parametrize(
    "address",
    [
        *("ann@example.org", "a@localhost", "first.last+tag@sub.example.org", "!#$%&'*+/?=^_`{|}~-@x.example"),
        *(
            "a@xn--mller-kva.example",
            f"{'l' * 64}@example.org",
            f"a@{LABEL}.{LABEL}.{LABEL}.{'d' * 60}",
            "a@3m.example",
        ),
    ],
)
def test_an_address_that_every_server_handles_is_accepted(address: str) -> None:
    assert check_address(address) == address


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("", "like ann@example.org"),
        ("ann", "like ann@example.org"),
        ("@example.org", "like ann@example.org"),
        ("ann@", "like ann@example.org"),
        ("a@b@example.org", "like ann@example.org"),
        (".ann@example.org", "like ann@example.org"),
        ("ann.@example.org", "like ann@example.org"),
        ("a..b@example.org", "like ann@example.org"),
        ("ann smith@example.org", "like ann@example.org"),
        ('"ann smith"@example.org', "like ann@example.org"),
        ("ann(comment)@example.org", "like ann@example.org"),
        ("ann\x0b@example.org", "like ann@example.org"),
        ("ann@example.org\n", "a domain consists of"),
        ("ann@example.org\x0b", "a domain consists of"),
        ("ann@example..org", "a domain consists of"),
        ("ann@.example.org", "a domain consists of"),
        ("ann@example.org.", "a domain consists of"),
        ("ann@-example.org", "a domain consists of"),
        ("ann@example-.org", "a domain consists of"),
        ("ann@ex_ample.org", "a domain consists of"),
        ("ann@[127.0.0.1]", "a domain consists of"),
        (f"ann@{LABEL}d.org", "a domain consists of"),
        ("=?utf-8?q?ann?=@example.org", "mail programs decode"),
        ("änn@example.org", "xn-- form"),
        ("ann@müller.example", "xn-- form"),
        ("ann@example.org\x85", "xn-- form"),
        ("ann@example.org\u2028", "xn-- form"),
        (f"{'l' * 65}@example.org", "more than 64 characters before the @"),
        (f"a@{LABEL}.{LABEL}.{LABEL}.{'d' * 61}", "more than 254 characters"),
    ],
)
def test_an_address_that_could_break_a_mail_is_refused_with_the_reason(address: str, reason: str) -> None:
    with pytest.raises(AddressError, match=re.escape(reason)) as refused:
        check_address(address)
    assert str(refused.value).isprintable()


@pytest.mark.parametrize(
    ("text", "mailbox"),
    [
        ("signals@example.org", Mailbox("", "signals@example.org")),
        (" signals@example.org ", Mailbox("", "signals@example.org")),
        ("<signals@example.org>", Mailbox("", "signals@example.org")),
        ("Signals <signals@example.org>", Mailbox("Signals", "signals@example.org")),
        ("J. P.  Müller <j@example.org>", Mailbox("J. P. Müller", "j@example.org")),
        ('"Signals, Inc." <signals@example.org>', Mailbox("Signals, Inc.", "signals@example.org")),
        ('"The \\"Desk\\" \\\\ (a@b)" <d@example.org>', Mailbox('The "Desk" \\ (a@b)', "d@example.org")),
        ("日本語 👍 <j@example.org>", Mailbox("日本語 👍", "j@example.org")),
    ],
)
def test_a_sender_is_an_address_or_a_name_with_one(text: str, mailbox: Mailbox) -> None:
    assert parse_sender(text) == mailbox
    assert mailbox.domain == "example.org"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Signals", "like ann@example.org"),
        ("Signals <signals@example.org", "use signals@example.org or"),
        ("A <b@example.org> <c@example.org>", "use signals@example.org or"),
        ("Signals, Inc. <signals@example.org>", "stands in quotes"),
        ("Signals (test) <signals@example.org>", "stands in quotes"),
        ('The "Desk" <signals@example.org>', "stands in quotes"),
        ('"open <signals@example.org>', "stands in quotes"),
        ("=?utf-8?q?Signals?= <signals@example.org>", "write it in plain letters"),
        ('"=?utf-8?q?Signals?=" <signals@example.org>', "write it in plain letters"),
        ("Signals\r\nBcc: x@y.example <signals@example.org>", "control or formatting character"),
        ("Signals\x0b <signals@example.org>", "control or formatting character"),
        ("Signals\x85 <signals@example.org>", "control or formatting character"),
        ("Signals\u2028 <signals@example.org>", "control or formatting character"),
        ("\u202eslangiS <signals@example.org>", "control or formatting character"),
        ("half a pair \ud83d <signals@example.org>", "control or formatting character"),
        (f"{'n' * 101} <signals@example.org>", "more than 100 characters"),
        (f"Signals <a@{'d.' * 100}d>", "more than 200 characters"),
        ("Signals <a b@example.org>", "like ann@example.org"),
    ],
)
def test_a_sender_that_could_break_a_header_is_refused_with_the_reason(text: str, reason: str) -> None:
    with pytest.raises(AddressError, match=re.escape(reason)) as refused:
        parse_sender(text)
    assert str(refused.value).isprintable()


def parsed(text: str) -> Mailbox | AddressError:
    try:
        return parse_sender(text)
    except AddressError as error:
        return error


@given(st.text(max_size=80) | st.text('a@b."<>()\\,:;=? \r\n\x0b\x85\u2028é-', max_size=40))
def test_whatever_the_text_it_is_parsed_or_refused_in_one_line(text: str) -> None:
    result = parsed(text)
    if isinstance(result, AddressError):
        assert str(result).isprintable()
    else:
        assert check_address(result.address) == result.address
        assert result.name.isprintable()
        assert "=?" not in result.name
