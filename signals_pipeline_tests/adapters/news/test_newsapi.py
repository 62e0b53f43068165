"""NewsAPI over real sockets: few packed searches, paged within plan and budget; refusals without the key."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import pytest

from signals_pipeline.adapters.http_client.client import HttpClient
from signals_pipeline.adapters.news.newsapi import NEWSAPI_ORIGIN, PLANS, Degrades, NewsApi, Plan, QuotaError
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.core.watchlist import Company
from signals_pipeline_tests.support.feed_documents import NOW, Item, newsapi, newsapi_error
from signals_pipeline_tests.support.vendor_server import QUICK, Reply, Request, Vendor

PATH = "/v2/everything"
KEY = "planted0key0planted"
START = NOW - timedelta(hours=9)
COMPANIES = [Company("AAPL", "Apple Inc."), Company("XOM", "Exxon Mobil Corporation", ("Exxon",))]
MANY = [Company(f"S{at}", f"{at} {'Long Name ' * 4}Industries") for at in range(30)]
ITEMS = [Item("Apple opens a store", 30, summary="In Rome."), Item("Exxon drills", 90)]
BUSINESS = PLANS["business"]


def source(
    house: Vendor,
    companies: Sequence[Company] = COMPANIES,
    plan: Plan = BUSINESS,
    degrades: Degrades = Degrades.PAGES,
    budget: int = 1_000,
) -> NewsApi:
    left = [budget]

    def spend() -> None:
        if not left[0]:
            raise QuotaError("NewsAPI's call budget is used up")
        left[0] -= 1

    http = HttpClient(QUICK, user_agent="tests", origins={NEWSAPI_ORIGIN: house.origin}, before_request=spend)
    return NewsApi(http, KEY, companies, plan=plan, degrades=degrades, forecast=lambda: f"NewsAPI: {left[0]} left")


def refusal(api: NewsApi) -> str:
    with pytest.raises(SourceError) as refused:
        api.fetch(START, NOW)
    assert "\n" not in str(refused.value)
    assert KEY not in str(refused.value)
    return str(refused.value)


def pages(items: Sequence[Item], total: int | None = None) -> Callable[[Request], Reply]:
    def answer(request: Request) -> Reply:
        first = (int(request.query["page"]) - 1) * 100
        return Reply(newsapi(items[first : first + 100], len(items) if total is None else total))

    return answer


def test_a_watchlist_is_one_search_with_the_key_in_a_header_only(house: Vendor) -> None:
    house.routes[PATH] = [Reply(newsapi(ITEMS))]
    batch = source(house).fetch(START, NOW)
    (request,) = house.requests
    assert request.query == {
        "q": '"Apple" OR "Exxon"',
        "from": "2026-03-04T12:30:05",  # an hour before the start: articles are indexed late
        "to": "2026-03-04T22:30:06",
        "language": "en",
        "sortBy": "publishedAt",
        "pageSize": "100",
        "page": "1",
    }
    assert KEY in request.headers["Authorization"]
    assert [(item.title, item.published_at, item.source, item.summary, item.url) for item in batch.headlines] == [
        (item.title, item.published.replace(microsecond=0), item.source, item.summary, item.link) for item in ITEMS
    ]
    (visit,) = batch.collections
    assert (visit.status, visit.calls, visit.detail) == ("ok", 1, "NewsAPI: 999 left")
    assert (visit.whole_from, visit.whole_to) == (START, NOW)


def test_pages_are_read_until_all_results_are_there(house: Vendor) -> None:
    items = [Item(f"Apple {at}", at) for at in range(250)]
    house.routes[PATH] = pages(items)
    batch = source(house).fetch(START, NOW)
    assert len(batch.headlines) == 250
    assert [request.query["page"] for request in house.requests] == ["1", "2", "3"]
    assert batch.reports[0].status == "ok"


def test_a_vendor_that_repeats_a_page_is_not_asked_for_ever(house: Vendor) -> None:
    items = [Item(f"Apple {at}", at) for at in range(100)]
    house.routes[PATH] = [Reply(newsapi(items, total=1_000))]
    batch = source(house).fetch(START, NOW)
    assert (len(batch.headlines), len(house.requests)) == (100, 2)
    assert batch.collections[0].whole_from == items[-1].published


def test_more_results_than_the_plan_shows_are_said(house: Vendor) -> None:
    items = [Item(f"Apple {at}", at) for at in range(900)]
    house.routes[PATH] = pages(items)
    (visit,) = source(house).fetch(START, NOW).collections
    assert (visit.status, visit.fetched, visit.calls) == ("degraded", 500, 5)
    assert visit.whole_from == NOW - timedelta(minutes=499)
    assert visit.detail.startswith("AAPL, XOM reaches back to Wed 09:11 ET only")


def test_a_page_that_the_plan_refuses_ends_the_search_and_keeps_what_came(house: Vendor) -> None:
    first = newsapi([Item(f"Apple {at}", at) for at in range(100)], total=150)
    house.routes[PATH] = [Reply(first), Reply(newsapi_error("maximumResultsReached"), status=426), Reply(first)]
    (visit,) = source(house).fetch(START, NOW).collections
    assert (visit.status, visit.fetched, visit.calls) == ("degraded", 100, 2)


def test_the_free_plan_says_that_it_is_late(house: Vendor) -> None:
    house.routes[PATH] = pages([Item(f"Apple {at}", 1_440 + at) for at in range(300)])
    api = source(house, plan=PLANS["free"])
    assert "can't serve live windows" in api.plan.warning
    assert BUSINESS.warning == ""
    (visit,) = api.fetch(NOW - timedelta(days=3), NOW).collections
    assert (visit.calls, visit.status) == (1, "degraded")
    assert visit.whole_to == NOW - timedelta(hours=24)
    assert "the free plan delays articles by 24 h" in visit.detail


def test_a_plan_is_not_asked_further_back_than_it_reaches(house: Vendor) -> None:
    house.routes[PATH] = [Reply(newsapi([]))]
    (visit,) = source(house, plan=PLANS["free"]).fetch(NOW - timedelta(days=90), NOW).collections
    assert house.requests[0].query["from"] == "2026-02-02T22:30:05"
    assert visit.whole_from == NOW - PLANS["free"].reach


def test_removed_articles_are_counted_and_left_out(house: Vendor) -> None:
    gone = Item("[Removed]", 100_000, url="https://removed.com", source="[Removed]")
    house.routes[PATH] = [Reply(newsapi([gone, ITEMS[0], gone]))]
    batch = source(house).fetch(START, NOW)
    assert [item.title for item in batch.headlines] == [ITEMS[0].title]
    assert batch.reports[0].detail.startswith("2 removed by publishers")


def test_no_results_are_no_news(house: Vendor) -> None:
    house.routes[PATH] = [Reply(newsapi([]))]
    batch = source(house).fetch(START, NOW)
    assert (batch.headlines, batch.reports[0].status) == ((), "ok")


DRIFTED = json.loads(newsapi(ITEMS))


@pytest.mark.parametrize(
    ("reply", "message", "calls"),
    [
        (
            Reply(newsapi_error("apiKeyInvalid", f"Your key {KEY} is wrong"), status=401),
            "apiKeyInvalid: Your key ***",
            1,
        ),
        (Reply(newsapi_error("parameterInvalid", "too far back"), status=426), "parameterInvalid: too far back", 1),
        (Reply(b"[]", status=400), "no code", 1),
        (Reply(b"<html>", "text/html"), "HTTP 200 with text/html that is not JSON", 1),
        (Reply(b"<html>", "text/html", 401), "HTTP 401 with text/html that is not JSON", 1),
        (Reply(newsapi_error("rateLimited"), status=429), "HTTP 429", 3),
        (
            Reply(newsapi_error("rateLimited"), status=429, headers=(("Retry-After", "43200"),)),
            "asked to wait 43200 s",
            1,
        ),
        (Reply(b"<html>oops", "text/html", 500), "HTTP 500", 3),
        (Reply(newsapi(ITEMS), cut=50), "broke off", 3),
        (Reply(newsapi(ITEMS), drip=0.05), "no complete response after 0.5 s", 3),
        (Reply(b""), "that is not JSON", 1),
        (Reply(b"[]"), "no `articles` and `totalResults`", 1),
        (Reply(json.dumps(DRIFTED | {"totalResults": None}).encode()), "its format has changed", 1),
        (Reply(json.dumps({"results": DRIFTED["articles"], "totalResults": 2}).encode()), "its format has changed", 1),
        (Reply(newsapi([], total=7)), "7 results but no article; its format has changed", 1),
        (Reply(newsapi(ITEMS).replace(b"publishedAt", b"published_at")), "no time of publication", 1),
        (Reply(newsapi(ITEMS).replace(b'"url"', b'"link"')), "no link where it used to be", 1),
        (Reply(newsapi(ITEMS).replace(b'"title"', b'"headline"')), "no title where it used to be", 1),
    ],
)
def test_whatever_is_no_answer_is_one_line_and_only_what_may_pass_is_asked_again(
    house: Vendor, reply: Reply, message: str, calls: int
) -> None:
    house.routes[PATH] = [reply]
    assert message in refusal(source(house))
    assert len(house.requests) == calls


def test_missing_optional_fields_do_no_harm(house: Vendor) -> None:
    article = {"title": "Apple", "url": "https://n.example/1", "publishedAt": "2026-03-04T20:00:00Z"}
    content = {"status": "ok", "totalResults": 2, "articles": [article, article | {"source": "x", "description": 3}]}
    house.routes[PATH] = [Reply(json.dumps(content).encode())]
    (item,) = source(house).fetch(START, NOW).headlines
    assert (item.source, item.summary) == (None, None)


def test_when_calls_run_short_pages_go_first_or_companies_as_configured(house: Vendor) -> None:
    house.routes[PATH] = pages([Item(f"News {at}", at) for at in range(300)])
    for degrades, expected in ((Degrades.PAGES, ["1"] * 4 + ["2"] * 2), (Degrades.COMPANIES, ["1", "2", "3"] * 2)):
        house.requests.clear()
        (visit,) = source(house, MANY, degrades=degrades, budget=6).fetch(START, NOW).collections
        assert [request.query["page"] for request in house.requests] == expected
        assert visit.status == "degraded"
        assert ("budget is used up" in visit.detail) is (degrades is Degrades.COMPANIES)  # companies not asked at all


def test_a_search_that_fails_degrades_and_is_named(house: Vendor) -> None:
    def answer(request: Request) -> Reply:
        return Reply(b"", "", 503) if "0 Long" in request.query["q"] else Reply(newsapi(ITEMS))

    house.routes[PATH] = answer
    batch = source(house, MANY).fetch(START, NOW)
    (visit,) = batch.collections
    assert batch.headlines
    assert (visit.status, visit.whole_to) == ("degraded", None)
    assert visit.detail.startswith("S0, S1, S2, ...: 127.0.0.1/v2/everything returned HTTP 503")


def test_a_budget_that_is_used_up_is_one_line_and_no_call(house: Vendor) -> None:
    assert "budget is used up" in refusal(source(house, budget=0))
    assert house.requests == []


def test_a_name_longer_than_a_query_is_refused_at_once(house: Vendor) -> None:
    with pytest.raises(ValueError, match="S0: its names take more than 500 characters"):
        source(house, [replace(MANY[0], aliases=tuple(f"{number} {'Name ' * 30}".strip() for number in range(4)))])


def test_it_reaches_as_far_back_as_its_plan(house: Vendor) -> None:
    assert source(house, plan=PLANS["free"]).reach == timedelta(days=30)


def test_one_searchs_broken_page_is_named_and_costs_no_other(house: Vendor) -> None:
    def answer(request: Request) -> Reply:
        is_first = '"0 Long Name' in request.query["q"]
        return Reply(b'{"status": "ok", "articles": {}}' if is_first else newsapi(ITEMS))

    house.routes[PATH] = answer
    batch = source(house, MANY).fetch(START, NOW)
    (visit,) = batch.collections
    assert len(house.requests) > 1
    assert (visit.status, {headline.title for headline in batch.headlines}) == (
        "degraded",
        {item.title for item in ITEMS},
    )
    assert visit.detail.startswith("S0, S1, S2, ...: newsapi.org: the response has no `articles` and `totalResults`")


def test_articles_without_a_readable_time_are_delivered_and_counted(house: Vendor) -> None:
    articles = (
        newsapi([*ITEMS, Item("Apple grows", 20)])
        .replace(b"20:05Z", b"20:05 XYZ")
        .replace(b"2026-03-04T22:00:05Z", b"soon")
    )
    house.routes[PATH] = [Reply(articles)]
    batch = source(house).fetch(START, NOW)
    (visit,) = batch.collections
    assert (len(batch.headlines), visit.status, visit.whole_from) == (3, "degraded", None)
    assert "1 of 3 items without a readable time, such as 'soon'" in visit.detail
