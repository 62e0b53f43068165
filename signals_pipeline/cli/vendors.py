"""What `signals doctor` asks outside of this machine: NewsAPI, Yahoo, the mail server; none for long."""

from collections.abc import Callable
from datetime import datetime

from signals_pipeline.adapters.probes.aws import ses
from signals_pipeline.adapters.probes.findings import ProbeResult, fail, ok, warn
from signals_pipeline.adapters.probes.machine import folder
from signals_pipeline.adapters.probes.smtp import smtp_login
from signals_pipeline.adapters.probes.web import newsapi_key
from signals_pipeline.cli.database import opened
from signals_pipeline.core.watchlist import BENCHMARK
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import MailTransport

MIGRATE = "signals migrate"

Clock = Callable[[], datetime]


def newsapi_accepts(settings: Settings, now: Clock, origin: str, seconds: float) -> ProbeResult:
    """Whether the key is accepted, by one call out of the budget."""
    from signals_pipeline.adapters.news.newsapi import NewsApi
    from signals_pipeline.adapters.stores.source_calls import SourceCalls
    from signals_pipeline.defs.live_feeds import feed_options

    limits = feed_options(settings).plan.limits
    key = settings.newsapi_key.get_secret_value() if settings.newsapi_key else ""
    with opened(settings) as engine:
        if engine is None:
            return warn("not asked: the budget is kept in the database", MIGRATE)
        calls = SourceCalls(engine)
        return newsapi_key(
            key, reserve=lambda: bool(calls.reserve(NewsApi.name, limits, now())), origin=origin, seconds=seconds
        )


def quota(settings: Settings, now: Clock) -> ProbeResult:
    """How many calls are left, and until when they last."""
    from signals_pipeline.adapters.news.newsapi import NewsApi
    from signals_pipeline.adapters.stores.source_calls import SourceCalls
    from signals_pipeline.defs.live_feeds import feed_options

    with opened(settings) as engine:
        if engine is None:
            return warn("not known: it is kept in the database", MIGRATE)
        found = SourceCalls(engine).forecast(NewsApi.name, feed_options(settings).plan.limits, now(), "NewsAPI")
    remedy = "wait for the next period, get a larger plan, or shorten the watchlist"
    return warn(found.text, remedy) if found.runs_out or not found.left else ok(found.text)


def prices(base_url: str, seconds: float) -> ProbeResult:
    """Whether Yahoo answers with bars of the benchmark; it is asked once."""
    from signals_pipeline.adapters.prices.yahoo_chart import chart_policy
    from signals_pipeline.adapters.prices.yahoo_session import CHART_PATH, YAHOO_CHARTS_ORIGIN, ChartSession, Refused

    policy = chart_policy(deadline=seconds, concurrency=1, min_interval=0, attempts=1)
    with ChartSession(policy, base_url=base_url) as session:
        try:
            session.get(f"{YAHOO_CHARTS_ORIGIN}{CHART_PATH}{BENCHMARK}", params={"range": "5d", "interval": "1d"})
        except Refused as error:
            return fail(f"Yahoo gives no bars of {error}", "try again later, or set SIGNALS_PRICES_PATH")
    return ok(f"Yahoo answers for {BENCHMARK}")


def mail(settings: Settings, seconds: float) -> ProbeResult:
    """Whether mail can leave, and to whom."""
    if not settings.recipients:
        return warn("DIGEST_RECIPIENTS is empty: nobody gets a mail", "name the readers")
    if settings.mail_transport is MailTransport.SES:
        return ses(seconds=seconds)
    if settings.mail_transport is MailTransport.FILES:
        found = folder(settings.mail_dir)
        return found if found.status != "ok" else ok(f"as files for {len(settings.recipients)}: {settings.mail_dir}")
    password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
    host, port, tls = settings.smtp_host, settings.smtp_port, settings.smtp_tls.value
    return smtp_login(host, port, tls, user=settings.smtp_user, password=password, seconds=seconds)
