"""What all live feeds share: the outcome of one fetch, fetching symbol by symbol, and the check of a feed's format.

The feeds are in `edgar`, `newsapi`, `rss` and `yahoo`; the archive that they fill is in `live`.
"""

import logging
import traceback
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from signals_pipeline.adapters.http_client.policy import RequestPolicy, TransientError
from signals_pipeline.adapters.news.instants import ACCEPTED_TIMES
from signals_pipeline.core.news.feeds import FeedVisit, NewsBatch, SourceError, SourceReport, SourceStatus
from signals_pipeline.core.news.normalisation import RawHeadline
from signals_pipeline.core.windows import NEW_YORK

_log = logging.getLogger(__name__)

# Consecutive failures after which the vendor is taken for down and the other symbols are skipped.
_MAX_CONSECUTIVE_FAILURES = 5

# Maximum length of a time that a message quotes.
_MAX_TIME_CHARACTERS = 40

# Failures that a report spells out; the others are counted.
_MAX_FAILURES_SHOWN = 2


@dataclass(frozen=True, slots=True)
class FetchedPage:
    """The items of one response.

    Attributes:
        headlines: Items in the feed's order.
        is_truncated: The feed shows only its newest items, and there may have been more.
        losses: What of the response could not be read, one line each.
    """

    headlines: tuple[RawHeadline, ...]
    is_truncated: bool = False
    losses: tuple[str, ...] = ()

    def complete_from(self, start: datetime) -> datetime:
        """Since when every item is here: start, or the oldest item's time where older ones may have been cut off."""
        if not self.is_truncated:
            return start
        published = [headline.published_at for headline in self.headlines if headline.published_at]
        return max(start, min(published, default=start))


@dataclass
class FeedFetch:
    """One fetch of a feed while it is in progress.

    Attributes:
        feed: Name of the adapter.
        start: Everything published since then was requested.
        end: ... and until then.
        headlines: What was delivered.
        failures: Requests that failed and parts of responses that could not be read, one line each.
        whole_from: Since when everything was delivered, as far as known.
        whole_to: Until when.
        notes: Lines for the operator.
        reach_note: Which request reaches back least far, where one does not reach back to start.
    """

    feed: str
    start: datetime
    end: datetime
    headlines: list[RawHeadline] = field(default_factory=list[RawHeadline])
    failures: list[str] = field(default_factory=list[str])
    whole_from: datetime = field(init=False)
    whole_to: datetime = field(init=False)
    notes: list[str] = field(default_factory=list[str])
    reach_note: str = ""

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError(f"{self.feed}: start and end need a timezone; got {self.start} and {self.end}")
        self.whole_from = self.start
        self.whole_to = self.end

    def add(self, page: FetchedPage, name: str = "") -> None:
        """Add the items of a response.

        Args:
            page: The items.
            name: What was requested, for the note where it does not reach back to start.
        """
        self.headlines.extend(page.headlines)
        self.failures.extend(f"{name}: {loss}" if name else loss for loss in page.losses)
        complete_from = page.complete_from(self.start)
        if complete_from > self.whole_from:
            self.whole_from = min(complete_from, self.whole_to)
            local_time = f"{complete_from.astimezone(NEW_YORK):%a %H:%M} ET"
            self.reach_note = f"{name or 'the feed'} reaches back to {local_time} only"

    def to_batch(self, calls: int) -> NewsBatch:
        """The outcome; `degraded` where not everything that was requested was delivered.

        Args:
            calls: Requests that were sent.
        """
        is_broken = bool(self.failures)
        is_whole = not is_broken and self.whole_from <= self.start and self.whole_to >= self.end
        status: SourceStatus = "ok" if is_whole else "degraded"

        details = [*_shortened(self.failures), self.reach_note, *self.notes]
        detail = "; ".join(text for text in details if text)

        collection = FeedVisit(
            feed=self.feed,
            collected_at=self.end,
            asked_from=self.start,
            asked_to=self.end,
            status=status,
            fetched=len(self.headlines),
            # After a failure, items may be missing anywhere.
            whole_from=None if is_broken else self.whole_from,
            whole_to=None if is_broken else self.whole_to,
            calls=calls,
            detail=detail,
        )
        report = SourceReport(self.feed, status, len(self.headlines), detail, calls)
        return NewsBatch(tuple(self.headlines), (report,), (collection,))


def _shortened(failures: Sequence[str]) -> list[str]:
    """The first failures and the number of the others, as lines."""
    shown = list(failures[:_MAX_FAILURES_SHOWN])
    if len(failures) > len(shown):
        shown[-1] += f" and {len(failures) - len(shown)} more"
    return shown


