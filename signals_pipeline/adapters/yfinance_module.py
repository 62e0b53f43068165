"""yfinance as the news and the prices of Yahoo both need it."""

import logging
from pathlib import Path
from typing import Any


def yfinance_in(folder: Path) -> Any:  # noqa: ANN401  # the module, whose annotations are narrower than what it takes
    """The module, which keeps what it knows of symbols in this folder, made where it is missing."""
    import yfinance

    folder.mkdir(parents=True, exist_ok=True)
    yfinance.set_tz_cache_location(str(folder))
    # A cookie that ends with its session can't be read again: none is kept, each run asks anew.
    yfinance.cache.get_cookie_cache().dummy = True  # pyright: ignore[reportOptionalMemberAccess]
    logging.getLogger("yfinance").setLevel(logging.CRITICAL)  # what went wrong is told by our sources
    return yfinance
