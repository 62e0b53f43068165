"""Names of gates and settings, and near misses, as readers see them."""

import pytest

from signals_pipeline.core.digest.wording import atrs, event_name, gate_rows, near_miss_reason, setting_rows
from signals_pipeline.core.event_types import EVENT_TYPES
from signals_pipeline.core.signals.decision import GateName, NearMiss, apply_gates
from signals_pipeline.core.tables import SCORES, to_arrays
from signals_pipeline_tests.support.digest_examples import KNOBS, WINDOWS, digest_of, signal


def near(apply_gates: GateName, score: float, relevant: int | None = None) -> NearMiss:
    return NearMiss("AAA", apply_gates, score, -0.12, 0.6, "A title", "not read", relevant)


@pytest.mark.parametrize(
    ("miss", "minimum", "text"),
    [
        (near("threshold", 0.27), 0.3, "below the 0.30 minimum"),
        (near("threshold", -0.27), 0.3, "below the 0.30 minimum"),
        (near("threshold", 0.2999), 0.3, "just below the 0.30 minimum"),
        (near("threshold", 0.27), 0.325, "below the 0.325 minimum"),
        (
            near("confident", 0.36, relevant=3),
            0.3,
            "no headline with a confident tone (0 of 3): price alone gives the score",
        ),
        (near("confident", 0.36), 0.3, "no headline with a confident tone: price alone gives the score"),
        (near("agreement", 0.34), 0.3, "price disagrees and outweighs a tone of −0.12"),
        (near("cooldown", 0.5), 0.3, "flipped less than 2 days ago, and no stronger than before"),
        (near("cap", 0.5), 0.3, "beyond the maximum of 25 signals"),
    ],
)
def test_a_near_miss_says_what_stopped_it(miss: NearMiss, minimum: float, text: str) -> None:
    assert near_miss_reason(miss, {**KNOBS, "min_combined_score": minimum}) == text


def test_a_cool_down_of_a_day_is_said_in_words() -> None:
    reason = near_miss_reason(near("cooldown", 0.5), {**KNOBS, "flip_cooldown_days": 1.0})
    assert reason == "flipped less than a day ago, and no stronger than before"


@pytest.mark.parametrize(
    ("reaction", "text"),
    [(-2.1, "−2.1 ATR"), (0.44, "+0.4 ATR"), (0.04, "0.0 ATR"), (-0.04, "0.0 ATR"), (10.0, "+10.0 ATR")],
)
def test_a_move_is_given_in_ranges(reaction: float, text: str) -> None:
    assert atrs(reaction) == text


def test_every_event_type_has_a_name_and_a_later_version_s_is_shown_as_it_is() -> None:
    names = [event_name(event) for event in EVENT_TYPES]
    assert len(set(names)) == len(EVENT_TYPES)
    assert event_name("rating") == "analyst rating"
    assert (event_name("a new one"), event_name(None)) == ("a new one", "")


def test_every_setting_has_a_name_and_the_score_comes_first() -> None:
    rows = setting_rows(KNOBS)

    assert len({name for name, _ in rows}) == len(rows) == len(KNOBS)
    assert rows[0] == ("Minimum combined score (absolute)", "0.3")
    keys_as_words = {key.replace("_", " ") for key in KNOBS}
    assert not [name for name, _ in rows if "_" in name or name.lower() in keys_as_words]


def test_values_are_words_too() -> None:
    knobs = {**KNOBS, "news_strict_lookback": True, "signal_generator": "technical", "a_new_one": 2.5}

    rows = dict(setting_rows(knobs))

    assert rows["Event types that carry tone"].startswith("results, guidance, rating, ")
    assert rows["No news from before that lookback"] == "yes"
    assert rows["Signals are based on"] == "price alone"
    assert list(rows.items())[-1] == ("A new one", "2.5")


@pytest.mark.parametrize("generator", ["news_driven", "technical"])
def test_every_gate_has_a_name(generator: str) -> None:
    gated = apply_gates(to_arrays(SCORES.empty()), WINDOWS[0], min_combined_score=0.3, generator=generator)
    decided = digest_of(WINDOWS[6], [signal(window=WINDOWS[6])]).funnel

    rows = gate_rows({**gated.funnel, **decided})

    assert not [name for name, _ in rows if name.lower() in {"signals", "capped"}]
    assert rows[-1] == ("Signals in this digest", "1")
