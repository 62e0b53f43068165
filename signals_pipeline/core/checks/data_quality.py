"""Data quality of a window: findings about its frames and about what was decided, each with its number and a remedy.

A finding never changes a number. One is `serious` where a reader would be misinformed: it keeps the mail back.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from signals_pipeline.core.news.coverage import Coverage
from signals_pipeline.core.record.track_record import RecordLine
from signals_pipeline.core.signals.decision import Signal
from signals_pipeline.core.tables import INSTANT, REAL, SIGNALS, Column, Columns, Table

MOST_UNDATED = 0.1
MOST_UNLINKED = 0.98
LEAST_CONFIDENCE = 0.5
MOST_STALE = 0.2
ENOUGH_HEADLINES = 30  # below that a share says nothing
DRIFT = 13.82  # chi-square with 2 degrees of freedom: one window in 1,000 by chance
DRIFT_WINDOWS = 20
SPLITS = (2, 3, 4, 5, 10, 20)
SPLIT_TOLERANCE = 0.04


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one check.

    Attributes:
        check: Name of the check.
        passed: Whether all is well.
        text: What was seen and, where it is not well, what to do; one line.
        value: The number it rests on.
        serious: Not well, and a reader would be told something wrong.
    """

    check: str
    passed: bool
    text: str
    value: float
    serious: bool = False


def headline_findings(entry: Coverage) -> tuple[Finding, ...]:
    """Undated and unlinked headlines, and feeds that gave nothing, from a window's ledger entry."""
    fetched = sum(report.fetched for report in entry.reports)
    undated = entry.drops.get("no_time", 0) / max(fetched, 1)
    unlinked = 1 - entry.relevant / entry.headlines if entry.headlines else 0.0
    silent = [report.feed for report in entry.reports if not report.fetched]
    failed = [f"{report.feed} ({report.detail})" for report in entry.reports if report.status == "failed"]
    judged = entry.headlines >= ENOUGH_HEADLINES
    return (
        Finding(
            "dated",
            undated <= MOST_UNDATED or fetched < ENOUGH_HEADLINES,
            f"{undated:.0%} of {fetched} items have no time that can be read; look at the feed's format",
            undated,
        ),
        Finding(
            "linked",
            unlinked <= MOST_UNLINKED or not judged,
            f"{unlinked:.0%} of {entry.headlines} headlines name no company of the watchlist; look at its aliases",
            unlinked,
        ),
        Finding(
            "feeds_answered",
            not silent and not failed,
            "; ".join(
                part
                for part in (
                    f"nothing from {', '.join(silent)}" if silent else "",
                    f"failed: {', '.join(failed)}" if failed else "",
                )
                if part
            )
            or f"all {len(entry.reports)} feeds delivered",
            float(len(silent)),
        ),
    )


def tone_findings(rows: Columns, counts: NDArray[np.float64], usual: NDArray[np.float64]) -> tuple[Finding, ...]:
    """Mean confidence, and whether tone is distributed as in the windows before.

    Args:
        rows: SENTIMENT rows of the window, as `tables.columns_of`.
        counts: `tone_counts` of it, shape (3,).
        usual: `tone_counts` of the `DRIFT_WINDOWS` windows before it together, shape (3,).
    """
    size = len(rows["confidence"])
    mean = float(rows["confidence"].mean()) if size else 1.0
    statistic = homogeneity(counts, usual)
    return (
        Finding(
            "confidence",
            mean >= LEAST_CONFIDENCE or size < ENOUGH_HEADLINES,
            f"mean tone confidence {mean:.2f} over {size} headlines, {LEAST_CONFIDENCE} expected;"
            " look at the model's revision and the headlines' language",
            mean,
        ),
        Finding(
            "tone_drift",
            statistic < DRIFT,
            f"chi-square {statistic:.1f} against the last {DRIFT_WINDOWS} windows' {usual.sum():.0f} headlines,"
            f" {DRIFT} is one in 1,000 by chance",
            statistic,
        ),
    )


