"""What one recipient's mail carries in addition to the digest: links of their own and pictures.

`adapters.mail.envelope` makes these values; the templates of `digest` use them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from signals_pipeline.core.digest.model import Card


@dataclass(frozen=True, slots=True)
class FeedbackLinks:
    """Where a recipient says whether a card was useful.

    Attributes:
        page: The page that asks, with neither verdict chosen.
        useful: The same page with `useful` chosen.
        not_useful: The same page with `not useful` chosen.
    """

    page: str
    useful: str
    not_useful: str


@dataclass(frozen=True, slots=True)
class Personal:
    """What one recipient's mail carries and a web page does not; the default is a web page.

    Attributes:
        page: Address of the digest on the web; empty where there is none.
        glossary: Address of the glossary on the web; empty where there is none.
        unsubscribe: Where the recipient unsubscribes; empty where a reply to the mail does it.
        preferences: Where the recipient changes what they get; empty where no page does that.
        feedback: Links for feedback by `card_key`.
        pictures: Addresses of the charts by `card_key`; a card without one draws its prices with table cells.
        mail: Whether this is a mail.
        selection: What the reader's edition leaves out, in words; empty where it shows everything.
    """

    page: str = ""
    glossary: str = ""
    unsubscribe: str = ""
    preferences: str = ""
    feedback: Mapping[str, FeedbackLinks] = field(default_factory=dict[str, FeedbackLinks])
    pictures: Mapping[str, str] = field(default_factory=dict[str, str])
    mail: bool = False
    selection: str = ""


PAGE = Personal()


def card_key(card: Card) -> str:
    """A key of a card, unique within its digest."""
    return f"{card.symbol}-{card.signal_type}-{card.decided_at:%Y%m%d%H%M}"
