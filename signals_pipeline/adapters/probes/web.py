"""Probes over HTTP: whether a key is accepted, and how far this machine's clock is off."""

from collections.abc import Callable
from datetime import datetime
from email.utils import parsedate_to_datetime

from signals_pipeline.adapters.probes.findings import ProbeResult, fail, ok, warn

NEWSAPI = "https://newsapi.org"
CLOCK = "https://www.sec.gov"
_OFF, _FAR_OFF = 30, 240  # seconds; AWS refuses a signature that is 5 minutes off


def newsapi_key(key: str, *, reserve: Callable[[], bool], origin: str = NEWSAPI, seconds: float = 6) -> ProbeResult:
    """Whether NewsAPI accepts the key, by one call of the budget.

    Args:
        key: The key; it goes into a header and nowhere else.
        reserve: Takes one call from the budget; False where none is left.
        origin: Where to ask.
        seconds: How long to wait.
    """
    import requests

    if not reserve():
        return warn("no call is left to ask with", "wait for the next day (UTC), or get a larger plan")
    try:
        answer = requests.get(
            f"{origin}/v2/top-headlines/sources", {"language": "en"}, headers={"X-Api-Key": key}, timeout=seconds
        )
    except requests.RequestException as error:
        return fail(f"NewsAPI can't be reached ({type(error).__name__})", "check the network and the proxy")
    match answer.status_code:
        case 200:
            return ok("NewsAPI accepts the key")
        case 401:
            return fail("NewsAPI refuses the key", "correct NEWSAPI_KEY: https://newsapi.org/account")
        case 426 | 429:
            return warn(f"NewsAPI answers {answer.status_code}: its quota is used up", "wait, or get a larger plan")
    return warn(f"NewsAPI answers {answer.status_code}", "try again later: https://status.newsapi.org")


def clock(now: Callable[[], datetime], *, origin: str = CLOCK, seconds: float = 6) -> ProbeResult:
    """How far this machine's clock is off a web server's."""
    import requests

    try:
        answer = requests.head(origin, timeout=seconds, allow_redirects=False)
    except requests.RequestException as error:
        return warn(f"the clock can't be compared ({type(error).__name__})", "check the network")
    try:
        theirs = parsedate_to_datetime(answer.headers.get("Date", ""))
    except ValueError:
        return warn(f"the clock can't be compared: {origin} sends no date", "compare it by hand: date -u")
    off = abs((now() - theirs).total_seconds())
    if off <= _OFF:
        return ok(f"within {_OFF} s of {origin}")
    finding = fail if off > _FAR_OFF else warn
    return finding(f"{off:.0f} s off {origin}", "set the clock by NTP: timedatectl set-ntp true")
