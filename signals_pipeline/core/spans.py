"""Places in a text as frames and the sentiment model keep them: START-END separated by blanks, such as `0-5 20-26`."""

from collections.abc import Iterable

# Index of the first character, and index after the last one.
Span = tuple[int, int]


def format_spans(spans: Iterable[Span]) -> str:
    """The spans as text; empty where there are none."""
    return " ".join(f"{start}-{end}" for start, end in spans)


def parse_spans(spans: str) -> list[Span]:
    """The places that `format_spans` wrote.

    Raises:
        ValueError: a span is malformed.
    """
    places: list[Span] = []
    for place in spans.split():
        start, _, end = place.partition("-")
        if not (start.isdecimal() and end.isdecimal() and int(start) < int(end)):
            raise ValueError(f"{spans!r} is not a list of spans; write START-END, separated by blanks")
        places.append((int(start), int(end)))
    return places


def first_span(spans: str) -> Span | None:
    """The first of these places; None where there is none."""
    return next(iter(parse_spans(spans)), None)
