"""The archive of live headlines in the database: every version of an item, and every call to a feed.

Which versions a round adds is decided in `core.news.archive`; `adapters.news.live` calls the feeds.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection, Engine

from signals_pipeline.adapters.stores.engine import read_transaction, write_transaction
from signals_pipeline.adapters.stores.tables import collection, headline_item
from signals_pipeline.adapters.stores.upsert import insert_or_ignore
from signals_pipeline.core.news.archive import (
    STALE_AFTER,
    IdentifiedHeadline,
    ItemVersion,
    lost_items,
    merge_copies,
    new_versions,
    resolve_identities,
)
from signals_pipeline.core.news.deliveries import ItemKey, title_key
from signals_pipeline.core.news.feeds import FeedVisit
from signals_pipeline.core.news.normalisation import RawHeadline

_CHUNK_SIZE = 500  # identities per query: SQLite allowed 999 parameters per statement before 3.32
# How far back an item behind another link is recognised by its title: older ones are stale (`archive.STALE_AFTER`)
# unless their feed was down for days.
_TITLES_SINCE = 3 * STALE_AFTER
_VISIT_COLUMNS = [collection.c[field.name] for field in fields(FeedVisit)]
_HEADLINE_COLUMNS = [headline_item.c[field.name] for field in fields(RawHeadline)]


@dataclass(frozen=True, slots=True)
class Extent:
    """The time that the archive covers; instants are aware UTC.

    Attributes:
        begin: From when on feeds that answered were asked; None where none ever did.
        frontier: Until when; see `core.news.collection`.
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

    def titles(self) -> list[str]:
        """Every title that was delivered, also those that were edited later, in the order in which they were known.

        Those of before the first collection come first.
        """
        columns = headline_item.c
        query = sa.select(columns.title).where(columns.title.is_not(None))
        with read_transaction(self._engine) as connection:
            return list(connection.scalars(query.order_by(columns.known_at.nulls_first(), columns.item_id)))

    def extent(self) -> Extent:
        """The time that the archive covers."""
        with read_transaction(self._engine) as connection:
            return _select_extent(connection)

    def add_round(
        self,
        visits: Sequence[FeedVisit],
        delivered: Sequence[IdentifiedHeadline],
        *,
        now: datetime,
        prompt: bool,
    ) -> tuple[FeedVisit, ...]:
        """Store a live round: its visits and whatever of the delivery is new, in one transaction.

        The frontier is read inside the transaction: of two concurrent rounds, the later one adds to what the first
        stored.

        Args:
            visits: One per feed.
            delivered: What they brought, in the order of the feeds' precedence.
            now: When the round began.
            prompt: The round follows a window's end at once, so that edits seen now belong to that window.

        Returns:
            The visits, with what was set aside added to their details. A visit of which an item is not in the archive
            afterwards, though nothing says why, has delivered nothing in full, so that its feed is asked again.
        """
        identities = {identity for identity, _ in delivered}
        with write_transaction(self._engine, alone=True) as connection:
            before = _select_extent(connection)

            # An item that another link delivers again is not a new one.
            archived = _select_versions(connection, identities)
            id_by_title: dict[ItemKey, str] = {}
            if identities.difference(archived):
                id_by_title = _select_ids_by_title(connection, since=now - _TITLES_SINCE)
            resolved = resolve_identities(delivered, archived_ids=archived.keys(), id_by_title=id_by_title)
            items = merge_copies(resolved)
            archived |= _select_versions(connection, items.keys() - identities)

            # A feed that was never asked before begins with this visit.
            asked_since = {visit.feed: before.asked_since.get(visit.feed, visit.asked_from) for visit in visits}
            delivered_until = {feed: until for feed, until in before.whole_to.items() if until}
            added = new_versions(
                items,
                archived,
                now=now,
                frontier=before.frontier,
                edits_known_from=before.frontier if prompt and before.frontier else now,
                asked_since=asked_since,
                delivered_until=delivered_until,
            )
            _insert_versions(connection, added.versions)
            stored = _select_versions(connection, items)
            lost = lost_items(resolved, added, stored) + _lost_before(visits, delivered)
            # The operator reads in a visit's detail what was set aside.
            accounted_visits: list[FeedVisit] = []
            for visit in visits:
                detail = _detail(visit, added.counts.get(visit.feed, {}))
                accounted_visits.append(_accounted(replace(visit, detail=detail), lost[visit.feed]))
            _insert_visits(connection, accounted_visits)
        return tuple(accounted_visits)

    def add_past(self, visits: Sequence[FeedVisit], delivered: Sequence[IdentifiedHeadline]) -> None:
        """Store what feeds that reach back delivered for a time before the archive began.

        Only items that were published in the time asked for and are not in the archive are stored; when they were first
        seen is unknown. As in `add_round`, a visit of which one of these is lost has delivered nothing in full.
        """
        # Feeds may deliver more than they were asked for.
        asked = {visit.feed: (visit.asked_from, visit.asked_to) for visit in visits}
        in_time: list[IdentifiedHeadline] = []
        for identity, headline in delivered:
            asked_from, asked_to = asked[headline.feed]
            if headline.published_at and asked_from <= headline.published_at < asked_to:
                in_time.append((identity, headline))
        items = merge_copies(in_time)
        with write_transaction(self._engine, alone=True) as connection:
            archived = _select_versions(connection, items)
            new_items = {identity: copies for identity, copies in items.items() if identity not in archived}
            now = max(visit.collected_at for visit in visits)
            added = new_versions(
                new_items, {}, now=now, frontier=None, edits_known_from=now, asked_since={}, delivered_until={}
            )
            _insert_versions(connection, added.versions)
            stored = _select_versions(connection, items)
            lost = lost_items(in_time, added, stored) + _lost_before(visits, delivered)
            _insert_visits(connection, [_accounted(visit, lost[visit.feed]) for visit in visits])

    def headlines(self, start: datetime, end: datetime) -> tuple[RawHeadline, ...]:
        """Versions that became known in [start, end), in that order, and undated ones first seen in it."""
        known_at, first_seen_at = headline_item.c.known_at, headline_item.c.first_seen_at
        became_known = sa.and_(known_at >= start, known_at < end)
        undated_and_seen = sa.and_(known_at.is_(None), first_seen_at >= start, first_seen_at < end)
        query = (
            sa.select(*_HEADLINE_COLUMNS)
            .where(sa.or_(became_known, undated_and_seen))
            .order_by(sa.func.coalesce(known_at, first_seen_at), headline_item.c.item_id, headline_item.c.version)
        )
        with read_transaction(self._engine) as connection:
            return tuple(_to_headline(row) for row in connection.execute(query))

    def publications(self, since: datetime) -> dict[str, list[datetime]]:
        """When the items of each feed were published, as far as that was after an instant, in no order."""
        columns = headline_item.c
        query = sa.select(columns.feed, columns.published_at).distinct().where(columns.published_at >= since)
        published: dict[str, list[datetime]] = defaultdict(list)
        with read_transaction(self._engine) as connection:
            for feed, published_at in connection.execute(query):
                published[feed].append(published_at)
        return dict(published)

    def visits(self, start: datetime, end: datetime) -> tuple[FeedVisit, ...]:
        """Visits that asked for any part of [start, end), in the order in which they were made."""
        query = (
            sa.select(*_VISIT_COLUMNS)
            .where(collection.c.asked_to > start, collection.c.asked_from < end)
            .order_by(collection.c.collected_at, collection.c.id)
        )
        with read_transaction(self._engine) as connection:
            return tuple(FeedVisit(**row) for row in connection.execute(query).mappings())


