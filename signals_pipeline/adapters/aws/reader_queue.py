"""The SQS queue with readers' requests. What its messages mean is in `core.digest.reader_requests`."""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# boto3 and botocore have no types.

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from signals_pipeline.adapters.mail.transport import error_line
from signals_pipeline.core.errors import SignalsError

# Long polling asks all of SQS's servers; without it, one that holds a message may be left out.
_WAIT_SECONDS = 1
_BATCH = 10


class ReaderQueueError(SignalsError):
    """The queue can't be reached, or refuses; the message is one line."""


@dataclass(frozen=True, slots=True)
class QueuedMessage:
    """A message as the queue delivers it.

    Attributes:
        message_id: SQS's name of it, to find it in the dead-letter queue.
        receipt: What deletes it.
        body: Its text, from an untrusted source; it may hold an address.
        sent_at: When the queue received it (UTC).
    """

    message_id: str
    receipt: str
    body: str
    sent_at: datetime


@dataclass(frozen=True)
class ReaderQueue:
    """A queue by its URL; boto3 finds region and credentials."""

    url: str
    endpoint: str = ""

    def receive(self) -> list[QueuedMessage]:
        """Return up to ten messages; the queue hides them for its visibility timeout. None are left where it is empty.

        Raises:
            ReaderQueueError: The queue can't be reached, or refuses.
        """
        answer = self._call(
            "receive_message",
            MaxNumberOfMessages=_BATCH,
            WaitTimeSeconds=_WAIT_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        messages: list[QueuedMessage] = []
        for message in answer.get("Messages", ()):
            sent_at = datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)
            messages.append(QueuedMessage(message["MessageId"], message["ReceiptHandle"], message["Body"], sent_at))
        return messages

    def delete(self, message: QueuedMessage) -> None:
        """Delete a message that was applied.

        Raises:
            ReaderQueueError: The queue can't be reached, or refuses.
        """
        self._call("delete_message", ReceiptHandle=message.receipt)

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - boto3's clients have no type
        import boto3
        from botocore.config import Config

        config = Config(
            retries={"total_max_attempts": 3, "mode": "standard"}, connect_timeout=5, read_timeout=_WAIT_SECONDS + 10
        )
        return boto3.client("sqs", config=config, endpoint_url=self.endpoint or None)

    def _call(self, operation: str, **arguments: object) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            return getattr(self._client, operation)(QueueUrl=self.url, **arguments)
        except (BotoCoreError, ClientError) as error:
            raise ReaderQueueError(f"the queue of readers' requests: {error_line(error)}") from error
