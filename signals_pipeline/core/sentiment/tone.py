"""Tone of headlines: model logits to probabilities, score, confidence and the weight that a headline carries.

`score = p_positive - p_negative`, `confidence = max p`; the weight is recency x relevance x novelty x confidence, and 0
for a headline below the confidence that is asked for. Stories and companies are summed up in `scores`.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from signals_pipeline.core.tables import SENTIMENT
from signals_pipeline.core.windows import Window

LABELS = ("negative", "neutral", "positive")

_MICROSECONDS_AN_HOUR = 3.6e9


def softmax(logits: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """Probabilities of each row's classes.

    The row's maximum is subtracted first, so that no finite logit overflows (Goodfellow, Bengio, Courville:
    Deep Learning, 2016, section 4.1).

    Args:
        logits: Shape (n, 3), any real dtype, finite; columns in the order of `LABELS`.

    Returns:
        Shape (n, 3), each row non-negative with sum 1.

    Raises:
        ValueError: the shape is not (n, 3), or a logit is not finite.
    """
    values = np.asarray(logits, dtype=np.float64)
    if values.ndim != 2 or values.shape[1] != len(LABELS):
        raise ValueError(f"logits have shape {values.shape}; expected (n, {len(LABELS)}) in the order {LABELS}")
    finite = np.isfinite(values).all(axis=1)
    if not finite.all():
        raise ValueError(f"logits of row {int(np.argmin(finite))} are not finite; score that text again")
    with np.errstate(over="ignore"):  # a difference beyond the largest float is -inf, whose exponential is rightly 0
        powers = np.exp(values - values.max(axis=1, keepdims=True))
    # Written out: the order of summation must not depend on how many rows are given.
    total = powers[:, 0] + powers[:, 1] + powers[:, 2]
    return powers / total[:, np.newaxis]


def texts_to_score(headlines: pd.DataFrame) -> pd.Series:
    """The texts that `build` needs logits of: those of headlines about a company.

    Args:
        headlines: HEADLINES frame.

    Returns:
        Texts indexed by text_hash, sorted by it, none twice.
    """
    about = headlines[_speaks(headlines)]
    return about.drop_duplicates("text_hash").set_index("text_hash")["text"].sort_index()


def _speaks(headlines: pd.DataFrame) -> pd.Series:
    """Whether a row is about a company and has words that speak of it (see `clauses`)."""
    return (headlines["symbol"] != "") & (headlines["relevance"] > 0) & (headlines["text"] != "")


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
        logits: One row a text, indexed by `text_hash`, columns `LABELS`; more texts than needed are fine.
        windows: The windows wanted.
        min_confidence: Probability; below it a headline has weight 0.
        half_life_hours: Hours after which a headline's recency halves.

    Returns:
        SENTIMENT frame of those windows; a window's rows do not depend on which others are given.

    Raises:
        ValueError: logits are missing, repeated or not finite, or a headline was not known before its window's end.
    """
    order = sorted(set(windows))
    window = pd.DatetimeIndex([each.start for each in order], tz="UTC").get_indexer(
        pd.DatetimeIndex(headlines["window_start"])
    )
    wanted = (window >= 0) & _speaks(headlines).to_numpy(dtype=bool)
    if not wanted.any():
        return SENTIMENT.empty()
    rows = headlines.loc[wanted].reset_index(drop=True)
    as_of = pd.DatetimeIndex([each.as_of for each in order], tz="UTC")[window[wanted]]
    probabilities = softmax(_logits_of(rows, logits))
    confidence = probabilities.max(axis=1)
    relevance, novelty = rows["relevance"].to_numpy(), rows["novelty"].to_numpy()
    recency = recency_of(age_hours(rows, as_of), half_life_hours)
    scored = rows.assign(
        **{f"p_{label}": probabilities[:, column] for column, label in enumerate(LABELS)},
        score=probabilities[:, LABELS.index("positive")] - probabilities[:, LABELS.index("negative")],
        confidence=confidence,
        confident=confidence >= min_confidence,
        recency=recency,
        weight=weight_of(recency, relevance, novelty, confidence, min_confidence),
    )
    return SENTIMENT.conform(scored)


def recency_of(hours: npt.NDArray[np.float64], half_life_hours: float) -> npt.NDArray[np.float64]:
    """2 ** (-age / half-life) of headlines of this age, hours, shape (n,)."""
    return np.exp2(-hours / half_life_hours)


def weight_of(
    recency: npt.NDArray[np.float64],
    relevance: npt.NDArray[np.float64],
    novelty: npt.NDArray[np.float64],
    confidence: npt.NDArray[np.float64],
    min_confidence: float,
) -> npt.NDArray[np.float64]:
    """What headlines weigh, (n,): recency x relevance x novelty x confidence, 0 below the confidence asked for."""
    return np.where(confidence >= min_confidence, recency * relevance * novelty * confidence, 0.0)


def age_hours(rows: pd.DataFrame, as_of: pd.DatetimeIndex) -> npt.NDArray[np.float64]:
    """Hours from each row's known_at to its window's end, always positive.

    Args:
        rows: Headlines with `known_at`, `headline_id` and `window_start`.
        as_of: End of each row's window.

    Raises:
        ValueError: a headline was not known before its window's end.
    """
    known = rows["known_at"].to_numpy(dtype="datetime64[us]")
    age = (as_of.to_numpy(dtype="datetime64[us]") - known).astype(np.int64)
    if (age <= 0).any():
        row = rows.iloc[int(np.argmax(age <= 0))]
        raise ValueError(
            f"headline {row['headline_id']} is known at {row['known_at']}, not before the end of its window "
            f"{row['window_start']}; evidence must come from the past"
        )
    return age / _MICROSECONDS_AN_HOUR


def _logits_of(rows: pd.DataFrame, logits: pd.DataFrame) -> npt.NDArray[np.float64]:
    """The logits of each row's text, shape (n, 3)."""
    if not logits.index.is_unique:
        repeated = logits.index[logits.index.duplicated()][0]
        raise ValueError(f"logits: text_hash {repeated} has more than one row; give each text once")
    position = logits.index.get_indexer(pd.Index(rows["text_hash"]))
    absent = position < 0
    if absent.any():
        title = rows["title"].iloc[int(np.argmax(absent))]
        texts = rows.loc[absent, "text_hash"].nunique()
        raise ValueError(
            f"logits are missing for {texts} texts, first {title[:80]!r}; score every text before this stage"
        )
    return logits[list(LABELS)].to_numpy(dtype=np.float64)[position]
