"""The readers file in YAML: who gets which digests, and the channels; every mistake is located by its line.

The file has two keys: `readers`, a list of readers, and `channels`, a mapping of names to what `adapters.channels`
reads. A mistake in one reader's entry refuses that entry alone. Messages name lines and never an address, since runs
log them. What a reader is to the pipeline is in `core.digest.readers`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TypeVar

import yaml

from signals_pipeline.adapters.publication import BucketStore, PublicationError
from signals_pipeline.adapters.watchlist import WatchlistError, load_watchlist, presets
from signals_pipeline.adapters.yaml_nodes import (
    NULL_TAG,
    DocumentKind,
    line_of,
    parse_document,
    read_document,
    shortened,
)
from signals_pipeline.core.digest.addresses import AddressError, check_address
from signals_pipeline.core.digest.readers import (
    Clock,
    DigestTimes,
    Edition,
    Reader,
    ReaderError,
    TimeStyle,
    check_channel_name,
    parse_clock,
    parse_digest_times,
    parse_least_score,
    reader_key,
    unknown_symbols,
)
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.text import quantity
from signals_pipeline.core.time_zones import TimeZoneError, check_zone
from signals_pipeline.core.watchlist import Watchlist, name_problem, symbol_problem

MAX_BYTES = 5_000_000
"""Some 25,000 readers."""

# A key of a channel is three deep: mapping of channels, channel, value; a list in it is one more. The rest is slack.
_MAX_DEPTH = 8

_TOP_KEYS = ("readers", "channels")
_READER_KEYS = ("address", "channel", "name", "companies", "digests", "least_score", "clock", "zone")

_MAX_LISTED = 5  # symbols in one message

_Value = TypeVar("_Value")


class ReadersFileError(SignalsError, ValueError):
    """The readers file can't be used; the message has file, line number, what is wrong and what to do."""


_KIND = DocumentKind("readers", "readers: [{address: ...}]", ReadersFileError, MAX_BYTES, _MAX_DEPTH)


@dataclass(frozen=True, slots=True)
class ReadersFile:
    """What a readers file holds.

    Attributes:
        readers: The readers whose entries are right, in the file's order.
        channels: The settings of each channel as text, lists and mappings, by its name; `adapters.channels` reads them.
        problems: One line per mistake, without addresses: file, line, what is wrong and what to do.
    """

    readers: tuple[Reader, ...] = ()
    channels: Mapping[str, dict[str, object]] = field(default_factory=dict[str, dict[str, object]])
    problems: tuple[str, ...] = ()


def load_readers(place: str, followed: Watchlist | None = None) -> ReadersFile:
    """The readers and channels of a file.

    Args:
        place: Path of the file, or its s3:// address.
        followed: The companies that the pipeline follows; a reader's others are a problem, and never in a digest. None:
            not checked.

    Raises:
        ReadersFileError: The file can't be read, or is no readers file at all.
    """
    if place.startswith("s3://"):
        root = parse_document(_object_of(place), place, _KIND)
        folder = Path()
    else:
        path = Path(place)
        root = read_document(path, _KIND)
        folder = path.parent
    sections = _mapping(place, root, _TOP_KEYS, "a readers file; write `readers:` and below it `- address: ...`")
    problems: list[str] = []

    # Channels first: readers name them.
    channels: dict[str, dict[str, object]] = {}
    if "channels" in sections:
        channels = _channels(place, sections["channels"], problems)

    reader_of = _EntryReader(place, folder, channels, followed)
    readers: list[Reader] = []
    for node in _entries(place, sections.get("readers")):
        try:
            readers.append(reader_of.reader(node, problems))
        except ReadersFileError as error:
            problems.append(str(error))
    return ReadersFile(tuple(readers), channels, tuple(problems))


def _object_of(address: str) -> bytes:
    """The content of s3://bucket/key."""
    bucket, _, key = address.removeprefix("s3://").partition("/")
    try:
        content = BucketStore(bucket, "").read(key)
    except PublicationError as error:
        raise ReadersFileError(f"{address}: can't be read ({error}); correct SIGNALS_READERS") from error
    if content is None:
        raise ReadersFileError(f"{address}: does not exist; upload the file, or correct SIGNALS_READERS")
    return content


