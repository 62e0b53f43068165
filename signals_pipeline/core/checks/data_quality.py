"""Data quality of a window: findings about its frames and about what was decided, each with its number and a remedy.

A finding never changes a number. It is `serious` where the window's own data would misinform a reader of its digest:
that holds the mail back. Whatever is wrong with earlier windows or with the record advises. The asset checks that run
these are in `defs.checks` and `defs.frame_checks`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.news.stories import STORY_HOURS
from signals_pipeline.core.prices.validation import UNIT_JUMP
from signals_pipeline.core.record.track_record import RecordLine
from signals_pipeline.core.signal_fields import DecisionFields, field_values
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline.core.tables import INSTANT, OUTCOMES, REAL, SIGNALS, Column, ColumnArrays, Table
from signals_pipeline.core.text import short_duration

# Feeds date nearly all of their items; more undated ones mean that a feed's format has changed.
MAX_UNDATED = 0.1

# Broad feeds are mostly about other companies; beyond this share the aliases are at fault.
MAX_UNLINKED = 0.98

# Guessing among three classes has a confidence of 1/3; below a half the model does not understand the texts.
MIN_CONFIDENCE = 0.5

# Single companies may be halted or delisted; a fifth of the watchlist is a fault of the price source.
MAX_STALE = 0.2

# Below this number of headlines a share says nothing.
ENOUGH_HEADLINES = 30

# Chi-square with 2 degrees of freedom, exceeded by chance in one window of 1,000.
DRIFT = 13.82

# Windows that make up the usual distribution of tone: two weeks.
DRIFT_WINDOWS = 20

# Common split ratios, and how far the day's own move may carry a log return from one of them.
SPLITS = (2, 3, 4, 5, 10, 20)
SPLIT_TOLERANCE = 0.04

# How many problems, and how many symbols, one finding names.
MAX_PROBLEMS_SHOWN = 5
MAX_NAMES_SHOWN = 8

TONE_COLUMNS = ("headline_id", "p_negative", "p_neutral", "p_positive", "confidence")
"""Columns of SENTIMENT that the findings on tone need."""

# A headline counts once per company, whenever it became known, although known_at is part of the stages' keys.
_HEADLINE_KEY = ("window_start", "symbol", "headline_id")
UNIQUE_KEYS: dict[str, tuple[str, ...]] = {"headlines": _HEADLINE_KEY, "sentiment": _HEADLINE_KEY}
"""Columns that may not repeat, by stage; elsewhere the table's key."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        check: Name of the check.
        passed: Whether all is well.
        text: What was seen and, where it is not well, what to do; one line.
        value: The number it rests on; None where the check could not be made.
        serious: Not well, and a reader of the window's digest would be misinformed.
    """

    check: str
    passed: bool
    text: str
    value: float | None
    serious: bool = False


def not_made(check: str, reason: str, *, serious: bool = False) -> Finding:
    """A finding in place of one that could not be made.

    Args:
        check: Name of the check.
        reason: Why, and what to do; one line.
        serious: Whether it is the window's own data that can't be judged.
    """
    return Finding(check, passed=False, text=f"could not be made: {reason}", value=None, serious=serious)


def _dated(entry: Coverage) -> Finding:
    fetched = sum(report.fetched for report in entry.reports)
    undated = entry.drops.get("no_time", 0) / max(fetched, 1)
    return Finding(
        check="dated",
        passed=undated <= MAX_UNDATED or fetched < ENOUGH_HEADLINES,
        text=f"{undated:.0%} of {fetched} items have no readable time; check the feed's format",
        value=undated,
    )


def _linked(entry: Coverage) -> Finding:
    unlinked = 1 - entry.relevant / entry.headlines if entry.headlines else 0.0
    return Finding(
        check="linked",
        passed=unlinked <= MAX_UNLINKED or entry.headlines < ENOUGH_HEADLINES,
        text=f"{unlinked:.0%} of {entry.headlines} headlines name no company of the watchlist; check its aliases",
        value=unlinked,
    )


def _feeds_answered(entry: Coverage) -> Finding:
    empty = [report.feed for report in entry.reports if not report.fetched]
    failed = [f"{report.feed} ({report.detail})" for report in entry.reports if report.status == "failed"]
    # What a silent source has not delivered is told by `sources_moving`.
    incomplete = [
        f"{report.feed} ({report.detail})"
        for report in entry.reports
        if report.status == "degraded" and report.covered_to is None
    ]
    problems: list[str] = []
    if empty:
        problems.append(f"nothing from {', '.join(empty)}")
    if failed:
        problems.append(f"failed: {', '.join(failed)}")
    if incomplete:
        problems.append(f"incomplete: {', '.join(incomplete)}")
    return Finding(
        check="feeds_answered",
        passed=not problems,
        text="; ".join(problems) or f"all {len(entry.reports)} feeds delivered",
        value=float(len(empty)),
    )


def _sources_moving(entry: Coverage) -> Finding:
    silent = [report for report in entry.reports if report.covered_to is not None]
    age = "no headline within the look-back"
    hours = float(STORY_HOURS)
    if entry.newest_age is not None:
        hours = entry.newest_age / timedelta(hours=1)
        age = f"the newest headline became known {short_duration(entry.newest_age)} before the end"
    problems = [f"{report.feed}: {report.detail}; check the collector or the feed" for report in silent]
    return Finding(
        check="sources_moving",
        passed=not silent,
        text="; ".join([*problems, age]),
        value=hours,
    )


def _accounted(entry: Coverage) -> Finding:
    text = entry.accounts() or "made before items were accounted for"
    if entry.unaccounted:
        text = f"{entry.unaccounted} items are neither kept nor dropped for a reason: {text}; report this as a bug"
    return Finding(
        check="accounted",
        passed=not entry.unaccounted,
        text=text,
        value=float(entry.unaccounted),
        serious=entry.unaccounted > 0,
    )


HEADLINE_CHECKS: Mapping[str, Callable[[Coverage], Finding]] = {
    "dated": _dated,
    "linked": _linked,
    "feeds_answered": _feeds_answered,
    "sources_moving": _sources_moving,
    "accounted": _accounted,
}
"""What a window's coverage ledger entry says about its feeds, and whether every item is accounted for, by check."""


