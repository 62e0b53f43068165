"""Checks of this machine and its deployment.

Checks import what is heavy (Dagster, pandas, the model's runtime) inside their functions: the imports then count as
their own time, and run while other checks wait for a network.
"""

from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from signals_pipeline import sample
from signals_pipeline.adapters.probes.aws import probe_bucket
from signals_pipeline.adapters.probes.findings import Probe, ProbeResult, fail, ok, warn
from signals_pipeline.adapters.probes.machine import probe_folder, probe_memory
from signals_pipeline.adapters.probes.web import CLOCK_ORIGIN, NEWSAPI_ORIGIN, probe_clock
from signals_pipeline.adapters.watchlist import load_watchlist, mistakes_in
from signals_pipeline.cli.database import existing_database
from signals_pipeline.cli.doctor.readers import channels, newest_mail, signals
from signals_pipeline.cli.doctor.runs import runs
from signals_pipeline.cli.doctor.vendors import (
    MIGRATE,
    Clock,
    earnings,
    mail,
    newsapi_accepts,
    prices,
    quota,
    second_prices,
)
from signals_pipeline.core.text import short_duration
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import Deployment, EarningsVendor, ModelChoice

LATE = timedelta(hours=1)  # after a window's end, until its digest counts as missing
# Plain headlines, and the column of their class in a model's output.
HEADLINES = {"Profit soars, shares surge to a record high": 2, "Shares plunge after profit warning and layoffs": 0}


def local_probes(
    settings: Settings,
    now: Clock,
    *,
    seconds: float = 6.0,
    newsapi: str = NEWSAPI_ORIGIN,
    yahoo: str = "",
    tiingo: str = "",
    time_from: str = CLOCK_ORIGIN,
) -> dict[str, Probe]:
    """The checks that make sense for this deployment, by name.

    Args:
        settings: The deployment.
        now: The clock.
        seconds: How long a check waits for a vendor or a server.
        newsapi: URL of NewsAPI.
        yahoo: URL of Yahoo; empty: Yahoo's own hosts.
        tiingo: URL of Tiingo; empty: Tiingo's own host.
        time_from: URL of the server whose clock is compared with ours.
    """
    is_demo = settings.signals_deployment is Deployment.DEMO
    probes: dict[str, Probe] = {
        "database": partial(database, settings),
        "model": partial(model, settings),
        "watchlist": partial(watchlist, settings),
        "news": partial(news, settings, now),
        "newest window": partial(newest_window, settings, now),
        "signals": partial(signals, settings),
        "newest mail": partial(newest_mail, settings),
        "schedule": partial(schedule, settings, now),
        "runs": partial(runs, settings, now),
        "mail": partial(mail, settings, seconds),
        "deliveries": partial(deliveries, settings, now),
        "data folder": partial(probe_folder, settings.signals_data_dir),
        "memory": probe_memory,
    }
    if settings.signals_readers:
        probes["channels"] = partial(channels, settings)
    # The demo has recorded input: no vendor is asked, and no clock matters.
    if not is_demo and settings.newsapi_key:
        probes["newsapi key"] = partial(newsapi_accepts, settings, now, newsapi, seconds)
        probes["newsapi quota"] = partial(quota, settings, now)
    if not is_demo and not settings.signals_prices_path:
        probes["prices"] = partial(prices, yahoo, seconds)
        if settings.tiingo_key:
            probes["second prices"] = partial(second_prices, settings.tiingo_key, now, tiingo, seconds)
    has_live_earnings = not is_demo and not settings.signals_prices_path
    if settings.signals_earnings_path or (has_live_earnings and settings.earnings_source is EarningsVendor.YAHOO):
        probes["earnings"] = partial(earnings, settings, yahoo, seconds)
    if not is_demo:
        probes["clock"] = partial(probe_clock, now, origin=time_from, seconds=seconds)
    if settings.frames_url.startswith("s3://"):
        probes["frames"] = partial(probe_bucket, settings.frames_url, seconds=seconds)
    return probes


def sequential(settings: Settings) -> tuple[str, ...]:
    """The checks that only compute on this machine, the quickest first; side by side they would slow each other."""
    database_checks = ("database", "newest window", "signals", "newest mail", "deliveries", "newsapi quota")
    # A database server is somebody else to wait for.
    on_this_machine = database_checks if settings.database_url.startswith("sqlite") else ()
    return ("data folder", "memory", "watchlist", *on_this_machine, "news", "model", "schedule", "runs")


