"""Inputs: valid examples, changed at random."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random

# What parsers trip over, whatever they parse.
COMMON_TOKENS = (
    b"\0", b"\r", b"\n", b"\r\n", b"\t", b" ", b"", b"'", b'"', b"\\", b"\xff", b"\xc3", b"\xed\xa0\x80",
    b"\xef\xbb\xbf", b"\xff\xfe", b"0", b"-1", b"-0.0", b"1e309", b"nan", b"inf", b"9" * 400, b"1_000", b"\xd9\xa1",
    b"null", b"true", b"None", b"<", b">", b"&", b"%", b"%s", b"${A}", b"../", b"\xe2\x80\xae", b"\xf0\x9d\x84\x9e",
    b"0000-00-00", b"9999-12-31T23:59:60Z", b"2015-02-03T10:00:00+99:99", b"2015-02-29", b"1423000000",
    b"10/02/2015 5 PM",
)  # fmt: skip
_LARGEST = 2_000_000  # bytes of an input
_MOST_CHANGES = 6


@dataclass(frozen=True, slots=True)
class Case:
    """One input: a file's name, whose suffix tells its format, and its content."""

    name: str
    content: bytes


def mutated(random: Random, case: Case, tokens: Sequence[bytes]) -> Case:
    """The case with a few changes, tokens of its format among them."""
    content = case.content
    for _ in range(random.randint(1, _MOST_CHANGES)):
        change = random.choice(_CHANGES)
        content = change(random, content, tokens)[:_LARGEST]
    return replace(case, content=content)


def _insert(random: Random, content: bytes, tokens: Sequence[bytes]) -> bytes:
    place = random.randint(0, len(content))
    return content[:place] + random.choice([*COMMON_TOKENS, *tokens]) + content[place:]


def _overwrite(random: Random, content: bytes, tokens: Sequence[bytes]) -> bytes:
    start, end = _span(random, content)
    return content[:start] + random.choice([*COMMON_TOKENS, *tokens]) + content[end:]


def _flip(random: Random, content: bytes, _tokens: Sequence[bytes]) -> bytes:
    if not content:
        return content
    changed = bytearray(content)
    changed[random.randrange(len(changed))] ^= 1 << random.randrange(8)
    return bytes(changed)


def _delete(random: Random, content: bytes, _tokens: Sequence[bytes]) -> bytes:
    start, end = _span(random, content)
    return content[:start] + content[end:]


def _cut(random: Random, content: bytes, _tokens: Sequence[bytes]) -> bytes:
    return content[: random.randint(0, len(content))]


def _copy(random: Random, content: bytes, _tokens: Sequence[bytes]) -> bytes:
    start, end = _span(random, content)
    place = random.randint(0, len(content))
    return content[:place] + content[start:end] + content[place:]


def _repeat(random: Random, content: bytes, tokens: Sequence[bytes]) -> bytes:
    """One span or token very often, as in a bomb."""
    start, end = _span(random, content)
    repeated = content[start:end] if random.random() < 0.5 else random.choice([*COMMON_TOKENS, *tokens])
    times = random.choice([10, 1_000, 100_000])
    most = _LARGEST // max(1, len(repeated))
    return content[:start] + repeated * min(times, most) + content[end:]


def _replace_word(random: Random, content: bytes, tokens: Sequence[bytes]) -> bytes:
    """Every occurrence of one token of the format by another."""
    present = [token for token in tokens if token and token in content]
    if not present:
        return content
    most = random.choice([1, 10, 100])
    return content.replace(random.choice(present), random.choice([*COMMON_TOKENS, *tokens]), most)


def _span(random: Random, content: bytes) -> tuple[int, int]:
    """A short span more often than a long one; from one delimiter to the next in half of the cases."""
    start = random.randint(0, len(content))
    end = min(len(content), start + random.choice([1, 4, 16, 64, 1_024]))
    if random.random() < 0.5:
        delimiter = random.choice([b",", b"\n", b'"', b">", b" ", b"/"])
        start = content.rfind(delimiter, 0, start) + 1
        found = content.find(delimiter, start)
        end = len(content) if found < 0 else found
    return start, max(start, end)


_Change = Callable[[Random, bytes, Sequence[bytes]], bytes]
_CHANGES: tuple[_Change, ...] = (
    _insert, _insert, _overwrite, _overwrite, _overwrite, _flip, _delete, _cut, _copy, _repeat, _replace_word,
)  # fmt: skip