def confidence_finding(rows: ColumnArrays) -> Finding:
    """Mean tone confidence of a window's SENTIMENT rows."""
    size = len(rows["confidence"])
    mean = float(rows["confidence"].mean()) if size else 1.0
    return Finding(
        check="confidence",
        passed=mean >= MIN_CONFIDENCE or size < ENOUGH_HEADLINES,
        text=(
            f"mean tone confidence {mean:.2f} over {size} headlines, at least {MIN_CONFIDENCE} expected; "
            "check the model's revision and the headlines' language"
        ),
        value=mean,
    )


def drift_finding(counts: NDArray[np.float64], usual: NDArray[np.float64]) -> Finding:
    """Whether a window's tone is distributed as in the windows before it.

    Args:
        counts: `tone_counts` of the window, shape (3,).
        usual: `tone_counts` of the `DRIFT_WINDOWS` windows before it together, shape (3,).
    """
    statistic = homogeneity(counts, usual)
    return Finding(
        check="tone_drift",
        passed=statistic < DRIFT,
        text=(
            f"chi-square {statistic:.1f} against the {usual.sum():.0f} headlines of the last {DRIFT_WINDOWS} windows; "
            f"chance alone exceeds {DRIFT} in one window of 1,000"
        ),
        value=statistic,
    )


def tone_counts(rows: ColumnArrays) -> NDArray[np.float64]:
    """Distinct headlines of SENTIMENT rows by their most probable class: negative, neutral, positive; shape (3,)."""
    probabilities = [rows[name] for name in ("p_negative", "p_neutral", "p_positive")]
    classes = np.stack(probabilities).argmax(axis=0)
    # A headline has one row per company; the first counts.
    class_of_headline: dict[str, int] = {}
    for headline_id, number in zip(rows["headline_id"].tolist(), classes.tolist(), strict=True):
        class_of_headline.setdefault(headline_id, number)
    distinct = np.array(list(class_of_headline.values()), dtype=np.int64)
    return np.bincount(distinct, minlength=3).astype(np.float64)


def homogeneity(counts: NDArray[np.float64], usual: NDArray[np.float64]) -> float:
    """Pearson's chi-square statistic that two rows of counts have one distribution; 0 where either is too small.

    sum (observed - expected)^2 / expected, with expected = row total x column total / total (Pearson 1900).
    """
    observed = np.stack([counts, usual])
    if observed.sum(axis=1).min() < ENOUGH_HEADLINES:
        return 0.0
    # A class that neither has would be expected 0 times.
    observed = observed[:, observed.sum(axis=0) > 0]
    expected = observed.sum(axis=1, keepdims=True) * observed.sum(axis=0) / observed.sum()
    return float(((observed - expected) ** 2 / expected).sum())


