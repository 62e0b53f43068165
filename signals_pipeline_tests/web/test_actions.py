"""Links of a mail: GET only shows, POST acts and is idempotent, and only links signed for the purpose act."""

from datetime import timedelta
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from signals_pipeline.adapters.stores.engine import engine_for, read_transaction
from signals_pipeline.adapters.stores.tables import feedback, suppression
from signals_pipeline.core.digest import links
from signals_pipeline.core.digest.links import FeedbackFields
from signals_pipeline_tests.support.digest_pages import Page
from signals_pipeline_tests.support.web_site import KEY, NOW, TOLD, fill, site

READER = "reader@example.org"
HASH = links.recipient_hash(READER, key=KEY)
FIELDS = FeedbackFields(TOLD.key, "AAA", "BUY", HASH)
GO = links.unsubscribe_url("", READER, as_of=NOW, key=KEY)
SAY = links.feedback_url("", FIELDS, "not_useful", as_of=NOW, key=KEY)


def rows(url: str, table: sa.Table) -> list[tuple[object, ...]]:
    engine = engine_for(url)
    with read_transaction(engine) as connection:
        found = [tuple(row) for row in connection.execute(sa.select(table))]
    engine.dispose()
    return found


def test_opening_an_unsubscribe_link_changes_nothing_and_posting_it_is_idempotent(url: str) -> None:
    with site(url) as client:
        shown = client.get(GO)
        client.head(GO)
        assert rows(url, suppression) == []
        first, second = client.post(GO), client.post(GO)
    assert READER in Page(shown.text).text
    assert [attributes["action"] for tag, attributes in Page(shown.text).tags if tag == "form"] == [GO]
    assert shown.headers["cache-control"] == "no-store"
    assert f"No digests will be sent to {READER}." in first.text
    assert "You were already unsubscribed." in second.text
    assert rows(url, suppression) == [(READER, "unsubscribed", NOW)]


def test_a_mail_programs_one_click_post_unsubscribes_without_a_redirect(url: str) -> None:
    with site(url) as client:
        body = {"List-Unsubscribe": "One-Click"}
        answer = client.post(GO, data=body, headers={"user-agent": "a mail program"}, follow_redirects=False)
    assert answer.status_code == 200
    assert "set-cookie" not in answer.headers
    assert [row[0] for row in rows(url, suppression)] == [READER]


def test_feedback_is_shown_then_given_then_changed(url: str) -> None:
    with site(url) as client:
        page = Page(client.get(SAY).text)
        assert rows(url, feedback) == []
        actions = [str(attributes["action"]) for tag, attributes in page.tags if tag == "form"]
        answers = [client.post(action).text for action in (actions[0], actions[0], actions[1])]
    assert [action.rpartition("=")[2] for action in actions] == ["not_useful", "useful"]  # as the link said
    assert "Your feedback is recorded: AAA was not useful." in answers[0]
    assert "Your feedback was already recorded" in answers[1]
    assert "It replaces your earlier answer." in answers[2]
    ((_, start, symbol, kind, who, verdict, at),) = rows(url, feedback)
    assert (start, symbol, kind, who, verdict, at) == (TOLD.start, "AAA", "BUY", HASH, "useful", NOW)
    assert READER not in str(rows(url, feedback))


def test_feedback_is_shown_to_the_operator(url: str) -> None:
    fill(url)
    with site(url) as client:
        client.post(SAY)
        page = Page(client.get("/record").text).text
    assert "Example Wire0 of 1 (0%, 95% interval 0 to 79%)" in page  # neighbouring cells
    assert "AAA0 of 1" in page


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_another_purpose_recipient_or_key_is_refused_and_nothing_changes(url: str, method: str) -> None:
    other = links.unsubscribe_url("", "other@example.org", as_of=NOW, key=KEY)
    mixed = GO.partition(".")[0] + "." + other.partition(".")[2]
    foreign = links.unsubscribe_url("", READER, as_of=NOW, key=KEY[::-1])
    forged = [GO[:-1], mixed, foreign, SAY.replace("/feedback/", "/unsubscribe/"), "/unsubscribe/x"]
    forged += [GO.replace("/unsubscribe/", "/feedback/") + "?verdict=useful", SAY.replace("/feedback/", "/feedback/A")]
    with site(url) as client:
        for path in forged:
            answer = client.request(method, path)
            assert answer.status_code == 403
            assert "This link is not valid here" in answer.text
            assert READER not in answer.text
    assert rows(url, suppression) == rows(url, feedback) == []


def test_an_expired_link_says_until_when_it_worked(url: str) -> None:
    old = links.unsubscribe_url("", READER, as_of=NOW - timedelta(days=links.UNSUBSCRIBE_DAYS + 1), key=KEY)
    said = links.feedback_url("", FIELDS, "useful", as_of=NOW - timedelta(days=31), key=KEY)
    with site(url) as client:
        for path in (old, said):
            answer = client.post(path)
            assert answer.status_code == 403
            assert "This link worked until Thu 29 Feb 2024 and has expired." in answer.text
    assert rows(url, suppression) == rows(url, feedback) == []


def test_an_unknown_verdict_is_refused(url: str) -> None:
    with site(url) as client:
        for path in (SAY.partition("?")[0], SAY.replace("not_useful", "great")):
            assert client.post(path).status_code == 422
    assert rows(url, feedback) == []


def test_without_a_key_no_link_works(url: str) -> None:
    with site(url, signals_link_key=None) as client:
        for path in (GO, SAY):
            answer = client.post(path)
            assert answer.status_code == 404
            assert "Links are disabled on this site" in answer.text
    assert rows(url, suppression) == rows(url, feedback) == []


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(token=st.text(min_size=1, max_size=60))
def test_no_forged_token_acts(client: TestClient, filled_url: str, token: str) -> None:
    quoted = quote(token.encode("utf-8", "surrogatepass"), safe="")
    for path in (f"/unsubscribe/{quoted}", f"/feedback/{quoted}"):
        answer = client.post(path, params={"verdict": "useful"})
        assert answer.status_code in {403, 404, 405}
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert rows(filled_url, suppression) == []
