"""Live news from feeds through the archive: windows read the same for ever, no item is lost, none is told twice."""

import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.http_client.policy import RequestPolicy
from signals_pipeline.adapters.news.fetch import FeedFetch, FetchedPage, fetch_symbols
from signals_pipeline.adapters.stores.engine import write_transaction
from signals_pipeline.core.news.feeds import NewsBatch, SourceError
from signals_pipeline.core.news.normalisation import normalise
from signals_pipeline.core.windows import window_for_key
from signals_pipeline_tests.support.live_pipeline import (
    DAY,
    HOUR,
    MORNING,
    NIGHT,
    SECONDS,
    LivePipeline,
    statuses,
    titles,
)
from signals_pipeline_tests.support.scripted_feeds import Aired, Tape, item, on_time


def test_what_was_published_in_a_window_belongs_to_it_although_it_is_collected_after_it(engine: Engine) -> None:
    pipeline = LivePipeline(
        engine, Tape("one", [on_time(MORNING.end - HOUR, "before"), on_time(DAY.end - HOUR, "in it")])
    )
    assert titles(pipeline.run(MORNING), MORNING) == ["before"]
    assert titles(pipeline.run(DAY), DAY) == ["in it"]
    assert pipeline.news.name == "live"
    assert pipeline.news.warnings == ("mind",)


def test_what_reaches_the_feed_late_falls_into_the_running_window(engine: Engine) -> None:
    late = Aired(item(MORNING.end - 2 * HOUR, "late"), DAY.start + 3 * HOUR)
    pipeline = LivePipeline(engine, Tape("one", [late]))
    assert titles(pipeline.run(MORNING), MORNING) == []
    batch = pipeline.run(DAY)
    assert titles(batch, DAY) == ["late"]
    (one,) = [one for one in batch.headlines if one.title == "late"]
    assert one.first_seen_at == MORNING.end + SECONDS


def test_the_first_round_s_items_are_reconstructed_and_later_ones_are_not(engine: Engine) -> None:
    pipeline = LivePipeline(
        engine, Tape("one", [on_time(MORNING.end - HOUR, "before"), on_time(DAY.end - HOUR, "in it")])
    )
    first, second = pipeline.run(MORNING), pipeline.run(DAY)
    assert list(normalise(first.headlines).items["reconstructed"]) == [True]
    assert list(normalise(second.headlines).items["reconstructed"]) == [True, False]


def test_a_window_that_is_run_again_asks_nobody_and_reads_and_reports_the_same(engine: Engine) -> None:
    tape = Tape("one", [on_time(MORNING.end - HOUR, "a"), on_time(DAY.end - HOUR, "b")])
    down = Tape("two", down="two: HTTP 500")
    pipeline = LivePipeline(engine, tape, down)
    first = pipeline.run(MORNING)
    assert statuses(first) == {"one": "ok", "two": "failed"}
    down.down = ""
    down.aired = [on_time(MORNING.end - HOUR, "of two", "two")]
    pipeline.run(DAY)
    again = pipeline.run(MORNING, late=20 * HOUR)
    assert (again.headlines, again.reports) == (first.headlines, first.reports)
    assert len(tape.asked) == 2


def test_one_feed_down_the_run_goes_on_and_what_it_missed_comes_with_the_next_window(engine: Engine) -> None:
    flaky = Tape("two", [on_time(DAY.start - HOUR, "b", "two")])
    pipeline = LivePipeline(engine, Tape("one", [on_time(MORNING.end - HOUR, "a")]), flaky)
    pipeline.run(window_for_key("2026-03-03-08:30"))
    flaky.down = "two: HTTP 500"
    batch = pipeline.run(MORNING)
    assert statuses(batch)["two"] in {"failed", "degraded"}
    assert "HTTP 500" in batch.reports[1].detail
    assert titles(batch, MORNING) == ["a"]
    flaky.down = ""
    assert titles(pipeline.run(DAY), DAY) == ["b"]
    assert flaky.asked[-1][0] < MORNING.start + HOUR  # asked for all that it never delivered


