"""What goes wrong in a soak: sources, the database and its connections, run workers, and a mail server with moods."""

import asyncio
import hashlib
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from aiosmtpd.smtp import SMTP, Envelope, Session

from benchmarks.soak.folder import Folder
from signals_pipeline_tests.support.deployment import Deployment
from signals_pipeline_tests.support.mail_servers import Inbox

# What goes wrong in so many of 100 windows; the rest goes well. Names of moods are the mail server's.
SHARES = {
    "news away": 6, "prices away": 5, "connections cut": 8, "database restarted": 4, "run killed": 14,
    "busy": 5, "defers": 5, "drops": 4, "dies after taking": 4, "stalls": 1,
}  # fmt: skip
MOODS = {"busy", "defers", "drops", "dies after taking", "stalls"}
SUDDEN = {"run killed", "connections cut", "database restarted"}
STALLED = 40.0  # seconds, longer than the sender's patience of 30


def drawn(seed: int, at: int) -> tuple[str, random.Random]:
    """The fault of a window (or nothing), and its further chances; the same for the same seed and place."""
    rng = random.Random(f"{seed}/{at}")
    names = [*SHARES, ""]
    return rng.choices(names, [*SHARES.values(), 100 - sum(SHARES.values())])[0], rng


@dataclass
class MoodyInbox(Inbox):
    """A mail server that takes mail, or misbehaves as its mood is; keeps each mail that it has read whole in a file."""

    kept: Folder = field(default_factory=lambda: Folder(Path()))
    mood: str = ""

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
        return await super().handle_RCPT(server, session, envelope, address, options)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Take a mail, or defer it, or take it and be gone before the answer."""
        if self.mood == "defers":
            return "452 full"
        answer = await super().handle_DATA(server, session, envelope)
        recipient, content = self.taken[-1]
        said = {"recipient": recipient, "id": self.message(-1)["Message-ID"], "sha256": _sha(content)}
        self.kept.add("mails", said)
        self.taken.clear()
        if self.mood == "dies after taking" and server.transport is not None:
            server.transport.close()
        return answer


def _sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@contextmanager
def before(fault: str, deployment: Deployment, inbox: MoodyInbox) -> Iterator[None]:
    """A fault that lasts as long as the window's run."""
    away = {"news away": deployment.news, "prices away": deployment.prices}.get(fault)
    inbox.mood = fault if fault in MOODS else ""
    try:
        if away:
            shutil.move(away, f"{away}.away")
        yield
    finally:
        inbox.mood = ""
        if away:
            shutil.move(f"{away}.away", away)


def strike(fault: str, deployment: Deployment, worker: psutil.Process | None) -> None:
    """A fault of one moment."""
    if fault == "run killed" and worker is not None:
        with suppress(psutil.NoSuchProcess):  # it was faster
            worker.kill()
    if fault == "connections cut":
        deployment.postgres.tell(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
        )
    if fault == "database restarted":
        deployment.postgres.stop()
        deployment.postgres.start()
