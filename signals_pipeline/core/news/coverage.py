"""The coverage ledger: which minutes of news a digest covers, from which feeds, and what became of the headlines.

There is one entry per window, and it is the same whether the window was run alone or in a backfill of hundreds. What a
live feed delivered in full is worked out in `core.news.collection`; entries are stored by `adapters.stores.coverage`.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from math import ceil, floor
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.news.collection import reports_for
from signals_pipeline.core.news.feeds import NewsBatch, SourceReport, SourceStatus
from signals_pipeline.core.news.normalisation import Normalised, RawHeadline, normalise
from signals_pipeline.core.tables import ColumnArrays, RowsByWindow
from signals_pipeline.core.windows import Window, evidence_interval, instant64, windows_between

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
        gap_minutes: Minutes between the end of the previous coverage and evidence_end that no evidence covers; a
            started minute counts.
        overlap_minutes: Full minutes of the evidence that an earlier window covered as well.
        missing_windows: Keys of earlier windows without a run.
        reports: How each feed did.
        headlines: Distinct headlines in evidence.
        relevant: How many of these name a company of the watchlist.
        stories: Distinct stories among the relevant headlines.
        symbols: Symbols with a relevant headline.
        reconstructed: Distinct headlines without a recorded first_seen_at.
        drops: Number of items that were set aside, by reason (`normalisation.REASONS`).
        status: `ok` every feed delivered all it has; `failed` none delivered anything; `degraded` in between.
        first_run: Nothing was covered before this window.
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

    def line(self, model: str) -> str:
        """One line for readers: span, gap, feeds, headlines, model.

        E.g. `Fri 17:30 to Mon 08:30 ET, no gap; 3 of 4 sources; 412 headlines, 61 stories; model finbert int8 @4556d1`.
        """
        return f"{self.label}, {self.summary(model)}"

    def summary(self, model: str) -> str:
        """The `line` without the window's span, for pages that show it elsewhere."""
        parts = [self._gap()]
        if self.missing_windows:
            parts.append(f"{_quantity(len(self.missing_windows), 'earlier window')} without a run")
        answered = [report for report in self.reports if report.status != "failed"]
        parts.append(f"{len(answered)} of {_quantity(len(self.reports), 'source')}")
        parts.append(f"{_quantity(self.headlines, 'headline')}, {_quantity(self.stories, 'story', 'stories')}")
        parts.append(f"model {model}")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """The entry in plain JSON types; instants as ISO 8601 in UTC."""
        stored = asdict(self)
        stored["evidence_start"] = self.evidence_start.isoformat()
        stored["evidence_end"] = self.evidence_end.isoformat()
        stored["missing_windows"] = list(self.missing_windows)
        stored["reports"] = [asdict(report) for report in self.reports]
        return stored

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The entry that `to_dict` wrote."""
        values = dict(stored)
        values["evidence_start"] = datetime.fromisoformat(stored["evidence_start"])
        values["evidence_end"] = datetime.fromisoformat(stored["evidence_end"])
        values["missing_windows"] = tuple(stored["missing_windows"])
        values["reports"] = tuple(SourceReport(**report) for report in stored["reports"])
        values["drops"] = dict(stored["drops"])
        return cls(**values)

    def _gap(self) -> str:
        prefix = "first run, " if self.first_run else ""
        if not self.gap_minutes:
            return f"{prefix}no gap"
        hours, minutes = divmod(self.gap_minutes, 60)
        lengths: list[str] = []
        if hours:
            lengths.append(f"{hours} h")
        if minutes:
            lengths.append(f"{minutes} min")
        return f"{prefix}gap of {' '.join(lengths)}"


def coverage_ledger(
    windows: Sequence[Window],
    *,
    covered: Sequence[Window],
    lookback_hours: float,
    strict: bool,
    batch: NewsBatch,
    headlines: pd.DataFrame,
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
        normalised: The batch's headlines, where they are normalised already.
    """
    normalised = normalised or normalise(batch.headlines)
    headlines_by_window = RowsByWindow(headlines)

    # Positions of the batch's items by time, so that each window finds its own by bisection.
    timed_items: list[tuple[datetime, int]] = []
    for position, headline in enumerate(batch.headlines):
        # An item without a readable publication time counts where it was first seen.
        instant = headline.known_at or headline.first_seen_at
        if instant:
            timed_items.append((instant, position))
    timed_items.sort()
    instants = [instant for instant, _ in timed_items]

    covered_ends = sorted({window.end for window in (*covered, *windows)})
    entries: list[Coverage] = []
    for window in windows:
        start, end = evidence_interval(window, lookback_hours=lookback_hours, strict=strict)

        # What was delivered for this window.
        in_interval = timed_items[bisect_left(instants, start) : bisect_left(instants, end)]
        positions = [position for _, position in in_interval]
        delivered = [batch.headlines[position] for position in positions]
        # Live feeds are judged by their visits; a recording has one report for the whole run.
        reports = reports_for(batch.collections, start, end) if batch.collections else batch.reports

        # What came before it.
        earlier_count = bisect_right(covered_ends, window.start)
        previous_end = covered_ends[earlier_count - 1] if earlier_count else None
        missing_from = max(previous_end or window.start, window.start - MISSING_SPAN)
        missing_windows = windows_between(missing_from, window.start)

        entry = window_coverage(
            window,
            lookback_hours=lookback_hours,
            strict=strict,
            previous_end=previous_end,
            missing=[missing.key for missing in missing_windows],
            reports=_with_fetched_counts(reports, delivered),
            headlines=headlines_by_window.columns(window.start),
            drops=normalised.count_drops(positions),
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
    gap_minutes = max(0, ceil((start - covered_until) / _MINUTE))
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
    )


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


def _quantity(number: int, singular: str, plural: str = "") -> str:
    """A number with its noun: `1 story`, `1,204 headlines`."""
    if number == 1:
        return f"{number:,} {singular}"
    return f"{number:,} {plural or singular + 's'}"
