"""Answers kept in memory, by what they were made from: a changed digest has another name, so nothing stale is given."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from hashlib import sha256
from threading import Lock


@dataclass(frozen=True, slots=True)
class CachedResponse:
    """Bytes ready to be sent, and the ETag that names them."""

    body: bytes
    etag: str

    @classmethod
    def of(cls, body: bytes, name: str | None = None) -> "CachedResponse":
        """The answer with this body; its ETag is `name`, or the body's SHA-256."""
        return cls(body, f'"{name or sha256(body).hexdigest()}"')


class ResponseCache:
    """The answers used last, at most `size` of them; safe for threads."""

    def __init__(self, size: int = 128) -> None:
        self._size = size
        self._answers: OrderedDict[Hashable, CachedResponse] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], CachedResponse]) -> CachedResponse:
        """The answer of this key, made where it isn't kept. The key must name everything that the answer tells."""
        with self._lock:
            found = self._answers.get(key)
            if found is not None:
                self._answers.move_to_end(key)
                return found
        made = make()
        with self._lock:
            self._answers[key] = made
            while len(self._answers) > self._size:
                self._answers.popitem(last=False)
        return made
