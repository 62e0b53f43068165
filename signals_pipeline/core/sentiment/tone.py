"""Tone of headlines: from the model's logits to probabilities, score, confidence and the weight of a headline.

`score = p_positive - p_negative`, `confidence = max p`; the weight is recency x relevance x novelty x confidence, and 0
below the minimum confidence or for an event type that carries no tone. Stories and companies are aggregated in
`scoring.scores`; which words of a headline are about which company, and in which role, is decided in `linking`, and
what happened in `sentiment.events`.
"""

from collections.abc import Collection, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

from signals_pipeline.core.arrays import BoolArray, FloatArray
from signals_pipeline.core.event_types import TONE_EVENTS, EventType
from signals_pipeline.core.sentiment.events import rating_action
from signals_pipeline.core.spans import first_span
from signals_pipeline.core.tables import SENTIMENT
from signals_pipeline.core.windows import Sessions, Window

# The model's classes, in the order of its outputs.
LABELS = ("negative", "neutral", "positive")

# Why a headline carries no tone. What happened comes first: an unsure recap of prices is a recap of prices.
WITHOUT_TONE_BY_EVENT = "event"
WITHOUT_TONE_BY_CONFIDENCE = "confidence"


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
    rows = headlines[carries_tone(headlines)]
    return rows.drop_duplicates("text_hash").set_index("text_hash")[["text", "span"]].sort_index()


def carries_tone(headlines: pd.DataFrame) -> pd.Series:
    """Return which rows are about a company and have words with a tone for it (see `linking.clauses`), shape (n,)."""
    is_about_company = (headlines["symbol"] != "") & (headlines["relevance"] > 0)
    return is_about_company & (headlines["text"] != "")


def build(
    headlines: pd.DataFrame,
    logits: pd.DataFrame,
    windows: Sequence[Window],
    sessions: Sessions,
    *,
    min_confidence: float,
    half_life_hours: float,
    tone_events: Collection[str] = TONE_EVENTS,
) -> pd.DataFrame:
    """Score every headline that is about a company.

    Args:
        headlines: HEADLINES frame; rows of other windows, without a symbol, of relevance 0 or without text are
            left out.
        logits: One row per text, indexed by `text_hash`, columns `LABELS` and, where the model classifies events,
            `event`; further texts are ignored.
        windows: The windows to score.
        sessions: Trading sessions that reach from before the first headline to the last window.
        min_confidence: Minimum probability of the likeliest class; below it a headline has weight 0.
        half_life_hours: Market hours after which a headline's recency halves.
        tone_events: Event types that carry tone; a headline of another type has weight 0.

    Returns:
        SENTIMENT frame of those windows; a window's rows do not depend on which others are given.

    Raises:
        ValueError: Logits are missing, repeated or not finite, or a headline was not known before its window's end.
        WindowError: The sessions end long before the last window.
    """
    # Each row's window, as an index into the windows; -1 for a row of another window.
    ordered_windows = sorted(set(windows))
    window_starts = pd.DatetimeIndex([window.start for window in ordered_windows], tz="UTC")
    window_ends = pd.DatetimeIndex([window.as_of for window in ordered_windows], tz="UTC")
    window_index = window_starts.get_indexer(pd.DatetimeIndex(headlines["window_start"]))

    is_toned = carries_tone(headlines).to_numpy(dtype=bool)
    is_scored: npt.NDArray[np.bool_] = (window_index >= 0) & is_toned
    if not is_scored.any():
        return SENTIMENT.empty()
    rows = headlines[is_scored].reset_index(drop=True)
    as_of = window_ends[window_index[is_scored]]

    toned = read_tone(rows, logits, min_confidence=min_confidence, tone_events=tone_events)

    # Weight of each headline.
    relevance = rows["relevance"].to_numpy()
    novelty = rows["novelty"].to_numpy()
    recency = recency_factor(market_age(rows, as_of, sessions), half_life_hours)
    weight = headline_weight(
        recency, relevance, novelty, toned["confidence"].to_numpy(), carries_tone=(toned["reason"] == "").to_numpy()
    )
    return SENTIMENT.conform(toned.assign(recency=recency, weight=weight))


