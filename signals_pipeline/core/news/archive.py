"""The archive of live headlines: what an item's identity is, and which versions of it a round of visits adds.

An item is its canonical link, or its title and publisher where it has none. Another title or lead under the same
identity, from the same feed, is an edit: a version of its own. Nothing that enters the archive is known before the
frontier (see `collecting`), so a window that was told once reads the same for ever.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from signals_pipeline.core.news.feeds import RawHeadline
from signals_pipeline.core.text import canonical_url, clean

LATE = timedelta(hours=72)  # published longer before its feed last delivered, an item that is new to us is not news

# What `Additions.counts` names, in the words that the operator reads.
EDITED, FUTURE, STALE, BACKLOG = (
    "edited",
    "dated in the future, kept out until then",
    "older than three days left out",
    "from before this feed was added left out",
)

Identified = tuple[str, RawHeadline]
"""An item's identity and the item."""

_Counts = dict[str, Counter[str]]


@dataclass(frozen=True, slots=True)
class _Times:
    now: datetime
    frontier: datetime | None
    edits_known_from: datetime


@dataclass(frozen=True, slots=True)
class Version:
    """One version of an item as the archive keeps it; its headline carries first_seen_at.

    Attributes:
        item_id: Hex SHA-256 of the identity.
        version: Hex SHA-256 of title, lead and tags (and of a date in the future).
        headline: The item; `known_at` says from when on it may be used.
    """

    item_id: str
    version: str
    headline: RawHeadline


@dataclass(frozen=True, slots=True)
class Additions:
    """What a round adds.

    Attributes:
        versions: New versions, in the order of delivery.
        counts: By feed: how many items were edited, future or left out; words as above.
    """

    versions: tuple[Version, ...]
    counts: Mapping[str, Counter[str]]


def item_id(one: RawHeadline) -> str:
    """The item's identity, the same from whichever feed it comes."""
    return _sha256(canonical_url(one.url) or f"{_plain(one.title)}\n{_plain(one.source)}")


def identified(headlines: Iterable[RawHeadline]) -> tuple[Identified, ...]:
    """The headlines, each behind its `item_id`."""
    return tuple((item_id(one), one) for one in headlines)


def folded(delivered: Iterable[Identified]) -> dict[str, list[RawHeadline]]:
    """What feeds delivered, by identity: each feed's first copy, all with the tags of all copies.

    Args:
        delivered: In the order of the feeds' precedence.
    """
    groups: dict[str, dict[str, RawHeadline]] = defaultdict(dict)
    tags: dict[str, set[str]] = defaultdict(set)
    for identity, one in delivered:
        groups[identity].setdefault(one.feed, one)
        tags[identity].update(one.tags)
    return {
        identity: [_tagged(one, tuple(sorted(tags[identity]))) for one in copies.values()]
        for identity, copies in groups.items()
    }


def additions(
    items: Mapping[str, Sequence[RawHeadline]],
    kept: Mapping[str, Sequence[Version]],
    *,
    now: datetime,
    frontier: datetime | None,
    edits_known_from: datetime,
    asked_since: Mapping[str, datetime],
    delivered_until: Mapping[str, datetime],
) -> Additions:
    """The versions that are not in the archive yet.

    An item new to the archive counts as first seen when it can have appeared at the earliest: at its publication, at
    the frontier where it was published before (it reached the feed late). Before there is a frontier nobody knows, and
    first_seen_at stays None: such items count as reconstructed. A tag that comes later makes a version, too, with the
    tags of all; copies from another feed with other words are no edits and are not kept.

    Args:
        items: What the feeds delivered, as `folded` gives it.
        kept: Versions in the archive by item_id, the earliest known first; at least of the items delivered.
        now: When the round began (aware).
        frontier: Up to when the archive was read for digests (aware); None before the first round.
        edits_known_from: From when on edits found now may be used (aware); at the frontier or later.
        asked_since: From when on each feed was ever asked; what a feed that was added later has from before is no news.
        delivered_until: Until when each feed last delivered everything, before this round.
    """
    counts: _Counts = defaultdict(Counter)
    times = _Times(now, frontier, edits_known_from)
    versions = []
    for identity, copies in items.items():
        known = kept.get(identity, ())
        if known:
            versions.extend(_later(identity, copies, known, times, counts))
        elif news := [one for one in copies if _is_news(one, times, asked_since, delivered_until, counts)]:
            versions.append(_version(identity, _seen(news[0], times, counts), now))
    return Additions(tuple(versions), counts)


def _tagged(one: RawHeadline, tags: tuple[str, ...]) -> RawHeadline:
    return one if one.tags == tags else replace(one, tags=tags)


def _is_news(
    one: RawHeadline,
    times: _Times,
    asked_since: Mapping[str, datetime],
    delivered_until: Mapping[str, datetime],
    counts: _Counts,
) -> bool:
    if times.frontier is None or one.published_at is None:
        return True
    asked = asked_since.get(one.feed, times.frontier)
    if one.published_at < asked:
        counts[one.feed][BACKLOG] += 1
        return False
    if one.published_at < delivered_until.get(one.feed, asked) - LATE:
        counts[one.feed][STALE] += 1
        return False
    return True


def _seen(one: RawHeadline, times: _Times, counts: _Counts) -> RawHeadline:
    published = one.published_at
    if published is not None and published > times.now:
        counts[one.feed][FUTURE] += 1
        return replace(one, first_seen_at=times.now)
    if times.frontier is None:
        return replace(one, first_seen_at=None if published else times.now)
    return replace(one, first_seen_at=max(times.frontier, published or times.frontier))


def _later(
    identity: str, copies: Sequence[RawHeadline], known: Sequence[Version], times: _Times, counts: _Counts
) -> Iterable[Version]:
    """Edits, tags that came later, and a date in the future that was put right."""
    tags = {tag for version in known for tag in version.headline.tags}
    have = {version.version for version in known}
    for one in copies:
        own = [version.headline for version in known if version.headline.feed == one.feed]
        if not own:
            continue
        edited = _text(one) not in map(_text, own)
        redated = own[-1].published_at != one.published_at and all(
            (was.known_at or times.now) > times.now for was in own
        )
        if not (edited or redated or not tags.issuperset(one.tags)):
            continue
        since = times.edits_known_from if edited else times.frontier or times.now
        whole = replace(
            one, tags=tuple(sorted(tags.union(one.tags))), first_seen_at=max(since, one.published_at or since)
        )
        later = _version(identity, whole, times.now)
        if later.version not in have:
            have.add(later.version)
            tags.update(one.tags)
            counts[one.feed][EDITED] += edited
            yield later


def _version(identity: str, one: RawHeadline, now: datetime) -> Version:
    date = one.published_at.isoformat() if one.published_at and one.published_at > now else ""
    return Version(identity, _sha256("\n".join([*_text(one), *one.tags, date])), one)


def _text(one: RawHeadline) -> tuple[str, str]:
    return _plain(one.title), _plain(one.summary)


def _plain(text: str | None) -> str:
    return clean(text or "")[0].casefold()


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
