"""How many requests one client may make: a token bucket a client (RFC 2697 in spirit), in bounded memory."""

from collections import OrderedDict
from collections.abc import Callable

CLIENTS = 10_000
"""Clients that are remembered; whoever was silent for longest is forgotten first, and starts anew."""


class Limiter:
    """Lets a client make `a_minute` requests at once and as many each minute after; 0 lets everything pass."""

    def __init__(self, a_minute: float, seconds: Callable[[], float]) -> None:
        self._most = max(1.0, a_minute) if a_minute else 0.0
        self._a_second = a_minute / 60
        self._seconds = seconds
        self._clients: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, address: str) -> float:
        """Seconds until this client may ask again; 0 where it may now, and then the request counts."""
        if not self._most:
            return 0.0
        client, now = _client(address), self._seconds()
        left, at = self._clients.pop(client, (self._most, now))
        left = min(self._most, left + (now - at) * self._a_second)
        allowed = left >= 1
        self._clients[client] = (left - 1 if allowed else left, now)
        while len(self._clients) > CLIENTS:
            self._clients.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._a_second


def _client(address: str) -> str:
    """An IPv6 client owns a whole /64, so that is what is counted; of an IPv4 address all of it."""
    return ":".join(address.split(":")[:4]) if address.count(":") > 1 else address
