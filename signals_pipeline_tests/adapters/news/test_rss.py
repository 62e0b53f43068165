"""RSS and Atom over real sockets: everything a document holds, or one clear line; never a silent "no news"."""

from datetime import timedelta

import pytest

from signals_pipeline.adapters.http_client.client import HttpClient
from signals_pipeline.adapters.http_client.policy import RequestPolicy
from signals_pipeline.adapters.news.rss import YAHOO_FEEDS_ORIGIN, RssFeed, YahooRss
from signals_pipeline.core.news.archive import identify, merge_copies, new_versions
from signals_pipeline.core.news.feeds import NewsSource
from signals_pipeline_tests.support.feed_clients import START, client, refusal
from signals_pipeline_tests.support.feed_documents import NOW, Item, atom, rss
from signals_pipeline_tests.support.vendor_server import XML, Reply, Request, Vendor

ITEMS = [Item("Acme wins a contract", 30), Item("Exxon raises its dividend & more", 90)]


def feed(house: Vendor) -> NewsSource:
    return RssFeed(client(house), f"{house.origin}/feed.xml?token=planted")


@pytest.mark.parametrize(
    ("document", "kind"), [(rss, XML), (atom, "application/atom+xml"), (rss, "text/plain"), (rss, "")]
)
def test_every_item_of_a_document_is_delivered(house: Vendor, document: object, kind: str) -> None:
    house.routes["/feed.xml"] = [Reply(document(ITEMS), kind)]  # pyright: ignore[reportCallIssue]
    batch = feed(house).fetch(START, NOW)
    assert [(item.title, item.url, item.published_at) for item in batch.headlines] == [
        (item.title.replace("&", "&"), item.link, item.published) for item in ITEMS
    ]
    assert {item.feed for item in batch.headlines} == {"rss:127.0.0.1/feed.xml"}
    assert {item.source for item in batch.headlines} <= {"Example feed", "Example Atom"}
    (visit,) = batch.collections
    assert (visit.status, visit.whole_from, visit.whole_to, visit.calls) == ("ok", START, NOW, 1)


def test_a_feed_without_items_is_no_news_and_not_a_failure(house: Vendor) -> None:
    house.routes["/feed.xml"] = [Reply(rss([]), XML)]
    batch = feed(house).fetch(START, NOW)
    assert (batch.headlines, batch.reports[0].status) == ((), "ok")


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(b"<html><body>Log in</body></html>", "text/html"), "returned text/html instead of a feed"),
        (Reply(b"", XML), "not an RSS or Atom feed"),
        (Reply(b"<html><body>Log in</body></html>", XML), "not an RSS or Atom feed"),
        (Reply(rss(ITEMS[:1])[:-60], XML), "1 of 1 items can't be read"),
        (Reply(rss([]).replace(b"</channel>", b""), XML), "malformed XML (mismatched tag, line 1)"),
        (
            Reply(rss(ITEMS).replace(b"GMT", b"XYZ").replace(b"+0000", b"XYZ"), XML),
            "2 of 2 items have a time that can't be read",
        ),
        (Reply(header_drip=0.05), "no complete response after 0.5 s"),
        (Reply(b"", "", 302, (("Location", "https://cdn..example.org/"),)), "can't be sent (UnicodeError)"),
        (Reply(b"", "", 302, (("Location", "https://[x/"),)), "can't be sent (ValueError)"),
        (Reply(rss(ITEMS), XML, cut=40), "broke off"),
        (Reply(rss(ITEMS).replace(b"title>", b"headline>"), XML), "items have no title where it used to be"),
        (Reply(rss(ITEMS).replace(b"pubDate>", b"when>"), XML), "no time of publication where it used to be"),
        (Reply(rss(ITEMS).replace(b"link>", b"href>"), XML), "items have no link where it used to be"),
        (
            Reply(rss(ITEMS).replace(b"item>", b"record>"), XML),
            "2 titles that belong to no item; its format has changed",
        ),
        (Reply(atom(ITEMS[:1]).replace(b"entry>", b"record>"), XML), "1 title that belongs to no item"),
        (Reply(b"{}", status=401), "returned HTTP 401; check the address and whether it needs a log-in"),
        (Reply(b"{}", status=426), "returned HTTP 426"),
        (Reply(b"", "", 429), "returned HTTP 429"),
        (Reply(b"{}", status=404), "returned HTTP 404"),
        (Reply(b"oops", "text/plain", 500), "returned HTTP 500"),
        (Reply(b"", "", 429, (("Retry-After", "900"),)), "and asked to wait 900 s"),
        (Reply(rss(ITEMS), XML, drip=0.05), "no complete response after 0.5 s"),
    ],
)
def test_whatever_is_no_feed_is_one_line(house: Vendor, reply: Reply, message: str) -> None:
    house.routes["/feed.xml"] = [reply]
    assert message in refusal(feed(house))


