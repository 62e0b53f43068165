"""Probes against real servers: what is well, what is not and what to do, and never an exception or a secret."""

import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from threading import Event

import pytest

from signals_pipeline.adapters.probes.aws import probe_bucket, probe_ses
from signals_pipeline.adapters.probes.findings import ProbeResult, fail, has_running_probes, ok, run_probes, warn
from signals_pipeline.adapters.probes.machine import probe_folder, probe_memory
from signals_pipeline.adapters.probes.smtp import probe_smtp_login
from signals_pipeline.adapters.probes.web import probe_clock, probe_newsapi_key
from signals_pipeline_tests.support.mail_servers import PASSWORD, USER, Inbox, client_context, mail_server
from signals_pipeline_tests.support.yahoo_server import Answer, YahooServer, yahoo_server

NOW = datetime(2024, 1, 9, 12, tzinfo=UTC)
KEY = "planted-key"
SOURCES = "/v2/top-headlines/sources"


@pytest.fixture
def server() -> Iterator[YahooServer]:
    with yahoo_server() as running:
        yield running


@pytest.fixture
def nobody() -> str:
    with yahoo_server() as closed:
        return closed.url


def test_findings_come_in_order_and_a_late_one_is_said_and_a_broken_one_is_a_line() -> None:
    never = Event()

    def broken() -> ProbeResult:
        raise RuntimeError("first\nsecond")

    def foreseen() -> ProbeResult:
        raise KeyError("x")

    def late() -> ProbeResult:
        never.wait(30)
        return ok("too late")

    results = run_probes(
        {"late": late, "broken": broken, "foreseen": foreseen, "fine": lambda: warn("so so", "mend it")},
        seconds=0.3,
        describe_error=lambda error: "a foreseen failure" if isinstance(error, KeyError) else None,
    )
    never.set()
    assert list(results) == ["late", "broken", "foreseen", "fine"]
    assert results["late"].text == "no answer within 0.3 s"
    assert results["broken"].text == "RuntimeError: first second"
    assert results["foreseen"].text == "a foreseen failure"
    assert results["fine"] == ProbeResult("warn", "so so", "mend it")
    assert all(result.status == "fail" and result.remedy for result in list(results.values())[:3])
    assert fail("a", "b") == ProbeResult("fail", "a", "b")


def test_looks_at_this_machine_go_one_after_another_and_late_ones_are_not_blamed_on_the_network() -> None:
    never, order = Event(), list[str]()

    def hangs() -> ProbeResult:
        order.append("hangs")
        never.wait(30)
        return ok("too late")

    def quick(name: str) -> ProbeResult:
        order.append(name)
        return ok(name)

    probes = {"behind": lambda: quick("behind"), "hangs": hangs, "first": lambda: quick("first")}
    results = run_probes(
        probes, seconds=0.3, describe_error=lambda _: None, in_turn=("first", "gone", "hangs", "behind")
    )
    assert order == ["first", "hangs"]
    assert has_running_probes()
    never.set()
    assert list(results) == list(probes)
    assert results["first"] == ok("first")
    busy = warn("not checked within 0.3 s: this machine is busy", "signals doctor --seconds 3")
    assert results["hangs"] == results["behind"] == busy


@pytest.mark.parametrize(
    ("status", "wanted", "words"),
    [
        (200, "ok", "NewsAPI accepts the key"),
        (401, "fail", "NewsAPI refuses the key"),
        (426, "warn", "its quota is used up"),
        (429, "warn", "its quota is used up"),
        (500, "warn", "NewsAPI returned HTTP 500"),
    ],
)
def test_the_newsapi_key_is_asked_about_by_one_call(server: YahooServer, status: int, wanted: str, words: str) -> None:
    server.pages[SOURCES] = Answer({"status": "ok"}, status=status)
    result = probe_newsapi_key(KEY, reserve=lambda: True, origin=server.url)
    assert (result.status, words in result.text) == (wanted, True)
    assert KEY not in f"{result}"
    ((path, headers),) = server.visits
    assert path.startswith(SOURCES)
    assert KEY not in path
    assert headers["X-Api-Key"] == KEY


def test_without_a_call_left_nobody_is_asked(server: YahooServer) -> None:
    assert probe_newsapi_key(KEY, reserve=lambda: False, origin=server.url).status == "warn"
    assert server.visits == []


def test_no_network_is_a_line(nobody: str) -> None:
    assert (
        probe_newsapi_key(KEY, reserve=lambda: True, origin=nobody).text == "NewsAPI can't be reached (ConnectionError)"
    )
    assert probe_clock(lambda: NOW, origin=nobody).text == "the clock can't be compared (ConnectionError)"


@pytest.mark.parametrize(("off", "wanted"), [(0, "ok"), (-30, "ok"), (31, "warn"), (-240, "warn"), (241, "fail")])
def test_a_clock_that_is_off(server: YahooServer, off: int, wanted: str) -> None:
    server.date = format_datetime(NOW + timedelta(seconds=off), usegmt=True)
    result = probe_clock(lambda: NOW, origin=server.url)
    assert result.status == wanted
    assert ("NTP" in result.remedy) == (wanted != "ok")


