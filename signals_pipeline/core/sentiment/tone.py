"""Tone of headlines: from the model's logits to probabilities, score, confidence and the weight of a headline.

`score = p_positive - p_negative`, `confidence = max p`; the weight is recency x relevance x novelty x confidence, and 0
below the minimum confidence. Stories and companies are aggregated in `scoring.scores`; which words of a headline are
about which company is decided in `linking.clauses`.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from signals_pipeline.core.tables import SENTIMENT
from signals_pipeline.core.windows import Window

# The model's classes, in the order of its outputs.
LABELS = ("negative", "neutral", "positive")

_MICROSECONDS_PER_HOUR = 3.6e9


def softmax(logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Return the probabilities of each row's classes.

    The row's maximum is subtracted first, so that no finite logit overflows (Goodfellow, Bengio, Courville:
    Deep Learning, 2016, section 4.1).

    Args:
        logits: Shape (n, 3), any real dtype, finite; columns in the order of `LABELS`.

    Returns:
        Shape (n, 3), each row non-negative with sum 1.

    Raises:
        ValueError: The shape is not (n, 3), or a logit is not finite.
    """
    values = np.asarray(logits, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(LABELS):
        raise ValueError(f"logits have shape {values.shape}; expected (n, {len(LABELS)}) in the order {LABELS}")
    is_finite = np.isfinite(values).all(axis=1)
    if not is_finite.all():
        raise ValueError(f"logits of row {int(np.argmin(is_finite))} are not finite; score that text again")

    # A difference beyond the largest float becomes -inf, whose exponential is 0 as it should be.
    with np.errstate(over="ignore"):
        exponentials = np.exp(values - values.max(axis=1, keepdims=True))
    # Not `sum`: its order of summation depends on the number of rows, and a row must not depend on its batch.
    total = exponentials[:, 0] + exponentials[:, 1] + exponentials[:, 2]
    return exponentials / total[:, np.newaxis]


def texts_to_score(headlines: pd.DataFrame) -> pd.DataFrame:
    """Return what the model has to score for `build`: the texts of headlines about a company.

    Args:
        headlines: HEADLINES frame.

    Returns:
        Columns text and span (empty where the whole text speaks for the company), indexed by `text_hash`, each hash
        once, sorted by it.
    """
    rows = headlines[_carries_tone(headlines)]
    # The column `span` is missing from frames that linking wrote without it: their texts speak for the company.
    if "span" not in rows.columns:
        rows = rows.assign(span="")
    return rows.drop_duplicates("text_hash").set_index("text_hash")[["text", "span"]].sort_index()


def _carries_tone(headlines: pd.DataFrame) -> pd.Series:
    """Return which rows are about a company and have words with a tone for it (see `linking.clauses`), shape (n,)."""
    is_about_company = (headlines["symbol"] != "") & (headlines["relevance"] > 0)
    return is_about_company & (headlines["text"] != "")


def build(
    headlines: pd.DataFrame,
    logits: pd.DataFrame,
    windows: Sequence[Window],
    *,
    min_confidence: float,
    half_life_hours: float,
) -> pd.DataFrame:
    """Score every headline that is about a company.

    Args:
        headlines: HEADLINES frame; rows of other windows, without a symbol, of relevance 0 or without text are
            left out.
        logits: One row per text, indexed by `text_hash`, columns `LABELS`; further texts are ignored.
        windows: The windows to score.
        min_confidence: Minimum probability of the likeliest class; below it a headline has weight 0.
        half_life_hours: Hours after which a headline's recency halves.

    Returns:
        SENTIMENT frame of those windows; a window's rows do not depend on which others are given.

    Raises:
        ValueError: Logits are missing, repeated or not finite, or a headline was not known before its window's end.
    """
    # Each row's window, as an index into the windows; -1 for a row of another window.
    ordered_windows = sorted(set(windows))
    window_starts = pd.DatetimeIndex([window.start for window in ordered_windows], tz="UTC")
    window_ends = pd.DatetimeIndex([window.as_of for window in ordered_windows], tz="UTC")
    window_index = window_starts.get_indexer(pd.DatetimeIndex(headlines["window_start"]))

    carries_tone = _carries_tone(headlines).to_numpy(dtype=bool)
    is_scored: npt.NDArray[np.bool_] = (window_index >= 0) & carries_tone
    if not is_scored.any():
        return SENTIMENT.empty()
    rows = headlines[is_scored].reset_index(drop=True)
    as_of = window_ends[window_index[is_scored]]

    # Tone and weight of each headline.
    probabilities = softmax(_align_logits(rows, logits))
    p_negative, p_neutral, p_positive = probabilities.T
    confidence = probabilities.max(axis=1)
    relevance = rows["relevance"].to_numpy()
    novelty = rows["novelty"].to_numpy()
    recency = recency_factor(age_hours(rows, as_of), half_life_hours)
    scored = rows.assign(
        p_negative=p_negative,
        p_neutral=p_neutral,
        p_positive=p_positive,
        score=p_positive - p_negative,
        confidence=confidence,
        confident=confidence >= min_confidence,
        recency=recency,
        weight=headline_weight(recency, relevance, novelty, confidence, min_confidence),
    )
    return SENTIMENT.conform(scored)


def recency_factor(hours: npt.NDArray[np.float64], half_life_hours: float) -> npt.NDArray[np.float64]:
    """Return 2 ** (-age / half-life) of headlines of these ages, hours, shape (n,)."""
    return np.exp2(-hours / half_life_hours)


def headline_weight(
    recency: npt.NDArray[np.float64],
    relevance: npt.NDArray[np.float64],
    novelty: npt.NDArray[np.float64],
    confidence: npt.NDArray[np.float64],
    min_confidence: float,
) -> npt.NDArray[np.float64]:
    """Return the weights, shape (n,): recency x relevance x novelty x confidence, 0 below the minimum confidence."""
    weight = recency * relevance * novelty * confidence
    return np.where(confidence >= min_confidence, weight, 0.0)


def age_hours(rows: pd.DataFrame, as_of: pd.DatetimeIndex) -> npt.NDArray[np.float64]:
    """Return the hours from each row's known_at to its window's end, always positive, shape (n,).

    Args:
        rows: Headlines with `known_at`, `headline_id` and `window_start`.
        as_of: End of each row's window.

    Raises:
        ValueError: A headline was not known before its window's end.
    """
    known_at = rows["known_at"].to_numpy(dtype="datetime64[us]")
    age = (as_of.to_numpy(dtype="datetime64[us]") - known_at).astype(np.int64)
    # Look-ahead: evidence from after the digest.
    is_future = age <= 0
    if is_future.any():
        row = rows.iloc[int(np.argmax(is_future))]
        raise ValueError(
            f"headline {row['headline_id']} is known at {row['known_at']}, not before the end of its window "
            f"{row['window_start']}; evidence must come from the past"
        )
    return age / _MICROSECONDS_PER_HOUR


def _align_logits(rows: pd.DataFrame, logits: pd.DataFrame) -> npt.NDArray[np.float64]:
    """Return the logits of each row's text, shape (n, 3)."""
    if not logits.index.is_unique:
        repeated = logits.index[logits.index.duplicated()][0]
        raise ValueError(f"logits: text_hash {repeated} has more than one row; pass each text once")
    position = logits.index.get_indexer(pd.Index(rows["text_hash"]))
    is_missing = position < 0
    if is_missing.any():
        title = rows["title"].iloc[int(np.argmax(is_missing))]
        texts = rows.loc[is_missing, "text_hash"].nunique()
        raise ValueError(
            f"logits are missing for {texts} texts, first {title[:80]!r}; score every text before this stage"
        )
    return logits[list(LABELS)].to_numpy(dtype=np.float64)[position]
