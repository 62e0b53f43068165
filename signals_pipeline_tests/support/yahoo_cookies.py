"""Cookies of Yahoo that yfinance has stored."""

from http.cookiejar import CookieJar
from pathlib import Path

from requests.cookies import create_cookie


def keep_cookie(folder: Path) -> None:
    """What yfinance keeps of a cookie that ends with its session, and can't read again."""
    import yfinance as yf

    yf.set_tz_cache_location(str(folder))
    jar = CookieJar()
    jar.set_cookie(create_cookie("A3", "x", domain=".yahoo.com"))
    cache = yf.cache._CookieCache()  # noqa: SLF001
    cache.store("curlCffi", jar._cookies)  # noqa: SLF001  # pyright: ignore[reportAttributeAccessIssue]
    assert cache.lookup("curlCffi")
