"""The SEC's stream of filings over real sockets: the watchlist's, back to the start, or one clear line."""

from datetime import timedelta

import pytest

from signals_pipeline.adapters.http_client.policy import RequestPolicy
from signals_pipeline.adapters.news.edgar import EdgarFilings, sec_policy
from signals_pipeline.core.watchlist import Company
from signals_pipeline_tests.support.feed_clients import START, client, refusal
from signals_pipeline_tests.support.feed_documents import NOW, edgar
from signals_pipeline_tests.support.vendor_server import XML, Reply, Request, Vendor

COMPANIES = [Company("AAPL", "Apple Inc."), Company("XOM", "Exxon Mobil Corporation"), Company("DE", "Deere & Company")]


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
    assert [(item.tags, item.title) for item in batch.headlines] == [
        (("XOM",), "Exxon Mobil Corporation files 8-K: Results of Operations"),
        (("DE",), "Deere & Company files 8-K: Results of Operations"),
        (("AAPL",), "Apple Inc. files 8-K: Results of Operations"),
    ]
    assert len(house.requests) == 3  # the third page reaches back beyond the start
    assert batch.reports[0].status == "ok"
    assert house.requests[0].headers["User-Agent"] == "tests a@b.example"


def test_amendments_and_filings_without_items_are_said(house: Vendor) -> None:
    page = edgar([("APPLE INC", 320193, 5)], items="").replace(b"8-K - ", b"8-K/A - ")
    (item,) = filings(house, [page]).fetch(START, NOW).headlines
    assert item.title == "Apple Inc. amends its 8-K: current report"


def test_a_company_with_a_cik_is_known_by_it_and_not_by_its_name(house: Vendor) -> None:
    page = edgar([("GOOGLE HOLDCO", 1652044, 5), ("ALPHABET INC", 99, 6)])
    house.routes["/cgi-bin/browse-edgar"] = [Reply(page, XML)]
    alphabet = Company("GOOGL", "Alphabet Inc.", cik="1652044")
    (item,) = EdgarFilings(client(house), [alphabet]).fetch(START, NOW).headlines
    assert (item.title, item.tags) == ("Alphabet Inc. files 8-K: Results of Operations", ("GOOGL",))


def test_the_same_page_over_and_over_ends(house: Vendor) -> None:
    page = edgar([*others(0, 60), ("APPLE INC", 320193, 5)])
    assert len(filings(house, [page] * 50).fetch(START, NOW).headlines) == 1
    assert len(house.requests) == 2


FILED = edgar([("APPLE INC", 320193, 5)])


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(b"", "text/html", 403), "requires a contact; set SIGNALS_CONTACT"),
        (Reply(FILED.replace(b"8-K - ", b"Form 8-K: "), XML), "titles are no longer"),
        (Reply(FILED.replace(b"updated>", b"changed>"), XML), "no time of publication"),
        (Reply(FILED.replace(b"entry>", b"record>"), XML), "1 title that belongs to no item"),
        (Reply(FILED.replace(b"title>", b"name>"), XML), "no title where it used to be"),
        (Reply(b"no", "text/plain", 401), "HTTP 401"),
        (Reply(b"no", "text/plain", 426), "HTTP 426"),
        (Reply(b"", "", 429), "HTTP 429"),
        (Reply(b"", "", 429, (("Retry-After", "600"),)), "and asked to wait 600 s"),
        (Reply(b"down", "text/plain", 500), "HTTP 500"),
        (Reply(FILED, XML, cut=40), "broke off"),
        (Reply(FILED, XML, drip=0.05), "no complete response after 0.5 s"),
        (Reply(b"<html>", "text/html"), "text/html instead of a feed"),
        (Reply(b"", XML), "not an RSS or Atom feed"),
    ],
)
def test_edgar_that_is_not_edgar_is_one_line(house: Vendor, reply: Reply, message: str) -> None:
    house.routes["/cgi-bin/browse-edgar"] = [reply]
    assert message in refusal(EdgarFilings(client(house), COMPANIES))


def test_a_title_of_another_kind_among_others_is_passed_over(house: Vendor) -> None:
    page = edgar([*others(0, 5), ("APPLE INC", 320193, 5)]).replace(b"8-K - Other 3 LLC", b"Statement")
    assert len(filings(house, [page]).fetch(START, NOW).headlines) == 1


def test_more_filings_than_are_read_are_said(house: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("signals_pipeline.adapters.news.edgar._MAX_PAGES", 2)
    pages = [edgar([*others(100 * at, 60 + at), ("APPLE INC", 320193, 61 + at)]) for at in range(4)]
    (visit,) = filings(house, pages).fetch(START, NOW).collections
    assert (visit.status, visit.detail) == ("degraded", "more than 200 filings: the oldest ones were not read")
    assert visit.whole_from == NOW - timedelta(minutes=62)


def test_the_sec_is_never_called_faster_than_it_allows() -> None:
    assert sec_policy(RequestPolicy(concurrency=8, min_interval=0)).min_interval >= 0.1
    assert sec_policy(RequestPolicy(concurrency=1, min_interval=2)) == RequestPolicy(concurrency=1, min_interval=2)
