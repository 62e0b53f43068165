"""Mail through Amazon SES (API v2): one call per mail, never retried by itself."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# boto3 and botocore have no types.

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from signals_pipeline.adapters.mail.transport import error_line
from signals_pipeline.core.digest.delivery import NotSent, Unanswered

# Errors that may pass without a change to the mail: SendEmail and common errors in the API reference.
_TRANSIENT_CODES = {
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
    """Amazon SES; boto3 finds region, credentials and endpoint.

    Attributes:
        seconds: Timeout of the connection and of the response, in seconds.
        endpoint: Address of the service; empty: the region's.
        configuration_set: Names the event destinations of bounces and complaints; empty: none.
    """

    seconds: float = 30
    endpoint: str = ""
    configuration_set: str = ""

    @contextmanager
    def offer(self, sender: str, recipient: str) -> Generator["_Call", None, None]:
        """Make the client.

        Raises:
            NotSent: on entering; region or credentials are missing.
        """
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError

        # botocore retries a call without a response by default: the mail might be sent twice.
        single_attempt = Config(
            retries={"total_max_attempts": 1, "mode": "standard"},
            connect_timeout=self.seconds,
            read_timeout=self.seconds,
        )
        try:
            session = boto3.Session()
            client = session.client("sesv2", config=single_attempt, endpoint_url=self.endpoint or None)
            credentials = session.get_credentials()
        except BotoCoreError as error:
            raise NotSent(f"SES: {error_line(error)}", permanent=False) from error
        if credentials is None:
            raise NotSent("SES: no AWS credentials found: give the task a role, or set AWS_PROFILE", permanent=False)
        yield _Call(client, sender, recipient, self.configuration_set)


class _Call:
    """The one call that sends a mail."""

    def __init__(self, client: Any, sender: str, recipient: str, configuration_set: str) -> None:  # noqa: ANN401 - boto3's clients have no type
        self._client = client
        # boto3 takes no empty name.
        self._options = {"ConfigurationSetName": configuration_set} if configuration_set else {}
        self._sender = sender
        self._recipient = recipient

    def hand_over(self, content: bytes) -> str:
        """Send the content unchanged and return SES's message ID.

        Raises:
            NotSent: SES says that it did not accept the mail, or was not reached.
            Unanswered: no response came, or a 5xx one, after which SES may have accepted the mail.
        """
        from botocore import exceptions as boto

        try:
            response = self._client.send_email(
                FromEmailAddress=self._sender,
                Destination={"ToAddresses": [self._recipient]},
                Content={"Raw": {"Data": content}},
                **self._options,
            )
        except boto.ClientError as error:
            raise _rejection(error.response, error_line(error)) from error
        except (boto.ConnectTimeoutError, boto.CredentialRetrievalError, boto.EndpointConnectionError) as error:
            # Nothing was sent yet.
            raise NotSent(f"SES: {error_line(error)}", permanent=False) from error
        except boto.BotoCoreError as error:
            raise Unanswered(f"SES did not respond to the mail: {error_line(error)}") from error
        return str(response["MessageId"])


def _rejection(response: Any, message: str) -> NotSent | Unanswered:  # noqa: ANN401 - botocore's own shape
    code = response.get("Error", {}).get("Code", "")
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if status >= 500:
        return Unanswered(f"SES failed while handling the mail: {message}")
    transient = code in _TRANSIENT_CODES or status == 429
    return NotSent(f"SES rejected the mail: {message}", permanent=not transient)
