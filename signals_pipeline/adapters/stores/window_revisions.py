"""Revisions: what a window's later run decided after its digest had been sent.

What was sent is a fact: it stays in `window_run`, `signal_candidate`, `signal_history` and `digest`, and later windows
and outcomes go on from it. A later run that decides otherwise is stored here, as revision 2, 3 and so on; the decision
that was sent counts as the first. `signal_history` decides which of the two a run is.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.outbox import IS_CLAIMED_DIGEST, has_untold_mails
from signals_pipeline.adapters.stores.tables import Mode, delivery, window_revision, window_run
from signals_pipeline.core.signals.decision import Candidate, Signal

if TYPE_CHECKING:
    # For annotations alone: pydantic is loaded where a revision is read or written.
    from pydantic import TypeAdapter

FIRST_NUMBER = 2
"""Number of a window's first revision; the decision that was sent is the first."""


@dataclass(frozen=True, slots=True)
class WindowRevision:
    """A later decision of a window whose digest had been sent.

    Attributes:
        window_start: Start of the window.
        number: 2 for the first revision.
        made_at: When it was stored.
        mode: What started the run.
        model: Its sentiment model.
        knobs: Its settings.
        funnel: Its funnel.
        near_misses: Its near misses, as in `signal_history.WindowRun`.
        watchlist: Symbols of the companies that were scored; None where the run did not say.
        candidates: What passed its gates.
        signals: Its signals.
        digest: `Digest.to_json()` of its digest; None until it was composed.
    """

    window_start: datetime
    number: int
    made_at: datetime
    mode: Mode
    model: str
    knobs: dict[str, Any]
    funnel: dict[str, int]
    near_misses: list[dict[str, Any]]
    watchlist: tuple[str, ...] | None
    candidates: tuple[Candidate, ...]
    signals: tuple[Signal, ...]
    digest: str | None = None

    def same_decision(self, other: "WindowRevision") -> bool:
        """Whether both tell a reader the same: signals, candidates and near misses."""
        return (self.signals, self.candidates, self.near_misses) == (other.signals, other.candidates, other.near_misses)


@dataclass(frozen=True, slots=True)
class RevisionVersion:
    """Which revision of a window there is, since when (UTC), and whether its digest was composed."""

    number: int
    made_at: datetime
    has_digest: bool


class RevisionRepository:
    """The revisions of all windows. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def list(self, window_start: datetime) -> list[WindowRevision]:
        """The revisions of the window that starts then, oldest first."""
        with read_transaction(self._engine) as connection:
            return select_revisions(connection, window_start)

    def versions(self) -> "dict[datetime, list[RevisionVersion]]":
        """The revisions of all windows without their content, by the window's start, oldest first."""
        columns = window_revision.c
        has_digest = columns.digest.is_not(None).label("has_digest")
        query = sa.select(columns.window_start, columns.number, columns.made_at, has_digest).order_by(columns.number)
        versions: dict[datetime, list[RevisionVersion]] = defaultdict(list)
        with read_transaction(self._engine) as connection:
            for row in connection.execute(query):
                version = RevisionVersion(row.number, row.made_at, has_digest=row.has_digest)
                versions[row.window_start].append(version)
        return dict(versions)

    def without_digest(self, first: datetime, last: datetime) -> "list[WindowRevision]":
        """Revisions of windows that start in [first, last] whose digest was not composed yet, oldest first."""
        start = window_revision.c.window_start
        query = sa.select(start).where(start >= first, start <= last, window_revision.c.digest.is_(None)).distinct()
        with read_transaction(self._engine) as connection:
            starts = sorted(connection.scalars(query))
            revisions = [revision for window_start in starts for revision in select_revisions(connection, window_start)]
        return [revision for revision in revisions if revision.digest is None]

    def put_digest(self, revision: WindowRevision, content: str) -> None:
        """Store the digest of a revision."""
        is_revision = sa.and_(
            window_revision.c.window_start == revision.window_start, window_revision.c.number == revision.number
        )
        with write_transaction(self._engine, alone=True) as connection:
            connection.execute(sa.update(window_revision).where(is_revision).values(digest=content))


def select_revisions(connection: Connection, window_start: datetime) -> list[WindowRevision]:
    """The revisions of a window, oldest first."""
    query = (
        sa.select(window_revision)
        .where(window_revision.c.window_start == window_start)
        .order_by(window_revision.c.number)
    )
    revisions: list[WindowRevision] = []
    for row in connection.execute(query).mappings():
        values: dict[str, Any] = dict(row)
        values["watchlist"] = None if row["watchlist"] is None else tuple(row["watchlist"])
        values["candidates"] = _candidates_json().validate_python(row["candidates"])
        values["signals"] = _signals_json().validate_python(row["signals"])
        revisions.append(WindowRevision(**values))
    return revisions


def insert_revision(connection: Connection, revision: WindowRevision) -> None:
    """Store a new revision inside the caller's transaction."""
    values = {
        **{name: getattr(revision, name) for name in ("window_start", "number", "made_at", "mode", "model", "digest")},
        **{name: getattr(revision, name) for name in ("knobs", "funnel", "near_misses")},
        "watchlist": None if revision.watchlist is None else list(revision.watchlist),
        "candidates": _candidates_json().dump_python(revision.candidates, mode="json"),
        "signals": _signals_json().dump_python(revision.signals, mode="json"),
    }
    connection.execute(sa.insert(window_revision), values)


def told_windows(connection: Connection, starts: Sequence[datetime]) -> set[datetime]:
    """Those of these windows whose signals readers were told.

    A window's signals are told by its own digest, once any process has claimed a mail of it. Those of a window that was
    caught up, or whose mails never left, are told by the next digest of another window.

    Args:
        connection: The caller's transaction.
        starts: Starts of windows that were run, in order.
    """
    if not starts:
        return set()
    first, last = starts[0], starts[-1]
    start = window_run.c.window_start
    is_told_by_next = sa.or_(window_run.c.mode == "catch_up", has_untold_mails(start))
    # Up to the next window that tells its own signals: its digest told those of the others before it.
    next_reporting = sa.select(sa.func.min(start)).where(start > last, sa.not_(is_told_by_next))
    end = connection.scalar(next_reporting) or last
    claimed_query = sa.select(delivery.c.window_start).where(
        delivery.c.window_start >= first,
        delivery.c.window_start <= end,
        IS_CLAIMED_DIGEST,
    )
    claimed = set(connection.scalars(claimed_query))
    if not claimed:
        return set()
    runs_query = (
        sa.select(start, is_told_by_next.label("is_told_by_next"))
        .where(start >= first, start <= end)
        .order_by(start.desc())
    )
    runs = connection.execute(runs_query).all()

    told: set[datetime] = set()
    next_digest_was_sent = False
    for run in runs:  # newest first
        was_claimed = run.window_start in claimed
        if not run.is_told_by_next:
            next_digest_was_sent = was_claimed
        if was_claimed or next_digest_was_sent:
            told.add(run.window_start)
    return told & set(starts)


@cache
def _candidates_json() -> "TypeAdapter[tuple[Candidate, ...]]":
    from pydantic import TypeAdapter

    return TypeAdapter(tuple[Candidate, ...])


@cache
def _signals_json() -> "TypeAdapter[tuple[Signal, ...]]":
    from pydantic import TypeAdapter

    return TypeAdapter(tuple[Signal, ...])
