"""A digest as a chat message: plain text, one line per signal, cut at whole lines where a service has a limit.

How a message is marked up for each service, and which limits they have, is in `adapters.channels`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeVar

from signals_pipeline.core.digest.model import Card, Digest
from signals_pipeline.core.digest.wording import arrow, event_name, move_text, price_text, short_company, summary_reason
from signals_pipeline.core.text import shorten
from signals_pipeline.core.windows import Window

Written = TypeVar("Written")

MAX_TITLE = 150
"""Characters of a title: as many as a mail's subject has."""

MAX_LINE = 300
"""Characters of one line of a message: more than a signal needs, unless a company's name is a sentence."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """A message before it is written for a service: plain text without markup.

    Attributes:
        title: What it is about, such as `▲ HD ▼ XOM · 2 new`.
        subtitle: The window in words, and what its reader's selection leaves out.
        lines: One per signal, then one per correction; or why there is none.
        link: Address of the page; empty without one.
        left_out: How many lines did not fit.
    """

    title: str
    subtitle: str
    lines: tuple[str, ...]
    link: str = ""
    left_out: int = 0

    @property
    def ending(self) -> str:
        """The last line, without its link: how much was left out, or where the rest is; empty without either."""
        if self.left_out:
            return f"and {self.left_out} more"
        return "Details" if self.link else ""

    def first_lines(self, count: int) -> "ChatMessage":
        """The message with only this many lines; its ending counts the others."""
        return replace(self, lines=self.lines[:count], left_out=self.left_out + len(self.lines[count:]))


def digest_chat(digest: Digest, link: str = "", note: str = "") -> ChatMessage:
    """A digest as a message: one line per signal, in the digest's order.

    Args:
        digest: The digest.
        link: Address of its page; empty where there are no pages.
        note: What it leaves out for its reader, in words; empty for a whole digest.
    """
    signals = [_signal_line(card) for card in (*digest.new, *digest.changed)]
    missed = [_signal_line(card, "from a missed window") for card in digest.from_missed]
    corrections = [f"Corrected: {line.symbol}. {' '.join(line.sentences)}" for line in digest.corrected]
    lines = [shorten(line, MAX_LINE) for line in (*signals, *missed, *corrections)]
    if not lines:
        lines.append(shorten(digest.preheader, MAX_LINE))
    subtitle = shorten(f"{digest.label} · {note}" if note else digest.label, MAX_LINE)
    return ChatMessage(shorten(digest.subject, MAX_TITLE), subtitle, tuple(lines), link)


def failure_chat(window: Window, reason: str) -> ChatMessage:
    """The message that says that a window has no digest, and why."""
    return ChatMessage(f"Failed: no digest for {window.label}", "", (shorten(reason, MAX_LINE),))


def trial_chat() -> ChatMessage:
    """A short message that shows that messages arrive."""
    return ChatMessage("Signals: a test message", "", ("If you can read it, messages of the pipeline reach you.",))


def most_that_fits(total: int, write: Callable[[int], Written], fits: Callable[[Written], bool]) -> Written:
    """Something written with as many of its parts as a limit allows.

    Args:
        total: How many parts there are.
        write: Writes it with this many of them.
        fits: Whether what was written is short enough. What fits still does with fewer parts.

    Returns:
        What `write` made; with no part at all if not even one fits.
    """
    whole = write(total)
    if fits(whole):
        return whole
    # Bisection: with `kept` parts it fits, with `refused` it doesn't.
    kept, refused = 0, total
    best = write(0)
    while refused - kept > 1:
        middle = (kept + refused) // 2
        written = write(middle)
        if fits(written):
            kept, best = middle, written
        else:
            refused = middle
    return best


def _signal_line(card: Card, remark: str = "") -> str:
    """`▲ BUY HD · Home Depot · results · Profit beats estimates · 115.93 · +1.2% (+0.4 ATR) since the headline`."""
    move = move_text(card)
    lifecycle = "" if card.lifecycle == "new" else card.lifecycle
    parts = (
        f"{arrow(card.signal_type)} {card.signal_type} {card.symbol}",
        short_company(card),
        lifecycle,
        remark,
        event_name(card.event),
        summary_reason(card),
        price_text(card),
        f"{move} since the headline" if move else "",
    )
    return " · ".join(part for part in parts if part)
