"""The yfinance module, configured as Yahoo's news and prices both need it.

The HTTP session that it is given is in `adapters.yahoo_session`; what is read through it in `adapters.news.yahoo` and
`adapters.prices.yahoo`.
"""

import logging
from pathlib import Path
from typing import Any


def yfinance_in(folder: Path) -> Any:  # noqa: ANN401  # the module: its annotations are narrower than what it accepts
    """The module, with its cache of symbols in this folder, which is created where it is missing."""
    import yfinance  # pyright: ignore[reportMissingTypeStubs]  # it ships no py.typed marker

    folder.mkdir(parents=True, exist_ok=True)
    yfinance.set_tz_cache_location(str(folder))

    # yfinance stores a session cookie, which has no expiry date, and fails when it reads it back. With the cache
    # disabled, each run requests a new cookie.
    yfinance.cache.get_cookie_cache().dummy = True  # pyright: ignore[reportOptionalMemberAccess]  # set by now

    # Failures are reported by our sources, once and per symbol.
    logging.getLogger("yfinance").setLevel(logging.CRITICAL)
    return yfinance
