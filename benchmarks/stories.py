"""Whether headlines of one event become one story, and how fast: python -m benchmarks.stories."""

import math
import random
import time

import numpy as np

from benchmarks.results import file_section, table
from signals_pipeline import sample
from signals_pipeline.adapters.news.recorded import RecordedNews
from signals_pipeline.core.news.stories import SAME_EVENT, STORY_HOURS, event_pairs
from signals_pipeline.core.windows import window_for_key
from signals_pipeline_tests.support.labelled_data import PARTS, Share, b_cubed, labelled_pairs, rows

COUNTS = (10_000, 30_000, 100_000)
SYMBOLS = (40, 500)
MICROSECONDS = STORY_HOURS * 3_600_000_000
THRESHOLDS = (0.5, SAME_EVENT, 0.8)


def quality() -> str:
    """Precision and recall on the labelled pairs by threshold, and B-cubed on the labelled windows."""
    pair_lines: list[tuple[str, ...]] = []
    for part in PARTS:
        pairs = labelled_pairs(part)
        same = [pair.same for pair in pairs]
        probabilities = [pair.probability for pair in pairs]
        for threshold in THRESHOLDS:
            found = [probability >= threshold for probability in probabilities]
            hits = sum(both == (True, True) for both in zip(found, same, strict=True))
            mark = " (used)" if threshold == SAME_EVENT else ""
            precision, recall = Share(hits, sum(found)), Share(hits, sum(same))
            pair_lines.append((part, str(len(pairs)), f"{threshold}{mark}", str(precision), str(recall)))
    pairs_table = table(("part", "pairs", "probability from", "precision", "recall"), pair_lines)

    window_lines: list[tuple[str, ...]] = []
    for part in PARTS:
        labelled = [row for row in rows("story_clusters.csv") if row["part"] == part]
        precision, recall, f1 = b_cubed(labelled)
        window_lines.append((part, str(len(labelled)), f"{precision:.3f}", f"{recall:.3f}", f"{f1:.3f}"))
    windows_table = table(("part", "titles", "B-cubed precision", "recall", "F1"), window_lines)
    return f"{pairs_table}\n\n{windows_table}"


def made_titles(count: int, rng: random.Random) -> list[str]:
    """Real titles of the sample with up to all of their words exchanged for others."""
    first, last = window_for_key(sample.FIRST_WINDOW).start, window_for_key(sample.LAST_WINDOW).end
    titles = [(item.title or "").split() for item in RecordedNews(sample.HEADLINES).fetch(first, last).headlines]
    words = [word for title in titles for word in title]
    made = []
    for _ in range(count):
        title = list(rng.choice(titles))
        for _ in range(rng.choice([0, 1, 2, 3, len(title)])):
            title[rng.randrange(len(title))] = rng.choice(words)
        made.append(" ".join(title))
    return made


def seconds(count: int, symbols: int) -> tuple[float, int]:
    """CPU seconds to find the pairs among this many headlines of 72 hours, and how many there are."""
    rng = random.Random(count)
    texts = made_titles(count, rng)
    owners = [f"S{rng.randrange(symbols)}" for _ in range(count)]
    known = np.sort(np.array([rng.randrange(MICROSECONDS) for _ in range(count)], dtype=np.int64))
    start = time.process_time()
    pairs = event_pairs(owners, texts, known, {})
    return time.process_time() - start, len(pairs.earlier)


def speed() -> str:
    """CPU time by number of headlines and its slope on log axes."""
    lines = []
    for symbols in SYMBOLS:
        taken = [seconds(count, symbols) for count in COUNTS]
        slope = math.log(taken[-1][0] / taken[0][0]) / math.log(COUNTS[-1] / COUNTS[0])
        for count, (spent, found) in zip(COUNTS, taken, strict=True):
            lines.append((symbols, f"{count:,}", f"{spent:.2f}", f"{found:,}", f"{slope:.2f}"))
    return table(("symbols", "headlines in 72 h", "CPU s", "pairs", "slope"), lines)


def main() -> None:
    """Measure both and file the section."""
    file_section("Stories", "python -m benchmarks.stories", f"{quality()}\n\n{speed()}")


if __name__ == "__main__":
    main()