def _entries(place: str, node: yaml.Node | None) -> list[yaml.Node]:
    if node is None or node.tag == NULL_TAG:
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise _KIND.mistake(place, node, "'readers' is not a list; write one `- address: ...` entry per reader")
    return node.value


def _mapping(place: str, node: yaml.Node, keys: tuple[str, ...], wanted: str) -> dict[str, yaml.Node]:
    """The values of a mapping by key.

    Raises:
        ReadersFileError: It is no mapping, or a key is unknown or appears twice.
    """
    if not isinstance(node, yaml.MappingNode):
        raise _KIND.mistake(place, node, f"not {wanted}")
    fields: dict[str, yaml.Node] = {}
    for key, value in node.value:
        if not isinstance(key, yaml.ScalarNode) or key.value not in keys:
            name = f" {shortened(key.value)}" if isinstance(key, yaml.ScalarNode) else ""
            raise _KIND.mistake(place, key, f"unknown key{name}; use {', '.join(keys)}")
        if key.value in fields:
            raise _KIND.mistake(place, key, f"key {key.value!r} appears twice; keep one")
        fields[key.value] = value
    return fields


def _channels(place: str, node: yaml.Node, problems: list[str]) -> dict[str, dict[str, object]]:
    """The channels whose names are right; what is in them is for `adapters.channels`."""
    if node.tag == NULL_TAG:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise _KIND.mistake(place, node, "'channels' is not a mapping; write `NAME: {kind: ..., ...}` below it")
    channels: dict[str, dict[str, object]] = {}
    for key, value in node.value:
        try:
            name = check_channel_name(_text(place, key, "channel"))
        except ReaderError as error:
            problems.append(str(_KIND.mistake(place, key, str(error))))
            continue
        except ReadersFileError as error:
            problems.append(str(error))
            continue
        if name in channels:
            problems.append(str(_KIND.mistake(place, key, f"channel {name!r} appears twice; the first one counts")))
            continue
        if not isinstance(value, yaml.MappingNode):
            problems.append(str(_KIND.mistake(place, value, f"channel {name!r} is not a mapping; write `kind: ...`")))
            continue
        channels[name] = {str(field.value): _plain(content) for field, content in value.value}
    return channels


def _plain(node: yaml.Node) -> object:
    """A node's value as text, list or mapping; None where it has no value."""
    if isinstance(node, yaml.MappingNode):
        return {str(key.value): _plain(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item) for item in node.value]
    return None if node.tag == NULL_TAG else str(node.value)


def _text(place: str, node: yaml.Node, key: str) -> str:
    if not isinstance(node, yaml.ScalarNode) or node.tag == NULL_TAG or not node.value.strip():
        raise _KIND.mistake(place, node, f"{key!r} has no text; write the text after the colon or dash")
    return " ".join(node.value.split())


