"""What the pages and the API share: stores, clocks, the newest digest, and write access for signed links."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from anyio import CapacityLimiter
from pydantic import SecretStr
from sqlalchemy.engine import Engine

from signals_pipeline import sample
from signals_pipeline.adapters.gazetteer import load_gazetteer
from signals_pipeline.adapters.prices.page_prices import PagePrices
from signals_pipeline.adapters.prices.recorded import RecordedPrices
from signals_pipeline.adapters.stores.bars import BarRepository
from signals_pipeline.adapters.stores.digests import DigestEntry, DigestRepository, StoredDigest
from signals_pipeline.adapters.stores.engine import EngineLimits, engine_for
from signals_pipeline.adapters.stores.feedback import FeedbackRepository
from signals_pipeline.adapters.stores.outcomes import OutcomeRepository
from signals_pipeline.adapters.stores.read_only import read_only_engine
from signals_pipeline.adapters.stores.reader_choices import ReaderChoices
from signals_pipeline.adapters.stores.signal_history import SignalHistory
from signals_pipeline.adapters.stores.signals import SignalReader
from signals_pipeline.adapters.stores.suppressions import SuppressionList
from signals_pipeline.adapters.stores.window_revisions import RevisionRepository, WindowRevision
from signals_pipeline.adapters.watchlist import load_watchlist
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import Deployment
from signals_pipeline.web.companies import CompanyDirectory
from signals_pipeline.web.permalinks import NotFoundError, parse_window_key
from signals_pipeline.web.snapshot import Snapshot

# A page's query takes milliseconds, the track record's a second or two. Readers wait for no more than these together.
_READER_LIMITS = EngineLimits(
    busy_seconds=2, connect_seconds=3, statement_seconds=5, pool_size=5, pool_overflow=5, pool_seconds=1
)
# Links write a row now and then.
_WRITER_LIMITS = EngineLimits(
    busy_seconds=5, connect_seconds=3, statement_seconds=5, pool_size=1, pool_overflow=2, pool_seconds=2
)
# One connection that no request takes away from the health check.
_HEALTH_LIMITS = EngineLimits(
    busy_seconds=1, connect_seconds=2, statement_seconds=2, pool_size=1, pool_overflow=0, pool_seconds=1
)


@dataclass(frozen=True, slots=True)
class WriteAccess:
    """The stores that signed links write to, the key that signs them, and the companies that readers choose from."""

    link_key: SecretStr
    feedback: FeedbackRepository
    suppressions: SuppressionList
    choices: ReaderChoices
    followed: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WebContext:
    """The stores and clocks of one application.

    Attributes:
        digests: Read only, as all stores but those of `write_access`.
        revisions: What windows decided when they were run again after their digest was sent.
        signals: Signals with their outcomes.
        outcomes: Outcomes of all signals.
        history: The signal history.
        feedback: Readers' feedback.
        prices: Stored prices of the companies.
        companies: Names of the companies.
        write_access: None where no link key is set; then no link works.
        now: The clock (aware).
        monotonic: A monotonic clock, seconds.
        engines: To be disposed of at the end.
        newest_digest: The newest digest; None where there is none.
        newest_entry: Its entry, read by the health check through a thread and a connection of its own.
    """

    digests: DigestRepository
    revisions: RevisionRepository
    signals: SignalReader
    outcomes: OutcomeRepository
    history: SignalHistory
    feedback: FeedbackRepository
    prices: PagePrices
    companies: CompanyDirectory
    write_access: WriteAccess | None
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    engines: tuple[Engine, ...]
    newest_digest: Snapshot[StoredDigest | None]
    newest_entry: Snapshot[DigestEntry | None]

    @classmethod
    def open(
        cls,
        settings: Settings,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
    ) -> "WebContext":
        """Connect to the database: one engine that can't write, and another for links where a link key is set.

        Args:
            settings: Database, link key, watchlist, recorded prices.
            now: The clock (aware).
            monotonic: A monotonic clock, seconds.

        Raises:
            DatabaseError: A database is missing or does not respond.
            WatchlistError: The watchlist can't be read.
        """
        watchlist = load_watchlist(settings.signals_watchlist or sample.WATCHLIST)
        # A role that may only read can be given by a URL of its own.
        url = settings.web_database_url
        reader = read_only_engine(url, _READER_LIMITS)
        health_reader = read_only_engine(url, _HEALTH_LIMITS)
        engines = [reader, health_reader]
        write_access = None
        # Without a link key nothing can be written: not even a connection exists.
        link_key = settings.signals_link_key
        if link_key:
            writer = engine_for(settings.database_url, _WRITER_LIMITS)
            engines.append(writer)
            write_access = WriteAccess(
                link_key,
                FeedbackRepository(writer),
                SuppressionList(writer),
                ReaderChoices(writer),
                watchlist.symbols,
            )

        digests = DigestRepository(reader)
        health_digests = DigestRepository(health_reader)

        def newest_entry() -> DigestEntry | None:
            return next(iter(health_digests.list(limit=1)), None)

        return cls(
            digests=digests,
            revisions=RevisionRepository(reader),
            signals=SignalReader(reader),
            outcomes=OutcomeRepository(reader),
            history=SignalHistory(reader),
            feedback=FeedbackRepository(reader),
            prices=PagePrices(_stored_bars(settings, reader)),
            companies=CompanyDirectory(watchlist, load_gazetteer()),
            write_access=write_access,
            now=now,
            monotonic=monotonic,
            engines=tuple(engines),
            newest_digest=Snapshot(_NewestDigest(digests).load, monotonic),
            newest_entry=Snapshot(newest_entry, monotonic, limiter=CapacityLimiter(1)),
        )

    def digest(self, window_key: str) -> StoredDigest:
        """Return the digest of the window with this key.

        Raises:
            NotFoundError: There is no such window, or it has no digest.
        """
        stored = self.digests.get(parse_window_key(window_key).start)
        if stored is None:
            raise NotFoundError(f"Window {window_key} has no digest.")
        return stored

    def revision(self, window_key: str, number: int) -> WindowRevision:
        """Return a revision of the window with this key that has a digest.

        Raises:
            NotFoundError: There is no such window, or it has no such revision.
        """
        for revision in self.revisions.list(parse_window_key(window_key).start):
            if revision.number == number and revision.digest is not None:
                return revision
        raise NotFoundError(f"Window {window_key} has no revision {number}.")

    def close(self) -> None:
        """Close all connections."""
        for engine in self.engines:
            engine.dispose()


def _stored_bars(settings: Settings, reader: Engine) -> RecordedPrices | BarRepository:
    """The bars that the deployment decides on: the recording where it has one, else those of the database."""
    is_demo = settings.signals_deployment is Deployment.DEMO
    recorded = settings.signals_prices_path or (sample.PRICES if is_demo else None)
    return RecordedPrices(recorded) if recorded else BarRepository(reader)


class _NewestDigest:
    """Loads the newest digest; its content only where its entry has changed."""

    def __init__(self, digests: DigestRepository) -> None:
        self._digests = digests
        self._stored: StoredDigest | None = None

    def load(self) -> StoredDigest | None:
        # The entry is small; the content is read only where the entry has changed.
        entries = self._digests.list(limit=1)
        if not entries:
            return None
        if self._stored is None or self._stored.entry != entries[0]:
            self._stored = self._digests.newest()
        return self._stored
