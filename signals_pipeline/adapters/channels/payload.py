"""The body of a webhook: one schema with a version, smaller than the API's digest and with the same names of fields.

`docs/channels.md` describes it. Fields may be added in a version; a change of one raises it.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from signals_pipeline.core.digest.chat import ChatMessage
from signals_pipeline.core.digest.model import Card, Digest
from signals_pipeline.core.digest.wording import summary_reason
from signals_pipeline.core.windows import Window

PAYLOAD_VERSION = 1


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True)


class WebhookSignal(_Part):
    """One signal of a digest."""

    section: Literal["new", "changed", "from_missed"]
    symbol: str
    company: str
    signal_type: str = Field(description="BUY or SELL")
    lifecycle: str = Field(description="new, stronger or flipped")
    event: str | None = Field(description="Event type of the leading story, as in the glossary")
    reason: str = Field(description="The beginning of the leading headline")
    news_title: str
    news_url: str
    last_price: float | None = Field(description="Last close as traded; null where it is not known")
    move: float | None = Field(description="Return from the last close before the headline to the decision, a fraction")
    reaction: float | None = Field(description="The same move in average true ranges")
    combined_score: float
    tone: float
    confidence_score: float = Field(description="Tone confidence; not a probability of profit")
    decided_at: datetime
    expires_at: datetime


class WebhookCorrection(_Part):
    """An active signal with a headline that was edited or withdrawn since."""

    symbol: str
    signal_type: str
    without: float = Field(description="The score without the edited or withdrawn headlines")
    with_new: float | None = Field(description="The score with the new texts; null where everything was withdrawn")
    sentences: tuple[str, ...]
    decided_at: datetime


class WebhookDigest(_Part):
    """The data of `digest.published`."""

    window: str
    label: str
    kind: str = Field(description="full, quiet or degraded")
    mode: str = Field(description="live, catch_up, backfill or manual")
    deployment: str
    subject: str
    page: str = Field(description="Address of the digest's page; empty where there is none")
    signals: tuple[WebhookSignal, ...]
    left_out: int = Field(description="How many signals did not fit; the page and the API have all")
    corrected: tuple[WebhookCorrection, ...]
    notes: tuple[str, ...]


class WebhookFailure(_Part):
    """The data of `digest.failed`: a window has no digest."""

    window: str
    label: str
    reason: str


class WebhookTrial(_Part):
    """The data of `test`: somebody ran `signals send-test`."""

    message: str


class WebhookBody(_Part):
    """A webhook's body.

    `timestamp` is when the window ended, or when the test was made.
    """

    type: Literal["digest.published", "digest.failed", "test"]
    version: int = PAYLOAD_VERSION
    timestamp: datetime
    data: WebhookDigest | WebhookFailure | WebhookTrial


def digest_body(digest: Digest, page: str, *, count: int) -> WebhookBody:
    """The body for a digest, with its first `count` signals."""
    signals: list[WebhookSignal] = []
    sections: tuple[tuple[Literal["new", "changed", "from_missed"], tuple[Card, ...]], ...] = (
        ("new", digest.new),
        ("changed", digest.changed),
        ("from_missed", digest.from_missed),
    )
    for section, cards in sections:
        signals.extend(_signal(card, section) for card in cards)
    corrected: list[WebhookCorrection] = []
    for line in digest.corrected:
        values = {name: getattr(line, name) for name in WebhookCorrection.model_fields}
        corrected.append(WebhookCorrection(**values))
    data = WebhookDigest(
        window=digest.window_key,
        label=digest.label,
        kind=digest.kind,
        mode=digest.mode,
        deployment=digest.deployment,
        subject=digest.subject,
        page=page,
        signals=tuple(signals[:count]),
        left_out=max(0, len(signals) - count),
        corrected=tuple(corrected),
        notes=digest.notes,
    )
    return WebhookBody(type="digest.published", timestamp=digest.as_of, data=data)


def failure_body(window: Window, reason: str) -> WebhookBody:
    """The body that says that a window has no digest."""
    data = WebhookFailure(window=window.key, label=window.label, reason=reason)
    return WebhookBody(type="digest.failed", timestamp=window.as_of, data=data)


def trial_body(message: ChatMessage, now: datetime) -> WebhookBody:
    """The body of a test."""
    data = WebhookTrial(message=" ".join(message.lines))
    return WebhookBody(type="test", timestamp=now, data=data)


def _signal(card: Card, section: Literal["new", "changed", "from_missed"]) -> WebhookSignal:
    return WebhookSignal(
        section=section,
        symbol=card.symbol,
        company=card.company,
        signal_type=card.signal_type,
        lifecycle=card.lifecycle,
        event=card.event,
        reason=summary_reason(card),
        news_title=card.news_title,
        news_url=card.news_url,
        last_price=card.last_price,
        move=card.move,
        reaction=card.reaction,
        combined_score=card.combined_score,
        tone=card.tone,
        confidence_score=card.confidence_score,
        decided_at=card.decided_at,
        expires_at=card.expires_at,
    )
