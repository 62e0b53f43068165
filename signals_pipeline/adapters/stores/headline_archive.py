"""The archive of live headlines in the database: every version of an item, and every visit to a feed."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import collection, headline_item
from signals_pipeline.core.news.archive import Identified, Version, additions, folded
from signals_pipeline.core.news.feeds import Collection, RawHeadline

_AT_ONCE = 500  # identities a look-up
_VISIT = [collection.c[field.name] for field in fields(Collection)]
_HEADLINE = [headline_item.c[field.name] for field in fields(RawHeadline)]


@dataclass(frozen=True, slots=True)
class Extent:
    """What the archive reaches.

    Attributes:
        begin: From when on feeds were asked that answered; None where none ever did.
        frontier: Until when; see `core.collecting`.
        whole_to: By feed that ever answered, until when it delivered everything; None where it never did.
        asked_since: By feed, from when on it was ever asked.
    """

    begin: datetime | None
    frontier: datetime | None
    whole_to: dict[str, datetime | None]
    asked_since: dict[str, datetime]


class HeadlineArchive:
    """Headlines by version and visits by round. Methods raise `DatabaseError` where the database refuses."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def extent(self) -> Extent:
        """What the archive reaches."""
        with read_transaction(self._engine) as connection:
            return _extent(connection)

    def keep(
        self,
        visits: Sequence[Collection],
        delivered: Sequence[Identified],
        *,
        now: datetime,
        prompt: bool,
    ) -> tuple[Collection, ...]:
        """Keep a live round: its visits and whatever of the delivery is new, in one transaction.

        The frontier is taken inside the transaction: of two rounds at once, the later one adds to what the first left.

        Args:
            visits: One a feed.
            delivered: What they brought, in the order of the feeds' precedence.
            now: When the round began.
            prompt: The round follows a window's end at once, so that edits found now belong to that window.

        Returns:
            The visits with what was set aside in their details.
        """
        items = folded(delivered)
        with write_transaction(self._engine, alone=True) as connection:
            before = _extent(connection)
            added = additions(
                items,
                _kept(connection, items),
                now=now,
                frontier=before.frontier,
                edits_known_from=before.frontier if prompt and before.frontier else now,
                asked_since={visit.feed: before.asked_since.get(visit.feed, visit.asked_from) for visit in visits},
                delivered_until={feed: until for feed, until in before.whole_to.items() if until},
            )
            told = tuple(replace(visit, detail=_told(visit, added.counts.get(visit.feed, {}))) for visit in visits)
            _insert(connection, added.versions, told)
        return told

    def keep_past(self, visits: Sequence[Collection], delivered: Sequence[Identified]) -> None:
        """Keep what feeds that reach back delivered for a time before the archive began.

        Only items published in the time asked for and not in the archive are kept; nobody knows when they were first
        seen.
        """
        asked = {visit.feed: (visit.asked_from, visit.asked_to) for visit in visits}
        items = folded(
            (identity, one)
            for identity, one in delivered
            if one.published_at and _within(one.published_at, asked[one.feed])
        )
        with write_transaction(self._engine, alone=True) as connection:
            kept = _kept(connection, items)
            unknown = {identity: copies for identity, copies in items.items() if identity not in kept}
            now = max(visit.collected_at for visit in visits)
            added = additions(
                unknown, {}, now=now, frontier=None, edits_known_from=now, asked_since={}, delivered_until={}
            )
            _insert(connection, added.versions, visits)

    def headlines(self, start: datetime, end: datetime) -> tuple[RawHeadline, ...]:
        """Versions that became known in [start, end), in that order, and undated ones first seen in it."""
        undated = headline_item.c.known_at.is_(None)
        instant = sa.func.coalesce(headline_item.c.known_at, headline_item.c.first_seen_at)
        known = sa.and_(headline_item.c.known_at >= start, headline_item.c.known_at < end)
        seen = sa.and_(undated, headline_item.c.first_seen_at >= start, headline_item.c.first_seen_at < end)
        query = sa.select(*_HEADLINE).where(sa.or_(known, seen))
        ordered = query.order_by(instant, headline_item.c.item_id, headline_item.c.version)
        with read_transaction(self._engine) as connection:
            return tuple(_headline(row) for row in connection.execute(ordered))

    def visits(self, start: datetime, end: datetime) -> tuple[Collection, ...]:
        """Visits that asked for something of [start, end), in the order in which they were made."""
        touching = sa.select(*_VISIT).where(collection.c.asked_to > start, collection.c.asked_from < end)
        with read_transaction(self._engine) as connection:
            rows = connection.execute(touching.order_by(collection.c.collected_at, collection.c.id)).mappings()
            return tuple(Collection(**row) for row in rows)


def _extent(connection: Connection) -> Extent:
    answered = collection.c.status != "failed"
    low, high = sa.func.min(collection.c.asked_from), sa.func.max(collection.c.asked_to)
    begin, frontier = connection.execute(sa.select(low, high).where(answered)).one()
    whole = sa.select(collection.c.feed, sa.func.max(collection.c.whole_to)).where(answered)
    rows = connection.execute(whole.group_by(collection.c.feed)).all()
    asked = sa.select(collection.c.feed, sa.func.min(collection.c.asked_from)).group_by(collection.c.feed)
    since = {row[0]: row[1] for row in connection.execute(asked)}
    return Extent(begin, frontier, {row[0]: row[1] for row in rows}, since)


def _kept(connection: Connection, identities: Iterable[str]) -> dict[str, list[Version]]:
    """The versions of these items, the earliest known first."""
    wanted = sorted(identities)
    found: dict[str, list[Version]] = defaultdict(list)
    for first in range(0, len(wanted), _AT_ONCE):
        query = sa.select(*_HEADLINE, headline_item.c.item_id, headline_item.c.version)
        query = query.where(headline_item.c.item_id.in_(wanted[first : first + _AT_ONCE]))
        for row in connection.execute(query.order_by(headline_item.c.known_at, headline_item.c.version)):
            found[row.item_id].append(Version(row.item_id, row.version, _headline(row)))
    return found


def _insert(connection: Connection, versions: Sequence[Version], visits: Sequence[Collection]) -> None:
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    if versions:
        connection.execute(insert(headline_item).on_conflict_do_nothing(), [_row(version) for version in versions])
    connection.execute(sa.insert(collection), [asdict(visit) for visit in visits])


def _row(version: Version) -> dict[str, Any]:
    one = version.headline
    return {
        "item_id": version.item_id,
        "version": version.version,
        **{name: getattr(one, name) for name in ("feed", "published_at", "first_seen_at", "known_at")},
        **{name: _storable(getattr(one, name)) for name in ("title", "url", "source", "summary")},
        "tags": list(one.tags),
    }


def _storable(text: str | None) -> str | None:
    """The text without what PostgreSQL can't hold: NUL and lone surrogates."""
    return text and text.replace("\0", "").encode("utf-8", "replace").decode()


def _headline(row: Sequence[Any]) -> RawHeadline:
    """The headline of a row that begins with _HEADLINE."""
    published_at, title, url, source, feed, summary, tags, first_seen_at = row[: len(_HEADLINE)]
    return RawHeadline(published_at, title, url, source, feed, summary, tuple(tags), first_seen_at)


def _within(instant: datetime, span: tuple[datetime, datetime]) -> bool:
    return span[0] <= instant < span[1]


def _told(visit: Collection, counts: dict[str, int]) -> str:
    aside = [f"{count:,} {what}" for what, count in counts.items() if count]
    return "; ".join(filter(None, [visit.detail, *aside]))
