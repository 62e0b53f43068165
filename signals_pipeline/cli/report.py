"""What `signals run` and `signals backfill` print at the end, and stored digests as files.

The report shows the signals and the funnel of the windows that were run, and where the newest digest is.
"""

from collections import Counter
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import dagster as dg
from rich.table import Table
from rich.text import Text

from signals_pipeline.adapters.rendering.files import digest_paths, write_digest
from signals_pipeline.cli.console import console, table
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.digest.wording import arrow, revision_notice, signed
from signals_pipeline.core.windows import Window, window_for_key
from signals_pipeline.defs.resources import Store, open_store
from signals_pipeline.settings import Settings

SHOWN_SIGNALS = 15  # with title, funnel and paths this fits on a screen
INSTANT = timedelta(microseconds=1)  # makes the half-open range of `history.between` include its last window


def show(settings: Settings, windows: tuple[Window, ...], evaluations: Iterable[dg.AssetCheckEvaluation] = ()) -> None:
    """Print the signals and funnel of these windows, the newest digest's subject, coverage and files.

    Args:
        settings: The deployment.
        windows: The windows, oldest first.
        evaluations: What the checks of their runs have found; those that passed are not printed.
    """
    store = open_store(settings.database_url)
    output = console()
    newest = windows[-1]
    digest = stored_digest(store, newest)

    output.print(signals_table(store, windows))
    for notice in revision_notices(store, windows):
        output.print(notice, style="bold", soft_wrap=True)
    output.print(_funnel(store, windows, digest))
    for line in failed_checks(evaluations):
        output.print(line, soft_wrap=True)
    output.print(f"\n{digest.subject}", style="bold", soft_wrap=True)
    output.print(digest.coverage.line(digest.model), soft_wrap=True)
    files = digest_paths(newest.key, settings.digests_dir)
    output.print(f"HTML {files.html}", soft_wrap=True)
    output.print(f"text {files.text}", soft_wrap=True)
    output.print(f"JSON {files.json}", soft_wrap=True)


def failed_checks(evaluations: Iterable[dg.AssetCheckEvaluation]) -> list[str]:
    """One line per check that did not pass, under a heading; none where all passed."""
    failed = [evaluation for evaluation in evaluations if not evaluation.passed]
    lines = [
        f"  {'ERROR' if check.severity is dg.AssetCheckSeverity.ERROR else 'warning'}"
        f"  {check.asset_key.to_user_string()} {check.check_name}: {check.description}"
        for check in failed
    ]
    return ["\nChecks that did not pass:", *lines] if lines else []


def stored_digest(store: Store, window: Window) -> Digest:
    """The digest of a window as it was composed.

    Raises:
        DatabaseError: the window has no digest.
    """
    return Digest.from_json(stored_content(store, window))


def stored_content(store: Store, window: Window) -> str:
    """The digest of a window as JSON.

    Raises:
        DatabaseError: the window has no digest.
    """
    return store.digests.content(window)


def write_preview(settings: Settings, key: str, folder: Path) -> tuple[Path, ...]:
    """Write the stored digest of a window as HTML, text and JSON; the paths in this order."""
    content = stored_content(open_store(settings.database_url), window_for_key(key))
    files = write_digest(content, folder)
    return files.html, files.text, files.json


def signals_table(store: Store, windows: tuple[Window, ...]) -> Table:
    """The newest signals of these windows, oldest first.

    The table is as wide as the console; where it is narrow, only the headlines are cut.
    """
    keys = {window.end: window.key for window in windows}
    decided = store.history.between(windows[0].end, windows[-1].end + INSTANT)
    signals = [signal for signal in decided if signal.decided_at in keys]

    counts = f"{_counted(len(signals), 'signal')} in {_counted(len(windows), 'window')}"
    remark = f", the newest {SHOWN_SIGNALS}" if len(signals) > SHOWN_SIGNALS else ""
    title = f"{counts}{remark}"
    rows = table(title, expand=True)
    minimum_widths = {"window": 16, "symbol": 6, "signal": 6, "lifecycle": 9}
    for name, width in minimum_widths.items():
        rows.add_column(name, no_wrap=True, min_width=width)
    rows.add_column("combined", no_wrap=True, min_width=8, justify="right")
    # The only column with a ratio: rich takes the missing width from it alone.
    rows.add_column("because of", no_wrap=True, ratio=1)

    for signal in signals[-SHOWN_SIGNALS:]:
        direction = f"{arrow(signal.signal_type)} {signal.signal_type}"
        headline = Text(signal.candidate.news_title, overflow="ellipsis")
        rows.add_row(
            keys[signal.decided_at],
            signal.symbol,
            direction,
            signal.lifecycle,
            signed(signal.combined_score),
            headline,
        )
    return rows


def revision_notices(store: Store, windows: tuple[Window, ...]) -> list[str]:
    """One line per window whose digest was sent and that was decided otherwise since, with its newest revision."""
    notices: list[str] = []
    for window in windows:
        revisions = store.revisions.list(window.start)
        if revisions:
            newest = revisions[-1]
            notices.append(f"Window {window.key}: {revision_notice(newest.number, newest.made_at)}")
    return notices


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _funnel(store: Store, windows: tuple[Window, ...], digest: Digest) -> Table:
    """Counts after each gate, of all windows and of the newest."""
    total: Counter[str] = Counter()
    for window in windows:
        run = store.history.run(window)
        if run is not None:
            total.update(run.funnel)

    rows = table("Funnel", left=["gate"], right=[_counted(len(windows), "window"), "newest"])
    for gate, count in total.items():
        rows.add_row(gate.replace("_", " "), f"{count:,}", f"{digest.funnel.get(gate, 0):,}")
    return rows
