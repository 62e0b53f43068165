"""What all live feeds share: one visit's answer, the refusal of changed formats, and asking symbol by symbol."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic

from signals_pipeline.adapters.http_client.policy import TransientError
from signals_pipeline.core.news.feeds import Collection, NewsBatch, RawHeadline, SourceError, SourceReport
from signals_pipeline.core.windows import NEW_YORK

_GIVE_UP = 5  # failures in a row after which the other symbols are not asked any more
_LONGEST = 120.0  # seconds after which the other symbols are not asked any more


@dataclass(frozen=True, slots=True)
class Page:
    """What one call brought.

    Attributes:
        headlines: Items, the feed's order.
        cut: The feed shows only its newest items and there may have been more.
    """

    headlines: tuple[RawHeadline, ...]
    cut: bool = False

    def reach(self, start: datetime) -> datetime:
        """From when on everything is here: start, or the oldest item where older ones may have been cut off."""
        if not self.cut:
            return start
        dated = [one.published_at for one in self.headlines if one.published_at]
        return max(start, min(dated, default=start))


@dataclass
class Visit:
    """One visit to a feed while it is under way.

    Attributes:
        feed: Name of the adapter.
        start: Asked for everything since then.
        end: Asked for everything until then.
        headlines: What was delivered.
        failures: What could not be asked, one line each.
        whole_from: From when on everything was delivered, as far as known.
        whole_to: Until when.
        notes: For the operator.
        reach_note: What reaches back least, where something does not reach back to start.
    """

    feed: str
    start: datetime
    end: datetime
    headlines: list[RawHeadline] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)
    whole_from: datetime = field(init=False)
    whole_to: datetime = field(init=False)
    notes: list[str] = field(default_factory=list)
    reach_note: str = ""

    def __post_init__(self) -> None:
        if self.start.tzinfo is None or self.end.tzinfo is None:
            raise ValueError(f"{self.feed}: start and end need a timezone; got {self.start} and {self.end}")
        self.whole_from, self.whole_to = self.start, self.end

    def take(self, page: Page, name: str = "") -> None:
        """Add a call's answer; `name` says what was asked for where it reaches back less far than wanted."""
        self.headlines.extend(page.headlines)
        reach = page.reach(self.start)
        if reach > self.whole_from:
            self.whole_from = min(reach, self.whole_to)
            shown = f"{reach.astimezone(NEW_YORK):%a %H:%M} ET"
            self.reach_note = f"{name or 'the feed'} reaches back to {shown} only"

    def batch(self, calls: int) -> NewsBatch:
        """The visit's outcome; degraded where not everything was delivered."""
        broken = bool(self.failures)
        whole = not broken and self.whole_from <= self.start and self.whole_to >= self.end
        detail = "; ".join(filter(None, [*_short(self.failures), self.reach_note, *self.notes]))
        status = "ok" if whole else "degraded"
        collection = Collection(
            feed=self.feed,
            collected_at=self.end,
            asked_from=self.start,
            asked_to=self.end,
            status=status,
            fetched=len(self.headlines),
            whole_from=None if broken else self.whole_from,
            whole_to=None if broken else self.whole_to,
            calls=calls,
            detail=detail,
        )
        report = SourceReport(self.feed, status, len(self.headlines), detail, calls)
        return NewsBatch(tuple(self.headlines), (report,), (collection,))


def _short(failures: Sequence[str]) -> list[str]:
    more = f" and {len(failures) - 2} more" if len(failures) > 2 else ""
    return ["; ".join(failures[:2]) + more] if failures else []


def each_symbol(
    symbols: Sequence[str], ask: Callable[[str], Page], at_once: int
) -> Iterator[tuple[str, Page | SourceError]]:
    """Ask for each symbol, several at once; answers in the order of the symbols.

    After a few failures in a row, or two minutes, the rest is not asked any more: the vendor is down or has had enough.
    """
    outcomes: dict[str, Page | SourceError] = {}
    with ThreadPoolExecutor(at_once, thread_name_prefix="news") as pool:
        in_a_row = 0
        began = monotonic()

        def one(symbol: str) -> Page | SourceError:
            nonlocal in_a_row
            if in_a_row >= _GIVE_UP or monotonic() - began > _LONGEST:
                return SourceError("not asked any more")
            try:
                page = ask(symbol)
            except TransientError as error:
                in_a_row += 1
                return error.given_up()
            except SourceError as error:
                in_a_row += 1
                return error
            in_a_row = 0
            return page

        outcomes.update(zip(symbols, pool.map(one, symbols), strict=True))
    yield from outcomes.items()


def visit_symbols(visit: Visit, symbols: Sequence[str], ask: Callable[[str], Page], at_once: int) -> None:
    """Visit a feed that is asked symbol by symbol.

    Raises:
        SourceError: no symbol got an answer; the line is the first failure's.
    """
    transient = False
    for symbol, outcome in each_symbol(symbols, ask, at_once):
        if isinstance(outcome, Page):
            visit.take(outcome, symbol)
        else:
            visit.failures.append(f"{symbol}: {outcome}")
            transient |= outcome.transient
    if len(visit.failures) == len(symbols):
        raise SourceError(f"{visit.failures[0]} ({len(symbols)} of {len(symbols)} symbols)", transient=transient)


def refuse_drift(where: str, headlines: Sequence[RawHeadline]) -> None:
    """Refuse a delivery whose items mostly lack what every item has: the format has changed under us.

    Raises:
        SourceError: more than half of the items have no title, no link or no time that can be read.
    """
    named = {"title": "title", "url": "link", "published_at": "time of publication"}
    for attribute, name in named.items():
        missing = sum(not getattr(one, attribute) for one in headlines)
        if 2 * missing > len(headlines):
            raise SourceError(
                f"{where}: {missing} of {len(headlines)} items have no {name} where it used to be; its format has"
                " changed: update the adapter"
            )


def instant(text: object) -> datetime | None:
    """A time as feeds write it, RFC 2822 or ISO 8601, as UTC; None where it can't be read or names no zone."""
    value = str(text or "").strip()
    for read in (datetime.fromisoformat, parsedate_to_datetime):
        try:
            found = read(value)
            return found.astimezone(UTC) if found.tzinfo else None
        except (ValueError, OverflowError, IndexError):
            continue
    return None
