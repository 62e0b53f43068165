"""Work that falls into shares: done here, one after the other, or by whoever else there is to help."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Protocol, TypeVar

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


class Spread(Protocol):
    """Whoever works on shares; what comes of them does not depend on how many there are."""

    def each(
        self, work: Callable[[_Given], _Made], shares: Sequence[_Given], /, sizes: Sequence[int], of: str
    ) -> list[_Made]:
        """What the work makes of each share, in their order; what it raises is raised here.

        Args:
            work: What is done with a share.
            shares: The shares.
            sizes: How much each holds, for whoever tells how far the work is.
            of: What is counted: windows, headlines.
        """
        ...


class Here:
    """One share after the other, in this process."""

    def each(
        self,
        work: Callable[[_Given], _Made],
        shares: Sequence[_Given],
        /,
        sizes: Sequence[int],  # noqa: ARG002
        of: str,  # noqa: ARG002
    ) -> list[_Made]:
        """As `Spread.each`; nobody is told how far it is."""
        return [work(one) for one in shares]


HERE = Here()


def neighbours(items: Sequence[_Given], most: int) -> list[Sequence[_Given]]:
    """The items in their order as shares of about one size, none with more than `most`; one where there are none."""
    count = max(1, -(-len(items) // most))
    ends = [len(items) * at // count for at in range(count + 1)]
    return [items[first:end] for first, end in pairwise(ends)]
