"""Visits to a vendor of earnings dates on both databases: what is first seen stays, and trouble is stored."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.earnings.live import MIN_SPACING, LiveEarnings
from signals_pipeline.adapters.earnings.yahoo import EarningsDelivery
from signals_pipeline.adapters.earnings.yahoo_calendar import Announcement
from signals_pipeline.adapters.prices.yahoo_chart import Problem, ProblemKind
from signals_pipeline.adapters.stores.circuit_breakers import CircuitBreakers
from signals_pipeline.adapters.stores.earnings import EarningsRepository
from signals_pipeline.adapters.stores.engine import read_transaction
from signals_pipeline.adapters.stores.tables import earnings_date, earnings_visit
from signals_pipeline.core.prices.earnings import ReportStatus, ReportTime

START = datetime(2026, 1, 5, 22, 31, tzinfo=UTC)
FIRST = Announcement(date(2026, 2, 5), ReportTime.AFTER_CLOSE)
MOVED = Announcement(date(2026, 2, 10), ReportTime.BEFORE_OPEN)
DOWN = Problem(ProblemKind.UNREADABLE, "HTTP 503", transient=True)


class Scripted:
    """A vendor that answers what it is told to; its requests are those of `YahooEarnings`, tested beside it."""

    name = "yahoo"

    def __init__(self) -> None:
        self.answers: dict[str, Announcement | Problem] = {}
        self.visits = 0

    def fetch(self, symbols: Sequence[str]) -> EarningsDelivery:
        self.visits += 1
        answers = {symbol: self.answers.get(symbol, Announcement()) for symbol in symbols}
        return EarningsDelivery(
            {symbol: each for symbol, each in answers.items() if isinstance(each, Announcement)},
            {symbol: each for symbol, each in answers.items() if isinstance(each, Problem)},
            len(symbols),
        )


class Desk:
    """A live source over a database, with a clock that a test sets."""

    def __init__(self, engine: Engine) -> None:
        self.now = START
        self.vendor = Scripted()
        self.engine = engine
        self.source = LiveEarnings(
            self.vendor, EarningsRepository(engine), CircuitBreakers(engine), now=lambda: self.now
        )

    def stored(self, table: sa.Table) -> list[tuple[object, ...]]:
        with read_transaction(self.engine) as connection:
            return [tuple(row) for row in connection.execute(sa.select(table).order_by(*table.primary_key.columns))]


def test_a_moved_date_is_a_further_row_and_one_that_stays_is_none(engine: Engine) -> None:
    desk = Desk(engine)
    desk.vendor.answers = {"AAA": FIRST}
    first = desk.source.collect(["AAA", "BBB"])
    assert (first.asked, first.answered, first.calls, first.problems) == (2, 2, 2, ())
    assert [row.symbol for row in first.changes] == ["AAA", "BBB"]
    before = desk.stored(earnings_date)

    desk.now += timedelta(hours=15)
    assert desk.source.collect(["AAA", "BBB"]).changes == ()
    assert desk.stored(earnings_date) == before

    desk.now += timedelta(hours=9)
    desk.vendor.answers = {"AAA": MOVED}
    (change,) = desk.source.collect(["AAA", "BBB"]).changes
    assert (change.day, change.time, change.first_seen_at) == (MOVED.day, MOVED.time, desk.now)
    assert set(before) < set(desk.stored(earnings_date))
    assert len(desk.stored(earnings_visit)) == 3

    calendar = desk.source.calendar(["AAA", "BBB"])
    assert calendar.next_report("AAA", desk.now).day == FIRST.day
    assert calendar.next_report("AAA", desk.now + timedelta(hours=1)).day == MOVED.day
    assert calendar.next_report("BBB", desk.now).status is ReportStatus.NONE
    assert calendar.next_report("CCC", desk.now).status is ReportStatus.UNKNOWN


def test_what_a_vendor_refuses_is_unknown_and_said(engine: Engine) -> None:
    desk = Desk(engine)
    desk.vendor.answers = {"AAA": FIRST} | {f"Z{number}": DOWN for number in range(5)}
    report = desk.source.collect([*desk.vendor.answers])
    assert (report.asked, report.answered) == (6, 1)
    assert report.problems[0] == "Z0: HTTP 503"
    soon = desk.now + timedelta(hours=1)
    calendar = desk.source.calendar([*desk.vendor.answers])
    assert calendar.unknown(["AAA", "Z0"], soon) == ("Z0",)
    assert calendar.trouble(soon) == (
        "yahoo gave no dates of 5 of 6 companies (Z0: HTTP 503; Z1: HTTP 503; Z2: HTTP 503; and 2 more)"
    )


def test_a_vendor_that_keeps_failing_is_left_alone_and_asked_again_later(engine: Engine) -> None:
    desk = Desk(engine)
    desk.vendor.answers = {"AAA": DOWN}
    for _ in range(3):
        desk.source.collect(["AAA"])
        desk.now += timedelta(seconds=1)
    assert desk.vendor.visits == 3
    skipped = desk.source.collect(["AAA"])
    assert desk.vendor.visits == 3
    assert skipped.problems == (
        "yahoo is left alone after failures: yahoo gave no dates of 1 of 1 companies (AAA: HTTP 503)",
    )
    assert desk.source.calendar(["AAA"]).trouble(desk.now + timedelta(seconds=1)) == skipped.problems[0]

    desk.now += timedelta(hours=7)
    desk.vendor.answers = {"AAA": FIRST}
    assert desk.source.collect(["AAA"]).problems == ()
    assert desk.source.calendar(["AAA"]).next_report("AAA", desk.now + timedelta(hours=1)).day == FIRST.day


def test_a_vendor_that_has_just_answered_is_not_asked_again(engine: Engine) -> None:
    desk = Desk(engine)
    desk.source.collect(["AAA"])
    desk.now += MIN_SPACING - timedelta(seconds=1)
    assert desk.source.collect(["AAA"]).problems == ("not asked: yahoo answered within the last 60 minutes",)
    assert (desk.vendor.visits, len(desk.stored(earnings_visit))) == (1, 1)
    desk.now += timedelta(seconds=1)
    desk.source.collect(["AAA"])
    assert desk.vendor.visits == 2


def test_a_clock_that_is_put_back_hides_no_row(engine: Engine) -> None:
    desk = Desk(engine)
    desk.vendor.answers = {"AAA": FIRST}
    desk.source.collect(["AAA"])
    desk.now -= timedelta(days=1)
    desk.vendor.answers = {"AAA": MOVED}
    (change,) = desk.source.collect(["AAA"]).changes
    assert change.first_seen_at == START + timedelta(microseconds=1)
    assert desk.source.calendar(["AAA"]).newest("AAA", START + timedelta(seconds=1)) == change
