"""The coverage ledger: which minutes of news a digest covers, from which feeds, and what became of the headlines.

There is one entry per window, and it is the same whether the window was run alone or in a backfill of hundreds. What a
live feed delivered in full is worked out in `core.news.collection`; entries are stored by `adapters.stores.coverage`.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cache
from math import ceil, floor
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.news.accounting import DROPPED, UNACCOUNTED, Accounts
from signals_pipeline.core.news.collection import reports_for
from signals_pipeline.core.news.evidence import news_interval
from signals_pipeline.core.news.feeds import NewsBatch, SourceReport, SourceStatus
from signals_pipeline.core.news.normalisation import Normalised, RawHeadline, normalise
from signals_pipeline.core.news.silence import reach_at
from signals_pipeline.core.news.stories import STORY_HOURS
from signals_pipeline.core.tables import ColumnArrays, RowsByWindow
from signals_pipeline.core.text import quantity, short_duration
from signals_pipeline.core.windows import Sessions, Window, evidence_interval, instant64, windows_between

# Missing windows are listed for this long before a window. Further back, a window without a run is history that was
# never asked for, not an outage.
MISSING_SPAN = timedelta(days=30)

_MINUTE = timedelta(minutes=1)


class CoverageError(SignalsError, ValueError):
    """A ledger entry can't be made from these values; the message is one line."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """One window's entry in the ledger.

    Attributes:
        window_key: Key of the window.
        label: The window in words.
        evidence_start: First instant of the evidence, aware UTC.
        evidence_end: First instant after the evidence, which is the window's end, aware UTC.
        gap_minutes: Minutes between the end of the previous coverage and evidence_end that no evidence covers, those
            in which every source was silent (see `silence`) included; a started minute counts.
        overlap_minutes: Full minutes of the evidence that an earlier window covered as well.
        missing_windows: Keys of earlier windows without a run.
        reports: How each feed did.
        headlines: Distinct headlines in evidence.
        relevant: How many of these name a company of the watchlist.
        stories: Distinct stories among the relevant headlines.
        symbols: Symbols with a relevant headline.
        reconstructed: Distinct headlines without a recorded first_seen_at.
        drops: Number of items that were not kept, by reason (`accounting.DROPPED`), and of those that were kept though
            something is odd about them (`published_after_seen`, `truncated`).
        status: `ok` every feed delivered all it has; `failed` none delivered anything; `degraded` in between.
        first_run: Nothing was covered before this window.
        delivered: Items that the feeds delivered for the window: headlines and dropped items together. None in entries
            that were made before this was counted.
        newest_at: When the newest headline became known, aware UTC; None where there was none within the look-back.
    """

    window_key: str
    label: str
    evidence_start: datetime
    evidence_end: datetime
    gap_minutes: int
    overlap_minutes: int
    missing_windows: tuple[str, ...]
    reports: tuple[SourceReport, ...]
    headlines: int
    relevant: int
    stories: int
    symbols: int
    reconstructed: int
    drops: dict[str, int]
    status: SourceStatus
    first_run: bool
    delivered: int | None = None
    newest_at: datetime | None = None

    @property
    def unaccounted(self) -> int:
        """Items of which nobody knows what became of them, and headlines that nobody delivered; 0 where all is well."""
        if self.delivered is None:
            return 0
        unexplained = self.drops.get(UNACCOUNTED, 0)
        dropped = sum(self.drops.get(reason, 0) for reason in DROPPED)
        return self.lost + unexplained + abs(self.delivered - self.headlines - dropped)

    @property
    def lost(self) -> int:
        """Items that live feeds delivered and that are neither in the archive nor left out for a reason."""
        return sum(report.lost for report in self.reports)

    @property
    def newest_age(self) -> timedelta | None:
        """From the newest headline to the window's end; None where there is none within the look-back."""
        return None if self.newest_at is None else self.evidence_end - self.newest_at

    def line(self, model: str) -> str:
        """One line for readers: span, gap, feeds, headlines, model.

        E.g. `Fri 17:30 to Mon 08:30 ET, no gap; 3 of 4 sources; 412 headlines, 61 stories, the newest 12 min before the
        end; model finbert int8 @4556d1`.
        """
        return f"{self.label}, {self.summary(model)}"

    def summary(self, model: str) -> str:
        """The `line` without the window's span, for pages that show it elsewhere."""
        parts = [self._gap()]
        if self.missing_windows:
            parts.append(f"{quantity(len(self.missing_windows), 'earlier window')} without a run")
        answered = [report for report in self.reports if report.status != "failed"]
        parts.append(f"{len(answered)} of {quantity(len(self.reports), 'source')}")
        parts.append(", ".join([*self._counts()]))
        parts.append(f"model {model}")
        return "; ".join(parts)

    @property
    def gap_length(self) -> str:
        """The length of the gap in words, e.g. `9 h 30 min`."""
        return short_duration(timedelta(minutes=self.gap_minutes))

    def accounts(self) -> str:
        """What became of what was delivered, on one line; empty in entries that were made before this was counted.

        E.g. `383 delivered = 351 kept + 32 dropped (30 duplicate, 2 no title)`.
        """
        if self.delivered is None:
            return ""
        counts = {reason: self.drops.get(reason, 0) for reason in DROPPED}
        dropped = sum(counts.values())
        reasons = ", ".join(f"{count:,} {reason.replace('_', ' ')}" for reason, count in counts.items() if count)
        listed = f" ({reasons})" if reasons else ""
        lost = f"; {quantity(self.lost, 'more item')} lost on the way to the archive" if self.lost else ""
        return f"{self.delivered:,} delivered = {self.headlines:,} kept + {dropped:,} dropped{listed}{lost}"

    def to_dict(self) -> dict[str, Any]:
        """The entry in plain JSON types; instants as ISO 8601 in UTC."""
        return _stored_form().dump_python(self, mode="json")

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Coverage":
        """The entry that `to_dict` wrote.

        Raises:
            CoverageError: It is not such an entry.
        """
        try:
            return _stored_form().validate_python(stored)
        except ValidationError as error:
            problem = error.errors()[0]
            place = ".".join(str(part) for part in problem["loc"])
            raise CoverageError(
                f"coverage of window {stored.get('window_key')}: {place}: {problem['msg']}; run the window again"
            ) from error

    def _counts(self) -> Iterator[str]:
        yield quantity(self.headlines, "headline")
        yield quantity(self.stories, "story", "stories")
        if self.newest_age is not None:
            yield f"the newest {short_duration(self.newest_age)} before the end"
        elif self.delivered is not None:
            yield f"none in the last {STORY_HOURS} hours"

    def _gap(self) -> str:
        prefix = "first run, " if self.first_run else ""
        if not self.gap_minutes:
            return f"{prefix}no gap"
        return f"{prefix}gap of {self.gap_length}"


