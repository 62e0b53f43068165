"""Gates, counts and knobs in a reader's words."""

import re

import pytest

from signals_pipeline.core.digest.wording import funnel_words, knob_words, near_miss_words
from signals_pipeline.core.signals.decision import GateName, NearMiss, gate
from signals_pipeline.core.tables import SCORES, columns_of
from signals_pipeline_tests.support.digest_examples import KNOBS, WINDOWS, digest_of, signal


def near(gate: GateName, score: float, reason: str = "") -> NearMiss:
    return NearMiss("AAA", gate, score, -0.12, 0.6, "A title", reason)


@pytest.mark.parametrize(
    ("miss", "least", "said"),
    [
        (near("threshold", 0.27), 0.3, "below the 0.30 needed"),
        (near("threshold", -0.27), 0.3, "below the 0.30 needed"),
        (near("threshold", 0.2999), 0.3, "just below the 0.30 needed"),
        (near("threshold", 0.27), 0.325, "below the 0.325 needed"),
        (
            near("confident", 0.36, "0 of 3 relevant headlines sure enough; price alone gives +0.36"),
            0.3,
            "too few sure headlines (0 of 3): price alone gives the score",
        ),
        (near("agreement", 0.34), 0.3, "price disagrees: it outweighs a tone of −0.12"),
        (near("cap", 0.5), 0.3, "over the limit of 25 signals"),
    ],
)
def test_near_misses(miss: NearMiss, least: float, said: str) -> None:
    assert near_miss_words(miss, {**KNOBS, "min_combined_score": least}) == said


def test_every_knob_has_words_and_the_score_comes_first() -> None:
    told = knob_words(KNOBS)
    assert len({name for name, _ in told}) == len(told) == len(KNOBS)
    assert told[0] == ("Least score, up or down", "0.3")
    assert not [name for name, _ in told if "_" in name or name.lower() in {key.replace("_", " ") for key in KNOBS}]


def test_values_are_words_too() -> None:
    told = dict(knob_words({**KNOBS, "news_strict_lookback": True, "signal_generator": "technical", "a_new_one": 2.5}))
    assert told["News reaches back no further than that"] == "yes"
    assert told["Signals are made from"] == "price alone"
    assert list(told.items())[-1] == ("A new one", "2.5")


@pytest.mark.parametrize("generator", ["news_driven", "technical"])
def test_every_count_of_the_gates_has_words(generator: str) -> None:
    counted = gate(columns_of(SCORES.empty()), WINDOWS[0], min_combined_score=0.3, generator=generator)
    decided = digest_of(WINDOWS[6], [signal(window=WINDOWS[6])]).funnel
    told = funnel_words({**counted.funnel, **decided})
    assert not [
        name for name, _ in told if re.sub("[A-Z]", lambda found: found[0].lower(), name) in {"signals", "capped"}
    ]
    assert told[-1] == ("Signals told", "1")