def test_all_feeds_down_is_one_line_and_the_next_window_covers_the_gap(engine: Engine) -> None:
    tapes = [Tape(name, [on_time(DAY.start + HOUR, f"of {name}", name)]) for name in ("one", "two")]
    for tape in tapes:
        tape.down = f"{tape.name}:\nHTTP 401"
    pipeline = LivePipeline(engine, *tapes)
    with pytest.raises(SourceError) as refused:
        pipeline.run(DAY)
    assert str(refused.value) == (
        "news: every feed failed (one: one: HTTP 401; two: two: HTTP 401); the next window covers the gap"
    )
    for tape in tapes:
        tape.down = ""
    batch = pipeline.run(NIGHT)
    assert sorted(str(title) for title in titles(batch, DAY)) == ["of one", "of two"]
    assert statuses(batch) == {"one": "ok", "two": "ok"}


def test_the_same_title_of_one_publisher_behind_another_link_is_not_delivered_again(engine: Engine) -> None:
    at = MORNING.end - HOUR
    first = on_time(at, "Acme wins", url="https://n.example/1")
    again = Aired(item(at, "Acme wins", url="https://n.example/1?id=2"), DAY.start + 3 * HOUR)
    pipeline = LivePipeline(engine, Tape("one", [first, again]))
    pipeline.run(MORNING)
    assert titles(pipeline.run(DAY), DAY) == []


def test_the_same_item_from_two_feeds_is_one(engine: Engine) -> None:
    at = DAY.start + HOUR
    one = on_time(at, "Acme wins", url="https://n.example/1?utm_source=a", tags=("ACME",))
    same_link = on_time(at + HOUR, "Acme wins - Wire", "two", url="https://n.example/1", tags=("XOM",))
    same_title = on_time(at + HOUR, "ACME wins", "two", url="https://other.example/9")
    pipeline = LivePipeline(engine, Tape("one", [one]), Tape("two", [same_link, same_title]))
    batch = pipeline.run(DAY)
    kept = [(each.title, each.tags, each.known_at) for each in batch.headlines]
    assert kept == [("Acme wins", ("ACME", "XOM"), at)]
    normalised = normalise(batch.headlines)
    assert (normalised.items["headline_id"].nunique(), normalised.drops["duplicate"]) == (1, 0)


def test_an_edit_is_read_with_the_window_in_which_it_was_made(engine: Engine) -> None:
    first = on_time(MORNING.end - HOUR, "Acme wins", url="https://n.example/1")
    tape = Tape("one", [first])
    pipeline = LivePipeline(engine, tape)
    before = pipeline.run(MORNING)
    tape.aired = [replace(first, headline=replace(first.headline, title="Acme loses"))]
    assert titles(pipeline.run(DAY), DAY) == ["Acme loses"]
    assert pipeline.run(MORNING).headlines == before.headlines


def test_an_edit_found_long_after_a_window_does_not_enter_it(engine: Engine) -> None:
    first = on_time(MORNING.end - HOUR, "Acme wins", url="https://n.example/1")
    tape = Tape("one", [first])
    pipeline = LivePipeline(engine, tape)
    pipeline.run(MORNING)
    tape.aired = [replace(first, headline=replace(first.headline, title="Acme loses"))]
    assert titles(pipeline.run(DAY, late=4 * HOUR), DAY) == []
    assert titles(pipeline.run(NIGHT), NIGHT) == ["Acme loses"]


def test_what_is_dated_in_the_future_waits_and_is_said(engine: Engine) -> None:
    ahead = Aired(item(NIGHT.start + HOUR, "ahead"), DAY.start + HOUR)
    pipeline = LivePipeline(engine, Tape("one", [ahead]))
    batch = pipeline.run(DAY)
    assert batch.headlines == ()
    assert "1 dated in the future, held back until then" in batch.reports[0].detail
    assert titles(pipeline.run(NIGHT), NIGHT) == ["ahead"]


