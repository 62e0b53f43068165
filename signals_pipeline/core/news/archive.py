"""The archive of live headlines: how an item is identified, and which new versions a collection round adds.

An item is identified by its canonical link, or by its title and publisher where it has no link; the same title of the
same publisher and day behind another link is the same item. A changed title or lead
under the same identity, from the same feed, is an edit and becomes another version. Nothing is added as known before
the frontier (see `core.news.collection`), so a window that was served once reads the same forever. The tables are in
`adapters.stores.headline_archive`.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from signals_pipeline.core.news.deliveries import ItemKey, title_key
from signals_pipeline.core.news.normalisation import RawHeadline
from signals_pipeline.core.text import canonical_url, clean

# Feeds list old articles again now and then. An item that is new to the archive is stale, not news, where it was
# published more than this before its feed last delivered everything.
STALE_AFTER = timedelta(hours=72)

IdentifiedHeadline = tuple[str, RawHeadline]
"""An item's identity and the item."""


class ItemNote(StrEnum):
    """What a feed's line in the coverage ledger says about some of its items; the value is the wording."""

    EDITED = "edited"
    FUTURE = "dated in the future, held back until then"
    STALE = "older than three days, left out"
    BACKLOG = "published before this feed was added, left out"


@dataclass(frozen=True, slots=True)
class ItemVersion:
    """One version of an item as the archive stores it; its headline carries first_seen_at.

    Attributes:
        item_id: Hex SHA-256 of the identity.
        version: Hex SHA-256 of title, lead and tags (and of a publication date in the future).
        headline: The item; its `known_at` says from when on it may be used.
    """

    item_id: str
    version: str
    headline: RawHeadline


@dataclass(frozen=True, slots=True)
class Additions:
    """What a collection round adds to the archive.

    Attributes:
        versions: New versions, in the order of delivery.
        counts: Number of items by feed and `ItemNote`.
        left_out: item_id of items new to the archive that no feed delivered as news: all backlog or stale.
    """

    versions: tuple[ItemVersion, ...]
    counts: Mapping[str, Counter[str]]
    left_out: frozenset[str]


def item_id(headline: RawHeadline) -> str:
    """Hex SHA-256 of the item's identity, the same whichever feed delivers it."""
    url = canonical_url(headline.url)
    if url:
        return _sha256(url)
    return _sha256(f"{_normalised_text(headline.title)}\n{_normalised_text(headline.source)}")


def identify(headlines: Iterable[RawHeadline]) -> tuple[IdentifiedHeadline, ...]:
    """The headlines, each preceded by its `item_id`."""
    return tuple((item_id(headline), headline) for headline in headlines)


def resolve_identities(
    delivered: Iterable[IdentifiedHeadline],
    *,
    archived_ids: Container[str],
    id_by_title: Mapping[ItemKey, str],
) -> list[IdentifiedHeadline]:
    """The delivery, with an item that another link delivers again under the identity by which it is known.

    Args:
        delivered: Identified headlines, in the order of the feeds' precedence.
        archived_ids: Identities in the archive; these stay as they are.
        id_by_title: Identities of archived items by `deliveries.title_key`.
    """
    known_ids = dict(id_by_title)
    resolved: list[IdentifiedHeadline] = []
    for identity, headline in delivered:
        key = title_key(headline)
        if key is None or identity in archived_ids:
            resolved.append((identity, headline))
        else:
            resolved.append((known_ids.setdefault(key, identity), headline))
    return resolved


def merge_copies(delivered: Iterable[IdentifiedHeadline]) -> dict[str, list[RawHeadline]]:
    """Group a delivery by identity: the first copy from each feed, every copy with the tags of all of them.

    Args:
        delivered: Identified headlines, in the order of the feeds' precedence.
    """
    first_copies: dict[str, dict[str, RawHeadline]] = defaultdict(dict)
    tags: dict[str, set[str]] = defaultdict(set)
    for identity, headline in delivered:
        first_copies[identity].setdefault(headline.feed, headline)
        tags[identity].update(headline.tags)

    items: dict[str, list[RawHeadline]] = {}
    for identity, copy_by_feed in first_copies.items():
        all_tags = tuple(sorted(tags[identity]))
        items[identity] = [_with_tags(headline, all_tags) for headline in copy_by_feed.values()]
    return items