def _select_extent(connection: Connection) -> Extent:
    # A visit that failed covers nothing, but counts as asked.
    answered = collection.c.status != "failed"

    span = sa.select(sa.func.min(collection.c.asked_from), sa.func.max(collection.c.asked_to)).where(answered)
    begin, frontier = connection.execute(span).one()

    whole_to = (
        sa.select(collection.c.feed, sa.func.max(collection.c.whole_to)).where(answered).group_by(collection.c.feed)
    )
    whole_to_by_feed = {row[0]: row[1] for row in connection.execute(whole_to)}

    asked_since = sa.select(collection.c.feed, sa.func.min(collection.c.asked_from)).group_by(collection.c.feed)
    asked_since_by_feed = {row[0]: row[1] for row in connection.execute(asked_since)}

    return Extent(begin, frontier, whole_to_by_feed, asked_since_by_feed)


def _select_versions(connection: Connection, identities: Iterable[str]) -> dict[str, list[ItemVersion]]:
    """The archived versions of these items, the earliest known first."""
    wanted = sorted(identities)
    versions: dict[str, list[ItemVersion]] = defaultdict(list)
    for start in range(0, len(wanted), _CHUNK_SIZE):
        chunk = wanted[start : start + _CHUNK_SIZE]
        query = (
            sa.select(*_HEADLINE_COLUMNS, headline_item.c.item_id, headline_item.c.version)
            .where(headline_item.c.item_id.in_(chunk))
            .order_by(headline_item.c.known_at, headline_item.c.version)
        )
        for row in connection.execute(query):
            versions[row.item_id].append(ItemVersion(row.item_id, row.version, _to_headline(row)))
    return versions


