"""The tone of a company from its stories: the one formula that scores, replays and corrections share.

With A_k the summed weight of story k's headlines and s_k their weighted mean score:

    S = sum A_k s_k / (KAPPA + sum A_k)

KAPPA stands for a story without any tone. S moves towards 0 where stories are old, weakly related, retold or
uncertain, and each story adds A_k s_k / (KAPPA + sum A_k) to it. Without a story, its terms are missing from both sums.
"""

from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from signals_pipeline.core.arrays import FloatArray, IntArray

# 0.5: one fresh, certain story about the company (weight 1) keeps two thirds of its tone.
KAPPA = 0.5

_Number = TypeVar("_Number", float, FloatArray)


def shrunk_tone(weight: _Number, weighted_score: _Number) -> _Number:
    """Return S of one company, or of each of several.

    Args:
        weight: Sum of A_k, at least 0.
        weighted_score: Sum of A_k s_k, in [-weight, weight].
    """
    return weighted_score / (KAPPA + weight)


@dataclass(frozen=True, eq=False, slots=True)
class CompanyTone:
    """Tone of companies, shape (companies,), and what their stories add to it, shape (stories,).

    Attributes:
        weight: Sum of A_k.
        tone: S; 0 without a story.
        contribution: What each story adds to its company's tone; they sum to it.
        without: The company's tone had the story not been there.
    """

    weight: FloatArray
    tone: FloatArray
    contribution: FloatArray
    without: FloatArray


def company_tone(company: IntArray, weight: FloatArray, weighted_score: FloatArray, size: int) -> CompanyTone:
    """Return the tone of every company from its stories.

    Args:
        company: Number of each story's company, shape (stories,), in [0, size).
        weight: A_k of each story, shape (stories,).
        weighted_score: A_k s_k of each story, shape (stories,).
        size: Number of companies.

    Returns:
        The tones; a company's are the same to the last bit whatever others there are, because its sums run in the
        order in which its stories are given.
    """
    total_weight = sum_by_group(company, weight, size)
    total_score = sum_by_group(company, weighted_score, size)
    return CompanyTone(
        weight=total_weight,
        tone=shrunk_tone(total_weight, total_score),
        contribution=weighted_score / (KAPPA + total_weight[company]),
        # The denominator is at least KAPPA, so that what the subtraction rounds off is not blown up.
        without=shrunk_tone(total_weight[company] - weight, total_score[company] - weighted_score),
    )


def sum_by_group(group: IntArray, values: FloatArray, size: int) -> FloatArray:
    """Return the sum of each group's values, added one by one in the order given, shape (size,)."""
    return np.asarray(np.bincount(group, weights=values, minlength=size), dtype=np.float64)