def new_versions(
    items: Mapping[str, Sequence[RawHeadline]],
    archived: Mapping[str, Sequence[ItemVersion]],
    *,
    now: datetime,
    frontier: datetime | None,
    edits_known_from: datetime,
    asked_since: Mapping[str, datetime],
    delivered_until: Mapping[str, datetime],
) -> Additions:
    """The versions that are not in the archive yet.

    An item that is new to the archive counts as first seen at the earliest instant at which it can have appeared: at
    its publication, or at the frontier if it was published before (it reached the feed late). Before the first round
    there is no frontier and first_seen_at stays None: such items count as reconstructed. A tag that is added later
    makes a version with all tags. A copy from another feed with other words is not an edit and is not stored.

    Args:
        items: What the feeds delivered, from `merge_copies`.
        archived: Versions in the archive by item_id, earliest known first; at least those of the delivered items.
        now: When the round began (aware).
        frontier: Up to when the archive was read for digests (aware); None before the first round.
        edits_known_from: From when on edits found in this round may be used (aware); not before the frontier.
        asked_since: Per feed, the start of the first interval it was ever asked for; what a feed that was added later
            has from before is not news.
        delivered_until: Per feed, until when it had delivered everything before this round.
    """
    collection_round = _CollectionRound(now, frontier, edits_known_from, asked_since, delivered_until)
    versions: list[ItemVersion] = []
    left_out: set[str] = set()
    for identity, copies in items.items():
        stored = archived.get(identity, ())
        if stored:
            versions.extend(collection_round.later_versions(identity, copies, stored))
            continue
        first = collection_round.first_version(identity, copies)
        versions.extend(first)
        if not first:
            left_out.add(identity)
    return Additions(tuple(versions), collection_round.counts, frozenset(left_out))


def lost_items(
    delivered: Iterable[IdentifiedHeadline],
    additions: Additions,
    archived: Mapping[str, Sequence[ItemVersion]],
) -> Counter[str]:
    """Number of items by feed that were delivered and are neither in the archive nor left out for a reason.

    Always a fault: every item that a feed delivers is new, known, a copy of another one, backlog or stale.

    Args:
        delivered: What the feeds delivered, under the identities of `resolve_identities`.
        additions: What was to be added of it.
        archived: The versions of these items that the archive has afterwards, as read from it.
    """
    lost: dict[str, set[str]] = defaultdict(set)
    for identity, headline in delivered:
        if identity not in archived and identity not in additions.left_out:
            lost[headline.feed].add(identity)
    for version in additions.versions:
        stored = {known.version for known in archived.get(version.item_id, ())}
        if version.version not in stored:
            lost[version.headline.feed].add(version.item_id)
    return Counter({feed: len(identities) for feed, identities in lost.items()})


