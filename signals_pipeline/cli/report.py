"""What `signals run` ends with: signals, coverage and funnel of the windows, and where the newest digest lies."""

import sys
from collections import Counter
from datetime import timedelta
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from signals_pipeline.adapters.rendering.files import digest_paths, write_digest
from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.digest.wording import signed
from signals_pipeline.core.windows import Window, window_for_key
from signals_pipeline.defs.resources import Store, open_store
from signals_pipeline.settings import Settings

SHOWN_SIGNALS = 15
WIDTH = 120  # columns where there is no terminal to ask
INSTANT = timedelta(microseconds=1)


def show(settings: Settings, windows: tuple[Window, ...]) -> None:
    """Print the newest window's digest in short, the signals of all windows run, and the paths of the digest."""
    store = open_store(settings.database_url)
    console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else WIDTH)
    digest = stored_digest(store, windows[-1])
    console.print(signals_table(store, windows))
    console.print(_funnel(store, windows, digest))
    console.print(f"\n{digest.subject}", style="bold", soft_wrap=True)
    console.print(digest.coverage.line(digest.model), soft_wrap=True)
    files = digest_paths(windows[-1].key, settings.digests_dir)
    for kind, path in (("HTML", files.html), ("text", files.text), ("JSON", files.json)):
        console.print(f"{kind:<5}{path}", soft_wrap=True)


def stored_digest(store: Store, window: Window) -> Digest:
    """The digest of a window as it was composed; see `stored_content`."""
    return Digest.from_json(stored_content(store, window))


def stored_content(store: Store, window: Window) -> str:
    """The digest of a window as JSON.

    Raises:
        DatabaseError: the window has none.
    """
    stored = store.digests.get(window.start)
    if stored is None:
        raise DatabaseError(f"window {window.key} has no digest: run it with `signals run --window {window.key}`")
    return stored.content


def write_preview(settings: Settings, key: str, folder: Path) -> tuple[Path, ...]:
    """Write the stored digest of a window anew as files."""
    files = write_digest(stored_content(open_store(settings.database_url), window_for_key(key)), folder)
    return files.html, files.text, files.json


def signals_table(store: Store, windows: tuple[Window, ...]) -> Table:
    """The signals of these windows, oldest first, as wide as the terminal; only the news gives way."""
    keys = {window.end: window.key for window in windows}
    decided = store.history.between(windows[0].end, windows[-1].end + INSTANT)
    found = [each for each in decided if each.decided_at in keys]
    shown = f", the newest {SHOWN_SIGNALS}" if len(found) > SHOWN_SIGNALS else ""
    title = f"{_counted(len(found), 'signal')} in {_counted(len(windows), 'window')}{shown}"
    table = Table(title=title, title_justify="left", expand=True)
    for name, width in (("window", 16), ("symbol", 6), ("signal", 6), ("lifecycle", 9), ("combined", 8)):
        table.add_column(name, no_wrap=True, min_width=width, justify="right" if name == "combined" else "left")
    table.add_column("because of", no_wrap=True, ratio=1)  # alone in having a ratio: only the news is cut
    for each in found[-SHOWN_SIGNALS:]:
        arrow = "▲ BUY" if each.signal_type == "BUY" else "▼ SELL"
        news = Text(each.candidate.news_title, overflow="ellipsis")
        table.add_row(keys[each.decided_at], each.symbol, arrow, each.lifecycle, signed(each.combined_score), news)
    return table


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def _funnel(store: Store, windows: tuple[Window, ...], digest: Digest) -> Table:
    """Counts after each gate, over all windows run and in the newest."""
    total: Counter[str] = Counter()
    for window in windows:
        run = store.history.run(window)
        total.update(run.funnel if run else {})
    table = Table(title="Funnel", title_justify="left")
    table.add_column("gate")
    table.add_column(_counted(len(windows), "window"), justify="right")
    table.add_column("newest", justify="right")
    for gate, count in total.items():
        table.add_row(gate.replace("_", " "), f"{count:,}", f"{digest.funnel.get(gate, 0):,}")
    return table
