"""Yahoo's news through yfinance over real sockets: what its client would pass off as no news is refused here."""

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from signals_pipeline.adapters.http_client.policy import RequestPolicy
from signals_pipeline.adapters.news.yahoo import YahooNews
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline_tests.support.feed_documents import NOW, Item, yahoo
from signals_pipeline_tests.support.vendor_server import QUICK, Reply, Request, Vendor, vendor
from signals_pipeline_tests.support.yahoo_cookies import keep_cookie

PATH = "/xhr/ncp"
START = NOW - timedelta(hours=9)
ITEMS = [Item("Acme wins a contract", 30), Item("Exxon raises its dividend", 90)]


@pytest.fixture
def house(monkeypatch: pytest.MonkeyPatch) -> Iterator[Vendor]:
    monkeypatch.setattr("yfinance.data.SingletonMeta._instances", {})  # its cookie outlives a session
    with vendor() as opened:
        opened.routes["/"] = [Reply(b"", "text/html", 404, (("Set-Cookie", "A3=x; Domain=.yahoo.com"),))]
        opened.routes["/v1/test/getcrumb"] = [Reply(b"crumb", "text/plain")]
        yield opened


def source(house: Vendor, folder: Path, *symbols: str, policy: RequestPolicy = QUICK) -> YahooNews:
    hosts = ("https://finance.yahoo.com", "https://fc.yahoo.com", "https://query1.finance.yahoo.com")
    consent = ("https://guce.yahoo.com", "https://consent.yahoo.com")
    origins: dict[str, str] = dict.fromkeys((*hosts, *consent), house.origin)
    return YahooNews(symbols or ("AAPL",), policy, cache_dir=str(folder), origins=origins)


def of_symbol(replies: dict[str, Reply]) -> Callable[[Request], Reply]:
    def answer(request: Request) -> Reply:
        (symbol,) = json.loads(request.content)["serviceConfig"]["s"]
        return replies[symbol]

    return answer


def test_each_symbols_items_are_delivered_without_advertisements(house: Vendor, tmp_path: Path) -> None:
    replies = {"AAPL": Reply(yahoo(ITEMS)), "BRK-B": Reply(yahoo(ITEMS[1:])), "XOM": Reply(yahoo([]))}
    house.routes[PATH] = of_symbol(replies)
    batch = source(house, tmp_path, "AAPL", "BRK.B", "XOM").fetch(START, NOW)
    assert [(item.title, item.tags) for item in batch.headlines] == [
        (ITEMS[0].title, ("?AAPL",)),
        (ITEMS[1].title, ("?AAPL",)),
        (ITEMS[1].title, ("?BRK.B",)),
    ]
    item = batch.headlines[0]
    assert (item.url, item.source, item.summary) == (ITEMS[0].link, ITEMS[0].source, ITEMS[0].summary)
    assert item.published_at == ITEMS[0].published.replace(microsecond=0)
    assert batch.reports[0].status == "ok"
    assert batch.reports[0].calls >= 3


def test_a_full_answer_says_from_when_on(house: Vendor, tmp_path: Path) -> None:
    house.routes[PATH] = [Reply(yahoo([Item(f"Title {at}", at) for at in range(1, 51)]))]
    (visit,) = source(house, tmp_path).fetch(START, NOW).collections
    assert (visit.status, visit.whole_from) == ("degraded", NOW.replace(microsecond=0) - timedelta(minutes=50))
    assert visit.detail == "AAPL reaches back to Wed 16:40 ET only"


GOOD = json.loads(yahoo(ITEMS))


