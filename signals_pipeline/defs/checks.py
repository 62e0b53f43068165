"""Asset checks: what an operator should look at in the windows of a run, and what keeps the mail back.

One step after the digest makes all of them, so that a range of hundreds of windows pays for them once. A check of a
range passes where every window passes; its description tells of the newest window that does not.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg
import numpy as np
import pandas as pd

from signals_pipeline.adapters.progress import counted
from signals_pipeline.core.checks import data_quality
from signals_pipeline.core.checks.data_quality import Finding
from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.news.feeds import PriceSource
from signals_pipeline.core.prices.adjustment import adjusted_bars, last_opened
from signals_pipeline.core.record.track_record import record
from signals_pipeline.core.tables import SENTIMENT, TECHNICALS
from signals_pipeline.core.windows import Window, newest_complete, window_for_key, windows_between
from signals_pipeline.defs.frame_checks import FRAMES, MEANINGS, Found, Stored, found_in
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline.defs.jobs import NEWEST_PRESENT
from signals_pipeline.defs.metadata import markdown_table
from signals_pipeline.defs.partitions import DIGEST_WINDOWS
from signals_pipeline.defs.resources import MarketContext, Store
from signals_pipeline.defs.stage_limits import limit_tags, with_limits

OWN = {
    "headlines": {
        "dated": "Few items lack a time that can be read.",
        "linked": "Some headlines name a company of the watchlist.",
        "feeds_answered": "Every feed delivered something.",
    },
    "sentiment": {
        "confidence": "Mean tone confidence is at least 0.5.",
        "tone_drift": "Tone is distributed as in the last 20 windows.",
    },
    "technicals": {
        "prices_fresh": "Nearly every company has the last closed session's bar.",
        "split_jumps": "No close jumps by a split's ratio without a split.",
    },
    "scores": {},
    "signals": {"no_repeats": "No signal repeats one that is still active."},
    "outcomes": {"record_plausible": "No hit rate within 5 sessions is too good for news: that is look-ahead."},
    "digest": {"fit_to_send": "Nothing serious was found; else the data stays and the mail is kept back."},
}
CHECKS = {asset: {**(MEANINGS if asset in FRAMES else {}), **names} for asset, names in OWN.items()}
BLOCKING = "fit_to_send"
CHART_DAYS = 100
HISTORY_DAYS = 100  # a signal's longest expiry is 90 days


def window_checks(partitions: dg.PartitionsDefinition = DIGEST_WINDOWS) -> dg.AssetChecksDefinition:
    """The checks of a run's windows, over the deployment's partitions."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)  # of partitions_def, pinned with Dagster in setup.py
        specs = [
            dg.AssetCheckSpec(
                name, asset=asset, description=meaning, blocking=name == BLOCKING, partitions_def=partitions
            )
            for (asset, name), meaning in _names().items()
        ]

    @dg.multi_asset_check(name="window_checks", specs=specs, can_subset=True, op_tags=limit_tags(120, per_window=1))
    @with_limits
    def checks(
        context: dg.AssetCheckExecutionContext,
        io_manager: dg.ResourceParam[WindowFrames],
        store: dg.ResourceParam[Store],
        market: dg.ResourceParam[MarketContext],
        prices: dg.ResourceParam[PriceSource],
    ) -> Iterator[dg.AssetCheckResult]:
        windows = tuple(sorted(window_for_key(key) for key in context.op_execution_context.partition_keys))
        keys = context.selected_asset_check_keys
        chosen = [(asset, name) for asset, name in _names() if dg.AssetCheckKey(dg.AssetKey(asset), name) in keys]
        assets = {asset for asset, _ in chosen}
        if "digest" in assets:  # whether its mail may go rests on what is said of the others
            assets |= {*FRAMES}
        stored = Stored(io_manager, windows)
        found = found_in(stored, store, assets)
        ledger = store.coverage.entries(windows) if "headlines" in assets else {}
        looks: dict[str, Callable[[], Found]] = {
            "headlines": lambda: [
                (one, each) for one, it in ledger.items() for each in data_quality.headline_findings(it)
            ],
            "sentiment": lambda: _of_tone(stored, io_manager),
            "technicals": lambda: _of_prices(stored, market, prices),
            "signals": lambda: _of_signals(windows, store),
            "outcomes": lambda: _of_record(windows, store),
            "digest": lambda: [(windows[-1], _readable(windows[-1], found, ledger))],
        }
        for asset in counted([asset for asset in looks if asset in assets], "assets"):
            found.setdefault(asset, []).extend(looks[asset]())
        for asset, name in chosen:
            yield _result(asset, name, [each for each in found[asset] if each[1].check == name])

    return checks


def _names() -> dict[tuple[str, str], str]:
    """The meaning of each check by its asset and name."""
    return {(asset, name): meaning for asset, names in CHECKS.items() for name, meaning in names.items()}


