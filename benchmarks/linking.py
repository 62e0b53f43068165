"""How often linking is right, and how long it takes: python -m benchmarks.linking [FILE.csv].

Judges the labelled headlines of the tests; with a file of the same columns, those. The time is that of 100,000
headlines, each of which names companies, with roles and clauses and with the gazetteer of the package.
"""

import csv
import sys
import time
from pathlib import Path

from benchmarks.results import file_section, table
from signals_pipeline.adapters.gazetteer import load_gazetteer
from signals_pipeline.core.linking.linker import Linker
from signals_pipeline.core.text import clean, readable
from signals_pipeline_tests.support.labelled_data import PARTS, gold_watchlist, judge_linking, rows

SPEED_HEADLINES = 100_000
HARD = ("ambiguous name", "several companies", "product or unit", "person", "cashtag prefix", "vendor tag only")


def seconds(labelled: list[dict[str, str]], linker: Linker) -> float:
    """CPU seconds of reading 100,000 headlines."""
    titles = [clean(row["title"])[0] for row in labelled]
    items = [(title, readable(title)) for title in titles]
    started = time.process_time()
    for number in range(SPEED_HEADLINES):
        title, text = items[number % len(items)]
        linker.read(title, text)
    return time.process_time() - started


def main(labelled: list[dict[str, str]]) -> None:
    """Judge, print and file the section."""
    linker = Linker(gold_watchlist(), load_gazetteer())
    groups = {part: [row for row in labelled if row["part"] == part] for part in PARTS}
    groups |= {"both": labelled, "both, hard": [row for row in labelled if row["note"] in HARD]}
    lines = []
    for name, group in groups.items():
        judged = judge_linking(group, linker)
        lines.append((name, len(group), judged.precision, judged.recall, judged.subjects))
    header = ("part", "headlines", "precision", "recall", "subject correct")
    note = (
        "Unit: a headline and a company; a link counts where relevance is above 0. Wilson 95 % intervals. Rules were"
        f" made on the development part. {SPEED_HEADLINES:,} headlines: {seconds(labelled, linker):.1f} CPU seconds."
    )
    file_section("Linking", "python -m benchmarks.linking", f"{table(header, lines)}\n\n{note}")


if __name__ == "__main__":
    if len(sys.argv) > 1:
        with Path(sys.argv[1]).open(encoding="utf-8", newline="") as file:
            main(list(csv.DictReader(file)))
    else:
        main(rows("linking_gold.csv"))
