"""What `signals doctor` looks at in a deployment; each look is a small function that answers with one finding.

Looks import what is heavy themselves (Dagster, pandas, the model's runtime): so their imports count as their time, and
run while other looks wait for somebody else.
"""

from datetime import UTC, datetime, timedelta
from functools import partial

from signals_pipeline import sample
from signals_pipeline.adapters.probes.aws import bucket
from signals_pipeline.adapters.probes.findings import Probe, ProbeResult, fail, ok, warn
from signals_pipeline.adapters.probes.machine import folder, memory
from signals_pipeline.adapters.probes.web import CLOCK, NEWSAPI, clock
from signals_pipeline.adapters.watchlist import load_watchlist, mistakes_in
from signals_pipeline.cli.database import opened
from signals_pipeline.cli.vendors import MIGRATE, Clock, mail, newsapi_accepts, prices, quota
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import Deployment, ModelChoice

LATE = timedelta(hours=1)  # so long after a window's end its digest is not missed yet
HEADLINES = {"Profit soars, shares surge to a record high": 2, "Shares plunge after profit warning and layoffs": 0}


def probes_of(
    settings: Settings,
    now: Clock,
    *,
    seconds: float = 6.0,
    newsapi: str = NEWSAPI,
    yahoo: str = "",
    time_from: str = CLOCK,
) -> dict[str, Probe]:
    """The looks that make sense for this deployment, by name.

    Args:
        settings: Validated settings.
        now: The clock.
        seconds: How long somebody else may let a look wait.
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
        "mail": partial(mail, settings, seconds),
        "data folder": partial(folder, settings.signals_data_dir),
        "memory": memory,
    }
    if not demo and settings.newsapi_key:
        probes["newsapi key"] = partial(newsapi_accepts, settings, now, newsapi, seconds)
        probes["newsapi quota"] = partial(quota, settings, now)
    if not demo and not settings.signals_prices_path:
        probes["prices"] = partial(prices, yahoo, seconds)
    if not demo:
        probes["clock"] = partial(clock, now, origin=time_from, seconds=seconds)
    if settings.frames_url.startswith("s3://"):
        probes["frames"] = partial(bucket, settings.frames_url, seconds=seconds)
    return probes


def in_turn(settings: Settings) -> tuple[str, ...]:
    """The looks that only compute on this machine, the quickest first."""
    kept = ("database", "newest window", "newsapi quota") if settings.database_url.startswith("sqlite") else ()
    return ("data folder", "memory", "watchlist", *kept, "news", "model", "schedule")


def database(settings: Settings) -> ProbeResult:
    """Whether it answers, and at which revision."""
    from signals_pipeline.adapters.stores import migrations

    with opened(settings) as engine:
        if engine is None:
            first = settings.signals_deployment is Deployment.DEMO
            return warn("there is no database yet", "signals run") if first else fail("there is none yet", MIGRATE)
        migrations.require_head(engine)
        return ok(f"{engine.dialect.name} at revision {migrations.head()}")


def model(settings: Settings) -> ProbeResult:
    """Whether the model's files are those it was sealed with, and what it makes of two plain headlines."""
    from signals_pipeline.adapters.model.choice import model_folder
    from signals_pipeline.adapters.model.folder import LABELS, read_config
    from signals_pipeline.adapters.model.running import SentimentModel

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


def watchlist(settings: Settings) -> ProbeResult:
    """Whom it follows, or its mistakes."""
    path = settings.signals_watchlist or sample.WATCHLIST
    found = mistakes_in(path)
    if found:
        return fail(f"{found[0]}" + (f" (and {len(found) - 1} more)" if found[1:] else ""), "signals watchlist check")
    said = f"{len(load_watchlist(path))} companies"
    if settings.signals_watchlist is None and settings.signals_deployment is not Deployment.DEMO:
        return warn(f"{said} of the sample, as of 2015", "set SIGNALS_WATCHLIST: signals watchlist presets")
    return ok(said)


def news(settings: Settings) -> ProbeResult:
    """Where headlines come from, and what the plans can't do."""
    from signals_pipeline.defs.live_feeds import feed_options

    if settings.signals_news_path or settings.signals_deployment is Deployment.DEMO:
        path = settings.signals_news_path or sample.HEADLINES
        return ok(f"recorded: {path}") if path.exists() else fail(f"{path} is not there", "correct SIGNALS_NEWS_PATH")
    options = feed_options(settings)
    feeds = f"live: {', '.join(options.shown)}"
    return warn(f"{feeds}; {options.warnings[0]}", "see docs/sources.md") if options.warnings else ok(feeds)


def newest_window(settings: Settings, now: Clock) -> ProbeResult:
    """Whether the window that is due has its digest."""
    from signals_pipeline.adapters.stores.digests import Digests
    from signals_pipeline.core.windows import newest_complete, window_starting

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


def schedule(settings: Settings, now: Clock) -> ProbeResult:
    """Whether the schedule is on and the daemon that ticks it alive."""
    if settings.signals_deployment is Deployment.DEMO:
        return ok("the demo has none")
    from signals_pipeline.cli.scheduling import ScheduleState, schedule_state

    match schedule_state(settings, now()):
        case ScheduleState.ON:
            return ok("on, and the daemon is alive")
        case ScheduleState.NO_DAEMON:
            return fail("on, but no daemon has been alive for 5 minutes", "start `make dev`, or the control service")
        case ScheduleState.NO_INSTANCE:
            return warn("there is no Dagster instance yet", "make dev, then switch digest_schedule on")
    return warn("off: no window runs by itself", "switch digest_schedule on under Automation")


def today() -> datetime:
    """The clock of this machine."""
    return datetime.now(UTC)
