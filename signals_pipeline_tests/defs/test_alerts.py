"""What the operator is told by mail, by a real SMTP server: failed runs, silence, a digest that stays away."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.adapters.stores.signal_history import WindowRun
from signals_pipeline.core.windows import Window, window_containing, window_for_key, windows_between
from signals_pipeline.defs.alerts import operator_told, silence_alerts, silence_sensor, windows_named
from signals_pipeline.defs.dispatch import Mailing, mailing_of
from signals_pipeline.defs.partitions import PARTITION_TAG, RANGE_END_TAG, RANGE_START_TAG
from signals_pipeline.defs.resources import Store, open_store
from signals_pipeline.defs.sensors import RETRIED_TAG, digest_failed
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import Knobs
from signals_pipeline_tests.support.live_runs import DAYS, NEWEST, RECORDED, WHO, live, mailing, run, store
from signals_pipeline_tests.support.mail_servers import Inbox, mail_server
from signals_pipeline_tests.support.pipeline import TestPipeline

__all__ = ["live", "store"]
LATER = window_containing(NEWEST.end).end - NEWEST.end + timedelta(minutes=31)  # when the next digest is missed
OPERATORS = ("ops@example.org", "second@example.org")
# Of Dagster's own sensors for failed runs.
EARLIER_RELEASE = '{"__class__": "RunStatusSensorCursor", "record_id": 7, "update_timestamp": null}'


def by(port: int, after: timedelta = timedelta(minutes=40)) -> Mailing:
    return replace(mailing(port, after), operators=OPERATORS)


def told(
    pipeline: TestPipeline, store: Store, mailing: Mailing, cursor: str | None, *, quiet_runs: int = 4
) -> str | None:
    """The cursor after one tick of the sensor."""
    context = dg.build_sensor_context(pipeline.instance, cursor=cursor, resources={"store": store, "mailing": mailing})
    silence_sensor(quiet_runs=quiet_runs)(context)
    return context.cursor


def tell_failures(pipeline: TestPipeline, mailing: Mailing, cursor: str | None = None) -> str | None:
    """One tick of the sensor: its cursor."""
    context = dg.build_sensor_context(pipeline.instance, cursor=cursor, resources={"mailing": mailing})
    operator_told(context)
    return context.cursor


def test_failed_runs_of_one_tick_are_told_or_left_out_each_by_itself(live: TestPipeline, store: Store) -> None:
    def tick(sensor: dg.SensorDefinition, cursor: str | None) -> SensorExecutionData:
        resources = {"mailing": by(port), "store": store}
        return sensor.evaluate_tick(dg.build_sensor_context(live.instance, cursor=cursor, resources=resources))

    inbox = Inbox()
    live.settings = live.settings.model_copy(update={"signals_news_path": Path("nowhere.csv")})
    with mail_server(inbox) as port:
        for mode, windows in (("backfill", DAYS[:1]), ("live", DAYS[-1:]), ("backfill", DAYS[:1])):
            assert not run(live, windows, mailing(port), mode=mode).success
        for sensor in (operator_told, digest_failed):
            first = tick(sensor, None)
            again = tick(sensor, first.cursor)
            assert again.cursor == first.cursor
    subjects = [str(inbox.message(place)["Subject"]) for place in range(len(inbox.taken))]
    assert sum(subject.startswith("Signals: Run failed") for subject in subjects) == 2 * len(OPERATORS)
    assert sum("no digest" in subject for subject in subjects) == len(WHO)


def test_a_failed_run_is_told_when_the_mail_server_is_back(live: TestPipeline) -> None:
    inbox = Inbox()
    live.settings = live.settings.model_copy(update={"signals_news_path": Path("nowhere.csv")})
    assert not run(live, DAYS[:1], mailing(1), mode="backfill").success
    cursor = tell_failures(live, by(1))
    with mail_server(inbox) as port:
        tell_failures(live, by(port), cursor)
    assert inbox.recipients == sorted(OPERATORS)


def test_a_digest_that_failed_is_told_when_the_database_is_back(live: TestPipeline, store: Store) -> None:
    class Away:
        def __getattr__(self, name: str) -> object:
            raise DatabaseError(f"{name} is away")

    def tick(opened: object) -> None:
        resources = {"mailing": mailing(port), "store": opened}
        digest_failed(dg.build_sensor_context(live.instance, resources=resources))

    inbox = Inbox()
    live.settings = live.settings.model_copy(update={"signals_news_path": Path("nowhere.csv")})
    with mail_server(inbox) as port:
        assert not run(live, DAYS[-1:], mailing(port)).success
        with pytest.raises(DatabaseError):
            tick(Away())
        tick(store)
    assert inbox.recipients == sorted(WHO)


def plain(message: EmailMessage) -> str:
    return message.get_content()


def test_the_operator_hears_of_a_failed_backfill_and_why(tmp_path: Path) -> None:
    missing = {**RECORDED, "signals_news_path": tmp_path / "nowhere.csv"}
    inbox = Inbox()
    with TestPipeline.open(tmp_path, signals_deployment="local", **missing) as pipeline, mail_server(inbox) as port:
        result = run(pipeline, DAYS[:2], mailing(port), mode="backfill")
        tell_failures(pipeline, mailing(port))  # no operators
        pipeline.instance.add_run_tags(result.run_id, {RETRIED_TAG: "true"})
        tell_failures(pipeline, by(port))
        assert inbox.recipients == []
        pipeline.instance.add_run_tags(result.run_id, {RETRIED_TAG: "false"})
        cursor = tell_failures(pipeline, by(port), EARLIER_RELEASE)
        # The same failure again is reported once in hours; another one, of other windows, at once.
        run(pipeline, DAYS[:2], mailing(port), mode="backfill")
        cursor = tell_failures(pipeline, by(port), cursor)
        assert inbox.recipients == sorted(OPERATORS)
        other = run(pipeline, DAYS[:1], mailing(port), mode="backfill")
        tell_failures(pipeline, by(port), cursor)
        assert other.run_id in "".join(plain(inbox.message(-1)).split())
        del inbox.taken[len(OPERATORS) :]
    assert inbox.recipients == sorted(OPERATORS)
    mail = inbox.message()
    assert mail["Subject"] == f"Signals: Run failed: digest_job, {DAYS[0].key} to {DAYS[1].key}"
    assert "Stage headlines:" in plain(mail)
    assert "nowhere.csv" in "".join(plain(mail).split())
    assert result.run_id in "".join(plain(mail).split())


def keep_digest(store: Store) -> None:
    store.digests.put(NEWEST, "{}", kind="quiet", mode="backfill", subject="Quiet")


def keep_quiet(store: Store, windows: Sequence[Window]) -> None:
    """Record windows that kept no signal."""
    for window in windows:
        store.history.record_window(window, (), WindowRun("backfill", "compact", Knobs().stored(), {}, []))


def test_a_digest_that_stays_away_is_told_once_and_again_after_it_came_back(live: TestPipeline, store: Store) -> None:
    inbox = Inbox()
    keep_digest(store)
    with mail_server(inbox) as port:
        cursor = told(live, store, by(port), None)
        assert inbox.recipients == []  # the newest digest is there
        gone = by(port, LATER)
        cursor = told(live, store, gone, cursor)
        cursor = told(live, store, gone, cursor)
        assert inbox.recipients == sorted(OPERATORS)
        cursor = told(live, store, by(port), cursor)
        assert cursor == "{}"
        told(live, store, gone, cursor)
        assert inbox.recipients == sorted(OPERATORS * 2)
    assert inbox.message()["Subject"] == "Signals: Digest overdue: the newest digest is missing"


def test_silence_is_told_after_so_many_windows_without_a_signal(live: TestPipeline, store: Store) -> None:
    inbox = Inbox()
    keep_quiet(store, DAYS)
    with mail_server(inbox) as port:
        assert told(live, store, by(port), None, quiet_runs=len(DAYS) + 1) == "{}"
        assert told(live, store, by(port), None, quiet_runs=0) == "{}"
        assert inbox.recipients == []
        assert told(live, store, by(port), None, quiet_runs=len(DAYS)) == '{"quiet": true}'
    assert inbox.recipients == sorted(OPERATORS)
    assert inbox.message()["Subject"] == f"Signals: No signals: {len(DAYS)} windows in a row without a signal"


def test_a_weekend_makes_no_silence_longer(store: Store) -> None:
    friday = windows_between(*(window_for_key(key).start for key in ("2015-02-05-17:30", "2015-02-06-17:30")))
    keep_quiet(store, friday)
    sunday = replace(mailing(1), now=lambda: friday[-1].end + timedelta(days=2))
    assert silence_alerts(store, sunday, len(friday) + 1) == []


def test_what_no_server_took_is_told_at_the_next_tick(live: TestPipeline, store: Store) -> None:
    inbox = Inbox(refused=dict.fromkeys(OPERATORS, "450 come back later"))
    keep_digest(store)
    with mail_server(inbox) as port:
        cursor = told(live, store, by(port, LATER), None)
        assert cursor == '{"missing": false}'
        inbox.refused = {}
        assert told(live, store, by(port, LATER), cursor) == '{"missing": true}'
    assert inbox.recipients == sorted(OPERATORS)


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ({}, ""),
        ({PARTITION_TAG: "a"}, "a"),
        ({RANGE_START_TAG: "a", RANGE_END_TAG: "a"}, "a"),
        ({RANGE_START_TAG: "a", RANGE_END_TAG: "b"}, "a to b"),
    ],
)
def test_windows_are_named_by_the_tags(tags: dict[str, str], said: str) -> None:
    assert windows_named(tags) == said


def test_operators_come_from_the_settings_each_once() -> None:
    settings = Settings.checked(operator_recipients="Ops@example.org, ops@example.org,b@example.org")
    assert mailing_of(settings).operators == ("Ops@example.org", "b@example.org")


def test_a_store_without_any_digest_is_not_missing_one(live: TestPipeline) -> None:
    empty = open_store(live.settings.database_url)
    assert silence_alerts(empty, by(1), 4) == []
    empty.engine.dispose()
