"""The coefficients of the stories' pair model, fitted on the development pairs: python -m benchmarks.fit_stories.

Logistic regression with a normal prior around coefficients that were set by judgement before any pair was read: some
kinds of pairs, such as two brokers' ratings, are rare in the development pairs. What it prints stands in
`core.news.event_similarity`.
"""

import numpy as np

from signals_pipeline.core.arrays import FloatArray
from signals_pipeline.core.news.event_similarity import PairFeatures
from signals_pipeline_tests.support.labelled_data import labelled_pairs

# The judgement: coefficients before the fit, and the intercept.
PRIOR = PairFeatures(
    shared=2.0,
    contained=2.0,
    evidence=1.2,
    names=2.0,
    no_names=-1.0,
    other_slot=-1.5,
    other_amounts=-0.7,
    other_day=-2.0,
    other_direction=-1.5,
    results=2.0,
    other_results=-2.0,
    preview=-2.5,
    deal=0.7,
    rating=-0.5,
    one_rating=-1.5,
    other_broker=-3.0,
    other_kind=-1.0,
    price=1.0,
    market=-1.5,
    opinion=-1.0,
    remarks=-1.0,
    one_opinion=-0.6,
    hours=-1.2,
)
PRIOR_INTERCEPT = -5.0
# Precision of the prior: it weighs as much as a few pairs. The intercept is nearly free.
PRECISION = 2.0
INTERCEPT_PRECISION = 0.01


def fit(features: FloatArray, same: FloatArray) -> FloatArray:
    """The coefficients, and last the intercept: the maximum of the posterior, by Newton's method with halved steps.

    Args:
        features: Shape (pairs, features).
        same: 1 where the pair is one event, shape (pairs,).
    """
    design = np.column_stack([features, np.ones(len(features))])
    prior = np.array([*PRIOR, PRIOR_INTERCEPT])
    precision = np.diag([*[PRECISION] * len(PRIOR), INTERCEPT_PRECISION])

    def loss(coefficients: FloatArray) -> float:
        log_odds = design @ coefficients
        distance = coefficients - prior
        misfit = np.logaddexp(0, log_odds) - same * log_odds
        return float(misfit.sum() + distance @ precision @ distance / 2)

    coefficients = prior.copy()
    for _ in range(100):
        probability = 1 / (1 + np.exp(-np.clip(design @ coefficients, -30, 30)))
        gradient = design.T @ (probability - same) + precision @ (coefficients - prior)
        curvature = (design * (probability * (1 - probability))[:, None]).T @ design + precision
        step: FloatArray = np.linalg.solve(curvature, gradient).astype(np.float64)
        size = 1.0
        while size > 1e-6 and loss(coefficients - size * step) > loss(coefficients):
            size /= 2
        coefficients -= size * step
    return coefficients


def main() -> None:
    """Print the coefficients as they stand in the code."""
    pairs = labelled_pairs("development")
    features = np.array([pair.features for pair in pairs])
    same = np.array([float(pair.same) for pair in pairs])
    fitted = fit(features, same)
    print(f"# {len(pairs)} pairs, {int(same.sum())} of them one event")
    for name, coefficient in zip(PairFeatures._fields, fitted[:-1], strict=True):
        print(f"    {name}={coefficient:.2f},")
    print(f"INTERCEPT = {fitted[-1]:.2f}")


if __name__ == "__main__":
    main()