def test_a_server_without_a_date_tells_nothing(server: YahooServer) -> None:
    server.date = ""
    assert (
        probe_clock(lambda: NOW, origin=server.url).text == f"the clock can't be compared: {server.url} sends no date"
    )


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # aiosmtpd's, of TLS from the first byte
@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_smtp_lets_the_right_password_in_and_sends_nothing(tls: str) -> None:
    inbox = Inbox()
    with mail_server(inbox, tls=tls, login=True) as port:
        result = probe_smtp_login("localhost", port, tls, user=USER, password=PASSWORD, context=client_context())  # pyright: ignore[reportArgumentType]
        wrong = probe_smtp_login("localhost", port, tls, user=USER, password="planted", context=client_context())  # pyright: ignore[reportArgumentType]  # noqa: S106
        untrusted = probe_smtp_login("localhost", port, tls, context=ssl.create_default_context())  # pyright: ignore[reportArgumentType]
    assert result == ok(f"SMTP server localhost:{port} accepts {USER}, {tls}")
    assert (wrong.status, wrong.remedy) == ("fail", "correct SMTP_USER and SMTP_PASSWORD")
    assert "planted" not in wrong.text
    assert "CERTIFICATE_VERIFY_FAILED" in untrusted.text
    assert inbox.taken == []


def test_smtp_without_log_in_or_without_a_server() -> None:
    with mail_server(Inbox()) as port:
        assert probe_smtp_login("127.0.0.1", port, "none").text.endswith("accepts any sender, none")
    result = probe_smtp_login("127.0.0.1", port, "none")
    assert result.text.startswith(f"SMTP server 127.0.0.1:{port}: ConnectionRefusedError")
    assert "SMTP_HOST" in result.remedy


@pytest.fixture
def _aws(monkeypatch: pytest.MonkeyPatch, server: YahooServer) -> None:
    for name, value in (
        ("AWS_ACCESS_KEY_ID", "planted-id"),
        ("AWS_SECRET_ACCESS_KEY", "planted-secret"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_CONFIG_FILE", "/dev/null"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
        ("AWS_ENDPOINT_URL", server.url),
    ):
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_aws")
@pytest.mark.parametrize(
    ("status", "wanted", "words"),
    [(200, "ok", "answers"), (404, "fail", "does not exist"), (403, "fail", "refuses access (403)")],
)
def test_a_bucket(server: YahooServer, status: int, wanted: str, words: str) -> None:
    server.pages["/desk-frames"] = Answer(b"", status=status)
    result = probe_bucket("s3://desk-frames/frames")
    assert (result.status, result.text) == (wanted, f"bucket desk-frames {words}")


ACCOUNT = "/v2/email/account"


@pytest.mark.usefixtures("_aws")
@pytest.mark.parametrize(
    ("answer", "wanted", "words"),
    [
        (Answer({"SendingEnabled": True, "ProductionAccessEnabled": True}), "ok", "SES sends"),
        (Answer({"SendingEnabled": True, "ProductionAccessEnabled": False}), "warn", "sandbox"),
        (Answer({"SendingEnabled": False}), "fail", "stopped sending"),
        (Answer({"message": "no"}, status=403), "fail", "SES: "),
    ],
)
def test_ses(server: YahooServer, answer: Answer, wanted: str, words: str) -> None:
    server.pages[ACCOUNT] = answer
    result = probe_ses()
    assert (result.status, words in result.text) == (wanted, True)
    assert "planted" not in f"{result}"


@pytest.mark.usefixtures("_aws")
def test_aws_that_can_not_be_reached_is_a_line(nobody: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", nobody)
    for result in (probe_bucket("s3://desk-frames/frames"), probe_ses()):
        assert result.status == "fail"
        assert "Could not connect" in result.text
        assert "\n" not in result.text


@pytest.mark.parametrize(
    ("limit", "status"), [(383, "fail"), (384, "warn"), (511, "warn"), (512, "ok"), (None, "ok"), ("max", "ok")]
)
def test_memory_of_the_container_or_the_machine(tmp_path: Path, limit: int | str | None, status: str) -> None:
    about = tmp_path / "meminfo"
    about.write_text("MemTotal:       24683452 kB\nMemFree: 1 kB\n")
    if limit is not None:
        (tmp_path / "memory.max").write_text(f"{limit * 2**20 if isinstance(limit, int) else limit}\n")
    result = probe_memory(tmp_path, about)
    assert result.status == status
    assert ("for this container" in result.text) == isinstance(limit, int)
    assert probe_memory().status in {"ok", "warn", "fail"}


def test_a_folder_that_is_there_or_can_be_made_or_can_not(tmp_path: Path) -> None:
    assert probe_folder(tmp_path).status == probe_folder(tmp_path / "a" / "b").status == "ok"
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("")
    assert probe_folder(tmp_path / "file" / "data").status == "fail"
    assert probe_folder(tmp_path, minimum_mb=10**9).status == "warn"