def coverage_ledger(
    windows: Sequence[Window],
    *,
    covered: Sequence[Window],
    lookback_hours: float,
    strict: bool,
    batch: NewsBatch,
    headlines: pd.DataFrame,
    sessions: Sessions,
    normalised: Normalised | None = None,
) -> tuple[Coverage, ...]:
    """The ledger entries of a run's windows.

    An entry counts only what was fetched and set aside for its own window, so that it is the same whether the window
    was run by itself or in a backfill of hundreds.

    Args:
        windows: The run's windows, oldest first.
        covered: Earlier windows that have an entry, in any order.
        lookback_hours: NEWS_LOOKBACK_HOURS.
        strict: NEWS_STRICT_LOOKBACK.
        batch: What the feeds delivered for the whole run.
        headlines: HEADLINES rows of all the run's windows.
        sessions: The exchange's sessions around the windows and the batch's timelines: silence is measured in market
            time.
        normalised: The batch's headlines, where they are normalised already.
    """
    normalised = normalised or normalise(batch.headlines)
    headlines_by_window = RowsByWindow(headlines)

    accounts = Accounts(normalised)

    # Positions of the batch's items by time, so that each window finds its own by bisection.
    timed_items: list[tuple[datetime, int]] = []
    for position, headline in enumerate(batch.headlines):
        # An item without a readable publication time counts where it was first seen.
        instant = headline.known_at or headline.first_seen_at
        if instant:
            timed_items.append((instant, position))
    timed_items.sort()
    instants = [instant for instant, _ in timed_items]
    dated = sorted(headline.known_at for headline in batch.headlines if headline.known_at)

    covered_ends = sorted({window.end for window in (*covered, *windows)})
    entries: list[Coverage] = []
    for window in windows:
        start, end = evidence_interval(window, lookback_hours=lookback_hours, strict=strict)

        # What was delivered for this window.
        in_interval = timed_items[bisect_left(instants, start) : bisect_left(instants, end)]
        positions = [position for _, position in in_interval]
        delivered = [batch.headlines[position] for position in positions]
        # Live feeds are judged by their visits, recordings by what they delivered until the window's end.
        reports: Sequence[SourceReport]
        if batch.collections:
            reports = reports_for(batch.collections, start, end)
        else:
            reports = _recording_reports(batch, delivered, start, end, sessions)

        # What came before it.
        earlier_count = bisect_right(covered_ends, window.start)
        previous_end = covered_ends[earlier_count - 1] if earlier_count else None
        missing_from = max(previous_end or window.start, window.start - MISSING_SPAN)
        missing_windows = windows_between(missing_from, window.start)

        # What became of it.
        rows = headlines_by_window.columns(window.start)
        kept: set[str] = set(rows["headline_id"][rows["text_hash"] != ""].tolist())
        visible_from, _ = news_interval([window], lookback_hours=lookback_hours, strict=strict)
        dropped = accounts.account(positions, kept=kept, visible_from=visible_from, evidence_from=start, as_of=end)
        newest = bisect_left(dated, end) - 1

        entry = window_coverage(
            window,
            lookback_hours=lookback_hours,
            strict=strict,
            previous_end=previous_end,
            missing=[missing.key for missing in missing_windows],
            reports=_with_fetched_counts(reports, delivered),
            headlines=rows,
            drops=dropped,
            delivered=len(positions),
            # Not what other windows of the run look back on.
            newest_at=dated[newest] if newest >= 0 and dated[newest] >= visible_from else None,
        )
        entries.append(entry)
    return tuple(entries)


