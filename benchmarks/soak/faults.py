"""What goes wrong in a soak, how often, and a mail server with moods. Who is hit, and how, is up to the set-up."""

import asyncio
import hashlib
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from benchmarks.soak.folder import Folder
from signals_pipeline_tests.support.mail_servers import Inbox

OPERATOR = "operator@example.org"
HOUR = timedelta(hours=1)

# What goes wrong in so many of 100 windows; the rest goes well. Names of moods are the mail server's.
SHARES = {
    # Sources.
    "news away": 3, "prices away": 3,
    # The database.
    "connections cut": 3, "database restarted": 2,
    # Processes.
    "run killed": 7, "daemon killed": 3, "code server killed": 3, "terminal closed": 4, "power cut": 5,
    "sender suspended 4 h": 4, "two at once": 4,
    # Time.
    "clock +1 h": 3, "clock -1 h": 3, "clock +1 day": 3, "clock +1 year": 3,
    # Not drawn, for --only: Dagster's scheduler and sensors record looks of that day, and look no more until then.
    "machine's clock +1 day": 0,
    "off 1 h": 2, "off 4 h": 4, "off 12 h": 2, "off 60 h": 2,
    # Data.
    "poisoned digest": 3, "odd row": 2, "damaged frame": 5,
    # The mail server.
    "busy": 3, "defers": 3, "drops": 3, "dies after taking": 3, "stalls": 1, "mail server away 4 h": 3,
}  # fmt: skip
MOODS = {"busy", "defers", "drops", "dies after taking", "stalls"}
POSTGRES_ONLY = {"connections cut", "database restarted", "daemon killed", "code server killed"}
STEPS = {
    "clock +1 h": HOUR, "clock -1 h": -HOUR, "clock +1 day": timedelta(days=1), "clock +1 year": timedelta(days=365),
    "machine's clock +1 day": timedelta(days=1),
}  # fmt: skip
WHOLE_MACHINE = {"clock +1 h", "clock -1 h", "machine's clock +1 day"}
"""Steps of every process's clock; others are those of runs alone, where these may be machines of their own."""
OFF = {"off 1 h": HOUR, "off 4 h": 4 * HOUR, "off 12 h": 12 * HOUR, "off 60 h": 60 * HOUR}
SUDDEN = {
    "run killed", "connections cut", "database restarted", "daemon killed", "code server killed", "terminal closed",
    "power cut",
}  # fmt: skip
# Where a fault strikes: at any second of the run, or when the mail server meets a mail.
MOMENTS = ("any", "any", "any", "RCPT", "DATA", "content", "taken")
STALLED = 40.0  # seconds, longer than the sender's patience of 30


@dataclass(frozen=True)
class Fault:
    """What goes wrong in a window.

    Attributes:
        name: Of `SHARES`; empty where nothing does.
        moment: `any`, or the mail server's event at which it strikes, where that matters.
        rng: Its further chances.
    """

    name: str
    moment: str
    rng: random.Random

    @classmethod
    def drawn(cls, seed: int, at: int, kinds: frozenset[str]) -> "Fault":
        """The fault of a window; the same for the same seed, place and kinds."""
        rng = random.Random(f"{seed}/{at}")
        shares = {name: share for name, share in SHARES.items() if name in kinds}
        [name] = rng.choices([*shares, ""], [*shares.values(), max(100 - sum(shares.values()), 0)])
        return cls(name, rng.choice(MOMENTS), rng)

    @classmethod
    def named(cls, name: str, moment: str, seed: int) -> "Fault":
        """This fault at this moment."""
        return cls(name, moment, random.Random(f"{seed}/{name}/{moment}"))


@dataclass
class MoodyInbox(Inbox):
    """A mail server that takes mail, or misbehaves as its mood is; keeps each mail that it has read whole in a file.

    Attributes:
        now: The deployment's clock.
        answer: Given to each recipient instead of taking it; empty: taken.
    """

    kept: Folder = field(default_factory=lambda: Folder(Path()))
    mood: str = ""
    answer: str = ""
    now: Callable[[], datetime] = datetime.now

    async def handle_RCPT(  # noqa: N802 - aiosmtpd finds handlers by name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take a recipient, or be busy, stall or drop."""
        if self.mood == "busy":
            return "451 later"
        if self.mood == "stalls":
            await asyncio.sleep(STALLED)
        if self.mood == "drops" and server.transport is not None:
            server.transport.close()
        taken = await super().handle_RCPT(server, session, envelope, address, options)
        return self.answer or taken

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail, or defer it, or take it and be gone before the answer."""
        if self.mood == "defers":
            return "452 full"
        # Kept before the hook that a kill may hang on: what was read whole counts.
        content = envelope.original_content or b""
        for recipient in envelope.rcpt_tos:
            self._keep(recipient, content)
        answer = await super().handle_DATA(server, session, envelope)
        self.taken.clear()
        if self.mood == "dies after taking" and server.transport is not None:
            server.transport.close()
        return answer

    def _keep(self, recipient: str, content: bytes) -> None:
        self.taken.append((recipient, content))
        message = self.message(-1)
        self.taken.clear()
        line = {
            "recipient": recipient,
            "id": message["Message-ID"],
            "sha256": hashlib.sha256(content).hexdigest(),
            "at": self.now().isoformat(),
        }
        if recipient == OPERATOR:
            body = message.get_body(("plain", "html"))
            line["text"] = f"{message['Subject']}\n{body.get_content() if body else ''}"
        self.kept.add("mails", line)


class Once:
    """A hook of the mail server that acts the first time that an event comes, and never again.

    Attributes:
        struck: Whether it did.
    """

    def __init__(self, event: str, act: Callable[[], None]) -> None:
        self.struck = False
        self._event = event
        self._act = act

    def __call__(self, event: str) -> None:
        """An event of the mail server."""
        if event == self._event and not self.struck:
            self.struck = True
            self._act()
