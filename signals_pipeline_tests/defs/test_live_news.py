"""The resource `news` of a live deployment: feeds by setting, the key never shown, trouble in ledger and metadata."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._serdes import serialize_value

from signals_pipeline import sample
from signals_pipeline.definitions import build_definitions
from signals_pipeline.defs.live_feeds import feed_options
from signals_pipeline.defs.live_news import open_live_news
from signals_pipeline.defs.resources import (
    MarketContext,
    MarketContextResource,
    Store,
    open_store,
)
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import SettingsError
from signals_pipeline_tests.support.feed_documents import NOW, Item, newsapi, newsapi_error, rss
from signals_pipeline_tests.support.live_news_runs import WINDOW, materialize, settings
from signals_pipeline_tests.support.vendor_server import XML, Reply, Vendor, vendor

KEY = "planted0key0planted"
# Minutes before the documents' clock at which an item was published half an hour before the window's end.
RECENTLY = (NOW - WINDOW.end) / timedelta(minutes=1) + 30


@pytest.fixture
def house() -> Iterator[Vendor]:
    with vendor() as opened:
        opened.routes["/feed.xml"] = [Reply(rss([Item("Microsoft opens an office", RECENTLY)]), XML)]
        opened.routes["/v2/everything"] = [Reply(newsapi([Item("Microsoft raises its dividend", RECENTLY)]))]
        yield opened


def test_one_feed_down_degrades_the_ledger_and_the_metadata_and_the_run_goes_on(house: Vendor, tmp_path: Path) -> None:
    house.routes["/v2/everything"] = [Reply(newsapi_error("apiKeyInvalid", f"{KEY} is wrong"), status=401)]
    chosen = settings(tmp_path, signals_feeds=f"newsapi,{house.origin}/feed.xml?token=planted", newsapi_key=KEY)
    result, instance = materialize(chosen, house)
    assert result.success
    (event,) = result.asset_materializations_for_node("headlines")
    feeds = event.metadata["feeds"].value
    assert isinstance(feeds, dict)
    assert str(feeds["newsapi"]).startswith("failed: 0 newsapi.org refused the request (apiKeyInvalid: *** is wrong)")
    assert str(feeds["rss:127.0.0.1/feed.xml"]).startswith("ok: 1")
    entry = open_store(chosen.database_url).coverage.get(WINDOW)
    assert entry is not None
    assert (entry.status, [report.status for report in entry.reports]) == ("degraded", ["failed", "ok"])
    assert "1 of 2 sources" in entry.line("compact")
    told = "\n".join(str(record) for record in instance.all_logs(result.run_id))
    assert "plan delays articles by 24 h and can't serve live windows" in told
    for secret in ("planted", KEY):
        assert secret not in told


def test_a_broken_redirect_and_wrong_entries_fail_alone_and_are_named(house: Vendor, tmp_path: Path) -> None:
    house.routes["/moved"] = [Reply(b"", "", 302, (("Location", "https://cdn..example.org/"),))]
    house.routes["/lost"] = [Reply(b"", "", 302, (("Location", "https://[x/"),))]
    feeds = f"https://[x/?token=planted,http//foo,{house.origin}/moved,{house.origin}/lost,{house.origin}/feed.xml"
    chosen = settings(tmp_path, signals_feeds=feeds)
    result, instance = materialize(chosen, house)
    assert result.success
    entry = open_store(chosen.database_url).coverage.get(WINDOW)
    assert entry is not None
    assert entry.status == "degraded"
    assert [(report.feed, report.status) for report in entry.reports] == [
        ("https://***", "failed"),
        ("http//foo", "failed"),
        ("rss:127.0.0.1/moved", "failed"),
        ("rss:127.0.0.1/lost", "failed"),
        ("rss:127.0.0.1/feed.xml", "ok"),
    ]
    details = [report.detail for report in entry.reports]
    assert details[1] == (
        "SIGNALS_FEEDS: 'http//foo' is not a feed; use newsapi, yahoo, rss:yahoo, rss:edgar or the address of a feed"
    )
    assert "can't be sent (UnicodeError); check the address" in details[2]
    told = "\n".join(str(record) for record in instance.all_logs(result.run_id))
    assert "SIGNALS_FEEDS: 'http//foo' is not a feed" in told
    assert "planted" not in told


def test_all_feeds_down_fails_the_run_with_one_line(house: Vendor, tmp_path: Path) -> None:
    house.routes["/feed.xml"] = [Reply(b"", "text/html", 404)]
    house.routes["/moved"] = [Reply(b"", "", 302, (("Location", "https://[x/?planted"),))]
    # Each with a key, which the causes of the failure must not show either: Dagster stores them.
    places = (
        f"{house.origin}/feed.xml?key=planted",
        "http://desk:planted@127.0.0.1:9/?key=planted",
        house.origin.replace("http://", "https://planted@") + "/?key=planted",
        f"{house.origin}/moved?key=planted",
    )
    chosen = settings(tmp_path, signals_feeds=",".join(places))
    result, instance = materialize(chosen, house)
    assert not result.success
    failure = str(result.failure_data_for_node("headlines"))
    assert "news: every feed failed (rss:127.0.0.1/feed.xml: 127.0.0.1/feed.xml returned HTTP 404" in failure
    assert open_store(chosen.database_url).coverage.get(WINDOW) is None
    assert "planted" not in failure
    assert "planted" not in "\n".join(str(record) for record in instance.all_logs(result.run_id))


def test_calls_are_counted_and_forecast_in_the_metadata(house: Vendor, tmp_path: Path) -> None:
    chosen = settings(
        tmp_path, signals_feeds="newsapi", newsapi_key=KEY, newsapi_plan="business", newsapi_daily_calls=9
    )
    result, _ = materialize(chosen, house)
    (event,) = result.asset_materializations_for_node("headlines")
    feeds = event.metadata["feeds"].value
    assert isinstance(feeds, dict)
    made = len(house.asked("/v2/everything"))
    assert f"NewsAPI: {9 - made} left" in str(feeds["newsapi"])


def names(**given: object) -> Sequence[str]:
    return feed_options(Settings.checked(**given)).names


def test_the_usual_feeds_are_those_whose_needs_are_met() -> None:
    assert names() == ("yahoo", "rss:yahoo")
    assert names(newsapi_key=KEY, signals_contact="a@b.example") == ("newsapi", "yahoo", "rss:yahoo", "rss:edgar")
    assert names(signals_feeds=" rss:yahoo, https://n.example/rss ") == ("rss:yahoo", "https://n.example/rss")


@pytest.mark.parametrize(
    ("feeds", "said"),
    [
        ("newsapi", "SIGNALS_FEEDS: newsapi needs NEWSAPI_KEY, which is empty"),
        ("rss:edgar", "SIGNALS_FEEDS: rss:edgar needs SIGNALS_CONTACT, which is empty"),
        ("reuters", "unknown feed 'reuters'; use newsapi, yahoo, rss:yahoo, rss:edgar or a URL"),
        ("https://[x/, http//foo", r"unknown feed 'https://\*\*\*'; use newsapi, "),
    ],
)
def test_a_feed_that_can_t_be_asked_is_one_line_at_start_up(feeds: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said) as refused:
        build_definitions(Settings.checked(signals_deployment="local", signals_feeds=feeds))
    assert "\n" not in str(refused.value)


def test_the_key_and_addresses_reach_nothing_that_the_ui_shows(tmp_path: Path) -> None:
    feeds = "newsapi,https://n.example/rss?token=planted"
    chosen = Settings.checked(
        signals_deployment="local", signals_data_dir=tmp_path, signals_feeds=feeds, newsapi_key=KEY
    )
    shown = serialize_value(build_definitions(chosen).resolve_job_def("digest_job").get_job_snapshot())
    assert "n.example/rss" in shown
    assert "planted" not in shown
    assert KEY not in repr(feed_options(chosen))


def test_every_feed_is_built_and_none_is_asked(tmp_path: Path) -> None:
    chosen = settings(
        tmp_path,
        signals_feeds="newsapi,yahoo,rss:yahoo,rss:edgar,https://n.example/rss",
        newsapi_key=KEY,
        signals_contact="a@b.example",
    )
    store: Store = open_store(chosen.database_url)
    with dg.build_init_resource_context() as init:
        pipeline: MarketContext = MarketContextResource(
            watchlist=str(sample.WATCHLIST), deployment="local", digests_dir=str(tmp_path)
        ).create_resource(init)
    news = open_live_news(feed_options(chosen), pipeline, store)
    assert news.warnings
    assert store.engine.dialect.name == "sqlite"
    store.engine.dispose()
