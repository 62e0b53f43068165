"""What stands on a mail, and the links that its recipient finds in it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr

from signals_pipeline.adapters.rendering.personal import Personal, card_key
from signals_pipeline.core.digest.links import FeedbackFields, feedback_url, recipient_hash, unsubscribe_url
from signals_pipeline.core.digest.model import Card
from signals_pipeline.core.windows import newest_complete


@dataclass(frozen=True, slots=True)
class Envelope:
    """What stands on a mail.

    Attributes:
        sender: MAIL_FROM: an address, or Name <address>.
        recipient: An address.
        message_id: Its Message-ID, with the angle brackets.
        date: When it is sent (aware).
    """

    sender: str
    recipient: str
    message_id: str
    date: datetime

    @property
    def domain(self) -> str:
        """The sender's domain."""
        return domain_of(self.sender)


@dataclass(frozen=True, slots=True)
class Links:
    """What links in a mail are made with.

    Attributes:
        base_url: Public address of the web pages; empty: mails carry no links of ours.
        key: The secret that signs them; empty: links to pages only.
    """

    base_url: str = ""
    key: str = field(default="", repr=False)

    def page(self, path: str) -> str:
        """Address of a page of ours; empty where there are none, or no path."""
        return f"{self.base_url.rstrip('/')}/{path}" if self.base_url and path else ""

    def personal(self, recipient: str, as_of: datetime, cards: Iterable[Card], page: str = "") -> Personal:
        """What a recipient's mail carries, but for its pictures; `page` is where it stands on the web."""
        if not self.base_url:
            return Personal(mail=True)
        at = self.page(page)
        if not self.key:
            return Personal(page=at, mail=True)
        feedback = {card_key(each): self._feedback(recipient, as_of, each) for each in cards}
        unsubscribe = unsubscribe_url(self.base_url, recipient, as_of=as_of, key=self.key)
        return Personal(page=at, unsubscribe=unsubscribe, feedback=feedback, mail=True)

    def _feedback(self, recipient: str, as_of: datetime, card: Card) -> tuple[str, str]:
        decided_in = newest_complete(card.decided_at).key
        about = FeedbackFields(decided_in, card.symbol, card.signal_type, recipient_hash(recipient, key=self.key))
        useful = feedback_url(self.base_url, about, "useful", as_of=as_of, key=self.key)
        return useful, feedback_url(self.base_url, about, "not_useful", as_of=as_of, key=self.key)


def domain_of(sender: str) -> str:
    """The domain of an address or of Name <address>."""
    return parseaddr(sender)[1].rpartition("@")[2]
