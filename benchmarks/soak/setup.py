"""What both set-ups of a soak share: how a window is played with its fault, and lived through until all is settled."""

import os
import random
import shutil
import time
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import psutil
import sqlalchemy as sa

from benchmarks.soak.faults import MOODS, OFF, STEPS, SUDDEN, WHOLE_MACHINE, Fault, MoodyInbox, Once
from benchmarks.soak.folder import Folder
from benchmarks.soak.oracle import SILENCE, WAITING_STATES, Finding, Judge, Promise, problem_of, promises
from signals_pipeline.core.windows import Window
from signals_pipeline_tests.support.fake_clock import Clock

READERS = ("ann@example.org", "bob@example.org")
TICK = timedelta(seconds=1)  # after a window's end
LOOK = timedelta(minutes=5)  # between two looks at mails that nobody was told of
LIVED_THROUGH = timedelta(hours=4, minutes=30)  # after a window's end, by when every mail of it has been decided
FRAMES_BACK = 20  # windows whose frames the checks of a new one read
WITHIN = 6.0  # seconds of a run's life in which something sudden happens
POISON = '{"version": 999, "text": "of another release"}'
ODD_READER = "odd\x0breader@example.org"


@dataclass
class Played:
    """What became of one window.

    Attributes:
        newest: Place of the newest window that was run: later ones than asked for, where the system was off.
        struck: Whether the fault met what it was to meet.
        violations: What the judge found.
    """

    newest: int
    struck: bool
    violations: list[str] = field(default_factory=list)


