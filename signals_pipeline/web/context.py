"""What the pages and the API stand on: what is read, the two things that are written, the clock and the link key."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import SecretStr
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.stores.digests import Digests, StoredDigest
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.feedback import Feedback
from signals_pipeline.adapters.stores.outcomes import OutcomesStore
from signals_pipeline.adapters.stores.read_only import read_only_engine
from signals_pipeline.adapters.stores.signal_history import SignalHistory
from signals_pipeline.adapters.stores.signals import SignalArchive
from signals_pipeline.adapters.stores.suppressions import Suppressions
from signals_pipeline.settings import Settings
from signals_pipeline.web.permalinks import UnknownError, window_named
from signals_pipeline.web.response_cache import ResponseCache
from signals_pipeline.web.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Writing:
    """What signed links may write, and the key that they are signed with."""

    key: SecretStr
    feedback: Feedback
    suppressions: Suppressions


@dataclass(frozen=True, slots=True)
class WebContext:
    """The parts; `writing` is None where no link key is set, and then no link works."""

    digests: Digests
    signals: SignalArchive
    outcomes: OutcomesStore
    history: SignalHistory
    feedback: Feedback
    writing: Writing | None
    now: Callable[[], datetime]
    seconds: Callable[[], float]
    engines: tuple[Engine, ...]
    newest: Snapshot[StoredDigest | None]
    kept: ResponseCache = field(default_factory=ResponseCache)

    @classmethod
    def open(cls, settings: Settings, now: Callable[[], datetime], seconds: Callable[[], float]) -> "WebContext":
        """Connect: what is read through connections that can't write, what is written through others.

        Args:
            settings: Database, link key.
            now: The clock (aware).
            seconds: A clock that only runs forward.

        Raises:
            DatabaseError: a database is not there or doesn't answer.
        """
        reader = read_only_engine(settings.signals_web_database_url or settings.database_url)
        key = settings.signals_link_key
        writer = engine_for(settings.database_url) if key else None
        digests = Digests(reader)
        return cls(
            digests=digests,
            signals=SignalArchive(reader),
            outcomes=OutcomesStore(reader),
            history=SignalHistory(reader),
            feedback=Feedback(reader),
            writing=Writing(key, Feedback(writer), Suppressions(writer)) if key and writer else None,
            now=now,
            engines=(reader, writer) if writer else (reader,),
            seconds=seconds,
            newest=Snapshot(_Newest(digests).look, seconds),
        )

    def digest(self, key: str) -> StoredDigest:
        """The digest of the window with this key.

        Raises:
            UnknownError: there is no such window, or it has no digest.
        """
        stored = self.digests.get(window_named(key).start)
        if stored is None:
            raise UnknownError(f"Window {key} has no digest.")
        return stored

    def close(self) -> None:
        """Give the connections back."""
        for engine in self.engines:
            engine.dispose()


class _Newest:
    """The newest digest, its content read again only where it has changed."""

    def __init__(self, digests: Digests) -> None:
        self._digests = digests
        self._held: StoredDigest | None = None

    def look(self) -> StoredDigest | None:
        entries = self._digests.list(limit=1)
        if not entries:
            return None
        if self._held is None or self._held.entry != entries[0]:
            self._held = self._digests.newest()
        return self._held
