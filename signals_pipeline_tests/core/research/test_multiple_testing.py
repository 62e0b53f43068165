"""The reality check: p values that hold what they promise where there is no skill, and skill that is seen."""

import numpy as np
import pytest

from signals_pipeline.core.research.multiple_testing import Bets, RealityCheck, reality_check

SYMBOLS = 12


def market(random: np.random.Generator, sessions: int, held: int, tone: np.ndarray, edge: float) -> np.ndarray:
    """Returns over `held` sessions less their mean, moved by `edge` the tone's way; neighbours overlap."""
    daily = random.normal(size=(sessions + held, SYMBOLS))
    together = np.stack([daily[at : at + held].sum(axis=0) for at in range(sessions)]) / np.sqrt(held)
    moved = together + edge * np.sign(tone)
    return moved - moved.mean(axis=1, keepdims=True)


def checked(seed: int, *, sessions: int = 60, held: int = 5, rules: int = 12, edge: float = 0.0) -> RealityCheck:
    """Rules that bet where a tone which lasts some days is loud, each with ears of its own."""
    random = np.random.default_rng(seed)
    tone = random.normal(size=(sessions, SYMBOLS))
    for at in range(1, sessions):
        tone[at] += 0.6 * tone[at - 1]
    excess = market(random, sessions, held, tone, edge)
    heard = tone + 0.5 * random.normal(size=(rules, sessions, SYMBOLS))
    loud = np.abs(heard) > np.linspace(1.2, 2.2, rules)[:, None, None]
    every = np.array(np.meshgrid(range(sessions), range(SYMBOLS), (False, True), indexing="ij")).reshape(3, -1)
    session, symbol, rise = every[0], every[1], every[2] > 0
    made = loud[:, session, symbol] & ((heard[:, session, symbol] > 0) == rise)
    bets = Bets(session, symbol, rise, made.T / made.sum(axis=1))
    return reality_check(bets, excess, (excess > 0).mean(axis=1), (excess < 0).mean(axis=1))


@pytest.mark.parametrize(("sessions", "held"), [(40, 1), (40, 10), (80, 5)])
def test_over_seeds_no_skill_is_called_skill_once_in_twenty(sessions: int, held: int) -> None:
    chances = np.array([checked(seed, sessions=sessions, held=held).p for seed in range(1000, 1300)])
    assert np.mean(chances <= 0.05) <= 0.08
    assert 0.45 <= chances.mean() <= 0.57


def test_over_seeds_strong_skill_is_seen() -> None:
    found = [checked(seed, edge=0.8) for seed in range(15)]
    assert max(each.p for each in found) <= 0.05
    assert all(each.t.max() > each.threshold for each in found)


def test_trying_more_rules_raises_what_chance_reaches() -> None:
    few, many = (np.mean([checked(seed, rules=rules).threshold for seed in range(20)]) for rules in (1, 40))
    assert many > few + 0.2


def test_by_hand() -> None:
    # One company, four sessions, up on the first alone; a bet on a rise there gains 1 - 1/4, elsewhere 0 - 1/4.
    excess = np.array([[1.0], [-1.0], [-1.0], [-1.0]])
    share = np.full(4, 0.25)
    bets = Bets(np.array([0]), np.array([0]), np.array([True]), np.array([[1.0]]))
    found = reality_check(bets, excess, share, share)
    assert found.p == 0.25
    assert found.t == pytest.approx([0.75 / np.std([0.75, -0.25, -0.25, -0.25])])
    unknown = reality_check(bets, np.full((4, 1), np.nan), share, share)
    assert (unknown.t.tolist(), unknown.p) == ([0.0], 1.0)


def test_the_same_is_found_every_time() -> None:
    one, other = checked(5), checked(5)
    assert (one.p, one.threshold, one.t.tolist()) == (other.p, other.threshold, other.t.tolist())