class Setup(ABC):
    """A deployment in a soak.

    Attributes:
        clock: The time of its processes.
        database_url: The pipeline's database.
        news, prices, data: Its sources and data folder.
        awake: Minutes that it lived through awake, by `minutes`.
        hands: What the soak had to do in the operator's place; none is right.
        is_source_away: Whether news or prices can't be read.
    """

    def __init__(
        self, folder: Folder, inbox: MoodyInbox, windows: Sequence[Window], clock: Clock, variables: dict[str, str]
    ) -> None:
        self.folder = folder
        self.inbox = inbox
        self.windows = windows
        self.clock = clock
        self.database_url = variables["SIGNALS_DATABASE_URL"]
        self.news = Path(variables["SIGNALS_NEWS_PATH"])
        self.prices = Path(variables["SIGNALS_PRICES_PATH"])
        self.data = folder.home / "data"
        self.synced = folder.root / "synced"
        self.awake = 0.0
        self.hands: list[str] = []
        self.is_source_away = False
        self._began = 0.0
        self._step = timedelta()
        self._worker: psutil.Process | None = None
        self.judge = Judge()

    # --- What a set-up can do ---

    @abstractmethod
    def tick(self, window: Window) -> None:
        """Begin the window's run, the clock being past its end."""

    @abstractmethod
    def settle(self, window: Window) -> None:
        """Wait until the window's run, and what is repeated of it, is over; start again what was killed.

        A wrong clock is put right when the run is over.
        """

    @abstractmethod
    def minutes(self, span: timedelta) -> None:
        """Let so much time pass, and every part that looks from time to time look at least once."""

    @abstractmethod
    def running(self, window: Window) -> bool:
        """Wait until the process of the window's run is there; False where it is over already."""

    @abstractmethod
    def strike(self, name: str, window: Window, rng: random.Random) -> None:
        """One of `SUDDEN`, now."""

    @abstractmethod
    def suspend(self, span: timedelta) -> None:
        """Stop every process, let so much time pass, and let them go on."""

    @abstractmethod
    def off(self, until: datetime) -> None:
        """End the system, and start it at an instant."""

    @abstractmethod
    def wrong_clock(self, step: timedelta, *, whole: bool) -> None:
        """Put the clock of what sends wrong, or that of the whole machine."""

    @abstractmethod
    def right_clock(self) -> None:
        """Put it right."""

    @abstractmethod
    def two_at_once(self) -> "Any":  # noqa: ANN401 - a context manager
        """Two of what is alone otherwise, until the end of the block."""

    @abstractmethod
    def messages(self) -> list[str]:
        """All that the operator was told, oldest first."""

    @abstractmethod
    def sample(self) -> dict[str, Any]:
        """Memory and open files of processes that go on."""

    # --- One window ---

    def play(self, at: int, fault: Fault) -> Played:
        """One window: its tick, its fault, its run, what is repeated, and the mails that wait."""
        window, struck = self.windows[at], bool(fault.name)
        self._worker = None
        began = time.time()
        with self._weather(fault):
            if fault.name == "damaged frame":
                struck = self._damage_frame(at, fault.rng)
            if fault.name in OFF:
                self.off(window.end + OFF[fault.name])
                at = max(place for place, each in enumerate(self.windows) if each.end <= self.clock.now)
                window = self.windows[at]
            self._to(window)
            with self._hooked(fault, window, began) as hook:
                with self.two_at_once() if fault.name == "two at once" else _nothing():
                    self.tick(window)
                    if fault.name in SUDDEN and fault.moment == "any":
                        struck = self.running(window)
                        time.sleep(fault.rng.uniform(0, WITHIN))
                        self._strike(fault, window, began)
                    self.settle(window)
                if hook is not None:
                    struck = hook.struck
            if fault.name == "mail server away 4 h":
                self._pass(4 * timedelta(hours=1))
            if fault.name == "poisoned digest":
                struck = self._poison(window)
            if fault.name == "odd row":
                struck = self._odd_row(window)
        findings = self.live_through(window)
        return Played(at, struck, [self._violation(each) for each in findings])

    def live_through(self, window: Window) -> list[Finding]:
        """Let time pass until each mail is settled, or nobody was told of one for too long.

        Returns:
            The mails that are not accounted for.
        """
        while True:
            untold, waiting = self.look()
            too_long = [each for each in untold if each.silent > SILENCE.total_seconds() / 60]
            if len(too_long) == len(untold) and (not waiting or self.clock.now > window.end + LIVED_THROUGH):
                for finding in too_long:
                    self.folder.add("violations", {"matter": _matter(finding), "window": window.key})
                return too_long
            self.minutes(LOOK if untold else _until_due(waiting, self.clock.now))

    def look(self) -> tuple[list[Finding], list[Promise]]:
        """The mails that are not accounted for and were not reported yet, and those that wait."""
        now, read = self.clock.now, self.read()
        found = promises(self.database_url, READERS, [window for window in self.windows if window.end <= now])
        reported = {line["matter"] for line in self.folder.lines("violations")}
        untold = self.judge.look(found, read, self.messages(), now, self.awake)
        waiting = [each for each in found if each.state in WAITING_STATES and not problem_of(each, read, now)]
        return [each for each in untold if _matter(each) not in reported], waiting

    def read(self) -> Counter[tuple[str, str]]:
        """How often the mail server has read each mail whole, by recipient and Message-ID."""
        return Counter((line["recipient"], line["id"]) for line in self.folder.lines("mails"))

    def hand(self, what: str) -> None:
        """Note what an operator would have had to do."""
        self.hands.append(what)
        self.folder.add("hands", {"what": what, "at": self.clock.now.isoformat()})

    def _pass(self, span: timedelta) -> None:
        """Let time pass in steps."""
        until = self.clock.now + span
        while self.clock.now < until:
            self.minutes(min(timedelta(minutes=30), until - self.clock.now))

    def _to(self, window: Window) -> None:
        self.clock.put(max(self.clock.now, window.end + TICK))

    @contextmanager
    def _weather(self, fault: Fault) -> Iterator[None]:
        """A fault that lasts as long as the window's run."""
        away = {"news away": self.news, "prices away": self.prices}.get(fault.name)
        busy = fault.name in {"poisoned digest", "mail server away 4 h"}
        self.inbox.mood = fault.name if fault.name in MOODS else "busy" if busy else ""
        try:
            if away:
                shutil.move(away, f"{away}.away")
            self.is_source_away = bool(away)
            yield
        finally:
            self.inbox.mood = ""
            self.is_source_away = False
            if away:
                shutil.move(f"{away}.away", away)

    @contextmanager
    def _hooked(self, fault: Fault, window: Window, began: float) -> Iterator[Once | None]:
        """A fault that strikes when the mail server meets a mail."""
        actions: dict[str, Callable[[], None]] = {"sender suspended 4 h": lambda: self.suspend(timedelta(hours=4))}
        for name, step in STEPS.items():
            whole = name in WHOLE_MACHINE
            actions[name] = lambda step=step, whole=whole: self._wrong_clock(step, whole=whole, rng=fault.rng)
        for name in SUDDEN:
            actions[name] = lambda: self._strike(fault, window, began)
        event = "RCPT" if fault.moment == "any" else fault.moment
        is_sudden = fault.name in SUDDEN and fault.moment == "any"
        hook = Once(event, actions[fault.name]) if fault.name in actions and not is_sudden else None
        if hook is not None:
            self.inbox.hook = hook
        try:
            yield hook
        finally:
            self.inbox.hook = lambda _event: None
            self.inbox.answer = ""

    def _wrong_clock(self, step: timedelta, *, whole: bool, rng: random.Random) -> None:
        """A wrong clock, and half the time a mail that has to be tried again by it."""
        self.inbox.answer = rng.choice(("", "451 later"))
        self.wrong_clock(step, whole=whole)

    def _strike(self, fault: Fault, window: Window, began: float) -> None:
        self._began = began
        self.strike(fault.name, window, fault.rng)

    def _damage_frame(self, at: int, rng: random.Random) -> bool:
        """Empty or truncate a frame of one of the windows before, if one is there."""
        keys = {window.key.replace(":", "") for window in self.windows[max(at - FRAMES_BACK, 0) : at]}
        frames = [path for path in sorted((self.data / "frames").rglob("*.parquet")) if path.stem in keys]
        if not frames:
            return False
        path = rng.choice(frames)
        os.truncate(path, rng.choice((0, path.stat().st_size // 2)))
        self.folder.add("touched", {"frame": str(path.relative_to(self.data / "frames"))})
        return True

    def _poison(self, window: Window) -> bool:
        """Make the window's stored digest one of another version, while its mails wait."""
        poison = "UPDATE digest SET content = :content WHERE window_start = :start AND mode = 'live'"
        changed = self._execute(poison, content=POISON, start=self._stored(window.start))
        self.folder.add("touched", {"digest": window.key})
        return bool(changed)

    def _odd_row(self, window: Window) -> bool:
        """Add a mail to an address that no message can carry."""
        engine = sa.create_engine(self.database_url, poolclass=sa.NullPool)
        names = [column["name"] for column in sa.inspect(engine).get_columns("delivery") if column["name"] != "id"]
        engine.dispose()
        odd = {"recipient": ":recipient", "message_id": ":name", "state": "'pending'", "attempts": "0"}
        odd |= {"next_attempt_at": ":start", "claimed_at": "NULL", "sent_at": "NULL", "last_error": "''"}
        copied = ", ".join(odd.get(name, name) for name in names)
        insert = (
            f"INSERT INTO delivery ({', '.join(names)}) SELECT {copied} FROM delivery"  # noqa: S608 - names of columns
            " WHERE window_start = :start AND kind = 'digest' AND recipient = :reader"
        )
        start = self._stored(window.start)
        values = {"recipient": ODD_READER, "name": f"<odd.{window.key}@example.org>", "reader": READERS[0]}
        return bool(self._execute(insert, start=start, **values))

    def _execute(self, statement: str, **values: object) -> int:
        """One statement; how many rows it changed."""
        engine = sa.create_engine(self.database_url, poolclass=sa.NullPool)
        with engine.begin() as connection:
            changed = connection.execute(sa.text(statement), values).rowcount
        engine.dispose()
        return changed

    def _stored(self, instant: datetime) -> Any:  # noqa: ANN401 - as the database has it
        """An instant as the database compares it: SQLite keeps text."""
        return instant if self.database_url.startswith("postgresql") else instant.isoformat(timespec="microseconds")

    def _violation(self, finding: Finding) -> str:
        mail = finding.promise
        return f"{mail.key}: {finding.problem}, for {finding.silent:.0f} min ({mail.last_error})"


def _matter(finding: Finding) -> str:
    return f"{finding.promise.key}/{finding.problem.partition(',')[0]}"


def _until_due(waiting: Sequence[Promise], now: datetime) -> timedelta:
    """Time until the next of these mails is due and a sensor has looked, at most half an hour."""
    due = [promise.next_attempt_at for promise in waiting if promise.next_attempt_at is not None]
    span = min(due, default=now) - now + timedelta(seconds=61)
    return min(max(span, timedelta(minutes=1)), timedelta(minutes=30))


@contextmanager
def _nothing() -> Iterator[None]:
    yield