def price_finding(rows: ColumnArrays) -> Finding:
    """Companies whose last bar is missing, from TECHNICALS rows of the window."""
    stale: list[str] = rows["symbol"][rows["stale"]].tolist()
    size = len(rows["symbol"])
    share = len(stale) / max(size, 1)
    text = f"{len(stale)} of {size} companies lack the last closed session"
    if stale:
        more = " …" if len(stale) > MAX_NAMES_SHOWN else ""
        known = rows["session"][~np.isnat(rows["session"])]
        newest = f"the newest bar is from {known.max().astype('datetime64[D]')}" if len(known) else "there are no bars"
        text += f": {', '.join(stale[:MAX_NAMES_SHOWN])}{more}; {newest}; check the price source"
    return Finding("prices_fresh", share <= MAX_STALE, text, share)


def split_finding(closes: Mapping[str, pd.Series]) -> Finding:
    """Closes that jump by a split's ratio overnight though no split is known: bars that were only partly adjusted.

    Jumps that no share makes are named as well: bars in another unit (`prices.validation`).

    Args:
        closes: Adjusted closes by symbol, indexed by session, oldest first.
    """
    jumps: list[str] = []
    for symbol, series in sorted(closes.items()):
        moves = np.abs(np.diff(np.log(series.to_numpy())))
        distances = np.abs(moves[:, None] - np.log(SPLITS))
        nearest = np.min(distances, axis=1, initial=np.inf)
        is_jump = (nearest < SPLIT_TOLERANCE) | (moves > np.log(UNIT_JUMP))
        # Move number i leads to close number i + 1: name that day.
        days = series.index[np.flatnonzero(is_jump) + 1]
        jumps += [f"{symbol} {pd.Timestamp(day):%Y-%m-%d}" for day in days]
    text = f"{len(jumps)} closes jump by a split's ratio"
    if jumps:
        text += f": {', '.join(jumps[:MAX_NAMES_SHOWN])}; fetch their bars again"
    return Finding("split_jumps", not jumps, text, float(len(jumps)))


def signal_findings(history: Sequence[Signal], window_start: datetime) -> tuple[Finding, ...]:
    """Signals that repeat one that was still active: those of the window, which are serious, and earlier ones.

    Args:
        history: All signals decided up to and including the window, in any order.
        window_start: When the window starts.
    """
    own_repeats: list[str] = []
    other_repeats: list[str] = []
    ordered = sorted(history, key=lambda signal: (signal.symbol, signal.decided_at))
    for previous, signal in pairwise(ordered):
        same = (previous.symbol, previous.signal_type) == (signal.symbol, signal.signal_type)
        if not same or signal.lifecycle == "stronger" or signal.decided_at >= previous.expires_at:
            continue
        # A window's flipped signal shows that the one it flipped is gone from the history, not that it is a repeat.
        is_own = signal.window_start == window_start and signal.lifecycle == "new"
        repeats = own_repeats if is_own else other_repeats
        repeats.append(f"{signal.symbol} {signal.signal_type} {signal.decided_at:%Y-%m-%d %H:%M}")

    findings: list[Finding] = []
    if other_repeats:
        findings.append(_repeats(other_repeats, serious=False))
    if own_repeats or not other_repeats:
        findings.append(_repeats(own_repeats, serious=bool(own_repeats)))
    return tuple(findings)


def _repeats(repeats: Sequence[str], *, serious: bool) -> Finding:
    text = f"{len(repeats)} signals repeat an active one"
    if repeats:
        text += f": {', '.join(repeats[:MAX_NAMES_SHOWN])}"
    return Finding("no_repeats", not repeats, text, float(len(repeats)), serious=serious)


def record_finding(lines: Sequence[RecordLine]) -> Finding:
    """Hit rates that are too good for news: look-ahead until proven otherwise."""
    suspect = [f"{line.label}, {line.text}" for line in lines if line.suspect]
    text = "no hit rate is better than news can explain"
    if suspect:
        text = "; ".join([*suspect, "run `signals audit`"])
    return Finding("record_plausible", not suspect, text, float(len(suspect)))


def fit_to_send(entry: Coverage, findings: Sequence[Finding]) -> Finding:
    """Whether the digest may be mailed: nothing serious was found and at least one feed delivered.

    Args:
        entry: The window's coverage.
        findings: Those about the window itself; what is wrong with other windows holds no mail of this one.
    """
    # One cause may stop several checks; it is said once.
    serious = list(dict.fromkeys(finding.text for finding in findings if finding.serious))
    if entry.status == "failed":
        serious.append("no feed delivered anything")
    return Finding(
        check="fit_to_send",
        passed=not serious,
        text="; ".join(serious) or "nothing serious found",
        value=float(len(serious)),
        serious=bool(serious),
    )