def database(settings: Settings) -> ProbeResult:
    """Whether the database answers, and its revision."""
    from signals_pipeline.adapters.stores import migrations
    from signals_pipeline.adapters.stores.roles import missing_rights

    with existing_database(settings) as engine:
        if engine is None:
            if settings.signals_deployment is Deployment.DEMO:
                return warn("there is no database yet", "signals run")
            return fail("there is no database yet", MIGRATE)
        version = migrations.require_head(engine)  # raises the line that says `signals migrate`
        lacking = missing_rights(engine)
        if lacking:
            table, rights = next(iter(lacking.items()))
            others = f" and on {len(lacking) - 1} more" if len(lacking) > 1 else ""
            return fail(
                f"{engine.url.username} has no right to {', '.join(rights)} on {table}{others}",
                "run `signals prepare` as the owner, with SIGNALS_DATABASE_ROLES",
            )
        if version.notice:
            return warn(f"{engine.dialect.name}: {version.notice}", "deploy the newer release here")
        remark = f"; {version.remark}" if version.remark else ""
        return ok(f"{engine.dialect.name} at revision {version.revision}{remark}")


def model(settings: Settings) -> ProbeResult:
    """Whether the model's files match their checksums, and how it classifies two plain headlines."""
    from signals_pipeline.adapters.model.choice import model_folder
    from signals_pipeline.adapters.model.folder import LABELS, read_manifest
    from signals_pipeline.adapters.model.inference import SentimentModel

    path = model_folder(settings.sentiment_model, settings.models_dir)
    config = read_manifest(path)
    # Loading compares every checksum; the headlines catch a model whose labels are in another order.
    columns = SentimentModel.load(path).logits(list(HEADLINES)).argmax(axis=1).tolist()
    name = f"{config.name} @{config.revision}"
    if columns != list(HEADLINES.values()):
        labels = ", ".join(LABELS[column] for column in columns)
        return fail(
            f"{name} classifies two headlines as {labels} instead of positive, negative",
            "prepare it again: docs/models.md",
        )
    if settings.sentiment_model == ModelChoice.AUTO and config.name != ModelChoice.FINBERT:
        return warn(f"{name} works; FinBERT is not prepared", "signals model fetch, then signals model export")
    return ok(f"{name}: checksums match, it tells good news from bad")


def watchlist(settings: Settings) -> ProbeResult:
    """How many companies the watchlist has, or its mistakes."""
    path = settings.signals_watchlist or sample.WATCHLIST
    mistakes = mistakes_in(path)
    if mistakes:
        others = f" (and {len(mistakes) - 1} more)" if len(mistakes) > 1 else ""
        return fail(f"{mistakes[0]}{others}", "signals watchlist check")
    count = f"{len(load_watchlist(path))} companies"
    if settings.signals_watchlist is None and settings.signals_deployment is not Deployment.DEMO:
        return warn(f"{count} of the sample, as of 2015", "set SIGNALS_WATCHLIST: signals watchlist presets")
    return ok(count)


def news(settings: Settings, now: Clock) -> ProbeResult:
    """Where headlines come from, the limits of the vendors' plans, and whether every source still moves."""
    from signals_pipeline.defs.live_feeds import feed_options

    if settings.signals_news_path or settings.signals_deployment is Deployment.DEMO:
        path = settings.signals_news_path or sample.HEADLINES
        if not path.exists():
            return fail(f"{path} does not exist", "correct SIGNALS_NEWS_PATH")
        # The sample ended years ago, and is whole.
        if path.resolve() == sample.HEADLINES.resolve():
            return ok(f"recorded: {path}")
        return _recorded_news(settings, path, now())
    options = feed_options(settings)
    feeds = f"live: {', '.join(options.shown)}"
    if options.warnings:
        return warn(f"{feeds}; {options.warnings[0]}", "see docs/sources.md")
    return _live_news(settings, feeds)


def _recorded_news(settings: Settings, path: Path, now: datetime) -> ProbeResult:
    """How far a recorded file reaches and what of it can't be read in full.

    A file that can't be used raises the line that a run would end with.
    """
    from signals_pipeline.adapters.news.recorded import RecordedNews
    from signals_pipeline.adapters.prices.calendar import pace_sessions
    from signals_pipeline.core.news.silence import PACE_DAYS, reach_at

    batch = RecordedNews(path, zone=settings.news_zone).fetch(now - timedelta(days=PACE_DAYS), now)
    (timeline,) = batch.timelines
    reach = reach_at(timeline, now, pace_sessions(now))
    described = f"recorded: {path}"
    # The demo replays a file of any age: only the pace of one that is still written can be suspicious.
    is_live = settings.signals_deployment is not Deployment.DEMO
    problems: list[str] = []
    if is_live and reach.covered_to is not None:
        problems.append(reach.detail)
    if batch.reports[0].detail:
        problems.append(batch.reports[0].detail)
    if problems:
        return warn(f"{described}; {'; '.join(problems)}", "check the collector that writes it, and signals news check")
    if reach.newest_at is not None:
        described += f"; newest headline {short_duration(now - reach.newest_at)} old"
    return ok(described)