def test_an_item_without_a_time_is_delivered_once_to_be_counted(engine: Engine) -> None:
    pipeline = LivePipeline(engine, Tape("one", [Aired(item(None, "undated"), DAY.start + HOUR)]))
    pipeline.run(MORNING)
    assert normalise(pipeline.run(DAY).headlines).drops["no_time"] == 1
    assert [one.title for one in pipeline.run(NIGHT, back=NIGHT.end - NIGHT.start).headlines] == []


def test_a_feed_that_shows_only_its_newest_items_is_degraded_by_what_may_be_missing(engine: Engine) -> None:
    busy = Tape("one", [on_time(DAY.end - timedelta(minutes=at), f"item {at}") for at in range(1, 400)], newest=60)
    pipeline = LivePipeline(engine, busy)
    pipeline.run(MORNING)
    batch = pipeline.run(DAY, back=DAY.end - DAY.start)
    (report,) = batch.reports
    assert report.status == "degraded"
    assert report.detail == "the feed reaches back to Wed 16:30 ET only; 480 of 540 min may be incomplete"


def test_a_feed_that_is_added_later_brings_no_backlog(engine: Engine) -> None:
    old = [on_time(MORNING.start + HOUR, "old", "two"), on_time(DAY.start + HOUR, "new", "two")]
    one = Tape("one", [on_time(MORNING.start + HOUR, "of one")])
    LivePipeline(engine, one).run(MORNING)
    pipeline = LivePipeline(engine, one, Tape("two", old))
    batch = pipeline.run(DAY)
    assert titles(batch, DAY) == ["new"]
    assert "1 published before this feed was added, left out" in batch.reports[1].detail
    assert statuses(pipeline.news.fetch(DAY.start + SECONDS, DAY.end)) == {"one": "ok", "two": "ok"}


class Archive(Tape):
    """A feed that can be asked for the past."""

    @property
    def reach(self) -> timedelta:
        return timedelta(days=30)


def test_the_past_is_asked_of_feeds_that_reach_back_and_once(engine: Engine) -> None:
    past = window_for_key("2026-02-10-08:30")
    deep = Archive("deep", [on_time(past.start + HOUR, "past", "deep"), on_time(DAY.start + HOUR, "now", "deep")])
    shallow = Tape("one", [on_time(DAY.start + HOUR, "of one")])
    pipeline = LivePipeline(engine, deep, shallow)
    live = pipeline.run(DAY)
    pipeline.now = NIGHT.start + HOUR
    batch = pipeline.news.fetch(past.end - 72 * HOUR, past.end)
    assert titles(batch, past) == ["past"]
    assert statuses(batch) == {"deep": "ok"}
    assert normalise(batch.headlines).items["reconstructed"].all()
    again = pipeline.news.fetch(past.end - 72 * HOUR, past.end)
    assert (again.headlines, again.reports) == (batch.headlines, batch.reports)
    assert (len(deep.asked), len(shallow.asked)) == (2, 1)
    assert pipeline.run(DAY).headlines == live.headlines


@contextmanager
def losing_titles_with(word: str, engine: Engine) -> Iterator[None]:
    """A database that drops each headline with this word in its title, and reports its INSERT as a success."""
    before_insert = "CREATE TRIGGER losing BEFORE INSERT ON headline_item"
    if engine.dialect.name == "sqlite":
        statements = [f"{before_insert} WHEN instr(NEW.title, '{word}') BEGIN SELECT RAISE(IGNORE); END"]
        restore = ["DROP TRIGGER losing"]
    else:
        body = f"BEGIN IF strpos(NEW.title, '{word}') > 0 THEN RETURN NULL; END IF; RETURN NEW; END"
        statements = [
            f"CREATE FUNCTION losing() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
            f"{before_insert} FOR EACH ROW EXECUTE FUNCTION losing()",
        ]
        restore = ["DROP TRIGGER losing ON headline_item", "DROP FUNCTION losing"]
    _execute(engine, statements)
    yield
    _execute(engine, restore)


