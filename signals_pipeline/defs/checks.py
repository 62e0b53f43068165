"""Asset checks: what an operator should look at in the windows of a run, and what holds the mail back.

One step after the digest evaluates all of them, so that a range of hundreds of windows pays for them once. A check of a
range passes if every window passes; its description is that of the newest window that does not. The rules themselves
are in `core.checks.data_quality`.
"""

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import chain

import dagster as dg
import numpy as np
import pandas as pd

from signals_pipeline.adapters.progress import counted
from signals_pipeline.core.checks import data_quality
from signals_pipeline.core.digest.delivery import account
from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.news.feeds import PriceSource
from signals_pipeline.core.prices.adjustment import adjusted_bars, last_opened
from signals_pipeline.core.prices.corrections import bars_as_of
from signals_pipeline.core.record.track_record import records_by_origin
from signals_pipeline.core.tables import SENTIMENT, TECHNICALS
from signals_pipeline.core.windows import Window, newest_complete, window_for_key, windows_between
from signals_pipeline.defs.frame_checks import FRAME_CHECKS, FRAMES, StoredFrames, WindowFindings, frame_findings
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline.defs.jobs import NEWEST_PRESENT
from signals_pipeline.defs.leases import leasing_executor
from signals_pipeline.defs.metadata import markdown_table
from signals_pipeline.defs.partitions import DIGEST_WINDOWS
from signals_pipeline.defs.resources import MarketContext, Store
from signals_pipeline.defs.stage_limits import limit_tags, with_limits

