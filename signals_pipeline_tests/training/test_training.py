"""The split keeps near-duplicates together, rewrites keep a title a title, and the figures are what their names say.

The scripts of `training/` are no package: they are run by path, as the README does, and need nothing but numpy here.
"""

import random
import re
import runpy
import tomllib
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signals_pipeline.model_export.rounding import smoothing_divisors
from signals_pipeline_tests.support.model_sources import inputs, prepared, random_weights

TRAINING = Path(__file__).parents[2] / "training"


def script(name: str) -> dict[str, Any]:
    return runpy.run_path(str(TRAINING / f"{name}.py"))


ROWS, METRICS, AUGMENT, NEWSWIRE = script("rows"), script("metrics"), script("augment"), script("newswire")
NAMES = AUGMENT["Names"]({"Acme beats": ("Acme",)}, (("XYZ", "Xyz Corp"), ("AB", "Ab Inc")))

# Few words, so that drawn titles are often near-duplicates.
WORDS = ["profit", "of", "acme", "rises", "5", "12", "%", "in", "q3", "on", "sales,", "Loss!", "TCS"]
TITLE = st.lists(st.sampled_from(WORDS), min_size=1).map(" ".join)
TITLES = st.lists(TITLE, min_size=2, max_size=12)


def alike(a: str, b: str) -> float:
    x, y = (frozenset(ROWS["normalise"](title).split()) for title in (a, b))
    return len(x & y) / len(x | y) if x | y else 1.0


@given(titles=TITLES)
@settings(max_examples=150, deadline=None)
def test_near_duplicates_share_a_group_and_so_a_part(titles: list[str]) -> None:
    keys = ROWS["group_keys"](titles)
    for (a, key), (b, other) in combinations(zip(titles, keys, strict=True), 2):
        if alike(a, b) >= ROWS["JACCARD_LIMIT"]:
            assert key == other
            assert ROWS["part_of"](key) == ROWS["part_of"](other)


