"""Speed of a sentiment model folder on one thread: python benchmarks/model_speed.py [FOLDER] [TITLES.csv].

Prints headlines a second, CPU seconds to load and the peak memory of the process in MB (10^6 bytes).
"""

import csv
import json
import resource
import sys
import time
from pathlib import Path

from signals_pipeline.adapters.model.inference import SentimentModel

ROOT = Path(__file__).parents[1]
COMPACT = ROOT / "signals_pipeline/sample/model/compact"
TITLES = ROOT / "signals_pipeline_tests/data/sentfin_held_out.csv"


def main() -> None:
    """Load, warm up, score every title once, print one JSON line."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else COMPACT
    with Path(sys.argv[2] if len(sys.argv) > 2 else TITLES).open(encoding="utf-8", newline="") as file:
        titles = [row["title"] for row in csv.DictReader(file)]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6
    start = time.process_time()
    model = SentimentModel.load(folder, threads=1)
    loaded = time.process_time()
    model.logits(titles[:20])
    warm = time.process_time()
    model.logits(titles)
    # CPU seconds, not the clock's: on a busy machine the clock measures the neighbours.
    seconds = time.process_time() - warm
    figures = {
        "model": model.name,
        "revision": model.revision,
        "titles": len(set(titles)),
        "headlines_per_cpu_second": round(len(set(titles)) / seconds, 1),
        "load_cpu_seconds": round(loaded - start, 3),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6, 1),
        "peak_mb_before_load": round(before, 1),
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
