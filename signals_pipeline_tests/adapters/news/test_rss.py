"""RSS, Atom and EDGAR over real sockets: everything a document holds, or one clear line; never a silent "no news"."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signals_pipeline.adapters.news.edgar import SEC, EdgarFilings, sec_manners
from signals_pipeline.adapters.news.http import HttpClient
from signals_pipeline.adapters.news.manners import Manners
from signals_pipeline.adapters.news.rss import YAHOO, RssFeed, YahooRss
from signals_pipeline.adapters.news.visits import instant
from signals_pipeline.core.archiving import additions
from signals_pipeline.core.feeds import NewsSource, SourceError
from signals_pipeline.core.watchlist import Company
from signals_pipeline_tests.adapters.news.documents import NOW, Item, atom, edgar, rss
from signals_pipeline_tests.adapters.news.vendors import QUICK, XML, Reply, Request, Vendor, vendor

START = NOW - timedelta(hours=9)
ITEMS = [Item("Acme wins a contract", 30), Item("Exxon raises its dividend & more", 90)]
COMPANIES = [Company("AAPL", "Apple Inc."), Company("XOM", "Exxon Mobil Corporation"), Company("DE", "Deere & Company")]


@pytest.fixture
def house() -> Iterator[Vendor]:
    with vendor() as opened:
        yield opened


def client(house: Vendor) -> HttpClient:
    return HttpClient(QUICK, user_agent="tests a@b.example", origins={YAHOO: house.origin, SEC: house.origin})


def feed(house: Vendor) -> NewsSource:
    return RssFeed(client(house), f"{house.origin}/feed.xml?token=planted")


def refusal(source: NewsSource) -> str:
    with pytest.raises(SourceError) as refused:
        source.fetch(START, NOW)
    line = str(refused.value)
    assert "\n" not in line
    assert "planted" not in line
    return line


@pytest.mark.parametrize(
    ("document", "kind"), [(rss, XML), (atom, "application/atom+xml"), (rss, "text/plain"), (rss, "")]
)
def test_every_item_of_a_document_is_delivered(house: Vendor, document: object, kind: str) -> None:
    house.routes["/feed.xml"] = [Reply(document(ITEMS), kind)]  # pyright: ignore[reportCallIssue]
    batch = feed(house).fetch(START, NOW)
    assert [(one.title, one.url, one.published_at) for one in batch.headlines] == [
        (one.title.replace("&", "&"), one.link, one.published) for one in ITEMS
    ]
    assert {one.feed for one in batch.headlines} == {"rss:127.0.0.1/feed.xml"}
    assert {one.source for one in batch.headlines} <= {"Example feed", "Example Atom"}
    (visit,) = batch.collections
    assert (visit.status, visit.whole_from, visit.whole_to, visit.calls) == ("ok", START, NOW, 1)


def test_a_feed_without_items_is_no_news_and_not_a_failure(house: Vendor) -> None:
    house.routes["/feed.xml"] = [Reply(rss([]), XML)]
    batch = feed(house).fetch(START, NOW)
    assert (batch.headlines, batch.reports[0].status) == ((), "ok")


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(b"<html><body>Log in</body></html>", "text/html"), "answers with text/html where a feed is expected"),
        (Reply(b"", XML), "no RSS or Atom"),
        (Reply(b"<html><body>Log in</body></html>", XML), "no RSS or Atom"),
        (Reply(rss(ITEMS)[:-60], XML), "broken XML"),
        (Reply(rss(ITEMS), XML, cut=40), "broke off"),
        (Reply(rss(ITEMS).replace(b"title>", b"headline>"), XML), "items have no title where it used to be"),
        (Reply(rss(ITEMS).replace(b"pubDate>", b"when>"), XML), "no time of publication where it used to be"),
        (Reply(rss(ITEMS).replace(b"link>", b"href>"), XML), "items have no link where it used to be"),
        (
            Reply(rss(ITEMS).replace(b"item>", b"record>"), XML),
            "2 titles that belong to no item; its format has changed",
        ),
        (Reply(atom(ITEMS[:1]).replace(b"entry>", b"record>"), XML), "1 title that belongs to no item"),
        (Reply(b"{}", status=401), "answers HTTP 401; check the address and who may read it"),
        (Reply(b"{}", status=426), "answers HTTP 426"),
        (Reply(b"", "", 429), "answers HTTP 429"),
        (Reply(b"{}", status=404), "answers HTTP 404"),
        (Reply(b"oops", "text/plain", 500), "answers HTTP 500"),
        (Reply(b"", "", 429, (("Retry-After", "900"),)), "wants 900 s of rest"),
        (Reply(rss(ITEMS), XML, drip=0.05), r"not done after"),
    ],
)
def test_whatever_is_no_feed_is_one_line(house: Vendor, reply: Reply, said: str) -> None:
    house.routes["/feed.xml"] = [reply]
    assert said in refusal(feed(house))


def test_a_picture_s_title_is_no_item(house: Vendor) -> None:
    image = b"<image><title>Logo</title><url>https://n.example/a.png</url></image></channel>"
    house.routes["/feed.xml"] = [Reply(rss([]).replace(b"</channel>", image), XML)]
    assert feed(house).fetch(START, NOW).reports[0].status == "ok"


def test_an_item_that_stands_twice_is_delivered_as_the_document_has_it_and_archived_once(house: Vendor) -> None:
    house.routes["/feed.xml"] = [Reply(rss([*ITEMS, *ITEMS]), XML)]
    headlines = feed(house).fetch(START, NOW).headlines
    added = additions(headlines, {}, now=NOW, frontier=None, edits_known_from=NOW, asked_since={}, delivered_until={})
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
    assert [one.tags for one in batch.headlines] == [("AAPL",), ("AAPL",), ("BRK.B",)]
    assert {(one.source, one.feed) for one in batch.headlines} == {("Yahoo Finance", "rss:yahoo")}
    assert (batch.reports[0].status, batch.reports[0].calls) == ("ok", 3)


def test_a_symbol_that_fails_degrades_and_is_named_and_the_rest_is_delivered(house: Vendor) -> None:
    documents = {"AAPL": Reply(rss(ITEMS), XML), "XOM": Reply(b"", "", 404)}
    house.routes["/rss/2.0/headline"] = by_symbol(documents)  # pyright: ignore[reportArgumentType]
    batch = YahooRss(client(house), ["AAPL", "XOM"]).fetch(START, NOW)
    (visit,) = batch.collections
    assert len(batch.headlines) == 2
    assert (visit.status, visit.whole_from, visit.whole_to) == ("degraded", None, None)
    assert visit.detail.startswith("XOM: 127.0.0.1/rss/2.0/headline answers HTTP 404")


def test_a_vendor_that_is_down_is_not_asked_for_every_symbol(house: Vendor) -> None:
    house.routes["/rss/2.0/headline"] = [Reply(b"", "", 503)]
    symbols = [f"S{at}" for at in range(200)]
    one_at_a_time = HttpClient(Manners(at_once=1, spacing=0, attempts=1), user_agent="t", origins={YAHOO: house.origin})
    line = refusal(YahooRss(one_at_a_time, symbols))
    assert line.startswith("S0: 127.0.0.1/rss/2.0/headline answers HTTP 503 (200 of 200 symbols)")
    assert len(house.requests) == 5


def filings(house: Vendor, pages: list[bytes]) -> EdgarFilings:
    def answer(request: Request) -> Reply:
        at = int(request.query["start"]) // 100
        return Reply(pages[at] if at < len(pages) else edgar([]), "application/atom+xml")

    house.routes["/cgi-bin/browse-edgar"] = answer
    return EdgarFilings(client(house), COMPANIES)


def others(first: int, minutes: float) -> list[tuple[str, int, float]]:
    return [(f"Other {at} LLC", 10_000 + at, minutes + at / 1000) for at in range(first, first + 99)]


def test_filings_of_the_watchlist_are_read_back_to_the_start(house: Vendor) -> None:
    pages = [
        edgar([*others(0, 60), ("EXXON MOBIL CORP", 34088, 61)]),
        edgar([*others(200, 300), ("DEERE & CO /DE/", 315189, 301)]),
        edgar([*others(400, 700), ("APPLE INC", 320193, 701)]),
        edgar([*others(600, 900), ("APPLE INC", 320193, 901)]),
    ]
    batch = filings(house, pages).fetch(START, NOW)
    assert [(one.tags, one.title) for one in batch.headlines] == [
        (("XOM",), "Exxon Mobil Corporation files 8-K: Results of Operations"),
        (("DE",), "Deere & Company files 8-K: Results of Operations"),
        (("AAPL",), "Apple Inc. files 8-K: Results of Operations"),
    ]
    assert len(house.requests) == 3  # the third page reaches back beyond the start
    assert batch.reports[0].status == "ok"
    assert house.requests[0].headers["User-Agent"] == "tests a@b.example"


def test_amendments_and_filings_without_items_are_said(house: Vendor) -> None:
    page = edgar([("APPLE INC", 320193, 5)], items="").replace(b"8-K - ", b"8-K/A - ")
    (one,) = filings(house, [page]).fetch(START, NOW).headlines
    assert one.title == "Apple Inc. amends its 8-K: current report"


def test_a_company_with_a_cik_is_known_by_it_and_not_by_its_name(house: Vendor) -> None:
    page = edgar([("GOOGLE HOLDCO", 1652044, 5), ("ALPHABET INC", 99, 6)])
    house.routes["/cgi-bin/browse-edgar"] = [Reply(page, XML)]
    alphabet = Company("GOOGL", "Alphabet Inc.", cik="1652044")
    (one,) = EdgarFilings(client(house), [alphabet]).fetch(START, NOW).headlines
    assert (one.title, one.tags) == ("Alphabet Inc. files 8-K: Results of Operations", ("GOOGL",))


def test_the_same_page_over_and_over_ends(house: Vendor) -> None:
    page = edgar([*others(0, 60), ("APPLE INC", 320193, 5)])
    assert len(filings(house, [page] * 50).fetch(START, NOW).headlines) == 1
    assert len(house.requests) == 2


FILED = edgar([("APPLE INC", 320193, 5)])


@pytest.mark.parametrize(
    ("reply", "said"),
    [
        (Reply(b"", "text/html", 403), "wants a contact; set SIGNALS_CONTACT"),
        (Reply(FILED.replace(b"8-K - ", b"Form 8-K: "), XML), "titles are no longer"),
        (Reply(FILED.replace(b"updated>", b"changed>"), XML), "no time of publication"),
        (Reply(FILED.replace(b"entry>", b"record>"), XML), "1 title that belongs to no item"),
        (Reply(FILED.replace(b"title>", b"name>"), XML), "no title where it used to be"),
        (Reply(b"no", "text/plain", 401), "HTTP 401"),
        (Reply(b"no", "text/plain", 426), "HTTP 426"),
        (Reply(b"", "", 429), "HTTP 429"),
        (Reply(b"", "", 429, (("Retry-After", "600"),)), "wants 600 s of rest"),
        (Reply(b"down", "text/plain", 500), "HTTP 500"),
        (Reply(FILED, XML, cut=40), "broke off"),
        (Reply(FILED, XML, drip=0.05), "not done after"),
        (Reply(b"<html>", "text/html"), "text/html where a feed is expected"),
        (Reply(b"", XML), "no RSS or Atom"),
    ],
)
def test_edgar_that_is_not_edgar_is_one_line(house: Vendor, reply: Reply, said: str) -> None:
    house.routes["/cgi-bin/browse-edgar"] = [reply]
    assert said in refusal(EdgarFilings(client(house), COMPANIES))


def test_a_title_of_another_kind_among_others_is_passed_over(house: Vendor) -> None:
    page = edgar([*others(0, 5), ("APPLE INC", 320193, 5)]).replace(b"8-K - Other 3 LLC", b"Statement")
    assert len(filings(house, [page]).fetch(START, NOW).headlines) == 1


def test_more_filings_than_are_read_are_said(house: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signals_pipeline.adapters.news.edgar._PAGES", 2)
    pages = [edgar([*others(100 * at, 60 + at), ("APPLE INC", 320193, 61 + at)]) for at in range(4)]
    (visit,) = filings(house, pages).fetch(START, NOW).collections
    assert (visit.status, visit.detail) == ("degraded", "more than 200 filings: the oldest ones were not read")
    assert visit.whole_from == NOW - timedelta(minutes=62)


def test_the_sec_is_never_called_faster_than_it_allows() -> None:
    assert sec_manners(Manners(at_once=8, spacing=0)).spacing >= 0.1
    assert sec_manners(Manners(at_once=1, spacing=2)) == Manners(at_once=1, spacing=2)


@given(st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_a_time_with_a_zone_is_read_and_one_without_is_never_guessed(at: datetime) -> None:
    assert instant(at.isoformat()) == at
    assert instant(at.strftime("%a, %d %b %Y %H:%M:%S GMT")) == at.replace(microsecond=0)
    assert instant(at.replace(tzinfo=None).isoformat()) is None
    assert instant(at.strftime("%a, %d %b %Y %H:%M:%S")) is None


@given(st.one_of(st.none(), st.text(max_size=30), st.integers()))
def test_no_text_breaks_the_reading_of_times(text: object) -> None:
    found = instant(text)
    assert found is None or found.tzinfo is UTC
