"""What `signals classify` is given: CSV, or one title per line."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fuzz.inputs import Case
from fuzz.invariants import outcome_of, require
from fuzz.worker import Check
from signals_pipeline import sample
from signals_pipeline.adapters.gazetteer import load_gazetteer
from signals_pipeline.adapters.watchlist import load_watchlist
from signals_pipeline.cli.classify import HeadlineClassifier, NoCache, read_titles
from signals_pipeline.defs.resources import choose_scorer
from signals_pipeline.settings.choices import ModelChoice
from signals_pipeline.settings.strategy import Knobs

TOKENS = (
    b"title", b"title,title", b"symbol", b"source", b"summary", b"url", b",", b'"', b'""', b"\n", b"$AAPL", b"$",
    b"|", b"Microsoft", b"Apple", b"'s", b"upgrades", b"\xe2\x80\x99", b"\xe2\x80\xa8", b"\xc2\xa0", b"<b>", b"&amp;",
    b"\xcc\x81" * 50, b"word " * 500,
)  # fmt: skip
_MOST_TITLES = 40  # of one input: the model takes milliseconds for each


def examples() -> Sequence[Case]:
    """Titles of the sample, plain and with columns."""
    rows = sample.HEADLINES.read_text(encoding="utf-8").splitlines()[:8]
    plain = "Microsoft profit beats estimates\nRain in Spain\nIntel slips while Microsoft gains on record profit\n"
    return (
        Case("titles.csv", "\n".join(rows).encode()),
        Case("titles.txt", plain.encode()),
        Case("twice.csv", b"title,symbol,title\nMicrosoft gains,MSFT,Rain in Spain\n"),
    )


@contextmanager
def opened() -> Iterator[Check]:
    """Read the titles and classify the first of them."""
    scorer = choose_scorer(ModelChoice.COMPACT, Path("models"), NoCache())
    classifier = HeadlineClassifier(load_watchlist(sample.WATCHLIST), load_gazetteer(), scorer, Knobs())

    def classify(file: Path) -> str:
        titles = list(read_titles(file))[:_MOST_TITLES]
        classified = classifier.classify(titles)
        require([each.title for each in classified] == [each.title for each in titles], "a title is missing")
        return "companies" if any(each.companies for each in classified) else "no company"

    yield lambda file: outcome_of(lambda: classify(file))
