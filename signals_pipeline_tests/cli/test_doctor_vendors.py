"""`signals doctor` and the world outside: quotas, ways to mail, and vendors that never answer."""

import socket
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from signals_pipeline import sample
from signals_pipeline.adapters.probes.findings import ProbeResult, look
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.source_calls import SourceCalls
from signals_pipeline.cli.doctor.checkup import lines
from signals_pipeline.cli.doctor.local import local_probes
from signals_pipeline.cli.doctor.vendors import quota
from signals_pipeline.cli.errors import user_message
from signals_pipeline.core.news.quotas import Limit
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import MailTransport
from signals_pipeline_tests.support.cli_checkups import NOW, SOURCES, examined
from signals_pipeline_tests.support.yahoo_server import YahooServer


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that lets everyone in and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def spend(settings: Settings, calls: int, at: datetime, limit: int = 8_000) -> None:
    engine = engine_for(settings.database_url)
    assert SourceCalls(engine).reserve("newsapi", (Limit(limit),), at, wanted=calls) == calls
    engine.dispose()


def test_the_calls_left_and_when_they_run_out_are_told(live: Settings) -> None:
    own = live.model_copy(update={"newsapi_daily_calls": 100})
    assert quota(own, lambda: NOW) == ProbeResult("ok", "NewsAPI: 100 left")
    spend(own, 62, NOW)
    found = quota(own, lambda: datetime(2026, 3, 10, 12, 30, 12, tzinfo=UTC))
    assert (found.status, found.text) == ("warn", "NewsAPI: 38 left, runs out 16:10 ET")
    assert found.remedy == "wait for the next period, get a larger plan, or shorten the watchlist"
    unhurried = quota(own, lambda: datetime(2026, 3, 10, 23, tzinfo=UTC))
    assert unhurried == ProbeResult("ok", "NewsAPI: 38 left")


def test_the_last_call_is_spent_on_the_key_and_then_none_is_left(live: Settings, server: YahooServer) -> None:
    spend(live, 7_999, NOW)
    first, then = examined(live, server), examined(live, server)
    assert first["newsapi key"] == ProbeResult("ok", "NewsAPI accepts the key")
    assert then["newsapi key"].text == "no call is left to ask with"
    assert (then["newsapi quota"].status, then["newsapi quota"].text) == ("warn", "NewsAPI: 0 left, runs out 10:00 ET")
    assert len([path for path, _ in server.visits if path.startswith(SOURCES)]) == 1


def test_vendors_that_never_answer_are_given_up_in_a_line_each(live: Settings, silent: str) -> None:
    there = live.model_copy(update={"smtp_port": int(silent.rsplit(":", 1)[1])})
    waiting = local_probes(there, lambda: NOW, seconds=0.2, newsapi=silent, yahoo=silent, time_from=silent)
    asked = {name: waiting[name] for name in ("mail", "newsapi key", "prices", "clock")}
    found = look(asked, seconds=60, told=user_message)  # a look that took no notice of its own 0.2 s would be late here
    assert {name: each.status for name, each in found.items()} == {
        **dict.fromkeys(("mail", "newsapi key", "prices"), "fail"),
        "clock": "warn",
    }
    assert found["mail"].text.endswith("timed out")
    assert found["newsapi key"].text == "NewsAPI can't be reached (ReadTimeout)"
    assert found["prices"].text.startswith("Yahoo returns no bars of SPY: Timeout: ")
    assert found["clock"].text == "the clock can't be compared (ReadTimeout)"
    assert all(each.remedy for each in found.values())
    assert all("\n" not in line for line in lines(found))


def test_other_ways_to_mail_and_to_keep_frames(live: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("AWS_ENDPOINT_URL", "http://127.0.0.1:9"), ("AWS_DEFAULT_REGION", "us-east-1")):
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "planted")
    files = live.model_copy(update={"mail_transport": "files", "signals_frames_url": "s3://desk-frames"})
    assert "frames" in local_probes(files, lambda: NOW)
    checked = Settings.checked(
        signals_data_dir=live.signals_data_dir, digest_recipients="ann@example.org", mail_transport="files"
    )
    assert local_probes(checked, lambda: NOW)["mail"]().text == f"files for 1 recipient: {checked.mail_dir}"
    sending = live.model_copy(update={"mail_transport": MailTransport.SES})
    assert local_probes(sending, lambda: NOW)["mail"]().text.startswith("SES: ")
    (live.signals_data_dir / "mail").write_text("a file is in the way")
    assert local_probes(checked, lambda: NOW)["mail"]().status == "fail"
    recorded_news = live.model_copy(
        update={"signals_news_path": Path("none.csv"), "signals_prices_path": sample.PRICES}
    )
    probes = local_probes(recorded_news, lambda: NOW)
    assert probes["news"]().text == "none.csv does not exist"
    assert "prices" not in probes
