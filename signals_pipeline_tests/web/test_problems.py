"""Errors are reported in plain words: JSON for programs, a page for readers, without internals."""

import html
from pathlib import Path

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from signals_pipeline.adapters.stores.engine import DatabaseError, engine_for, write_transaction
from signals_pipeline.adapters.stores.tables import digest, signal_history, window_revision
from signals_pipeline.core.digest.model import DigestProblem
from signals_pipeline.web.app import create_app
from signals_pipeline.web.errors import DIGEST_NOTICES
from signals_pipeline_tests.support.digest_examples import digest_of
from signals_pipeline_tests.support.web_site import TOLD, fill, revise, settings_of, site


@pytest.mark.parametrize(
    ("path", "status", "told"),
    [
        ("/api/v1/digest?window=x", 422, "window: give a window's key, its start in New York, such as 2015-02-02"),
        ("/api/v1/digest?window=2024-01-13-08:30", 404, "No window has the key '2024-01-13-08:30'; the nearest keys"),
        ("/api/v1/digest?window=2023-01-12-08:30", 404, "Window 2023-01-12-08:30 has no digest."),
        (
            "/api/v1/digest?window=2023-99-99-08:30",
            404,
            "No window has the key '2023-99-99-08:30'; a key is the window's start",
        ),
        ("/api/v1/digests?before=2024", 422, "before: give a window's key"),
        ("/api/v1/digests?limit=0", 422, "limit: input should be greater than or equal to 1"),
        ("/api/v1/signals?limit=5000", 422, "limit: input should be less than or equal to 200"),
        ("/api/v1/signals?after=AAA", 422, "after: give a signal's name, such as 2015-02-02-17:30-XOM-SELL"),
        ("/api/v1/signals?symbol=%00", 422, "symbol: give a ticker of letters, digits, dot or hyphen"),
        ("/api/v1/signals?from=2015-02-30", 422, "from: give a day, such as 2015-02-02"),
        ("/api/v1/signals?from=1422835200", 422, "from: give a day, such as 2015-02-02"),
        ("/api/v1/signals.csv?to=2015-W06-1", 422, "to: give a day, such as 2015-02-02"),
        (
            "/api/v1/signals?from=2015-02-03&to=2015-02-02",
            422,
            "to: 2015-02-02 is before from, 2015-02-03; give from the earlier day",
        ),
        ("/api/v1/signals?lifecycle=old", 422, "lifecycle: input should be 'new', 'stronger' or 'flipped'"),
        ("/api/v1/signals?mode=dead", 422, "mode: input should be 'live', 'catch_up', 'backfill' or 'manual'"),
        ("/api/v1/signals.csv?event=rain", 422, "event: input should be 'results', 'guidance'"),
        ("/api/v1/signals?symbol=A&symbol=%20", 422, "symbol: give a ticker of letters, digits, dot or hyphen"),
        ("/api/v1/signals?side=BUY", 422, "side: this address has no such parameter; /docs lists those that it has"),
        ("/api/v1/signals?from=2015-02-02&from=2015-02-03", 422, "from: give it once"),
        ("/api/v1/signals?limit=5&limit=6", 422, "limit: give it once"),
        ("/api/v1/signals?symbol=%ff%00", 422, "symbol: give a ticker"),
        ("/api/v1/signals?=1&%FFside", 422, ": this address has no such parameter"),
        ("/api/v1/signals.csv?limit=5", 422, "limit: this address has no such parameter"),
        ("/api/v1/signals?signal_type=HOLD", 422, "signal_type: input should be 'BUY' or 'SELL'"),
        ("/api/v1/signals/2024-01-09-08:30-ZZZ-BUY", 404, "The history has no signal 2024-01-09-08:30-ZZZ-BUY."),
        ("/api/v1/nothing", 404, "Nothing exists at this address."),
        ("/digests/x", 422, "window: give a window&#39;s key"),
        ("/digests/2023-01-12-08:30", 404, "Window 2023-01-12-08:30 has no digest."),
        ("/signals/x", 422, "name: give a signal&#39;s name"),
        ("/signals/2024-01-09-08:30-ZZZ-BUY", 404, "The history has no signal"),
        ("/?before=x", 422, "before: give a window&#39;s key"),
        ("/nothing", 404, "Nothing exists at this address."),
        ("/nothing/", 404, "Nothing exists at this address."),
    ],
)
def test_missing_things_and_invalid_parameters_are_reported(
    client: TestClient, path: str, status: int, told: str
) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    if path.startswith("/api/"):
        assert answer.json()["detail"].startswith(told)
    else:
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert told in answer.text