class _EntryReader:
    """Reads readers one after another and remembers whom it has read."""

    def __init__(
        self, place: str, folder: Path, channels: Mapping[str, dict[str, object]], followed: Watchlist | None
    ) -> None:
        self._place = place
        self._channels = channels
        self._followed = followed
        self._line_by_key: dict[str, int] = {}
        # Many readers name the same watchlist: each is read once.
        self._symbols_of = cache(partial(_symbols_of_watchlist, folder))

    def reader(self, node: yaml.Node, problems: list[str]) -> Reader:
        """The reader of one entry.

        Args:
            node: The entry.
            problems: Where what is wrong without refusing the entry is added.

        Raises:
            ReadersFileError: The entry's first mistake.
        """
        fields = _mapping(self._place, node, _READER_KEYS, "a reader; write `address: ...` or `channel: ...`")
        if ("address" in fields) == ("channel" in fields):
            raise self._error(node, "a reader has an address or a channel; write one of the two")
        recipient = self._address(fields["address"]) if "address" in fields else self._channel(fields["channel"])
        name = self._name(fields["name"]) if "name" in fields else ""
        digests = self._digests(fields["digests"]) if "digests" in fields else DigestTimes()
        edition = Edition(
            symbols=self._companies(fields["companies"], problems) if "companies" in fields else None,
            least_score=self._parsed(fields["least_score"], "least_score", parse_least_score)
            if "least_score" in fields
            else 0.0,
            times=self._times(fields.get("zone"), fields.get("clock")),
        )

        key = reader_key(recipient)
        if key in self._line_by_key:
            raise self._error(node, f"the same reader as on line {self._line_by_key[key]}; keep one entry")
        self._line_by_key[key] = line_of(node)
        return Reader(recipient, name, edition, digests)

    def _error(self, node: yaml.Node, problem: str) -> SignalsError:
        return _KIND.mistake(self._place, node, problem)

    def _parsed(self, node: yaml.Node, key: str, parse: Callable[[str], _Value]) -> _Value:
        """A value that core parses, its errors with their line."""
        text = _text(self._place, node, key)
        try:
            return parse(text)
        except (ReaderError, TimeZoneError) as error:
            raise self._error(node, f"{key}: {error}") from error

    def _address(self, node: yaml.Node) -> str:
        text = _text(self._place, node, "address")
        try:
            return check_address(text)
        except AddressError as error:
            raise self._error(node, f"address: {error}") from error

    def _channel(self, node: yaml.Node) -> str:
        name = _text(self._place, node, "channel")
        if name not in self._channels:
            known = ", ".join(sorted(self._channels)) or "none"
            raise self._error(node, f"channel {shortened(name)} is not under `channels:` ({known}); add it there")
        kind = self._channels[name].get("kind")
        if not isinstance(kind, str) or not kind.isalnum():
            raise self._error(node, f"channel {name!r} has no kind; write `kind: ...` under `channels:`")
        return f"{kind}:{name}"

    def _name(self, node: yaml.Node) -> str:
        name = _text(self._place, node, "name")
        problem = name_problem(name)
        if problem:
            raise self._error(node, f"name: {problem}")
        return name

    def _digests(self, node: yaml.Node) -> DigestTimes:
        items: list[yaml.Node] = node.value if isinstance(node, yaml.SequenceNode) else [node]
        texts = [_text(self._place, item, "digests") for item in items]
        try:
            return parse_digest_times(texts)
        except ReaderError as error:
            raise self._error(node, str(error)) from error

    def _times(self, zone: yaml.Node | None, clock: yaml.Node | None) -> TimeStyle:
        style = TimeStyle()
        return TimeStyle(
            zone=style.zone if zone is None else self._parsed(zone, "zone", check_zone),
            clock=Clock.HOURS_24 if clock is None else self._parsed(clock, "clock", parse_clock),
        )

    def _companies(self, node: yaml.Node, problems: list[str]) -> tuple[str, ...] | None:
        """The symbols, sorted; None for all."""
        if isinstance(node, yaml.SequenceNode):
            symbols = [self._symbol(item) for item in node.value]
            if not symbols:
                raise self._error(node, "'companies' is empty; list symbols, or write all")
        else:
            text = _text(self._place, node, "companies")
            if text == "all":
                return None
            try:
                symbols = self._symbols_of(text)
            except WatchlistError as error:
                known = ", ".join(presets())
                raise self._error(
                    node, f"companies: {error}; or use all, a list of symbols, or a preset ({known})"
                ) from error
        chosen = tuple(sorted(set(symbols)))
        self._report_unknown(node, chosen, problems)
        return chosen

    def _symbol(self, node: yaml.Node) -> str:
        symbol = _text(self._place, node, "companies")
        problem = symbol_problem(symbol)
        if problem:
            raise self._error(node, problem)
        return symbol

    def _report_unknown(self, node: yaml.Node, symbols: tuple[str, ...], problems: list[str]) -> None:
        if self._followed is None:
            return
        unknown = unknown_symbols(symbols, self._followed.symbols)
        if unknown:
            shown = ", ".join(unknown[:_MAX_LISTED])
            more = f" and {len(unknown) - _MAX_LISTED} more" if len(unknown) > _MAX_LISTED else ""
            problems.append(
                str(
                    self._error(
                        node,
                        f"{quantity(len(unknown), 'company', 'companies')} of this reader not on the watchlist"
                        f" ({shown}{more}): no digest can report on them; change the watchlist or this list",
                    )
                )
            )


def _symbols_of_watchlist(folder: Path, name: str) -> list[str]:
    """The symbols of a watchlist file, relative to the readers file or to the working directory, or of a preset.

    Raises:
        WatchlistError: There is no such file and no such preset, or it has a mistake.
    """
    beside = folder / name
    return list(load_watchlist(beside if beside.is_file() else Path(name)).symbols)
