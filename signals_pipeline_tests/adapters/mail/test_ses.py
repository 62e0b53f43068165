"""Amazon SES over real sockets: moto's server for what works, one of our own for what breaks."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.server import ThreadedMotoServer
from moto.ses.models import ses_backends

from signals_pipeline.adapters.mail.message import digest_message
from signals_pipeline.adapters.mail.ses import SesTransport
from signals_pipeline.core.digest.delivery import NotSent, Sent, Unanswered
from signals_pipeline_tests.support.digest_pages import everything
from signals_pipeline_tests.support.mail_servers import DROP, STALL, answering_http
from signals_pipeline_tests.support.mails import ENVELOPE, LINKS

MAIL = b"From: signals@example.org\r\nTo: ann@example.org\r\nSubject: 1 new\r\n\r\nA line.\r\n"


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "planted-id"),
        ("AWS_SECRET_ACCESS_KEY", "planted-secret"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ):
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def moto_address() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def send(endpoint: str, seconds: float = 5, content: bytes = MAIL) -> object:
    try:
        with SesTransport(seconds, endpoint).offer("signals@example.org", "ann@example.org") as call:
            return Sent(call.hand_over(content))
    except (NotSent, Unanswered) as problem:
        return problem


def test_a_verified_sender_sends(moto_address: str) -> None:
    client: Any = boto3.client("sesv2", endpoint_url=moto_address)
    client.create_email_identity(EmailIdentity="signals@example.org")
    content = digest_message(everything(), ENVELOPE, LINKS)
    answer = send(moto_address, content=content)
    assert isinstance(answer, Sent)
    assert answer.provider_id
    (taken,) = ses_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].sent_messages
    assert set(taken.destinations) == {"ann@example.org"}
    assert taken.raw_data.encode() == content  # byte by byte, so that List-Unsubscribe is what SES signs


def test_a_sender_that_is_not_verified_is_refused_for_good(moto_address: str) -> None:
    boto3.client("sesv2", endpoint_url=moto_address).delete_email_identity(EmailIdentity="signals@example.org")
    answer = send(moto_address)
    assert isinstance(answer, NotSent)
    assert answer.permanent
    assert "MessageRejected" in str(answer)


@pytest.mark.parametrize(
    ("status", "code", "permanent"),
    [
        (429, "TooManyRequestsException", False),
        (400, "LimitExceededException", False),
        (400, "SendingPausedException", False),
        (403, "AccessDeniedException", False),
        (400, "MessageRejected", True),
        (404, "NotFoundException", True),
    ],
)
def test_a_rejection_says_whether_a_retry_may_help(status: int, code: str, *, permanent: bool) -> None:
    with answering_http(status, f'{{"__type": "{code}", "message": "no"}}') as (address, calls):
        answer = send(address)
    assert isinstance(answer, NotSent), answer
    assert answer.permanent is permanent
    assert code in str(answer)
    assert len(calls) == 1  # never a second try by itself


@pytest.mark.parametrize(("status", "body"), [(500, "{}"), (503, "<html>"), (0, DROP), (0, STALL)])
def test_a_failure_after_the_mail_was_sent_leaves_its_fate_unknown(status: int, body: str | bytes) -> None:
    with answering_http(status, body) as (address, calls):
        answer = send(address, seconds=0.5)
    assert isinstance(answer, Unanswered), answer
    assert len(calls) == 1


@pytest.mark.parametrize("name", ["", "signals-public-mail"])
def test_mail_names_the_configuration_set_that_reports_bounces(name: str) -> None:
    bodies: list[bytes] = []
    with answering_http(200, '{"MessageId": "1"}', bodies) as (address, _):
        transport = SesTransport(5, address, configuration_set=name)
        with transport.offer("signals@example.org", "ann@example.org") as call:
            assert call.hand_over(MAIL) == "1"
    [body] = bodies
    assert json.loads(body).get("ConfigurationSetName", "") == name


def test_nobody_listens() -> None:
    with answering_http(200, "{}") as (address, _):
        pass
    answer = send(address)
    assert isinstance(answer, NotSent)
    assert not answer.permanent


@pytest.mark.parametrize("missing", ["AWS_ACCESS_KEY_ID", "AWS_DEFAULT_REGION"])
def test_without_credentials_or_region_the_mail_waits(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.delenv(missing)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    answer = send("")
    assert isinstance(answer, NotSent)
    assert not answer.permanent
    assert "planted" not in str(answer)
