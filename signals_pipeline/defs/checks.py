"""Asset checks: what an operator should look at in the windows of a run, and what holds the mail back.

One step after the digest evaluates all of them, so that a range of hundreds of windows pays for them once. A check of a
range passes if every window passes; its description is that of the newest window that does not. The rules themselves
are in `core.checks.data_quality`.

Whatever one check raises costs that check only: it is a finding that the check could not be made. Only what is wrong
with the newest window's own data holds its mail.
"""

import logging
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import chain

import dagster as dg
import numpy as np
import pandas as pd

from signals_pipeline.adapters.progress import counted
from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.core.checks import data_quality
from signals_pipeline.core.digest.delivery import account
from signals_pipeline.core.errors import SignalsError
from signals_pipeline.core.news.feeds import PriceSource, SourceError
from signals_pipeline.core.prices.adjustment import adjusted_bars, last_opened
from signals_pipeline.core.prices.corrections import bars_as_of
from signals_pipeline.core.record.track_record import records_by_origin
from signals_pipeline.core.tables import OUTCOMES, SENTIMENT, TECHNICALS
from signals_pipeline.core.windows import Window, newest_complete, window_for_key, windows_between
from signals_pipeline.defs.frame_checks import FRAME_CHECKS, FRAMES, StoredFrames, WindowFindings, frame_findings
from signals_pipeline.defs.io_manager import WindowFrames
from signals_pipeline.defs.jobs import NEWEST_PRESENT
from signals_pipeline.defs.leases import leasing_executor
from signals_pipeline.defs.metadata import markdown_table
from signals_pipeline.defs.partitions import DIGEST_WINDOWS
from signals_pipeline.defs.resources import MarketContext, Store
from signals_pipeline.defs.stage_limits import limit_tags, retries_left, with_limits

ASSET_CHECKS = {
    "headlines": {
        "dated": "Few items lack a time that can be read.",
        "linked": "Some headlines name a company of the watchlist.",
        "feeds_answered": "Every feed delivered something, and none of it was incomplete or unreadable.",
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
        "fit_to_send": "Nothing serious was found in the window's own data; otherwise its mail is held back.",
        "mails_accounted": "Every promised mail was sent, will be tried again, or an operator knows of it.",
    },
}
"""Descriptions of the checks that only one asset has, by asset and name."""

_FRAME_DESCRIPTIONS = {name: description for name, (description, _) in FRAME_CHECKS.items()}
CHECKS = {
    asset: {**(_FRAME_DESCRIPTIONS if asset in FRAMES else {}), **checks} for asset, checks in ASSET_CHECKS.items()
}
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
        evaluation = CheckEvaluation(
            windows,
            frames=io_manager,
            store=store,
            market=market,
            prices=prices,
            log=context.log,
            may_retry=retries_left(context.op_execution_context),
        )
        findings = evaluation.findings({asset for asset, _ in selected})
        if ("digest", BLOCKING) in selected:
            _record_verdict(store, windows[-1], findings["digest", BLOCKING])

        for asset, name in selected:
            yield _result(asset, name, findings[asset, name])

    return checks


