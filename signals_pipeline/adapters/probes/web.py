"""Probes over HTTP: whether an API key is accepted, and how far this machine's clock is off."""

from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime

from signals_pipeline.adapters.probes.findings import ProbeResult, fail, ok, warn

NEWSAPI_ORIGIN = "https://newsapi.org"
CLOCK_ORIGIN = "https://www.sec.gov"

# A clock that is further off is a warning: windows end, and items are first seen, by this clock. Seconds.
_MAX_CLOCK_ERROR = 30
# A clock that is further off is a failure: AWS refuses signatures that are 5 minutes off. Seconds.
_MAX_USABLE_CLOCK_ERROR = 240


def probe_newsapi_key(
    key: str, *, reserve: Callable[[], bool], origin: str = NEWSAPI_ORIGIN, seconds: float = 6
) -> ProbeResult:
    """Whether NewsAPI accepts the key; it takes one call of the budget.

    Args:
        key: The key; it is sent in a header and used nowhere else.
        reserve: Takes one call from the budget; False where none is left.
        origin: Where to ask.
        seconds: Timeout to connect, and to wait for the response.
    """
    import requests

    if not reserve():
        return warn("no call is left to check the key with", "wait for the next day (UTC), or get a larger plan")
    try:
        response = requests.get(
            f"{origin}/v2/top-headlines/sources",
            {"language": "en"},
            headers={"X-Api-Key": key},
            timeout=seconds,
            # The key would go along to whatever host a redirect names.
            allow_redirects=False,
        )
    except requests.RequestException as error:
        return fail(f"NewsAPI can't be reached ({type(error).__name__})", "check the network and the proxy")

    status = response.status_code
    if status == 200:
        return ok("NewsAPI accepts the key")
    if status == 401:
        return fail("NewsAPI refuses the key", "correct NEWSAPI_KEY: https://newsapi.org/account")
    if status in {426, 429}:
        return warn(f"NewsAPI returned HTTP {status}: its quota is used up", "wait, or get a larger plan")
    return warn(f"NewsAPI returned HTTP {status}", "try again later: https://status.newsapi.org")


def probe_clock(now: Callable[[], datetime], *, origin: str = CLOCK_ORIGIN, seconds: float = 6) -> ProbeResult:
    """How far this machine's clock is from a web server's.

    Args:
        now: This machine's clock, aware.
        origin: The web server.
        seconds: Timeout to connect, and to wait for the response.
    """
    import requests

    try:
        response = requests.head(origin, timeout=seconds, allow_redirects=False)
    except requests.RequestException as error:
        return warn(f"the clock can't be compared ({type(error).__name__})", "check the network")
    try:
        server_time = parsedate_to_datetime(response.headers.get("Date", ""))
    except ValueError:
        return warn(f"the clock can't be compared: {origin} sends no date", "compare it yourself: date -u")

    error_seconds = abs((now() - server_time).total_seconds())
    if error_seconds <= _MAX_CLOCK_ERROR:
        return ok(f"within {_MAX_CLOCK_ERROR} s of {origin}")
    text = f"{error_seconds:.0f} s off {origin}"
    remedy = "set the clock by NTP: timedatectl set-ntp true"
    return fail(text, remedy) if error_seconds > _MAX_USABLE_CLOCK_ERROR else warn(text, remedy)
