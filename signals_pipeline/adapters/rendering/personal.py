"""What one recipient's mail carries beside the digest: links of their own and pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from signals_pipeline.core.digest.model import Card


@dataclass(frozen=True, slots=True)
class Personal:
    """What one recipient's mail carries and a page does not; the default is a page.

    Attributes:
        page: Where the digest stands on the web; empty: nowhere.
        unsubscribe: Where the recipient unsubscribes; empty: by an answer to the mail.
        feedback: Where the recipient says that a card was useful, and that it was not, by `card_key`.
        pictures: Addresses of the charts, by `card_key`; a card without one draws its prices with table cells.
        mail: Whether this is a mail at all.
    """

    page: str = ""
    unsubscribe: str = ""
    feedback: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    pictures: Mapping[str, str] = field(default_factory=dict)
    mail: bool = False


PAGE = Personal()


def card_key(card: Card) -> str:
    """A name for a card, unlike any other's of its digest."""
    return f"{card.symbol}-{card.signal_type}-{card.decided_at:%Y%m%d%H%M}"
