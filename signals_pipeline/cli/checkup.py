"""What `signals doctor` looks at in a deployment; each look is a small function that answers with one finding."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from sqlalchemy.engine import Engine, make_url
from sqlalchemy.exc import ArgumentError

from signals_pipeline import sample
from signals_pipeline.adapters import migrate
from signals_pipeline.adapters.database import engine_for
from signals_pipeline.adapters.digests import Digests
from signals_pipeline.adapters.model import LABELS, SentimentModel, read_config
from signals_pipeline.adapters.news.newsapi import NewsApi
from signals_pipeline.adapters.prices.pacing import Pacer
from signals_pipeline.adapters.prices.yahoo_session import CHART, YAHOO, ChartSession, Refused
from signals_pipeline.adapters.probes import Finding, Probe, fail, ok, warn
from signals_pipeline.adapters.probes.aws import bucket, ses
from signals_pipeline.adapters.probes.machine import folder, memory
from signals_pipeline.adapters.probes.smtp import smtp_login
from signals_pipeline.adapters.probes.web import CLOCK, NEWSAPI, clock, newsapi_key
from signals_pipeline.adapters.source_calls import SourceCalls
from signals_pipeline.adapters.watchlist import load_watchlist, mistakes_in
from signals_pipeline.cli.scheduling import ScheduleState, schedule_state
from signals_pipeline.core.outcomes import BENCHMARK
from signals_pipeline.core.windows import newest_complete, window_starting
from signals_pipeline.defs.live_news import feed_options
from signals_pipeline.defs.resources import model_folder
from signals_pipeline.settings import Deployment, MailTransport, ModelChoice, Settings

LATE = timedelta(hours=1)  # so long after a window's end its digest is not missed yet
HEADLINES = {"Profit soars, shares surge to a record high": 2, "Shares plunge after profit warning and layoffs": 0}
_MIGRATE = "signals migrate"

Clock = Callable[[], datetime]


def probes_of(
    settings: Settings, now: Clock, *, newsapi: str = NEWSAPI, yahoo: str = "", time_from: str = CLOCK
) -> dict[str, Probe]:
    """The looks that make sense for this deployment, by name.

    Args:
        settings: Validated settings.
        now: The clock.
        newsapi: Where NewsAPI is.
        yahoo: Where Yahoo is; empty: at Yahoo's hosts.
        time_from: Whose clock to compare with.
    """
    demo = settings.signals_deployment is Deployment.DEMO
    probes: dict[str, Probe] = {
        "database": partial(database, settings),
        "model": partial(model, settings),
        "watchlist": partial(watchlist, settings),
        "news": partial(news, settings),
        "newest window": partial(newest_window, settings, now),
        "schedule": partial(schedule, settings, now),
        "mail": partial(mail, settings),
        "data folder": partial(folder, settings.signals_data_dir),
        "memory": memory,
    }
    if not demo and settings.newsapi_key:
        probes["newsapi key"] = partial(newsapi_accepts, settings, now, newsapi)
        probes["newsapi quota"] = partial(quota, settings, now)
    if not demo and not settings.signals_prices_path:
        probes["prices"] = partial(prices, yahoo)
    if not demo:
        probes["clock"] = partial(clock, now, origin=time_from)
    if settings.frames_url.startswith("s3://"):
        probes["frames"] = partial(bucket, settings.frames_url)
    return probes


def database(settings: Settings) -> Finding:
    """Whether it answers, and at which revision."""
    with opened(settings) as engine:
        if engine is None:
            first = settings.signals_deployment is Deployment.DEMO
            return warn("there is no database yet", "signals run") if first else fail("there is none yet", _MIGRATE)
        migrate.require_head(engine)
        return ok(f"{engine.dialect.name} at revision {migrate.head()}")


def model(settings: Settings) -> Finding:
    """Whether the model's files are those it was sealed with, and what it makes of two plain headlines."""
    chosen = model_folder(settings.sentiment_model, settings.models_dir)
    config = read_config(chosen)
    found = SentimentModel.load(chosen).logits(list(HEADLINES)).argmax(axis=1).tolist()
    name = f"{config.name} @{config.revision}"
    if found != list(HEADLINES.values()):
        said = ", ".join(LABELS[label] for label in found)
        return fail(f"{name} finds {said} where positive, negative is plain", "prepare it anew: docs/models.md")
    if settings.sentiment_model is ModelChoice.AUTO and config.name != ModelChoice.FINBERT:
        return warn(f"{name} answers; FinBERT is not prepared", "signals model fetch, then signals model export")
    return ok(f"{name}: checksums are right, it tells good news from bad")


def watchlist(settings: Settings) -> Finding:
    """Whom it follows, or its mistakes."""
    path = settings.signals_watchlist or sample.WATCHLIST
    found = mistakes_in(path)
    if found:
        return fail(f"{found[0]}" + (f" (and {len(found) - 1} more)" if found[1:] else ""), "signals watchlist check")
    said = f"{len(load_watchlist(path))} companies"
    if settings.signals_watchlist is None and settings.signals_deployment is not Deployment.DEMO:
        return warn(f"{said} of the sample, as of 2015", "set SIGNALS_WATCHLIST: signals watchlist presets")
    return ok(said)