def test_a_picture_s_title_is_no_item(house: Vendor) -> None:
    image = b"<image><title>Logo</title><url>https://n.example/a.png</url></image></channel>"
    house.routes["/feed.xml"] = [Reply(rss([]).replace(b"</channel>", image), XML)]
    assert feed(house).fetch(START, NOW).reports[0].status == "ok"


def test_an_item_that_stands_twice_is_delivered_as_the_document_has_it_and_archived_once(house: Vendor) -> None:
    house.routes["/feed.xml"] = [Reply(rss([*ITEMS, *ITEMS]), XML)]
    headlines = feed(house).fetch(START, NOW).headlines
    added = new_versions(
        merge_copies(identify(headlines)),
        {},
        now=NOW,
        frontier=None,
        edits_known_from=NOW,
        asked_since={},
        delivered_until={},
    )
    assert (len(headlines), len(added.versions)) == (4, 2)


def test_a_document_that_shows_only_its_newest_items_says_from_when_on(house: Vendor) -> None:
    house.routes["/feed.xml"] = [Reply(rss([Item(f"Title {at}", 10 * at) for at in range(1, 16)]), XML)]
    (visit,) = feed(house).fetch(START, NOW).collections
    assert (visit.status, visit.whole_from) == ("degraded", NOW - timedelta(minutes=150))
    assert visit.detail == "the feed reaches back to Wed 15:00 ET only"
    (later,) = feed(house).fetch(NOW - timedelta(minutes=100), NOW).collections
    assert (later.status, later.detail) == ("ok", "")


def test_a_window_needs_a_timezone(house: Vendor) -> None:
    with pytest.raises(ValueError, match="need a timezone"):
        feed(house).fetch(START.replace(tzinfo=None), NOW)


def by_symbol(documents: dict[str, Reply]) -> object:
    def answer(request: Request) -> Reply:
        return documents[request.query["s"]]

    return answer


def test_yahoo_is_asked_symbol_by_symbol_and_tags_what_it_gives(house: Vendor) -> None:
    documents = {"AAPL": Reply(rss(ITEMS), XML), "BRK-B": Reply(rss(ITEMS[:1]), XML), "XOM": Reply(rss([]), XML)}
    house.routes["/rss/2.0/headline"] = by_symbol(documents)  # pyright: ignore[reportArgumentType]
    batch = YahooRss(client(house), ["AAPL", "BRK.B", "XOM"]).fetch(START, NOW)
    assert [item.tags for item in batch.headlines] == [("?AAPL",), ("?AAPL",), ("?BRK.B",)]
    assert {(item.source, item.feed) for item in batch.headlines} == {("Yahoo Finance", "rss:yahoo")}
    assert (batch.reports[0].status, batch.reports[0].calls) == ("ok", 3)


def test_a_symbol_that_fails_degrades_and_is_named_and_the_rest_is_delivered(house: Vendor) -> None:
    documents = {"AAPL": Reply(rss(ITEMS), XML), "XOM": Reply(b"", "", 404)}
    house.routes["/rss/2.0/headline"] = by_symbol(documents)  # pyright: ignore[reportArgumentType]
    batch = YahooRss(client(house), ["AAPL", "XOM"]).fetch(START, NOW)
    (visit,) = batch.collections
    assert len(batch.headlines) == 2
    assert (visit.status, visit.whole_from, visit.whole_to) == ("degraded", None, None)
    assert visit.detail.startswith("XOM: 127.0.0.1/rss/2.0/headline returned HTTP 404")


def test_a_vendor_that_is_down_is_not_asked_for_every_symbol(house: Vendor) -> None:
    house.routes["/rss/2.0/headline"] = [Reply(b"", "", 503)]
    symbols = [f"S{at}" for at in range(200)]
    policy = RequestPolicy(concurrency=1, min_interval=0, attempts=1)
    http = HttpClient(policy, user_agent="t", origins={YAHOO_FEEDS_ORIGIN: house.origin})
    line = refusal(YahooRss(http, symbols))
    assert line.startswith("S0: 127.0.0.1/rss/2.0/headline returned HTTP 503 (200 of 200 symbols)")
    assert len(house.requests) == 5
