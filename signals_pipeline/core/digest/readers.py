"""Readers: who gets which digests, and what of each digest.

A reader's digest is the window's digest filtered (`editions`): nothing is scored or decided again. Readers come from
the file SIGNALS_READERS (`adapters.readers`), from DIGEST_RECIPIENTS, and from what readers chose themselves by a
signed link (`adapters.stores.reader_choices`); `merged_readers` decides which of these counts.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, time
from enum import StrEnum

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.windows import NEW_YORK, Window

_CLOCK_TIME = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_NOON = time(12, 0)
# Names of channels stand in the outbox, in commands and in messages.
_CHANNEL_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


class ReaderError(SignalsError, ValueError):
    """A reader's choice can't be used; the message is one line without an address: what is wrong and what to do."""


class Clock(StrEnum):
    """How times of day are written: `17:30` or `5:30 pm`."""

    HOURS_24 = "24h"
    HOURS_12 = "12h"


class Origin(StrEnum):
    """Where a reader comes from."""

    SETTING = "DIGEST_RECIPIENTS"
    FILE = "file"
    LINK = "link"  # the reader's own choice, by a signed link


@dataclass(frozen=True, slots=True)
class TimeStyle:
    """How a reader sees times.

    Attributes:
        zone: Name of a zone of the IANA database.
        clock: 24 or 12 hours.
    """

    zone: str = "America/New_York"
    clock: Clock = Clock.HOURS_24


NEW_YORK_TIMES = TimeStyle()
"""How pages show times, and mails to readers who chose nothing else."""


@dataclass(frozen=True, slots=True)
class Edition:
    """What of a digest a reader gets; readers with equal editions get the same text.

    Attributes:
        symbols: The companies, sorted, of which it shows signals; None for every company.
        least_score: Least |combined score| of a signal that it shows, in [0, 1].
        times: How its times are written.
        unfollowed: Those of its companies that the pipeline does not follow (`editions.with_unfollowed`).
    """

    symbols: tuple[str, ...] | None = None
    least_score: float = 0.0
    times: TimeStyle = NEW_YORK_TIMES
    unfollowed: tuple[str, ...] = ()

    @property
    def is_whole(self) -> bool:
        """Whether it shows every signal of the digest."""
        return self.symbols is None and self.least_score == 0.0


WHOLE_EDITION = Edition()


@dataclass(frozen=True, slots=True)
class DigestTimes:
    """Which of a day's digests a reader gets.

    Attributes:
        choices: `morning` (digests before noon), `evening` (from noon on), or times of day such as `08:30`, in New
            York; empty for every digest.
    """

    choices: tuple[str, ...] = ()

    def includes(self, window: Window) -> bool:
        """Whether the reader gets this window's digest."""
        if not self.choices:
            return True
        local = window.end.astimezone(NEW_YORK).time()
        half = "morning" if local < _NOON else "evening"
        return half in self.choices or f"{local:%H:%M}" in self.choices

    @property
    def text(self) -> str:
        """The choices in words: `every digest`, `morning`, `08:30, 17:30`."""
        return ", ".join(self.choices) or "every digest"


@dataclass(frozen=True, slots=True)
class Reader:
    """One reader.

    Attributes:
        recipient: A mail address, or `KIND:NAME` of a channel: what the outbox stores. It never holds a secret.
        name: For operators; empty where none is given.
        edition: What of a digest this reader gets.
        digests: Which digests this reader gets.
        origin: Where the reader comes from.
    """

    recipient: str
    name: str = ""
    edition: Edition = WHOLE_EDITION
    digests: DigestTimes = field(default_factory=DigestTimes)
    origin: Origin = Origin.FILE

    @property
    def is_channel(self) -> bool:
        """Whether this reader is a channel, not an address."""
        return is_channel_recipient(self.recipient)


def is_channel_recipient(recipient: str) -> bool:
    """Whether a recipient is `KIND:NAME` of a channel; an address always has an @."""
    return "@" not in recipient


def check_channel_name(name: str) -> str:
    """Return the name if it can be a channel's.

    Raises:
        ReaderError: It can't.
    """
    if not _CHANNEL_NAME.fullmatch(name):
        raise ReaderError(
            f"channel {name[:40]!r}; use at most 63 small letters, digits, hyphens and underscores, as in desk-1"
        )
    return name


def parse_digest_times(texts: Sequence[str]) -> DigestTimes:
    """The digests that a reader names: `morning`, `evening`, `both` or `all`, or times of day such as `08:30`.

    Raises:
        ReaderError: One of them is none of these.
    """
    if not texts:
        raise ReaderError("'digests' names no digest; use morning, evening, both, or times such as 08:30")
    choices: list[str] = []
    for text in texts:
        if text in ("both", "all"):
            return DigestTimes()
        if text not in ("morning", "evening") and not _CLOCK_TIME.fullmatch(text):
            raise ReaderError(f"digests {text[:40]!r}; use morning, evening, both, or times such as 08:30")
        if text not in choices:
            choices.append(text)
    return DigestTimes(tuple(choices))


def parse_least_score(text: str) -> float:
    """A reader's least score.

    Raises:
        ReaderError: It is no number from 0 to 1.
    """
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    # Written so that NaN is refused, too.
    if not 0 <= value <= 1:
        raise ReaderError(f"least score {text[:40]!r}; use a number from 0 to 1, such as 0.4")
    return value


def parse_clock(text: str) -> Clock:
    """How a reader wants times of day written.

    Raises:
        ReaderError: It is neither `24h` nor `12h`.
    """
    try:
        return Clock(text)
    except ValueError:
        raise ReaderError(f"clock {text[:40]!r}; use 24h or 12h") from None


@dataclass(frozen=True, slots=True)
class ReaderChoice:
    """What a reader chose by a signed link.

    Attributes:
        recipient: The address, as in the reader's mails.
        edition: What of a digest the reader gets.
        digests: Which digests the reader gets.
        subscribed: Whether the reader asked for digests by a confirmation link, so that no list needs to name them.
        changed_at: When the reader made this choice, UTC.
    """

    recipient: str
    edition: Edition
    digests: DigestTimes
    subscribed: bool
    changed_at: datetime


def merged_readers(
    listed: Iterable[Reader], everything: Iterable[str], choices: Mapping[str, ReaderChoice]
) -> tuple[Reader, ...]:
    """Every reader once, regardless of the case of addresses.

    A reader's own choice counts before the file, and the file before DIGEST_RECIPIENTS. A choice adds no reader whom
    neither names, unless it was made by a confirmation link.

    Args:
        listed: Readers of the file.
        everything: Addresses of DIGEST_RECIPIENTS: readers of everything.
        choices: Readers' own choices by `reader_key`.
    """
    by_key: dict[str, Reader] = {}
    for reader in listed:
        by_key.setdefault(reader_key(reader.recipient), reader)
    for address in everything:
        by_key.setdefault(reader_key(address), Reader(address, origin=Origin.SETTING))
    for key, choice in choices.items():
        known = by_key.get(key)
        if known is None and not choice.subscribed:
            continue
        base = known or Reader(choice.recipient)
        by_key[key] = replace(base, edition=choice.edition, digests=choice.digests, origin=Origin.LINK)
    return tuple(by_key.values())


def reader_key(recipient: str) -> str:
    """The form in which two spellings of one recipient are equal."""
    return recipient.strip().casefold()


def unknown_symbols(symbols: Collection[str], followed: Collection[str]) -> tuple[str, ...]:
    """Those of the symbols that the pipeline does not follow, in order."""
    return tuple(symbol for symbol in symbols if symbol not in followed)
