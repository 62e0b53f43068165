"""Work on a long range cut into chunks.

Core computes chunk by chunk and leaves to its caller where: by default in this process, in a stage of a Dagster run
on `adapters.worker_pool`. The result never depends on how the range was cut.
"""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Chunk = TypeVar("Chunk")
Result = TypeVar("Result")


class MapChunks(Protocol):
    """A function that maps another one over chunks, as the builtin `map` does."""

    def __call__(
        self, function: Callable[[Chunk], Result], chunks: Sequence[Chunk], /, *, sizes: Sequence[int], unit: str
    ) -> list[Result]:
        """Results in the order of the chunks; an exception of the function is raised here.

        Args:
            function: What is computed for one chunk. It must pickle, like chunks and results.
            chunks: The chunks.
            sizes: Number of items in each chunk, for progress reports.
            unit: What the items are: windows, headlines.
        """
        ...


def map_serially(
    function: Callable[[Chunk], Result],
    chunks: Sequence[Chunk],
    /,
    *,
    sizes: Sequence[int],  # noqa: ARG001 - progress is not reported
    unit: str,  # noqa: ARG001
) -> list[Result]:
    """Map a function over chunks one after the other in this process; see `MapChunks`."""
    return [function(chunk) for chunk in chunks]


def chunked(items: Sequence[Item], maximum: int) -> list[Sequence[Item]]:
    """Cut items into consecutive chunks of nearly equal size.

    Args:
        items: What is cut. Without items there is one empty chunk, so that there is always a result to build on.
        maximum: Maximum number of items per chunk.
    """
    count = max(1, -(-len(items) // maximum))  # rounded up
    bounds = [len(items) * number // count for number in range(count + 1)]
    return [items[start:end] for start, end in pairwise(bounds)]
