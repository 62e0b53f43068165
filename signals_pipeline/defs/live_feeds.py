"""The live feeds that the settings ask for; without Dagster, so that `signals doctor` can say them at once."""

from collections.abc import Mapping

from signals_pipeline.adapters.http_client.policy import RequestPolicy
from signals_pipeline.adapters.news.feeds import FeedOptions
from signals_pipeline.adapters.news.newsapi import Degrades
from signals_pipeline.settings import Settings
from signals_pipeline.settings.strategy import SettingsError


def feed_options(settings: Settings, *, origins: Mapping[str, str] | None = None) -> FeedOptions:
    """The feeds' options by settings.

    Raises:
        SettingsError: newsapi without NEWSAPI_KEY, or rss:edgar without SIGNALS_CONTACT.
    """
    key = settings.newsapi_key.get_secret_value() if settings.newsapi_key else ""
    named = tuple(filter(None, (name.strip() for name in settings.signals_feeds.split(","))))
    usual = {"newsapi": bool(key), "yahoo": True, "rss:yahoo": True, "rss:edgar": bool(settings.signals_contact)}
    needs = {"newsapi": "NEWSAPI_KEY", "rss:edgar": "SIGNALS_CONTACT"}
    for name in named:
        if not usual.get(name, True):
            raise SettingsError(f"SIGNALS_FEEDS: {name} needs {needs[name]}, which is empty")
    return FeedOptions(
        names=named or tuple(name for name, ready in usual.items() if ready),
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
    )