def _live_news(settings: Settings, feeds: str) -> ProbeResult:
    """What the newest window's coverage entry says of the feeds."""
    from signals_pipeline.adapters.stores.coverage import CoverageRepository
    from signals_pipeline.adapters.stores.digests import DigestRepository
    from signals_pipeline.core.windows import window_starting

    with existing_database(settings) as engine:
        digests = DigestRepository(engine).list(limit=1) if engine else []
        window = window_starting(digests[0].window_start) if digests else None
        entry = CoverageRepository(engine).get(window) if engine and window else None
    if entry is None:
        return ok(feeds)
    problems = [f"{report.feed} {report.status}: {report.detail}" for report in entry.reports if report.status != "ok"]
    if problems:
        return warn(f"{feeds}; in {entry.window_key} {'; '.join(problems)}", "check the feeds, and see docs/sources.md")
    if entry.newest_age is None:
        return ok(f"{feeds}; no headline within the look-back of {entry.window_key}")
    return ok(f"{feeds}; newest headline {short_duration(entry.newest_age)} before the end of {entry.window_key}")


def newest_window(settings: Settings, now: Clock) -> ProbeResult:
    """Whether the window that is due has its digest."""
    from signals_pipeline.adapters.stores.digests import DigestRepository
    from signals_pipeline.core.windows import newest_complete, window_starting

    with existing_database(settings) as engine:
        entries = DigestRepository(engine).list(limit=1) if engine else []
    if not entries:
        return warn("no digest yet", "signals run")
    newest = window_starting(entries[0].window_start)
    if settings.signals_deployment is Deployment.DEMO:
        return ok(f"{newest.key} of the sample has its digest")
    # A window that ended just now is still being run.
    due = newest_complete(now() - LATE)
    if newest.start >= due.start:
        return ok(f"{newest.key} has its digest")
    return fail(
        f"{due.key} has no digest, the newest one is of {newest.key}", "see why its run failed, then signals run"
    )


def deliveries(settings: Settings, now: Clock) -> ProbeResult:
    """Whether mails wait for an operator."""
    from signals_pipeline.adapters.stores.outbox import Outbox

    with existing_database(settings) as engine:
        mails = Outbox(engine).open() if engine else []
    at = now()
    waiting = [mail for mail in mails if mail.needs_operator(at)]
    if not waiting:
        return ok(f"no mail waits for you; {len(mails)} to be sent")
    oldest = waiting[0]
    return warn(
        f"{len(waiting)} mails wait for you; mail {oldest.id} of {oldest.window_key}: {oldest.explanation(at)}",
        "signals deliveries",
    )


def schedule(settings: Settings, now: Clock) -> ProbeResult:
    """Whether the schedule is on, the daemon that runs it is alive, and no clock that was ahead has stopped it.

    The result's code is the `ScheduleState`.
    """
    if settings.signals_deployment is Deployment.DEMO:
        return ok("the demo has none")
    from signals_pipeline.cli.scheduling import ALIVE, ScheduleState, schedule_state, stopped_by_clock

    state = schedule_state(settings, now())
    stopped = stopped_by_clock(settings, now())
    if stopped:
        last = max(stopped, key=lambda each: each.until)
        others = f" and {len(stopped) - 1} more wait" if len(stopped) > 1 else " waits"
        return ProbeResult(
            "fail",
            f"{last.state.name}{others} for ticks of the future, up to {last.until:%Y-%m-%d %H:%M} UTC: the clock was"
            " ahead",
            "set this machine's clock; the daemon then goes on by itself, or as soon as it is started",
            code=state,
        )
    minutes = ALIVE // timedelta(minutes=1)
    match state:
        case ScheduleState.ON:
            return ProbeResult("ok", "on, and the daemon is alive", code=state)
        case ScheduleState.NO_DAEMON:
            return ProbeResult(
                "fail",
                f"on, but the daemon has not been alive for {minutes} minutes",
                "start `make dev`, or the control service",
                code=state,
            )
        case ScheduleState.NO_INSTANCE:
            return ProbeResult(
                "warn", "there is no Dagster instance yet", "make dev, then switch digest_schedule on", code=state
            )
        case ScheduleState.OFF:
            return ProbeResult(
                "warn",
                "off: windows do not run automatically",
                "switch digest_schedule on under Automation",
                code=state,
            )
