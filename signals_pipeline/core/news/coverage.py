"""The coverage ledger: which minutes of news a digest covers, from which feeds, and what became of the headlines.

One entry per window, the same whether the window was run alone or in a backfill of hundreds.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from math import ceil, floor
from typing import Any, Self

import pandas as pd

from signals_pipeline.core.dates import instant64
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.news.collection import reports_for
from signals_pipeline.core.news.feeds import NewsBatch, RawHeadline, SourceReport, SourceStatus
from signals_pipeline.core.news.normalisation import Normalised, normalise
from signals_pipeline.core.tables import ByWindow, Columns
from signals_pipeline.core.windows import Window, evidence_interval, windows_between


class CoverageError(SignalsError, ValueError):
    """A window's ledger can't be drawn up from these values; the message is one line."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """One window's entry in the ledger.

    Attributes:
        window_key: Key of the window.
        label: The window in words.
        evidence_start: First instant of the evidence, aware UTC.
        evidence_end: First instant after it: the window's end, aware UTC.
        gap_minutes: Minutes between the end of what was covered before and evidence_end that no evidence covers; a
            started minute counts.
        overlap_minutes: Full minutes of the evidence that an earlier window covered, too.
        missing_windows: Keys of earlier windows without a run.
        reports: How each feed's answer went.
        headlines: Distinct headlines in evidence.
        relevant: Of these, how many name a company of the watchlist.
        stories: Distinct stories among the relevant ones.
        symbols: Symbols with a relevant headline.
        reconstructed: Distinct headlines without a recorded first_seen_at.
        drops: Items set aside by reason.
        status: `ok` every feed gave all it has; `failed` none gave anything; `degraded` in between.
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
        """`line` without the span, for a page that shows it elsewhere."""
        answered = sum(report.status != "failed" for report in self.reports)
        parts = [
            self._gap(),
            f"{answered} of {_count(len(self.reports), 'source')}",
            f"{_count(self.headlines, 'headline')}, {_count(self.stories, 'story', 'stories')}",
            f"model {model}",
        ]
        if self.missing_windows:
            parts.insert(1, f"{_count(len(self.missing_windows), 'earlier window')} without a run")
        return "; ".join(parts)

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types; instants as ISO 8601 in UTC."""
        instants = {"evidence_start": self.evidence_start.isoformat(), "evidence_end": self.evidence_end.isoformat()}
        lists = {"missing_windows": list(self.missing_windows), "reports": [asdict(report) for report in self.reports]}
        return asdict(self) | instants | lists

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Self:
        """The entry that `to_dict` wrote."""
        instants = {name: datetime.fromisoformat(stored[name]) for name in ("evidence_start", "evidence_end")}
        reports = tuple(SourceReport(**report) for report in stored["reports"])
        lists = {
            "missing_windows": tuple(stored["missing_windows"]),
            "reports": reports,
            "drops": dict(stored["drops"]),
        }
        return cls(**{**stored, **instants, **lists})

    def _gap(self) -> str:
        start = "first run, " if self.first_run else ""
        if not self.gap_minutes:
            return f"{start}no gap"
        hours, minutes = divmod(self.gap_minutes, 60)
        return f"{start}gap of " + " ".join(f"{n} {unit}" for n, unit in ((hours, "h"), (minutes, "min")) if n)


def coverage_of(
    window: Window,
    *,
    lookback_hours: float,
    strict: bool,
    previous_end: datetime | None,
    missing: Sequence[str],
    reports: Sequence[SourceReport],
    headlines: Columns,
    drops: Mapping[str, int],
) -> Coverage:
    """The ledger's entry for one window.

    Args:
        window: The window.
        lookback_hours: NEWS_LOOKBACK_HOURS.
        strict: NEWS_STRICT_LOOKBACK.
        previous_end: End of the newest earlier window with a run (aware); None where there is none.
        missing: Keys of earlier windows without a run.
        reports: How each feed's answer went.
        headlines: The window's HEADLINES rows, as `tables.columns_of`.
        drops: Items set aside by reason.

    Raises:
        CoverageError: previous_end lies after the window's start, or a headline belongs to another window.
    """
    if previous_end is not None and previous_end > window.start:
        raise CoverageError(f"window {window.key}: starts before {previous_end.isoformat()}, the end of the one before")
    if (headlines["window_start"] != instant64(window.start)).any():
        raise CoverageError(f"window {window.key}: rows of other windows among its headlines; pass this window's only")
    start, end = evidence_interval(window, lookback_hours=lookback_hours, strict=strict)
    covered = previous_end if previous_end is not None else window.start
    return Coverage(
        window_key=window.key,
        label=window.label,
        evidence_start=start,
        evidence_end=end,
        gap_minutes=max(0, ceil((start - covered) / timedelta(minutes=1))),
        overlap_minutes=max(0, floor((covered - start) / timedelta(minutes=1))) if previous_end is not None else 0,
        missing_windows=tuple(missing),
        reports=tuple(reports),
        **_counts(headlines),
        drops=dict(drops),
        status=_status(reports),
        first_run=previous_end is None,
    )


def _counts(headlines: Columns) -> dict[str, int]:
    told = headlines["text_hash"] != ""  # a withdrawal tells nothing itself
    relevant = told & (headlines["relevance"] > 0)  # 0 also where no company is named
    return {
        "headlines": len({*headlines["headline_id"][told]}),
        "relevant": len({*headlines["headline_id"][relevant]}),
        "stories": len({*headlines["story_id"][relevant]}),
        "symbols": len({*headlines["symbol"][relevant]}),
        "reconstructed": len({*headlines["headline_id"][told & headlines["reconstructed"]]}),
    }


def _status(reports: Sequence[SourceReport]) -> SourceStatus:
    found = {report.status for report in reports}
    if found == {"ok"}:
        return "ok"
    return "failed" if found <= {"failed"} else "degraded"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number:,} {one if number == 1 else many or one + 's'}"


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
