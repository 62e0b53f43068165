"""The coverage ledger of a run: one entry a window, each telling of its own window alone."""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

import pandas as pd

from signals_pipeline.core.collecting import reports_for
from signals_pipeline.core.coverage import Coverage, coverage_of
from signals_pipeline.core.feeds import NewsBatch, RawHeadline, SourceReport
from signals_pipeline.core.headlines import Normalised, normalise
from signals_pipeline.core.tables import ByWindow
from signals_pipeline.core.windows import Window, evidence_interval, windows_between

MISSING_SPAN = timedelta(days=30)  # further back a window without a run is history, not an outage


def ledger(
    windows: Sequence[Window],
    *,
    covered: Sequence[Window],
    lookback_hours: float,
    strict: bool,
    batch: NewsBatch,
    headlines: pd.DataFrame,
    normalised: Normalised | None = None,
) -> tuple[Coverage, ...]:
    """The entries of a run's windows.

    An entry counts what was fetched and set aside for its own window alone, so that it is the same whether the window
    was run by itself or in a backfill of hundreds.

    Args:
        windows: The run's windows, oldest first.
        covered: Earlier windows that have an entry, in any order.
        lookback_hours: NEWS_LOOKBACK_HOURS.
        strict: NEWS_STRICT_LOOKBACK.
        batch: What the feeds delivered for the whole run.
        headlines: HEADLINES rows of all the run's windows.
        normalised: The batch's headlines, where they were normalised already.
    """
    normalised = normalised or normalise(batch.headlines)
    rows_of = ByWindow(headlines)
    # An item without a time that can be read counts where it was first seen.
    known = sorted(
        (instant, at) for at, one in enumerate(batch.headlines) if (instant := one.known_at or one.first_seen_at)
    )
    instants = [instant for instant, _ in known]
    ends = sorted({window.end for window in (*covered, *windows)})
    entries = []
    for window in windows:
        start, end = evidence_interval(window, lookback_hours=lookback_hours, strict=strict)
        among = known[bisect_left(instants, start) : bisect_left(instants, end)]
        inside = [batch.headlines[at] for _, at in among]
        reports = reports_for(batch.collections, start, end) if batch.collections else batch.reports
        at = bisect_right(ends, window.start)
        previous_end = ends[at - 1] if at else None
        unrun_from = max(previous_end or window.start, window.start - MISSING_SPAN)
        entries.append(
            coverage_of(
                window,
                lookback_hours=lookback_hours,
                strict=strict,
                previous_end=previous_end,
                missing=[missed.key for missed in windows_between(unrun_from, window.start)],
                reports=_reports(reports, inside),
                headlines=rows_of.columns(window.start),
                drops=normalised.drops_among(at for _, at in among),
            )
        )
    return tuple(entries)


def _reports(reports: Sequence[SourceReport], inside: Sequence[RawHeadline]) -> list[SourceReport]:
    """The run's reports with what each feed delivered for one window."""
    fetched = Counter(one.feed for one in inside)
    return [replace(report, fetched=fetched[report.feed]) for report in reports]