def schema_finding(table: Table, frame: pd.DataFrame) -> Finding:
    """Whether a frame has its stage's columns, dtypes, no missing value where none is allowed, and values in bounds.

    Columns that the stage does not have are those of a newer release, and no fault.

    Args:
        table: The stage's table.
        frame: As it was stored, in any number of rows.
    """
    problems = list(shape_problems(table, frame))
    # Values can be looked at only where the columns are those of the table.
    if not problems:
        problems = list(_value_problems(table, frame))
    passed_text = f"{len(frame)} rows with {len(table.columns)} columns as declared"
    unknown = [str(name) for name in frame.columns if name not in table.names]
    if unknown:
        passed_text += f", and {', '.join(unknown)} of another release"
    return _frame_finding("schema", table, problems, passed_text)


def duplicate_finding(table: Table, frame: pd.DataFrame) -> Finding:
    """Whether anything is in a frame twice that may be there once.

    Args:
        table: The stage's table.
        frame: As it was stored; one with other columns or dtypes can't be judged, which is for `schema_finding` to say.
    """
    shape_problem = next(shape_problems(table, frame), None)
    if shape_problem is not None:
        return not_made("no_duplicates", shape_problem)
    key = list(UNIQUE_KEYS.get(table.name, table.key))
    repeated = frame.loc[frame.duplicated(key), key]
    problems: list[str] = []
    for row in repeated.itertuples(index=False):
        values = " ".join(str(value) for value in row)
        problems.append(f"duplicate: {values}")
    passed_text = f"{len(frame)} rows, each {', '.join(key)} once"
    return _frame_finding("no_duplicates", table, problems, passed_text)


def shape_problems(table: Table, frame: pd.DataFrame) -> Iterator[str]:
    """What is wrong with the columns and dtypes of a frame, one line per problem."""
    names = [str(name) for name in frame.columns]
    missing = [name for name in table.names if name not in names]
    if missing:
        yield f"missing column {', '.join(missing)}"
    for column in table.columns:
        if column.name not in names:
            continue
        dtype = str(frame[column.name].dtype)
        if dtype != column.dtype:
            yield f"{column.name} is {dtype}, not {column.dtype}"


def signal_rows(signals: Sequence[Signal]) -> pd.DataFrame:
    """Signals as a frame with the columns of SIGNALS, in the order given: not sorted, nor checked."""
    rows = [{**asdict(signal.candidate), **field_values(DecisionFields, signal)} for signal in signals]
    if not rows:
        return SIGNALS.empty()
    frame = pd.DataFrame(rows)[SIGNALS.names]
    # pandas infers another resolution from datetimes, and `object` from a technical score that is None.
    dtypes = {column.name: column.dtype for column in SIGNALS.columns if column.dtype == INSTANT}
    dtypes["technical"] = REAL
    return frame.astype(dtypes)


def _value_problems(table: Table, frame: pd.DataFrame) -> Iterator[str]:
    """What is wrong with the values of a frame that has the table's columns, one line per problem."""
    for column in table.columns:
        values = frame[column.name]
        missing = int(values.isna().sum())
        if missing and not column.nullable:
            yield f"{column.name}: {missing} missing"
        yield from _out_of_bounds(column, values)


def _out_of_bounds(column: Column, values: pd.Series) -> Iterator[str]:
    # A unit that is only a name has no bounds.
    if isinstance(column.unit, str):
        return
    outside = column.unit.outside(values)
    if outside.any():
        yield f"{column.name}: {int(outside.sum())} outside {column.unit}, such as {values[outside].iloc[0]}"


def _frame_finding(check: str, table: Table, problems: Sequence[str], passed_text: str) -> Finding:
    """A finding about a stored frame; whatever is wrong with one is serious, unless it is about earlier windows."""
    text = passed_text
    if problems:
        more = len(problems) - MAX_PROBLEMS_SHOWN
        listed = "; ".join(problems[:MAX_PROBLEMS_SHOWN])
        rest = f" and {more} more" if more > 0 else ""
        text = f"{listed}{rest}"
    # Outcomes are those of signals of earlier windows.
    serious = bool(problems) and table is not OUTCOMES
    return Finding(check, not problems, text, float(len(problems)), serious=serious)
