"""`signals news check`: what a run would read of a recorded file, and what it would drop.

The file is read by the same reader as in a run, and normalised, judged and tagged by the same functions of core.
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from signals_pipeline import sample
from signals_pipeline.adapters.news.recorded import RecordedNews, Recording
from signals_pipeline.adapters.news.recorded_times import TimeProblem
from signals_pipeline.adapters.prices.calendar import FIRST_DATE, pace_sessions, trading_sessions
from signals_pipeline.adapters.watchlist import load_watchlist
from signals_pipeline.core.linking.mentions import symbol_key
from signals_pipeline.core.news.normalisation import Normalised, Reason, normalise
from signals_pipeline.core.news.silence import PACE_DAYS, PROMPT, SourceTimeline, reach_at
from signals_pipeline.core.text import quantity, short_duration
from signals_pipeline.core.watchlist import Watchlist
from signals_pipeline.core.windows import instant64
from signals_pipeline.settings import Settings

# What the normaliser leaves out, and what it counts but uses, in words. `no_time` is told by the reader's findings,
# and a duplicate is no loss.
_DROPPED: dict[Reason, str] = {"no_title": "without a title", "removed": "removed by the publisher"}
_USED: dict[Reason, str] = {
    "truncated": "with a title that is cut",
    "published_after_seen": "published after they were first seen",
}

# Tags of other companies that are named.
_SHOWN_TAGS = 8

# Characters of a title that are shown.
_SHOWN_TITLE = 60


@dataclass(frozen=True, slots=True)
class CheckedFile:
    """What the check of a file found.

    Attributes:
        lines: For the user.
        is_lossy: Whether something would be dropped.
    """

    lines: tuple[str, ...]
    is_lossy: bool


def check_file(settings: Settings, path: Path, now: datetime) -> CheckedFile:
    """Read a recorded file as a run does, and tell what it has and what would be dropped.

    Args:
        settings: The deployment, for the watchlist and NEWS_TIMEZONE.
        path: The file.
        now: When the file would be used (aware): deliveries from then on are not known yet.

    Raises:
        SourceError: The file can't be used.
        WatchlistError: The watchlist can't be used.
    """
    recording = RecordedNews(path, zone=settings.news_zone).recording
    normalised = normalise(recording.headlines)
    watchlist = load_watchlist(settings.signals_watchlist or sample.WATCHLIST)

    dropped = [*_finding_lines(recording), *_reason_lines("dropped", _DROPPED, recording, normalised)]
    lines = [
        _counts_line(path, recording, normalised),
        *_time_lines(recording, now),
        _tags_line(normalised, watchlist),
        *_reason_lines("used", _USED, recording, normalised),
        *(dropped or ["dropped: nothing"]),
    ]
    return CheckedFile(tuple(lines), bool(dropped))


def _counts_line(path: Path, recording: Recording, normalised: Normalised) -> str:
    headline_count = normalised.items.loc[normalised.items["text"] != "", "headline_id"].nunique()
    parts = [quantity(recording.row_count, "row"), quantity(headline_count, "headline")]
    if recording.repeated:
        parts.append(f"{quantity(recording.repeated, 'row')} with an item that was delivered before")
    duplicates = normalised.drops["duplicate"]
    if duplicates:
        parts.append(f"{quantity(duplicates, 'row')} with a copy or another tag of a headline")
    return f"{path}: {', '.join(parts)}"


def _time_lines(recording: Recording, now: datetime) -> list[str]:
    """When the items were published and delivered, and how the coverage ledger sees that."""
    published = [headline.published_at for headline in recording.headlines if headline.published_at is not None]
    if not published:
        return ["published: nothing"]
    lines = [f"published: {_instant(min(published))} to {_instant(max(published))}"]
    future = sum(known_at >= now for known_at in recording.known_at)
    if future:
        lines.append(f"used later: {quantity(future, 'item')} with a time in the future")

    known = recording.timeline.delivered_at
    past = known[known < instant64(now)]
    if not len(past):
        return lines
    # The ledger judges a source by the time before a window: here, before its newest delivery.
    newest: datetime = past[-1].item().replace(tzinfo=UTC)
    usual = recording.timeline.before(newest + timedelta(microseconds=1))
    return [*lines, _lag_line(usual), _pace_line(usual, newest, now), _reach_line(recording.timeline, now)]


def _lag_line(timeline: SourceTimeline) -> str:
    if not len(timeline.lags):
        return "first_seen_at: not recorded; items count as known when they were published (reconstructed)"
    median = float(np.median(timeline.lags))
    line = f"first_seen_at: recorded, items arrive {_hours(median)} after publication in the median"
    if median <= PROMPT:
        return line
    return f"{line}; above {_hours(PROMPT)}, so that only the time up to the last delivery counts as covered"


def _pace_line(timeline: SourceTimeline, newest: datetime, now: datetime) -> str:
    """The newest delivery with its age, and the usual silence in the `PACE_DAYS` before it, in the ledger's unit."""
    line = f"newest delivery: {_instant(newest)} ({short_duration(now - newest)} old)"
    delivered_at = timeline.delivered_at
    first_day = newest.date() - timedelta(days=PACE_DAYS)
    if first_day < FIRST_DATE or len(delivered_at) < 2:
        return line
    # A week ahead, so that the calendar reaches beyond the newest delivery.
    sessions = trading_sessions(first_day, newest.date() + timedelta(days=7))
    gaps = sessions.market_hours(delivered_at[:-1], delivered_at[1:])
    median, long = (float(np.quantile(gaps, share)) for share in (0.5, 0.95))
    return f"{line}; gaps between deliveries in market hours: half up to {median:.2g}, 95% up to {long:.2g}"


