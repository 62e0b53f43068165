"""The Atom feed of one edition: what it shows, at a signed address, and what a wrong one gets."""

from datetime import timedelta
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
import sqlalchemy as sa

from signals_pipeline.adapters.stores.engine import engine_for, write_transaction
from signals_pipeline.adapters.stores.tables import digest
from signals_pipeline.core.digest.editions import stored_edition
from signals_pipeline.core.digest.links import UNSUBSCRIBE_DAYS, reader_feed_url, sign_link
from signals_pipeline.core.digest.readers import WHOLE_EDITION, Edition
from signals_pipeline_tests.support.databases import new_database
from signals_pipeline_tests.support.web_site import KEY, NOW, TOLD, fill, site

ATOM = "{http://www.w3.org/2005/Atom}"
AAA, BBB = Edition(symbols=("AAA",)), Edition(symbols=("BBB",), least_score=0.2)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database with seven digests, the newest with a card of AAA."""
    made = new_database("sqlite", Path(tmp_path_factory.mktemp("feeds")))
    fill(made)
    return made


def address(edition: Edition) -> str:
    """Path of the feed of an edition."""
    return reader_feed_url("", stored_edition(edition), as_of=NOW, key=KEY)


def test_a_feed_shows_its_edition_of_every_digest_and_needs_no_token_of_the_site(url: str) -> None:
    with site(url, signals_web_token="t" * 32) as client:
        feeds = {edition: client.get(address(edition)) for edition in (AAA, BBB, WHOLE_EDITION)}
        again = client.get(address(AAA), headers={"If-None-Match": feeds[AAA].headers["etag"]})
        assert client.get("/feed.xml").status_code == 401

    assert again.status_code == 304
    roots = {edition: ET.fromstring(feed.content) for edition, feed in feeds.items()}  # noqa: S314 - our own
    assert feeds[AAA].headers["content-type"].startswith("application/atom+xml")
    for edition, root in roots.items():
        assert len(root.findall(f"{ATOM}entry")) == 7
        newest = root.find(f"{ATOM}entry")
        assert newest is not None
        content = newest.findtext(f"{ATOM}content") or ""
        assert ("▲ BUY AAA" in content) is (edition is not BBB)
        assert newest.findtext(f"{ATOM}id") == f"http://site.example/digests/{TOLD.key}"
    assert roots[BBB].findtext(f"{ATOM}title") == "Signals: 1 company, signals of at least 0.20 either way"
    assert "Quiet" in (roots[BBB].findtext(f"{ATOM}entry/{ATOM}title") or "")


def test_a_wrong_or_expired_address_shows_nothing(url: str) -> None:
    good = address(AAA)
    expired = reader_feed_url("", None, as_of=NOW - timedelta(days=UNSUBSCRIBE_DAYS + 1), key=KEY)
    other = "/feeds/" + sign_link("unsubscribe", {"r": "ann@example.org"}, expires_on=NOW.date(), key=KEY)
    with site(url) as client:
        for wrong in (f"{good}x", good.replace("/feeds/", "/feeds/x"), "/feeds/x", expired, other):
            assert client.get(wrong).status_code == 403, wrong
    with site(url, signals_link_key=None) as client:
        assert client.get(good).status_code == 404


def test_a_digest_that_can_not_be_read_keeps_no_other_from_the_feed(tmp_path: Path) -> None:
    made = new_database("sqlite", tmp_path)
    fill(made)
    engine = engine_for(made)
    with write_transaction(engine) as connection:
        connection.execute(sa.update(digest).where(digest.c.window_start != TOLD.start).values(content="no JSON"))
    engine.dispose()
    with site(made) as client:
        feed = client.get(address(AAA))
    assert feed.status_code == 200
    assert feed.text.count("its page says why") == 6
    assert "▲ BUY AAA" in feed.text
