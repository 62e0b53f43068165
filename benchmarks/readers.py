"""`python -m benchmarks.readers`: rendering and queueing one window's mails for 1,000 readers.

Readers are read from a file, their mails put into the outbox with the digest, and each mail is made from the stored
digest, as a run does. Handing mails to a server is left out: that is the server's time. Each case is a process of its
own, so that its peak of memory is its own.
"""

import multiprocessing
import resource
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.results import file_section, table
from signals_pipeline import sample
from signals_pipeline.adapters.mail.envelope import Envelope, Links
from signals_pipeline.adapters.stores import migrations
from signals_pipeline.core.digest.model import Digest
from signals_pipeline.core.windows import window_for_key
from signals_pipeline.defs.mail_contents import MailContents
from signals_pipeline.defs.recipients import ReaderSources, readership
from signals_pipeline.defs.resources import open_store
from signals_pipeline_tests.support.digest_pages import busy, four_signals

READERS = 1_000
LINKS = Links("https://desk.example", "k" * 32, has_preferences=True)


@dataclass(frozen=True, slots=True)
class Figures:
    """What one case took: seconds, and the process's peak of resident memory in MiB."""

    editions: int
    queueing: float
    rendering: float
    largest_kb: float
    before: float
    peak: float


def measure(signals: int, readers: int, editions: int) -> Figures:
    """Queue and make the mails of one window.

    Args:
        signals: Signals of the digest: 4 or 25.
        readers: Number of readers.
        editions: Number of distinct filters among them.
    """
    with tempfile.TemporaryDirectory() as folder:
        return _measure(Path(folder), signals, readers, editions)


def _measure(folder: Path, signals: int, readers: int, editions: int) -> Figures:
    url = f"sqlite:///{folder / 'signals.db'}"
    migrations.upgrade(url)
    store = open_store(url)
    digest: Digest = replace(four_signals() if signals == 4 else busy(signals), mode="live")
    window = window_for_key(digest.window_key)
    lines = ["readers:"]
    for number in range(readers):
        # Below every score, so that every mail has every signal: the most work that there is.
        least_score = (number % editions) / 1_000_000
        lines.append(f"- {{address: reader{number}@example.org, least_score: {least_score:.6f}}}")
    path = folder / "readers.yaml"
    path.write_text("\n".join(lines))
    before = _peak()

    started = time.perf_counter()
    recipients = readership(ReaderSources((), str(path), sample.WATCHLIST), store).recipients(window, "example.org")
    store.digests.put(window, digest.to_json(), kind="full", mode="live", subject=digest.subject, mails=recipients)
    queueing = time.perf_counter() - started

    started = time.perf_counter()
    contents, largest = MailContents(store, LINKS), 0
    for mail in store.outbox.mails_for(window):
        content = contents.digest_mail(mail, Envelope("a@example.org", mail.recipient, mail.message_id, window.end))
        largest = max(largest, len(content or b""))
    rendering = time.perf_counter() - started
    return Figures(editions, queueing, rendering, largest / 1000, before, _peak())


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Measure every case and file the figures."""
    rows: list[tuple[object, ...]] = []
    cases = [(4, READERS, 1), (4, READERS, 20), (4, READERS, 200), (25, READERS, 1), (25, READERS, 20), (4, 100, 1)]
    for signals, readers, editions in cases:
        with multiprocessing.get_context("spawn").Pool(1) as pool:
            figures = pool.apply(measure, (signals, readers, editions))
        total = figures.queueing + figures.rendering
        rows.append(
            (
                signals,
                f"{readers:,}",
                editions,
                f"{figures.queueing:.1f}",
                f"{figures.rendering:.1f}",
                f"{total:.1f}",
                f"{figures.largest_kb:.0f}",
                f"{figures.before:.0f}",
                f"{figures.peak:.0f}",
            )
        )
    header = (
        "signals",
        "readers",
        "distinct filters",
        "queueing, s",
        "rendering, s",
        "together, s",
        "largest mail, KB",
        "memory before, MiB",
        "peak, MiB",
    )
    file_section("Readers", "python -m benchmarks.readers", table(header, rows))


if __name__ == "__main__":
    main()