def _execute(engine: Engine, statements: Sequence[str]) -> None:
    with write_transaction(engine) as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


LOST = "2 of 4 items neither stored nor left out for a reason; report this as a bug"


def test_items_that_the_archive_does_not_have_afterwards_degrade_their_feed_which_is_asked_again(
    engine: Engine,
) -> None:
    aired = [on_time(MORNING.end - hours * HOUR, f"{'odd' if hours % 2 else 'even'} {hours}") for hours in range(1, 5)]
    tape, other = Tape("one", aired), Tape("two", [on_time(MORNING.end - HOUR, "of two", "two")])
    pipeline = LivePipeline(engine, tape, other)
    pipeline.run(window_for_key("2026-03-03-08:30"))
    with losing_titles_with("odd", engine):
        batch = pipeline.run(MORNING)
    assert statuses(batch) == {"one": "degraded", "two": "ok"}
    assert batch.reports[0].detail.startswith(f"{LOST}; ")
    assert "may be incomplete" in batch.reports[0].detail
    assert titles(batch, MORNING) == ["even 4", "even 2", "of two"]
    assert [report.lost for report in batch.reports] == [2, 0]

    later = pipeline.run(DAY)
    assert tape.asked[2][0] == tape.asked[1][0]
    assert sorted(str(title) for title in titles(later, DAY)) == ["odd 1", "odd 3"]
    assert LOST not in later.reports[0].detail
    assert [report.lost for report in later.reports] == [0, 0]
    # The window that was served without them stays one that lost them.
    assert [report.lost for report in pipeline.news.fetch(MORNING.start, MORNING.end).reports] == [2, 0]


def test_an_edit_that_the_archive_does_not_have_afterwards_degrades_its_feed(engine: Engine) -> None:
    at = MORNING.end - HOUR
    edit = Aired(item(at, "Acme wins, really", url="https://n.example/1"), DAY.start + HOUR)
    pipeline = LivePipeline(engine, Tape("one", [on_time(at, "Acme wins", url="https://n.example/1"), edit]))
    pipeline.run(MORNING)
    with losing_titles_with("really", engine):
        batch = pipeline.run(DAY)
    assert "items neither stored nor left out for a reason" in batch.reports[0].detail
    assert statuses(batch) == {"one": "degraded"}


def test_items_of_the_past_that_the_archive_does_not_have_afterwards_degrade_their_feed(engine: Engine) -> None:
    past = window_for_key("2026-02-10-08:30")
    deep = Archive("deep")
    pipeline = LivePipeline(engine, deep)
    pipeline.run(DAY)
    deep.aired = [on_time(past.start + hours * HOUR, f"past {hours}", "deep") for hours in (1, 2)]
    pipeline.now = NIGHT.start + HOUR
    with losing_titles_with("past 1", engine):
        batch = pipeline.news.fetch(past.end - 72 * HOUR, past.end)
    assert titles(batch, past) == ["past 2"]
    assert statuses(batch) == {"deep": "degraded"}
    assert "1 of 2 items neither stored nor left out for a reason" in batch.reports[0].detail


class Miscounting(Tape):
    """Reports two items more than it hands on."""

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        batch = super().fetch(start, end)
        (visit,) = batch.collections
        return replace(batch, collections=(replace(visit, fetched=visit.fetched + 2),))


def test_items_that_a_visit_counts_and_does_not_hand_on_degrade_its_feed(engine: Engine) -> None:
    aired = [on_time(MORNING.end - hours * HOUR, f"item {hours}") for hours in (1, 2)]
    batch = LivePipeline(engine, Miscounting("one", aired)).run(MORNING)
    assert statuses(batch) == {"one": "degraded"}
    assert batch.reports[0].detail.startswith(LOST)


