"""Mail through Amazon SES (API v2), one call a mail and never a second one by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from signals_pipeline.adapters.mail.transport import told
from signals_pipeline.core.digest.delivery import NotSent, Unanswered

# API reference of SendEmail, Errors: these may heal without a change of the mail.
_MAY_HEAL = {
    "AccessDeniedException",
    "ExpiredTokenException",
    "InvalidClientTokenId",
    "LimitExceededException",
    "SendingPausedException",
    "SignatureDoesNotMatch",
    "ThrottlingException",
    "TooManyRequestsException",
    "UnrecognizedClientException",
}


@dataclass(frozen=True, slots=True)
class SesTransport:
    """Amazon SES; region, credentials and endpoint as boto3 finds them.

    Attributes:
        seconds: How long an answer may take.
        endpoint: Address of the service; empty: the region's.
    """

    seconds: float = 30
    endpoint: str = ""

    @contextmanager
    def offer(self, sender: str, recipient: str) -> Iterator["_Call"]:
        """Make the client.

        Raises:
            NotSent: on entering; region or credentials are missing.
        """
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        # botocore repeats a call by itself when no answer comes: the mail might go twice.
        once = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=self.seconds,
            read_timeout=self.seconds,
        )
        try:
            session = boto3.Session()
            client = session.client("sesv2", config=once, endpoint_url=self.endpoint or None)
            if session.get_credentials() is None:
                raise NotSent(
                    "SES: no AWS credentials found: give the task a role, or set AWS_PROFILE", permanent=False
                )
        except BotoCoreError as error:
            raise NotSent(f"SES: {told(error)}", permanent=False) from error
        yield _Call(client, sender, recipient)


class _Call:
    """The one call of a mail."""

    def __init__(self, client: Any, sender: str, recipient: str) -> None:  # noqa: ANN401 - boto3's clients have no type
        self._client = client
        self._sender = sender
        self._recipient = recipient

    def hand_over(self, content: bytes) -> str:
        """Send the content as it is; SES's message id.

        Raises:
            NotSent: SES says that it did not take it, or was not reached.
            Unanswered: no answer came, or one of the kind 5xx, after which SES may have taken it.
        """
        from botocore import exceptions as boto

        try:
            answer = self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [self._recipient]},
                Content={"Raw": {"Data": content}},
            )
        except boto.ClientError as error:
            raise _judged(error.response, told(error)) from error
        except (boto.ConnectTimeoutError, boto.CredentialRetrievalError, boto.EndpointConnectionError) as error:
            raise NotSent(f"SES: {told(error)}", permanent=False) from error
        except boto.BotoCoreError as error:
            raise Unanswered(f"SES gave no answer to the mail: {told(error)}") from error
        return str(answer["MessageId"])


def _judged(response: Any, said: str) -> NotSent | Unanswered:  # noqa: ANN401 - botocore's own shape
    code = response.get("Error", {}).get("Code", "")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status >= 500:
        return Unanswered(f"SES failed while it had the mail: {said}")
    return NotSent(f"SES refuses the mail: {said}", permanent=code not in _MAY_HEAL and status != 429)
