"""The addresses and headers of one mail, and the links that its recipient finds in it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import parseaddr

from signals_pipeline.adapters.rendering.personal import FeedbackLinks, Personal, card_key
from signals_pipeline.core.digest.links import (
    FeedbackFields,
    feedback_page_url,
    preferences_url,
    recipient_hash,
    unsubscribe_url,
    with_verdict,
)
from signals_pipeline.core.digest.model import Card
from signals_pipeline.core.windows import newest_complete


@dataclass(frozen=True, slots=True)
class Envelope:
    """What identifies a mail.

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


@dataclass(frozen=True, slots=True)
class Links:
    """Makes the links of mails.

    Attributes:
        base_url: Public address of the web pages; empty: mails carry no links to them.
        key: The secret that signs personal links; empty: mails carry links to pages only.
        has_preferences: Whether the pages let readers change what they get; published files do not.
    """

    base_url: str = ""
    key: str = field(default="", repr=False)
    has_preferences: bool = False

    def page(self, path: str) -> str:
        """Address of a web page; empty where there are no pages, or no path."""
        if not self.base_url or not path:
            return ""
        return f"{self.base_url.rstrip('/')}/{path}"

    def personal(self, recipient: str, as_of: datetime, cards: Iterable[Card], page: str = "") -> Personal:
        """What a recipient's mail carries, except for its pictures.

        Args:
            recipient: The address that the mail goes to.
            as_of: The digest's as_of (aware), from which links last.
            cards: The cards that ask for feedback.
            page: Path of the digest on the web; empty where it has none.

        Raises:
            LinkKeyError: the key is too short.
        """
        if not self.base_url:
            return Personal(mail=True)
        page_url, glossary_url = self.page(page), self.page("glossary")
        if not self.key:
            return Personal(page=page_url, glossary=glossary_url, mail=True)
        return Personal(
            page=page_url,
            glossary=glossary_url,
            unsubscribe=unsubscribe_url(self.base_url, recipient, as_of=as_of, key=self.key),
            preferences=preferences_url(self.base_url, recipient, as_of=as_of, key=self.key)
            if self.has_preferences
            else "",
            feedback={card_key(card): self._feedback_links(recipient, as_of, card) for card in cards},
            mail=True,
        )

    def _feedback_links(self, recipient: str, as_of: datetime, card: Card) -> FeedbackLinks:
        fields = FeedbackFields(
            window_key=newest_complete(card.decided_at).key,  # the window that decided it, not the digest's
            symbol=card.symbol,
            signal_type=card.signal_type,
            recipient_hash=recipient_hash(recipient, key=self.key),
        )
        page = feedback_page_url(self.base_url, fields, as_of=as_of, key=self.key)
        return FeedbackLinks(page, with_verdict(page, "useful"), with_verdict(page, "not_useful"))


def domain_of(sender: str) -> str:
    """The domain of an address or of Name <address>."""
    _, address = parseaddr(sender)
    return address.rpartition("@")[2]
