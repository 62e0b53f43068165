"""Readers' links: subscribe, resubscribe, change what one gets. GET only shows, POST acts and is idempotent."""

from datetime import timedelta

import pytest

from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.reader_choices import ReaderChoices
from signals_pipeline.adapters.stores.suppressions import SuppressionList
from signals_pipeline.core.digest import links
from signals_pipeline.core.digest.readers import (
    WHOLE_EDITION,
    Clock,
    DigestTimes,
    Edition,
    ReaderChoice,
    TimeStyle,
)
from signals_pipeline_tests.support.digest_pages import Page
from signals_pipeline_tests.support.web_site import KEY, NOW, site

READER = "reader@example.org"
SUBSCRIBE = links.subscribe_url("", READER, as_of=NOW, key=KEY)
RESUBSCRIBE = links.resubscribe_url("", READER, as_of=NOW, key=KEY)
UNSUBSCRIBE = links.unsubscribe_url("", READER, as_of=NOW, key=KEY)
CHANGE = links.preferences_url("", READER, as_of=NOW, key=KEY)
CHOSEN = {"companies": "xom, AAPL", "digests": "morning", "least_score": "0.4", "clock": "12h", "zone": "Asia/Tokyo"}


def choices(url: str) -> dict[str, ReaderChoice]:
    engine = engine_for(url)
    found, problems = ReaderChoices(engine).all()
    engine.dispose()
    assert problems == []
    return found


def suppressed(url: str) -> list[str]:
    engine = engine_for(url)
    found = [entry.reason for entry in SuppressionList(engine).all()]
    engine.dispose()
    return found


def suppress(url: str, reason: str) -> None:
    engine = engine_for(url)
    SuppressionList(engine).add(READER, reason, NOW)  # pyright: ignore[reportArgumentType]
    engine.dispose()


def link_of(text: str, label: str) -> str:
    """Where the link with this label leads."""
    before, _, _ = text.rpartition(f'">{label}</a>')
    return before.rpartition('href="')[2]


def test_only_a_reader_who_used_the_confirmation_link_is_subscribed(url: str) -> None:
    with site(url) as client:
        shown = client.get(SUBSCRIBE)
        assert choices(url) == {}
        first, second = client.post(SUBSCRIBE), client.post(SUBSCRIBE)
    assert shown.headers["cache-control"] == "no-store"
    assert [attributes["action"] for tag, attributes in Page(shown.text).tags if tag == "form"] == [SUBSCRIBE]
    assert first.text == second.text
    assert "from the next one on" in first.text
    assert choices(url) == {READER: ReaderChoice(READER, WHOLE_EDITION, DigestTimes(), subscribed=True, changed_at=NOW)}


def test_a_reader_unsubscribes_and_resubscribes_by_the_link_on_the_page(url: str) -> None:
    with site(url) as client:
        link = link_of(client.post(UNSUBSCRIBE).text, "Resubscribe")
        assert "Nothing has changed yet." in client.get(link).text
        assert suppressed(url) == ["unsubscribed"]
        assert "again, from the next one on" in client.post(link).text
        assert "again, from the next one on" in client.post(link).text
    assert suppressed(url) == []


@pytest.mark.parametrize("reason", ["bounced", "complaint"])
@pytest.mark.parametrize("link", [SUBSCRIBE, RESUBSCRIBE])
def test_an_address_whose_mail_came_back_is_not_subscribed_by_a_link(url: str, link: str, reason: str) -> None:
    suppress(url, reason)
    with site(url) as client:
        answer = client.post(link)
    assert answer.status_code == 409
    assert "Ask the operator" in answer.text
    assert (suppressed(url), choices(url)) == ([reason], {})


def test_a_reader_changes_what_they_get_and_stays_subscribed(url: str) -> None:
    with site(url) as client:
        before = client.get(CHANGE).text
        client.post(SUBSCRIBE)
        saved = client.post(CHANGE, data=CHOSEN)
        after = client.get(CHANGE).text
        again = client.post(SUBSCRIBE)
    assert "You have not chosen yet" in before
    assert "gets morning, 2 companies, signals of at least 0.40 either way." in saved.text
    assert link_of(saved.text, "Change it again") == CHANGE
    assert 'value="AAPL XOM"' in after
    assert '<option value="12h" selected>' in after
    assert again.status_code == 200
    edition = Edition(("AAPL", "XOM"), 0.4, TimeStyle("Asia/Tokyo", Clock.HOURS_12))
    assert choices(url) == {
        READER: ReaderChoice(READER, edition, DigestTimes(("morning",)), subscribed=True, changed_at=NOW)
    }


def test_empty_fields_are_every_company_and_every_digest(url: str) -> None:
    with site(url) as client:
        answer = client.post(CHANGE, data=dict.fromkeys(CHOSEN, ""))
    assert "gets every digest, every company." in answer.text
    assert choices(url)[READER].edition == WHOLE_EDITION


MISTAKES = {
    "companies": ("AAPL ZZZ", "ZZZ not on the watchlist"),
    "companies ": ("A:B", "symbol &#39;A:B&#39;"),
    "companies  ": (" ".join(f"A{number}" for number in range(501)), "501 companies; name at most 500"),
    "digests": ("noon", "digests &#39;noon&#39;; use morning, evening"),
    "least_score": ("2", "least score &#39;2&#39;; use a number from 0 to 1"),
    "clock": ("25h", "use 24h or 12h"),
    "zone": ("Mars", "use a name of the IANA time zone database"),
}


@pytest.mark.parametrize("field", MISTAKES)
def test_a_field_that_can_not_be_read_is_one_line_and_nothing_changes(url: str, field: str) -> None:
    value, expected = MISTAKES[field]
    with site(url) as client:
        answer = client.post(CHANGE, data={**CHOSEN, field.strip(): value})
    assert answer.status_code == 422
    assert expected in answer.text
    assert choices(url) == {}


def test_a_body_that_is_no_form_is_refused(url: str) -> None:
    with site(url) as client:
        for content in (b"\xff\xfe=1", "&".join("a=1" for _ in range(30)).encode()):
            assert client.post(CHANGE, content=content).status_code == 422
    assert choices(url) == {}


def test_a_link_of_another_purpose_reader_or_time_changes_nothing(url: str) -> None:
    token = {link.split("/")[1]: link.split("/")[2] for link in (SUBSCRIBE, RESUBSCRIBE, UNSUBSCRIBE, CHANGE)}
    old = links.subscribe_url("", READER, as_of=NOW - timedelta(days=15), key=KEY)
    mixed = [
        f"/{purpose}/{token[other]}"
        for purpose in ("subscribe", "resubscribe", "readers")
        for other in token
        if other != purpose
    ]
    suppress(url, "unsubscribed")
    with site(url) as client:
        for path in (*mixed, old, CHANGE[:-1], "/readers/x"):
            assert {client.get(path).status_code, client.post(path, data=CHOSEN).status_code} == {403}
    assert (suppressed(url), choices(url)) == (["unsubscribed"], {})


def test_without_a_link_key_no_link_works(url: str) -> None:
    with site(url, signals_link_key=None) as client:
        for path in (SUBSCRIBE, RESUBSCRIBE, CHANGE):
            assert client.post(path, data=CHOSEN).status_code == 404