TONE_COLUMNS = ("headline_id", "p_negative", "p_neutral", "p_positive", "confidence")
"""What the findings on tone need of SENTIMENT."""


def tone_counts(rows: Columns) -> NDArray[np.float64]:
    """Distinct headlines of SENTIMENT rows by their most probable class: negative, neutral, positive; shape (3,)."""
    classes = np.stack([rows[name] for name in ("p_negative", "p_neutral", "p_positive")]).argmax(axis=0)
    of_headline = dict(zip(rows["headline_id"][::-1].tolist(), classes[::-1].tolist(), strict=True))  # its first row's
    return np.bincount(np.array([*of_headline.values()], dtype=np.int64), minlength=3).astype(np.float64)


def homogeneity(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Pearson's chi-square statistic that two rows of counts have one distribution; 0 where either is too small."""
    table = np.stack([one, other])
    if table.sum(axis=1).min() < ENOUGH_HEADLINES:
        return 0.0
    table = table[:, table.sum(axis=0) > 0]
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    return float(((table - expected) ** 2 / expected).sum())


def price_findings(rows: Columns) -> tuple[Finding, ...]:
    """Companies whose last bar is missing, from TECHNICALS rows of the window."""
    stale, size = rows["symbol"][rows["stale"]].tolist(), len(rows["symbol"])
    share = len(stale) / max(size, 1)
    return (
        Finding(
            "prices_fresh",
            share <= MOST_STALE,
            f"{len(stale)} of {size} companies lack the last closed session"
            + (f": {', '.join(stale[:8])}{' …' if len(stale) > 8 else ''}; look at the price source" if stale else ""),
            share,
        ),
    )


def split_findings(closes: Mapping[str, pd.Series]) -> tuple[Finding, ...]:
    """Closes that jump by a split's ratio overnight though no split is known: bars that were adjusted half-way.

    Args:
        closes: Adjusted closes by symbol, indexed by session, oldest first.
    """
    jumps = []
    for symbol, series in sorted(closes.items()):
        moves = np.abs(np.diff(np.log(series.to_numpy())))
        near = np.min(np.abs(moves[:, None] - np.log(SPLITS)), axis=1, initial=np.inf) < SPLIT_TOLERANCE
        jumps += [f"{symbol} {pd.Timestamp(series.index[at + 1]):%Y-%m-%d}" for at in np.flatnonzero(near).tolist()]
    text = f"{len(jumps)} closes jump as a split does" + (
        f": {', '.join(jumps[:8])}; fetch them again" if jumps else ""
    )
    return (Finding("split_jumps", not jumps, text, float(len(jumps))),)


def signal_findings(told: Sequence[Signal]) -> tuple[Finding, ...]:
    """Signals that repeat what was already said and still active.

    Args:
        told: All signals decided up to and including the window, in any order.
    """
    twice = []
    ordered = sorted(told, key=lambda one: (one.symbol, one.decided_at))
    for before, after in pairwise(ordered):
        same = (before.symbol, before.signal_type) == (after.symbol, after.signal_type)
        if same and after.lifecycle != "stronger" and after.decided_at < before.expires_at:
            twice.append(f"{after.symbol} {after.signal_type} {after.decided_at:%Y-%m-%d %H:%M}")
    text = f"{len(twice)} signals repeat an active one" + (f": {', '.join(twice[:8])}" if twice else "")
    return (Finding("no_repeats", not twice, text, float(len(twice)), serious=bool(twice)),)


def record_findings(lines: Sequence[RecordLine]) -> tuple[Finding, ...]:
    """Hit rates that are too good for news: look-ahead until proven otherwise."""
    suspect = [f"{line.label}, {line.text}" for line in lines if line.suspect]
    text = "; ".join(suspect) + "; run `signals audit`" if suspect else "no hit rate is better than news can explain"
    return (Finding("record_plausible", not suspect, text, float(len(suspect))),)


def readable(entry: Coverage, findings: Sequence[Finding]) -> Finding:
    """Whether the digest may be mailed: nothing serious was found and at least one feed delivered."""
    serious = [finding.text for finding in findings if finding.serious]
    if entry.status == "failed":
        serious.append("no feed delivered anything")
    return Finding(
        "fit_to_send",
        not serious,
        "; ".join(serious) or "nothing serious found",
        float(len(serious)),
        serious=bool(serious),
    )


# What may be there once; elsewhere the table's key. A headline counts once for a company, whenever it became known.
ONCE: dict[str, tuple[str, ...]] = dict.fromkeys(("headlines", "sentiment"), ("window_start", "symbol", "headline_id"))
SHOWN = 5


def schema_finding(table: Table, frame: pd.DataFrame) -> Finding:
    """Whether a frame has its stage's columns, dtypes and no missing value too many, all values within their bounds.

    Args:
        table: The stage's table.
        frame: As it was stored, in any number of rows.
    """
    problems = [*shape_problems(table, frame)] or [*_value_problems(table, frame)]
    said = f"{len(frame)} rows with {len(table.columns)} columns as they must be"
    return _finding("schema", problems, said, f"materialise {table.name} again")


def duplicate_finding(table: Table, frame: pd.DataFrame) -> Finding:
    """Whether anything is in a frame twice that may be there once.

    Args:
        table: The stage's table.
        frame: As it was stored; one without the columns that tell is left to `schema_finding`.
    """
    once = list(ONCE.get(table.name, table.key))
    problems = []
    if set(once) <= set(frame.columns):
        rows = frame.loc[frame.duplicated(once), once]
        problems = [f"twice: {' '.join(str(value) for value in row)}" for row in rows.itertuples(index=False)]
    said = f"{len(frame)} rows, each {', '.join(once)} once"
    return _finding("no_duplicates", problems, said, f"materialise {table.name} again")


def signal_rows(told: Sequence[Signal]) -> pd.DataFrame:
    """Signals as a frame with the columns of SIGNALS, nothing brought into order."""
    rows = [
        asdict(each.candidate)
        | {"lifecycle": each.lifecycle, "decided_at": each.decided_at, "expires_at": each.expires_at}
        for each in told
    ]
    if not rows:
        return SIGNALS.empty()
    frame = pd.DataFrame(rows)[SIGNALS.names]
    instants = {column.name: column.dtype for column in SIGNALS.columns if column.dtype == INSTANT}
    return frame.astype(instants | {"technical": REAL})  # made of datetimes and of None


def shape_problems(table: Table, frame: pd.DataFrame) -> Iterator[str]:
    """What is wrong with the columns and dtypes of a frame, one line each."""
    names = [str(name) for name in frame.columns]
    missing = [name for name in table.names if name not in names]
    further = [name for name in names if name not in table.names]
    if missing:
        yield f"without {', '.join(missing)}"
    if further:
        yield f"with {', '.join(further)}, which no stage has"
    for column in table.columns:
        if column.name in names and (found := str(frame[column.name].dtype)) != column.dtype:
            yield f"{column.name} is {found}, not {column.dtype}"


def _value_problems(table: Table, frame: pd.DataFrame) -> Iterator[str]:
    for column in table.columns:
        values = frame[column.name]
        if not column.nullable and (count := int(values.isna().sum())):
            yield f"{column.name}: {count} missing"
        yield from _outside(column, values)


def _outside(column: Column, values: pd.Series) -> Iterator[str]:
    if isinstance(column.unit, str):
        return
    outside = column.unit.outside(values)
    if outside.any():
        yield f"{column.name}: {int(outside.sum())} outside {column.unit}, such as {values[outside].iloc[0]}"


def _finding(check: str, problems: Sequence[str], well: str, remedy: str) -> Finding:
    more = f" and {len(problems) - SHOWN} more" if len(problems) > SHOWN else ""
    text = f"{'; '.join(problems[:SHOWN])}{more}; {remedy}" if problems else well
    return Finding(check, not problems, text, float(len(problems)), serious=bool(problems))
