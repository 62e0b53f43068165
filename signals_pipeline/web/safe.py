"""Untrusted text on its way to a page or the API: on one line, printable and of bounded length."""

from signals_pipeline.adapters.rendering.safe_text import clean_line

# Maximum characters of a text that is shown.
MAXIMUM_LENGTH = 2000


def plain(text: str) -> str:
    """Return the text on one line without control and direction characters, cut to 2,000 characters."""
    # Cleaning a million characters would take long; twice the limit leaves room for those that it removes.
    line = clean_line(text[: 2 * MAXIMUM_LENGTH])
    if len(line) <= MAXIMUM_LENGTH:
        return line
    return line[: MAXIMUM_LENGTH - 1] + "…"