@given(titles=TITLES, seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_groups_do_not_depend_on_the_order_of_rows(titles: list[str], seed: int) -> None:
    order = random.Random(seed).sample(titles, len(titles))
    assert dict(zip(titles, ROWS["group_keys"](titles), strict=True)) == dict(
        zip(order, ROWS["group_keys"](order), strict=True)
    )


def test_figures_case_and_punctuation_make_no_new_title() -> None:
    assert ROWS["normalise"]("TCS Q3 net UP 12.5%!") == ROWS["normalise"]("tcs q2: net up 1,044 %")


def test_parts_have_their_shares() -> None:
    parts = Counter(ROWS["part_of"](f"title {i}") for i in range(5_000))
    assert parts["train"] == pytest.approx(4_000, abs=120)
    assert parts["validation"] == pytest.approx(500, abs=90)
    assert parts["held_out"] == pytest.approx(500, abs=90)


@given(title=TITLE | st.just("Acme beats"), seed=st.integers(0, 999))
@settings(max_examples=150, deadline=None)
def test_a_rewrite_is_repeatable_and_never_empty(title: str, seed: int) -> None:
    first, second = (AUGMENT["augment"](title, NAMES, random.Random(seed)) for _ in range(2))
    assert first == second
    assert first.strip()


def test_rewrites_put_other_companies_in_the_place_of_marked_ones() -> None:
    found = {AUGMENT["augment"]("Acme beats", NAMES, random.Random(seed)) for seed in range(200)}
    assert "Acme beats" in found
    assert {"Xyz Corp beats", "$AB beats"} <= found


def test_made_titles_are_repeatable_filled_and_in_their_shares() -> None:
    titles = NEWSWIRE["made_titles"](2_000, NAMES.companies, 3)
    assert titles == NEWSWIRE["made_titles"](2_000, NAMES.companies, 3)
    assert Counter(label for _, label in titles) == {"negative": 500, "neutral": 1_000, "positive": 500}
    assert [title for title, _ in titles if "{" in title or "  " in title or title != title.strip()] == []


def test_no_pattern_has_two_tones_and_no_slot_is_unknown() -> None:
    source = tomllib.loads(NEWSWIRE["PATTERNS"].read_text())
    patterns = [line for block in source["patterns"] for line in block["text"].strip().splitlines()]
    assert [line for line, times in Counter(patterns).items() if times > 1] == []
    slots = {slot for line in patterns for slot in re.findall(r"{(.*?)}", line)}
    assert slots - {"company", "other", "ticker"} <= set(source["words"]) | set(NEWSWIRE["_MADE"])


def test_a_shipped_folder_gives_its_weights_back_as_its_codes_stand(tmp_path: Path) -> None:
    folder = prepared(tmp_path / "model", int8=True, pooler=False)
    found, truth, seen = script("restore")["constants"](folder), random_weights(), inputs()
    layers = [name for name in truth if name.startswith("encoder.layer")]
    assert len(layers) == 32
    for name in layers:
        path, _, kind = name.rpartition(".")
        if ".self.value" in path:  # divided by the steps of the product after it
            mixed = smoothing_divisors(seen[path.replace("self.value", "output.dense")].largest)
            found[name] = found[name] * (mixed[:, np.newaxis] if kind == "weight" else mixed)
        elif ".attention.output.dense.weight" in name:
            found[name] = found[name] / smoothing_divisors(seen[path].largest)
        if kind == "weight" and path in seen:
            assert np.abs(found[name] - truth[name]).max() <= 0.1 * np.abs(truth[name]).max(), name
            assert (found[name] != truth[name]).any()
        else:
            assert found[name] == pytest.approx(truth[name], abs=0.05), name
    assert (found["head.weight"] == truth["head.weight"]).all()


def test_wilson_interval_is_the_published_one() -> None:
    assert METRICS["wilson"](50, 100) == pytest.approx((0.40383, 0.59617), abs=1e-5)
    assert METRICS["wilson"](0, 10) == pytest.approx((0.0, 0.27753), abs=1e-5)


@given(n=st.integers(1, 10_000), share=st.floats(0, 1))
@settings(max_examples=60, deadline=None)
def test_wilson_interval_holds_the_share_inside_0_and_1(n: int, share: float) -> None:
    right = round(share * n)
    low, high = METRICS["wilson"](right, n)
    assert -1e-12 <= low <= right / n + 1e-12
    assert right / n - 1e-12 <= high <= 1 + 1e-12


def test_class_figures_of_a_table_worked_by_hand() -> None:
    labels, answers = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 2, 2])
    table = METRICS["confusion"](labels, answers)
    assert table.tolist() == [[2, 1, 0], [0, 1, 1], [0, 0, 1]]
    figures = METRICS["by_class"](table)
    assert [(f.precision, f.n) for f in figures] == [(1.0, 3), (0.5, 2), (0.5, 1)]
    assert [f.recall for f in figures] == pytest.approx([2 / 3, 0.5, 1.0])
    assert METRICS["macro_f1"](table) == pytest.approx((0.8 + 0.5 + 2 / 3) / 3)


def test_calibration_error_is_the_gap_between_confidence_and_accuracy() -> None:
    sure = np.tile([0.75, 0.15, 0.10], (100, 1))
    right = np.where(np.arange(100) < 75, 0, 1)
    error = METRICS["expected_calibration_error"]
    assert error(METRICS["reliability"](sure, right)) == pytest.approx(0, abs=1e-12)
    assert error(METRICS["reliability"](sure, np.zeros(100, dtype=int))) == pytest.approx(0.25)


def test_softmax_rows_sum_to_one_for_large_logits() -> None:
    rows = METRICS["softmax"](np.array([[1000.0, 0.0, -1000.0], [0.0, 0.0, 0.0]], dtype=np.float32))
    assert rows.sum(axis=1) == pytest.approx([1, 1])
    assert rows[1] == pytest.approx([1 / 3] * 3)
