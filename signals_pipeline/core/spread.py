"""Work that falls into shares: done here, one after the other, or by whoever else there is to help."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


class Spread(Protocol):
    """Whoever works on shares; what comes of them does not depend on how many there are."""

    def shares(self, items: Sequence[_Given], /) -> Sequence[Sequence[_Given]]:
        """Neighbouring shares of the items, in their order: one for each who works."""
        ...

    def each(self, work: Callable[[_Given], _Made], given: Sequence[_Given], /) -> list[_Made]:
        """What the work makes of each share, in their order; what it raises is raised here."""
        ...


class Here:
    """One share, worked on here."""

    def shares(self, items: Sequence[_Given], /) -> Sequence[Sequence[_Given]]:
        """All in one."""
        return [items]

    def each(self, work: Callable[[_Given], _Made], given: Sequence[_Given], /) -> list[_Made]:
        """One after the other."""
        return [work(one) for one in given]


HERE = Here()
