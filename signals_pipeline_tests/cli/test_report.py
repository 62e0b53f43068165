"""The signals table: where the terminal is narrow, only the headlines are cut."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from signals_pipeline.adapters.stores.engine import DatabaseError
from signals_pipeline.cli import report
from signals_pipeline.core.windows import window_for_key
from signals_pipeline.defs.resources import Store, open_store
from signals_pipeline_tests.support.pipeline import TestPipeline

WINDOW = window_for_key("2015-02-03-08:30")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One window run, read by every test of this file."""
    folder: Path = tmp_path_factory.mktemp("report")
    with TestPipeline.open(folder) as pipeline:
        assert pipeline.run([WINDOW]).success
        opened = open_store(pipeline.settings.database_url)
        yield opened
        opened.engine.dispose()


def printed(store: Store, width: int) -> list[str]:
    """The lines of the table on a console of this width."""
    output = io.StringIO()
    console = Console(file=output, width=width, highlight=False, markup=False)
    console.print(report.signals_table(store, (WINDOW,)))
    return output.getvalue().splitlines()


def cells_of(line: str, border: str) -> list[str]:
    return [cell.strip() for cell in line.strip(border).split(border)]


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_only_the_headlines_are_cut(store: Store, width: int) -> None:
    signals = store.history.between(WINDOW.end, WINDOW.end + report.INSTANT)

    lines = printed(store, width)

    assert {len(line) for line in lines} == {width}
    header = next(line for line in lines if line.startswith("┃"))
    assert cells_of(header, "┃")[:5] == ["window", "symbol", "signal", "lifecycle", "combined"]
    rows = [cells_of(line, "│") for line in lines if line.startswith("│")]
    assert len(rows) == len(signals) > 0
    for (*facts, score, headline), signal in zip(rows, signals, strict=True):
        direction = "▲ BUY" if signal.signal_type == "BUY" else "▼ SELL"
        title = signal.candidate.news_title
        assert facts == [WINDOW.key, signal.symbol, direction, signal.lifecycle]
        assert float(score.replace("−", "-")) == pytest.approx(signal.combined_score, abs=0.005)
        assert title.startswith(headline.rstrip("…"))
        assert headline.endswith("…") == (headline != title)


def test_the_error_for_a_window_without_a_digest_says_how_to_run_it(store: Store) -> None:
    with pytest.raises(DatabaseError, match="has no digest: run it with `signals run --window 2015-02-04-08:30`"):
        report.stored_digest(store, window_for_key("2015-02-04-08:30"))
