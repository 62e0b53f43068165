"""Pictures that the Dagster UI shows at a run's newest window: tone, scores against the gate, prices with signals."""

import base64
from collections.abc import Sequence

import dagster as dg
import numpy as np
import pandas as pd

from signals_pipeline.adapters.rendering.drawings import signal_close_index
from signals_pipeline.adapters.rendering.plots import Bar, Track, bars, tracks
from signals_pipeline.core.digest.model import Card
from signals_pipeline.core.windows import Window

# As many as fit on a screen without scrolling.
MAXIMUM_BARS = 16
MAXIMUM_TRACKS = 6


def tone(frame: pd.DataFrame, window: Window) -> dg.MarkdownMetadataValue:
    """Mean score of each company's confident headlines, by weight.

    Args:
        frame: SENTIMENT rows, also of other windows.
        window: The window to draw.
    """
    rows = _rows_of(frame, window)
    rows = rows[rows["weight"] > 0]
    by_symbol = rows.assign(weighted_score=rows["score"] * rows["weight"]).groupby("symbol")
    means = by_symbol["weighted_score"].sum() / by_symbol["weight"].sum()
    counts = by_symbol.size()

    largest_first = np.argsort(-means.abs().to_numpy(), kind="stable")[:MAXIMUM_BARS]
    drawn: list[Bar] = []
    for position in largest_first:
        count = int(counts.iloc[position])
        note = f"({count} headline{'' if count == 1 else 's'})"
        drawn.append(Bar(str(means.index[position]), float(means.iloc[position]), note))
    return _picture(bars(f"Tone by company, window {window.key}", drawn), drawn, "tone")


def scores(frame: pd.DataFrame, window: Window, *, gate: float) -> dg.MarkdownMetadataValue:
    """Combined score of each company that has tone, against the gate; pale if it does not pass.

    Args:
        frame: SCORES rows, also of other windows.
        window: The window to draw.
        gate: MIN_COMBINED_SCORE.
    """
    rows = _rows_of(frame, window)
    rows = rows[rows["n_stories"] > 0]
    largest_first = np.argsort(-rows["combined"].abs().to_numpy(), kind="stable")[:MAXIMUM_BARS]
    rows = rows.iloc[largest_first]
    drawn = [
        Bar(symbol, float(score), pale=abs(score) < gate)
        for symbol, score in zip(rows["symbol"], rows["combined"], strict=True)
    ]
    title = f"Combined score against the gate, window {window.key}"
    return _picture(bars(title, drawn, gate=gate), drawn, "scores")


def prices(cards: Sequence[Card], window: Window) -> dg.MarkdownMetadataValue:
    """The last closes of each company with a signal in the digest, and the signal's place on them.

    Args:
        cards: The digest's cards, the most important first.
        window: The window to draw.
    """
    with_closes = [card for card in cards if card.closes]
    drawn: list[Track] = []
    for card in with_closes[:MAXIMUM_TRACKS]:
        label = f"{card.signal_type} {card.combined_score:+.2f}, {card.sessions[0]} to {card.sessions[-1]}"
        drawn.append(Track(card.symbol, card.closes, [(signal_close_index(card), card.signal_type)], label))
    return _picture(tracks(f"Prices with signals, window {window.key}", drawn), drawn, "prices")


def _rows_of(frame: pd.DataFrame, window: Window) -> pd.DataFrame:
    return frame[frame["window_start"] == pd.Timestamp(window.start)]


def _picture(svg: str, drawn: Sequence[object], title: str) -> dg.MarkdownMetadataValue:
    """An SVG as a data URL in Markdown, which the UI shows without a server to fetch it from; or `none`."""
    if not drawn:
        return dg.MetadataValue.md("none")
    content = base64.b64encode(svg.encode()).decode()
    return dg.MetadataValue.md(f"![{title} of {len(drawn)} companies](data:image/svg+xml;base64,{content})")
