"""Permanent names in URLs: a window's key, and a signal's `2015-02-02-17:30-XOM-SELL`."""

import re

from signals_pipeline.adapters.stores.signals import SignalKey
from signals_pipeline.core.windows import Window, WindowError, window_for_key, window_starting

WINDOW = r"^\d{4}-\d{2}-\d{2}-\d{2}:\d{2}$"
SYMBOL = r"^[A-Za-z0-9.^=-]{1,32}$"
SIGNAL = r"^\d{4}-\d{2}-\d{2}-\d{2}:\d{2}-[A-Za-z0-9.^=-]{1,32}-(BUY|SELL)$"
_SIGNAL = re.compile(r"(?P<window>.{16})-(?P<symbol>.{1,32})-(?P<type>BUY|SELL)")


class UnknownError(LookupError):
    """What is asked for isn't there; the message is one sentence for whoever asked."""


def window_named(key: str) -> Window:
    """The window with this key.

    Raises:
        UnknownError: no window has it; the message names the nearest keys.
    """
    try:
        return window_for_key(key)
    except WindowError as error:
        said = str(error)
        raise UnknownError(f"{said[0].upper()}{said[1:]}.") from error


def signal_name(key: SignalKey) -> str:
    """A signal's name; it stays the same when its window is derived anew."""
    return f"{window_starting(key.window_start).key}-{key.symbol}-{key.signal_type}"


def signal_named(name: str) -> SignalKey:
    """The key of a signal's name.

    Raises:
        UnknownError: it is no signal's name.
    """
    parts = _SIGNAL.fullmatch(name)
    if parts is None:
        raise UnknownError("No signal has this name; a name looks like 2015-02-02-17:30-XOM-SELL.")
    return SignalKey(window_named(parts["window"]).start, parts["symbol"], parts["type"])
