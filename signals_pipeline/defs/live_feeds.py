"""The live feeds of the settings; free of Dagster, whose import would slow down `signals doctor`."""

from collections.abc import Mapping

from signals_pipeline.adapters.http_client.policy import RequestPolicy
from signals_pipeline.adapters.news.feeds import FeedOptions
from signals_pipeline.adapters.news.newsapi import Degrades
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import split_list
from signals_pipeline.settings.strategy import SettingsError


def feed_options(settings: Settings, *, origins: Mapping[str, str] | None = None) -> FeedOptions:
    """Options of the feeds.

    Args:
        settings: Validated settings.
        origins: Other hosts for vendors' origins, for tests; see `HttpClient`.

    Raises:
        SettingsError: SIGNALS_FEEDS names newsapi without NEWSAPI_KEY, or rss:edgar without SIGNALS_CONTACT.
    """
    key = settings.newsapi_key.get_secret_value() if settings.newsapi_key else ""
    stripped = [name.strip() for name in settings.signals_feeds.split(",")]
    named = tuple(name for name in stripped if name)

    # The default feeds, and whether the settings have what each needs. Other names are URLs of RSS feeds.
    is_ready = {"newsapi": bool(key), "yahoo": True, "rss:yahoo": True, "rss:edgar": bool(settings.signals_contact)}
    required_setting = {"newsapi": "NEWSAPI_KEY", "rss:edgar": "SIGNALS_CONTACT"}
    for name in named:
        if not is_ready.get(name, True):
            raise SettingsError(f"SIGNALS_FEEDS: {name} needs {required_setting[name]}, which is empty")
    return FeedOptions(
        names=named or tuple(name for name, ready in is_ready.items() if ready),
        cache_dir=str((settings.signals_data_dir / "yfinance").absolute()),
        newsapi_key=key,
        newsapi_plan=settings.newsapi_plan,
        newsapi_daily_calls=settings.newsapi_daily_calls,
        degrades=Degrades(settings.newsapi_gives_up_first),
        contact=settings.signals_contact,
        policy=RequestPolicy(
            concurrency=settings.news_concurrency,
            min_interval=settings.news_spacing_seconds,
            timeout=settings.news_timeout_seconds,
            deadline=2 * settings.news_timeout_seconds,
        ),
        origins=origins or {},
        redirect_hosts=split_list(settings.signals_redirect_hosts),
    )