ASSET_CHECKS = {
    "headlines": {
        "dated": "Few items lack a time that can be read.",
        "linked": "Some headlines name a company of the watchlist.",
        "feeds_answered": "Every feed delivered something.",
        "sources_moving": "Every source is known to have moved up to the window's end.",
        "accounted": "Every delivered item was kept or dropped for a named reason.",
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
    "digest": {
        "fit_to_send": "Nothing serious was found. Otherwise the data is stored and the mail is held back.",
        "mails_accounted": "Every promised mail was sent, will be tried again, or an operator knows of it.",
    },
}
"""Descriptions of the checks that only one asset has, by asset and name."""

CHECKS = {asset: {**(FRAME_CHECKS if asset in FRAMES else {}), **checks} for asset, checks in ASSET_CHECKS.items()}
"""Descriptions of all checks, by asset and name."""

BLOCKING = "fit_to_send"
CHART_DAYS = 100  # calendar days of closes in which a jump is looked for, as many as a card shows
HISTORY_DAYS = 100  # a signal's longest expiry is 90 days
DRIFT_DAYS = 21  # calendar days that hold the 20 windows whose tone is compared
MAXIMUM_LISTED = 20  # failed windows listed in a result's metadata


def window_checks(partitions: dg.PartitionsDefinition = DIGEST_WINDOWS) -> dg.AssetChecksDefinition:
    """The checks of a run's windows, for the partitions of a deployment."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", dg.PreviewWarning)  # of partitions_def, pinned with Dagster in setup.py
        specs = [
            dg.AssetCheckSpec(
                name, asset=asset, description=description, blocking=name == BLOCKING, partitions_def=partitions
            )
            for (asset, name), description in _descriptions().items()
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
        selected = [
            (asset, name)
            for asset, name in _descriptions()
            if dg.AssetCheckKey(dg.AssetKey(asset), name) in context.selected_asset_check_keys
        ]
        assets = {asset for asset, _ in selected}
        if "digest" in assets:
            # Whether the digest's mail may be sent depends on the findings about every asset.
            assets |= {*CHECKS}

        stored = StoredFrames(io_manager, windows)
        findings = frame_findings(stored, store, assets)
        ledger = store.coverage.entries(windows) if "headlines" in assets else {}
        # In the order of the stages: the digest's check reads the findings of all others.
        checks_of_asset: dict[str, Callable[[], WindowFindings]] = {
            "headlines": lambda: _headline_findings(ledger),
            "sentiment": lambda: _tone_findings(stored, io_manager),
            "technicals": lambda: _price_findings(stored, market, prices),
            "signals": lambda: _signal_findings(windows, store),
            "outcomes": lambda: _record_findings(windows, store),
            "digest": lambda: [
                (windows[-1], _readable(windows[-1], findings, ledger)),
                (windows[-1], _mail_finding(store)),
            ],
        }
        for asset in counted([asset for asset in checks_of_asset if asset in assets], "assets"):
            findings.setdefault(asset, []).extend(checks_of_asset[asset]())
        if ("digest", BLOCKING) in selected:
            _record_verdict(store, windows[-1], findings["digest"])

        for asset, name in selected:
            own_findings = [(window, finding) for window, finding in findings[asset] if finding.check == name]
            yield _result(asset, name, own_findings)

    return checks


def _descriptions() -> dict[tuple[str, str], str]:
    """The description of each check by its asset and name."""
    return {(asset, name): text for asset, checks in CHECKS.items() for name, text in checks.items()}


@dg.asset_check(
    asset=NEWEST_PRESENT.asset_key,
    name=NEWEST_PRESENT.name,
    description="The newest complete window has its digest; a backfill of old windows does not make up for it.",
)
def newest_window_present(store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
    """Pass if the window that ended last has its digest, half an hour after its end at the latest."""
    passed, text = newest_present(store, datetime.now(UTC))
    return dg.AssetCheckResult(passed=passed, description=text)


def newest_present(store: Store, now: datetime) -> tuple[bool, str]:
    """Whether the newest window that ended half an hour ago or earlier has its digest, and a line that says so."""
    due = newest_complete(now - timedelta(minutes=30))
    stored = store.digests.list(limit=1)
    if not stored:
        return False, f"the digest of window {due.key} is due, and there is no digest yet"
    newest = stored[0].window_start
    line = f"the digest of window {due.key} is due; the newest one is that of {newest:%Y-%m-%d %H:%M} UTC"
    return newest >= due.start, line


HEALTH_JOB = dg.define_asset_job(
    "health_job",
    selection=dg.AssetSelection.checks(NEWEST_PRESENT),
    executor_def=leasing_executor,
    description="Checks that the window that ended last has its digest.",
)

health_schedule = dg.ScheduleDefinition(
    name="health_schedule",
    job=HEALTH_JOB,
    cron_schedule="15 9,18 * * 1-5",
    execution_timezone="America/New_York",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Checks 45 minutes after each window's end that its digest is there.",
)


def _headline_findings(ledger: Mapping[Window, Coverage]) -> WindowFindings:
    """Findings about each window's entry in the coverage ledger."""
    findings: WindowFindings = []
    for window, entry in ledger.items():
        findings += [(window, finding) for finding in data_quality.headline_findings(entry)]
    return findings


def _tone_findings(stored: StoredFrames, frames: WindowFrames) -> WindowFindings:
    """Findings about each window's tone, compared with the windows before it."""
    first = stored.windows[0].start
    earlier_windows = windows_between(first - timedelta(days=DRIFT_DAYS), first)[-data_quality.DRIFT_WINDOWS :]
    columns = ["window_start", *data_quality.TONE_COLUMNS]
    rows_of_windows = [*frames.existing(SENTIMENT, earlier_windows, columns), *stored.well_formed(SENTIMENT)]
    counts = [data_quality.tone_counts(rows) for _, rows in rows_of_windows]

    findings: WindowFindings = []
    for position, (window, rows) in enumerate(rows_of_windows):
        if window.start < first:
            continue
        previous_counts = counts[max(position - data_quality.DRIFT_WINDOWS, 0) : position]
        expected = sum(previous_counts, np.zeros(3))  # negative, neutral, positive
        for finding in data_quality.tone_findings(rows, counts[position], expected):
            findings.append((window, finding))
    return findings


def _price_findings(stored: StoredFrames, market: MarketContext, prices: PriceSource) -> WindowFindings:
    """Findings about each window's technicals, and about the closes known at the end of the newest window."""
    findings: WindowFindings = []
    for window, rows in stored.well_formed(TECHNICALS):
        findings += [(window, finding) for finding in data_quality.price_findings(rows)]

    newest = stored.windows[-1]
    first_day = (newest.start - timedelta(days=CHART_DAYS)).date()
    last_day = newest.as_of.date()
    symbols = market.watchlist.symbols
    corrections = prices.corrections(symbols, first_day, last_day)
    bars = bars_as_of(prices.bars(symbols, first_day, last_day), corrections, newest.as_of)
    actions = prices.actions(symbols, first_day, last_day)
    opened_day = last_opened(market.sessions((newest,)), newest.as_of)
    closes: dict[str, pd.Series] = {}
    for symbol, symbol_bars in adjusted_bars(bars, actions).items():
        as_known = symbol_bars.adjusted(symbol_bars.count_ex_days(opened_day))
        closes[symbol] = pd.Series(as_known["close"], index=symbol_bars.days)
    return findings + [(newest, finding) for finding in data_quality.split_findings(closes)]


def _signal_findings(windows: Sequence[Window], store: Store) -> WindowFindings:
    """Findings about the signals that are active in the newest window, or were shortly before."""
    newest = windows[-1]
    first = newest.as_of - timedelta(days=HISTORY_DAYS)
    signals = store.history.between(first, newest.as_of + timedelta(microseconds=1))  # the end is exclusive
    return [(newest, finding) for finding in data_quality.signal_findings(signals)]


def _record_findings(windows: Sequence[Window], store: Store) -> WindowFindings:
    """Findings about the record known at the end of the newest window."""
    newest = windows[-1]
    records = records_by_origin(store.outcomes.known(newest.as_of))
    lines = list(chain.from_iterable(records.values()))
    return [(newest, finding) for finding in data_quality.record_findings(lines)]


def _readable(
    window: Window, findings: Mapping[str, WindowFindings], ledger: Mapping[Window, Coverage]
) -> data_quality.Finding:
    """Whether a window's digest may be sent, by the findings of all assets.

    Raises:
        Failure: the window has no coverage entry.
    """
    entry = ledger.get(window)
    if entry is None:
        raise dg.Failure(f"checks of window {window.key}: headlines has stored nothing; materialise headlines for it")
    all_findings = [finding for asset_findings in findings.values() for _, finding in asset_findings]
    return data_quality.fit_to_send(entry, all_findings)


def _mail_finding(store: Store) -> data_quality.Finding:
    """Whether every promised mail is accounted for; other windows' mails hold this one's back in no case."""
    result = account(store.outbox.open(), datetime.now(UTC))
    text = f"{result.waiting_for_operator} mails wait for an operator"
    if result.unaccounted:
        oldest = result.unaccounted[0]
        text += (
            f", and nobody was told of {len(result.unaccounted)}, since {oldest.window_key}: see `signals deliveries`;"
            " set OPERATOR_RECIPIENTS and keep the daemon running"
        )
    return data_quality.Finding("mails_accounted", not result.unaccounted, text, float(len(result.unaccounted)))


def _record_verdict(store: Store, window: Window, findings: WindowFindings) -> None:
    """Let the mails of a window's digest go, or hold them back; they wait for one or the other."""
    problems = [finding.text for _, finding in findings if finding.check == BLOCKING and not finding.passed]
    store.outbox.record_verdict(window, problem="; ".join(problems), now=datetime.now(UTC))


def _result(asset: str, name: str, findings: WindowFindings) -> dg.AssetCheckResult:
    """The result of one check over all windows of a run.

    Its value and description are those of the newest window that failed or, where all passed, of the newest window.
    """
    failed = [(window, finding) for window, finding in findings if not finding.passed]
    shown = failed[-1:] or findings[-1:]

    metadata: dict[str, float | dg.MarkdownMetadataValue] = {}
    for _, finding in shown:
        metadata["value"] = finding.value
    if failed:
        rows = [(window.key, finding.text) for window, finding in failed[-MAXIMUM_LISTED:]]
        metadata["windows"] = dg.MetadataValue.md(markdown_table(["window", "finding"], rows))

    description = "; ".join(f"{window.key}: {finding.text}" for window, finding in shown)
    return dg.AssetCheckResult(
        passed=not failed,
        asset_key=asset,
        check_name=name,
        severity=dg.AssetCheckSeverity.ERROR if name == BLOCKING else dg.AssetCheckSeverity.WARN,
        description=description or "nothing to look at",
        metadata=metadata,
    )