def _reach_line(timeline: SourceTimeline, now: datetime) -> str:
    """How far a window that ends now would be covered."""
    reach = reach_at(timeline, now, pace_sessions(now))
    if reach.covered_to is None:
        return "covered: up to now"
    if reach.newest_at is None:
        return f"covered: nothing of today's window, {reach.detail}"
    return f"covered: up to {_instant(reach.covered_to)}, {reach.detail}"


def _tags_line(normalised: Normalised, watchlist: Watchlist) -> str:
    followed = {symbol_key(symbol) for symbol in watchlist.symbols}
    counts: Counter[str] = Counter()
    for tags in normalised.items["tags"]:
        counts.update(tag for tag in tags.split("|") if tag)
    found = {symbol_key(tag) for tag in counts} & followed
    line = f"tags: {len(found)} of {len(followed)} companies of the watchlist"
    others = [(tag, count) for tag, count in counts.most_common() if symbol_key(tag) not in followed]
    if not others:
        return line
    shown = ", ".join(f"{tag} ({count:,})" for tag, count in others[:_SHOWN_TAGS])
    more = f" and {len(others) - _SHOWN_TAGS:,} more" if len(others) > _SHOWN_TAGS else ""
    return f"{line}; of no company of it: {shown}{more}"


def _finding_lines(recording: Recording) -> list[str]:
    """One line per reason for which rows can't be read in full."""
    lines: list[str] = []
    for finding in recording.findings:
        is_dropped = isinstance(finding.problem, TimeProblem)
        what = "dropped" if is_dropped else "not whole"
        description = "without a readable time" if is_dropped else "of which only a part is read"
        lines.append(f"{what}: {quantity(finding.count, 'row')} {description}, first {finding.first}")
    return lines


def _reason_lines(what: str, reasons: dict[Reason, str], recording: Recording, normalised: Normalised) -> list[str]:
    """One line per reason for which the normaliser counts items."""
    positions: dict[Reason, list[int]] = {}
    for position, (item_reasons, _) in enumerate(normalised.results):
        for reason in item_reasons:
            positions.setdefault(reason, []).append(position)
    lines: list[str] = []
    for reason, description in reasons.items():
        if reason in positions:
            first = min(positions[reason], key=recording.rows.__getitem__)
            place = f"{recording.unit} {recording.rows[first]}"
            title = _shown_title(recording.headlines[first].title)
            lines.append(f"{what}: {quantity(len(positions[reason]), 'row')} {description}, first {place}: {title}")
    return lines


def _shown_title(title: str | None) -> str:
    text = title or ""
    return repr(text if len(text) <= _SHOWN_TITLE else f"{text[:_SHOWN_TITLE]}...")


def _instant(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _hours(hours: float) -> str:
    return f"{hours * 60:.0f} min" if hours < 1 else f"{hours:.1f} h"
