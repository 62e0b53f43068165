"""The evidence of each window: which headlines it may use, the story each belongs to, and the words about each company.

Copies of one headline stay apart until `build`, which merges the copies known at a window's `as_of`: a tag or a link
that arrived later cannot leak into an earlier window. Where a publisher edited or withdrew a text behind a link, what
was known before `as_of` decides which version counts (`TextVersions`). Cleaning is done before, in
`core.news.normalisation`; stories are found by `core.news.stories`, companies by `core.linking`.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from signals_pipeline.core.arrays import BoolArray
from signals_pipeline.core.chunks import MapChunks, chunked, map_serially
from signals_pipeline.core.linking.clauses import NO_TONE_REASONS
from signals_pipeline.core.linking.gazetteer import Gazetteer
from signals_pipeline.core.linking.linker import link, with_company_text
from signals_pipeline.core.news.normalisation import ORDER
from signals_pipeline.core.news.stories import NOVELTY, STORY_HOURS, Timeline, WindowStories
from signals_pipeline.core.sentiment.events import assign_events
from signals_pipeline.core.tables import HEADLINES, concat
from signals_pipeline.core.watchlist import Watchlist
from signals_pipeline.core.windows import Window, evidence_interval


@dataclass(frozen=True, slots=True)
class TextVersion:
    """One copy of an item.

    Attributes:
        known_at: When it became known, aware UTC.
        text: Its text, casefolded; empty for a withdrawal.
        recorded: Whether a collector recorded when it first saw the copy.
    """

    known_at: datetime
    text: str
    recorded: bool


@dataclass(frozen=True, eq=False, slots=True)
class TextVersions:
    """The copies behind every link that has had more than one text, oldest first."""

    by_url: Mapping[str, tuple[TextVersion, ...]]

    @classmethod
    def from_copies(cls, copies: pd.DataFrame) -> Self:
        """Gather the copies behind each link.

        Args:
            copies: Columns url, text, known_at and reconstructed, in any order; rows without a link are left out.
        """
        with_url = copies.loc[copies["url"] != "", ["url", "text", "known_at", "reconstructed"]]
        casefolded = with_url["text"].str.casefold()
        text_count = casefolded.groupby(with_url["url"]).transform("nunique")
        changed = with_url.assign(text=casefolded)[text_count > 1]

        versions: dict[str, list[TextVersion]] = defaultdict(list)
        for url, text, known_at, reconstructed in changed.itertuples(index=False):
            versions[url].append(TextVersion(known_at.to_pydatetime(), text, not reconstructed))

        by_url: dict[str, tuple[TextVersion, ...]] = {}
        for url, url_versions in versions.items():
            by_url[url] = tuple(sorted(url_versions, key=lambda version: version.known_at))
        return cls(by_url)

    def replaced(self, url: str, text: str, as_of: datetime) -> bool:
        """Whether another text took the place of this one before `as_of`.

        That is so where a copy of the other text became known after the last copy of this one, and a collector
        recorded when. Without such a record, two texts behind one link are two posts that share it.
        """
        visible = [version for version in self.by_url.get(url, ()) if version.known_at < as_of]
        same_text = [version for version in visible if version.text == text.casefold()]
        if not same_text:
            return False
        last_known_at = same_text[-1].known_at
        return any(version.recorded and version.known_at > last_known_at for version in visible)

    def replaced_rows(
        self,
        rows: pd.DataFrame,
        as_of: npt.NDArray[np.datetime64],
    ) -> BoolArray:
        """`replaced` for many rows.

        Args:
            rows: Columns url and text.
            as_of: The instant of each row, datetime64[us], UTC, shape (rows,).

        Returns:
            One flag per row, shape (rows,).
        """
        replaced = np.zeros(len(rows), dtype=bool)
        urls, texts = rows["url"].to_numpy(), rows["text"].to_numpy()
        instants = pd.DatetimeIndex(as_of).tz_localize("UTC")
        # Few links ever change their text: only their rows are looked at one by one.
        for position in np.flatnonzero(rows["url"].isin(list(self.by_url))):
            instant = instants[int(position)].to_pydatetime()
            replaced[position] = self.replaced(urls[position], texts[position], instant)
        return replaced


# Windows per chunk of work. The 72 hours before a chunk's first window are linked again for it: two days in a month.
WINDOWS_A_SHARE = 40

# A headline published more than this before it was first seen is archive material (NEWS_MAX_AGE_DAYS).
MAX_AGE = timedelta(days=3)

# Why archive material carries no tone, as counted for the operator.
ARCHIVE = "archive"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_Share = tuple[pd.DataFrame, Sequence[Window]]


def news_interval(
    windows: Sequence[Window],
    *,
    lookback_hours: float,
    strict: bool,
) -> tuple[datetime, datetime]:
    """The half-open interval of known_at that these windows' evidence and its stories are read from.

    Raises:
        ValueError: there are no windows.
    """
    starts = [_visible_from(window, lookback_hours=lookback_hours, strict=strict) for window in windows]
    ends = [window.as_of for window in windows]
    return min(starts), max(ends)


def build_evidence(
    items: pd.DataFrame,
    watchlist: Watchlist,
    windows: Sequence[Window],
    *,
    lookback_hours: float,
    strict: bool,
    gazetteer: Gazetteer | None = None,
    max_age: timedelta = MAX_AGE,
    map_chunks: MapChunks = map_serially,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """The evidence of each window, cut to the words that speak of each company.

    Args:
        items: `normalisation.Normalised.items`, by known_at; they must cover `news_interval(windows)`.
        watchlist: The companies to look for.
        windows: Consecutive windows, oldest first.
        lookback_hours: NEWS_LOOKBACK_HOURS.
        strict: NEWS_STRICT_LOOKBACK.
        gazetteer: The companies off the watchlist that may be a headline's subject.
        max_age: NEWS_MAX_AGE_DAYS.
        map_chunks: Where the chunks of work are done; a window's rows are the same whichever others are in its chunk.

    Returns:
        HEADLINES rows, and the number of rows without tone by reason, every reason of `NO_TONE_REASONS` and `archive`
        present.
    """
    # Each chunk of windows takes only the items that its windows may see.
    parts = chunked(windows, WINDOWS_A_SHARE)
    known_at = items["known_at"]
    shares: list[_Share] = []
    for part in parts:
        first, last = news_interval(part, lookback_hours=lookback_hours, strict=strict)
        begin = int(known_at.searchsorted(pd.Timestamp(first)))
        end = int(known_at.searchsorted(pd.Timestamp(last)))
        visible = items.iloc[begin:end].reset_index(drop=True)
        shares.append((visible, part))

    work = partial(
        _share_evidence,
        watchlist=watchlist,
        gazetteer=gazetteer,
        lookback_hours=lookback_hours,
        strict=strict,
        max_age=max_age,
    )
    results = map_chunks(work, shares, sizes=[len(part) for part in parts], unit="windows")

    frames = [frame for frame, _ in results]
    without_tone: Counter[str] = Counter()
    for _, counts in results:
        without_tone.update(counts)
    return concat(HEADLINES, frames), dict(without_tone)


def build(
    linked: pd.DataFrame,
    windows: Sequence[Window],
    *,
    watchlist: Watchlist,
    lookback_hours: float,
    strict: bool,
) -> pd.DataFrame:
    """The evidence of each window: one row per headline and company, with its story as known at `as_of`.

    A window sees the copies known in [as_of - 72 h, as_of), or from the start of its evidence where that is earlier.
    The copies of one headline are merged: the first gives headline_id, and a company's row is the first copy that links
    it. A text that was edited or withdrawn before as_of is no evidence any more, but its story still counts as
    reported; a withdrawal is a row without text. The rows of one window are the same whichever other windows are asked
    for, and whatever becomes known later.

    Args:
        linked: As from `linker.link`; it must cover `news_interval(windows)`.
        windows: In any order, without duplicates.
        watchlist: The companies; their names say nothing about their events.
        lookback_hours: NEWS_LOOKBACK_HOURS.
        strict: NEWS_STRICT_LOOKBACK.

    Returns:
        HEADLINES rows; story_id is the headline_id of the story's first visible member.
    """
    if not windows:
        return HEADLINES.empty()
    first, last = news_interval(windows, lookback_hours=lookback_hours, strict=strict)
    visible = linked[(linked["known_at"] >= first) & (linked["known_at"] < last)]
    ordered = visible.sort_values([*ORDER, "symbol", "relevance"], ignore_index=True)

    timeline = Timeline(ordered, watchlist)
    stories: list[WindowStories] = []
    for window in windows:
        visible_from = _visible_from(window, lookback_hours=lookback_hours, strict=strict)
        evidence_from, _ = evidence_interval(window, lookback_hours=lookback_hours, strict=strict)
        stories.append(
            timeline.window_stories(
                visible_from=_microseconds(visible_from),
                evidence_from=_microseconds(evidence_from),
                start=_microseconds(window.start),
                end=_microseconds(window.as_of),
            )
        )
    return HEADLINES.conform(_evidence_rows(ordered, windows, stories))


def _share_evidence(
    share: _Share,
    *,
    watchlist: Watchlist,
    gazetteer: Gazetteer | None,
    lookback_hours: float,
    strict: bool,
    max_age: timedelta,
) -> tuple[pd.DataFrame, dict[str, int]]:
    """`build_evidence` of one chunk; module-level, so that it can be pickled for a worker process."""
    items, windows = share
    linked = link(items, watchlist, gazetteer)
    built = build(linked, windows, watchlist=watchlist, lookback_hours=lookback_hours, strict=strict)
    evidence = without_archive_tone(built, max_age)
    reasons = evidence.loc[evidence["reason"] != "", "reason"].value_counts()
    without_tone = {reason: int(reasons.get(reason, 0)) for reason in (*NO_TONE_REASONS, ARCHIVE)}
    return assign_events(evidence), without_tone


def without_archive_tone(headlines: pd.DataFrame, max_age: timedelta) -> pd.DataFrame:
    """Take the tone from archive material: headlines published more than `max_age` before they were first seen.

    Feeds list old articles again, and a collector that is new sees them all. They stay in the evidence and count.

    Args:
        headlines: HEADLINES rows.
        max_age: NEWS_MAX_AGE_DAYS.

    Returns:
        The rows, those of archive material that are about a company without text and with the reason `archive`.
    """
    is_old = (headlines["known_at"] - headlines["published_at"] > max_age).to_numpy(dtype=bool)
    loses_tone = is_old & (headlines["text"] != "").to_numpy() & (headlines["relevance"] > 0).to_numpy()
    return headlines.assign(
        text=headlines["text"].mask(loses_tone, ""),
        span=headlines["span"].mask(loses_tone, ""),
        reason=headlines["reason"].mask(loses_tone, ARCHIVE),
    )


def _visible_from(window: Window, *, lookback_hours: float, strict: bool) -> datetime:
    """From when on a window sees copies: far enough back for its evidence and for the stories that it continues."""
    evidence_from, as_of = evidence_interval(window, lookback_hours=lookback_hours, strict=strict)
    stories_from = as_of - timedelta(hours=STORY_HOURS)
    return min(evidence_from, stories_from)


def _evidence_rows(
    ordered: pd.DataFrame,
    windows: Sequence[Window],
    stories: Sequence[WindowStories],
) -> pd.DataFrame:
    """The windows' rows of the timeline with their columns about headline, story and window."""
    # All windows' rows one after the other, each with its window's start and end.
    row_counts = [len(window_stories.row) for window_stories in stories]
    starts = np.array([_microseconds(window.start) for window in windows]).view("datetime64[us]")
    ends = np.array([_microseconds(window.as_of) for window in windows]).view("datetime64[us]")
    row = np.concatenate([window_stories.row for window_stories in stories])
    headline = np.concatenate([window_stories.headline for window_stories in stories])
    story = np.concatenate([window_stories.story for window_stories in stories])
    member = np.concatenate([window_stories.member for window_stories in stories])
    already_reported = np.concatenate([window_stories.already_reported for window_stories in stories])

    # A template repeated 2,500 times underflows to 0; novelty stays above it.
    smallest = np.finfo(np.float64).tiny
    headline_ids = ordered["headline_id"].to_numpy()
    rows = ordered.iloc[row].assign(
        window_start=pd.DatetimeIndex(np.repeat(starts, row_counts), tz=UTC),
        headline_id=headline_ids[headline],
        story_id=headline_ids[story],
        member=member,
        novelty=np.maximum(NOVELTY**member, smallest),
        told=already_reported,
        event="",
    )

    # Only now are texts that were edited or withdrawn dropped: their stories were needed for the numbers above.
    replaced = TextVersions.from_copies(ordered).replaced_rows(rows, np.repeat(ends, row_counts))
    return with_company_text(rows[~replaced])


def _microseconds(instant: datetime) -> int:
    """Microseconds since 1970 UTC."""
    return (instant - _EPOCH) // timedelta(microseconds=1)
