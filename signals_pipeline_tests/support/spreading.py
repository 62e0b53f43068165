"""Someone else who works on shares: the last one first."""

from collections.abc import Callable, Sequence
from typing import TypeVar

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")


class Backwards:
    """Works on the last share first, as a process beside another may."""

    def each(
        self, work: Callable[[_Given], _Made], shares: Sequence[_Given], /, sizes: Sequence[int], of: str
    ) -> list[_Made]:
        """What the work makes of each share, in their order; each is given with its size in a known unit."""
        assert (len(sizes), of in {"windows", "headlines"}) == (len(shares), True)
        return [work(one) for one in reversed(shares)][::-1]
