"""What the coverage ledger says about live feeds: which minutes each had delivered in full when a window was served.

A collection round visits every live feed once. A round in which at least one feed answered serves windows: digests may
have been made from the archive as it was then. The latest instant that such a round reached is the frontier. What
enters the archive later counts as known at the frontier or after it, so a window that was served never changes. The
rules for what enters the archive are in `core.news.archive`; the rounds themselves are run by `adapters.news.live`.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from math import ceil

from signals_pipeline.core.news.feeds import FeedVisit, SourceReport, SourceStatus

Span = tuple[datetime, datetime]
"""A half-open interval of aware instants."""


def reports_for(
    collections: Sequence[FeedVisit],
    start: datetime,
    end: datetime,
) -> tuple[SourceReport, ...]:
    """Report how each feed did for the news of [start, end), as known when that interval was first served.

    Visits after the round that served the interval don't count: a feed that recovers later delivers what it missed to
    a later window. `fetched` is the serving round's; the ledger counts what falls into its window itself.

    Args:
        collections: At least all visits that touch the interval, those of one round in their order.
        start: First instant (aware).
        end: First instant after it.

    Returns:
        One report per feed of the serving round, in the round's order; empty where no round served the interval.
    """
    touching = [visit for visit in collections if visit.asked_from < end and visit.asked_to > start]
    answered = [visit for visit in touching if visit.status != "failed"]
    if not answered:
        return ()

    # The first round that reached the interval's end served it. Where none has yet, the newest one stands in.
    reached_end = [visit.collected_at for visit in answered if visit.asked_to >= end]
    newest = max(visit.collected_at for visit in answered)
    serving_round = min(reached_end, default=newest)

    # Calls are counted since the round that served the interval before this one.
    earlier_rounds = [visit.collected_at for visit in answered if visit.collected_at < serving_round]
    previous_round = max(earlier_rounds, default=None)

    reports: list[SourceReport] = []
    until_served = [visit for visit in touching if visit.collected_at <= serving_round]
    for visit in until_served:
        if visit.collected_at != serving_round:
            continue
        visits_to_feed = [earlier for earlier in until_served if earlier.feed == visit.feed]
        reports.append(_report(visit, visits_to_feed, previous_round, start, end))
    return tuple(reports)


def _report(
    last: FeedVisit,
    visits: Sequence[FeedVisit],
    previous_round: datetime | None,
    start: datetime,
    end: datetime,
) -> SourceReport:
    """One feed's report from its visits up to the serving round, of which `last` is the newest."""
    delivered = [(visit.whole_from, visit.whole_to) for visit in visits if visit.whole_from and visit.whole_to]
    missing_minutes = _minutes(uncovered_spans(delivered, start, end))
    total_minutes = _minutes([(start, end)])

    # A feed has failed only where nothing of the interval was delivered by an earlier visit either.
    status: SourceStatus = "ok"
    if missing_minutes == total_minutes and last.status == "failed":
        status = "failed"
    elif missing_minutes:
        status = "degraded"

    details: list[str] = []
    if last.detail:
        details.append(last.detail)
    if missing_minutes and status == "degraded":
        details.append(f"{missing_minutes:,} of {total_minutes:,} min may be incomplete")

    since_previous = [visit for visit in visits if previous_round is None or visit.collected_at > previous_round]
    calls = sum(visit.calls for visit in since_previous)

    # A visit that was not broken, and yet did not reach to where it was asked, found a silent feed.
    covered_to = None
    if last.whole_to is not None and last.whole_to < min(end, last.asked_to):
        covered_to = last.whole_to

    # What a visit lost stays lost for this window until another one delivers the same time in full.
    lost = 0
    for visit in visits:
        if visit.lost and uncovered_spans(delivered, max(start, visit.asked_from), min(end, visit.asked_to)):
            lost = max(lost, visit.lost)
    return SourceReport(last.feed, status, last.fetched, "; ".join(details), calls, covered_to, lost)


def uncovered_spans(
    spans: Iterable[Span],
    start: datetime,
    end: datetime,
) -> list[Span]:
    """The parts of [start, end) that none of the spans covers, oldest first."""
    uncovered: list[Span] = []
    covered_until = start
    for span_start, span_end in sorted(spans):
        if span_end <= covered_until or span_start >= end:
            continue
        if span_start > covered_until:
            uncovered.append((covered_until, span_start))
        covered_until = span_end
    if covered_until < end:
        uncovered.append((covered_until, end))
    return uncovered


def _minutes(spans: Iterable[Span]) -> int:
    """Total length in minutes; a started minute counts."""
    lengths = [end - start for start, end in spans]
    total = sum(lengths, timedelta())
    return ceil(total / timedelta(minutes=1))