def test_a_past_that_nobody_reaches_is_one_line(engine: Engine) -> None:
    pipeline = LivePipeline(engine, Tape("one", [on_time(DAY.start + HOUR, "now")]))
    pipeline.run(DAY)
    with pytest.raises(SourceError, match="nothing was collected between 2026-01-04 13:30 and 2026-01-07 13:30 UTC"):
        pipeline.news.fetch(datetime(2026, 1, 4, 13, 30, tzinfo=UTC), datetime(2026, 1, 7, 13, 30, tzinfo=UTC))


def test_a_feed_that_keeps_failing_is_left_alone_for_a_while(engine: Engine) -> None:
    bad = Tape("two", down="two: HTTP 500")
    pipeline = LivePipeline(engine, Tape("one", [on_time(DAY.start, "a")]), bad)
    batches = []
    for minutes in range(4):
        pipeline.now = DAY.start + timedelta(minutes=minutes)
        batches.append(pipeline.news.fetch(DAY.start - HOUR, pipeline.now))
    assert len(bad.asked) == 3
    assert "skipped until 13:42 UTC after 3 consecutive failures: two: HTTP 500" in batches[-1].reports[1].detail


def test_a_window_needs_a_timezone(engine: Engine) -> None:
    with pytest.raises(ValueError, match="live: start and end need a timezone"):
        LivePipeline(engine, Tape("one")).news.fetch(datetime(2026, 1, 1), DAY.end)  # noqa: DTZ001


class Broken(Tape):
    """A feed with a bug, whose exception quotes an address with a key."""

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:  # noqa: ARG002
        address = "?token=" + "planted"
        raise KeyError(address)


def test_whatever_a_feed_raises_is_its_own_failure(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    pipeline = LivePipeline(engine, Broken("two"), Tape("one", [on_time(DAY.start + HOUR, "a")]))
    batch = pipeline.run(DAY)
    assert statuses(batch) == {"two": "failed", "one": "ok"}
    assert titles(batch, DAY) == ["a"]
    detail = batch.reports[0].detail
    assert re.fullmatch(r"unexpected KeyError in test_live\.py line \d+; its traceback is in the log", detail)
    (record,) = caplog.records
    assert "test_live.py" in record.getMessage()
    assert "raise KeyError" in record.getMessage()
    assert "?token=planted" not in caplog.text


class Hanging(Tape):
    """A feed that waits for something that has no time limit of its own, until the test is over."""

    over: threading.Event

    def fetch(self, start: datetime, end: datetime) -> NewsBatch:
        self.over.wait()
        return super().fetch(start, end)


def test_a_feed_without_an_end_fails_alone_once_its_time_is_up(engine: Engine) -> None:
    hanging = Hanging("two")
    hanging.over = threading.Event()
    pipeline = LivePipeline(engine, hanging, Tape("one", [on_time(DAY.start + HOUR, "a")]), feed_seconds=0.5)
    batch = pipeline.run(DAY)
    hanging.over.set()
    assert statuses(batch) == {"two": "failed", "one": "ok"}
    assert batch.reports[0].detail == "two: no result after 0.5 s"
    assert titles(batch, DAY) == ["a"]


def test_one_symbols_bug_is_that_symbols_failure() -> None:
    def fetch_page(symbol: str) -> FetchedPage:
        if symbol == "B":
            raise RecursionError(symbol)
        return FetchedPage((item(DAY.start, symbol),))

    fetch = FeedFetch("one", DAY.start, DAY.end)
    fetch_symbols(fetch, ["A", "B", "C"], fetch_page, RequestPolicy())
    assert [headline.title for headline in fetch.headlines] == ["A", "C"]
    (failure,) = fetch.failures
    assert failure.startswith("B: unexpected RecursionError in test_live.py line ")


def test_symbols_that_are_left_when_the_time_is_up_are_named() -> None:
    fetch = FeedFetch("one", DAY.start, DAY.end)
    with pytest.raises(SourceError, match=r"^A: skipped after 0 s \(2 of 2 symbols\)$"):
        fetch_symbols(fetch, ["A", "B"], lambda _: FetchedPage(()), RequestPolicy(fetch_seconds=0).for_one_fetch())