@pytest.mark.parametrize("path", ["/api/v1/digest", "/record"])
def test_an_unsupported_method_is_refused_with_the_allowed_ones(client: TestClient, path: str) -> None:
    answer = client.post(path)
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET"
    assert "does not support that method" in answer.text


def test_a_failing_database_is_reported_without_its_location(
    url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(url)
    with site(url) as client:
        engine = engine_for(url)
        with write_transaction(engine) as connection:
            connection.execute(sa.text("ALTER TABLE digest RENAME TO elsewhere"))
        engine.dispose()
        api, page, probe = (client.get(path) for path in ("/api/v1/digest", "/", "/readyz"))
    assert [each.status_code for each in (api, page, probe)] == [503] * 3
    assert api.json() == {"detail": "The database is not responding; try again in a minute."}
    for answer in (api, page, probe):
        assert str(tmp_path) not in answer.text
        assert "digest" not in answer.json()["detail"] if answer is not page else "elsewhere" not in answer.text
    assert "no such table" in caplog.text


def test_requests_succeed_again_when_the_database_is_back(url: str) -> None:
    fill(url)
    engine = engine_for(url)
    with site(url) as client:
        for name, other, status in (("digest", "elsewhere", 503), ("elsewhere", "digest", 200)):
            with write_transaction(engine) as connection:
                connection.execute(sa.text(f"ALTER TABLE {name} RENAME TO {other}"))
            assert client.get("/api/v1/digest").status_code == status
    engine.dispose()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ('{"version": 0, "subject": "hidden"}', DigestProblem.OLDER),
        ('{"version": 99, "subject": "hidden"}', DigestProblem.NEWER),
        ('{"version": 1}', DigestProblem.DAMAGED),
        ("{", DigestProblem.DAMAGED),
    ],
)
def test_a_digest_that_this_release_can_not_read_is_named_with_what_to_do_and_nothing_else_suffers(
    url: str, content: str, problem: DigestProblem, caplog: pytest.LogCaptureFixture
) -> None:
    fill(url)
    revise(url, TOLD, digest_of(TOLD))
    _store_content(url, digest, content)
    _store_content(url, window_revision, content)
    with site(url) as client:
        newest, by_window = client.get("/api/v1/digest"), client.get(f"/api/v1/digest?window={TOLD.key}")
        page, revision = client.get(f"/digests/{TOLD.key}"), client.get(f"/digests/{TOLD.key}/revisions/2")
        signal_page = client.get(f"/signals/{TOLD.key}-AAA-BUY")
        lists = [client.get(path) for path in ("/", "/feed.xml", "/api/v1/digests", "/api/v1/signals", "/readyz")]

    # One status and one sentence, for programs and for readers.
    notice = DIGEST_NOTICES[problem]
    for answer in (newest, by_window, page, revision):
        assert answer.status_code == 501
        assert answer.headers["cache-control"] == "no-store"
    assert newest.json() == by_window.json() == {"detail": notice}
    for answer in (page, revision, signal_page):
        assert notice in html.unescape(answer.text)
        assert '<a href="/record">' in answer.text  # the navigation
    # What is known without the digest: subject, window, its signals, and the revision.
    for known in ("1 new", TOLD.long_label, f"/signals/{TOLD.key}-AAA-BUY", f"/digests/{TOLD.key}/revisions/2"):
        assert known in page.text
    assert "hidden" not in page.text
    assert "version" in caplog.text or "malformed" in caplog.text or "not JSON" in caplog.text
    assert signal_page.status_code == 200
    for answer in lists:
        assert answer.status_code == 200
        assert TOLD.key in answer.text


def _store_content(url: str, table: sa.Table, content: str) -> None:
    """Replace what is stored as the digest of the window TOLD, in the archive or in its revision."""
    engine = engine_for(url)
    column = "content" if table is digest else "digest"
    with write_transaction(engine) as connection:
        connection.execute(sa.update(table).where(table.c.window_start == TOLD.start).values({column: content}))
    engine.dispose()


def test_an_unexpected_error_reveals_no_internals(url: str) -> None:
    fill(url)
    engine = engine_for(url)
    with write_transaction(engine) as connection:
        connection.execute(sa.update(signal_history).values(contributions="{"))
    engine.dispose()
    name = f"{TOLD.key}-AAA-BUY"

    with site(url) as client:
        api, page = client.get(f"/api/v1/signals/{name}"), client.get(f"/signals/{name}")

    for answer in (api, page):
        assert answer.status_code == 500
        assert "Something went wrong on this server; the operator can find the details in its log." in answer.text
        assert "JSONDecodeError" not in answer.text
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_it_does_not_start_without_a_database(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match=r"none\.db: it does not exist; run `signals migrate` to create it"):
        create_app(settings_of(f"sqlite:///{tmp_path / 'none.db'}"))
