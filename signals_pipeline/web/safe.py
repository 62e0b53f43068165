"""Hostile input on its way to a reader: as in the mail, and never longer than a page bears."""

from signals_pipeline.adapters.rendering.safe_text import clean_line, link

__all__ = ["LONGEST", "link", "plain"]

LONGEST = 2000
"""Characters of the longest text that is shown."""


def plain(text: str) -> str:
    """The text on one line without control and direction characters, cut to 2,000 characters."""
    kept = clean_line(text[: 2 * LONGEST])
    return kept if len(kept) <= LONGEST else kept[: LONGEST - 1] + "…"