def fetch_symbols(
    fetch: FeedFetch, symbols: Sequence[str], fetch_page: Callable[[str], FetchedPage], policy: RequestPolicy
) -> None:
    """Fetch a feed that is requested symbol by symbol, several at the same time.

    After `_MAX_CONSECUTIVE_FAILURES`, or once the time of the fetch is up, the other symbols are skipped.

    Args:
        fetch: The fetch to which pages and failures are added, in the order of the symbols.
        symbols: The symbols.
        fetch_page: Fetches one symbol's page.
        policy: Of this fetch: how many symbols may be in progress at the same time, and for how long.

    Raises:
        SourceError: Every symbol failed; the message is that of the first one.
    """
    consecutive_failures = 0

    def fetch_symbol(symbol: str) -> FetchedPage | SourceError:
        # Threads may lose an update of the counter to each other; a few more requests do no harm.
        nonlocal consecutive_failures
        if consecutive_failures >= _MAX_CONSECUTIVE_FAILURES:
            return SourceError(f"skipped after {_MAX_CONSECUTIVE_FAILURES} consecutive failures")
        if policy.seconds_left <= 0:
            return SourceError(f"skipped after {policy.fetch_seconds:g} s")
        try:
            page = fetch_page(symbol)
        except TransientError as error:
            consecutive_failures += 1
            return error.to_source_error()
        except SourceError as error:
            consecutive_failures += 1
            return error
        except Exception as error:  # noqa: BLE001 - one symbol's failure, logged with its traceback
            consecutive_failures += 1
            return unexpected_failure(f"{fetch.feed}: {symbol}", error)
        consecutive_failures = 0
        return page

    with ThreadPoolExecutor(policy.concurrency, thread_name_prefix="news") as pool:
        outcomes = list(pool.map(fetch_symbol, symbols))

    failed: list[SourceError] = []
    for symbol, outcome in zip(symbols, outcomes, strict=True):
        if isinstance(outcome, FetchedPage):
            fetch.add(outcome, symbol)
        else:
            fetch.failures.append(f"{symbol}: {outcome}")
            failed.append(outcome)
    if len(failed) == len(symbols):
        is_transient = any(error.transient for error in failed)
        raise SourceError(f"{fetch.failures[0]} ({len(symbols)} of {len(symbols)} symbols)", transient=is_transient)


def unexpected_failure(name: str, error: Exception) -> SourceError:
    """An exception that nobody foresaw as the failure of the feed or symbol in which it was raised; it is logged.

    Neither the line nor the log has the exception's own text, which may quote an address with its key.

    Args:
        name: Name of the feed or symbol.
        error: The exception.
    """
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{Path(frames[-1].filename).name} line {frames[-1].lineno}" if frames else "unknown place"
    line = f"unexpected {type(error).__name__} in {place}; its traceback is in the log"
    _log.error("%s: %s\n%s", name, line, "".join(traceback.format_list(frames)))
    return SourceError(line)


def check_format(location: str, headlines: Sequence[RawHeadline], times: Sequence[object] = ()) -> tuple[str, ...]:
    """Check that items have what a feed's items have.

    Args:
        location: Host and path, for the message.
        headlines: The items.
        times: Their times of publication as written.

    Returns:
        A line about the items whose time can't be read, if there are any.

    Raises:
        SourceError: More than half of the items have no title, no link, or no time that can be read.
    """
    total = len(headlines)
    undated = sum(not headline.published_at for headline in headlines)
    # The first time that can't be read; shortened, since it may be anything.
    unreadable = [
        str(time) for time, headline in zip(times, headlines, strict=False) if time and not headline.published_at
    ]
    example = repr(unreadable[0][:_MAX_TIME_CHARACTERS]) if unreadable else ""
    if 2 * undated > total and example:
        raise SourceError(
            f"{location}: {undated} of {total} items have a time that can't be read, such as {example}; accepted:"
            f" {ACCEPTED_TIMES}"
        )

    missing_counts = {
        "title": sum(not headline.title for headline in headlines),
        "link": sum(not headline.url for headline in headlines),
        "time of publication": undated,
    }
    for name, missing in missing_counts.items():
        if 2 * missing > total:
            raise SourceError(
                f"{location}: {missing} of {total} items have no {name} where it used to be; its format has changed:"
                " update signals_pipeline"
            )
    if not undated:
        return ()
    return (f"{undated} of {total} items without a readable time" + (f", such as {example}" if example else ""),)
