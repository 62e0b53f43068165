"""What each story and each technical component adds to a company's combined score, as the JSON kept with the score."""

import json
from typing import Any

import pandas as pd

from signals_pipeline.core.technicals import COMPONENT_WEIGHTS

RAW_COLUMNS = {"rsi": "rsi", "macd": "macd_atr", "trend": "trend_atr", "momentum": "momentum", "volume": "volume_z"}
_STORY_KEYS = (
    *("story_id", "title", "url", "source", "known_at", "headlines", "told"),
    *("tone", "weight", "contribution", "without"),
)
_MEMBER_KEYS = ("url", "title", "score", "confidence", "weight")
_JSON = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)


def members(rows: pd.DataFrame) -> list[list[dict[str, Any]]]:
    """The headlines of each story that carry its tone, in the order of summation."""
    found: list[list[dict[str, Any]]] = [[] for _ in range(int(rows["story"].max()) + 1 if len(rows) else 0)]
    columns = (rows[key].tolist() for key in _MEMBER_KEYS)
    for story, *values in zip(rows["story"].tolist(), *columns, strict=True):
        found[story].append(dict(zip(_MEMBER_KEYS, values, strict=True)))
    return found


def contributions(
    stories: pd.DataFrame, story_members: list[list[dict[str, Any]]], price: pd.DataFrame, price_weight: float
) -> list[str]:
    """The JSON list of each cell."""
    items: list[list[dict[str, Any]]] = [[] for _ in range(len(price))]
    texts = stories.assign(known_at=[instant.isoformat().replace("+00:00", "Z") for instant in stories["known_at"]])
    columns = (texts[key].tolist() for key in _STORY_KEYS)
    for cell, story, *values in zip(texts["cell"].tolist(), texts["story"].tolist(), *columns, strict=True):
        item = {"kind": "story", **dict(zip(_STORY_KEYS, values, strict=True)), "members": story_members[story]}
        items[cell].append(item)
    known = price[price["technical"].notna()]
    for name, weight in COMPONENT_WEIGHTS.items():
        raw, component = known[RAW_COLUMNS[name]], known[f"c_{name}"]
        values = zip(
            raw.astype(object).where(raw.notna(), None), component, price_weight * weight * component, strict=True
        )
        for cell, (value, bounded, part) in zip(known.index, values, strict=True):
            item = {"kind": "technical", "name": name, "value": value, "component": bounded}
            items[cell].append({**item, "weight": weight, "contribution": part})
    return [_JSON.encode(each) for each in items]
