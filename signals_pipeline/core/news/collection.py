"""Rounds of visits to live feeds: what was surely delivered, what is to be asked next, what a window's ledger may say.

A round at which at least one feed answered is served: digests may have been made of the archive as it was then. The
latest instant that a served round reached is the frontier. What enters the archive later counts as known at the
frontier or after it, so that no window that was told before ever changes.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import ceil

from signals_pipeline.core.news.feeds import Collection, SourceReport, SourceStatus

Span = tuple[datetime, datetime]  # half-open


def reports_for(collections: Sequence[Collection], start: datetime, end: datetime) -> tuple[SourceReport, ...]:
    """How each feed did for the news of [start, end), as it was known when that was first served.

    Visits after the round that served the interval don't count: a feed that recovers later delivers what it missed to
    a later window. `fetched` is that of the round; the ledger counts what falls into its window itself.

    Args:
        collections: At least all visits that touch the interval, those of one round in their order.
        start: First instant (aware).
        end: First instant after it.

    Returns:
        One report a feed of the serving round, in the round's order; empty where no round served it.
    """
    touching = [one for one in collections if one.asked_from < end and one.asked_to > start]
    served = [one for one in touching if one.status != "failed"]
    in_full = [one.collected_at for one in served if one.asked_to >= end]
    if not served:
        return ()
    serving = min(in_full, default=max(one.collected_at for one in served))
    before = max((one.collected_at for one in served if one.collected_at < serving), default=None)
    past = [one for one in touching if one.collected_at <= serving]
    return tuple(
        _report(one, [each for each in past if each.feed == one.feed], before, start, end)
        for one in past
        if one.collected_at == serving
    )


def _report(
    last: Collection, visits: Sequence[Collection], before: datetime | None, start: datetime, end: datetime
) -> SourceReport:
    whole = [(one.whole_from, one.whole_to) for one in visits if one.whole_from and one.whole_to]
    missing = _minutes(holes(whole, start, end))
    total = _minutes([(start, end)])
    status: SourceStatus = "degraded" if missing else "ok"
    if missing == total and last.status == "failed":
        status = "failed"
    parts = [last.detail] if last.detail else []
    if missing and status == "degraded":
        parts.append(f"{missing:,} of {total:,} min may be incomplete")
    calls = sum(one.calls for one in visits if before is None or one.collected_at > before)
    return SourceReport(last.feed, status, last.fetched, "; ".join(parts), calls)


def _minutes(spans: Iterable[Span]) -> int:
    return ceil(sum(((end - start) for start, end in spans), timedelta()) / timedelta(minutes=1))


def holes(whole: Iterable[Span], start: datetime, end: datetime) -> list[Span]:
    """What of [start, end) none of the spans covers, oldest first."""
    found: list[Span] = []
    reached = start
    for low, high in sorted(whole):
        if high <= reached or low >= end:
            continue
        if low > reached:
            found.append((reached, low))
        reached = high
    return [*found, (reached, end)] if reached < end else found
