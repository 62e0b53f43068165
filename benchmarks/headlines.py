"""What `signals classify` makes of the labelled headlines: python -m benchmarks.headlines [GOLD.csv WATCHLIST.yaml].

Roles, whether a headline carries tone, event types and signs, by part. A gold file has the columns of
`headline_gold.csv`; another file than the project's is scored without being filed.
"""

import csv
import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import mean

from benchmarks.events import f1_by_type
from benchmarks.results import file_section, table
from signals_pipeline.adapters.gazetteer import load_gazetteer
from signals_pipeline.adapters.watchlist import load_watchlist
from signals_pipeline.cli.classify import ClassifiedCompany, HeadlineClassifier, InputHeadline, NoCache
from signals_pipeline.core.event_types import EVENTS_WITHOUT_TONE
from signals_pipeline.defs.resources import choose_scorer
from signals_pipeline.settings import Settings
from signals_pipeline.settings.choices import ModelChoice
from signals_pipeline_tests.support.labelled_data import DATA, PARTS, Share

CARRIES_TONE = {"subject", "affected"}


def classified(rows: Sequence[dict[str, str]], watchlist: Path) -> dict[tuple[str, str], ClassifiedCompany]:
    """What the pipeline makes of each title for each company; the gold rows' symbols are the vendor's tags."""
    settings = Settings.checked()
    scorer = choose_scorer(ModelChoice.COMPACT.value, settings.models_dir, NoCache())
    classifier = HeadlineClassifier(load_watchlist(watchlist), load_gazetteer(), scorer, settings.knobs)
    tags: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        tags[row["title"]].append(row["symbol"])
    headlines = [InputHeadline(title, tuple(symbols)) for title, symbols in tags.items()]
    answers: dict[tuple[str, str], ClassifiedCompany] = {}
    for headline in classifier.classify(headlines):
        for company in headline.companies:
            answers[headline.title, company.symbol] = company
    return answers


def judge(
    rows: Sequence[dict[str, str]], answers: dict[tuple[str, str], ClassifiedCompany]
) -> list[tuple[str, object]]:
    """One line per figure."""
    counts: Counter[str] = Counter()
    events: list[tuple[str, str]] = []
    for row in rows:
        answer = answers.get((row["title"], row["symbol"]))
        role = answer.role if answer else ""
        wanted, got = row["role"] in CARRIES_TONE, role in CARRIES_TONE
        counts["role"] += role == row["role"]
        counts["carried"] += got
        counts["to carry"] += wanted
        counts["rightly carried"] += wanted and got
        if row["role"]:
            events.append((row["event"], (answer.event if answer else None) or ""))

        # Signs where the pipeline gives one, and where the reader gave one to an event that carries tone.
        gold = int(row["tone"])
        tone = answer.tone if answer and answer.tone is not None else 0.0
        sign = (tone > 0) - (tone < 0) if abs(tone) >= 0.25 else 0
        if sign:
            counts["signs"] += 1
            counts["signs right"] += sign == gold
            counts["signs opposite"] += sign == -gold
        if gold and row["event"] not in EVENTS_WITHOUT_TONE:
            counts["gold signs"] += 1
            counts["gold signs found"] += sign == gold
    right_events = sum(gold == answer for gold, answer in events)
    return [
        ("role right", Share(counts["role"], len(rows))),
        ("carries tone: precision", Share(counts["rightly carried"], counts["carried"])),
        ("carries tone: recall", Share(counts["rightly carried"], counts["to carry"])),
        ("event right", Share(right_events, len(events))),
        ("event, macro-F1", f"{mean(f1_by_type(events).values()):.3f} (n {len(events)})"),
        ("signs given: right", Share(counts["signs right"], counts["signs"])),
        ("signs given: opposite", Share(counts["signs opposite"], counts["signs"])),
        ("readers' signs found", Share(counts["gold signs found"], counts["gold signs"])),
    ]


def main() -> None:
    """Judge both parts; file the section where the gold set is the project's."""
    is_own = len(sys.argv) < 3
    gold, watchlist = (
        (DATA / "headline_gold.csv", DATA / "linking_watchlist.yaml")
        if is_own
        else (Path(sys.argv[1]), Path(sys.argv[2]))
    )
    with gold.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    answers = classified(rows, watchlist)
    columns = [judge([row for row in rows if row["part"] == part], answers) for part in PARTS]
    lines = [(name, *(dict(column)[name] for column in columns)) for name, _ in columns[0]]
    body = table(("figure", *PARTS), lines)
    if is_own:
        file_section("Headlines: roles, events and signs", "python -m benchmarks.headlines", body)
    else:
        print(body)


if __name__ == "__main__":
    main()
