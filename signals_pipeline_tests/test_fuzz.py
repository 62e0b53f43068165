"""The fuzzer finds what violates the invariant, keeps it cut down, and what was found before stays solved."""

from pathlib import Path
from random import Random

import pytest

from fuzz.driver import CORPUS, TARGETS, Findings, fuzz
from fuzz.inputs import Case, mutated
from fuzz.worker import attempt, case_of, kept_name, load
from signals_pipeline_tests.support import fuzz_toy

REPLAY_SECONDS = 300
TOY = "signals_pipeline_tests.support.fuzz_toy"


def findings_of(corpus: Path) -> Findings:
    """What comes of the toy's examples and the kept inputs; no time is left for others."""
    (findings,) = fuzz([TOY], seconds=0, seed=1, corpus=corpus)
    return findings


def test_each_violation_is_reported_once_and_kept_cut_down(tmp_path: Path) -> None:
    findings = findings_of(tmp_path)

    assert findings.outcomes == {"read": 1, "SignalsError: toy.txt line _: _ is wrong; correct it": 1, "violation": 4}
    signatures = sorted(failure.partition(" (")[0] for failure in findings.failures)
    assert signatures == [
        "InvariantError in outside: a message of _ lines: _",
        "InvariantError in outside: left behind: [_, _]",
        "KeyError in outside",
    ]
    kept = sorted(path.read_bytes() for path in (tmp_path / "fuzz_toy").iterdir())
    assert kept == [b"fail", b"leave", b"two lines"]


def test_an_input_that_ends_the_process_is_reported_and_kept(tmp_path: Path) -> None:
    corpus = tmp_path / "fuzz_toy"
    corpus.mkdir()
    (corpus / kept_name(fuzz_toy.CRASH)).write_bytes(b"crash")

    findings = findings_of(tmp_path)

    crashes = [failure for failure in findings.failures if failure.startswith("the worker ended with 3")]
    assert crashes
    assert str(corpus / kept_name(fuzz_toy.CRASH)) in crashes[0]


def test_an_input_without_end_is_interrupted(tmp_path: Path) -> None:
    def never_return(_file: Path) -> str:
        while True:
            pass

    assert attempt(never_return, Case("a", b""), tmp_path, seconds=0.05) == ("violation", "TooSlowError in outside")


def test_the_same_seed_makes_the_same_inputs() -> None:
    case = fuzz_toy.examples()[0]
    first = [mutated(Random(f"1/{turn}"), case, fuzz_toy.TOKENS) for turn in range(200)]
    again = [mutated(Random(f"1/{turn}"), case, fuzz_toy.TOKENS) for turn in range(200)]
    assert first == again
    assert len({each.content for each in first}) > 100
    assert max(len(each.content) for each in first) <= 2_000_000


def test_there_is_a_target_for_every_kind_of_input() -> None:
    assert {"news", "prices", "feeds", "newsapi", "yahoo_chart", "watchlist", "env_file", "web", "classify"} <= set(
        TARGETS
    )


@pytest.mark.parametrize("target", sorted(path.name for path in CORPUS.iterdir()) if CORPUS.exists() else [])
def test_what_was_found_before_stays_solved(target: str, tmp_path: Path) -> None:
    found: dict[str, str | None] = {}
    with load(target).opened() as check:
        for path in (CORPUS / target).iterdir():
            # Limits of time are the fuzzer's: here other tests may take the processor.
            _, found[path.name] = attempt(check, case_of(path), tmp_path, seconds=REPLAY_SECONDS)
    assert found == dict.fromkeys(found)
