"""A destination of published pages in memory, which counts and may fail at any write."""

import threading
from dataclasses import dataclass, field

from signals_pipeline.adapters.publication import PublicationError, PublishedObject


@dataclass
class MemoryStore:
    """What is published, by name.

    Attributes:
        objects: What is there.
        written: Names in the order of their writes, the manifest's left out.
        deleted: Names in the order of their deletions.
        failing_after: Number of writes after which all fail; None for never.
    """

    objects: dict[str, PublishedObject] = field(default_factory=dict)
    written: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    failing_after: int | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def read(self, name: str) -> bytes | None:
        found = self.objects.get(name)
        return None if found is None else found.body

    def write(self, published: PublishedObject) -> None:
        with self.lock:
            if self.failing_after is not None and len(self.written) >= self.failing_after:
                raise PublicationError("the destination refuses")
            self.objects[published.name] = published
            if published.name != "manifest.json":
                self.written.append(published.name)

    def delete(self, name: str) -> None:
        self.objects.pop(name, None)
        self.deleted.append(name)
