"""Maps work over chunks in another order than core's default."""

from collections.abc import Callable, Sequence

from signals_pipeline.core.chunks import Chunk, Result


def map_in_reverse(
    function: Callable[[Chunk], Result], chunks: Sequence[Chunk], /, *, sizes: Sequence[int], unit: str
) -> list[Result]:
    """Work on the last chunk first, as a pool of processes may; results are in the order of the chunks."""
    assert len(sizes) == len(chunks)
    assert unit in {"windows", "headlines"}
    results = [function(chunk) for chunk in reversed(chunks)]
    return results[::-1]