def _select_ids_by_title(connection: Connection, since: datetime) -> dict[ItemKey, str]:
    """The identities of items known since then by title, publisher and day; the earliest where several have them."""
    query = (
        sa.select(*_HEADLINE_COLUMNS, headline_item.c.item_id)
        .where(headline_item.c.known_at >= since)
        .order_by(headline_item.c.known_at, headline_item.c.item_id)
    )
    id_by_title: dict[ItemKey, str] = {}
    for row in connection.execute(query):
        key = title_key(_to_headline(row))
        if key is not None:
            id_by_title.setdefault(key, row.item_id)
    return id_by_title


def _insert_versions(connection: Connection, versions: Sequence[ItemVersion]) -> None:
    if versions:
        # A version that another process has stored meanwhile stays as it is.
        rows = [_to_row(version) for version in versions]
        connection.execute(insert_or_ignore(connection, headline_item), rows)


def _insert_visits(connection: Connection, visits: Sequence[FeedVisit]) -> None:
    connection.execute(sa.insert(collection), [asdict(visit) for visit in visits])


def _lost_before(visits: Sequence[FeedVisit], delivered: Sequence[IdentifiedHeadline]) -> Counter[str]:
    """Number of items by feed that a visit has fetched and that were not handed on."""
    counts = Counter(headline.feed for _, headline in delivered)
    return Counter({visit.feed: abs(visit.fetched - counts[visit.feed]) for visit in visits})


def _accounted(visit: FeedVisit, lost: int) -> FeedVisit:
    """The visit; one that lost items is degraded, and has delivered nothing in full."""
    if not lost:
        return visit
    problem = f"{lost:,} of {visit.fetched:,} items neither stored nor left out for a reason; report this as a bug"
    return replace(
        visit,
        status="degraded",
        whole_from=None,
        whole_to=None,
        detail="; ".join(part for part in (problem, visit.detail) if part),
        lost=lost,
    )


def _to_row(version: ItemVersion) -> dict[str, Any]:
    headline = version.headline
    return {
        "item_id": version.item_id,
        "version": version.version,
        "feed": headline.feed,
        "published_at": headline.published_at,
        "first_seen_at": headline.first_seen_at,
        "known_at": headline.known_at,
        "title": headline.title,
        "url": headline.url,
        "source": headline.source,
        "summary": headline.summary,
        "tags": list(headline.tags),
    }


def _to_headline(row: Sequence[Any]) -> RawHeadline:
    """The headline of a row that begins with _HEADLINE_COLUMNS."""
    published_at, title, url, source, feed, summary, tags, first_seen_at = row[: len(_HEADLINE_COLUMNS)]
    return RawHeadline(published_at, title, url, source, feed, summary, tuple(tags), first_seen_at)


def _detail(visit: FeedVisit, counts: dict[str, int]) -> str:
    """The visit's own detail, and how many items were set aside and why."""
    parts = [visit.detail] if visit.detail else []
    parts += [f"{count:,} {reason}" for reason, count in counts.items() if count]
    return "; ".join(parts)