def read_tone(
    rows: pd.DataFrame,
    logits: pd.DataFrame,
    *,
    min_confidence: float,
    tone_events: Collection[str] = TONE_EVENTS,
) -> pd.DataFrame:
    """Return rows of HEADLINES that carry words about a company with what these words say of it.

    Args:
        rows: Columns text, text_hash, title, span and event.
        logits: As `build` takes them.
        min_confidence: Minimum probability of the likeliest class.
        tone_events: Event types that carry tone.

    Returns:
        The rows with event (final), p_negative, p_neutral, p_positive, score, confidence, confident, and reason: why
        the row carries no tone all the same, or empty.

    Raises:
        ValueError: Logits are missing, repeated or not finite.
    """
    # What happened, and its tone: a rating action's comes from what it does, not from its wording.
    position = _positions(rows, logits)
    event = _final_events(rows, logits, position)
    probabilities = softmax(logits[list(LABELS)].to_numpy(dtype=np.float64)[position])
    probabilities = _with_rating_actions(rows, event, probabilities)
    p_negative, p_neutral, p_positive = probabilities.T
    confidence = probabilities.max(axis=1)

    # What happened decides first: an unsure recap of prices is a recap of prices.
    is_confident = confidence >= min_confidence
    has_tone_event = event.isin(list(tone_events)).to_numpy(dtype=bool)
    reason = np.where(is_confident, "", WITHOUT_TONE_BY_CONFIDENCE)
    reason = np.where(has_tone_event, reason, WITHOUT_TONE_BY_EVENT)
    return rows.assign(
        event=event,
        p_negative=p_negative,
        p_neutral=p_neutral,
        p_positive=p_positive,
        score=p_positive - p_negative,
        confidence=confidence,
        confident=is_confident,
        reason=reason,
    )


def recency_factor(hours: FloatArray, half_life_hours: float) -> FloatArray:
    """Return 2 ** (-age / half-life) of headlines of these ages, market hours, shape (n,)."""
    return np.exp2(-hours / half_life_hours)


def headline_weight(
    recency: FloatArray,
    relevance: FloatArray,
    novelty: FloatArray,
    confidence: FloatArray,
    *,
    carries_tone: BoolArray,
) -> FloatArray:
    """Return the weights, shape (n,): recency x relevance x novelty x confidence, 0 where no tone is carried."""
    weight = recency * relevance * novelty * confidence
    return np.where(carries_tone, weight, 0.0)


def market_age(rows: pd.DataFrame, as_of: pd.DatetimeIndex, sessions: Sessions) -> FloatArray:
    """Return the market hours from each row's known_at to its window's end, always positive, shape (n,).

    An hour with the market open counts 1, a closed one a tenth (`Sessions.market_hours`).

    Args:
        rows: Headlines with `known_at`, `headline_id` and `window_start`.
        as_of: End of each row's window.
        sessions: Trading sessions.

    Raises:
        ValueError: A headline was not known before its window's end.
        WindowError: The sessions end long before the last of the windows.
    """
    known_at = rows["known_at"].to_numpy(dtype="datetime64[us]")
    ends = as_of.to_numpy(dtype="datetime64[us]")
    # Look-ahead: evidence from after the digest.
    is_future = known_at >= ends
    if is_future.any():
        row = rows.iloc[int(np.argmax(is_future))]
        raise ValueError(
            f"headline {row['headline_id']} is known at {row['known_at']}, not before the end of its window "
            f"{row['window_start']}; evidence must come from the past"
        )
    return sessions.market_hours(known_at, ends)


def _final_events(rows: pd.DataFrame, logits: pd.DataFrame, position: npt.NDArray[np.intp]) -> pd.Series:
    """Return each row's event type: the rules', else the model's, else `other`."""
    event = rows["event"]
    if "event" in logits.columns:
        by_model = pd.Series(logits["event"].to_numpy(dtype=object)[position], index=rows.index, dtype="str")
        event = event.where(event != "", by_model.fillna(""))
    return event.where(event != "", EventType.OTHER.value).astype("str")


def _with_rating_actions(rows: pd.DataFrame, event: pd.Series, probabilities: FloatArray) -> FloatArray:
    """Return the probabilities, those of rating actions replaced by what the action does."""
    replaced = probabilities.copy()
    texts: list[str] = rows["text"].tolist()
    spans: list[str] = rows["span"].tolist()
    is_rating = (event == EventType.RATING.value).to_numpy(dtype=bool)
    for row in np.flatnonzero(is_rating).tolist():
        action = rating_action(texts[row], first_span(spans[row]))
        if action is not None:
            replaced[row] = action.probabilities
    return replaced


def _positions(rows: pd.DataFrame, logits: pd.DataFrame) -> npt.NDArray[np.intp]:
    """Return the place of each row's text in the logits, shape (n,)."""
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
    return position
