"""SMTP over real sockets: what every end of a conversation means for the mail."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.adapters.mail.smtp import SmtpConfigError, SmtpTransport
from signals_pipeline.core.digest.delivery import NotSent, Sent, Unanswered
from signals_pipeline_tests.support.mail_servers import (
    DROP,
    PASSWORD,
    STALL,
    USER,
    Inbox,
    Misbehaviour,
    bad_server,
    client_context,
    mail_server,
)

WRONG = "hunter2"
MAIL = b"Subject: 1 new\r\n\r\nA line.\r\n.\r\n..two dots\r\n\r\n.end\r\n"


def send(transport: SmtpTransport, content: bytes = MAIL, recipient: str = "ann@example.org") -> object:
    """The outcome of sending one mail."""
    try:
        with transport.offer("signals@example.org", recipient) as conversation:
            return Sent(conversation.hand_over(content))
    except (NotSent, Unanswered) as problem:
        return problem


def on(port: int, **options: object) -> SmtpTransport:
    values: dict[str, object] = {"tls": "none", "step_seconds": 5.0, "total_seconds": 20.0, **options}
    return SmtpTransport("127.0.0.1", port, **values)  # pyright: ignore[reportArgumentType]


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # it knows no TLS but STARTTLS
@pytest.mark.parametrize(
    ("tls", "login"), [("none", False), ("starttls", False), ("tls", False), ("starttls", True), ("tls", True)]
)
def test_a_mail_arrives_as_it_was_given(tls: str, *, login: bool) -> None:
    inbox, who = Inbox(), {"user": USER, "password": PASSWORD} if login else {}
    with mail_server(inbox, tls=tls, login=login) as port:
        answer = send(on(port, tls=tls, context=client_context(), **who))
    assert isinstance(answer, Sent)
    assert "queued as 1" in answer.provider_id
    assert inbox.taken == [("ann@example.org", MAIL)]
    assert inbox.logged_in == ([USER] if login else [])


LINES = st.lists(st.binary(max_size=30).map(lambda line: re.sub(rb"[\r\n]", b"", line)), min_size=1, max_size=8)


@settings(max_examples=6)
@given(lines=LINES)
def test_no_line_of_dots_ends_a_mail_early(lines: list[bytes]) -> None:
    content = b"Subject: x\r\n\r\n" + b"\r\n".join([*lines, b"end"]) + b"\r\n"
    dotted = content.replace(b"\r\n", b"\r\n.").removesuffix(b".")
    inbox = Inbox()
    with mail_server(inbox) as port:
        for mail in (content, dotted):
            assert isinstance(send(on(port), mail), Sent)
    assert [taken for _, taken in inbox.taken] == [content, dotted]


def test_one_of_three_recipients_is_refused_and_the_others_get_theirs() -> None:
    inbox = Inbox(refused={"bob@example.org": "550 no such user", "cem@example.org": "451 come back later"})
    with mail_server(inbox) as port:
        answers = [send(on(port), recipient=f"{name}@example.org") for name in ("ann", "bob", "cem", "dee")]
    assert inbox.recipients == ["ann@example.org", "dee@example.org"]
    refused, later = answers[1:3]
    assert isinstance(refused, NotSent)
    assert isinstance(later, NotSent)
    assert (refused.permanent, later.permanent) == (True, False)
    assert "rejected the recipient: 550 no such user" in str(refused)


BEFORE = {
    "drops at once": {"connect": DROP},
    "greets with an error": {"connect": b"554 not here\r\n"},
    "is no mail server": {"connect": b"HTTP/1.1 400 Bad Request\r\n\r\n"},
    "stalls at once": {"connect": STALL},
    "drops at hello": {"EHLO": DROP, "HELO": DROP},
    "refuses hello": {"EHLO": b"502 no\r\n", "HELO": b"502 no\r\n"},
    "stalls at the sender": {"MAIL": STALL},
    "is busy": {"MAIL": b"421 too busy\r\n"},
    "defers": {"RCPT": b"451 greylisted\r\n"},
    "drops at the recipient": {"RCPT": DROP},
    "drops at DATA": {"DATA": DROP},
    "stalls at DATA": {"DATA": STALL},
    "defers at DATA": {"DATA": b"451 later\r\n"},
    "wants a log-in": {"MAIL": b"530 5.7.0 Authentication required\r\n"},
}


@pytest.mark.parametrize("case", BEFORE)
def test_a_failure_before_the_content_leaves_a_mail_that_can_be_retried(case: str) -> None:
    misbehaviour = Misbehaviour(BEFORE[case])
    with bad_server(misbehaviour) as port:
        answer = send(on(port, step_seconds=0.5))
    assert isinstance(answer, NotSent), answer
    assert not answer.permanent
    assert str(answer).startswith(f"SMTP server 127.0.0.1:{port}")
    assert misbehaviour.taken == 0


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_a_permanent_rejection_before_the_content_is_permanent(command: str) -> None:
    with bad_server(Misbehaviour({command: b"554 never\r\n"})) as port:
        answer = send(on(port))
    assert isinstance(answer, NotSent)
    assert answer.permanent


@pytest.mark.parametrize("end", [DROP, STALL])
def test_a_failure_after_the_content_leaves_the_fate_of_the_mail_unknown(end: bytes) -> None:
    misbehaviour = Misbehaviour({"content": end})
    with bad_server(misbehaviour) as port:
        answer = send(on(port, step_seconds=0.5))
    assert isinstance(answer, Unanswered), answer
    assert misbehaviour.taken == 1


@pytest.mark.parametrize(("code", "permanent"), [(b"451", False), (b"554", True)])
def test_a_mail_that_is_rejected_after_its_content_was_not_sent(code: bytes, *, permanent: bool) -> None:
    with bad_server(Misbehaviour({"content": code + b" smells of spam\r\n"})) as port:
        answer = send(on(port))
    assert isinstance(answer, NotSent)
    assert answer.permanent is permanent
    assert "rejected the mail" in str(answer)


@pytest.mark.parametrize("last", [{"QUIT": DROP}, {"QUIT": STALL}])
def test_a_mail_is_sent_once_the_server_accepts_it_even_if_the_server_dies_then(last: dict[str, bytes]) -> None:
    with bad_server(Misbehaviour(last)) as port:
        assert isinstance(send(on(port)), Sent)


def test_a_server_that_trickles_its_replies_is_cut_off() -> None:
    endless = b"250-still here\r\n" * 3
    with bad_server(Misbehaviour({"EHLO": endless})) as port:
        answer = send(on(port, step_seconds=30.0, total_seconds=0.5))
    assert isinstance(answer, NotSent)


def test_nobody_listens() -> None:
    with bad_server(Misbehaviour({})) as port:
        pass
    answer = send(on(port))
    assert isinstance(answer, NotSent)
    assert "refused" in str(answer)


def test_a_certificate_that_is_not_trusted_ends_it_before_the_password() -> None:
    inbox = Inbox()
    with mail_server(inbox, tls="starttls", login=True) as port:
        answer = send(on(port, tls="starttls", user=USER, password=PASSWORD))
    assert isinstance(answer, NotSent)
    assert "certificate" in str(answer).lower()
    assert inbox.logged_in == []


def test_a_server_without_starttls_gets_nothing() -> None:
    inbox = Inbox()
    with mail_server(inbox) as port:
        answer = send(on(port, tls="starttls", context=client_context()))
    assert isinstance(answer, NotSent)
    assert inbox.taken == []


def test_a_wrong_password_is_reported_without_the_password() -> None:
    with mail_server(Inbox(), tls="starttls", login=True) as port:
        transport = on(port, tls="starttls", user=USER, password=WRONG, context=client_context())
        answer = send(transport)
    assert isinstance(answer, NotSent)
    assert f"rejected the login of {USER}" in str(answer)
    assert "hunter2" not in f"{answer}{transport!r}"


def test_a_password_that_the_server_repeats_is_hidden() -> None:
    echo = {
        "EHLO": b"250-here\r\n250 AUTH LOGIN PLAIN\r\n",
        "AUTH": b"535 bad: hunter2 aHVudGVyMg== AGRlc2sAaHVudGVyMg==\r\n",
    }
    with bad_server(Misbehaviour(echo)) as port:
        answer = send(on(port, user=USER, password=WRONG))
    assert isinstance(answer, NotSent)
    assert "hunter2" not in str(answer)
    assert "aHVudGVyMg" not in str(answer)
    assert str(answer).count("[hidden]") == 3


def test_a_hostile_reply_becomes_one_short_line() -> None:
    with bad_server(Misbehaviour({"RCPT": b"550 " + b"\x1b[31m\xe2\x80\xae" * 100 + b"\r\n"})) as port:
        answer = send(on(port))
    assert str(answer).isprintable()
    assert len(str(answer)) < 400


def test_a_password_never_goes_unencrypted_beyond_this_machine() -> None:
    with pytest.raises(SmtpConfigError, match=r"^SMTP_TLS=none would send the password of desk to mail\.example\.org"):
        SmtpTransport("mail.example.org", 25, "none", USER, PASSWORD)
    assert SmtpTransport("mail.example.org", 25, "none").user == ""


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"user": USER, "password": "pässword"}, "SMTP_PASSWORD has characters outside ASCII"),
        ({"user": "dësk", "password": PASSWORD}, "SMTP_USER has characters outside ASCII"),
    ],
)
def test_a_login_that_smtp_can_not_carry_is_a_failed_attempt_that_names_its_setting(
    options: dict[str, str], named: str
) -> None:
    answers = {"EHLO": b"250-here\r\n250 AUTH PLAIN LOGIN\r\n"}
    with bad_server(Misbehaviour(answers)) as port:
        answer = send(on(port, **options))
    assert isinstance(answer, NotSent)
    assert not answer.permanent
    assert str(answer).startswith(named)
    assert options["password"] not in str(answer)


@pytest.mark.parametrize("host", ["mail..example.org", "a" * 64 + ".example", ".example.org"])
def test_a_host_that_is_no_name_is_a_failed_attempt_that_names_its_setting(host: str) -> None:
    answer = send(SmtpTransport(host, 25, "none"))
    assert isinstance(answer, NotSent)
    assert not answer.permanent
    assert str(answer).startswith(f"SMTP_HOST '{host}' is not a valid host name")


def test_one_mail_ends_within_the_grace_period_of_a_container() -> None:
    """SIGTERM waits for the mail that is being handed over; deploy/stack.yaml gives a task 110 s."""
    assert SmtpTransport("127.0.0.1", 25).total_seconds < 110
