"""`signals doctor`: one line per check with its remedy, an exit code, JSON, and no traceback whatever is broken."""

import shutil
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import sqlalchemy as sa
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    ManagedGrpcPythonEnvCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData
from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
from dagster._daemon.types import DaemonHeartbeat

from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import read_manifest, write_manifest
from signals_pipeline.adapters.probes.findings import ProbeResult, run_probes
from signals_pipeline.adapters.stores import migrations
from signals_pipeline.adapters.stores.coverage import CoverageRepository
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.cli.doctor.checkup import document, healthy, lines
from signals_pipeline.cli.doctor.local import LATE, deliveries, local_probes, newest_window, schedule
from signals_pipeline.cli.errors import user_message
from signals_pipeline.cli.instances import local_instance
from signals_pipeline.cli.scheduling import ScheduleState
from signals_pipeline.core.digest.delivery import SEND_WITHIN
from signals_pipeline.core.news.feeds import SourceError, SourceReport
from signals_pipeline.core.windows import newest_complete, window_containing
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import Deployment, ModelChoice
from signals_pipeline_tests.support.digest_examples import coverage
from signals_pipeline_tests.support.doctor_settings import NOW, SOURCES, examined, put_digest
from signals_pipeline_tests.support.mail_servers import Inbox, mail_server
from signals_pipeline_tests.support.outbox_builders import WHO, put
from signals_pipeline_tests.support.yahoo_server import Answer, YahooServer, recorded_calendar


def test_a_deployment_with_everything_in_order(live: Settings, server: YahooServer) -> None:
    put_digest(live, newest_complete(NOW))
    server.announces("AAPL", Answer(recorded_calendar("AAPL")))
    with mail_server(Inbox()) as port:
        found = examined(live.model_copy(update={"smtp_port": port}), server)

    not_ok = {name for name, result in found.items() if result.status != "ok"}
    assert not_ok == {"schedule", "signals", "newest mail"}  # it has backfilled a window without signals
    assert healthy(found)
    assert list(found) == [
        *("database", "model", "watchlist", "news", "newest window", "signals", "newest mail", "schedule", "runs"),
        *("mail", "deliveries", "data folder", "memory"),
        *("newsapi key", "newsapi quota", "prices", "earnings", "clock"),
    ]
    assert found["database"].text == f"sqlite at revision {migrations.head()}"
    assert found["watchlist"].text == "30 companies"
    assert found["news"].text == "live: newsapi, yahoo, rss:yahoo"
    assert "planted-key" not in document(found)


def test_mails_that_wait_for_an_operator_are_a_warning(live: Settings) -> None:
    assert deliveries(live, lambda: NOW).status == "ok"
    window = newest_complete(NOW)
    engine = engine_for(live.database_url)
    put(engine, *WHO, window=window)
    assert deliveries(live, lambda: window.end).text == "no mail waits for you; 3 to be sent"
    found = deliveries(live, lambda: window.end + SEND_WITHIN + timedelta(minutes=1))
    engine.dispose()

    assert (found.status, found.remedy) == ("warn", "signals deliveries")
    assert found.text.startswith(f"3 mails wait for you; mail 1 of {window.key}: its window ended more than 3 h ago")


