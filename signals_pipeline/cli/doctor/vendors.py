"""Checks that ask a vendor or a server: NewsAPI, Yahoo, the mail server; each waits only for its time limit."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr

from signals_pipeline import sample
from signals_pipeline.adapters.probes.aws import probe_ses
from signals_pipeline.adapters.probes.findings import ProbeResult, fail, ok, warn
from signals_pipeline.adapters.probes.machine import probe_folder
from signals_pipeline.adapters.probes.smtp import probe_smtp_login
from signals_pipeline.adapters.probes.web import probe_newsapi_key
from signals_pipeline.cli.database import existing_database
from signals_pipeline.core.watchlist import BENCHMARK
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import MailTransport

MIGRATE = "signals migrate"

Clock = Callable[[], datetime]

# A company that surely has a calendar; the benchmark, a fund, has none.
_LARGE_COMPANY = "AAPL"

# A calendar interval that contains a session.
_WEEK = timedelta(days=7)


def newsapi_accepts(settings: Settings, now: Clock, origin: str, seconds: float) -> ProbeResult:
    """Whether NewsAPI accepts the key; it takes one request of the quota."""
    from signals_pipeline.adapters.news.newsapi import NewsApi
    from signals_pipeline.adapters.stores.source_calls import SourceCallLedger
    from signals_pipeline.defs.live_feeds import feed_options

    limits = feed_options(settings).plan.limits
    key = _secret(settings.newsapi_key)
    with existing_database(settings) as engine:
        if engine is None:
            return warn("not checked: the quota is counted in the database", MIGRATE)
        calls = SourceCallLedger(engine)

        # The request counts against the quota like one of a run.
        def reserve() -> bool:
            return bool(calls.reserve(NewsApi.name, limits, now()))

        return probe_newsapi_key(key, reserve=reserve, origin=origin, seconds=seconds)


def quota(settings: Settings, now: Clock) -> ProbeResult:
    """How many requests of the NewsAPI quota are left, and when they will run out."""
    from signals_pipeline.adapters.news.newsapi import NewsApi
    from signals_pipeline.adapters.stores.source_calls import SourceCallLedger
    from signals_pipeline.defs.live_feeds import feed_options

    limits = feed_options(settings).plan.limits
    with existing_database(settings) as engine:
        if engine is None:
            return warn("unknown: it is counted in the database", MIGRATE)
        forecast = SourceCallLedger(engine).forecast(NewsApi.name, limits, now(), "NewsAPI")
    if forecast.runs_out or not forecast.left:
        return warn(forecast.text, "wait for the next period, get a larger plan, or shorten the watchlist")
    return ok(forecast.text)


def prices(base_url: str, seconds: float) -> ProbeResult:
    """Whether Yahoo returns bars of the benchmark, without retries."""
    from signals_pipeline.adapters.prices.chart_session import CHART_PATH, YAHOO_CHARTS_ORIGIN, ChartSession
    from signals_pipeline.adapters.prices.yahoo_chart import chart_policy
    from signals_pipeline.adapters.yahoo_symbols import Refused

    # No spacing and no retries: one request, which must answer within the time limit.
    policy = chart_policy(deadline=seconds, concurrency=1, min_interval=0, attempts=1)
    with ChartSession(policy, base_url=base_url) as session:
        try:
            session.get(f"{YAHOO_CHARTS_ORIGIN}{CHART_PATH}{BENCHMARK}", params={"range": "5d", "interval": "1d"})
        except Refused as error:
            remedy = "try again later, set TIINGO_KEY for a second source, or set SIGNALS_PRICES_PATH"
            return fail(f"Yahoo returns no bars of {error}", remedy)
    return ok(f"Yahoo returns bars of {BENCHMARK}")


def earnings(settings: Settings, base_url: str, seconds: float) -> ProbeResult:
    """Whether the recorded dates can be read, or Yahoo returns the calendar of a large company, without retries."""
    from signals_pipeline.adapters.earnings.recorded import RecordedEarnings
    from signals_pipeline.adapters.earnings.yahoo import YahooEarnings
    from signals_pipeline.adapters.prices.yahoo_chart import chart_policy

    if settings.signals_earnings_path:
        problems = list(RecordedEarnings(settings.signals_earnings_path).collect(()).problems)
        if problems:
            others = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
            return warn(f"{problems[0]}{others}", "correct SIGNALS_EARNINGS_PATH, see docs/sources.md, Earnings dates")
        return ok(f"recorded: {settings.signals_earnings_path}")

    # A third each for the cookie, the crumb and the calendar.
    policy = chart_policy(deadline=seconds / 3, concurrency=1, min_interval=0, attempts=1)
    # A cache of its own: a check leaves nothing behind.
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        delivery = YahooEarnings(cache_dir=Path(folder), policy=policy, base_url=base_url).fetch([_LARGE_COMPANY])
    if delivery.refused:
        reason = delivery.refused[_LARGE_COMPANY].text
        remedy = "try again later, or set EARNINGS_SOURCE=off; until then digests say that dates are unknown"
        return warn(f"Yahoo returns no earnings dates of {_LARGE_COMPANY}: {reason}", remedy)
    return ok(f"Yahoo returns earnings dates of {_LARGE_COMPANY}")


def second_prices(key: SecretStr, now: Clock, origin: str, seconds: float) -> ProbeResult:
    """Whether Tiingo accepts the key and returns bars of the benchmark; it takes one request of the allowance."""
    from signals_pipeline.adapters.prices.tiingo import TIINGO_ORIGIN, TiingoPrices
    from signals_pipeline.adapters.prices.yahoo_chart import chart_policy

    policy = chart_policy(deadline=seconds, concurrency=1, min_interval=0, attempts=1)
    today = now().date()
    vendor = TiingoPrices(key.get_secret_value(), policy=policy, origin=origin or TIINGO_ORIGIN)
    delivery = vendor.fetch([BENCHMARK], today - _WEEK, today + timedelta(days=1))
    if delivery.refused:
        return fail(
            f"Tiingo returns no bars of {BENCHMARK}: {delivery.refused[BENCHMARK]}", "see docs/sources.md, Prices"
        )
    return ok(f"Tiingo returns bars of {BENCHMARK}; it takes over while Yahoo fails")


def mail(settings: Settings, seconds: float) -> ProbeResult:
    """Whether mail can be sent, and to how many recipients."""
    from signals_pipeline.core.digest.readers import merged_readers
    from signals_pipeline.defs.recipients import ReaderSources, read_readers

    watchlist = settings.signals_watchlist or sample.WATCHLIST
    loaded = read_readers(ReaderSources(settings.recipients, settings.signals_readers, watchlist))
    if loaded.problems:
        first, *others = loaded.problems
        remark = f" (and {len(others)} more)" if others else ""
        return fail(f"{first}{remark}", "signals readers check")
    count = len(merged_readers(loaded.readers, settings.recipients, {}))
    if not count and settings.signals_readers:
        return warn(f"{settings.signals_readers} names no reader: no mail is sent", "signals readers list")
    if not count:
        return warn("DIGEST_RECIPIENTS is empty: no mail is sent", "set DIGEST_RECIPIENTS")
    if settings.mail_transport is MailTransport.SES:
        return probe_ses(seconds=seconds)
    if settings.mail_transport is MailTransport.FILES:
        # A folder that is nearly full is a warning, which the line must keep.
        result = probe_folder(settings.mail_dir)
        if result.status != "ok":
            return result
        recipients = "1 recipient" if count == 1 else f"{count} recipients"
        return ok(f"files for {recipients}: {settings.mail_dir}")
    return probe_smtp_login(
        settings.smtp_host,
        settings.smtp_port,
        settings.smtp_tls.value,
        user=settings.smtp_user,
        password=_secret(settings.smtp_password),
        seconds=seconds,
    )


def _secret(value: SecretStr | None) -> str:
    """The text of a secret; empty if it is not set."""
    return value.get_secret_value() if value else ""
