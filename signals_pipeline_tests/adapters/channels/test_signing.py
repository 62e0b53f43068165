"""Signatures of webhooks: the specification's own example, several secrets, and what is no secret."""

import base64
from datetime import UTC, datetime

import pytest

from signals_pipeline.adapters.channels.signing import WebhookSecretError, signature_headers, signing_key
from signals_pipeline_tests.support.channel_server import SECRET

# The test vector of the specification's libraries.
AT = datetime.fromtimestamp(1614265330, UTC)
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
OTHER = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def test_a_signature_is_that_of_the_specifications_libraries() -> None:
    headers = signature_headers(SECRET, message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", sent_at=AT, body=BODY)

    assert headers == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": SIGNATURE,
    }


def test_two_secrets_sign_while_they_are_exchanged() -> None:
    both = signature_headers(f"{OTHER} {SECRET}", message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", sent_at=AT, body=BODY)

    new, old = both["webhook-signature"].split(" ")
    assert new != old
    assert old == SIGNATURE


@pytest.mark.parametrize(
    "secret",
    [
        "",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "whsec_",
        "whsec_é",
        "whsec_####",
        "whsec_c2hvcnQ=",
        "whsec_" + "QUJD" * 30,
    ],
)
def test_another_text_is_refused_without_being_repeated(secret: str) -> None:
    with pytest.raises(WebhookSecretError, match="a webhook's secret") as raised:
        signing_key(secret)
    if len(secret) > 6:
        assert secret.removeprefix("whsec_") not in str(raised.value)
