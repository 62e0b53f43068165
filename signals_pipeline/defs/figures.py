"""What an operator sees drawn beside a run's newest window: tone, scores against the gate, prices with signals."""

import base64
from collections.abc import Sequence

import dagster as dg
import numpy as np
import pandas as pd

from signals_pipeline.adapters.rendering.drawings import marked
from signals_pipeline.adapters.rendering.plots import Bar, Track, bars, tracks
from signals_pipeline.core.digest.model import Card
from signals_pipeline.core.windows import Window

MOST_BARS = 16
MOST_TRACKS = 6


def tone(frame: pd.DataFrame, window: Window) -> dg.MarkdownMetadataValue:
    """Mean score of each company's confident headlines, by weight.

    Args:
        frame: SENTIMENT rows, also of other windows.
        window: The window that is drawn.
    """
    rows = _of(frame, window)
    rows = rows[rows["weight"] > 0]
    weighed = rows.assign(part=rows["score"] * rows["weight"]).groupby("symbol")
    means = weighed["part"].sum() / weighed["weight"].sum()
    counts = weighed.size()
    order = np.argsort(-means.abs().to_numpy(), kind="stable")[:MOST_BARS]
    found = zip(means.index[order], means.to_numpy()[order], counts.to_numpy()[order], strict=True)
    drawn = [Bar(str(name), float(mean), _counted(int(count))) for name, mean, count in found]
    return _picture(bars(f"Tone by company, window {window.key}", drawn), drawn, "tone")


def scores(frame: pd.DataFrame, window: Window, *, gate: float) -> dg.MarkdownMetadataValue:
    """Combined score of each company that has tone, against the gate; pale where it stops at the gate.

    Args:
        frame: SCORES rows, also of other windows.
        window: The window that is drawn.
        gate: MIN_COMBINED_SCORE.
    """
    rows = _of(frame, window)
    rows = rows[rows["n_stories"] > 0]
    order = np.argsort(-rows["combined"].abs().to_numpy(), kind="stable")[:MOST_BARS]
    found = zip(rows["symbol"].iloc[order], rows["combined"].iloc[order], strict=True)
    drawn = [Bar(name, float(value), pale=abs(value) < gate) for name, value in found]
    title = f"Combined score against the gate, window {window.key}"
    return _picture(bars(title, drawn, gate=gate), drawn, "scores")


def prices(cards: Sequence[Card], window: Window) -> dg.MarkdownMetadataValue:
    """The last closes of each company that a digest tells a signal of, and where the signal stands on them.

    Args:
        cards: The digest's cards, the most important first.
        window: The window that is drawn.
    """
    drawn = [
        Track(
            card.symbol,
            card.closes,
            [(marked(card), card.signal_type)],
            f"{card.signal_type} {card.combined_score:+.2f}, {card.sessions[0]} to {card.sessions[-1]}",
        )
        for card in cards
        if card.closes
    ][:MOST_TRACKS]
    return _picture(tracks(f"Prices with signals, window {window.key}", drawn), drawn, "prices")


def _of(frame: pd.DataFrame, window: Window) -> pd.DataFrame:
    return frame[frame["window_start"] == pd.Timestamp(window.start)]


def _counted(count: int) -> str:
    return f"({count} headline{'' if count == 1 else 's'})"


def _picture(svg: str, drawn: Sequence[object], of: str) -> dg.MarkdownMetadataValue:
    """An SVG within Markdown, the one image that Dagster's page shows without a server to fetch it from; or `none`."""
    if not drawn:
        return dg.MetadataValue.md("none")
    content = base64.b64encode(svg.encode()).decode()
    return dg.MetadataValue.md(f"![{of} of {len(drawn)} companies](data:image/svg+xml;base64,{content})")