def window_coverage(
    window: Window,
    *,
    lookback_hours: float,
    strict: bool,
    previous_end: datetime | None,
    missing: Sequence[str],
    reports: Sequence[SourceReport],
    headlines: ColumnArrays,
    drops: Mapping[str, int],
    delivered: int | None = None,
    newest_at: datetime | None = None,
) -> Coverage:
    """The ledger entry of one window.

    Args:
        window: The window.
        lookback_hours: NEWS_LOOKBACK_HOURS.
        strict: NEWS_STRICT_LOOKBACK.
        previous_end: End of the newest earlier window with a run (aware); None where there is none.
        missing: Keys of earlier windows without a run.
        reports: How each feed did.
        headlines: The window's HEADLINES rows, as from `tables.columns_of`.
        drops: Number of items that were set aside, by reason.
        delivered: Number of items that the feeds delivered for it.
        newest_at: When the newest headline known before its end became known (aware).

    Raises:
        CoverageError: previous_end lies after the window's start, or a headline belongs to another window.
    """
    if previous_end is not None and previous_end > window.start:
        raise CoverageError(
            f"window {window.key}: starts before {previous_end.isoformat()}, the end of the window before it"
        )
    if (headlines["window_start"] != instant64(window.start)).any():
        raise CoverageError(
            f"window {window.key}: its headlines contain rows of other windows; pass the rows of this window only"
        )
    start, end = evidence_interval(window, lookback_hours=lookback_hours, strict=strict)

    # A first run covers from its window's start: there is nothing that its evidence could overlap.
    covered_until = window.start if previous_end is None else previous_end
    gap = max(timedelta(), start - covered_until) + _silence(reports, start, end)
    gap_minutes = ceil(gap / _MINUTE)
    overlap_minutes = 0
    if previous_end is not None:
        overlap_minutes = max(0, floor((covered_until - start) / _MINUTE))

    # The row of a withdrawal has no text: it is no headline itself. Where no company is named, relevance is 0.
    has_text = headlines["text_hash"] != ""
    is_relevant = has_text & (headlines["relevance"] > 0)
    return Coverage(
        window_key=window.key,
        label=window.label,
        evidence_start=start,
        evidence_end=end,
        gap_minutes=gap_minutes,
        overlap_minutes=overlap_minutes,
        missing_windows=tuple(missing),
        reports=tuple(reports),
        headlines=_count_distinct(headlines["headline_id"], has_text),
        relevant=_count_distinct(headlines["headline_id"], is_relevant),
        stories=_count_distinct(headlines["story_id"], is_relevant),
        symbols=_count_distinct(headlines["symbol"], is_relevant),
        reconstructed=_count_distinct(headlines["headline_id"], has_text & headlines["reconstructed"]),
        drops=dict(drops),
        status=_overall_status(reports),
        first_run=previous_end is None,
        delivered=delivered,
        newest_at=newest_at,
    )


