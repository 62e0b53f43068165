"""The soak's own judge of the mails: from the raw tables, what the mail server read, and what the operator was told.

It shares no rule with the product (`core.digest.delivery`), so that a mistake there is not repeated here. A promise is
a row of `delivery`, and a live digest promises a mail to every reader. Each is sent (the server has read it), waits
with a due time that is near, or must be known to the operator: `unknown`, given up, or held back for whatever reason.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from signals_pipeline.core.windows import Window, window_starting

SILENCE = timedelta(minutes=15)
"""The longest time, of an awake system, that nobody may know of a mail that will not go."""

TOO_LATE = timedelta(hours=3)
"""The age of a window at which its mails don't leave any more without an operator."""

LONGEST_WAIT = timedelta(minutes=31)
"""The longest backoff and a minute: a mail whose next attempt is further away waits for nothing."""

DUE = timedelta(minutes=30)
"""The age of a window at which its digest must be there."""

NOT_TRIED = "pending, due since"
"""The problem of a mail that is due. It may be held back for a reason, but not before it had the time to be tried."""

TO_BE_TRIED = ("claimed", "pending, and not tried before", "pending, and its window has not ended", NOT_TRIED)
"""Problems of mails that could still leave: it is not enough that somebody knows."""

WAITING_STATES = {"pending", "sending"}
NO_DIGEST = "no digest"


@dataclass(frozen=True)
class Promise:
    """A mail that was promised.

    Attributes:
        window: The window that it reports on.
        number: Its row; 0 where a live digest has no row for a reader.
        state: As stored; `no row` where a live digest has none, `no digest` where the window has none.
    """

    window: Window
    kind: str
    recipient: str
    number: int = 0
    message_id: str = ""
    state: str = "no row"
    released: bool = False
    next_attempt_at: datetime | None = None
    claimed_at: datetime | None = None
    last_error: str = ""

    @property
    def key(self) -> str:
        """What tells it from all others."""
        return f"{self.window.key} {self.kind} {self.recipient}"


@dataclass(frozen=True)
class Finding:
    """A promise that is not accounted for, and why; `silent`: minutes awake in which nobody knew."""

    promise: Promise
    problem: str
    silent: float


def promises(url: str, readers: Sequence[str], windows: Sequence[Window] = ()) -> list[Promise]:
    """All promises in a database.

    Args:
        url: Of the pipeline's database.
        readers: Addresses that get every live digest.
        windows: Those that have ended, each of which is to have a digest.
    """
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT * FROM delivery ORDER BY id")).mappings().all()
        digests = connection.execute(sa.text("SELECT window_start, mode FROM digest ORDER BY window_start")).all()
    engine.dispose()

    found = [
        Promise(
            window_starting(_instant(row["window_start"])),
            row["kind"],
            row["recipient"],
            row["id"],
            row["message_id"],
            row["state"],
            bool(row["released"]),
            _instant(row["next_attempt_at"]),
            _instant(row["claimed_at"]) if row["claimed_at"] else None,
            row["last_error"],
        )
        for row in rows
    ]

    # A live digest without rows promises as much, and nobody keeps it; a window promises its digest.
    modes = {_instant(start): mode for start, mode in digests}
    there = {promise.key for promise in found}
    live = [window_starting(start) for start, mode in modes.items() if mode == "live"]
    unwritten = [Promise(window, "digest", reader) for window in live for reader in readers]
    found += [promise for promise in unwritten if promise.key not in there]
    late = [window for window in windows if window.start not in modes]
    return found + [Promise(window, "digest", "everybody", state=NO_DIGEST) for window in late]


def problem_of(promise: Promise, read: Mapping[tuple[str, str], int], now: datetime) -> str:
    """Why a promise is not kept and does not simply wait; empty where it is kept or waits.

    Args:
        promise: The promise.
        read: How often the server has read a mail whole, by recipient and Message-ID.
        now: The deployment's time.
    """
    times = read.get((promise.recipient, promise.message_id), 0)
    if promise.state == "sent":
        return "" if times else "sent, but the server never read it"
    if promise.state == NO_DIGEST:
        return NO_DIGEST if now - promise.window.end > DUE else ""
    if promise.state == "sending" and promise.claimed_at is not None:
        age = now - promise.claimed_at
        return "" if abs(age) <= SILENCE else f"claimed {age} ago and still sending"
    if promise.state == "pending" and promise.next_attempt_at is not None:
        if times:
            return "pending, although the server has read it: it would go twice"
        if now < promise.window.end:
            return "pending, and its window has not ended by this clock"
        if now - promise.window.end > TOO_LATE and not promise.released:
            return "pending, and too old to leave"
        wait = promise.next_attempt_at - now
        if wait > LONGEST_WAIT:
            return f"pending, and not tried before {promise.next_attempt_at.isoformat()}"
        if wait < -SILENCE:
            return f"{NOT_TRIED} {promise.next_attempt_at.isoformat()}, and nobody tries"
        return ""
    return promise.state


