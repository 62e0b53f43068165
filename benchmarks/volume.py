"""50,000 headlines with their descriptions through the compact model and the cache: memory, rate, and a Ctrl-C.

A child process scores them, as a run does; it is interrupted once half-way and started again.
"""

import hashlib
import os
import re
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

import pandas as pd

from benchmarks.results import file_section, table
from signals_pipeline import sample
from signals_pipeline.adapters.model.folder import read_manifest
from signals_pipeline.adapters.model.inference import SentimentModel
from signals_pipeline.adapters.news.recorded import RecordedNews
from signals_pipeline.adapters.stores import migrations
from signals_pipeline.adapters.stores.engine import engine_for
from signals_pipeline.adapters.stores.score_cache import ScoreCache
from signals_pipeline.core.windows import window_for_key
from signals_pipeline.defs.cached_scoring import Scorer

HEADLINES = 50_000
PAGE = os.sysconf("SC_PAGE_SIZE") / 2**20


def texts(count: int) -> pd.DataFrame:
    """The sample's titles, each with another of them as its description, made distinct by a number."""
    first, last = window_for_key(sample.FIRST_WINDOW).start, window_for_key(sample.LAST_WINDOW).end
    titles = [item.title or "" for item in RecordedNews(sample.HEADLINES).fetch(first, last).headlines]
    made = [f"{titles[at % len(titles)]} {at}. {titles[(at * 7 + 3) % len(titles)]}" for at in range(count)]
    index = [hashlib.sha256(text.encode()).hexdigest() for text in made]
    return pd.DataFrame({"text": made, "span": ""}, index=index, dtype="str")


def score(url: str) -> None:
    """What the child does: score and report on standard error after every chunk, with the memory it holds."""
    import logging

    class Resident(logging.Formatter):
        def format(self, record: logging.LogRecord) -> str:
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            return f"{record.getMessage()} [{pages * PAGE:.0f} MiB]"

    handler = logging.StreamHandler()
    handler.setFormatter(Resident())
    logging.getLogger("signals_pipeline.defs.cached_scoring").addHandler(handler)
    logging.getLogger("signals_pipeline.defs.cached_scoring").setLevel(logging.INFO)
    card = read_manifest(sample.COMPACT_MODEL)
    model = SentimentModel.load(sample.COMPACT_MODEL)
    cache = ScoreCache(engine_for(url))
    scorer = Scorer(card.name, card.revision, card.quantisation, sample.COMPACT_MODEL, lambda _: model, cache)
    _, report = scorer.score(texts(HEADLINES))
    print(report.scored, report.cached, report.rate)


def run(url: str, *, interrupt_after: int | None = None) -> tuple[list[tuple[int, int]], str]:
    """Headlines scored and MiB held after each chunk, and what the child printed at its end."""
    command = [sys.executable, "-m", "benchmarks.volume", url]
    held = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        assert child.stderr is not None
        assert child.stdout is not None
        for line in child.stderr:
            if found := re.match(r"Scored (\d+) of .*\[(\d+) MiB\]", line):
                held.append((int(found[1]), int(found[2])))
                if held[-1][0] == interrupt_after:
                    child.send_signal(signal.SIGINT)
        return held, child.stdout.read()


def main() -> None:
    """Interrupt half-way, start again, file the figures."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/scores.db"
        migrations.upgrade(url)
        first, _ = run(url, interrupt_after=HEADLINES // 2 // 512 * 512)
        rest, said = run(url)
    scored, cached, rate = said.split()
    rows = [
        ["until Ctrl-C", first[-1][0], "", min(mib for _, mib in first), max(mib for _, mib in first)],
        ["started again", scored, f"{float(rate):.0f}", min(mib for _, mib in rest), max(mib for _, mib in rest)],
    ]
    body = table(["part", "scored", "headlines/s", "MiB, least", "MiB, most"], rows)
    body += f"\n\n{cached} of the {first[-1][0]} scored before the interrupt came from the cache."
    file_section("50,000 headlines with descriptions, compact model", "python -m benchmarks.volume", body)


if __name__ == "__main__":
    score(sys.argv[1]) if len(sys.argv) > 1 else main()
