"""Readers' requests from the queue: applied to the database, then deleted from the queue.

A process that dies in between applies a message again, which changes nothing: the first suppression stays, and the
newest rating counts. A message that can't be read stays in the queue, which moves it to its dead-letter queue after
some deliveries.
"""

from collections import Counter
from dataclasses import dataclass, field

from signals_pipeline.adapters.aws.reader_queue import QueuedMessage, ReaderQueue, ReaderQueueError
from signals_pipeline.adapters.stores.feedback import FeedbackRepository
from signals_pipeline.adapters.stores.suppressions import SuppressionList
from signals_pipeline.core.digest.reader_requests import NoAction, Rate, ReaderRequestError, Suppress, parse_request
from signals_pipeline.core.windows import WindowError, window_for_key
from signals_pipeline.defs.resources import Store
from signals_pipeline.settings import Settings

# Maximum deliveries of ten messages in one pass: a queue that somebody floods must not hold mails up.
_MAXIMUM_BATCHES = 50


@dataclass(slots=True)
class RequestReport:
    """What one pass over the queue did.

    Attributes:
        applied: Number of messages by what they did: unsubscribed, bounced, complaint, rated, ignored.
        problems: One line per message that can't be read; it stays in the queue. No line repeats an address.
        unreachable: Why the queue could not be read or a message not be deleted; empty where it could.
    """

    applied: Counter[str] = field(default_factory=Counter[str])
    problems: list[str] = field(default_factory=list[str])
    unreachable: str = ""

    @property
    def lines(self) -> list[str]:
        """What an operator should know, one line per problem."""
        return [*self.problems, self.unreachable] if self.unreachable else self.problems


def reader_queue_of(settings: Settings) -> ReaderQueue | None:
    """The deployment's queue of readers' requests; None where it has none."""
    return ReaderQueue(settings.signals_reader_queue) if settings.signals_reader_queue else None


def link_key_of(settings: Settings) -> str:
    """The secret that signs links; empty where none is set."""
    return settings.signals_link_key.get_secret_value() if settings.signals_link_key else ""


def apply_requests(store: Store, queue: ReaderQueue | None, key: str) -> RequestReport:
    """Apply every request in the queue.

    Args:
        store: The database.
        queue: The queue; None for none.
        key: The secret that signs links; empty where none is set.

    Raises:
        DatabaseError: The database fails; what was not applied is still in the queue.
    """
    report = RequestReport()
    if queue is None:
        return report
    try:
        for _ in range(_MAXIMUM_BATCHES):
            messages = queue.receive()
            if not messages:
                break
            for message in messages:
                _apply(store, queue, message, key, report)
    except ReaderQueueError as error:
        report.unreachable = str(error)
    return report


def _apply(store: Store, queue: ReaderQueue, message: QueuedMessage, key: str, report: RequestReport) -> None:
    """Apply one message, then delete it."""
    try:
        outcome = _store_request(store, message, key)
    except ReaderRequestError as error:
        report.problems.append(f"message {message.message_id} of the readers' queue is set aside: {error}")
        return
    queue.delete(message)
    report.applied[outcome] += 1


def _store_request(store: Store, message: QueuedMessage, key: str) -> str:
    """Write what a message asks for, and return its kind.

    Raises:
        ReaderRequestError: The message can't be read.
        DatabaseError: The database fails.
    """
    request = parse_request(message.body, sent_at=message.sent_at, key=key)
    match request:
        case Suppress():
            suppressions = SuppressionList(store.engine)
            for recipient in request.recipients:
                suppressions.add(recipient, request.reason, message.sent_at)
            return request.reason
        case Rate():
            fields = request.fields
            try:
                window = window_for_key(fields.window_key)
            except WindowError as error:
                raise ReaderRequestError("the window of its signal does not exist") from error
            FeedbackRepository(store.engine).record(
                window.start,
                fields.symbol,
                fields.signal_type,
                fields.recipient_hash,
                useful=request.verdict == "useful",
                at=message.sent_at,
            )
            return "rated"
        case NoAction():
            return "ignored"