class Judge:
    """Follows the promises over a soak, and how long nobody knew of one that is not kept.

    Attributes:
        longest: Minutes lived through awake while nobody knew of such a mail; the soak counts them, as its clock jumps.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self._since: dict[tuple[str, str], float] = {}
        self._known: set[tuple[str, str]] = set()
        self._messages_before: dict[str, int] = {}

    def look(
        self,
        found: Sequence[Promise],
        read: Mapping[tuple[str, str], int],
        messages: Sequence[str],
        now: datetime,
        awake: float,
    ) -> list[Finding]:
        """The promises that are neither kept nor waiting, and of which nobody was told or which could still be kept.

        Args:
            found: All promises.
            read: As in `problem_of`.
            messages: All that the operator was told so far.
            now: The deployment's time.
            awake: Minutes that the system was awake so far.
        """
        untold: list[Finding] = []
        for promise in found:
            problem = problem_of(promise, read, now)
            # A pending mail that is not tried and one that is given up later are two matters.
            matter = promise.key, problem.partition(",")[0]
            if not problem:
                self._messages_before[promise.key] = len(messages)
            if not problem or matter in self._known:
                continue
            silent = awake - self._since.setdefault(matter, awake)
            # Whatever else a message says: one since then that names the window shows the operator where to look.
            since_then = messages[self._messages_before.get(promise.key, 0) :]
            is_told = any(promise.window.key in message for message in since_then)
            had_time = problem.startswith(NOT_TRIED) and silent > SILENCE.total_seconds() / 60
            if is_told and (had_time or not problem.startswith(TO_BE_TRIED)):
                self._known.add(matter)
                self.longest = max(self.longest, silent)
                continue
            if not is_told:
                self.longest = max(self.longest, silent)
            untold.append(Finding(promise, problem, silent))
        return untold

    def is_known(self, promise: Promise) -> bool:
        """Whether the operator knows of a promise."""
        return any(key == promise.key for key, _ in self._known)


Signal = tuple[datetime, str]
"""When it was decided, and its company."""


def signals_until(url: str, until: datetime) -> list[Signal]:
    """All signals decided up to an instant."""
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        rows = connection.execute(sa.text("SELECT decided_at, symbol FROM signal_history ORDER BY 1, 2")).all()
    engine.dispose()
    return [(_instant(decided), symbol) for decided, symbol in rows if _instant(decided) <= until]


def untold_signals(
    url: str, read: Mapping[tuple[str, str], int], signals: Sequence[Signal]
) -> tuple[list[Signal], list[Signal]]:
    """Signals that no reader was told of, and those that were told by more than one digest.

    A digest tells if some reader may have it: the server has read one of its mails.

    Args:
        url: Of the pipeline's database.
        read: As in `problem_of`.
        signals: The signals that should have been told.
    """
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    with engine.connect() as connection:
        digests = connection.execute(sa.text("SELECT window_start, content FROM digest ORDER BY window_start")).all()
        mails = connection.execute(
            sa.text("SELECT window_start, recipient, message_id FROM delivery WHERE kind = 'digest'")
        ).all()
    engine.dispose()

    tellers = {_instant(start) for start, recipient, name in mails if read.get((recipient, name))}
    times = Counter[Signal]()
    for start, content in digests:
        if _instant(start) in tellers:
            times.update(_cards(content))
    return [each for each in signals if not times[each]], [each for each in signals if times[each] > 1]


def _cards(content: str) -> Iterator[Signal]:
    """Instant of decision and company of each signal that a stored digest tells; none where it can't be read."""
    try:
        digest: dict[str, Any] = json.loads(content)
    except ValueError:
        return
    for section in ("new", "changed", "from_missed"):
        for card in digest.get(section, []):
            yield _instant(card["decided_at"]), card["symbol"]


def _instant(value: Any) -> datetime:  # noqa: ANN401 - what either database gives
    """An aware instant in UTC of a stored one; SQLite keeps text without an offset."""
    found = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
