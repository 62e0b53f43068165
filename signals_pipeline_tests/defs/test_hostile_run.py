"""A live run over headlines that are attacks: what reaches mail, subject, log, events and metadata is harmless."""

import csv
import json
from datetime import timedelta
from pathlib import Path

import pytest

from signals_pipeline import sample
from signals_pipeline_tests.support.digest_pages import Page
from signals_pipeline_tests.support.hostile_input import ATTACKS, HIDDEN
from signals_pipeline_tests.support.live_runs import DAYS, NEWEST, RECORDED, mailing, run
from signals_pipeline_tests.support.mail_servers import Inbox, mail_server
from signals_pipeline_tests.support.mails import body
from signals_pipeline_tests.support.pipeline import TestPipeline

GOOD = "Apple beats estimates, raises its outlook and lifts its dividend after record profit"


def attacked(folder: Path) -> Path:
    """The recorded headlines, and in the newest window praise of Apple with an attack in each of its fields."""
    with sample.HEADLINES.open(newline="", encoding="utf-8") as recorded:
        rows = [dict(row) for row in csv.DictReader(recorded)]
    for number, attack in enumerate(ATTACKS.values()):
        at = (NEWEST.end - timedelta(minutes=5 + number)).isoformat()
        title = f"{GOOD} {number} {attack}"
        row = {"published_at": at, "symbol": "AAPL", "title": title, "source": attack, "url": "javascript:alert(1)"}
        rows.append(row)
    path = folder / "news.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def test_attacks_in_headlines_stay_texts_wherever_they_go(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    inbox = Inbox()
    changes = {**RECORDED, "signals_news_path": attacked(tmp_path)}
    with caplog.at_level("DEBUG"), TestPipeline.open(tmp_path, signals_deployment="local", **changes) as pipeline:
        with mail_server(inbox) as port:
            result = run(pipeline, DAYS[-1:], mailing(port))
        assert result.success, [each.event_specific_data for each in result.all_events if each.is_failure]
        events = [str(event) for event in result.all_events]
        stored = [str(value) for row in pipeline.rows("signal_history") for value in row.values()]
    mail = inbox.message()
    html, text = body(mail, "html"), body(mail, "plain")
    assert GOOD in " ".join(text.split())
    assert "AAPL" in mail["Subject"]
    assert mail["Bcc"] is None
    assert not {"script", "svg", "iframe"} & {tag for tag, _ in Page(html).tags}
    output = capfd.readouterr()
    logged = [record.getMessage() for record in caplog.records if "signals_pipeline" in record.name]
    for said in (html, text, str(mail["Subject"]), *events, *stored, *logged, output.out, output.err):
        assert not HIDDEN.search(said)
    for part in (html, text, *stored):
        assert "javascript:" not in part