def test_each_broken_part_is_one_line(live: Settings, server: YahooServer, tmp_path: Path) -> None:
    server.pages[SOURCES] = Answer({}, status=401)
    server.says("SPY", Answer(b"", status=403))
    server.date = "Tue, 10 Mar 2026 15:00:00 GMT"
    broken = tmp_path / "watchlist.yaml"
    broken.write_text("- symbol: V\n- symbol: ma\n")
    migrations.downgrade(live.database_url, "003")
    with mail_server(Inbox()) as port:
        unused = port
    changes = {
        "signals_watchlist": broken,
        "sentiment_model": ModelChoice.FINBERT,
        "smtp_port": unused,
        "newsapi_key": None,
        "signals_contact": "",
        "signals_feeds": "rss:edgar",
    }

    found = examined(live.model_copy(update=changes), server)

    failed = {name for name, result in found.items() if result.status == "fail"}
    of_database = {"database", "deliveries", "signals"}
    assert failed == of_database | {"model", "watchlist", "news", "mail", "prices", "clock"}
    assert found["database"].text.endswith("run `signals migrate`")
    assert found["watchlist"].text.endswith("(and 1 more)")
    assert found["news"].text == "SIGNALS_FEEDS: rss:edgar needs SIGNALS_CONTACT, which is empty"
    assert found["prices"].text == "Yahoo returns no bars of SPY: 127.0.0.1/v8/finance/chart/SPY returned HTTP 403"
    assert found["earnings"].status == "warn"
    assert found["earnings"].text.startswith("Yahoo returns no earnings dates of AAPL: ")
    assert not healthy(found)
    for line in lines(found):
        assert "\n" not in line
        assert "Traceback" not in line


def recorded_news(folder: Path, newest: datetime, time_format: str = "%Y-%m-%dT%H:%M:%SZ") -> Path:
    """A file with a headline per hour over twenty days."""
    path = folder / "news.csv"
    rows = ["published_at,symbol,title,source,url"]
    rows += [
        f"{newest - timedelta(hours=hours):{time_format}},V,Visa opens an office,Wire,https://news.example/{hours}"
        for hours in range(480)
    ]
    path.write_text("\n".join(rows))
    return path


@pytest.mark.parametrize(
    ("days_ago", "status", "text"),
    [
        (0, "ok", "; newest headline 0 min old"),
        (20, "warn", "(20 days), longer than it is usually silent"),
        (100, "warn", "no item in the last 90 days"),
    ],
)
def test_a_recorded_file_that_ended_is_seen(
    live: Settings, tmp_path: Path, days_ago: int, status: str, text: str
) -> None:
    path = recorded_news(tmp_path, NOW - timedelta(days=days_ago, seconds=1 if not days_ago else 0))
    found = local_probes(live.model_copy(update={"signals_news_path": path}), lambda: NOW)["news"]()
    assert (found.status, found.text.startswith(f"recorded: {path}")) == (status, True)
    assert text.replace("0 min", "1 min") in found.text


def test_rows_of_a_recorded_file_that_are_not_whole_are_named_as_signals_news_check_names_them(
    live: Settings, tmp_path: Path
) -> None:
    path = recorded_news(tmp_path, NOW - timedelta(seconds=1))
    path.write_text(path.read_text().replace("opens an office,", "opens, at last, an office,"))
    expected = "480 of 480 rows not whole (first: line 2 has too many cells)"

    for deployment in (Deployment.LOCAL, Deployment.DEMO):
        settings = live.model_copy(update={"signals_news_path": path, "signals_deployment": deployment})
        found = local_probes(settings, lambda: NOW)["news"]()
        assert (found.status, found.text) == ("warn", f"recorded: {path}; news.csv: {expected}")


def test_the_demo_looks_at_a_file_of_your_own(live: Settings, tmp_path: Path) -> None:
    demo = live.model_copy(update={"signals_deployment": Deployment.DEMO})
    assert local_probes(demo, lambda: NOW)["news"]() == ProbeResult("ok", f"recorded: {sample.HEADLINES}")

    # It replays files of any age: an old one is no warning.
    path = recorded_news(tmp_path, NOW - timedelta(days=200))
    own = demo.model_copy(update={"signals_news_path": path})
    assert local_probes(own, lambda: NOW)["news"]() == ProbeResult("ok", f"recorded: {path}")
    recorded_news(tmp_path, NOW, "%Y-%m-%d %H:%M:%S")
    with pytest.raises(SourceError, match="480 of 480 rows have no readable time"):
        local_probes(own, lambda: NOW)["news"]()


def test_a_recorded_file_whose_times_have_no_offset_is_refused(live: Settings, tmp_path: Path) -> None:
    path = recorded_news(tmp_path, NOW, "%Y-%m-%d %H:%M:%S")
    probes = {"news": local_probes(live.model_copy(update={"signals_news_path": path}), lambda: NOW)["news"]}
    found = run_probes(probes, seconds=60, describe_error=user_message)["news"]
    assert found.status == "fail"
    assert "480 of 480 rows have no readable time" in found.text
    assert "NEWS_TIMEZONE" in found.text