@pytest.mark.parametrize(
    ("reply", "message"),
    [
        (Reply(b"<html>", "text/html"), "returned no JSON"),
        (Reply(b""), "returned no JSON"),
        (Reply(b"{}"), r"the response has no data.tickerStream.stream; its format has changed"),
        (Reply(yahoo(ITEMS).replace(b"tickerStream", b"stream2")), "its format has changed"),
        (Reply(yahoo(ITEMS).replace(b'"content"', b'"article"')), "items without content; its format has changed"),
        (Reply(yahoo(ITEMS).replace(b'"pubDate"', b'"date"')), "no time of publication where it used to be"),
        (Reply(yahoo(ITEMS).replace(b'"title"', b'"name"')), "no title where it used to be"),
        (Reply(yahoo(ITEMS).replace(b'"canonicalUrl"', b'"link"')), "no link where it used to be"),
        (Reply(b"Will be right back...", "text/html"), "Yahoo reports an outage"),
        (Reply(b"denied", "text/plain", 401), "returned HTTP 401"),
        (Reply(b"upgrade", "text/plain", 426), "returned HTTP 426"),
        (Reply(b"", "", 429), "returned HTTP 429"),
        (Reply(b"", "", 429, (("Retry-After", "600"),)), "and asked to wait 600 s"),
        (Reply(b"oops", "text/plain", 500), "returned HTTP 500"),
        (Reply(yahoo(ITEMS), cut=30), "IncompleteRead: "),
        (Reply(yahoo(ITEMS), drip=0.05), "Timeout: "),
    ],
)
def test_whatever_is_no_answer_is_one_line(house: Vendor, tmp_path: Path, reply: Reply, message: str) -> None:
    house.routes[PATH] = [reply]
    with pytest.raises(SourceError, match=message) as refused:
        source(house, tmp_path).fetch(START, NOW)
    assert "\n" not in str(refused.value)


def test_what_may_pass_is_asked_again(house: Vendor, tmp_path: Path) -> None:
    rest = Reply(b"", "", 429, (("Retry-After", "0"),))
    for first, second in ((Reply(b"", "", 503), Reply(b"", "", 429)), (rest, Reply(yahoo(ITEMS), cut=30))):
        house.served.clear()
        house.routes[PATH] = [first, second, Reply(yahoo(ITEMS))]
        assert len(source(house, tmp_path).fetch(START, NOW).headlines) == 2
    assert len(house.asked(PATH)) == 6


def test_a_cookie_that_can_t_be_had_does_not_stop_the_news(house: Vendor, tmp_path: Path) -> None:
    house.routes["/"] = house.routes["/v1/test/getcrumb"] = [Reply(b"", "", 503)]
    house.routes[PATH] = [Reply(yahoo(ITEMS))]
    assert len(source(house, tmp_path).fetch(START, NOW).headlines) == 2


def test_a_cookie_without_an_end_that_was_kept_breaks_nothing(house: Vendor, tmp_path: Path) -> None:
    keep_cookie(tmp_path)
    house.routes[PATH] = [Reply(yahoo(ITEMS))]
    batch = source(house, tmp_path, "AAPL", "XOM").fetch(START, NOW)
    assert (len(batch.headlines), batch.reports[0].status) == (4, "ok")


def test_what_yfinance_stumbles_over_is_one_line(house: Vendor, tmp_path: Path) -> None:
    answer = json.loads(yahoo(ITEMS))
    answer["data"]["tickerStream"]["stream"].append("no item")
    house.routes[PATH] = [Reply(json.dumps(answer).encode())]
    with pytest.raises(SourceError) as refused:
        source(house, tmp_path).fetch(START, NOW)
    assert "yfinance can't read Yahoo's news of AAPL (AttributeError: " in str(refused.value)
    assert "\n" not in str(refused.value)


def test_redirects_are_followed_within_yahoo_only(house: Vendor, tmp_path: Path) -> None:
    house.routes[PATH] = [Reply(b"", "", 302, (("Location", "https://guce.yahoo.com/consent"),))]
    house.routes["/consent"] = [Reply(yahoo(ITEMS))]
    assert len(source(house, tmp_path).fetch(START, NOW).headlines) == len(ITEMS)

    house.routes["/leaves"] = [Reply(yahoo(ITEMS))]
    for target in (f"{house.origin}/leaves", "http://guce.yahoo.com/leaves", "https://yahoo.com.example/"):
        house.routes["/consent"] = [Reply(b"", "", 302, (("Location", target),))]
        with pytest.raises(SourceError, match="returned HTTP 302"):
            source(house, tmp_path).fetch(START, NOW)
    assert house.asked("/leaves") == []