@dg.asset_check(
    asset=NEWEST_PRESENT.asset_key,
    name=NEWEST_PRESENT.name,
    description="The newest complete window has its digest; a backfill of old windows does not make up for it.",
)
def newest_window_present(store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
    """Whether the window that ended last has its digest, half an hour after its end at the latest."""
    passed, text = newest_present(store, datetime.now(UTC))
    return dg.AssetCheckResult(passed=passed, description=text)


def newest_present(store: Store, now: datetime) -> tuple[bool, str]:
    """Whether the newest window that ended half an hour ago or earlier has its digest, and that in words."""
    due = newest_complete(now - timedelta(minutes=30))
    held = store.digests.list(limit=1)
    newest = f"that of {held[0].window_start:%Y-%m-%d %H:%M} UTC" if held else "none at all"
    passed = bool(held) and held[0].window_start >= due.start
    return passed, f"window {due.key} is due; the newest digest is {newest}"


HEALTH_JOB = dg.define_asset_job(
    "health_job",
    selection=dg.AssetSelection.checks(NEWEST_PRESENT),
    executor_def=dg.in_process_executor,
    description="Whether the window that ended last has its digest.",
)

health_schedule = dg.ScheduleDefinition(
    name="health_schedule",
    job=HEALTH_JOB,
    cron_schedule="15 9,18 * * 1-5",
    execution_timezone="America/New_York",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="45 minutes after each window's end: is its digest there?",
)


def _of_tone(stored: Stored, frames: WindowFrames) -> Found:
    first = stored.windows[0].start
    before = windows_between(first - timedelta(days=21), first)[-data_quality.DRIFT_WINDOWS :]
    held = [*frames.held(SENTIMENT, before, ["window_start", *data_quality.TONE_COLUMNS]), *stored.sound(SENTIMENT)]
    counts = [data_quality.tone_counts(rows) for _, rows in held]
    found: Found = []
    for at, (window, rows) in enumerate(held):
        if window.start >= first:
            usual = sum(counts[max(at - data_quality.DRIFT_WINDOWS, 0) : at], np.zeros(3))
            found += [(window, each) for each in data_quality.tone_findings(rows, counts[at], usual)]
    return found


def _of_prices(stored: Stored, market: MarketContext, prices: PriceSource) -> Found:
    found: Found = [
        (window, each) for window, rows in stored.sound(TECHNICALS) for each in data_quality.price_findings(rows)
    ]
    newest = stored.windows[-1]
    span = (newest.start - timedelta(days=CHART_DAYS)).date(), newest.as_of.date()
    symbols = market.watchlist.symbols
    day = last_opened(market.sessions((newest,)), newest.as_of)
    held_tapes = adjusted_bars(prices.bars(symbols, *span), prices.actions(symbols, *span))
    closes = {
        symbol: pd.Series(tape.adjusted(tape.known(day))["close"], index=tape.days)
        for symbol, tape in held_tapes.items()
    }
    return [*found, *((newest, each) for each in data_quality.split_findings(closes))]


def _of_signals(windows: Sequence[Window], store: Store) -> Found:
    newest = windows[-1]
    counted = store.history.between(
        newest.as_of - timedelta(days=HISTORY_DAYS), newest.as_of + timedelta(microseconds=1)
    )
    return [(newest, each) for each in data_quality.signal_findings(counted)]


def _of_record(windows: Sequence[Window], store: Store) -> Found:
    lines = record(store.outcomes.known(windows[-1].as_of), label="all")
    return [(windows[-1], each) for each in data_quality.record_findings(lines)]


def _readable(window: Window, found: Mapping[str, Found], ledger: Mapping[Window, Coverage]) -> Finding:
    entry = ledger.get(window)
    if entry is None:
        raise dg.Failure(f"checks of window {window.key}: nothing stored by headlines; materialise headlines for it")
    return data_quality.readable(entry, [finding for each in found.values() for _, finding in each])


def _result(asset: str, name: str, found: Found) -> dg.AssetCheckResult:
    wrong = [each for each in found if not each[1].passed]
    shown = wrong[-1:] or found[-1:]
    metadata: dict[str, float | dg.MarkdownMetadataValue] = {"value": shown[0][1].value} if shown else {}
    if wrong:
        listing = markdown_table(["window", "finding"], [(window.key, each.text) for window, each in wrong[-20:]])
        metadata["windows"] = dg.MetadataValue.md(listing)
    return dg.AssetCheckResult(
        passed=not wrong,
        asset_key=asset,
        check_name=name,
        severity=dg.AssetCheckSeverity.ERROR if name == BLOCKING else dg.AssetCheckSeverity.WARN,
        description="; ".join(f"{window.key}: {each.text}" for window, each in shown) or "nothing to look at",
        metadata=metadata,
    )