class CheckEvaluation:
    """The checks of a run's windows, each made apart from the others.

    Args:
        windows: Oldest first.
        frames: Their frames.
        store: The database.
        market: Watchlist and calendar.
        prices: Where the closes come from.
        log: Where it is said why a check could not be made.
        may_retry: Whether the step may be retried after a transient failure.
    """

    def __init__(
        self,
        windows: Sequence[Window],
        *,
        frames: WindowFrames,
        store: Store,
        market: MarketContext,
        prices: PriceSource,
        log: logging.Logger,
        may_retry: bool,
    ) -> None:
        self._windows = windows
        self._newest = windows[-1]
        self._frames = frames
        self._stored = StoredFrames(frames, store, windows)
        self._store = store
        self._market = market
        self._prices = prices
        self._log = log
        self._may_retry = may_retry

    def findings(self, assets: set[str]) -> dict[tuple[str, str], WindowFindings]:
        """Findings by asset and check, oldest window first.

        Raises:
            DatabaseError, SourceError: a transient failure, and the step may be retried.
        """
        # Whether the digest's mail may be sent depends on the findings about every frame.
        with_frames = {*assets, *FRAMES} if "digest" in assets else assets
        findings: dict[tuple[str, str], WindowFindings] = {}
        for asset in counted([name for name in FRAMES if name in with_frames], "frames"):
            for name in FRAME_CHECKS:
                findings[asset, name] = self._frame_findings(asset, name)

        checks_of_asset: dict[str, dict[str, Callable[[], WindowFindings]]] = {
            "headlines": {name: partial(self._headline_findings, name) for name in data_quality.HEADLINE_CHECKS},
            "sentiment": {"confidence": self._confidence_findings, "tone_drift": self._drift_findings},
            "technicals": {"prices_fresh": self._price_findings, "split_jumps": self._split_findings},
            "signals": {"no_repeats": self._repeat_findings},
            "outcomes": {"record_plausible": self._record_findings},
        }
        for asset in counted([asset for asset in checks_of_asset if asset in with_frames], "assets"):
            for name, evaluate in checks_of_asset[asset].items():
                findings[asset, name] = self._attempt(name, evaluate)

        if "digest" in assets:
            # Last: it reads the findings of all others.
            own_findings = [
                finding for found in findings.values() for window, finding in found if window == self._newest
            ]
            evaluate = partial(self._fitness, own_findings)
            findings["digest", BLOCKING] = self._attempt(BLOCKING, evaluate, serious=True)
            findings["digest", "mails_accounted"] = self._attempt("mails_accounted", self._mail_findings)
        return findings

    def _attempt(
        self, name: str, evaluate: Callable[[], WindowFindings], *, window: Window | None = None, serious: bool = False
    ) -> WindowFindings:
        """The findings of one check, or the finding that it could not be made.

        Args:
            name: Name of the check.
            evaluate: Makes it.
            window: What a failure is about; None: the newest.
            serious: Whether only the newest window's own data can be the cause of a failure.
        """
        try:
            return evaluate()
        except Exception as error:
            is_transient = isinstance(error, (DatabaseError, SourceError)) and error.transient
            if is_transient and self._may_retry:
                raise
            if isinstance(error, SignalsError):
                reason = str(error)
                self._log.warning("check %s could not be made: %s", name, reason)
            else:
                reason = (
                    f"{type(error).__name__} in the check; report this as a bug, with the traceback in the run's log"
                )
                # The traceback as text: Dagster's event log keeps no other.
                self._log.error("check %s could not be made:\n%s", name, traceback.format_exc())
            return [(window or self._newest, data_quality.not_made(name, reason, serious=serious))]

    def _frame_findings(self, asset: str, name: str) -> WindowFindings:
        """Findings of one of `FRAME_CHECKS`, about the newest window apart from the others."""
        table = FRAMES[asset]
        findings: WindowFindings = []
        for windows in self._stored.parts():
            is_own = windows[-1] == self._newest and table is not OUTCOMES
            evaluate = partial(frame_findings, table, name, self._stored, windows)
            findings += self._attempt(name, evaluate, window=windows[-1], serious=is_own)
        return findings

    def _headline_findings(self, name: str) -> WindowFindings:
        """Findings of one check about each window's entry in the coverage ledger."""
        check = data_quality.HEADLINE_CHECKS[name]
        findings: WindowFindings = []
        for windows in self._stored.parts():

            def evaluate(windows: Sequence[Window] = windows) -> WindowFindings:
                entries = self._store.coverage.entries(windows)
                return [(window, check(entry)) for window, entry in entries.items()]

            # Not serious: without its entry the newest window is not fit to send anyway.
            findings += self._attempt(name, evaluate, window=windows[-1])
        return findings

    def _confidence_findings(self) -> WindowFindings:
        """Findings about the confidence of each window's tone."""
        rows_of_windows, faults = self._stored.well_formed(SENTIMENT)
        findings: WindowFindings = [(window, data_quality.confidence_finding(rows)) for window, rows in rows_of_windows]
        return _with_faults("confidence", findings, faults)

    def _drift_findings(self) -> WindowFindings:
        """Findings about each window's tone, compared with the windows before it."""
        first = self._windows[0].start
        earlier_windows = windows_between(first - timedelta(days=DRIFT_DAYS), first)[-data_quality.DRIFT_WINDOWS :]
        columns = ["window_start", *data_quality.TONE_COLUMNS]
        earlier_rows, errors = self._frames.existing(SENTIMENT, earlier_windows, columns)
        own_rows, faults = self._stored.well_formed(SENTIMENT)
        rows_of_windows = [*earlier_rows, *own_rows]
        counts = [data_quality.tone_counts(rows) for _, rows in rows_of_windows]

        findings: WindowFindings = []
        for position, (window, _) in enumerate(rows_of_windows):
            if window.start < first:
                continue
            previous_counts = counts[max(position - data_quality.DRIFT_WINDOWS, 0) : position]
            expected = sum(previous_counts, np.zeros(3))  # negative, neutral, positive
            findings.append((window, data_quality.drift_finding(counts[position], expected)))
        if errors:
            reasons = "; ".join(str(error) for error in errors)
            text = f"compared without {len(errors)} of the last {data_quality.DRIFT_WINDOWS} windows: {reasons}"
            findings.append((self._windows[0], data_quality.Finding("tone_drift", passed=False, text=text, value=None)))
        return _with_faults("tone_drift", findings, faults)

    def _price_findings(self) -> WindowFindings:
        """Findings about each window's technicals."""
        rows_of_windows, faults = self._stored.well_formed(TECHNICALS)
        findings: WindowFindings = [(window, data_quality.price_finding(rows)) for window, rows in rows_of_windows]
        return _with_faults("prices_fresh", findings, faults)

    def _split_findings(self) -> WindowFindings:
        """Findings about the closes known at the end of the newest window."""
        first_day = (self._newest.start - timedelta(days=CHART_DAYS)).date()
        last_day = self._newest.as_of.date()
        symbols = self._market.watchlist.symbols
        corrections = self._prices.corrections(symbols, first_day, last_day)
        bars = bars_as_of(self._prices.bars(symbols, first_day, last_day), corrections, self._newest.as_of)
        actions = self._prices.actions(symbols, first_day, last_day)
        opened_day = last_opened(self._market.sessions((self._newest,)), self._newest.as_of)
        closes: dict[str, pd.Series] = {}
        for symbol, symbol_bars in adjusted_bars(bars, actions).items():
            as_known = symbol_bars.adjusted(symbol_bars.count_ex_days(opened_day))
            closes[symbol] = pd.Series(as_known["close"], index=symbol_bars.days)
        return [(self._newest, data_quality.split_finding(closes))]

    def _repeat_findings(self) -> WindowFindings:
        """Findings about the signals that are active in the newest window, or were shortly before."""
        first = self._newest.as_of - timedelta(days=HISTORY_DAYS)
        # The end is exclusive.
        signals = self._store.history.between(first, self._newest.as_of + timedelta(microseconds=1))
        found = data_quality.signal_findings(signals, self._newest.start)
        return [(self._newest, finding) for finding in found]

    def _record_findings(self) -> WindowFindings:
        """Findings about the record known at the end of the newest window."""
        records = records_by_origin(self._store.outcomes.known(self._newest.as_of))
        lines = list(chain.from_iterable(records.values()))
        return [(self._newest, data_quality.record_finding(lines))]

    def _fitness(self, own_findings: Sequence[data_quality.Finding]) -> WindowFindings:
        """Whether the newest window's digest may be sent, by the findings about the window."""
        entry = self._store.coverage.get(self._newest)
        if entry is None:
            key = self._newest.key
            reason = f"headlines of window {key} has stored no coverage; run `signals run --window {key}`"
            return [(self._newest, data_quality.not_made(BLOCKING, reason, serious=True))]
        return [(self._newest, data_quality.fit_to_send(entry, own_findings))]

    def _mail_findings(self) -> WindowFindings:
        """Whether every promised mail is accounted for; other windows' mails hold this one's back in no case."""
        result = account(self._store.outbox.open(), datetime.now(UTC))
        text = f"{result.waiting_for_operator} mails wait for an operator"
        if result.unaccounted:
            count, oldest = len(result.unaccounted), result.unaccounted[0]
            text += (
                f", and nobody was told of {count}, since {oldest.window_key}: see `signals deliveries`;"
                " set OPERATOR_RECIPIENTS and keep the daemon running"
            )
        value = float(len(result.unaccounted))
        return [(self._newest, data_quality.Finding("mails_accounted", not result.unaccounted, text, value))]