def test_a_live_feed_that_was_silent_incomplete_or_down_is_seen(live: Settings) -> None:
    window = newest_complete(NOW)
    put_digest(live, window)
    engine = sa.create_engine(live.database_url)
    silent = SourceReport("rss:yahoo", "degraded", 0, "no item since Monday", covered_to=window.start)
    alive = SourceReport("yahoo", "ok", 9)
    partial_one = SourceReport("rss:wire", "degraded", 3, "40 of 540 min may be incomplete")
    down = SourceReport("newsapi", "failed", 0, "HTTP 401")
    newest = window.end - timedelta(minutes=20)
    for reports, status, text in (
        ((alive, silent), "warn", f"in {window.key} rss:yahoo degraded: no item since Monday"),
        (
            (down, alive, partial_one),
            "warn",
            f"in {window.key} newsapi failed: HTTP 401; rss:wire degraded: 40 of 540 min may be incomplete",
        ),
        ((alive,), "ok", f"newest headline 20 min before the end of {window.key}"),
    ):
        CoverageRepository(engine).put([replace(coverage(window, newest_at=newest), reports=reports)])
        found = local_probes(live, lambda: NOW)["news"]()
        assert (found.status, text in found.text) == (status, True), found
    CoverageRepository(engine).put([coverage(window)])
    assert "no headline within the look-back" in local_probes(live, lambda: NOW)["news"]().text
    engine.dispose()


def test_another_applications_tables_and_version_are_seen(live: Settings) -> None:
    engine = sa.create_engine(live.database_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num TEXT)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES ('29b539ebc72a')")
    beside = local_probes(live, lambda: NOW)["database"]()
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP TABLE signals_alembic_version")
    engine.dispose()
    probes = {"database": local_probes(live, lambda: NOW)["database"]}
    conflict = run_probes(probes, seconds=60, describe_error=user_message)["database"]

    remark = "its table alembic_version (at 29b539ebc72a) is another application's and is left alone"
    assert (beside.status, beside.text) == ("ok", f"sqlite at revision {migrations.head()}; {remark}")
    assert conflict.status == "fail"
    assert "(no revision in signals_alembic_version): choose another SIGNALS_DATABASE_URL" in conflict.text


def test_a_model_that_classifies_bad_news_as_good_is_detected(live: Settings) -> None:
    folder = live.models_dir / "finbert"
    shutil.copytree(sample.COMPACT_MODEL, folder)
    config = read_manifest(folder)
    reversed_labels = dict(zip(config.id2label, reversed(config.id2label.values()), strict=True))
    write_manifest(
        folder,
        name="finbert",
        id2label=reversed_labels,
        max_length=config.max_length,
        vocabulary=config.vocabulary,
        quantisation=config.quantisation,
    )
    settings = live.model_copy(update={"sentiment_model": ModelChoice.AUTO})

    found = local_probes(settings, lambda: NOW)["model"]()

    assert found.status == "fail"
    assert "classifies two headlines as negative, positive instead of positive, negative" in found.text


def test_checks_before_the_first_run_create_nothing(tmp_path: Path, server: YahooServer) -> None:
    settings = Settings.checked(
        signals_deployment="local", signals_data_dir=tmp_path / "data", newsapi_key="k", dagster_home=tmp_path
    )
    found = examined(settings, server)
    assert not (tmp_path / "data").exists()
    assert found["database"] == ProbeResult("fail", "there is no database yet", "signals migrate")
    assert found["newest window"].text == "no digest yet"
    assert found["watchlist"].text == "39 companies of the sample, as of 2015"
    assert found["news"].status == "warn"
    assert found["model"].text.endswith("FinBERT is not prepared")
    assert found["newsapi key"].text == "not checked: the quota is counted in the database"
    assert found["mail"].text == "DIGEST_RECIPIENTS is empty: no mail is sent"


