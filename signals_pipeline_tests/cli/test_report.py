"""The signals table: only the news is cut where the terminal is narrow."""

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
    console = Console(file=io.StringIO(), width=width, highlight=False, markup=False)
    console.print(report.signals_table(store, (WINDOW,)))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue().splitlines()


@pytest.mark.parametrize("width", [80, 100, 120, 200])
def test_only_the_news_is_cut(store: Store, width: int) -> None:
    lines = printed(store, width)
    assert {len(line) for line in lines} == {width}
    header = next(line for line in lines if line.startswith("┃"))
    names = [cell.strip() for cell in header.strip("┃").split("┃")]
    assert names[:5] == ["window", "symbol", "signal", "lifecycle", "combined"]
    signals = store.history.between(WINDOW.end, WINDOW.end + report.INSTANT)
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if line.startswith("│")]
    assert len(rows) == len(signals) > 0
    for cells, each in zip(rows, signals, strict=True):
        arrow = "▲ BUY" if each.signal_type == "BUY" else "▼ SELL"
        assert cells[:4] == [WINDOW.key, each.symbol, arrow, each.lifecycle]
        assert float(cells[4].replace("−", "-")) == pytest.approx(each.combined_score, abs=0.005)
        assert each.candidate.news_title.startswith(cells[5].rstrip("…"))
        assert cells[5].endswith("…") == (cells[5] != each.candidate.news_title)


def test_a_window_without_a_digest_says_how_to_make_it(store: Store) -> None:
    with pytest.raises(DatabaseError, match="has no digest: run it with `signals run --window 2015-02-04-08:30`"):
        report.stored_digest(store, window_for_key("2015-02-04-08:30"))