def _with_faults(name: str, findings: WindowFindings, faults: Mapping[Window, str]) -> WindowFindings:
    """Findings, oldest window first, together with those about the windows whose frames can't be judged."""
    not_made = [(window, data_quality.not_made(name, fault)) for window, fault in faults.items()]
    return sorted([*findings, *not_made], key=lambda found: found[0].start)


def _descriptions() -> dict[tuple[str, str], str]:
    """The description of each check by its asset and name."""
    return {(asset, name): text for asset, checks in CHECKS.items() for name, text in checks.items()}


# When a window's digest must be there: a run takes about five minutes.
HEALTH_GRACE = timedelta(minutes=15)


@dg.asset_check(
    asset=NEWEST_PRESENT.asset_key,
    name=NEWEST_PRESENT.name,
    description="The newest complete window has its digest; a backfill of old windows does not make up for it.",
)
def newest_window_present(store: dg.ResourceParam[Store]) -> dg.AssetCheckResult:
    """Pass if the window that ended last has its digest, a quarter of an hour after its end at the latest."""
    passed, text = newest_present(store, datetime.now(UTC))
    return dg.AssetCheckResult(passed=passed, description=text)


def newest_present(store: Store, now: datetime) -> tuple[bool, str]:
    """Whether the newest window that ended HEALTH_GRACE ago or earlier has its digest, and a line that says so."""
    due = newest_complete(now - HEALTH_GRACE)
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
    # Before the control service of the stack goes to sleep at 9:00 and 18:00: a daemon that sleeps has no ticks.
    cron_schedule="50 8,17 * * 1-5",
    execution_timezone="America/New_York",
    default_status=dg.DefaultScheduleStatus.STOPPED,
    description="Checks 20 minutes after each window's end that its digest is there.",
)


def _record_verdict(store: Store, window: Window, findings: WindowFindings) -> None:
    """Let the mails of a window's digest go, or hold them back; they wait for one or the other."""
    problems = [finding.text for _, finding in findings if not finding.passed]
    store.outbox.record_verdict(window, problem="; ".join(problems), now=datetime.now(UTC))


def _result(asset: str, name: str, findings: WindowFindings) -> dg.AssetCheckResult:
    """The result of one check over all windows of a run.

    Its value and description are those of the newest window that failed or, where all passed, of the newest window.
    """
    failed = [(window, finding) for window, finding in findings if not finding.passed]
    judged = failed or findings
    shown = [(window, finding) for window, finding in judged if window == judged[-1][0]]

    metadata: dict[str, float | dg.MarkdownMetadataValue] = {}
    for _, finding in shown:
        if finding.value is not None:
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