@pytest.mark.parametrize(
    ("windows_behind", "after_end", "status"),
    [(0, LATE, "ok"), (1, timedelta(minutes=59), "ok"), (1, LATE, "fail"), (5, LATE, "fail")],
)
def test_the_newest_window_is_missed_an_hour_after_its_end(
    live: Settings, windows_behind: int, after_end: timedelta, status: str
) -> None:
    due = newest_complete(NOW)
    newest = due
    for _ in range(windows_behind):
        newest = window_containing(newest.start - timedelta(minutes=1))
    put_digest(live, newest)

    found = newest_window(live, lambda: due.end + after_end)
    assert found.status == status
    assert newest.key in found.text


def set_schedule(instance: dg.DagsterInstance, status: InstigatorStatus) -> None:
    location = ManagedGrpcPythonEnvCodeLocationOrigin(LoadableTargetOrigin(module_name="signals_pipeline.definitions"))
    origin = RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), "digest_schedule")
    data = ScheduleInstigatorData("30 8,17 * * 1-5", NOW.timestamp())
    state = InstigatorState(origin, InstigatorType.SCHEDULE, status, data)
    if instance.all_instigator_state():
        instance.update_instigator_state(state)
    else:
        instance.add_instigator_state(state)


def test_the_schedule_is_on_only_with_a_living_daemon(
    live: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    unnamed = live.model_copy(update={"dagster_home": None})
    assert schedule(unnamed, lambda: NOW).text == "there is no Dagster instance yet"
    assert schedule(live, lambda: NOW).text == "there is no Dagster instance yet"
    assert {path.name for path in tmp_path.iterdir()} == {"data"}

    (tmp_path / "dagster.yaml").write_text("telemetry:\n  enabled: false\n")
    assert schedule(live, lambda: NOW).text == "off: windows do not run automatically"

    in_production = live.model_copy(update={"signals_deployment": Deployment.PRODUCTION})
    assert schedule(in_production, lambda: NOW).code == ScheduleState.NO_DAEMON  # it starts as on

    with local_instance(live) as instance:
        set_schedule(instance, InstigatorStatus.STOPPED)
    assert schedule(in_production, lambda: NOW).code == ScheduleState.OFF
    with local_instance(live) as instance:
        set_schedule(instance, InstigatorStatus.RUNNING)
    without_daemon = schedule(live, lambda: NOW)
    assert (without_daemon.status, without_daemon.code) == ("fail", ScheduleState.NO_DAEMON)

    with local_instance(live) as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat((NOW - timedelta(minutes=4)).timestamp(), "SCHEDULER", "x", []))
    assert schedule(live, lambda: NOW).status == "ok"
    assert schedule(live, lambda: NOW + timedelta(minutes=2)).status == "fail"
    assert schedule(live, lambda: NOW - timedelta(days=1)).status == "fail"  # reported while the clock was wrong

    # Ticks that a clock ahead has stored: the daemon lives and does nothing.
    with local_instance(live) as instance:
        [state] = instance.all_instigator_state()
        a_year_on = ScheduleInstigatorData("30 8,17 * * 1-5", NOW.timestamp(), (NOW + timedelta(days=365)).timestamp())
        instance.update_instigator_state(state.with_data(a_year_on))
    stopped = schedule(live, lambda: NOW)
    assert (stopped.status, stopped.code) == ("fail", ScheduleState.ON)
    assert stopped.text.startswith("digest_schedule waits for ticks of the future, up to 20")
    with local_instance(live) as instance:
        instance.update_instigator_state(state.with_status(InstigatorStatus.STOPPED).with_data(a_year_on))
    assert schedule(live, lambda: NOW).code == ScheduleState.OFF

    nowhere = live.model_copy(update={"dagster_home": tmp_path / "none"})
    found = run_probes({"schedule": lambda: schedule(nowhere, lambda: NOW)}, seconds=60, describe_error=user_message)
    assert "DAGSTER_HOME" in found["schedule"].text
