"""A rate limit per client: one token bucket per client, in bounded memory.

Token bucket: https://en.wikipedia.org/wiki/Token_bucket. The limit is per process; behind several processes each counts
for itself.
"""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

# Clients in memory; the one that was silent for longest is forgotten first, and its bucket is full again.
MAXIMUM_CLIENTS = 10_000


@dataclass(slots=True)
class _Bucket:
    """A client's tokens at an instant of the monotonic clock; each request takes one."""

    tokens: float
    updated_at: float


class RateLimiter:
    """Allows each client a burst of `per_minute` requests and `per_minute` in each minute after.

    Args:
        per_minute: Requests per minute and client; 0 allows everything.
        monotonic: A monotonic clock, seconds.
    """

    def __init__(self, per_minute: float, monotonic: Callable[[], float]) -> None:
        self._is_limited = per_minute > 0
        # A rate below 1 still allows the first request.
        self._capacity = max(1.0, per_minute)
        self._tokens_per_second = per_minute / 60
        self._monotonic = monotonic
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()

    def retry_after(self, address: str) -> float:
        """Count a request of this client and return 0, or return the seconds until it may send one."""
        if not self._is_limited:
            return 0.0
        client = client_network(address)
        now = self._monotonic()

        # Refill the client's bucket and make it the newest one.
        bucket = self._buckets.pop(client, None) or _Bucket(self._capacity, now)
        refill = (now - bucket.updated_at) * self._tokens_per_second
        bucket.tokens = min(self._capacity, bucket.tokens + refill)
        bucket.updated_at = now
        self._buckets[client] = bucket
        while len(self._buckets) > MAXIMUM_CLIENTS:
            self._buckets.popitem(last=False)

        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0.0
        return (1 - bucket.tokens) / self._tokens_per_second


def client_network(address: str) -> str:
    """Return what counts as one client: an IPv4 address, or an IPv6 /64 network, which has a single owner."""
    is_ipv6 = address.count(":") > 1
    return ":".join(address.split(":")[:4]) if is_ipv6 else address
