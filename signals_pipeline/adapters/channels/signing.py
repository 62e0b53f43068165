"""Signatures of webhooks as the Standard Webhooks specification has them (version 1.0.0, symmetric scheme).

Source: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from datetime import datetime

from signals_pipeline.core.errors import SignalsError

_PREFIX = "whsec_"
_MIN_BYTES, _MAX_BYTES = 24, 64  # 192 and 512 bits, by the specification


class WebhookSecretError(SignalsError, ValueError):
    """A text is no secret that webhooks can be signed with; the message does not repeat it."""


def signing_key(secret: str) -> bytes:
    """The key of a secret such as `whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw`.

    Raises:
        WebhookSecretError: it is no such secret.
    """
    advice = (
        "make one with: python -c \"import base64, os; print('whsec_' + base64.b64encode(os.urandom(32)).decode())\""
    )
    if not secret.startswith(_PREFIX):
        raise WebhookSecretError(f"a webhook's secret begins with {_PREFIX}; {advice}")
    try:
        key = base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise WebhookSecretError(f"a webhook's secret is Base64 after {_PREFIX}; {advice}") from None
    if not _MIN_BYTES <= len(key) <= _MAX_BYTES:
        raise WebhookSecretError(f"a webhook's secret has {_MIN_BYTES} to {_MAX_BYTES} bytes; {advice}")
    return key


def signature_headers(secrets: str, *, message_id: str, sent_at: datetime, body: bytes) -> Mapping[str, str]:
    """The three headers that tell a receiver who sent a webhook, and when.

    Args:
        secrets: One secret, or the new and the old one with a blank between them while they are exchanged.
        message_id: The same in every attempt; without a full stop, which separates what is signed.
        sent_at: When this attempt is made (aware).
        body: The body, byte for byte.

    Raises:
        WebhookSecretError: one of them is no secret.
    """
    timestamp = str(int(sent_at.timestamp()))
    signed = b".".join([message_id.encode(), timestamp.encode(), body])
    signatures: list[str] = []
    for secret in secrets.split():
        digest = hmac.new(signing_key(secret), signed, hashlib.sha256).digest()
        signatures.append(f"v1,{base64.b64encode(digest).decode()}")
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": " ".join(signatures),
    }