class _CollectionRound:
    """The rules for adding items, with the times they depend on and the counts of what they set aside."""

    def __init__(
        self,
        now: datetime,
        frontier: datetime | None,
        edits_known_from: datetime,
        asked_since: Mapping[str, datetime],
        delivered_until: Mapping[str, datetime],
    ) -> None:
        self.counts: dict[str, Counter[str]] = defaultdict(Counter)
        self._now = now
        self._frontier = frontier
        self._edits_known_from = edits_known_from
        self._asked_since = asked_since
        self._delivered_until = delivered_until

    def first_version(
        self,
        identity: str,
        copies: Sequence[RawHeadline],
    ) -> list[ItemVersion]:
        """The first version of an item that is new to the archive; empty where no copy of it is news."""
        # Every copy is examined, not only up to the first that is news: each feed's line counts its own items.
        news = [headline for headline in copies if self._is_news(headline)]
        if not news:
            return []
        headline = replace(news[0], first_seen_at=self._first_seen_at(news[0]))
        return [self._version(identity, headline)]

    def later_versions(
        self,
        identity: str,
        copies: Sequence[RawHeadline],
        stored: Sequence[ItemVersion],
    ) -> list[ItemVersion]:
        """The new versions of an archived item: an edited text, an added tag, or a corrected date in the future."""
        known_tags: set[str] = set()
        for version in stored:
            known_tags.update(version.headline.tags)
        known_versions = {version.version for version in stored}

        versions: list[ItemVersion] = []
        for headline in copies:
            # Feeds word the same item differently, so a copy is compared with its own feed's versions only.
            from_this_feed = [version.headline for version in stored if version.headline.feed == headline.feed]
            if not from_this_feed:
                continue
            edited = _text(headline) not in [_text(earlier) for earlier in from_this_feed]
            has_new_tag = not known_tags.issuperset(headline.tags)
            if not (edited or has_new_tag or self._corrects_future_date(headline, from_this_feed)):
                continue

            # An edit may have to wait for the next window; a tag or a corrected date counts from the frontier on.
            known_from = self._edits_known_from if edited else self._frontier or self._now
            all_tags = tuple(sorted(known_tags.union(headline.tags)))
            first_seen_at = max(known_from, headline.published_at or known_from)
            version = self._version(identity, replace(headline, tags=all_tags, first_seen_at=first_seen_at))

            # A text that returns to an earlier wording is archived already.
            if version.version in known_versions:
                continue
            known_versions.add(version.version)
            known_tags.update(headline.tags)
            if edited:
                self.counts[headline.feed][ItemNote.EDITED] += 1
            versions.append(version)
        return versions

    def _is_news(self, headline: RawHeadline) -> bool:
        """Whether an item new to the archive is neither a feed's backlog nor stale; counts it where it is."""
        # Without a frontier everything is new, and without a date nothing can be called old.
        if self._frontier is None or headline.published_at is None:
            return True
        asked_since = self._asked_since.get(headline.feed, self._frontier)
        if headline.published_at < asked_since:
            self.counts[headline.feed][ItemNote.BACKLOG] += 1
            return False
        # Counted from the feed's last full delivery, so that after an outage of a week its news is still news.
        delivered_until = self._delivered_until.get(headline.feed, asked_since)
        if headline.published_at < delivered_until - STALE_AFTER:
            self.counts[headline.feed][ItemNote.STALE] += 1
            return False
        return True

    def _first_seen_at(self, headline: RawHeadline) -> datetime | None:
        """When a new item counts as first seen; None where nobody can know."""
        published_at = headline.published_at
        if published_at is not None and published_at > self._now:
            self.counts[headline.feed][ItemNote.FUTURE] += 1
            return self._now
        if self._frontier is None:
            return None if published_at else self._now
        return max(self._frontier, published_at or self._frontier)

    def _corrects_future_date(
        self,
        headline: RawHeadline,
        earlier: Sequence[RawHeadline],
    ) -> bool:
        """Whether the publication date changed while every earlier version was still held back for its future date."""
        if earlier[-1].published_at == headline.published_at:
            return False
        return all((version.known_at or self._now) > self._now for version in earlier)

    def _version(self, identity: str, headline: RawHeadline) -> ItemVersion:
        # A date in the future is part of the version, so that the corrected date makes another one.
        future_date = ""
        if headline.published_at and headline.published_at > self._now:
            future_date = headline.published_at.isoformat()
        content = "\n".join([*_text(headline), *headline.tags, future_date])
        return ItemVersion(identity, _sha256(content), headline)


def _with_tags(headline: RawHeadline, tags: tuple[str, ...]) -> RawHeadline:
    if headline.tags == tags:
        return headline
    return replace(headline, tags=tags)


def _text(headline: RawHeadline) -> tuple[str, str]:
    """Title and lead as they are compared between versions."""
    return _normalised_text(headline.title), _normalised_text(headline.summary)


def _normalised_text(text: str | None) -> str:
    """Plain text in one case, so that markup, white space and capitals make no edit."""
    plain, _ = clean(text or "")
    return plain.casefold()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
