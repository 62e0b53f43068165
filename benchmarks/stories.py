"""Whether near-duplicates become one story, and how fast: python -m benchmarks.stories."""

import math
import random
import time
from collections.abc import Callable

import numpy as np

from benchmarks.results import file_section, table
from signals_pipeline import sample
from signals_pipeline.adapters.news.recorded import RecordedNews
from signals_pipeline.core.news.stories import MIN_SIMILARITY, STORY_HOURS, duplicate_pairs, fingerprint, jaccard_index
from signals_pipeline.core.windows import window_for_key
from signals_pipeline_tests.support.labelled_data import PARTS, b_cubed, rows

COUNTS = (10_000, 30_000, 100_000)
SYMBOLS = (40, 500)
MICROSECONDS = STORY_HOURS * 3_600_000_000
Same = Callable[[str, str], bool]


def jaccard(limit: float) -> Same:
    """Whether two texts' words are this alike."""
    return lambda one, other: jaccard_index(fingerprint(one), fingerprint(other)) >= limit


METHODS: dict[str, Same] = {
    "exact title": lambda one, other: one.casefold() == other.casefold(),
    "Jaccard 0.3": jaccard(0.3),
    f"Jaccard {MIN_SIMILARITY} (used)": jaccard(MIN_SIMILARITY),
    "Jaccard 0.5": jaccard(0.5),
}


def quality() -> str:
    """B-cubed of each method on the labelled windows and precision and recall on the labelled pairs."""
    told, pairs = rows("story_clusters.csv"), rows("story_pairs.csv")
    true = [row["same_story"] == "1" for row in pairs]
    lines = []
    for name, same in METHODS.items():
        blocks = [b_cubed([row for row in told if row["part"] == part], same) for part in PARTS]
        said = [same(row["first"], row["second"]) for row in pairs]
        right = sum(one and other for one, other in zip(said, true, strict=True))
        pairwise = f"{right / max(1, sum(said)):.2f} / {right / sum(true):.2f}"
        lines.append((name, *(f"{p:.3f} / {r:.3f} / {f1:.3f}" for p, r, f1 in blocks), pairwise))
    header = ("method", *(f"B-cubed P / R / F1, {part}" for part in PARTS), f"{len(pairs)} hard pairs P / R")
    return table(header, lines)


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
    """CPU seconds to find the tellings among this many headlines of 72 hours, and how many there are."""
    rng = random.Random(count)
    texts = made_titles(count, rng)
    owners = [f"S{rng.randrange(symbols)}" for _ in range(count)]
    known = np.sort(np.array([rng.randrange(MICROSECONDS) for _ in range(count)], dtype=np.int64))
    start = time.process_time()
    earlier, _ = duplicate_pairs(owners, texts, known)
    return time.process_time() - start, len(earlier)


def speed() -> str:
    """CPU time by number of headlines and its slope on log axes."""
    lines = []
    for symbols in SYMBOLS:
        taken = [seconds(count, symbols) for count in COUNTS]
        slope = math.log(taken[-1][0] / taken[0][0]) / math.log(COUNTS[-1] / COUNTS[0])
        for count, (spent, found) in zip(COUNTS, taken, strict=True):
            lines.append((symbols, f"{count:,}", f"{spent:.2f}", f"{found:,}", f"{slope:.2f}"))
    return table(("symbols", "headlines in 72 h", "CPU s", "tellings found", "slope"), lines)


def main() -> None:
    """Measure both and file the section."""
    file_section("Stories", "python -m benchmarks.stories", f"{quality()}\n\n{speed()}")


if __name__ == "__main__":
    main()
