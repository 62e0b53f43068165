"""All vendors together: one round asks each within its manners, and the windows tile what they deliver."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from signals_pipeline.adapters.news.feeds import FeedOptions, build_feeds
from signals_pipeline.adapters.stores.source_calls import SourceCallLedger
from signals_pipeline.core.news.feeds import SourceError
from signals_pipeline.core.news.quotas import Limit
from signals_pipeline.core.watchlist import Company, Watchlist
from signals_pipeline_tests.support.feed_documents import NOW
from signals_pipeline_tests.support.live_vendors import OWN, PATHS, LivePipeline, live_pipeline
from signals_pipeline_tests.support.vendor_server import QUICK

HALF_DAY = timedelta(hours=12)
FEEDS = ["newsapi", "yahoo", "rss:yahoo", "rss:edgar", "rss:127.0.0.1/feed.xml"]


@pytest.fixture
def pipeline(store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LivePipeline]:
    monkeypatch.setattr("yfinance.data.SingletonMeta._instances", {})
    patient = replace(QUICK, timeout=30.0, deadline=30.0)  # on a busy machine, too, an answer is asked for once
    with live_pipeline(tmp_path, symbols=6, manners=patient, store=store) as opened:
        yield opened


def test_two_windows_are_delivered_by_all_feeds_and_share_no_item(pipeline: LivePipeline) -> None:
    first = pipeline.news.fetch(NOW - HALF_DAY, NOW)
    pipeline.now = NOW + HALF_DAY
    second = pipeline.news.fetch(NOW, pipeline.now)
    for batch in (first, second):
        assert [(report.feed, report.status) for report in batch.reports] == [(feed, "ok") for feed in FEEDS]
        assert {item.feed for item in batch.headlines} == set(FEEDS)
        assert len({item.url for item in batch.headlines}) == len(batch.headlines)
    assert not {item.url for item in first.headlines} & {item.url for item in second.headlines}
    # Of the symbols' hourly items, each half day has twelve; of NewsAPI's, forty in all, one each 18 minutes.
    assert len([item for item in second.headlines if item.feed == "yahoo"]) == 6 * 12
    assert len([item for item in second.headlines if item.feed == "newsapi"]) == 40


def test_a_round_asks_no_more_than_it_must(pipeline: LivePipeline) -> None:
    pipeline.news.fetch(NOW - HALF_DAY, NOW)
    asked = {path: len(pipeline.house.asked(path)) for path in (*PATHS.values(), OWN, "/", "/v1/test/getcrumb")}
    assert asked == {
        PATHS["newsapi"]: 1,
        PATHS["yahoo"]: 6,
        PATHS["rss:yahoo"]: 6,
        PATHS["rss:edgar"]: 2,
        OWN: 1,
        "/": 1,
        "/v1/test/getcrumb": 1,
    }


def test_a_filing_carries_its_company(pipeline: LivePipeline) -> None:
    batch = pipeline.news.fetch(NOW - HALF_DAY, NOW)
    filings = [item for item in batch.headlines if item.feed == "rss:edgar"]
    assert {(item.title, item.tags) for item in filings} == {
        ("Acme Motors Inc. files 8-K: Results of Operations", ("S0",)),
    }


def options(tmp_path: Path, **changes: object) -> FeedOptions:
    return FeedOptions(names=("newsapi",), cache_dir=str(tmp_path), **changes)  # pyright: ignore[reportArgumentType]


def test_the_operators_budget_holds_below_the_plans(tmp_path: Path) -> None:
    assert options(tmp_path).plan.limits == (Limit(100), Limit(50, 12))
    assert options(tmp_path, newsapi_daily_calls=10).plan.limits == (Limit(10), Limit(50, 12))
    assert options(tmp_path, newsapi_daily_calls=500).plan.limits == (Limit(100), Limit(50, 12))
    assert options(tmp_path, newsapi_plan="business").warnings == ()


def test_a_budget_that_other_runs_used_up_is_one_line(tmp_path: Path, engine: Engine) -> None:
    calls, apple = SourceCallLedger(engine), Watchlist((Company("AAPL", "Apple Inc."),))
    chosen = options(tmp_path, newsapi_daily_calls=3, origins={"https://newsapi.org": "http://127.0.0.1:9"})
    assert calls.reserve("newsapi", chosen.plan.limits, NOW, 5) == 3
    (feed,) = build_feeds(chosen, apple, calls, lambda: NOW)
    with pytest.raises(
        SourceError, match=r"^NewsAPI's call budget is used up \(NewsAPI: 0 left, runs out 17:30 ET\); wait"
    ):
        feed.fetch(NOW - HALF_DAY, NOW)


@pytest.mark.parametrize(
    ("entry", "name"),
    [
        ("reuters", "reuters"),
        ("https://[x/?token=planted", "https://***"),
        ("http//foo", "http//foo"),
        ("http://h:x/", "http://***"),
        ("htps://user:planted@h/feed", "htps://***@h/feed"),
        ("http//foo?token=planted", "***"),
    ],
)
def test_a_wrong_entry_fails_as_a_feed_of_its_own(tmp_path: Path, entry: str, name: str) -> None:
    calls = SourceCallLedger.__new__(SourceCallLedger)  # never asked
    chosen = FeedOptions((entry, "rss:yahoo"), str(tmp_path))
    wrong, right = build_feeds(chosen, Watchlist(()), calls, lambda: NOW)
    assert (wrong.name, right.name) == (name, "rss:yahoo")
    with pytest.raises(SourceError, match=r"^SIGNALS_FEEDS: .* is not a feed; use newsapi, yahoo, ") as refused:
        wrong.fetch(NOW - HALF_DAY, NOW)
    assert (str(refused.value),) == chosen.warnings
    assert "planted" not in str(refused.value)


def test_a_name_too_long_for_a_search_fails_newsapi_alone(tmp_path: Path) -> None:
    calls = SourceCallLedger.__new__(SourceCallLedger)  # never asked
    names = tuple(f"{number} {'Name ' * 30}".strip() for number in range(4))
    endless = Watchlist((Company("S", "Example Inc.", names),))
    (wrong,) = build_feeds(options(tmp_path), endless, calls, lambda: NOW)
    assert wrong.name == "newsapi"
    with pytest.raises(SourceError, match="newsapi: S: its names take more than 500 characters"):
        wrong.fetch(NOW - HALF_DAY, NOW)


def test_addresses_that_differ_in_their_query_alone_are_two_feeds(tmp_path: Path) -> None:
    calls = SourceCallLedger.__new__(SourceCallLedger)  # never asked
    long = "https://n.example/" + "a" * 100
    entries = ("https://n.example/rss?q=a", "https://n.example/rss?q=b", long, f"{long}b")
    feeds = build_feeds(FeedOptions(entries, str(tmp_path)), Watchlist(()), calls, lambda: NOW)
    names = [feed.name for feed in feeds]
    assert names[:2] == ["rss:n.example/rss", "rss:n.example/rss#2"]
    assert len(set(names)) == 4
    assert {len(name) for name in names[2:]} == {64}
