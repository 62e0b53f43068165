"""Permanent names in URLs: a window's key, and a signal's `2015-02-02-17:30-XOM-SELL`."""

import re

from signals_pipeline.adapters.stores.signals import SignalKey
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.windows import Window, WindowError, window_for_key, window_starting

# Patterns for the API's description, in JSON Schema's dialect.
WINDOW_PATTERN = r"^\d{4}-\d{2}-\d{2}-\d{2}:\d{2}$"
SYMBOL_PATTERN = r"^[A-Za-z0-9.^=-]{1,32}$"
SIGNAL_PATTERN = r"^\d{4}-\d{2}-\d{2}-\d{2}:\d{2}-[A-Za-z0-9.^=-]{1,32}-(BUY|SELL)$"

# A window's key has 16 characters; a symbol may hold hyphens.
_SIGNAL_ID = re.compile(r"(?P<window>.{16})-(?P<symbol>.{1,32})-(?P<type>BUY|SELL)")


class NotFoundError(SignalsError, LookupError):
    """The requested window, digest or signal does not exist; the message is one sentence for the reader."""


def parse_window_key(key: str) -> Window:
    """Return the window with this key.

    Raises:
        NotFoundError: No window has it; the message names the nearest keys.
    """
    try:
        return window_for_key(key)
    except WindowError as error:
        message = str(error)
        raise NotFoundError(f"{message[0].upper()}{message[1:]}.") from error


def signal_id(key: SignalKey) -> str:
    """Return a signal's permanent name; it stays the same when its window is run again."""
    return f"{window_starting(key.window_start).key}-{key.symbol}-{key.signal_type}"


def parse_signal_id(name: str) -> SignalKey:
    """Return the key of a signal's permanent name; its symbol may be written in any case.

    Raises:
        NotFoundError: It is no signal's name.
    """
    match = _SIGNAL_ID.fullmatch(name)
    if match is None:
        raise NotFoundError("No signal has this name; a name looks like 2015-02-02-17:30-XOM-SELL.")
    window = parse_window_key(match["window"])
    return SignalKey(window.start, match["symbol"].upper(), match["type"])