def news(settings: Settings) -> Finding:
    """Where headlines come from, and what the plans can't do."""
    if settings.signals_news_path or settings.signals_deployment is Deployment.DEMO:
        path = settings.signals_news_path or sample.HEADLINES
        return ok(f"recorded: {path}") if path.exists() else fail(f"{path} is not there", "correct SIGNALS_NEWS_PATH")
    options = feed_options(settings)
    feeds = f"live: {', '.join(options.shown)}"
    return warn(f"{feeds}; {options.warnings[0]}", "see docs/sources.md") if options.warnings else ok(feeds)


def newsapi_accepts(settings: Settings, now: Clock, origin: str) -> Finding:
    """Whether the key is accepted, by one call out of the budget."""
    limits = feed_options(settings).plan.limits
    key = settings.newsapi_key.get_secret_value() if settings.newsapi_key else ""
    with opened(settings) as engine:
        if engine is None:
            return warn("not asked: the budget is kept in the database", _MIGRATE)
        calls = SourceCalls(engine)
        return newsapi_key(key, reserve=lambda: bool(calls.reserve(NewsApi.name, limits, now())), origin=origin)


def quota(settings: Settings, now: Clock) -> Finding:
    """How many calls are left, and until when they last."""
    with opened(settings) as engine:
        if engine is None:
            return warn("not known: it is kept in the database", _MIGRATE)
        found = SourceCalls(engine).forecast(NewsApi.name, feed_options(settings).plan.limits, now(), "NewsAPI")
    remedy = "wait for the next period, get a larger plan, or shorten the watchlist"
    return warn(found.text, remedy) if found.runs_out or not found.left else ok(found.text)


def prices(base_url: str) -> Finding:
    """Whether Yahoo answers with bars of the benchmark."""
    pacer = Pacer(0, jitter=lambda: 0.0)
    with ChartSession(timeout=4, pacer=pacer, base_url=base_url) as session:
        try:
            session.get(f"{YAHOO}{CHART}{BENCHMARK}", params={"range": "5d", "interval": "1d"})
        except Refused as error:
            return fail(f"Yahoo gives no bars of {error}", "try again later, or set SIGNALS_PRICES_PATH")
    return ok(f"Yahoo answers for {BENCHMARK}")


def mail(settings: Settings) -> Finding:
    """Whether mail can leave, and to whom."""
    if not settings.recipients:
        return warn("DIGEST_RECIPIENTS is empty: nobody gets a mail", "name the readers")
    if settings.mail_transport is MailTransport.SES:
        return ses()
    if settings.mail_transport is MailTransport.FILES:
        found = folder(settings.mail_dir)
        return found if found.status != "ok" else ok(f"as files for {len(settings.recipients)}: {settings.mail_dir}")
    password = settings.smtp_password.get_secret_value() if settings.smtp_password else ""
    tls = settings.smtp_tls.value
    return smtp_login(settings.smtp_host, settings.smtp_port, tls, user=settings.smtp_user, password=password)


def newest_window(settings: Settings, now: Clock) -> Finding:
    """Whether the window that is due has its digest."""
    with opened(settings) as engine:
        kept = Digests(engine).list(limit=1) if engine else []
    if not kept:
        return warn("no digest yet", "signals run")
    told = window_starting(kept[0].window_start)
    if settings.signals_deployment is Deployment.DEMO:
        return ok(f"the sample's {told.key} has its digest")
    due = newest_complete(now() - LATE)
    if told.start >= due.start:
        return ok(f"{told.key} has its digest")
    return fail(f"{due.key} has no digest, the last one is of {told.key}", "see the run's failure, then signals run")


def schedule(settings: Settings, now: Clock) -> Finding:
    """Whether the schedule is on and the daemon that ticks it alive."""
    if settings.signals_deployment is Deployment.DEMO:
        return ok("the demo has none")

    match schedule_state(settings, now()):
        case ScheduleState.ON:
            return ok("on, and the daemon is alive")
        case ScheduleState.NO_DAEMON:
            return fail("on, but no daemon has been alive for 5 minutes", "start `make dev`, or the control service")
        case ScheduleState.NO_INSTANCE:
            return warn("there is no Dagster instance yet", "make dev, then switch digest_schedule on")
    return warn("off: no window runs by itself", "switch digest_schedule on under Automation")


@contextmanager
def opened(settings: Settings) -> Iterator[Engine | None]:
    """The database; None where a SQLite file is not there, which a look must not make."""
    try:
        url = make_url(settings.database_url)
    except ArgumentError:
        url = None  # `engine_for` has the words for it
    if url is not None and url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        yield None
        return
    engine = engine_for(settings.database_url)
    try:
        yield engine
    finally:
        engine.dispose()


def today() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)
