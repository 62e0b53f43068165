"""Splits and dividends as frames."""

import pandas as pd

from signals_pipeline.core.prices.adjustment import (
    ACTION_COLUMNS,
)


def actions_of(*rows: tuple[str, object, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(list(rows), columns=list(ACTION_COLUMNS))
    types = {"symbol": "str", "session": "datetime64[us]", "kind": "str", "value": "float64"}
    return frame.assign(session=pd.to_datetime(frame["session"])).astype(types)