def _recording_reports(
    batch: NewsBatch,
    delivered: Sequence[RawHeadline],
    start: datetime,
    end: datetime,
    sessions: Sessions,
) -> list[SourceReport]:
    """How each recording did for [start, end), from what it delivered until then.

    Args:
        batch: What the recordings delivered for the whole run.
        delivered: What of it belongs to this interval.
        start: First instant of the evidence.
        end: First instant after it.
        sessions: The exchange's sessions.
    """
    timeline_by_feed = {timeline.feed: timeline for timeline in batch.timelines}
    items = Counter(headline.feed for headline in delivered)
    undated = Counter(headline.feed for headline in delivered if headline.known_at is None)

    reports: list[SourceReport] = []
    for report in batch.reports:
        timeline = timeline_by_feed.get(report.feed)
        if timeline is None:
            reports.append(report)
            continue
        details: list[str] = []
        reach = reach_at(timeline, end, sessions)
        if reach.covered_to is not None:
            uncovered = ceil((end - max(start, reach.covered_to)) / _MINUTE)
            total = ceil((end - start) / _MINUTE)
            details.append(f"{reach.detail}; {uncovered:,} of {total:,} min not covered")
        if undated[report.feed]:
            details.append(f"{undated[report.feed]} of {items[report.feed]} items without a readable time")
        first, last = np.searchsorted(timeline.incomplete_at, [instant64(start), instant64(end)])
        incomplete = int(last - first)
        if incomplete:
            details.append(f"{quantity(incomplete, 'row')} not whole, of which only a part is used")
        if undated[report.feed] or incomplete:
            # The report's own detail, with an example, is about the whole file.
            details.append(report.detail)
        reports.append(
            replace(
                report,
                status="degraded" if details else report.status,
                detail="; ".join(part for part in details if part),
                covered_to=reach.covered_to,
            )
        )
    return reports


def _silence(reports: Sequence[SourceReport], start: datetime, end: datetime) -> timedelta:
    """How much of the end of [start, end) no source is known to have covered; a failed source covers nothing."""
    answered = [report for report in reports if report.status != "failed"]
    reaches = [report.covered_to for report in answered if report.covered_to is not None]
    if not answered or len(reaches) < len(answered):
        return timedelta()
    return end - min(end, max(start, *reaches))


@cache
def _stored_form() -> TypeAdapter[Coverage]:
    return TypeAdapter(Coverage)


def _with_fetched_counts(reports: Sequence[SourceReport], delivered: Sequence[RawHeadline]) -> list[SourceReport]:
    """The run's reports, each with the number of headlines that its feed delivered for one window."""
    fetched = Counter(headline.feed for headline in delivered)
    return [replace(report, fetched=fetched[report.feed]) for report in reports]


def _count_distinct(values: NDArray[Any], selected: NDArray[np.bool_]) -> int:
    return len(set(values[selected]))


def _overall_status(reports: Sequence[SourceReport]) -> SourceStatus:
    statuses = {report.status for report in reports}
    if statuses == {"ok"}:
        return "ok"
    if statuses <= {"failed"}:  # also without any feed
        return "failed"
    return "degraded"
