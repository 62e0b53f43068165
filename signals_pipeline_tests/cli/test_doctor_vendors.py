"""`signals doctor` and its vendors: quotas, mail transports, and vendors that never answer."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from signals_pipeline import sample
from signals_pipeline.adapters.probes.findings import ProbeResult, run_probes
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.source_calls import SourceCallLedger
from signals_pipeline.cli.doctor.checkup import lines
from signals_pipeline.cli.doctor.local import local_probes
from signals_pipeline.cli.doctor.vendors import quota
from signals_pipeline.cli.errors import user_message
from signals_pipeline.core.news.quotas import Limit
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import EarningsVendor, MailTransport
from signals_pipeline_tests.support.doctor_settings import NOW, SOURCES, examined
from signals_pipeline_tests.support.tiingo_server import KEY, tiingo_server
from signals_pipeline_tests.support.yahoo_server import YahooServer


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of a server that accepts connections and never responds."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def spend(settings: Settings, calls: int, at: datetime, limit: int = 8_000) -> None:
    engine = engine_for(settings.database_url)
    assert SourceCallLedger(engine).reserve("newsapi", (Limit(limit),), at, wanted=calls) == calls
    engine.dispose()


def test_the_quota_and_when_it_runs_out_are_shown(live: Settings) -> None:
    own = live.model_copy(update={"newsapi_daily_calls": 100})
    assert quota(own, lambda: NOW) == ProbeResult("ok", "NewsAPI: 100 left")

    spend(own, 62, NOW)

    found = quota(own, lambda: datetime(2026, 3, 10, 12, 30, 12, tzinfo=UTC))
    assert (found.status, found.text) == ("warn", "NewsAPI: 38 left, runs out 16:10 ET")
    assert found.remedy == "wait for the next period, get a larger plan, or shorten the watchlist"
    unhurried = quota(own, lambda: datetime(2026, 3, 10, 23, tzinfo=UTC))
    assert unhurried == ProbeResult("ok", "NewsAPI: 38 left")


def test_the_last_request_of_the_quota_checks_the_key(live: Settings, server: YahooServer) -> None:
    spend(live, 7_999, NOW)

    first = examined(live, server)
    second = examined(live, server)

    assert first["newsapi key"] == ProbeResult("ok", "NewsAPI accepts the key")
    assert second["newsapi key"].text == "no call is left to check the key with"
    left = second["newsapi quota"]
    assert (left.status, left.text) == ("warn", "NewsAPI: 0 left, runs out 10:00 ET")
    assert len([path for path, _ in server.visits if path.startswith(SOURCES)]) == 1


def test_a_vendor_that_never_answers_is_one_line(live: Settings, silent: str) -> None:
    settings = live.model_copy(update={"smtp_port": int(silent.rsplit(":", 1)[1])})
    probes = local_probes(settings, lambda: NOW, seconds=0.2, newsapi=silent, yahoo=silent, time_from=silent)
    outside = {name: probes[name] for name in ("mail", "newsapi key", "prices", "clock")}

    # A check that ignored its own 0.2 s would exceed the 60 s here.
    found = run_probes(outside, seconds=60, describe_error=user_message)

    statuses = {name: result.status for name, result in found.items()}
    assert statuses == {"mail": "fail", "newsapi key": "fail", "prices": "fail", "clock": "warn"}
    assert found["mail"].text.endswith("timed out")
    assert found["newsapi key"].text == "NewsAPI can't be reached (ReadTimeout)"
    assert found["prices"].text.startswith("Yahoo returns no bars of SPY: 127.0.0.1/v8/finance/chart/SPY: Timeout: ")
    assert found["clock"].text == "the clock can't be compared (ReadTimeout)"
    assert all(result.remedy for result in found.values())
    assert all("\n" not in line for line in lines(found))


@pytest.fixture
def _aws_without_network(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # nothing listens there
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "planted")


def test_mail_to_files_needs_a_writable_folder(live: Settings) -> None:
    settings = Settings.checked(
        signals_data_dir=live.signals_data_dir, digest_recipients="ann@example.org", mail_transport="files"
    )
    check = local_probes(settings, lambda: NOW)["mail"]

    assert check().text == f"files for 1 recipient: {settings.mail_dir}"

    settings.mail_dir.write_text("a file is in the way")

    assert check().status == "fail"


@pytest.mark.usefixtures("_aws_without_network")
def test_mail_through_ses_is_checked_with_amazon(live: Settings) -> None:
    settings = live.model_copy(update={"mail_transport": MailTransport.SES})

    assert local_probes(settings, lambda: NOW)["mail"]().text.startswith("SES: ")


def test_frames_on_s3_are_checked(live: Settings) -> None:
    settings = live.model_copy(update={"signals_frames_url": "s3://desk-frames"})

    assert "frames" in local_probes(settings, lambda: NOW)


def test_recorded_input_must_exist_and_asks_no_vendor(live: Settings) -> None:
    recorded = {"signals_news_path": Path("none.csv"), "signals_prices_path": sample.PRICES}

    probes = local_probes(live.model_copy(update=recorded), lambda: NOW)

    assert probes["news"]().text == "none.csv does not exist"
    assert {"prices", "earnings"}.isdisjoint(probes)


def test_recorded_earnings_dates_are_read_and_a_source_that_is_off_is_not_asked(live: Settings, tmp_path: Path) -> None:
    path = tmp_path / "earnings.csv"
    path.write_text("symbol,date,session,first_seen_at\nHD,2026-05-19,before_open,2026-03-01T12:00Z\n")
    recorded = live.model_copy(update={"signals_earnings_path": path})
    assert local_probes(recorded, lambda: NOW)["earnings"]() == ProbeResult("ok", f"recorded: {path}")

    path.write_text("symbol,date,session,first_seen_at\nHD,May,,2026-03-01T12:00Z\n,,,\n")
    found = local_probes(recorded, lambda: NOW)["earnings"]()
    assert found.status == "warn"
    assert found.text == "earnings.csv: line 2: date 'May' is not YYYY-MM-DD; row left out (and 1 more)"

    off = live.model_copy(update={"earnings_source": EarningsVendor.OFF})
    assert "earnings" not in local_probes(off, lambda: NOW)


def test_the_second_source_of_prices_is_asked_where_there_is_a_key_for_it(live: Settings) -> None:
    with tiingo_server() as tiingo:
        assert "second prices" not in local_probes(live, lambda: NOW, tiingo=tiingo.origin)
        for key, status, text in (
            (KEY, "ok", "Tiingo returns bars of SPY; it takes over while Yahoo fails"),
            ("k" * 40, "fail", "Tiingo returns no bars of SPY: Tiingo refuses the key (HTTP 401): correct TIINGO_KEY"),
        ):
            tiingo.says("SPY", [{**ROW, "date": f"{NOW:%Y-%m-%d}T00:00:00.000Z"}])
            settings = live.model_copy(update={"tiingo_key": SecretStr(key)})
            probe = local_probes(settings, lambda: NOW, seconds=5, tiingo=tiingo.origin)["second prices"]
            assert (probe().status, probe().text) == (status, text)


ROW = dict.fromkeys(("open", "high", "low", "close", "splitFactor"), 1.0) | {"volume": 1, "divCash": 0.0}
